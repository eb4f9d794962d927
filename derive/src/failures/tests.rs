use std::collections::BTreeSet;

use lake::{Instant, tables::rollout_failures};
use proptest::prelude::*;

use super::{by_rollout, one_each};

fn evidence(rollout_id: &str, method: &str, evidence_id: &str) -> rollout_failures::Row {
    rollout_failures::Row {
        rollout_id: rollout_id.into(),
        method: method.into(),
        evidence_id: evidence_id.into(),
        service: String::new(),
        environment: String::new(),
        impact_at: Instant(0),
        restored_at: None,
        restored_by: None,
        remedy_rollout_id: None,
        is_accepted: true,
        is_explicit: true,
        confidence: 1.0,
        reason: String::new(),
    }
}

/// `rollout method evidence`, one a line.
#[track_caller]
fn check(lines: &[&str], expected: &[(&str, &str)]) {
    let mut rows: Vec<_> = lines
        .iter()
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            evidence(words[0], words[1], words[2])
        })
        .collect();
    for _ in 0..2 {
        assert_eq!(by_rollout(rows.iter()).into_iter().collect::<Vec<_>>(), expected);
        rows.reverse();
    }
}

#[test]
fn an_incident_in_two_services_is_one_failure_whatever_else_tells_of_either() {
    // The rollback's id comes before the incident's: which piece of evidence sorts first must not matter.
    check(&["api rollback a-remedy", "api time_window i1", "web time_window i1"], &[("api", "api"), ("web", "api")]);
}

#[test]
fn incidents_in_a_chain_are_one_failure() {
    check(
        &["c time_window i1", "b time_window i1", "b explicit i2", "a remedy i2", "d time_window i3"],
        &[("a", "a"), ("b", "a"), ("c", "a"), ("d", "d")],
    );
}

#[test]
fn a_hotfix_that_failed_itself_is_a_failure_of_its_own() {
    // Its id is the evidence against the rollout it repairs, and in traffic against itself.
    check(&["r5 hotfix r6", "r6 traffic r6"], &[("r5", "r5"), ("r6", "r6")]);
}

proptest! {
    /// Two rollouts are one failure exactly where a walk over shared incidents leads from one to the other.
    #[test]
    fn failures_equal_brute_force(pairs in prop::collection::vec((0usize..8, 0usize..8), 0..16)) {
        let rows: Vec<_> =
            pairs.iter().map(|(rollout, incident)| evidence(&format!("r{rollout}"), "explicit", &format!("i{incident}"))).collect();
        let found = by_rollout(rows.iter());
        for start in pairs.iter().map(|(rollout, _)| *rollout) {
            let mut reached = BTreeSet::from([start]);
            for _ in 0..pairs.len() {
                let incidents: BTreeSet<usize> =
                    pairs.iter().filter(|(rollout, _)| reached.contains(rollout)).map(|(_, incident)| *incident).collect();
                reached.extend(pairs.iter().filter(|(_, incident)| incidents.contains(incident)).map(|(rollout, _)| *rollout));
            }
            let smallest = format!("r{}", reached.first().expect("it reaches itself"));
            prop_assert_eq!(found[format!("r{start}").as_str()], smallest.as_str());
        }
    }
}

#[test]
fn one_deployment_that_an_incident_names_for_two_services_is_one_piece_of_evidence() {
    let at = |hour: i64| Instant::from_seconds(hour * 3600);
    let told = |impact: i64, restored: Option<i64>, by: &str| rollout_failures::Row {
        impact_at: at(impact),
        restored_at: restored.map(at),
        restored_by: restored.map(|_| by.to_owned()),
        ..evidence("r1", "explicit", "i1")
    };
    let mut rows = vec![told(2, Some(5), "resolved"), told(1, Some(9), "mitigated"), evidence("r1", "traffic", "r1")];
    for _ in 0..2 {
        let kept = one_each(rows.clone());
        assert_eq!(kept.len(), 2);
        assert_eq!((kept[0].impact_at, kept[0].restored_at), (at(1), Some(at(9))));
        assert_eq!(kept[0].restored_by.as_deref(), Some("mitigated"));
        rows.reverse();
    }
    // While one service is down the incident goes on.
    rows[0].restored_at = None;
    rows[2].restored_at = None;
    for _ in 0..2 {
        assert_eq!(one_each(rows.clone())[0].restored_at, None);
        rows.reverse();
    }
}

mod oracle {
    //! The stage `rollout_failures` against a plain reading of the rules, loop by loop.

    use std::collections::BTreeMap;

    use datafusion::prelude::SessionContext;
    use lake::tables::{incidents, rollouts};

    use super::*;
    use crate::failures::alerts::Clearing;
    use crate::failures::{Revert, register_alerts, register_reverts};
    use crate::flags::Flags;
    use crate::{Plan, session, stages, testing};

    fn at(hour: i64) -> Instant {
        Instant::from_seconds(hour * 3600)
    }

    #[derive(Clone, Debug)]
    struct World {
        rollouts: Vec<rollouts::Row>,
        incidents: Vec<incidents::Row>,
        reverts: Vec<Revert>,
        clearings: Vec<Clearing>,
    }

    /// Rollouts one after the other, ten hours apart, each of any kind.
    fn any_rollouts() -> impl Strategy<Value = Vec<rollouts::Row>> {
        let one =
            (0usize..6, 1i64..9, prop::bool::weighted(0.9), prop::option::of(0usize..6), prop::bool::weighted(0.2));
        prop::collection::vec(one, 1..7).prop_map(|all| {
            let row = |(place, one): (usize, (usize, i64, bool, Option<usize>, bool))| {
                let (kind, lasts, is_finished, restores, in_traffic) = one;
                let kind = ["release", "release", "hotfix", "rollback", "redeploy", "feature_flag"][kind];
                let hour = 10 * i64::try_from(place).expect("a few");
                let counts = is_finished && !matches!(kind, "redeploy" | "rollback" | "feature_flag");
                let restored = restores.filter(|target| *target < place && kind == "rollback");
                rollouts::Row {
                    finished_at: is_finished.then(|| at(hour + lasts)),
                    in_change_fail_rate: counts,
                    restores_rollout_id: restored.map(|target| format!("r{target}")),
                    failed_in_traffic: in_traffic,
                    impaired_at: in_traffic.then(|| at(hour)),
                    ..testing::rollout(&format!("r{place}"), kind, hour)
                }
            };
            all.into_iter().enumerate().map(row).collect()
        })
    }

    fn any_incidents() -> impl Strategy<Value = Vec<incidents::Row>> {
        let later = || prop::option::of(0i64..15);
        let named = || prop::option::weighted(0.3, 0usize..8);
        let one = (0i64..90, 0usize..4, named(), named(), later(), later());
        prop::collection::vec(one, 0..5).prop_map(|all| {
            type One = (i64, usize, Option<usize>, Option<usize>, Option<i64>, Option<i64>);
            let row = |(place, one): (usize, One)| {
                let (opened, cause, causes, remedies, mitigated, resolved) = one;
                incidents::Row {
                    cause: ["change", "unknown", "infrastructure", "vendor"][cause].into(),
                    cause_deployment_id: causes.map(|rollout| format!("d-r{rollout}")),
                    remedy_deployment_id: remedies.map(|rollout| format!("d-r{rollout}")),
                    mitigated_at: mitigated.map(|after| at(opened + after)),
                    resolved_at: resolved.map(|after| at(opened + after)),
                    ..testing::incident(&format!("i{place}"), opened)
                }
            };
            all.into_iter().enumerate().map(row).collect()
        })
    }

    fn worlds() -> impl Strategy<Value = World> {
        let reverts = prop::collection::vec((0usize..7, prop::option::of(0usize..7), any::<bool>()), 0..3);
        let clearings = prop::collection::btree_map(0i64..90, (1i64..5, any::<bool>()), 0..3);
        (any_rollouts(), any_incidents(), reverts, clearings).prop_map(|(rollouts, incidents, reverts, clearings)| {
            let finished = |place: usize| rollouts.get(place).is_some_and(|rollout| rollout.finished_at.is_some());
            let revert = |(at, (brought, remedy, counts)): (usize, (usize, Option<usize>, bool))| {
                let remedy = remedy.filter(|remedy| finished(*remedy));
                finished(brought).then(|| Revert {
                    rollout_id: format!("r{brought}"),
                    reverting_id: format!("v{at}"),
                    remedy_id: remedy.map(|remedy| format!("r{remedy}")),
                    is_accepted: counts && remedy.is_some(),
                    reason: "",
                })
            };
            let reverts = reverts.into_iter().enumerate().filter_map(revert).collect();
            let clearing = |(start, (lasts, is_clear)): (i64, (i64, bool))| Clearing {
                service: "api".into(),
                started_at: at(start),
                cleared_at: is_clear.then(|| at(start + lasts)),
            };
            World {
                rollouts: rollouts.clone(),
                incidents,
                reverts,
                clearings: clearings.into_iter().map(clearing).collect(),
            }
        })
    }

    /// Accepted, explicit, and restored when.
    type Verdict = (bool, bool, Option<Instant>);
    type Found = BTreeMap<(String, String, String), Verdict>;

    fn by_stage(world: &World) -> Found {
        let plan = Plan::default();
        let flags: Vec<Flags> = world
            .rollouts
            .iter()
            .map(|_| Flags {
                is_production: true,
                failures_observed: true,
                remedies_observed: true,
                is_in_read_range: true,
            })
            .collect();
        let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
        let rows = runtime.block_on(async {
            let context = crate::with_functions(&SessionContext::new(), plan.seed);
            session::register_settings(&context, &plan, at(1_000)).expect("settings");
            let exposure = crate::exposure::Exposure::default();
            session::register_rollouts(&context, &world.rollouts, &flags, &exposure, &plan).expect("rollouts");
            session::register_incidents(&context, &world.incidents, &exposure, &plan).expect("incidents");
            register_reverts(&context, &world.reverts).expect("reverts");
            register_alerts(&context, &world.clearings).expect("alerts");
            stages::run(&context).await.expect("the stage runs")
        });
        one_each(rows)
            .into_iter()
            .map(|row| {
                ((row.rollout_id, row.method, row.evidence_id), (row.is_accepted, row.is_explicit, row.restored_at))
            })
            .collect()
    }

    /// A rollout that was repaired, by which one, when, and whether that is told and not guessed.
    struct Repair<'a> {
        rollout: &'a rollouts::Row,
        remedy: &'a rollouts::Row,
        is_explicit: bool,
    }

    impl World {
        fn finished(&self) -> Vec<(&rollouts::Row, Instant)> {
            self.rollouts.iter().filter_map(|rollout| Some((rollout, rollout.finished_at?))).collect()
        }

        fn named(&self, deployment_id: Option<&String>) -> Option<&rollouts::Row> {
            self.rollouts.iter().find(|rollout| Some(&rollout.deployment_ids[0]) == deployment_id)
        }

        fn by_plain_reading(&self) -> Found {
            let mut found = Found::new();
            let mut repairs = Vec::new();
            for (remedy, end) in self.finished() {
                self.remedied_by(remedy, end, &mut found, &mut repairs);
            }
            for revert in &self.reverts {
                let is = |id: &str| self.rollouts.iter().find(|rollout| rollout.rollout_id == id);
                let remedy = revert.remedy_id.as_deref().and_then(is).filter(|remedy| seen(remedy));
                let Some(rollout) = is(&revert.rollout_id).filter(|rollout| seen(rollout)) else { continue };
                let key = (revert.rollout_id.clone(), "revert".to_owned(), revert.reverting_id.clone());
                let end = remedy.and_then(|remedy| remedy.finished_at);
                found.insert(key, (revert.is_accepted, revert.is_accepted, end));
                if let Some(remedy) = remedy.filter(|_| revert.is_accepted) {
                    repairs.push(Repair { rollout, remedy, is_explicit: true });
                }
            }
            let finished: Vec<_> = self.finished().into_iter().filter(|(rollout, _)| seen(rollout)).collect();
            for (place, (rollout, end)) in finished.iter().enumerate() {
                if rollout.failed_in_traffic && rollout.in_change_fail_rate {
                    // It was tried again and succeeded everywhere, as all of them do that are not given up.
                    let restored = if Some(*end) >= rollout.impaired_at {
                        Some(*end)
                    } else {
                        finished.get(place + 1).map(|next| next.1)
                    };
                    let id = rollout.rollout_id.clone();
                    found.insert((id.clone(), "traffic".into(), id), (true, true, restored));
                }
            }
            for incident in self.incidents.iter().filter(|one| matches!(one.cause.as_str(), "change" | "unknown")) {
                self.linked_to(incident, &repairs, &mut found);
            }
            found
        }

        fn remedied_by<'a>(
            &'a self,
            remedy: &'a rollouts::Row,
            end: Instant,
            found: &mut Found,
            repairs: &mut Vec<Repair<'a>>,
        ) {
            let names =
                |incident: &&incidents::Row| incident.remedy_deployment_id.as_ref() == Some(&remedy.deployment_ids[0]);
            let naming: Vec<_> = self.incidents.iter().filter(names).collect();
            let is_excused = !naming.is_empty()
                && naming.iter().all(|one| matches!(one.cause.as_str(), "infrastructure" | "vendor"));
            let before = |from: Option<Instant>, until: Instant| -> Vec<&rollouts::Row> {
                let finished = self.finished().into_iter();
                finished
                    .filter(|(one, at)| one.in_change_fail_rate && from.is_none_or(|from| *at > from) && *at < until)
                    .map(|(one, _)| one)
                    .collect()
            };
            let target = remedy.restores_rollout_id.as_ref();
            let (failed, is_explicit) = match (remedy.kind.as_str(), target) {
                ("rollback", Some(target)) => {
                    let target = self.rollouts.iter().find(|one| one.rollout_id == *target && seen(one));
                    match target.and_then(|target| target.finished_at) {
                        Some(from) => (before(Some(from), end), true),
                        None => (vec![], true),
                    }
                }
                ("rollback" | "hotfix", None) if naming.iter().all(|one| one.cause_deployment_id.is_none()) => {
                    (before(None, remedy.started_at).into_iter().next_back().into_iter().collect(), false)
                }
                _ => (vec![], false),
            };
            for (place, rollout) in failed.into_iter().enumerate() {
                let counts = place == 0 && !is_excused;
                let key = (rollout.rollout_id.clone(), remedy.kind.clone(), remedy.rollout_id.clone());
                found.insert(key, (counts, counts && is_explicit, Some(end)));
                if counts {
                    repairs.push(Repair { rollout, remedy, is_explicit });
                }
            }
        }

        fn linked_to(&self, incident: &incidents::Row, repairs: &[Repair<'_>], found: &mut Found) {
            let impact = incident.opened_at;
            let cause = self.named(incident.cause_deployment_id.as_ref());
            let remedy =
                self.named(incident.remedy_deployment_id.as_ref()).filter(|one| one.finished_at.is_some() && seen(one));
            let mut links: BTreeMap<&str, (&str, bool, bool)> = BTreeMap::new();
            if let Some(cause) = cause.filter(|cause| cause.finished_at.is_some() && cause.in_change_fail_rate) {
                links.insert(&cause.rollout_id, ("explicit", true, true));
            }
            if cause.is_none() {
                for repair in
                    repairs.iter().filter(|repair| Some(&repair.remedy.rollout_id) == remedy.map(|one| &one.rollout_id))
                {
                    let link = links.entry(&repair.rollout.rollout_id).or_insert(("remedy", true, false));
                    link.2 |= repair.is_explicit;
                }
            }
            let is_free = cause.is_none() && links.is_empty();
            let day = 24 * 3600 * Instant::MICROS;
            let near =
                self.finished().into_iter().rev().filter(|(one, end)| {
                    one.in_change_fail_rate && one.started_at <= impact && impact.0 - end.0 <= day
                });
            for (place, (rollout, _)) in near.enumerate() {
                links.entry(&rollout.rollout_id).or_insert(("time_window", is_free && place == 0, false));
            }
            for (rollout_id, (method, is_accepted, is_explicit)) in links {
                let of_rollout = repairs.iter().filter(|repair| repair.rollout.rollout_id == rollout_id);
                let repaired =
                    of_rollout.filter_map(|repair| repair.remedy.finished_at).min().filter(|end| *end >= impact);
                let until = incident.resolved_at.unwrap_or(at(1_000));
                let firing = self
                    .clearings
                    .iter()
                    .find(|one| one.started_at <= until && one.cleared_at.is_none_or(|end| end > impact));
                let restored = incident
                    .mitigated_at
                    .or(remedy.and_then(|remedy| remedy.finished_at))
                    .or(repaired)
                    .or(firing.and_then(|firing| firing.cleared_at))
                    .or(incident.resolved_at);
                let key = (rollout_id.to_owned(), method.to_owned(), incident.incident_id.clone());
                found.insert(key, (is_accepted, is_explicit, restored));
            }
        }
    }

    /// A flip of a feature flag that does not count is not looked at.
    fn seen(rollout: &rollouts::Row) -> bool {
        rollout.finished_at.is_some() && rollout.kind != "feature_flag"
    }

    /// The world of another service, in which every id is its own.
    fn of_service(number: usize, mut world: World) -> World {
        let name = |text: &mut String| *text = format!("s{number}-{text}");
        let name_any = |text: &mut Option<String>| text.iter_mut().for_each(name);
        for rollout in &mut world.rollouts {
            name(&mut rollout.service);
            name(&mut rollout.rollout_id);
            name_any(&mut rollout.restores_rollout_id);
            rollout.deployment_ids.iter_mut().for_each(name);
        }
        for incident in &mut world.incidents {
            name_any(&mut incident.service);
            name(&mut incident.incident_id);
            name_any(&mut incident.cause_deployment_id);
            name_any(&mut incident.remedy_deployment_id);
        }
        for revert in &mut world.reverts {
            name(&mut revert.rollout_id);
            name(&mut revert.reverting_id);
            name_any(&mut revert.remedy_id);
        }
        world.clearings.iter_mut().for_each(|one| name(&mut one.service));
        world
    }

    proptest! {
        // Planning the query takes longer than answering it for many services at once.
        #![proptest_config(ProptestConfig { cases: 3, max_shrink_iters: 12, ..ProptestConfig::default() })]
        #[test]
        fn links_and_restorations_equal_a_plain_reading_of_the_rules(worlds in prop::collection::vec(worlds(), 40)) {
            let mut all = World { rollouts: vec![], incidents: vec![], reverts: vec![], clearings: vec![] };
            let mut expected = Found::new();
            for (number, world) in worlds.into_iter().enumerate() {
                let world = of_service(number, world);
                expected.append(&mut world.by_plain_reading());
                all.rollouts.extend(world.rollouts);
                all.incidents.extend(world.incidents);
                all.reverts.extend(world.reverts);
                all.clearings.extend(world.clearings);
            }
            prop_assert_eq!(by_stage(&all), expected);
        }
    }
}
