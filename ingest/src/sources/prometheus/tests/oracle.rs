//! Intervals against brute force: planted evaluations, walked tick by tick.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::planted::{Alert, Held, Run, START, Sample, labels};
use crate::sources::prometheus::intervals::{End, Keep, Looked, Pace, intervals};
use crate::sources::prometheus::presence::Presence;
use crate::sources::prometheus::timeline::{Identifying, Sight, Timeline, Track, Witness, runs};
use crate::sources::prometheus::windows::{SECOND, Window};
use lake::Instant;

const EVERY: i64 = 15;

/// Conditions of up to three pods, tick by tick, and what the rule asks for.
#[derive(Clone, Debug)]
struct Planted {
    pods: Vec<Vec<bool>>,
    hold: i64,
    flapping: i64,
}

fn planted() -> impl Strategy<Value = Planted> {
    let length = 120;
    // Spells of on and off, so that both short and long ones occur.
    let spells = prop::collection::vec((any::<bool>(), 1_usize..12), 1..30);
    let pod = spells.prop_map(move |spells| {
        let ticks = spells.into_iter().flat_map(|(on, count)| std::iter::repeat_n(on, count));
        ticks.chain(std::iter::repeat(false)).take(length).collect::<Vec<bool>>()
    });
    (prop::collection::vec(pod, 1..4), 0_i64..4, 0_i64..12)
        .prop_map(|(pods, hold, flapping)| Planted { pods, hold: hold * EVERY, flapping: flapping * EVERY })
}

impl Planted {
    /// The samples as a server would have written them.
    fn held(&self) -> Held {
        let mut held = Held::default();
        for (number, pod) in self.pods.iter().enumerate() {
            let on: Vec<(i64, i64)> = (0..).zip(pod).filter(|(_, on)| **on).map(|(tick, _)| (tick * EVERY, (tick + 1) * EVERY)).collect();
            let name = format!("pod-{number}");
            let alert = Alert::new(&[("alertname", "A"), ("pod", &name)], self.hold, &on);
            held.evaluate(&Run::new(EVERY, 0, self.ticks() * EVERY), &alert);
        }
        held
    }

    fn ticks(&self) -> i64 {
        i64::try_from(self.pods[0].len()).expect("few ticks")
    }

    /// Whether any pod's alert fires at each tick: by the rule's own words, nothing else.
    fn fires(&self) -> Vec<bool> {
        let hold = usize::try_from(self.hold / EVERY).expect("not negative");
        (0..self.pods[0].len())
            .map(|tick| self.pods.iter().any(|pod| tick >= hold && pod[tick - hold..=tick].iter().all(|on| *on)))
            .collect()
    }

    /// First and last tick of every interval, and how many firings it holds.
    fn expected(&self) -> Vec<(i64, i64, i64)> {
        let mut expected: Vec<(i64, i64, i64)> = Vec::new();
        let mut before = false;
        for (tick, fires) in (0..).zip(self.fires()) {
            match expected.last_mut() {
                Some(last) if fires && before => last.1 = tick,
                Some(last) if fires && (tick - last.1) * EVERY <= self.flapping => {
                    last.1 = tick;
                    last.2 += 1;
                }
                _ if fires => expected.push((tick, tick, 1)),
                _ => {}
            }
            before = fires;
        }
        expected
    }

    fn pace(&self) -> Pace {
        Pace {
            evaluation: EVERY * SECOND,
            hold: Some(self.hold * SECOND),
            keep: Keep::For(0),
            step: None,
            flapping: self.flapping * SECOND,
        }
    }

    /// What comes out where the samples are read in windows that end at these ticks.
    fn track(&self, cuts: &[i64]) -> Track {
        let held = self.held();
        let identifying = Identifying { names: ["alertname".to_owned()].into(), external: labels(&[]) };
        let mut timeline = Timeline::default();
        let ends = cuts.iter().copied().chain([self.ticks()]);
        let mut start = 0;
        for end in ends {
            let (from, to) = (START + start * EVERY * 1000, START + end * EVERY * 1000);
            start = end;
            for (series, sights) in sights(&held, from, to) {
                let identity = identifying.identity(&series);
                let found = runs(sights, self.pace().reach());
                timeline.see(identity, &format!("{series:?}"), Witness::Samples, found, self.pace().reach());
            }
        }
        timeline.tracks.into_values().next().unwrap_or_default()
    }

    fn found(&self, cuts: &[i64]) -> Vec<(i64, i64, i64)> {
        let presence = Presence::new(0);
        // It is looked for long before and long after.
        let range = Window::new(Instant((START - 10_000_000) * 1000), Instant((START + 100_000_000) * 1000));
        let tick = |at: Instant| (at.0 / 1000 - START) / 1000 / EVERY;
        intervals(&self.track(cuts), &self.pace(), Looked { range, presence: &presence })
            .into_iter()
            .map(|interval| {
                assert_eq!(interval.end, End::Over { error: EVERY * SECOND });
                assert_eq!((interval.start, interval.start_error), (interval.first, Some(EVERY * SECOND)));
                (tick(interval.first), tick(interval.last), interval.firing_count)
            })
            .collect()
    }
}

/// Firing samples in `[from, to)` by series, with since when they are active.
fn sights(held: &Held, from: i64, to: i64) -> BTreeMap<super::super::wire::Labels, Vec<Sight>> {
    let mut sights = BTreeMap::new();
    for (series, samples) in held.0.iter().filter(|(series, _)| series.get("alertstate").is_some_and(|state| state == "firing")) {
        let mut plain = series.clone();
        plain.retain(|name, _| name != "alertstate" && name != "__name__");
        let mut active = plain.clone();
        active.insert("__name__".to_owned(), "ALERTS_FOR_STATE".to_owned());
        let since = |at: &i64| match held.0.get(&active)?.get(at)? {
            Sample::Value(value) => Some(Instant(value.parse::<i64>().ok()? * SECOND)),
            _ => None,
        };
        let seen = samples.range(from..to).filter(|(_, sample)| **sample != Sample::Stale);
        let seen: Vec<Sight> = seen.map(|(at, _)| Sight { at: Instant(at * 1000), active_at: since(at) }).collect();
        sights.insert(plain, seen);
    }
    sights
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn intervals_are_those_of_a_walk_tick_by_tick(planted in planted()) {
        prop_assert_eq!(planted.found(&[]), planted.expected());
    }

    #[test]
    fn it_does_not_matter_where_windows_are_cut(planted in planted(), cuts in prop::collection::btree_set(1_i64..120, 0..12)) {
        let cuts: Vec<i64> = cuts.into_iter().collect();
        prop_assert_eq!(planted.track(&cuts), planted.track(&[]));
    }

    #[test]
    fn samples_read_again_change_nothing(planted in planted(), from in 0_i64..120, to in 0_i64..120) {
        let whole = planted.track(&[]);
        let mut again = Timeline::default();
        again.tracks.insert(labels(&[]), whole.clone());
        for (series, sights) in sights(&planted.held(), START + from * EVERY * 1000, START + to.max(from) * EVERY * 1000) {
            let found = runs(sights, planted.pace().reach());
            again.see(labels(&[]), &format!("{series:?}"), Witness::Samples, found, planted.pace().reach());
        }
        let mut again = again.tracks.into_values().next().expect("one alert");
        again.series.retain(|_, series| !series.runs.is_empty());
        let mut whole = whole;
        whole.series.retain(|_, series| !series.runs.is_empty());
        prop_assert_eq!(again, whole);
    }

    #[test]
    fn what_is_remembered_is_what_was_known(planted in planted()) {
        let mut timeline = Timeline::default();
        timeline.tracks.insert(labels(&[("alertname", "A")]), planted.track(&[]));
        let memory = timeline.to_memory();
        prop_assert_eq!(Timeline::from_memory(Some(&memory)), timeline);
    }
}
