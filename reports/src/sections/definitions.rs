//! What every number means, from the headers of the metric files.

use derive::definitions;

use crate::model::Model;
use crate::{Block, Note, Section, anchor, code};

/// One note per metric.
pub(crate) fn section(model: &Model<'_>) -> Section {
    let notes = definitions()
        .iter()
        .map(|definition| Note {
            term: definition.title.clone(),
            id: anchor("definition", &definition.metric),
            text: format!(
                "{} {}. Left out: {}. Interval: {}. Definition {}; {}.",
                definition.question,
                sentence(&definition.statistic),
                definition.excluded,
                definition.interval,
                code(&definition.id),
                definition.source,
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

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}
