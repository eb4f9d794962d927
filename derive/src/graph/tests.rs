use std::collections::BTreeSet;

use lake::tables::commits;
use proptest::prelude::*;

use super::Graph;
use crate::testing;

fn commit(number: usize, parents: &[usize]) -> commits::Row {
    let parents: Vec<String> = parents.iter().map(|parent| format!("c{parent}")).collect();
    testing::commit("r", &format!("c{number}"), &parents.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Any acyclic history: each commit's parents come from those before it.
fn histories() -> impl Strategy<Value = Vec<Vec<usize>>> {
    prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..3), 1..40).prop_map(|picks| {
        picks
            .iter()
            .enumerate()
            .map(|(at, picks)| {
                let parents: BTreeSet<usize> =
                    if at == 0 { BTreeSet::new() } else { picks.iter().map(|pick| pick.index(at)).collect() };
                parents.into_iter().collect()
            })
            .collect()
    })
}

/// All ancestors of each commit, itself included, by closing the relation step by step.
fn closure(history: &[Vec<usize>]) -> Vec<BTreeSet<usize>> {
    let mut ancestors: Vec<BTreeSet<usize>> = Vec::new();
    for (at, parents) in history.iter().enumerate() {
        let mut own: BTreeSet<usize> = parents.iter().flat_map(|parent| ancestors[*parent].clone()).collect();
        own.insert(at);
        ancestors.push(own);
    }
    ancestors
}

proptest! {
    #[test]
    fn first_arrival_equals_brute_force(history in histories(), tips in prop::collection::vec(any::<prop::sample::Index>(), 1..8)) {
        let rows: Vec<_> = history.iter().enumerate().map(|(at, parents)| commit(at, parents)).collect();
        let graph = Graph::new(rows.iter());
        let closure = closure(&history);
        let mut seen = vec![false; graph.len()];
        let mut before: BTreeSet<usize> = BTreeSet::new();
        for tip in tips {
            let tip = tip.index(history.len());
            let mut carried = BTreeSet::new();
            let walk = graph.visit_new(u32::try_from(tip).unwrap_or(0), &mut seen, |number| {
                carried.insert(number as usize);
            });
            let expected: BTreeSet<usize> = closure[tip].difference(&before).copied().collect();
            prop_assert_eq!(walk.new_count, expected.len());
            prop_assert_eq!(&carried, &expected);
            before.extend(closure[tip].iter().copied());
        }
    }

    #[test]
    fn reaches_equals_brute_force(history in histories()) {
        let rows: Vec<_> = history.iter().enumerate().map(|(at, parents)| commit(at, parents)).collect();
        let graph = Graph::new(rows.iter());
        for (tip, ancestors) in closure(&history).iter().enumerate() {
            for other in 0..history.len() {
                let (from, to) = (u32::try_from(tip).unwrap_or(0), u32::try_from(other).unwrap_or(0));
                prop_assert_eq!(graph.reaches(from, to), ancestors.contains(&other));
            }
        }
    }
}

#[test]
fn a_walk_tells_where_the_known_history_ends() {
    let rows = [commit(7, &[6]), commit(8, &[7])];
    let graph = Graph::new(rows.iter());
    let tip = graph.number("c8").expect("it was given");
    let walk = graph.visit_new(tip, &mut [false, false], |_| ());
    assert!(walk.left_history);
    assert_eq!(walk.new_count, 2);
    assert_eq!(graph.number("c6"), None);
}
