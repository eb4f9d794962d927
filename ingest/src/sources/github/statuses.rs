//! From a deployment and all its statuses to attempts.
//!
//! A failed deployment may be tried again under the same number: each attempt ends with `failure` or `error`, or with
//! the first `success`. What comes after that says nothing about the attempt: GitHub itself makes a deployment
//! `inactive` once a later one succeeds, and tools repeat `success`.

use lake::Instant;
use lake::tables::deployments::Row;

use super::rules::Rules;
use super::wire;
use super::work::account_of;
use crate::authorship::Classifier;

/// What a deployment rests on.
pub(super) const EVIDENCE: &str = "deployment_status";

/// How an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Running,
    Success,
    Failure,
    /// Another one took its place before it ended.
    Superseded,
    /// A state that we do not know.
    Unknown,
}

impl Standing {
    /// The word in the table.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Superseded => "superseded",
            Self::Unknown => "unknown",
        }
    }
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) standing: Standing,
    pub(super) started_at: Instant,
    pub(super) finished_at: Option<Instant>,
    /// When it came to stand so.
    pub(super) changed_at: Instant,
    /// The environment it was given, where a status says so.
    pub(super) environment: Option<String>,
}

/// The attempts of a deployment that was created then. There is always one.
pub(super) fn attempts(created_at: Instant, statuses: &[wire::DeploymentStatus]) -> Vec<Attempt> {
    let mut statuses: Vec<&wire::DeploymentStatus> = statuses.iter().collect();
    // Several share one second; those of an attempt in the order in which it goes on.
    statuses.sort_by_key(|status| (status.created_at, status.id, order(state(status))));
    statuses.dedup_by(|one, other| one.id.is_some() && one.id == other.id);
    let mut attempts = Vec::new();
    let mut open: Option<Open> = None;
    for status in statuses {
        let state = state(status);
        let is_end_of_nothing = open.is_none() && !attempts.is_empty() && state == State::Inactive;
        if is_end_of_nothing {
            continue;
        }
        let first_started = if attempts.is_empty() { created_at } else { status.created_at };
        let attempt = open.get_or_insert_with(|| Open::new(first_started));
        attempt.see(state, status);
        if let Some(ended) = attempt.ended(state, status) {
            let is_over = ended.standing == Standing::Success;
            attempts.push(ended);
            open = None;
            if is_over {
                return attempts;
            }
        }
    }
    if let Some(open) = open {
        attempts.push(open.running());
    }
    if attempts.is_empty() {
        attempts.push(Open::new(created_at).running());
    }
    attempts
}

/// Whether only their numbers tell what came first: several share a second, and one of them is an end.
pub(super) fn needs_numbers(statuses: &[wire::DeploymentStatus]) -> bool {
    let mut told: Vec<(Instant, State)> = statuses.iter().map(|status| (status.created_at, state(status))).collect();
    told.sort_by_key(|(at, state)| (*at, order(*state)));
    told.windows(2).any(|pair| {
        let [(first_at, first), (second_at, second)] = pair else { return false };
        let is_end = |state: State| !matches!(state, State::Waiting | State::InProgress);
        first_at == second_at && first != second && (is_end(*first) || is_end(*second))
    })
}

/// What a status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    InProgress,
    Success,
    Failure,
    Inactive,
    Unknown,
}

fn state(status: &wire::DeploymentStatus) -> State {
    match status.state.as_deref().unwrap_or_default().to_ascii_lowercase().as_str() {
        "pending" | "queued" | "waiting" => State::Waiting,
        "in_progress" => State::InProgress,
        "success" => State::Success,
        "failure" | "error" => State::Failure,
        "inactive" => State::Inactive,
        _ => State::Unknown,
    }
}

fn order(state: State) -> u8 {
    match state {
        State::Waiting => 0,
        State::InProgress => 1,
        State::Unknown => 2,
        State::Success => 3,
        State::Failure => 4,
        State::Inactive => 5,
    }
}

/// An attempt that has not ended.
struct Open {
    asked_at: Instant,
    started_at: Option<Instant>,
    changed_at: Instant,
    environment: Option<String>,
    is_unknown: bool,
}

impl Open {
    fn new(asked_at: Instant) -> Self {
        Self { asked_at, started_at: None, changed_at: asked_at, environment: None, is_unknown: false }
    }

    fn see(&mut self, state: State, status: &wire::DeploymentStatus) {
        if state == State::InProgress && self.started_at.is_none() {
            self.started_at = Some(status.created_at);
        }
        self.is_unknown = state == State::Unknown;
        self.changed_at = status.created_at;
        if let Some(environment) = status.environment.as_ref().filter(|name| !name.is_empty()) {
            self.environment = Some(environment.clone());
        }
    }

    fn ended(&self, state: State, status: &wire::DeploymentStatus) -> Option<Attempt> {
        let standing = match state {
            State::Success => Standing::Success,
            State::Failure => Standing::Failure,
            State::Inactive => Standing::Superseded,
            State::Waiting | State::InProgress | State::Unknown => return None,
        };
        Some(Attempt { finished_at: Some(status.created_at), ..self.attempt(standing) })
    }

    fn running(&self) -> Attempt {
        self.attempt(if self.is_unknown { Standing::Unknown } else { Standing::Running })
    }

    /// An attempt starts when work on it starts: it may have waited for hours for somebody's approval.
    fn attempt(&self, standing: Standing) -> Attempt {
        Attempt {
            standing,
            started_at: self.started_at.unwrap_or(self.asked_at),
            finished_at: None,
            changed_at: self.changed_at,
            environment: self.environment.clone(),
        }
    }
}

/// The id of a deployment, the same wherever it comes from.
pub(super) fn id(repository: &str, number: u64) -> String {
    format!("github:{repository}:deployment:{number}")
}

/// The rows of a deployment, and whether it may still get better.
pub(super) fn rows(
    repository: &str,
    deployment: &wire::Deployment,
    statuses: &[wire::DeploymentStatus],
    statusless_succeed: bool,
    rules: &Rules,
    authors: &Classifier,
) -> (Vec<Row>, bool) {
    let mut attempts = attempts(deployment.created_at, statuses);
    if let (true, true, Some(attempt)) = (statuses.is_empty(), statusless_succeed, attempts.first_mut()) {
        attempt.standing = Standing::Success;
        attempt.finished_at = Some(deployment.created_at);
    }
    // One whose place another took may still be finished.
    let is_open = attempts.last().is_none_or(|attempt| attempt.standing != Standing::Success);
    let actor = account_of(authors, deployment.creator.as_ref());
    let row = |(attempt, number): (&Attempt, i64)| {
        let environment = attempt.environment.as_deref().or(deployment.environment.as_deref()).unwrap_or_default();
        // What was said of the deployment holds as long as it is where it was to go.
        let is_unchanged = attempt.environment.is_none() || attempt.environment == deployment.environment;
        let is_flagged = is_unchanged && deployment.production_environment == Some(true);
        let place = rules.place(repository, environment, is_flagged)?;
        Some(Row {
            deployment_id: id(repository, deployment.id),
            attempt: number,
            target: place.target,
            service: Some(place.service),
            environment: Some(place.environment).filter(|name| !name.is_empty()),
            revisions: deployment.sha.iter().map(|sha| format!("{repository}@{sha}")).collect(),
            status: attempt.standing.word().to_owned(),
            started_at: Some(attempt.started_at),
            finished_at: attempt.finished_at,
            reached_users: None,
            intent: None,
            actor_id: actor.map(|(pseudonym, _)| pseudonym.text()),
            evidence: EVIDENCE.to_owned(),
            updated_at: Some(attempt.changed_at),
        })
    };
    (attempts.iter().zip(1..).filter_map(row).collect(), is_open)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Attempts of a deployment created in second 0, each as (standing, start, end).
    fn table(statuses: &[(&str, i64)]) -> Vec<(&'static str, i64, Option<i64>)> {
        let seconds = |at: Instant| at.0 / Instant::MICROS;
        attempts(Instant(0), &made(statuses))
            .iter()
            .map(|attempt| (attempt.standing.word(), seconds(attempt.started_at), attempt.finished_at.map(seconds)))
            .collect()
    }

    fn made(statuses: &[(&str, i64)]) -> Vec<wire::DeploymentStatus> {
        let status = |(number, (state, second)): (usize, &(&str, i64))| wire::DeploymentStatus {
            id: Some(number as u64),
            state: Some((*state).to_owned()),
            environment: None,
            created_at: Instant::from_seconds(*second),
        };
        statuses.iter().enumerate().map(status).collect()
    }

    #[test]
    fn the_first_success_counts_whatever_comes_after_it() {
        let long =
            [("queued", 1), ("in_progress", 5), ("success", 60), ("success", 90), ("failure", 95), ("inactive", 900)];
        assert_eq!(table(&long), [("success", 5, Some(60))]);
        assert_eq!(table(&[("success", 60), ("inactive", 61)]), [("success", 0, Some(60))]);
    }

    #[test]
    fn a_deployment_that_is_tried_again_has_attempts() {
        let statuses =
            [("in_progress", 2), ("failure", 10), ("in_progress", 20), ("error", 30), ("pending", 40), ("success", 50)];
        let expected = [("failure", 2, Some(10)), ("failure", 20, Some(30)), ("success", 40, Some(50))];
        assert_eq!(table(&statuses), expected);
    }

    #[test]
    fn what_did_not_end_runs_and_what_was_replaced_failed_nowhere() {
        assert_eq!(table(&[]), [("running", 0, None)]);
        assert_eq!(table(&[("waiting", 3)]), [("running", 0, None)]);
        assert_eq!(table(&[("pending", 3), ("inactive", 9)]), [("superseded", 0, Some(9))]);
        assert_eq!(table(&[("failure", 3), ("inactive", 9)]), [("failure", 0, Some(3))]);
        assert_eq!(table(&[("frobnicated", 3)]), [("unknown", 0, None)], "a word of tomorrow");
        assert_eq!(table(&[("SUCCESS", 3)]), [("success", 0, Some(3))], "as GraphQL spells it");
    }

    proptest! {
        #[test]
        fn the_order_of_the_list_does_not_matter(
            picks in prop::collection::vec((0_usize..7, 0_i64..20), 0..12), turns in 0_usize..12,
        ) {
            const STATES: [&str; 7] = ["pending", "queued", "in_progress", "success", "failure", "error", "inactive"];
            let statuses: Vec<(&str, i64)> = picks.iter().map(|(state, at)| (STATES[*state], *at)).collect();
            let in_order = made(&statuses);
            let mut turned = in_order.clone();
            turned.rotate_left(turns.min(in_order.len()));
            turned.reverse();
            prop_assert_eq!(attempts(Instant(0), &in_order), attempts(Instant(0), &turned));
            let first = statuses.iter().filter(|(state, _)| *state == "success").map(|(_, at)| *at).min();
            let found = attempts(Instant(0), &in_order);
            let success = found.iter().find(|attempt| attempt.standing == Standing::Success);
            prop_assert_eq!(success.and_then(|attempt| attempt.finished_at), first.map(Instant::from_seconds));
        }
    }
}
