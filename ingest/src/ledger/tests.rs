use proptest::prelude::*;

use super::*;

fn spans(pieces: &[(i64, i64)]) -> Spans {
    let mut spans = Spans::default();
    for (start, end) in pieces {
        spans.add(Instant(*start), Instant(*end));
    }
    spans
}

/// Which of the first 64 instants are in the set.
fn members(spans: &Spans) -> Vec<i64> {
    (0..64).filter(|at| spans.iter().any(|(start, end)| start.0 <= *at && *at < end.0)).collect()
}

proptest! {
    #[test]
    fn spans_hold_what_was_added_in_any_order(mut pieces in prop::collection::vec((0_i64..60, 0_i64..60), 0..12)) {
        let expected: Vec<i64> =
            (0..64).filter(|at| pieces.iter().any(|(start, end)| start <= at && at < end)).collect();
        let added = spans(&pieces);
        prop_assert_eq!(members(&added), expected);
        pieces.reverse();
        prop_assert_eq!(&spans(&pieces), &added);
        let apart = added.0.windows(2).all(|pair| pair[0].1 < pair[1].0);
        prop_assert!(apart && added.iter().all(|(start, end)| start < end));
    }

    #[test]
    fn what_was_removed_is_not_there_and_the_rest_is(
        pieces in prop::collection::vec((0_i64..60, 0_i64..60), 0..12), start in 0_i64..60, length in 0_i64..60,
    ) {
        let mut held = spans(&pieces);
        let expected: Vec<i64> =
            members(&held).into_iter().filter(|at| !(start..start + length).contains(at)).collect();
        held.remove(Instant(start), Instant(start + length));
        prop_assert_eq!(members(&held), expected);
        prop_assert!(held.0.windows(2).all(|pair| pair[0].1 < pair[1].0) && held.iter().all(|(start, end)| start < end));
    }

    #[test]
    fn what_is_missing_is_what_is_not_there(
        pieces in prop::collection::vec((0_i64..60, 0_i64..60), 0..12), start in 0_i64..60, end in 0_i64..60,
    ) {
        let held = spans(&pieces);
        let mut missing = Spans::default();
        for (from, to) in held.missing(Instant(start), Instant(end)) {
            missing.add(from, to);
        }
        let there = members(&held);
        let expected: Vec<i64> = (start..end).filter(|at| !there.contains(at)).collect();
        prop_assert_eq!(members(&missing), expected);
    }
}

#[test]
fn a_loss_is_made_good_only_by_reading_all_of_it() {
    let mut entry = Entry::default();
    let loss = |start, end| Loss {
        start_at: Some(Instant(start)),
        end_at: Some(Instant(end)),
        reason: "the history was trimmed".to_owned(),
        missing_count: Some(2),
    };
    entry.lose(loss(10, 20));
    entry.lose(loss(10, 20));
    entry.lose(loss(30, 40));
    assert_eq!(entry.losses, [loss(10, 20), loss(30, 40)]);
    entry.complete(Instant(5), Instant(25));
    assert_eq!(entry.losses, [loss(30, 40)]);
    entry.complete(Instant(25), Instant(35));
    assert_eq!(entry.losses, [loss(30, 40)], "half of it is still missing");
}

#[test]
fn a_cursor_of_a_newer_release_is_refused() {
    let refused = Ledger::from_cursor(Some(r#"{"version":99,"entries":{}}"#)).expect_err("it is newer");
    assert_eq!(refused.kind.to_string(), "it has version `99`, and this release knows `1`");
    let ledger = Ledger::from_cursor(None).expect("none is empty");
    assert_eq!(Ledger::from_cursor(Some(&ledger.to_cursor())).expect("it is ours"), ledger);
}
