//! Flaws in the data, as an output: how many records, one example, and what it does to which metric.

use std::collections::{BTreeMap, BTreeSet};

use lake::Instant;
use lake::tables::{
    changes, coverage, data_quality, deployments, incidents, interventions, recovery_episodes, releases,
    rollout_failures, rollouts,
};

use crate::arrivals::Arrivals;
use crate::exposure::Exposure;
use crate::failures::Revert;
use crate::rollouts::Built;
use crate::session;

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
    pub(crate) reverts: &'a [Revert],
    pub(crate) failures: &'a [rollout_failures::Row],
    pub(crate) episodes: &'a [recovery_episodes::Row],
    pub(crate) coverage: &'a [coverage::Row],
    pub(crate) releases: &'a [releases::Row],
    /// Changes of working, on record and found.
    pub(crate) interventions: &'a [interventions::Row],
    /// Changes of working that nothing on record tells of.
    pub(crate) silent_practices: &'a [String],
    /// Whether remedies are on record, where there are incidents.
    pub(crate) names_remedies: bool,
    pub(crate) exposure: &'a Exposure,
    pub(crate) as_of: Instant,
    /// What happened this long before the as-of time may not be on record yet.
    pub(crate) immature_micros: i64,
    /// What is dated after this lies after everything that was read, and after the as-of time.
    pub(crate) future: Instant,
}

/// What each kind of flaw does to which metric.
const EFFECTS: &[(&str, &str)] = &[
    ("change_commits_unknown", "no lead time: none of its commits is in the history that was read"),
    ("change_paths_unknown", "no lead time: nobody knows which service of the repository it touched"),
    ("change_repository_unknown", "no lead time: no rollout on record is of a revision of its repository"),
    ("change_merge_commit", "no lead time: a merge commit carries the work of others"),
    ("change_by_agent", "counted like any other: who wrote a change is a stratum and never a reason to leave it out"),
    (
        "change_by_dependency_bot",
        "counted like any other: who wrote a change is a stratum and never a reason to leave it out",
    ),
    (
        "change_by_other_bot",
        "counted like any other: who wrote a change is a stratum and never a reason to leave it out",
    ),
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
    (
        "rollout_first",
        "in frequency and change fail rate; what it carried has no lead time, as it may have been there before",
    ),
    ("rollout_mixed_hotfix", "counts as a hotfix, and so as rework, although it carries other changes, too"),
    ("rollout_feature_flag", "in no metric unless the plan counts flips of feature flags: it puts no change anywhere"),
    ("change_in_first_rollout", "no lead time: what came before the first known rollout is unknown"),
    (
        "change_after_gap",
        "no lead time: a rollout that nobody saw, or whose revision or time is unknown, may have carried it earlier",
    ),
    ("change_waiting", "in lead time as censored: merged and not yet in a whole rollout"),
    ("change_negative_duration", "no lead time: no start lies before the deployment"),
    ("change_authored_after_merge", "lead time starts at the next best time"),
    (
        "change_squashed",
        "lead time starts at the squashed commit and may be too short: nobody knows when it was opened",
    ),
    (
        "change_started_when_opened",
        "lead time starts when it was opened and may be too short: its original commits are not known",
    ),
    ("change_deployed_before_merge", "counts as deployed at once after the merge"),
    ("image_unresolved", "no lead time: nothing says which source commit its image was built from"),
    (
        "release_without_time",
        "a lower bound of lead time: its tag carries no time, so that of its commit stands for it and the wait from the \
         commit to the tag is missing",
    ),
    (
        "coverage_assumed",
        "a rate per day may be too high, and what is missing cannot be told: nobody stated what was read, so the time from the \
         first to the last record is taken for read",
    ),
    ("incident_cause_unknown", "linked as if it named no cause: no deployment on record has the id that it names"),
    ("incident_remedy_unknown", "restored as if it named no remedy: no deployment on record has the id that it names"),
    ("incident_service_unknown", "in no rate: no rollout on record is of its service"),
    ("intervention_service_unknown", "in no before and after: no rollout on record is of this service"),
    ("intervention_unseen", "no before and after: nothing on record is what the configuration says to look for"),
    ("remedies_unrecorded", "no rework rate: nobody recorded what repaired any of these incidents"),
    ("incident_without_service", "in no rate: nobody said which service it touched"),
    ("incident_negative_duration", "not in any metric: it ended before it began, and either time may be the wrong one"),
    ("incident_unlinked", "not in change fail rate: no rollout is linked to it"),
    ("incident_before_its_rollout", "linked, as the record says so, although it began before the rollout started"),
    ("revert_not_deployed", "a candidate only: change fail rate counts it once the revert is deployed"),
    ("recovery_negative_duration", "not in recovery time: restored before it began"),
    (
        "history_gap",
        "its time is taken out of the exposure, lead times across it are null, and coverage says that the window is incomplete",
    ),
    (
        "immature_days",
        "change fail rate and recovery time may still change: incidents of these days may not be on record yet",
    ),
];

/// The names of everything that is looked for, besides holes in what was read.
#[doc(hidden)]
#[must_use]
pub fn finding_names() -> Vec<&'static str> {
    EFFECTS.iter().map(|(name, _)| *name).collect()
}

/// What a hole in what was read of a table does to which metric.
fn effect_of_hole(table: &str) -> &'static str {
    match table {
        "deployments" => {
            "its time is taken out of the exposure and lead times across it are null; where nothing was read whole, frequency \
             is a lower bound"
        }
        "incidents" => "change fail rate is a lower bound there, and failures have no recovery time",
        "commits" | "changes" | "change_commits" | "commit_paths" => "changes may be missing from lead time",
        "alerts" => "recovery ends with the incident where the end of an alert would have told it",
        "inventory" | "image_revisions" => {
            "images may lead to no source commit, so that their changes have no lead time"
        }
        _ => "no metric reads it; what is shown of it is incomplete",
    }
}

/// All findings, sorted.
pub(crate) fn findings(seen: &Seen<'_>) -> Vec<data_quality::Row> {
    let mut found = Findings::default();
    for flaw in seen.built.left_out.iter().chain(&seen.built.respelled) {
        found.add(flaw.finding, flaw.service.as_deref(), flaw.environment.as_deref(), &flaw.deployment_id);
    }
    impossible_times(seen, &mut found);
    for row in seen.deployments.iter().filter(|row| seen.unresolved.contains(&row.deployment_id)) {
        found.add("image_unresolved", row.service.as_deref(), row.environment.as_deref(), &row.deployment_id);
    }
    rollouts(seen, &mut found);
    links(seen, &mut found);
    unlinked_changes(seen, &mut found);
    incidents(seen, &mut found);
    reverts(seen, &mut found);
    holes(seen, &mut found);
    gaps(seen, &mut found);
    immature(seen, &mut found);
    assumed(seen, &mut found);
    timeless_releases(seen, &mut found);
    let services: BTreeSet<&str> = seen.built.rollouts.iter().map(|rollout| rollout.service.as_str()).collect();
    for row in seen.interventions {
        if let Some(service) = row.service.as_deref().filter(|service| !services.contains(service)) {
            let example = format!("{} in `{service}`", row.practice);
            found.add("intervention_service_unknown", Some(service), None, &example);
        }
    }
    for rule in seen.silent_practices {
        found.add("intervention_unseen", None, None, rule);
    }
    for episode in seen.episodes.iter().filter(|episode| episode.observed_until_at < episode.started_at) {
        let (service, environment) = (Some(episode.service.as_str()), Some(episode.environment.as_str()));
        found.add("recovery_negative_duration", service, environment, &episode.rollout_id);
    }
    found.rows()
}

/// Records that were over before they began, and those that tell of a time after everything that was read. Commits are not looked at: they enter a metric as
/// changes only.
fn impossible_times(seen: &Seen<'_>, found: &mut Findings) {
    for incident in seen
        .incidents
        .iter()
        .filter(|row| row.opened_at <= seen.as_of && session::is_backwards(&session::known_incident(row, seen.as_of)))
    {
        let (service, environment) = (incident.service.as_deref(), incident.environment.as_deref());
        found.add("incident_negative_duration", service, environment, &incident.incident_id);
    }
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
    for rollout in &seen.built.rollouts {
        let flags = [
            ("rollout_partial", rollout.is_partial && rollout.in_frequency),
            ("rollout_first", rollout.is_first),
            ("rollout_mixed_hotfix", rollout.is_mixed),
            ("rollout_feature_flag", rollout.kind == "feature_flag"),
        ];
        for (finding, _) in flags.into_iter().filter(|(_, is_found)| *is_found) {
            found.add(finding, Some(&rollout.service), Some(&rollout.environment), &named(rollout));
        }
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
        let change = changes.get(&(link.repository.as_str(), link.change_id.as_str()));
        let mut add = |finding| {
            let example = format!("{} in {}", link.change_id, link.repository);
            found.add(finding, Some(&link.service), Some(&link.environment), &example);
        };
        match link.excluded.as_deref() {
            Some("first_rollout") => add("change_in_first_rollout"),
            Some("history_gap") => add("change_after_gap"),
            Some("commits_unknown") => add("change_commits_unknown"),
            Some("paths_unknown") => add("change_paths_unknown"),
            Some("merge_commit") => add("change_merge_commit"),
            Some(_) => add("change_negative_duration"),
            None => {}
        }
        if link.rollout_id.is_none() && link.excluded.is_none() {
            add("change_waiting");
        }
        match link.author_kind.as_str() {
            "agent" => add("change_by_agent"),
            "dependency_bot" => add("change_by_dependency_bot"),
            "other_bot" => add("change_by_other_bot"),
            _ => {}
        }
        match link.started_at_basis.as_str() {
            "squash" => add("change_squashed"),
            // Where a clock was wrong that is told by itself.
            "opened" if change.is_some_and(|change| change.first_commit_basis != "commits") => {
                add("change_started_when_opened");
            }
            _ => {}
        }
        if link.deployed_at.is_some() && link.deployed_at < link.merged_at {
            add("change_deployed_before_merge");
        }
        if change.is_some_and(|change| change.first_commit_at > change.merged_at && change.merged_at.is_some()) {
            add("change_authored_after_merge");
        }
    }
}

/// Merged changes that no service could have carried.
fn unlinked_changes(seen: &Seen<'_>, found: &mut Findings) {
    let linked: BTreeSet<(&str, &str)> =
        seen.links.rows.iter().map(|link| (link.repository.as_str(), link.change_id.as_str())).collect();
    let is_unlinked = |change: &&changes::Row| {
        change.merged_at.is_some_and(|at| at <= seen.as_of)
            && !linked.contains(&(change.repository.as_str(), change.change_id.as_str()))
    };
    for change in seen.changes.iter().filter(is_unlinked) {
        let example = format!("{} in {}", change.change_id, change.repository);
        found.add("change_repository_unknown", None, None, &example);
    }
}

fn incidents(seen: &Seen<'_>, found: &mut Findings) {
    let deployments: BTreeSet<&str> = seen.deployments.iter().map(|row| row.deployment_id.as_str()).collect();
    let services: BTreeSet<&str> = seen.built.rollouts.iter().map(|rollout| rollout.service.as_str()).collect();
    for incident in seen.known_incidents {
        let environment = incident.environment.as_deref();
        let mut dangles = |id: Option<&String>, finding| {
            if let Some(id) = id.filter(|id| !deployments.contains(id.as_str())) {
                let example = format!("{} names {id}", incident.incident_id);
                found.add(finding, incident.service.as_deref(), environment, &example);
            }
        };
        dangles(incident.cause_deployment_id.as_ref(), "incident_cause_unknown");
        dangles(incident.remedy_deployment_id.as_ref(), "incident_remedy_unknown");
        let Some(service) = &incident.service else {
            found.add("incident_without_service", None, incident.environment.as_deref(), &incident.incident_id);
            continue;
        };
        if !services.contains(service.as_str()) {
            found.add("incident_service_unknown", Some(service), environment, &incident.incident_id);
        }
        if !seen.names_remedies {
            found.add("remedies_unrecorded", Some(service), environment, &incident.incident_id);
        }
        if starts_before_its_rollout(incident, seen) {
            found.add(
                "incident_before_its_rollout",
                Some(service),
                incident.environment.as_deref(),
                &incident.incident_id,
            );
        }
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

/// Whether an incident began before the rollout started that it names as its cause.
fn starts_before_its_rollout(incident: &incidents::Row, seen: &Seen<'_>) -> bool {
    let began_at = incident.impact_started_at.unwrap_or(incident.opened_at);
    let names = |rollout: &&rollouts::Row| {
        rollout.deployment_ids.iter().any(|id| incident.cause_deployment_id.as_ref() == Some(id))
    };
    let first_start = seen.built.rollouts.iter().filter(names).map(|rollout| rollout.started_at).min();
    incident.cause_deployment_id.is_some() && first_start.is_some_and(|start| began_at < start)
}

fn reverts(seen: &Seen<'_>, found: &mut Findings) {
    let by_id: BTreeMap<&str, &rollouts::Row> =
        seen.built.rollouts.iter().map(|rollout| (rollout.rollout_id.as_str(), rollout)).collect();
    for revert in seen.reverts.iter().filter(|revert| revert.remedy_id.is_none()) {
        if let Some(rollout) = by_id.get(revert.rollout_id.as_str()) {
            found.add("revert_not_deployed", Some(&rollout.service), Some(&rollout.environment), &revert.reverting_id);
        }
    }
}

/// When nobody looked at the deployments of a service, between the first and the last look.
fn gaps(seen: &Seen<'_>, found: &mut Findings) {
    let services: BTreeSet<&str> = seen.built.rollouts.iter().map(|rollout| rollout.service.as_str()).collect();
    for service in services {
        for gap in seen.exposure.gaps("deployments", service) {
            found.add("history_gap", Some(service), None, &format!("{} to {}", gap.start, gap.end));
        }
    }
}

/// Stated holes in what was read.
fn holes(seen: &Seen<'_>, found: &mut Findings) {
    for row in seen.coverage.iter().filter(|row| !row.is_complete) {
        let finding = format!("coverage_incomplete:{}:{}", row.covers, row.reason.as_deref().unwrap_or("not said"));
        found.add_many(finding, row.service.as_deref(), None, &row.stream, row.missing_count.unwrap_or(1));
    }
}

/// Ranges that nobody stated.
fn assumed(seen: &Seen<'_>, found: &mut Findings) {
    for row in seen.coverage.iter().filter(|row| row.reason.as_deref() == Some(coverage::ASSUMED)) {
        found.add("coverage_assumed", row.service.as_deref(), None, &format!("{} of {}", row.covers, row.stream));
    }
}

/// Releases to production of which only the commit tells a time.
fn timeless_releases(seen: &Seen<'_>, found: &mut Findings) {
    let is_timeless = |row: &&releases::Row| row.is_production && row.released_at_basis == "committer";
    for row in seen.releases.iter().filter(is_timeless) {
        found.add("release_without_time", row.service.as_deref(), None, &format!("{} in {}", row.tag, row.repository));
    }
}

/// The last days before the as-of time, in which something was deployed.
fn immature(seen: &Seen<'_>, found: &mut Findings) {
    const DAY: i64 = 86_400 * Instant::MICROS;
    let from = seen.as_of.0 - seen.immature_micros;
    let days: BTreeSet<i64> = seen
        .built
        .rollouts
        .iter()
        .filter(|rollout| rollout.in_change_fail_rate)
        .filter_map(|rollout| rollout.finished_at.filter(|at| at.0 > from))
        .map(|at| at.0.div_euclid(DAY))
        .collect();
    for day in days {
        found.add("immature_days", None, None, &Instant(day * DAY).to_string());
    }
}

type Place = (String, Option<String>, Option<String>);

#[derive(Default)]
struct Findings(BTreeMap<Place, (i64, String)>);

impl Findings {
    fn add(&mut self, finding: &str, service: Option<&str>, environment: Option<&str>, example: &str) {
        self.add_many(finding.to_owned(), service, environment, example, 1);
    }

    fn add_many(
        &mut self,
        finding: String,
        service: Option<&str>,
        environment: Option<&str>,
        example: &str,
        count: i64,
    ) {
        let key = (finding, service.map(str::to_owned), environment.map(str::to_owned));
        let place = self.0.entry(key).or_insert_with(|| (0, example.to_owned()));
        place.0 += count;
        // The example does not depend on the order of the records.
        if example < place.1.as_str() {
            example.clone_into(&mut place.1);
        }
    }

    fn rows(self) -> Vec<data_quality::Row> {
        self.0
            .into_iter()
            .map(|((finding, service, environment), (record_count, example))| data_quality::Row {
                effect: effect_of(&finding).to_owned(),
                finding,
                service,
                environment,
                record_count,
                example: Some(example),
            })
            .collect()
    }
}

/// What a flaw of that name does to which metric.
fn effect_of(finding: &str) -> &'static str {
    if let Some(hole) = finding.strip_prefix("coverage_incomplete:") {
        return effect_of_hole(hole.split(':').next().unwrap_or_default());
    }
    EFFECTS.iter().find(|(name, _)| *name == finding).map_or("", |(_, effect)| effect)
}
