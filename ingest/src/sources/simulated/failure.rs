//! What goes wrong: rollouts that fail and their repair, outages that no rollout caused, and planted flaws.
//!
//! A planted link must be what the rules find. So an incident that only its time ties to a rollout begins within a
//! day of that rollout's finish and before anything else starts in production; an incident that is nobody's begins
//! more than a day after everything; and a remedy directly follows what it repairs.

use super::calendar::{DAY, HOUR, MINUTE, WEEK, hours, share, whole_second};
use super::organisation::Planted;
use super::plan::{Attempt, Failure, Incident, Kind, Merge, Origin, Outcome, Planner, Revision, Rollout};
use super::random::{Draws, Purpose};

const IS_ROLLED_BACK: f64 = 0.3;
const IS_HOTFIXED: f64 = 0.25;
const ROLLBACK_HAS_INCIDENT: f64 = 0.6;
const NAMES_ITS_CAUSE: f64 = 0.5;
const BEGINS_EARLY: f64 = 0.15;
const IS_LEFT_OPEN: f64 = 0.3;
const HAS_SECOND_INCIDENT: f64 = 0.12;
const OUTAGES_PER_WEEK: f64 = 0.12;
const GAP_HAS_INCIDENT: f64 = 0.03;
/// Bounds of a recovery time.
const RECOVERY: (i64, i64) = (30 * MINUTE, 14 * DAY);

/// How a failure ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repair {
    Rollback(Revision),
    Hotfix,
    /// Something else than a rollout.
    Other,
}

impl Planner<'_> {
    /// Lets a rollout fail with the planted probability; says whether it did.
    pub(crate) fn may_fail(&mut self, rollout: usize) -> bool {
        let started_at = self.plan.rollouts[rollout].started_at();
        let planted = *self.plan.service.planted(started_at);
        let mut draws = self.draws(Purpose::Failure, rollout);
        let fails = draws.chance(planted.change_fail_probability);
        if fails {
            self.fail(rollout, planted, &mut draws);
        }
        fails
    }

    fn fail(&mut self, failed: usize, planted: Planted, draws: &mut Draws) {
        let repair = self.repair(failed, draws);
        let finished_at = self.plan.rollouts[failed].ended_at();
        let has_incident = !matches!(repair, Repair::Rollback(_)) || draws.chance(ROLLBACK_HAS_INCIDENT);
        let is_named = draws.chance(NAMES_ITS_CAUSE);
        let is_early = has_incident && is_named && draws.chance(BEGINS_EARLY);
        let began_at = if is_early { finished_at - draws.whole(1, 5) * MINUTE } else { finished_at };
        let recovery = hours(draws.lognormal(planted.recovery_median_hours, planted.recovery_sigma));
        let restored_at = began_at + recovery.clamp(RECOVERY.0, RECOVERY.1);
        let story = Story { failed, finished_at, began_at, restored_at, is_named };
        let (incidents, remedy) = match repair {
            Repair::Other => self.incidents_alone(story, draws),
            Repair::Rollback(_) | Repair::Hotfix => self.remedy(story, repair, has_incident, draws),
        };
        let restored_at = incidents.last().map_or(restored_at, |last| self.end_of(*last, restored_at));
        self.plan.rollouts[failed].failure = Some(Failure { began_at, restored_at, incidents, remedy });
        if let Some(remedy) = remedy.filter(|remedy| self.plan.rollouts[*remedy].kind == Kind::Hotfix) {
            self.may_fail(remedy);
        }
    }

    fn end_of(&self, incident: usize, restored_at: i64) -> i64 {
        let incident = &self.plan.incidents[incident];
        if incident.remedy.is_some() { restored_at } else { incident.mitigated_at.unwrap_or(incident.resolved_at) }
    }

    fn repair(&self, failed: usize, draws: &mut Draws) -> Repair {
        let way = draws.unit();
        let earlier = &self.plan.rollouts[..failed];
        let before = earlier.iter().rev().find(|rollout| rollout.finished_at().is_some());
        let is_hotfix = self.plan.rollouts[failed].kind == Kind::Hotfix;
        match before {
            // Back from a hotfix would be back to what it repaired.
            Some(before) if way < IS_ROLLED_BACK && !is_hotfix => Repair::Rollback(before.revision),
            _ if way < IS_ROLLED_BACK + IS_HOTFIXED => Repair::Hotfix,
            _ => Repair::Other,
        }
    }

    /// A rollback or hotfix that ends the failure, and mostly an incident before it.
    fn remedy(
        &mut self,
        story: Story,
        repair: Repair,
        has_incident: bool,
        draws: &mut Draws,
    ) -> (Vec<usize>, Option<usize>) {
        let started_at = story.restored_at - draws.whole(5 * MINUTE, 10 * MINUTE);
        let attempt = Attempt { started_at, finished_at: story.restored_at, outcome: Outcome::Success };
        let remedy = match repair {
            Repair::Rollback(revision) => self.push(rollout(Kind::Rollback, revision, attempt)),
            Repair::Hotfix | Repair::Other => self.hotfix(story.finished_at, attempt, draws),
        };
        if !has_incident {
            return (Vec::new(), Some(remedy));
        }
        let mut incident = story.incident(started_at, draws);
        incident.remedy = Some(remedy);
        incident.mitigated_at = draws.chance(0.5).then_some(story.restored_at);
        incident.resolved_at = story.restored_at + hours(draws.between(0.2, 20.0));
        (vec![self.record(incident)], Some(remedy))
    }

    fn hotfix(&mut self, failed_at: i64, attempt: Attempt, draws: &mut Draws) -> usize {
        let window = attempt.started_at - failed_at;
        let written_at = whole_second(failed_at + share(window, 0.5));
        let merged_at = whole_second(failed_at + share(window, 0.9));
        let trunk_at = failed_at + share(window, 0.95);
        let merge = if draws.chance(0.5) { Merge::Commit } else { Merge::Squash };
        let mut change = self.written(merge, 1, (written_at, merged_at), draws);
        let values = self.live.expect("a rollout has failed").values;
        let remedy = self.push(rollout(Kind::Hotfix, Revision { trunk_at, values }, attempt));
        change.is_hotfix = true;
        change.rollout = Some(remedy);
        self.plan.changes.push(change);
        self.carried_until = trunk_at;
        remedy
    }

    /// A failure that ends without a rollout; now and then two records tell of it, or it is still open at the end.
    fn incidents_alone(&mut self, story: Story, draws: &mut Draws) -> (Vec<usize>, Option<usize>) {
        let mut incident = story.incident(story.restored_at, draws);
        self.free_at = incident.opened_at + 10 * MINUTE;
        let is_late = incident.opened_at < self.as_of && incident.opened_at > self.as_of - 3 * WEEK;
        if is_late && draws.chance(IS_LEFT_OPEN) {
            incident.origin = Origin::Named(story.failed);
            incident.resolved_at = self.as_of + 30 * DAY;
            return (vec![self.record(incident)], None);
        }
        let second = draws.chance(HAS_SECOND_INCIDENT).then(|| story.second(incident));
        if second.is_some() {
            incident.resolved_at = story.began_at + share(story.restored_at - story.began_at, 0.9);
        }
        let told = draws.chance(0.6);
        let records: Vec<usize> = [Some(incident), second]
            .into_iter()
            .flatten()
            .map(|incident| {
                let restored_at = incident.resolved_at;
                let closed_later = restored_at + hours(draws.between(0.2, 20.0));
                self.record(if told {
                    Incident { mitigated_at: Some(restored_at), resolved_at: closed_later, ..incident }
                } else {
                    incident
                })
            })
            .collect();
        (records, None)
    }

    fn record(&mut self, incident: Incident) -> usize {
        self.plan.incidents.push(incident);
        self.plan.incidents.len() - 1
    }

    /// Outages of infrastructure and vendors: a Poisson process.
    pub(crate) fn outages(&mut self) {
        let mut draws = self.draws(Purpose::Outage, 0);
        let mut at = self.calendar.start;
        loop {
            at += share(WEEK, draws.exponential() / OUTAGES_PER_WEEK);
            if at >= self.as_of {
                return;
            }
            let origin = if draws.chance(0.7) { Origin::Infrastructure } else { Origin::Vendor };
            let incident = unlinked(origin, at, &mut draws);
            self.record(incident);
        }
    }

    /// Incidents of unknown cause, more than a day after anything was rolled out.
    pub(crate) fn unexplained(&mut self) {
        for at in 1..self.plan.rollouts.len() {
            let (end, next) = (self.plan.rollouts[at - 1].ended_at(), self.plan.rollouts[at].started_at());
            let mut draws = self.draws(Purpose::Gap, at);
            if next - end > 30 * HOUR && draws.chance(GAP_HAS_INCIDENT) {
                let impact_at = end + 25 * HOUR + share(next - end - 27 * HOUR, draws.unit());
                let incident = unlinked(Origin::Unknown, impact_at, &mut draws);
                self.record(incident);
            }
        }
    }

    /// Plants what is wrong in the records themselves.
    pub(crate) fn flaws(&mut self) {
        let index = self.plan.service.index;
        if index == 0 {
            let at = self.calendar.start + 10 * DAY;
            let incident = unlinked(Origin::NoService, at, &mut self.draws(Purpose::Outage, 1));
            self.record(incident);
        }
        if index.is_multiple_of(3) {
            self.wrong_clock();
        }
        if index.is_multiple_of(4) {
            let later = self.plan.rollouts.iter().position(|rollout| {
                rollout.kind == Kind::Release
                    && rollout.failure.is_none()
                    && rollout.finished_at().is_some()
                    && rollout.started_at() > self.calendar.start + 10 * DAY
            });
            self.plan.without_environment = later;
        }
    }

    /// One change says it was written after it was deployed.
    fn wrong_clock(&mut self) {
        let rollouts = &self.plan.rollouts;
        let (earliest, latest) = (self.calendar.start + 10 * DAY, self.as_of - 2 * DAY);
        let change = self.plan.changes.iter_mut().find_map(|change| {
            let deployed_at = rollouts[change.rollout.filter(|rollout| *rollout > 0)?].ended_at();
            let fits = change.merge == Merge::Commit && !change.is_hotfix;
            (fits && change.merged_at > earliest && deployed_at < latest).then_some((change, deployed_at))
        });
        if let Some((change, deployed_at)) = change {
            change.authored_at.truncate(1);
            change.wrong_clock_at = Some(whole_second(deployed_at + DAY));
        }
    }
}

/// One failure in outline.
#[derive(Clone, Copy)]
struct Story {
    failed: usize,
    finished_at: i64,
    began_at: i64,
    restored_at: i64,
    is_named: bool,
}

impl Story {
    /// The incident that tells of it, opened well before `until` and resolved with the failure.
    fn incident(self, until: i64, draws: &mut Draws) -> Incident {
        let is_early = self.began_at < self.finished_at;
        let late = share(until - self.finished_at, draws.between(0.05, 0.4)).min(18 * HOUR);
        let impact_at = if is_early { self.began_at } else { self.finished_at + late };
        let noticed = share(until - impact_at, draws.between(0.0, 0.3)).min(2 * HOUR);
        let is_impact_known = is_early || draws.chance(0.7);
        Incident {
            origin: if self.is_named { Origin::Named(self.failed) } else { Origin::Timed(self.failed) },
            impact_at,
            is_impact_known,
            opened_at: impact_at + noticed,
            mitigated_at: None,
            resolved_at: self.restored_at,
            remedy: None,
        }
    }

    /// A second record of the same failure, opened before the first is resolved, which names its cause.
    fn second(self, first: Incident) -> Incident {
        let opened_at = first.opened_at + share(self.restored_at - first.opened_at, 0.2);
        Incident {
            origin: Origin::Named(self.failed),
            impact_at: opened_at,
            is_impact_known: true,
            opened_at,
            resolved_at: self.restored_at,
            ..first
        }
    }
}

fn rollout(kind: Kind, revision: Revision, attempt: Attempt) -> Rollout {
    Rollout { kind, revision, staged: None, attempts: vec![attempt], failure: None }
}

/// An incident that no rollout caused.
fn unlinked(origin: Origin, impact_at: i64, draws: &mut Draws) -> Incident {
    let opened_at = impact_at + draws.whole(0, 20) * MINUTE;
    let mitigated_at = opened_at + hours(draws.lognormal(1.5, 0.7));
    Incident {
        origin,
        impact_at,
        is_impact_known: draws.chance(0.7),
        opened_at,
        mitigated_at: draws.chance(0.6).then_some(mitigated_at),
        resolved_at: mitigated_at + hours(draws.between(0.2, 5.0)),
        remedy: None,
    }
}
