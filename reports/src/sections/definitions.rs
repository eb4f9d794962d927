//! What every number means, from the headers of the metric files.

use derive::{Shown, definitions};

use crate::model::Model;
use crate::{Block, Note, Section, anchor, code};

/// One note per metric that the report shows; variants are named beside what they vary.
pub(crate) fn section(model: &Model<'_>) -> Section {
    let notes = definitions()
        .iter()
        .filter(|definition| definition.shown != Shown::Never)
        .map(|definition| Note {
            term: definition.title.clone(),
            id: anchor("definition", &definition.metric),
            text: format!(
                "{} {}. Left out: {}. Interval: {}. Definition {}; {}.{}",
                definition.question,
                sentence(&definition.statistic),
                definition.excluded,
                definition.interval,
                code(&definition.id),
                definition.source,
                variants(&definition.metric),
            ),
        })
        .collect();
    Section {
        id: "definitions".into(),
        title: "Definitions".into(),
        lead: Some(format!("In this report the metrics count {}.", model.rollouts_word())),
        blocks: vec![Block::Notes(notes)],
    }
}

/// Where the variants of a metric are.
fn variants(metric: &str) -> String {
    let of = |definition: &&derive::Definition| definition.variant_of.as_deref() == Some(metric);
    let names: Vec<String> = definitions().iter().filter(of).map(|definition| code(&definition.metric)).collect();
    if names.is_empty() {
        return String::new();
    }
    format!(" Variants of it stand in the table `metrics` and in `report.json`: {}.", names.join(", "))
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}
