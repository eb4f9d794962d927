//! However the records come in, what is derived is the same: in any order and in any pieces, read again, and with what
//! their source said of them earlier in between.

use derive::{Derived, Plan};
use lake::Batch;
use lake::tables::{deployments, incidents};
use proptest::prelude::*;

use crate::world::{World, derived_from, hour};

/// A few deployments of two services, and incidents that name some of them.
fn worlds() -> impl Strategy<Value = World> {
    let deployment = (0usize..2, 0usize..5, 0i64..150, 0i64..4, 0usize..4, 0usize..2, 0usize..4);
    let incident = (0usize..2, 0i64..160, prop::option::of(0i64..20), prop::option::of(0usize..8), 0usize..3);
    (prop::collection::vec(deployment, 2..10), prop::collection::vec(incident, 0..5)).prop_map(
        |(deployments, incidents)| {
            let lines: Vec<String> = deployments
                .iter()
                .enumerate()
                .map(|(at, (service, revision, start, lasts, status, target, intent))| {
                    let service = ["api", "web"][*service];
                    let status = ["success", "success", "failure", "cancelled"][*status];
                    let target = ["eu", "us"][*target];
                    let intent = ["", "intent=hotfix", "", "intent=rollback"][*intent];
                    let ends = start + lasts;
                    let users = if at % 2 == 0 { "yes" } else { "no" };
                    format!(
                        "d{at} {service} repo@c{revision} {start} ends={ends} status={status} target={target} users={users} updated=500 {intent}"
                    )
                })
                .collect();
            let incidents: Vec<String> = incidents
                .iter()
                .enumerate()
                .map(|(at, (service, opened, lasts, named, cause))| {
                    let service = ["api", "web"][*service];
                    let resolved = lasts.map_or_else(|| "-".to_owned(), |lasts| (opened + lasts).to_string());
                    let cause = ["unknown", "change", "infrastructure"][*cause];
                    let named = named.map_or_else(String::new, |deployment| {
                        let role = if deployment % 2 == 0 { "caused" } else { "remedy" };
                        format!("{role}=d{deployment}")
                    });
                    format!("i{at} {service} {opened} {resolved} cause={cause} updated=500 {named}")
                })
                .collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let incidents: Vec<&str> = incidents.iter().map(String::as_str).collect();
            World::default()
                .commits(&["c0", "c1 parents=c0", "c2 parents=c1", "c3 parents=c1", "c4 parents=c2,c3"])
                .changes(&["c1 1 10", "c2 5 20", "c3 8 30", "c4 20 40 reverts=c2"])
                .deployments(&["first api repo@c0 0 updated=500", "second web repo@c0 0 updated=500"])
                .deployments(&lines)
                .incidents(&incidents)
        },
    )
}

/// The same records as their source told them at first: under way, open, and under another revision.
fn earlier(world: &World) -> World {
    let deployments = world.deployments.iter().map(|row| deployments::Row {
        status: "running".into(),
        revisions: vec!["repo@c0".into()],
        finished_at: None,
        updated_at: Some(hour(400)),
        ..row.clone()
    });
    let incidents = world.incidents.iter().map(|row| incidents::Row {
        resolved_at: None,
        cause: "change".into(),
        cause_deployment_id: Some("d1".into()),
        updated_at: Some(hour(400)),
        ..row.clone()
    });
    World { deployments: deployments.collect(), incidents: incidents.collect(), ..World::default() }
}

/// The rows from the last to the first, and of those every other one.
fn every_other_backwards(world: &World) -> World {
    let mut world = world.clone();
    world.deployments.reverse();
    world.incidents.reverse();
    world.changes.reverse();
    world.commits.reverse();
    world.change_commits.reverse();
    let mut keep = [true, false].into_iter().cycle();
    world.deployments.retain(|_| keep.next() == Some(true));
    world.incidents.retain(|_| keep.next() == Some(true));
    world
}

fn tables(derived: &Derived) -> String {
    format!(
        "{:#?} {:#?} {:#?} {:#?} {:#?}",
        derived.rollouts, derived.rollout_changes, derived.rollout_failures, derived.recovery_episodes, derived.metrics
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2, max_shrink_iters: 20, ..ProptestConfig::default() })]
    #[test]
    fn any_way_of_reading_the_records_gives_the_same_tables(world in worlds()) {
        let plan = Plan { since: Some(hour(0)), as_of: Some(hour(336)), seed: 3, ..Plan::default() };
        let once = derived_from(&[world.batch("a")], &plan);
        let batches: Vec<Batch> =
            vec![every_other_backwards(&world).batch("a"), world.batch("a"), earlier(&world).batch("a"), world.batch("a")];
        let often = derived_from(&batches, &plan);
        prop_assert_eq!(tables(&often), tables(&once));
        prop_assert_eq!(often.input_digest, once.input_digest);
    }
}
