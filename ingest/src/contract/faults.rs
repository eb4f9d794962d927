//! What a server or the way to it does wrong changes nothing of what is there in the end. What a vendor does wrong in a
//! way of its own is tested beside its source.

use lake::Instant;
use serde_json::{Value, json};

use super::{Dice, Memory, Tables, assert_same, served, told, undisturbed};
use crate::http::on_paper::OnPaper;
use crate::loopback::{Loopback, Reply};
use crate::{Range, Reading};

/// What passes when it is asked again, and how often it is done to one reading: what has to be waited for is done once.
fn passing() -> Vec<(&'static str, Reply, usize)> {
    let html = |status| Reply::status(status, "<html>later</html>").with("content-type", "text/html");
    vec![
        ("429 with a wait", html(429).with("retry-after", "7"), usize::MAX),
        ("500", html(500), usize::MAX),
        ("500 with a wait", html(500).with("retry-after", "7"), usize::MAX),
        ("502", html(502), usize::MAX),
        ("503", html(503), usize::MAX),
        ("503 with a wait", html(503).with("retry-after", "7"), usize::MAX),
        ("a reset connection", Reply::Reset, usize::MAX),
        ("a body that ends early", Reply::Truncated { promised: 1000, body: b"[{\"id\":".to_vec() }, usize::MAX),
        ("a body that stops", Reply::Stuck, 1),
        ("broken JSON", Reply::json("[{\"id\": 1, "), usize::MAX),
        ("another content type", html(200), usize::MAX),
    ]
}

/// One in so many requests is disturbed: whoever asks again is answered.
const ONE_IN: usize = 3;

/// Patient enough for all of [`passing`], but for a body that stops.
fn patient() -> Value {
    json!({"attempts": 6, "read_timeout_seconds": 1})
}

#[tokio::test]
async fn a_fault_that_passes_leaves_no_trace() {
    let paper = OnPaper::begin();
    for (name, contract) in served() {
        let expected = undisturbed(&contract).await;
        for (number, (fault, reply, most)) in passing().into_iter().enumerate() {
            // Every place is disturbed by something.
            let offset = number % ONE_IN;
            let place = move |number: usize| number % ONE_IN == offset && number / ONE_IN < most;
            let server = contract.start(move |number| place(number).then(|| reply.clone())).await;
            let server = server.expect("it has a server");
            let mut kept = Memory::default();
            let waits = paper.noted().waits().len();
            let source = contract.source_at(&server.base(), &patient());
            let outcome = contract.read(source.as_ref(), &mut kept, Range::default()).await;
            let disturbed = (0..server.asked().len()).filter(|number| place(*number)).count();
            assert!(disturbed > 0, "{name}: nothing was disturbed by {fault} from {offset}");
            assert!(outcome.is_ok(), "{name}, {fault} from {offset}: {}", told(&outcome));
            assert_same(&kept.tables(), &expected, &format!("{name}, {fault} from {offset}"));
            assert!(paper.noted().waits().len() > waits, "{name} did not wait after {fault}");
        }
    }
}

#[tokio::test]
async fn a_wait_is_as_long_as_the_server_wants_it() {
    let paper = OnPaper::begin();
    for (name, contract) in served() {
        for status in [429, 503] {
            let limited = move || Reply::status(status, "{}").with("retry-after", "1234");
            let server = contract.start(move |number| (number == 1).then(limited)).await.expect("it has a server");
            let mut kept = Memory::default();
            let before = paper.noted().waits().len();
            let source = contract.source_at(&server.base(), &patient());
            contract.read(source.as_ref(), &mut kept, Range::default()).await.expect("it can be read");
            let waits = paper.noted().waits().split_off(before);
            assert!(waits.iter().any(|wait| wait.as_secs() == 1234), "{name}, {status}: {waits:?}");
        }
    }
}

#[tokio::test]
async fn readings_that_fail_again_and_again_come_to_the_same_end() {
    let _paper = OnPaper::begin();
    let mut dice = Dice(20_260_106);
    for (name, contract) in served() {
        let expected = undisturbed(&contract).await;
        let contract = contract.longest();
        let length = {
            let server = contract.start(|_| None).await.expect("it has a server");
            let mut kept = Memory::default();
            contract.read_often(contract.source(Some(&server)).as_ref(), &mut kept).await.expect("it can be read");
            server.asked().len()
        };
        for _ in 0..3 {
            let mut kept = Memory::default();
            let mut story = Vec::new();
            for _ in 0..3 {
                let mut faults = passing();
                let (fault, reply, _) = faults.swap_remove(dice.below(faults.len()));
                let from = dice.below(length);
                let reply = if matches!(reply, Reply::Stuck) { Reply::Reset } else { reply };
                let answer = move |number: usize| (number >= from).then(|| reply.clone());
                let server = contract.start(answer).await.expect("it has a server");
                story.push(format!("{fault} from {from}"));
                let source = contract.source_at(&server.base(), &json!({"attempts": 1, "longest_wait_seconds": 0}));
                // Whether this is an error or a gap depends on what was broken; what it stored has to be true either way.
                let _outcome = contract.read_often(source.as_ref(), &mut kept).await;
            }
            let server = contract.start(|_| None).await;
            let source = contract.source(server.as_ref());
            contract.read(source.as_ref(), &mut kept, Range::default()).await.expect("nothing is wrong");
            assert_same(&kept.tables(), &expected, &format!("{name} after {story:?}"));
        }
    }
}

#[tokio::test]
async fn nobody_is_sent_to_another_host_and_no_secret_goes_there() {
    for (name, contract) in served() {
        for (status, at) in [(301, 0), (302, 1), (303, 2), (307, 3), (308, 1)] {
            let elsewhere = Loopback::start(|_| Reply::json("[]")).await;
            let target = format!("{}/elsewhere", elsewhere.base());
            let moved = move || Reply::status(status, "").with("location", target.clone());
            let server = contract.start(move |number| (number == at).then(&moved)).await;
            let mut kept = Memory::default();
            let outcome = contract.read(contract.source(server.as_ref()).as_ref(), &mut kept, Range::default()).await;
            assert_eq!(elsewhere.asked(), [], "{name} followed {status}");
            let told = told(&outcome);
            assert!(outcome.is_ok() || told.contains("is not the configured server"), "{name}, {status}: {told}");
        }
    }
}

/// Everything but what was read.
fn events(mut tables: Tables) -> Tables {
    tables.remove("coverage");
    tables
}

#[tokio::test]
async fn a_clock_of_ours_that_is_wrong_does_no_lasting_harm() {
    const HOUR: i64 = 3600 * Instant::MICROS;
    for (name, contract) in served() {
        let expected = undisturbed(&contract).await;
        for skew in [-3 * HOUR, 3 * HOUR] {
            let server = contract.start(|_| None).await;
            let source = contract.source(server.as_ref());
            let mut kept = Memory::default();
            let skewed = Reading::at(Instant(contract.now.0 + skew), &contract.variables);
            kept.read(source.as_ref(), &skewed, |sink| sink).await.expect("it can be read");
            contract.read(source.as_ref(), &mut kept, Range::default()).await.expect("it can be read");
            assert_same(&events(kept.tables()), &events(expected.clone()), &format!("{name}, {skew} µs off"));
        }
    }
}

/// The same answer with every item of its list told twice.
fn doubled(reply: Reply) -> Reply {
    fn twice(value: &mut Value) {
        match value {
            // What stands inside of an item is its own: the steps of a plan are not the same plan when doubled.
            Value::Array(list) if list.iter().all(Value::is_object) => {
                *list = list.drain(..).flat_map(|item| [item.clone(), item]).collect();
            }
            Value::Object(fields) => fields.values_mut().for_each(twice),
            _ => {}
        }
    }
    let Reply::Page { status: 200, headers, body } = reply else { return reply };
    let Ok(mut value) = serde_json::from_slice(&body) else { return Reply::Page { status: 200, headers, body } };
    twice(&mut value);
    Reply::Page { status: 200, headers, body: value.to_string().into_bytes() }
}

#[tokio::test]
async fn what_is_told_twice_is_there_once() {
    for (name, contract) in served() {
        let expected = undisturbed(&contract).await;
        let healthy = contract.healthy();
        let server = Loopback::start(move |asked| doubled(healthy(asked))).await;
        let mut kept = Memory::default();
        contract
            .read(contract.source(Some(&server)).as_ref(), &mut kept, Range::default())
            .await
            .expect("it can be read");
        assert_same(&events(kept.tables()), &events(expected), name);
    }
}
