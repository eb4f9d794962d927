//! How a board decides, written from the code that does it, and what changed in it.

use attribution::submission::Grade;
use attribution::{Board, CRITERION, FEWEST, Margins, Verdict};

use super::{SiteContext, empty, title};
use crate::{Block, Document, Note, Section, Table, TableColumn, format};

/// What changed in how a board decides, latest first.
const CHANGES: [(&str, &str); 1] =
    [("1", "The hull of all subsets without the liars decides; looks are declared with the claim.")];

pub(super) fn page(_: &Board, context: &SiteContext) -> Document {
    Document {
        sections: vec![rule(), verdicts(), grades(), changes()],
        ..empty("The method".into(), format!("version {}", CHANGES[0].0), context)
    }
}

fn rule() -> Section {
    let margins = Margins::default();
    Section {
        id: "rule".into(),
        title: "The rule".into(),
        lead: Some("It is a function of the set of reports that have a vote, whatever their order.".into()),
        blocks: vec![Block::List(vec![
            "An organisation has one vote for each metric: the plain mean of its operators' effects. No stated error and no stated \
             size weighs."
                .into(),
            format!(
                "Of `n` enrolled organisations, silent ones included, at most `f` lie; `f` is declared with the claim, at most a \
                 third as far as agreement allows. Fewer than `n \u{2212} f` or fewer than {FEWEST} that report conclude nothing."
            ),
            "The hull is the union of the t-intervals of all subsets that leave `f` of those that report out. One of them is of \
             honest organisations alone, so that what the hull concludes they conclude, too."
                .into(),
            format!(
                "Margins, where the claim names no others: a ratio of {} and {} for the change fail rate.",
                format::significant(margins.log_ratio.exp(), 3),
                format::points(margins.difference)
            ),
            "It is disputed where the hull concludes nothing and the trimmed mean, which takes the most extreme for liars, would."
                .into(),
            "Looks are declared with the claim, each with its part of the level. Between them estimates are shown and nothing is \
             concluded."
                .into(),
            "Random effects, prediction, strata, slopes and small-study checks stand beside the rule and never decide.".into(),
        ])],
    }
}

fn verdicts() -> Section {
    let note = |verdict: Verdict, text: &str| Note {
        term: verdict.to_string(),
        id: crate::anchor("verdict", &verdict.to_string().replace(' ', "-")),
        text: text.to_owned(),
    };
    let four: Vec<String> = CRITERION.iter().map(|metric| title(metric).to_lowercase()).collect();
    Section {
        id: "verdicts".into(),
        title: "Verdicts".into(),
        lead: Some(format!("Of {}, the first that holds.", four.join(", "))),
        blocks: vec![Block::Notes(vec![
            note(Verdict::Worsens, "Some metric is worse by more than the margin, at a quarter of the level."),
            note(
                Verdict::InsufficientData,
                "Some metric has too little behind it: what is missing never hides harm in another.",
            ),
            note(
                Verdict::Improves,
                "None is worse by more than the margin, and one is better after Holm's correction.",
            ),
            note(Verdict::KeepsUp, "None is worse by more than the margin."),
            note(Verdict::Disputed, "The hull concludes nothing, and the trimmed mean would."),
            note(Verdict::Inconclusive, "The limits are too wide to tell."),
        ])],
    }
}

fn grades() -> Section {
    let rows = [
        (Grade::SummaryOnly, "Numbers alone, such as those of a published study."),
        (Grade::Rederived, "Raw evidence was there, and the numbers were derived again from it."),
        (Grade::SignedAndPreregistered, "The same, signed by an enrolled operator, by a plan fixed before."),
        (Grade::Reproduced, "The same, and found again by an operator who has nothing to do with the first."),
    ];
    Section {
        id: "evidence".into(),
        title: "Evidence".into(),
        lead: Some("How far a report can be followed, from the weakest on. It is shown and never weighs.".into()),
        blocks: vec![Block::Table(Table {
            caption: "Grades of evidence".into(),
            columns: vec![TableColumn::text("Grade"), TableColumn::text("What it means")],
            rows: rows.into_iter().map(|(grade, what)| vec![grade.to_string().into(), what.into()]).collect(),
        })],
    }
}

fn changes() -> Section {
    Section {
        id: "changes".into(),
        title: "Changes of the method".into(),
        lead: None,
        blocks: vec![Block::Table(Table {
            caption: "Versions".into(),
            columns: vec![TableColumn::text("Version"), TableColumn::text("What changed")],
            rows: CHANGES.iter().map(|(version, what)| vec![(*version).into(), (*what).into()]).collect(),
        })],
    }
}
