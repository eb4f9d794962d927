//! From an issue and its timeline to incidents: while the issue is open and has the label, there is one.
//!
//! Closed and reopened within an hour is one incident; reopened later is another one.

use std::sync::LazyLock;

use lake::Instant;
use lake::tables::incidents::Row;
use regex::Regex;

use super::rules::Incidents;
use super::{statuses, wire};

/// What an incident rests on.
const EVIDENCE: &str = "label";
/// A pause shorter than this is none.
const SAME_MICROS: i64 = 3600 * Instant::MICROS;

/// One time during which there was an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Episode {
    pub(super) opened_at: Instant,
    pub(super) resolved_at: Option<Instant>,
}

/// The id of an incident: the first of an issue is called like the issue.
pub(super) fn id(repository: &str, number: u64, place: usize) -> String {
    let issue = format!("github:{repository}#{number}");
    if place == 0 { issue } else { format!("{issue}.{}", place + 1) }
}

/// When there was an incident. What the timeline does not tell, such as a label that the issue was opened with, is told
/// by the issue as it is now.
pub(super) fn episodes(issue: &wire::Issue, timeline: &[wire::TimelineEvent], rules: &Incidents) -> Vec<Episode> {
    let names = wire::names(&issue.labels);
    let mut told: Vec<(Instant, u64, Turn)> = timeline
        .iter()
        .filter_map(|event| Some((event.created_at?, event.id.unwrap_or(0), turn(event, rules)?)))
        .collect();
    told.sort_by_key(|(at, id, _)| (*at, *id));
    // Labels are counted: an issue may have several that make it an incident, and lose one of them.
    let told_labels = told.iter().map(|(_, _, turn)| turn.label_count()).sum::<i64>();
    let now_labels = names.iter().filter(|name| rules.is_incident(name)).count();
    let mut labels = i64::try_from(now_labels).unwrap_or(0) - told_labels;
    let mut is_open = true;
    let mut episodes: Vec<Episode> = Vec::new();
    let mut step = |at: Instant, is_incident: bool| match (episodes.last_mut(), is_incident) {
        (Some(Episode { resolved_at: None, .. }), true) => {}
        (Some(last @ Episode { resolved_at: None, .. }), false) => last.resolved_at = Some(at),
        (Some(last), true) if last.resolved_at.is_some_and(|end| at.0 - end.0 < SAME_MICROS) => last.resolved_at = None,
        (_, true) => episodes.push(Episode { opened_at: at, resolved_at: None }),
        (_, false) => {}
    };
    step(issue.created_at, labels > 0);
    for (at, _, turn) in told {
        match turn {
            Turn::Labelled => labels += 1,
            Turn::Unlabelled => labels -= 1,
            Turn::Closed => is_open = false,
            Turn::Reopened => is_open = true,
        }
        step(at, is_open && labels > 0);
    }
    // The timeline may end before the issue does.
    if let (Some("closed"), Some(at)) = (issue.state.as_deref(), issue.closed_at) {
        step(at, false);
    }
    episodes
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Labelled,
    Unlabelled,
    Closed,
    Reopened,
}

impl Turn {
    fn label_count(self) -> i64 {
        match self {
            Self::Labelled => 1,
            Self::Unlabelled => -1,
            Self::Closed | Self::Reopened => 0,
        }
    }
}

fn turn(event: &wire::TimelineEvent, rules: &Incidents) -> Option<Turn> {
    let is_ours = || {
        let name = event.label.as_ref().and_then(|label| label.name.as_deref());
        name.is_some_and(|name| rules.is_incident(name))
    };
    match event.event.as_deref()? {
        "labeled" if is_ours() => Some(Turn::Labelled),
        "unlabeled" if is_ours() => Some(Turn::Unlabelled),
        "closed" => Some(Turn::Closed),
        "reopened" => Some(Turn::Reopened),
        _ => None,
    }
}

/// What a text says about an incident, where it says so on a line of its own:
///
/// ```text
/// Caused by: deployment 42        Caused by: #12
/// Fixed by: https://github.com/acme/api/deployments/43
/// Impact started: 2026-01-05T08:00:00Z        Mitigated: 2026-01-05T08:30:00Z
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) cause: Option<Named>,
    pub(super) remedy: Option<Named>,
    pub(super) impact_started_at: Option<Instant>,
    pub(super) mitigated_at: Option<Instant>,
}

/// What is named as a cause or a remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A deployment, by its id in the table.
    Deployment(String),
    /// A pull request or a commit: a change.
    Change,
}

/// Reads a text. `repository` is that of a deployment which is named by number alone.
pub(super) fn said(text: &str, repository: &str) -> Said {
    let mut said = Said::default();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let key: String = key.chars().filter(|letter| letter.is_alphanumeric() || *letter == ' ').collect();
        let value = value.trim().trim_start_matches(['*', '_', ' ']);
        match key.trim().to_lowercase().replace(' ', "-").as_str() {
            "caused-by" | "cause" => said.cause = said.cause.or_else(|| named(value, repository)),
            "fixed-by" | "remedied-by" | "remedy" | "mitigated-by" => {
                said.remedy = said.remedy.or_else(|| named(value, repository));
            }
            "impact-started" | "impact-started-at" | "impact-start" => said.impact_started_at = time(value),
            "mitigated" | "mitigated-at" => said.mitigated_at = time(value),
            _ => {}
        }
    }
    said
}

fn time(value: &str) -> Option<Instant> {
    Instant::parse(value.trim_end_matches(['*', '_', '.', ' '])).ok()
}

fn named(value: &str, repository: &str) -> Option<Named> {
    static DEPLOYMENT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)(?:([\w.-]+/[\w.-]+)/)?deployments?[ /#]*(\d+)").expect("the built-in pattern is one")
    });
    static CHANGE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)(?:^|[\w\s/])#\d+\b|/pull/\d+|\b[0-9a-f]{7,40}\b").expect("the built-in pattern is one")
    });
    if let Some(found) = DEPLOYMENT.captures(value) {
        let repository = found.get(1).map_or(repository, |named| named.as_str());
        let number = found.get(2)?.as_str().parse().ok()?;
        return Some(Named::Deployment(statuses::id(repository, number)));
    }
    CHANGE.is_match(value).then_some(Named::Change)
}

/// The rows of one issue: one for each time and each service. `service` is that of its repository.
pub(super) fn rows(
    repository: &str,
    service: Option<&str>,
    issue: &wire::Issue,
    timeline: &[wire::TimelineEvent],
    rules: &Incidents,
) -> Vec<Row> {
    let labels = wire::names(&issue.labels);
    let mut services: Vec<Option<String>> = rules.services(&labels).into_iter().map(Some).collect();
    if services.is_empty() {
        services.push(service.filter(|_| rules.falls_back_to_the_repository()).map(str::to_owned));
    }
    let said = said(issue.body.as_deref().unwrap_or_default(), repository);
    let cause = match (rules.cause(&labels), &said.cause) {
        (Some(labelled), _) => labelled,
        (None, Some(_)) => "change",
        (None, None) => "unknown",
    };
    let deployment = |named: &Option<Named>| match named {
        Some(Named::Deployment(id)) => Some(id.clone()),
        _ => None,
    };
    let mut rows = Vec::new();
    for (place, episode) in episodes(issue, timeline, rules).into_iter().enumerate() {
        // What the text says, it says of the first time, unless it lies within a later one.
        let is_within =
            |at: &Instant| episode.resolved_at.is_none_or(|end| *at <= end) && (place == 0 || *at >= episode.opened_at);
        for service in &services {
            rows.push(Row {
                incident_id: id(repository, issue.number, place),
                service: service.clone(),
                environment: rules.environment(&labels),
                title: issue.title.clone(),
                severity: rules.severity(&labels),
                opened_at: episode.opened_at,
                impact_started_at: said.impact_started_at.filter(is_within),
                mitigated_at: said.mitigated_at.filter(is_within),
                resolved_at: episode.resolved_at,
                cause: cause.to_owned(),
                cause_deployment_id: deployment(&said.cause).filter(|_| place == 0),
                remedy_deployment_id: deployment(&said.remedy).filter(|_| place == 0),
                reopens_incident_id: None,
                evidence: EVIDENCE.to_owned(),
                updated_at: Some(issue.updated_at),
            });
        }
    }
    rows
}
