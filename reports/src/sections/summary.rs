//! The numbers that head the report.

use derive::headline;
use lake::tables::metrics;

use crate::model::{self, Model, Unit};
use crate::{Block, Figure, Section, anchor, format};

/// The five metrics over the whole period, each with its interval and n.
pub(crate) fn section(model: &Model<'_>) -> Section {
    let heads = model.heads();
    let mut blocks = Vec::new();
    for unit in &heads {
        if heads.len() > 1 {
            blocks.push(Block::Paragraph(format!("{} in {}", crate::code(&unit.name()), crate::code(&unit.environment))));
        }
        blocks.push(Block::Figures(figures(model, unit)));
    }
    Section {
        id: "now".into(),
        title: "Over the whole period".into(),
        lead: Some(
            "Each number with its 95 % interval and the count it rests on. Where nothing was recorded it says so: \
             no data is not zero."
                .into(),
        ),
        blocks,
    }
}

fn figures(model: &Model<'_>, unit: &Unit) -> Vec<Figure> {
    let timeless = model.flawed(unit, "release_without_time");
    headline()
        .filter_map(|definition| {
            // The first statistic heads the page; the others stand in the tables.
            let statistic = definition.gives.first()?;
            let row = model.number(unit, &definition.metric, statistic)?;
            let kind = model::statistic_name(statistic);
            let interval = model::interval(row);
            let bounds = model::evidence_bounds(model, unit, &definition.metric);
            let is_least = definition.metric == "change_lead_time" && timeless > 0 && row.n > 0;
            let least = is_least.then(|| {
                let tags = format::counted(timeless, "release tag carries", "release tags carry each");
                format!("at least: {tags} no time of its own")
            });
            let note = match (&interval, row.value.or(row.above)) {
                (None, Some(_)) => Some(row.ci_method.replacen("none:", "no interval:", 1)),
                (_, None) => Some(why_not(model, unit, row)),
                _ => bounds.map(|bounds| format!("the evidence allows {bounds}")),
            };
            let notes: Vec<String> = least.into_iter().chain(note).collect();
            Some(Figure {
                label: if kind.is_empty() { definition.title.clone() } else { format!("{}, {kind}", definition.title) },
                value: model::value(row),
                interval,
                n: Some(format!("n = {}", format::count(u64::try_from(row.n).unwrap_or(0)))),
                note: (!notes.is_empty()).then(|| notes.join("; ")),
                definition_id: Some(anchor("definition", &definition.metric)),
            })
        })
        .collect()
}

/// Why there is no number.
fn why_not(model: &Model<'_>, unit: &Unit, row: &metrics::Row) -> String {
    let is_known = |metric, statistic| model.number(unit, metric, statistic).is_some_and(|row| row.value.is_some());
    match row.metric.as_str() {
        "change_fail_rate" | "deployment_rework_rate" if model.is_stand_in() => {
            "tags do not tell which release failed".into()
        }
        "failed_deployment_recovery_time" if model.is_stand_in() => "tags do not tell of incidents".into(),
        "deployment_rework_rate" if is_known("change_fail_rate", "rate") => {
            "nobody recorded what repaired a failure".into()
        }
        "failed_deployment_recovery_time" if row.n == 0 && is_known("change_fail_rate", "rate") => {
            "no failure is recorded".into()
        }
        "change_fail_rate" | "deployment_rework_rate" | "failed_deployment_recovery_time" if row.n == 0 => {
            "nobody recorded incidents or remedies".into()
        }
        "change_lead_time" if row.n == 0 => no_lead_time(model, unit),
        _ if row.n == 0 => "nothing was recorded".into(),
        _ => "the data do not give this number".into(),
    }
}

/// Why no change has a lead time: what is wrong with most of them.
fn no_lead_time(model: &Model<'_>, unit: &Unit) -> String {
    const FLAWS: &[(&str, &str)] = &[
        ("change_repository_unknown", "no rollout is of a revision of their repository"),
        ("change_commits_unknown", "none of their commits is in the history that was read"),
        ("change_paths_unknown", "nobody knows which service they touched"),
        ("change_in_first_rollout", "what came before the first known rollout is unknown"),
        ("change_after_gap", "nobody saw which rollout carried them first"),
        ("change_merge_commit", "they are merge commits"),
        ("change_negative_duration", "no start of theirs lies before the deployment"),
    ];
    let counted = FLAWS.iter().map(|(finding, words)| (model.flawed(unit, finding), *words));
    match counted.max_by_key(|(count, _)| *count).filter(|(count, _)| *count > 0) {
        Some((count, words)) => {
            let changes = format::counted(count, "change is", "changes are");
            format!("{changes} on record without a lead time: {words}")
        }
        None => "no change is on record".into(),
    }
}
