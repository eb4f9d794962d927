use stats::Philox;

use super::*;
use crate::submission::worlds::{DAY, HOUR, KINDS, Kind, START, waiting, world};

fn names(streams: &Streams) -> Vec<&'static str> {
    regularities(streams).into_iter().map(|one| one.name).collect()
}

/// Services of which each is made from its number.
#[expect(clippy::cast_possible_truncation, reason = "times of this century")]
fn invented(services: u64, mut events: impl FnMut(&mut Philox) -> Vec<f64>) -> Streams {
    Streams::new((0..services).map(|service| {
        let times = events(&mut Philox::new(7, service));
        (format!("deployments of `s{service}`"), times.iter().map(|at| at.floor() as i64).collect())
    }))
}

#[test]
fn honest_events_are_not_called_regular() {
    let mut called = Vec::new();
    for kind in KINDS {
        for seed in 0..60 {
            called.extend(names(&world(seed, kind, 4 + seed % 9)).into_iter().map(|name| (kind, seed, name)));
        }
    }
    // 300 worlds at a millionth: none is expected.
    assert!(called.is_empty(), "{called:?}");
}

#[test]
fn the_tests_reject_as_often_as_they_say() {
    let tests: [(&str, Test); 5] = [
        ("digits", digits),
        ("even weeks", even_weeks),
        ("alike services", alike_services),
        ("equal gaps", equal_gaps),
        ("repeated blocks", repeated_blocks),
    ];
    for (name, test) in tests {
        let (mut looked, mut rejected) = (0_u32, 0_u32);
        for kind in [Kind::Poisson, Kind::Bursts, Kind::WorkingHours] {
            for seed in 0..150 {
                if let Some(p) = test(&world(500 + seed, kind, 10)) {
                    looked += 1;
                    rejected += u32::from(p < 0.05);
                }
            }
        }
        let expected = 0.05 * f64::from(looked);
        assert!(looked > 100, "{name}: {looked}");
        assert!(f64::from(rejected) <= expected + 3.0 * expected.sqrt(), "{name}: {rejected} of {looked}");
    }
}

#[test]
fn seconds_that_somebody_chose_are_told() {
    // Rounded to five seconds, as people write times.
    let rounded = invented(6, |random| {
        let mut at = START;
        let own = (0..80).map(|_| {
            at += waiting(random, 0.5);
            (at / 5.0).floor() * 5.0
        });
        own.collect()
    });
    assert!(names(&rounded).contains(&"digits"), "{:?}", regularities(&rounded));
}

#[test]
fn weeks_that_are_all_alike_are_told() {
    // Ten deployments in every week, at times drawn evenly.
    let even = invented(10, |random| {
        let week = |week: u32| START + f64::from(week) * 7.0 * DAY;
        (0..26).flat_map(|at| (0..10).map(move |_| week(at))).map(|from| from + 7.0 * DAY * random.unit()).collect()
    });
    assert!(names(&even).contains(&"even weeks"), "{:?}", regularities(&even));
    assert!(names(&even).contains(&"alike services"), "{:?}", regularities(&even));
}

#[test]
fn blocks_and_gaps_that_come_again_are_told() {
    // A month of events, written down six times.
    let copied = invented(4, |random| {
        let mut at = 0.0;
        let block: Vec<f64> = (0..30)
            .map(|_| {
                at += waiting(random, 1.0).min(1.5 * DAY);
                at
            })
            .collect();
        (0..6).flat_map(|month| block.iter().map(move |at| START + f64::from(month) * 47.0 * DAY + at)).collect()
    });
    let found = names(&copied);
    assert!(found.contains(&"repeated blocks") && found.contains(&"equal gaps"), "{:?}", regularities(&copied));
    // Several services that are deployed together are one thing that happened, and nothing that was copied.
    let together = world(3, Kind::WorkingHours, 1);
    let (_, times) = together.iter().next().expect("there is a service");
    let together = Streams::new((0..5).map(|at| (format!("deployments of `s{at}`"), times.to_vec())));
    assert!(!names(&together).contains(&"repeated blocks"), "{:?}", regularities(&together));
}

#[test]
fn a_release_train_is_regular_and_honest() {
    for kind in [Kind::Train, Kind::Scheduled] {
        let (_, times) =
            world(1, kind, 1).iter().next().map(|(name, times)| (name.to_owned(), times.to_vec())).expect("one");
        assert!(is_scheduled(&times), "{kind:?}");
    }
    let hourly: Vec<f64> = (0..400).map(|at| START + f64::from(at) * HOUR).collect();
    assert_eq!(names(&invented(3, |_| hourly.clone())), Vec::<&str>::new());
}
