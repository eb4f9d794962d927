//! What is true of the simulated organisation, told by who made it and not read back from the tables.
//!
//! Only what is on record by the end counts, as for anybody who measures: a failure that nobody has noticed by then
//! is none, and a change whose rollout ends later still waits.

use lake::Instant;
use serde::Serialize;

use super::config::{Config, Effects};
use super::names::Names;
use super::organisation::{PRACTICE, PRACTICE_VERSION, Planted};
use super::plan::{Change, Failure, Kind, Merge, Origin, Outcome, Plan};

/// Everything that is known of a simulated organisation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Truth {
    /// Seed it was made from.
    pub seed: u64,
    /// Start of the first week.
    pub start_at: Instant,
    /// End of the last week.
    pub as_of_at: Instant,
    /// What was adopted.
    pub practice: &'static str,
    /// In which version.
    pub practice_version: &'static str,
    /// By what adoption multiplies the numbers of a service.
    pub effects: Effects,
    /// Counts over all services.
    pub all: Counts,
    /// Each service.
    pub services: Vec<ServiceTruth>,
}

/// What is true of one service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceTruth {
    /// Name of the service.
    pub service: String,
    /// Its repository.
    pub repository: String,
    /// When it adopted the practice; null where it did not before the end.
    pub adopted_at: Option<Instant>,
    /// The numbers it was made with.
    pub before: Planted,
    /// The numbers it was made with from adoption on.
    pub after: Planted,
    /// What really happened.
    pub counts: Counts,
    /// Every deployed change that has a lead time, in the order of its merge.
    pub lead_times: Vec<LeadTime>,
    /// Every failure, in the order of the failed rollouts.
    pub episodes: Vec<Episode>,
}

/// The lead time of one change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeadTime {
    /// Id of the change.
    pub change_id: String,
    /// The deployment that first carried it.
    pub deployment_id: String,
    /// When it was merged.
    pub merged_at: Instant,
    /// When that rollout finished.
    pub deployed_at: Instant,
    /// First commit authored to rollout finished; from the opening of the pull request where the first is flawed.
    pub lead_time_micros: i64,
    /// `first_commit`, or `opened` where the author's clock was wrong.
    pub basis: &'static str,
}

/// One failed rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Episode {
    /// The deployment that failed.
    pub deployment_id: String,
    /// The earlier of its finish and the first impact.
    pub started_at: Instant,
    /// Service restored; null while it is not.
    pub restored_at: Option<Instant>,
    /// From start to restoration; null while open.
    pub recovery_micros: Option<i64>,
    /// What tells of the failure: `explicit`, `rollback`, `hotfix`, `time_window`.
    pub evidence: Vec<&'static str>,
}

/// Declares the counts, and how they are added.
macro_rules! counts {
    ($($(#[doc = $meaning:expr])+ $name:ident,)+) => {
        /// How many of everything there are, in production where nothing else is said.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
        pub struct Counts {
            $($(#[doc = $meaning])+ pub $name: usize,)+
        }

        impl std::ops::AddAssign for Counts {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)+
            }
        }
    };
}

counts! {
    /// Rollouts of kind release.
    releases,
    /// Rollouts of kind config.
    configs,
    /// Rollouts of kind hotfix.
    hotfixes,
    /// Rollouts of kind rollback.
    rollbacks,
    /// Rollouts of kind redeploy, which are in no default metric.
    redeploys,
    /// Rollouts in deployment frequency: all but redeploys.
    frequency_rollouts,
    /// Rollouts in the denominator of change fail rate: releases, configs and hotfixes.
    change_fail_rollouts,
    /// Of those, the ones that failed.
    failed_rollouts,
    /// Rollouts that repaired an earlier one: hotfixes and rollbacks.
    rework_rollouts,
    /// Attempts that failed before users saw them.
    failed_attempts,
    /// Attempts that succeeded or failed, without those of redeploys (one successful attempt each).
    finished_attempts,
    /// Attempts that were cancelled.
    cancelled_attempts,
    /// Rollouts that were tried and given up.
    abandoned_rollouts,
    /// Deployments to staging.
    staging_deployments,
    /// Rows of `changes`.
    changes,
    /// Changes that were merged, with the import of each repository, which is older than the start.
    merged_changes,
    /// Changes that arrived in production.
    deployed_changes,
    /// Of those, the ones in the first rollout, which have no lead time.
    first_rollout_changes,
    /// Changes merged and not yet in production.
    waiting_changes,
    /// Pull requests still open.
    open_changes,
    /// Pull requests closed without a merge.
    closed_changes,
    /// Failures that are over.
    restored_episodes,
    /// Failures that are not.
    open_episodes,
    /// Incidents on record.
    incidents,
    /// Incidents that a rollout caused.
    linked_incidents,
    /// Incidents that none caused, or none that can be found.
    unlinked_incidents,
    /// Flaw: changes whose first commit was authored after their merge.
    changes_authored_after_merge,
    /// Flaw: deployments without an environment.
    deployments_without_environment,
    /// Flaw: incidents without a service.
    incidents_without_service,
}

/// The truth about all of these plans.
pub(crate) fn truth(config: &Config, plans: &[Plan]) -> Truth {
    let as_of = config.as_of().0;
    let services: Vec<ServiceTruth> = plans.iter().map(|plan| Witness::new(config, plan).testimony()).collect();
    let mut all = Counts::default();
    for service in &services {
        all += service.counts;
    }
    Truth {
        seed: config.seed,
        start_at: config.start(),
        as_of_at: Instant(as_of),
        practice: PRACTICE,
        practice_version: PRACTICE_VERSION,
        effects: config.effects,
        all,
        services,
    }
}

/// Tells what was on record of one plan by the end.
struct Witness<'a> {
    names: Names<'a>,
    plan: &'a Plan,
    as_of: i64,
}

impl<'a> Witness<'a> {
    fn new(config: &Config, plan: &'a Plan) -> Self {
        Self { names: Names::new(config.seed, plan), plan, as_of: config.as_of().0 }
    }

    fn testimony(&self) -> ServiceTruth {
        let service = &self.plan.service;
        let episodes = self.episodes();
        let mut counts = Counts::default();
        self.count_rollouts(&mut counts);
        self.count_attempts(&mut counts);
        self.count_changes(&mut counts);
        self.count_incidents(&mut counts);
        counts.failed_rollouts = episodes.len();
        counts.restored_episodes = episodes.iter().filter(|episode| episode.restored_at.is_some()).count();
        counts.open_episodes = episodes.len() - counts.restored_episodes;
        ServiceTruth {
            service: service.name.clone(),
            repository: service.repository.clone(),
            adopted_at: service.adopted_at.filter(|at| *at < self.as_of).map(Instant),
            before: service.before,
            after: service.after,
            counts,
            lead_times: self.lead_times(),
            episodes,
        }
    }

    /// When a rollout succeeded, if it did before the end.
    fn finished_at(&self, rollout: usize) -> Option<i64> {
        self.plan.rollouts[rollout].finished_at().filter(|at| *at < self.as_of)
    }

    fn count_rollouts(&self, counts: &mut Counts) {
        for (at, rollout) in self.plan.rollouts.iter().enumerate() {
            if self.finished_at(at).is_some() {
                let of_kind = match rollout.kind {
                    Kind::Release => &mut counts.releases,
                    Kind::Config => &mut counts.configs,
                    Kind::Hotfix => &mut counts.hotfixes,
                    Kind::Rollback => &mut counts.rollbacks,
                    Kind::Redeploy => &mut counts.redeploys,
                };
                *of_kind += 1;
                counts.frequency_rollouts += usize::from(rollout.kind != Kind::Redeploy);
                counts.change_fail_rollouts += usize::from(rollout.kind.can_fail());
                counts.rework_rollouts += usize::from(matches!(rollout.kind, Kind::Hotfix | Kind::Rollback));
            }
        }
    }

    fn count_attempts(&self, counts: &mut Counts) {
        for rollout in &self.plan.rollouts {
            let staged = rollout.staged.is_some_and(|attempt| attempt.finished_at < self.as_of);
            counts.staging_deployments += usize::from(staged);
            let is_abandoned = rollout.finished_at().is_none() && rollout.ended_at() < self.as_of;
            counts.abandoned_rollouts += usize::from(is_abandoned);
            let counted = rollout.attempts.iter().filter(|_| rollout.kind != Kind::Redeploy);
            for attempt in counted.filter(|attempt| attempt.finished_at < self.as_of) {
                counts.failed_attempts += usize::from(attempt.outcome == Outcome::Failure);
                counts.finished_attempts += usize::from(attempt.outcome != Outcome::Cancelled);
                counts.cancelled_attempts += usize::from(attempt.outcome == Outcome::Cancelled);
            }
        }
        let doubled = self.plan.without_environment.is_some_and(|rollout| {
            self.plan.rollouts[rollout].ended_at() + super::tables::SOMEWHERE_TAKES < self.as_of
        });
        counts.deployments_without_environment += usize::from(doubled);
    }

    fn count_changes(&self, counts: &mut Counts) {
        // The import of the repository is carried by the first rollout.
        let is_imported_deployed = usize::from(!self.plan.rollouts.is_empty() && self.finished_at(0).is_some());
        counts.changes += 1;
        counts.merged_changes += 1;
        counts.deployed_changes += is_imported_deployed;
        counts.first_rollout_changes += is_imported_deployed;
        counts.waiting_changes += 1 - is_imported_deployed;
        for change in &self.plan.changes {
            self.count_change(change, counts);
        }
    }

    fn count_change(&self, change: &Change, counts: &mut Counts) {
        let begins_at = if change.merge == Merge::Direct { change.merged_at } else { change.opened_at };
        if begins_at >= self.as_of {
            return;
        }
        counts.changes += 1;
        let of_state = match change.rollout {
            _ if change.merged_at >= self.as_of => &mut counts.open_changes,
            None => &mut counts.closed_changes,
            Some(_) => &mut counts.merged_changes,
        };
        *of_state += 1;
        if let Some(rollout) = change.rollout.filter(|_| change.merged_at < self.as_of) {
            let is_deployed = self.finished_at(rollout).is_some();
            counts.deployed_changes += usize::from(is_deployed);
            counts.first_rollout_changes += usize::from(is_deployed && rollout == 0);
            counts.waiting_changes += usize::from(!is_deployed);
            counts.changes_authored_after_merge += usize::from(change.wrong_clock_at.is_some());
        }
    }

    fn count_incidents(&self, counts: &mut Counts) {
        for incident in self.plan.incidents.iter().filter(|incident| incident.opened_at < self.as_of) {
            let is_linked = matches!(incident.origin, Origin::Named(_) | Origin::Timed(_));
            counts.incidents += 1;
            counts.linked_incidents += usize::from(is_linked);
            counts.unlinked_incidents += usize::from(!is_linked);
            counts.incidents_without_service += usize::from(incident.origin == Origin::NoService);
        }
    }

    fn lead_times(&self) -> Vec<LeadTime> {
        self.names.merged.iter().filter_map(|at| self.lead_time(*at)).collect()
    }

    fn lead_time(&self, at: usize) -> Option<LeadTime> {
        let change = &self.plan.changes[at];
        let rollout = change.rollout.filter(|rollout| *rollout > 0)?;
        let deployed_at = self.finished_at(rollout)?;
        let is_flawed = change.wrong_clock_at.is_some();
        let started_at = if is_flawed { change.opened_at } else { change.authored_at[0] };
        Some(LeadTime {
            change_id: self.names.change(at),
            deployment_id: self.names.deployment(rollout),
            merged_at: Instant(change.merged_at),
            deployed_at: Instant(deployed_at),
            lead_time_micros: deployed_at - started_at,
            basis: if is_flawed { "opened" } else { "first_commit" },
        })
    }

    fn episodes(&self) -> Vec<Episode> {
        let failures = self.plan.rollouts.iter().enumerate();
        failures.filter_map(|(at, rollout)| self.episode(at, rollout.failure.as_ref()?)).collect()
    }

    /// The failure as far as something on record tells of it.
    fn episode(&self, rollout: usize, failure: &Failure) -> Option<Episode> {
        self.finished_at(rollout)?;
        let evidence = self.evidence(failure);
        let restored_at = Some(failure.restored_at).filter(|at| *at < self.as_of);
        (!evidence.is_empty()).then(|| Episode {
            deployment_id: self.names.deployment(rollout),
            started_at: Instant(failure.began_at),
            restored_at: restored_at.map(Instant),
            recovery_micros: restored_at.map(|at| at - failure.began_at),
            evidence,
        })
    }

    fn evidence(&self, failure: &Failure) -> Vec<&'static str> {
        let incidents = failure.incidents.iter().map(|at| &self.plan.incidents[*at]);
        let told = incidents.filter(|incident| incident.opened_at < self.as_of).map(|incident| match incident.origin {
            Origin::Named(_) => "explicit",
            _ => "time_window",
        });
        let remedy = failure.remedy.filter(|remedy| self.finished_at(*remedy).is_some());
        let repaired = remedy.map(|remedy| match self.plan.rollouts[remedy].kind {
            Kind::Rollback => "rollback",
            _ => "hotfix",
        });
        let mut evidence: Vec<&'static str> = told.chain(repaired).collect();
        evidence.sort_unstable();
        evidence.dedup();
        evidence
    }
}
