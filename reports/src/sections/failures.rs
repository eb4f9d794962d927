//! Which rollouts failed, and on what evidence.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Model;
use crate::{Block, Section, Table, TableColumn, format};

const SHOWN: usize = 30;

/// The failed rollouts, newest first, each with its evidence.
pub(crate) fn section(model: &Model<'_>) -> Option<Section> {
    let derived = model.derived;
    let listed = model.listed();
    let shown: BTreeSet<(&str, &str)> =
        listed.iter().filter_map(|unit| Some((unit.service.as_deref()?, unit.environment.as_str()))).collect();
    let mut episodes: Vec<_> = derived
        .recovery_episodes
        .iter()
        .filter(|episode| derived.period.contains(episode.started_at) && shown.contains(&(&*episode.service, &*episode.environment)))
        .collect();
    if episodes.is_empty() {
        return None;
    }
    let mut evidence: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for failure in derived.rollout_failures.iter().filter(|failure| failure.is_accepted) {
        let text = format!("{} ({}, confidence {:.1})", failure.evidence_id, failure.method, failure.confidence);
        evidence.entry(&failure.rollout_id).or_default().push(text);
    }
    episodes.sort_by(|a, b| (b.started_at, &b.rollout_id).cmp(&(a.started_at, &a.rollout_id)));
    let rows = episodes
        .iter()
        .take(SHOWN)
        .map(|episode| {
            let seconds = (episode.observed_until_at.0 - episode.started_at.0) as f64 / 1e6;
            let lasted = match (episode.is_restored, seconds < 0.0) {
                (_, true) => "restored before it began".to_owned(),
                (true, _) => format::duration(seconds),
                (false, _) => format!("open, {} so far", format::duration(seconds)),
            };
            vec![
                episode.service.clone().into(),
                format::date_time(episode.started_at.to_utc(), model.context.zone).into(),
                lasted.into(),
                evidence.get(episode.rollout_id.as_str()).map_or_else(String::new, |texts| texts.join("; ")).into(),
            ]
        })
        .collect();
    let rejected = derived
        .rollout_failures
        .iter()
        .filter(|failure| !failure.is_accepted)
        .filter(|failure| derived.period.contains(failure.impact_at) && shown.contains(&(&*failure.service, &*failure.environment)))
        .count();
    Some(Section {
        id: "failures".into(),
        title: if model.is_stand_in() { "Releases that were taken back" } else { "Failed rollouts" }.into(),
        lead: Some(format!(
            "{} in this period: {}. Candidates that were looked at and not accepted: {rejected}. Both are in the table \
             `rollout_failures` with their reasons. {}",
            if model.is_stand_in() {
                "Releases of which something was repaired or reverted later"
            } else {
                "Rollouts of which something tells that they failed"
            },
            episodes.len(),
            if model.is_stand_in() {
                "They are in no rate: whether the other releases failed is not known."
            } else {
                "Change fail rate and recovery time leave out those that finished while nobody recorded incidents or remedies, \
                 and count one incident that failed several once."
            }
        )),
        blocks: vec![Block::Table(Table {
            caption: format!("The newest {} failures and what tells of them", episodes.len().min(SHOWN)),
            columns: vec![
                TableColumn::text("Service"),
                TableColumn::date("From"),
                TableColumn::text("Restored after"),
                TableColumn::text("Evidence"),
            ],
            rows,
        })],
    })
}
