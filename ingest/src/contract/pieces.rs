//! However a range is read, in pages of whatever size, in pieces in whatever order or again and again while the world
//! goes on, the tables are those of one reading.

use lake::Instant;

use super::{Dice, Memory, assert_same, served, undisturbed};
use crate::loopback::Loopback;
use crate::{Range, Reading};

#[tokio::test]
async fn pages_of_any_size_give_the_same() {
    let mut small = 0;
    for (name, contract) in served() {
        let expected = undisturbed(&contract).await;
        let Some(in_small_pages) = &contract.in_small_pages else { continue };
        assert_same(&undisturbed(in_small_pages).await, &expected, name);
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
        let mut kept = Memory::default();
        contract.read(source.as_ref(), &mut kept, Range::default()).await.expect("it can be read");
        let expected = kept.tables();
        let stated = kept.stated();
        let read = stated.iter().filter(|row| row.is_complete);
        let (starts, ends): (Vec<_>, Vec<_>) =
            read.filter_map(|row| Some((row.range_start_at?, row.range_end_at?))).unzip();
        let start = starts.into_iter().min().expect("something was read");
        let end = ends.into_iter().max().expect("something was read");
        for count in [2_usize, 3] {
            let steps = i64::try_from(count).expect("a few");
            let cut = |at: i64| Instant(start.0 + (end.0 - start.0) / steps * at);
            let mut pieces: Vec<Range> =
                (0..steps).map(|at| Range { since: Some(cut(at)), until: Some(cut(at + 1)) }).collect();
            dice.shuffle(&mut pieces);
            let server = contract.start(|_| None).await;
            let source = contract.source(server.as_ref());
            let mut kept = Memory::default();
            for piece in &pieces {
                contract.read(source.as_ref(), &mut kept, *piece).await.expect("it can be read");
            }
            contract.read(source.as_ref(), &mut kept, Range::default()).await.expect("it can be read");
            assert_same(&kept.tables(), &expected, &format!("{name} in {pieces:?}"));
        }
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
        let mut kept = Memory::default();
        let last = (contract.now, contract.healthy());
        for (now, world) in contract.before.iter().chain([&last]) {
            *stage.lock().expect("no test panics") = world.clone();
            // Twice, because whoever reads every hour mostly finds that nothing has happened.
            for _ in 0..2 {
                let reading = Reading::at(*now, &contract.variables);
                kept.read(source.as_ref(), &reading, |sink| sink).await.expect("it can be read");
            }
        }
        assert_same(&kept.tables(), &expected, name);
    }
    assert!(grown > 0, "the world of no source goes on");
}
