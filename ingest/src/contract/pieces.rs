//! However a range is read, in pages of whatever size, in pieces in whatever order or again and again while the world
//! goes on, the tables are those of one reading.

use std::collections::BTreeSet;

use lake::tables::coverage;
use lake::{AsOf, Instant};

use super::{Dice, digests, empty_lake, served, undisturbed};
use crate::loopback::Loopback;
use crate::{Range, Reading, Silent, ingest};

#[tokio::test]
async fn pages_of_any_size_give_the_same() {
    let mut small = 0;
    for (name, contract) in served() {
        let expected = undisturbed(&contract).await;
        let Some(in_small_pages) = &contract.in_small_pages else { continue };
        assert_eq!(undisturbed(in_small_pages).await, expected, "{name}");
        small += 1;
    }
    assert!(small > 0, "no source has pages");
}

#[tokio::test]
async fn pieces_in_any_order_and_then_the_rest_are_one_reading() {
    let mut dice = Dice(20_260_107);
    for (name, contract) in served() {
        let server = contract.start(|_| None).await;
        let source = contract.source(server.as_ref());
        let kept = empty_lake().await;
        contract.read(source.as_ref(), &kept.lake, Range::default()).await.expect("it can be read");
        let expected = digests(&kept.lake).await;
        let stated: Vec<coverage::Row> =
            kept.lake.snapshot(AsOf::Latest).await.expect("the newest version").rows().await.expect("rows");
        let read = stated.iter().filter(|row| row.is_complete);
        let (starts, ends): (Vec<_>, Vec<_>) =
            read.filter_map(|row| Some((row.range_start_at?, row.range_end_at?))).unzip();
        let start = starts.into_iter().min().expect("something was read");
        let end = ends.into_iter().max().expect("something was read");
        let mut differing = BTreeSet::new();
        for count in [2_usize, 3] {
            let steps = i64::try_from(count).expect("a few");
            let cut = |at: i64| Instant(start.0 + (end.0 - start.0) / steps * at);
            let mut pieces: Vec<Range> =
                (0..steps).map(|at| Range { since: Some(cut(at)), until: Some(cut(at + 1)) }).collect();
            dice.shuffle(&mut pieces);
            let server = contract.start(|_| None).await;
            let source = contract.source(server.as_ref());
            let kept = empty_lake().await;
            for piece in &pieces {
                contract.read(source.as_ref(), &kept.lake, *piece).await.expect("it can be read");
            }
            contract.read(source.as_ref(), &kept.lake, Range::default()).await.expect("it can be read");
            let found = digests(&kept.lake).await;
            differing.extend(expected.keys().filter(|table| found[*table] != expected[*table]).cloned());
        }
        let known: BTreeSet<String> = contract.differ_in_pieces.iter().map(|table| (*table).to_owned()).collect();
        assert_eq!(differing, known, "{name}");
    }
}

#[tokio::test]
async fn readings_while_the_world_goes_on_are_one_reading_of_its_end() {
    let mut grown = 0;
    for (name, contract) in served() {
        if contract.before.is_empty() {
            continue;
        }
        grown += 1;
        let expected = undisturbed(&contract).await;
        // One address for all of them, as a server has.
        let stage = std::sync::Arc::new(std::sync::Mutex::new(contract.healthy()));
        let shown = stage.clone();
        let server = Loopback::start(move |asked| {
            let answer = shown.lock().expect("no test panics while it answers").clone();
            answer(asked)
        })
        .await;
        let source = contract.source(Some(&server));
        let kept = empty_lake().await;
        let last = (contract.now, contract.healthy());
        for (now, world) in contract.before.iter().chain([&last]) {
            *stage.lock().expect("no test panics") = world.clone();
            // Twice, because whoever reads every hour mostly finds that nothing has happened.
            for _ in 0..2 {
                let reading = Reading::at(*now, &contract.variables);
                ingest(source.as_ref(), &kept.lake, &reading, &Silent).await.expect("it can be read");
            }
        }
        assert_eq!(digests(&kept.lake).await, expected, "{name}");
    }
    assert!(grown > 0, "the world of no source goes on");
}
