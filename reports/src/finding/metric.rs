//! One metric of a finding: what it did week by week, and what other ways of asking say.

use attribution::{Finding, MetricEffect, MetricOutcome};

use super::words::Named;
use super::{plots, tables, words};
use crate::{Block, Section, anchor, code};

/// The charts and tables of one metric. `place` is its place in the criterion.
pub(super) fn section(found: &Finding, outcome: &MetricOutcome, place: usize) -> Section {
    let named = Named::of(outcome.metric());
    let blocks = match outcome {
        MetricOutcome::Found(effect) => charts(found, effect),
        MetricOutcome::Insufficient { .. } => Vec::new(),
    };
    Section {
        id: anchor("metric", &format!("{place}-{}", outcome.metric())),
        title: named.title.to_owned(),
        lead: Some(words::single(found, outcome)),
        blocks,
    }
}

fn charts(found: &Finding, effect: &MetricEffect) -> Vec<Block> {
    let mut blocks = Vec::new();
    let definition = effect.definition.as_ref().map(|id| format!(" Definition {}.", code(id))).unwrap_or_default();
    blocks.push(Block::Paragraph(format!("Estimated as: {}.{definition}", effect.method)));
    blocks.extend(effect.series.as_ref().map(|view| Block::Chart(plots::series(found, effect, view))));
    blocks.extend(plots::event_study(found, effect).map(Block::Effects));
    blocks.extend(plots::specifications(found, effect).map(Block::Effects));
    if let Some(table) = tables::services(effect) {
        let summary = format!("The {} changes of services", effect.rows.len());
        blocks.push(Block::Details { summary, blocks: vec![Block::Table(table)] });
    }
    blocks
}
