use stats::Philox;

use super::*;
use crate::submission::worlds::{KINDS, Kind, world};

/// The same events under other names, moved in time.
fn renamed(streams: &Streams, by: i64) -> Streams {
    Streams::new(
        streams.iter().enumerate().map(|(at, (_, times))| {
            (format!("deployments of `other{at}`"), times.iter().map(|time| time + by).collect())
        }),
    )
}

#[test]
fn copied_events_are_known_by_the_time_between_them() {
    let own = world(1, Kind::WorkingHours, 6);
    for by in [0, 123_456_789] {
        let shared = overlap(&own, &renamed(&own, by), &BoardKey::default()).expect("they are the same");
        assert_eq!((shared.share.to_bits(), shared.runs), (1.0_f64.to_bits(), shared.of), "{shared:?}");
        assert!(shared.of > 300, "{shared:?}");
    }
}

#[test]
fn a_part_that_was_copied_is_found_with_its_share() {
    let (own, other) = (world(2, Kind::Poisson, 6), world(3, Kind::Poisson, 6));
    // One service of six is somebody else's second half.
    let mut mixed: BTreeMap<String, Vec<i64>> =
        own.iter().map(|(name, times)| (name.to_owned(), times.to_vec())).collect();
    let (_, copied) = other.iter().next().expect("there is a service");
    mixed.insert("deployments of `s0`".to_owned(), copied[copied.len() / 2..].to_vec());
    let shared = overlap(&Streams::new(mixed), &other, &BoardKey::default()).expect("a part is the same");
    assert!((shared.share - 1.0).abs() < 1e-9, "all of the shorter stream: {shared:?}");
    assert!(shared.runs * 4 < shared.of, "a small part of the whole: {shared:?}");
    assert_eq!(shared.streams[1], "deployments of `s0`");
}

#[test]
fn submissions_that_have_nothing_to_do_with_one_another_share_nothing() {
    for kind in KINDS {
        for seed in 0..20 {
            let (one, other) = (world(2 * seed, kind, 5), world(2 * seed + 1, kind, 5));
            assert_eq!(overlap(&one, &other, &BoardKey::default()), None, "{kind:?} {seed}");
        }
    }
}

#[test]
fn fingerprints_say_nothing_without_the_key_of_the_board() {
    let (_, times) = world(4, Kind::Poisson, 1).0.into_iter().next().expect("there is a service");
    let of = |key: &[u8]| fingerprints(&times, &BoardKey::new(key.to_vec()));
    assert_eq!(of(b"one"), of(b"one"));
    assert!(of(b"one").is_disjoint(&of(b"other")));
    assert!(!format!("{:?}", BoardKey::new(b"secret".to_vec())).contains("secret"));
}

/// Every event moved by some seconds, so that no gap is what it was.
fn jittered(streams: &Streams, seed: u64) -> Streams {
    let mut random = Philox::new(seed, 99);
    #[expect(clippy::cast_possible_truncation, reason = "seconds")]
    Streams::new(streams.iter().map(|(name, times)| {
        (name.to_owned(), times.iter().map(|time| time + (30.0 * random.unit()) as i64 - 15).collect())
    }))
}

#[test]
fn events_that_were_moved_by_seconds_still_coincide() {
    for kind in [Kind::Poisson, Kind::Bursts, Kind::WorkingHours] {
        let own = world(5, kind, 5);
        let moved = jittered(&own, 6);
        let (_, p) = coincidences(&own, &moved).expect("there are pairs");
        assert!(p < 1e-6, "{kind:?}: {p}");
    }
}

#[test]
fn independent_events_coincide_as_often_as_events_do() {
    let mut found = 0;
    for seed in 0..60 {
        for kind in [Kind::Poisson, Kind::Bursts, Kind::WorkingHours] {
            let (one, other) = (world(1_000 + 2 * seed, kind, 4), world(1_001 + 2 * seed, kind, 4));
            found += usize::from(coincidences(&one, &other).is_some_and(|(_, p)| p < 1e-3));
        }
    }
    // 180 pairs of submissions: at a thousandth, fewer than one is expected.
    assert!(found <= 2, "{found}");
}

#[test]
fn a_count_is_as_improbable_as_poisson_says() {
    // 1 − e⁻²(1 + 2 + 2 + 4/3) and 1 − e⁻².
    assert!((at_least(4, 2.0) - 0.142_876_539_501_453).abs() < 1e-12);
    assert!((at_least(1, 2.0) - 0.864_664_716_763_387).abs() < 1e-12);
    assert!((at_least(0, 2.0) - 1.0).abs() < 1e-12);
}
