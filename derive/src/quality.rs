//! Flaws in the data, as an output: how many records, one example, and what it does to which metric.

use std::collections::{BTreeMap, BTreeSet};

use lake::Instant;
use lake::tables::{
    changes, coverage, data_quality, deployments, incidents, recovery_episodes, rollout_failures, rollouts,
};

use crate::arrivals::Arrivals;
use crate::rollouts::Built;

/// What a derivation saw.
pub(crate) struct Seen<'a> {
    pub(crate) built: &'a Built,
    pub(crate) links: &'a Arrivals,
    pub(crate) deployments: &'a [deployments::Row],
    /// Deployments whose images lead to no source commit.
    pub(crate) unresolved: &'a BTreeSet<String>,
    pub(crate) changes: &'a [changes::Row],
    pub(crate) incidents: &'a [incidents::Row],
    /// The incidents as they were known at the as-of time.
    pub(crate) known_incidents: &'a [incidents::Row],
    pub(crate) failures: &'a [rollout_failures::Row],
    pub(crate) episodes: &'a [recovery_episodes::Row],
    pub(crate) coverage: &'a [coverage::Row],
    /// What is dated after this lies after everything that was read, and after the as-of time.
    pub(crate) future: Instant,
}

/// What each kind of flaw does to which metric.
const EFFECTS: &[(&str, &str)] = &[
    ("change_commits_unknown", "no lead time: none of its commits is in the history that was read"),
    ("deployment_without_service", "not in any metric: no rule says which service was deployed"),
    ("deployment_without_environment", "not in any metric: it may or may not have been production"),
    ("deployment_without_time", "not in any metric: it cannot be put into a window"),
    (
        "deployment_negative_duration",
        "not in any metric: it ended before it started, and either time may be the wrong one",
    ),
    ("deployment_neither_success_nor_failure", "neither success nor failure: cancelled, skipped or superseded"),
    ("environment_respelled", "counted with the environment whose name differs only in capital letters"),
    ("record_in_the_future", "not counted: a time after everything that was read has not come yet"),
    ("revision_unknown", "no lead time for what this rollout and the next one carried"),
    ("rollout_left_history", "its changes may have arrived earlier: the history ends below it"),
    ("rollout_not_descending", "released beside the line before it, such as from a release branch"),
    ("rollout_partial", "counts, but its changes wait for a rollout that every required target gets"),
    ("change_in_first_rollout", "no lead time: what came before the first known rollout is unknown"),
    ("change_after_gap", "no lead time: a rollout whose revision or time is unknown may have carried it earlier"),
    ("change_waiting", "in lead time as censored: merged and not yet in a whole rollout"),
    ("change_negative_duration", "no lead time: no start lies before the deployment"),
    ("change_authored_after_merge", "lead time starts at the next best time"),
    ("change_squashed", "lead time starts at the squashed commit and may be too short"),
    ("change_deployed_before_merge", "counts as deployed at once after the merge"),
    ("image_unresolved", "no lead time: nothing says which source commit its image was built from"),
    ("incident_without_service", "in no rate: nobody said which service it touched"),
    ("incident_unlinked", "not in change fail rate: no rollout is linked to it"),
    ("recovery_negative_duration", "not in recovery time: restored before it began"),
];

/// All findings, sorted.
pub(crate) fn findings(seen: &Seen<'_>) -> Vec<data_quality::Row> {
    let mut found = Findings::default();
    for flaw in seen.built.left_out.iter().chain(&seen.built.respelled) {
        found.add(flaw.finding, flaw.service.as_deref(), flaw.environment.as_deref(), &flaw.deployment_id);
    }
    future(seen, &mut found);
    for row in seen.deployments.iter().filter(|row| seen.unresolved.contains(&row.deployment_id)) {
        found.add("image_unresolved", row.service.as_deref(), row.environment.as_deref(), &row.deployment_id);
    }
    rollouts(seen, &mut found);
    links(seen, &mut found);
    incidents(seen, &mut found);
    for episode in seen.episodes.iter().filter(|episode| episode.observed_until_at < episode.started_at) {
        let (service, environment) = (Some(episode.service.as_str()), Some(episode.environment.as_str()));
        found.add("recovery_negative_duration", service, environment, &episode.rollout_id);
    }
    found.rows(seen)
}

/// Records that tell of a time after everything that was read. Commits are not looked at: they enter a metric as
/// changes only.
fn future(seen: &Seen<'_>, found: &mut Findings) {
    let mut look = |instants: &[Option<Instant>], service: Option<&str>, environment: Option<&str>, name: &str| {
        if let Some(at) = instants.iter().flatten().filter(|at| **at > seen.future).max() {
            found.add("record_in_the_future", service, environment, &format!("{name} at {at}"));
        }
    };
    for row in seen.deployments {
        let instants = [row.started_at, row.finished_at];
        look(&instants, row.service.as_deref(), row.environment.as_deref(), &row.deployment_id);
    }
    for row in seen.incidents {
        let instants = [Some(row.opened_at), row.impact_started_at, row.mitigated_at, row.resolved_at];
        look(&instants, row.service.as_deref(), row.environment.as_deref(), &row.incident_id);
    }
    for row in seen.changes {
        let instants = [row.first_commit_at, row.opened_at, row.merged_at];
        look(&instants, None, None, &format!("{} in {}", row.change_id, row.repository));
    }
}

fn rollouts(seen: &Seen<'_>, found: &mut Findings) {
    for rollout in seen.built.rollouts.iter().filter(|rollout| rollout.is_partial && rollout.in_frequency) {
        let (service, environment) = (Some(rollout.service.as_str()), Some(rollout.environment.as_str()));
        found.add("rollout_partial", service, environment, &named(rollout));
    }
    let by_id: BTreeMap<&str, _> =
        seen.built.rollouts.iter().map(|rollout| (rollout.rollout_id.as_str(), rollout)).collect();
    for (finding, ids) in [
        ("revision_unknown", &seen.links.unknown_revision),
        ("rollout_left_history", &seen.links.left_history),
        ("rollout_not_descending", &seen.links.not_descending),
    ] {
        for rollout in ids.iter().filter_map(|id| by_id.get(id.as_str())) {
            found.add(finding, Some(&rollout.service), Some(&rollout.environment), &named(rollout));
        }
    }
}

/// A rollout as people may look for it.
fn named(rollout: &rollouts::Row) -> String {
    format!("{} of {}", rollout.revisions.join(" "), rollout.started_at)
}

fn links(seen: &Seen<'_>, found: &mut Findings) {
    let changes: BTreeMap<(&str, &str), &changes::Row> =
        seen.changes.iter().map(|change| ((change.repository.as_str(), change.change_id.as_str()), change)).collect();
    for link in &seen.links.rows {
        let mut add = |finding| {
            let example = format!("{} in {}", link.change_id, link.repository);
            found.add(finding, Some(&link.service), Some(&link.environment), &example);
        };
        match link.excluded.as_deref() {
            Some("first_rollout") => add("change_in_first_rollout"),
            Some("history_gap") => add("change_after_gap"),
            Some("commits_unknown") => add("change_commits_unknown"),
            Some(_) => add("change_negative_duration"),
            None => {}
        }
        if link.rollout_id.is_none() && link.excluded.is_none() {
            add("change_waiting");
        }
        if link.started_at_basis == "squash" {
            add("change_squashed");
        }
        if link.deployed_at.is_some() && link.deployed_at < link.merged_at {
            add("change_deployed_before_merge");
        }
        let change = changes.get(&(link.repository.as_str(), link.change_id.as_str()));
        if change.is_some_and(|change| change.first_commit_at > change.merged_at && change.merged_at.is_some()) {
            add("change_authored_after_merge");
        }
    }
}

fn incidents(seen: &Seen<'_>, found: &mut Findings) {
    for incident in seen.known_incidents {
        let Some(service) = &incident.service else {
            found.add("incident_without_service", None, incident.environment.as_deref(), &incident.incident_id);
            continue;
        };
        // An incident may name a deployment of another service as its cause.
        let names_cause = incident.cause_deployment_id.is_some();
        let is_linked = seen.failures.iter().any(|failure| {
            failure.is_accepted
                && failure.evidence_id == incident.incident_id
                && (failure.service == *service || (names_cause && failure.method == "explicit"))
        });
        if !is_linked {
            found.add("incident_unlinked", Some(service), incident.environment.as_deref(), &incident.incident_id);
        }
    }
}

type Place = (&'static str, Option<String>, Option<String>);

#[derive(Default)]
struct Findings(BTreeMap<Place, (i64, String)>);

impl Findings {
    fn add(&mut self, finding: &'static str, service: Option<&str>, environment: Option<&str>, example: &str) {
        let key = (finding, service.map(str::to_owned), environment.map(str::to_owned));
        let place = self.0.entry(key).or_insert_with(|| (0, example.to_owned()));
        place.0 += 1;
        // The example does not depend on the order of the records.
        if example < place.1.as_str() {
            example.clone_into(&mut place.1);
        }
    }

    fn rows(self, seen: &Seen<'_>) -> Vec<data_quality::Row> {
        let mut rows: Vec<data_quality::Row> = self
            .0
            .into_iter()
            .map(|((finding, service, environment), (count, example))| data_quality::Row {
                finding: finding.to_owned(),
                service,
                environment,
                record_count: count,
                example: Some(example),
                effect: EFFECTS
                    .iter()
                    .find(|(name, _)| *name == finding)
                    .map_or_else(String::new, |(_, effect)| (*effect).to_owned()),
            })
            .collect();
        rows.extend(seen.coverage.iter().filter(|row| !row.is_complete).map(|row| data_quality::Row {
            finding: format!("coverage_incomplete:{}:{}", row.covers, row.reason.as_deref().unwrap_or("not said")),
            service: row.service.clone(),
            environment: None,
            record_count: row.missing_count.unwrap_or(1),
            example: Some(row.stream.clone()),
            effect: format!("what was read of `{}` has a hole: rates are lower bounds there", row.covers),
        }));
        rows.sort_by(|a, b| {
            (&a.finding, &a.service, &a.environment, &a.example).cmp(&(
                &b.finding,
                &b.service,
                &b.environment,
                &b.example,
            ))
        });
        rows.dedup_by(|a, b| (&a.finding, &a.service, &a.environment) == (&b.finding, &b.service, &b.environment));
        rows
    }
}
