//! Who was compared with whom, and what was asked, in full.

use std::collections::BTreeSet;

use attribution::{Cohort, Finding, Others, Place};

use crate::{Block, ReportContext, Section, Table, TableColumn, code, format};

/// The services on both sides of every date, and those left out.
pub(super) fn who(found: &Finding, context: &ReportContext) -> Section {
    let names = |cohort: &Cohort, is_meant: &dyn Fn(&Place) -> bool| {
        let names: BTreeSet<&str> =
            cohort.places.iter().filter(|place| is_meant(place)).map(|place| place.name.as_str()).collect();
        if names.is_empty() { "nobody".to_owned() } else { names.into_iter().collect::<Vec<_>>().join(", ") }
    };
    let rows = found.design.cohorts.iter().map(|cohort| {
        vec![
            format::date(cohort.date.to_utc(), context.zone).into(),
            names(cohort, &|place| place.is_treated).into(),
            names(cohort, &|place| !place.is_treated).into(),
        ]
    });
    let mut blocks = vec![Block::Table(Table {
        caption: "Dates, who began, and beside whom".into(),
        columns: vec![TableColumn::date("Date"), TableColumn::text("Began"), TableColumn::text("Others")],
        rows: rows.collect(),
    })];
    if !found.design.left_out.is_empty() {
        blocks.push(Block::Table(Table {
            caption: "Services that are in no comparison".into(),
            columns: vec![TableColumn::text("Service"), TableColumn::text("Why")],
            rows: found
                .design
                .left_out
                .iter()
                .map(|(service, why)| vec![service.as_str().into(), why.replace('`', "").into()])
                .collect(),
        }));
    }
    Section {
        id: "who".into(),
        title: "Who is compared with whom".into(),
        lead: Some(format!("Grade {}: {}.", found.grade.letter(), found.grade.words())),
        blocks,
    }
}

/// The terms, in full.
pub(super) fn asked(found: &Finding) -> Section {
    let terms = &found.terms;
    let listed = |names: &[String], none: &str| if names.is_empty() { none.to_owned() } else { names.join(", ") };
    let services = listed(&terms.services, "all");
    let rows = [
        ("window_weeks", "weeks that are compared on each side of a date", terms.window_weeks.to_string()),
        (
            "follow_up_days",
            "days for which a merged change is followed to production",
            terms.follow_up_days.to_string(),
        ),
        ("recovery_hours", "hours for which a failure is followed", terms.recovery_hours.to_string()),
        (
            "margin_ratio",
            "how much worse still counts as not worse, as a ratio",
            format::significant(terms.margin_ratio, 4),
        ),
        (
            "margin_difference",
            "the same for the change fail rate, as a difference of shares",
            format::number(terms.margin_difference),
        ),
        ("alpha", "intervals are meant at one less this", format::number(terms.alpha)),
        (
            "randomised",
            "whether chance alone decided who began, or when",
            if terms.randomised { "yes" } else { "no" }.to_owned(),
        ),
        ("services", "services that are looked at", services),
        ("metrics", "metrics that are looked at", listed(&terms.metrics, "all four")),
        (
            "others",
            "who stands beside those that began",
            match terms.others {
                Others::NotYet => "services that had not begun within the weeks that are compared",
                Others::Never => "services that never began",
            }
            .to_owned(),
        ),
        ("covariates", "attributes of services that are considered", listed(&terms.covariates, "none")),
        ("estimator", "the way by which effects are estimated", terms.estimator.clone()),
        ("replicates", "times that dates are dealt out anew", terms.replicates.to_string()),
        ("seed", "the seed of that", terms.seed.to_string()),
    ];
    Section {
        id: "terms".into(),
        title: "What was asked".into(),
        lead: Some(format!("The terms of the comparison of {}, in full.", code(&found.practice))),
        blocks: vec![Block::Table(Table {
            caption: "Terms".into(),
            columns: vec![TableColumn::text("Term"), TableColumn::text("What it is"), TableColumn::text("Here")],
            rows: rows.map(|(name, what, value)| vec![name.into(), what.into(), value.into()]).to_vec(),
        })],
    }
}
