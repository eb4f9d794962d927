//! What happens to one service: the knowledge from which both the tables and the truth are made.
//!
//! Time runs backwards where that keeps a planted number exact: first come the rollouts, then each change gets its
//! lead time and so the moment its first commit was written. The plan goes on beyond the end of what is watched, so
//! that what is unfinished there looks as it would in life.

use super::calendar::{Calendar, DAY, HOUR, MINUTE, SECOND, WORK_WEEK, hours, share, whole_second};
use super::config::Config;
use super::organisation::{Author, Service, author};
use super::random::{Draws, Purpose};

/// How far the plan goes beyond the end; no lead time is longer.
const BEYOND: i64 = 42 * DAY;
const LONGEST_LEAD_TIME: i64 = 40 * DAY;
/// From the choice of a revision to its first attempt in production; staging gets it in between.
const STAGING: i64 = 25 * MINUTE;
/// From the end of one rollout to the start of the next, at least.
const PAUSE: i64 = HOUR;
/// A share of rollouts whose first attempt fails, of which the first attempt is cancelled, and so on.
const FIRST_ATTEMPT_FAILS: f64 = 0.06;
const FIRST_ATTEMPT_IS_CANCELLED: f64 = 0.02;
const IS_GIVEN_UP: f64 = 0.04;
const IS_CONFIG: f64 = 0.06;
const IS_REDEPLOYED: f64 = 0.05;
const IS_CLOSED_UNMERGED: f64 = 0.08;

/// What a rollout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Release,
    Config,
    Hotfix,
    Rollback,
    Redeploy,
}

impl Kind {
    /// Can fail, and counts in the denominator of change fail rate.
    pub(crate) fn can_fail(self) -> bool {
        matches!(self, Self::Release | Self::Config | Self::Hotfix)
    }
}

/// What was asked for: the trunk as it was then, and a set of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Revision {
    pub(crate) trunk_at: i64,
    pub(crate) values: usize,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    Failure,
    Cancelled,
}

/// One attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) started_at: i64,
    pub(crate) finished_at: i64,
    pub(crate) outcome: Outcome,
}

/// One rollout in production, or the failed try of one.
#[derive(Clone, Debug)]
pub(crate) struct Rollout {
    pub(crate) kind: Kind,
    pub(crate) revision: Revision,
    pub(crate) staged: Option<Attempt>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) failure: Option<Failure>,
}

impl Rollout {
    /// When it succeeded; `None` where it was given up.
    pub(crate) fn finished_at(&self) -> Option<i64> {
        self.attempts.last().filter(|last| last.outcome == Outcome::Success).map(|last| last.finished_at)
    }

    pub(crate) fn started_at(&self) -> i64 {
        self.attempts.first().expect("a rollout has attempts").started_at
    }

    pub(crate) fn ended_at(&self) -> i64 {
        self.attempts.last().expect("a rollout has attempts").finished_at
    }
}

/// How a failed rollout was found out and repaired.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// The earlier of the rollout's finish and the first impact.
    pub(crate) began_at: i64,
    pub(crate) restored_at: i64,
    /// Incidents that tell of it, as places in [`Plan::incidents`].
    pub(crate) incidents: Vec<usize>,
    /// The rollback or hotfix, as a place in [`Plan::rollouts`].
    pub(crate) remedy: Option<usize>,
}

/// Where an incident comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A rollout, which the record names.
    Named(usize),
    /// A rollout, which only the time tells.
    Timed(usize),
    /// The infrastructure.
    Infrastructure,
    /// A vendor.
    Vendor,
    /// Nobody knows, and no rollout is near.
    Unknown,
    /// Nobody knows, and not even the service is on record: a planted flaw.
    NoService,
}

/// One incident.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incident {
    pub(crate) origin: Origin,
    pub(crate) impact_at: i64,
    /// Whether the record tells the impact, or only when it was opened.
    pub(crate) is_impact_known: bool,
    pub(crate) opened_at: i64,
    pub(crate) mitigated_at: Option<i64>,
    pub(crate) resolved_at: i64,
    pub(crate) remedy: Option<usize>,
}

/// How a change reached the trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Merge {
    Commit,
    Squash,
    Direct,
}

/// One change.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) merge: Merge,
    pub(crate) author: Author,
    pub(crate) is_hotfix: bool,
    /// When each of its commits was written.
    pub(crate) authored_at: Vec<i64>,
    /// What the clock of its author's machine said instead: a planted flaw.
    pub(crate) wrong_clock_at: Option<i64>,
    pub(crate) opened_at: i64,
    /// Merged, or closed if it belongs to no rollout.
    pub(crate) merged_at: i64,
    /// The rollout that first carries it, as a place in [`Plan::rollouts`]; `None` for one closed without a merge.
    pub(crate) rollout: Option<usize>,
}

/// What happens to one service, in order, be it watched or not.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) service: Service,
    /// When the repository began.
    pub(crate) root_at: i64,
    /// Rollouts in production in the order of their start; the first one is the first ever.
    pub(crate) rollouts: Vec<Rollout>,
    pub(crate) changes: Vec<Change>,
    pub(crate) incidents: Vec<Incident>,
    /// A rollout whose record was doubled with an unknown environment: a planted flaw.
    pub(crate) without_environment: Option<usize>,
}

/// Plans a service.
pub(crate) fn plan(config: &Config, service: Service) -> Plan {
    let mut planner = Planner::new(config, service);
    for (index, at) in planner.candidates().into_iter().enumerate() {
        planner.step(index, at);
    }
    planner.outages();
    planner.unexplained();
    planner.flaws();
    planner.plan
}

/// The state of a service while it is planned.
pub(crate) struct Planner<'a> {
    pub(crate) config: &'a Config,
    pub(crate) calendar: Calendar,
    pub(crate) as_of: i64,
    pub(crate) plan: Plan,
    /// Nothing starts in production before this.
    pub(crate) free_at: i64,
    /// What is merged until then is carried.
    pub(crate) carried_until: i64,
    /// What runs in production.
    pub(crate) live: Option<Revision>,
    /// Sets of values so far.
    values: usize,
}

impl<'a> Planner<'a> {
    fn new(config: &'a Config, service: Service) -> Self {
        let start = config.start().0;
        let root_at = start - 90 * DAY;
        Self {
            config,
            calendar: Calendar { start },
            as_of: config.as_of().0,
            free_at: start,
            carried_until: start,
            live: None,
            values: 1,
            plan: Plan {
                service,
                root_at,
                rollouts: Vec::new(),
                changes: Vec::new(),
                incidents: Vec::new(),
                without_environment: None,
            },
        }
    }

    pub(crate) fn draws(&self, purpose: Purpose, index: usize) -> Draws {
        Draws::new(self.config.seed, self.plan.service.index, purpose, index)
    }

    /// When forward rollouts are wanted: a Poisson process in working time, whose rate adoption changes.
    fn candidates(&self) -> Vec<i64> {
        let service = &self.plan.service;
        let mut draws = self.draws(Purpose::Candidate, 0);
        let (before, after) = (service.before.rollouts_per_week, service.after.rollouts_per_week);
        let weeks_before =
            service.adopted_at.map_or(f64::INFINITY, |at| self.calendar.worked(at).max(0) as f64 / WORK_WEEK as f64);
        let expected_before = before * weeks_before;
        let mut expected = 0.0;
        let mut candidates = Vec::new();
        loop {
            expected += draws.exponential();
            let weeks = if expected < expected_before {
                expected / before
            } else {
                weeks_before + (expected - expected_before) / after
            };
            let at = self.calendar.at(share(WORK_WEEK, weeks));
            if at >= self.as_of + BEYOND {
                return candidates;
            }
            candidates.push(at);
        }
    }

    /// One wanted rollout, and all that follows from it.
    fn step(&mut self, index: usize, wanted_at: i64) {
        let mut draws = self.draws(Purpose::Rollout, index);
        let started_at = wanted_at.max(self.free_at + PAUSE);
        let rollout = match self.live {
            Some(live) if draws.chance(IS_CONFIG) => self.config_rollout(live, started_at, &mut draws),
            _ => self.release(index, started_at, &mut draws),
        };
        let has_failed = self.may_fail(rollout);
        if !has_failed && draws.chance(IS_REDEPLOYED) {
            self.redeploy(&mut draws);
        }
    }

    fn config_rollout(&mut self, live: Revision, started_at: i64, draws: &mut Draws) -> usize {
        self.values += 1;
        let revision = Revision { values: self.values, ..live };
        let attempts = attempts(started_at, draws);
        self.push(Rollout { kind: Kind::Config, revision, staged: None, attempts, failure: None })
    }

    /// The same again, for no reason that is on record.
    fn redeploy(&mut self, draws: &mut Draws) {
        let revision = self.live.expect("something was just rolled out");
        let started_at = self.free_at + draws.whole(30, 120) * MINUTE;
        let attempts = vec![attempt(started_at, Outcome::Success, draws)];
        self.push(Rollout { kind: Kind::Redeploy, revision, staged: None, attempts, failure: None });
    }

    fn release(&mut self, index: usize, started_at: i64, draws: &mut Draws) -> usize {
        let is_first = self.live.is_none();
        let trunk_at = started_at - STAGING;
        let attempts = attempts(started_at, draws);
        let finished_at = attempts.last().expect("there is an attempt").finished_at;
        let changes = self.changes_of(index, trunk_at, finished_at, draws);
        if !is_first && draws.chance(IS_GIVEN_UP) {
            self.give_up(&changes, trunk_at, draws);
        }
        let values = self.live.map_or(self.values, |live| live.values);
        let staged = Attempt {
            started_at: trunk_at + 2 * MINUTE,
            finished_at: trunk_at + 10 * MINUTE + draws.whole(0, SECOND),
            outcome: Outcome::Success,
        };
        let revision = Revision { trunk_at, values };
        let rollout =
            self.push(Rollout { kind: Kind::Release, revision, staged: Some(staged), attempts, failure: None });
        self.carried_until = trunk_at;
        self.plan.changes.extend(changes.into_iter().map(|change| Change { rollout: Some(rollout), ..change }));
        self.closed_unmerged(index, trunk_at);
        rollout
    }

    /// A try to release the first of these changes alone, which fails and is not repeated.
    fn give_up(&mut self, changes: &[Change], before: i64, draws: &mut Draws) {
        let [first, second, ..] = changes else { return };
        let started_at = first.merged_at.max(self.free_at) + MINUTE;
        let attempt = attempt(started_at, Outcome::Failure, draws);
        if second.merged_at > started_at && before > attempt.finished_at + MINUTE {
            let values = self.live.map_or(self.values, |live| live.values);
            let revision = Revision { trunk_at: started_at, values };
            self.plan.rollouts.push(Rollout {
                kind: Kind::Release,
                revision,
                staged: None,
                attempts: vec![attempt],
                failure: None,
            });
            self.free_at = attempt.finished_at;
        }
    }

    /// Adds a rollout that succeeds.
    pub(crate) fn push(&mut self, rollout: Rollout) -> usize {
        self.live = Some(rollout.revision);
        self.free_at = rollout.ended_at();
        self.plan.rollouts.push(rollout);
        self.plan.rollouts.len() - 1
    }

    /// The changes that are merged between what is already carried and `trunk_at`, in the order of their merge.
    fn changes_of(&self, index: usize, trunk_at: i64, finished_at: i64, draws: &mut Draws) -> Vec<Change> {
        let count = 1 + draws.poisson(self.plan.service.before.changes_per_release - 1.0);
        let merges = (self.carried_until + MINUTE, trunk_at - 10 * MINUTE);
        let mut changes: Vec<Change> = (0..count)
            .map(|at| {
                let mut draws = self.draws(Purpose::Change, index * 1_000 + at);
                self.change(merges, finished_at, &mut draws)
            })
            .collect();
        changes.sort_by_key(|change| change.merged_at);
        for at in 1..changes.len() {
            changes[at].merged_at = changes[at].merged_at.max(changes[at - 1].merged_at + SECOND);
        }
        changes
    }

    /// A change that is merged between these two instants and deployed at `finished_at`.
    fn change(&self, (earliest, latest): (i64, i64), finished_at: i64, draws: &mut Draws) -> Change {
        let provisional = self.calendar.within(earliest, latest, draws.unit());
        let planted = self.plan.service.planted(provisional);
        let lead_time = hours(draws.lognormal(planted.lead_time_median_hours, planted.lead_time_sigma));
        let shortest = finished_at - latest + 20 * MINUTE;
        let authored_at = whole_second(finished_at - lead_time.clamp(shortest, LONGEST_LEAD_TIME));
        let way = draws.unit();
        let merged_at = if provisional >= authored_at + 5 * MINUTE {
            provisional
        } else {
            self.calendar.within(earliest.max(authored_at + 5 * MINUTE), latest, way)
        };
        let merge = match draws.unit() {
            way if way < 0.55 => Merge::Commit,
            way if way < 0.9 => Merge::Squash,
            _ => Merge::Direct,
        };
        let count = if merge == Merge::Direct { 1 } else { draws.whole(1, 5) };
        self.written(merge, count, (authored_at, whole_second(merged_at)), draws)
    }

    /// A change with `count` commits, the first written and all merged at these instants.
    pub(crate) fn written(
        &self,
        merge: Merge,
        count: i64,
        (authored_at, merged_at): (i64, i64),
        draws: &mut Draws,
    ) -> Change {
        let opened_at = authored_at + share(merged_at - authored_at, draws.between(0.3, 0.8));
        let has_adopted = self.plan.service.has_adopted(authored_at);
        Change {
            merge,
            author: author(&self.plan.service, has_adopted, draws),
            is_hotfix: false,
            authored_at: (0..count)
                .map(|at| whole_second(authored_at + (opened_at - authored_at) / count * at))
                .collect(),
            wrong_clock_at: None,
            opened_at,
            merged_at,
            rollout: None,
        }
    }

    /// Now and then a pull request is closed without a merge.
    fn closed_unmerged(&mut self, index: usize, until: i64) {
        let mut draws = self.draws(Purpose::Closed, index);
        if draws.chance(IS_CLOSED_UNMERGED) {
            let authored_at = whole_second(until - hours(draws.lognormal(30.0, 0.5)));
            let change = self.written(Merge::Commit, 2, (authored_at, whole_second(until)), &mut draws);
            self.plan.changes.push(change);
        }
    }
}

/// The attempts of a rollout that succeeds in the end.
fn attempts(started_at: i64, draws: &mut Draws) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let mut next_at = started_at;
    loop {
        let outcome = match draws.unit() {
            way if way < FIRST_ATTEMPT_FAILS => Outcome::Failure,
            way if way < FIRST_ATTEMPT_FAILS + FIRST_ATTEMPT_IS_CANCELLED => Outcome::Cancelled,
            _ => Outcome::Success,
        };
        let attempt = attempt(next_at, outcome, draws);
        attempts.push(attempt);
        if outcome == Outcome::Success {
            return attempts;
        }
        next_at = whole_second(attempt.finished_at) + draws.whole(5, 40) * MINUTE;
    }
}

/// One attempt of 6 to 16 minutes, which ends at some microsecond.
pub(crate) fn attempt(started_at: i64, outcome: Outcome, draws: &mut Draws) -> Attempt {
    Attempt { started_at, finished_at: started_at + draws.whole(6 * MINUTE, 16 * MINUTE), outcome }
}
