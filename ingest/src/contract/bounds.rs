//! Bounds that hold whatever a server does: requests in flight, and what of an answer is taken into memory.

use serde_json::json;

use super::{Contract, Memory, Tables, assert_same, served, told};
use crate::Range;
use crate::http::on_paper::OnPaper;
use crate::loopback::{Reply, gzip_bomb};

#[tokio::test]
async fn no_more_requests_are_in_flight_than_there_may_be() {
    let mut highest = 0;
    for (name, contract) in served() {
        for ceiling in [1, 3, 8] {
            let server = contract.start(|_| None).await.expect("it has a server");
            server.linger(100);
            let mut kept = Memory::default();
            let source = contract.source_at(&server.base(), &json!({"requests_in_flight": ceiling}));
            contract.read(source.as_ref(), &mut kept, Range::default()).await.expect("it can be read");
            let most = server.most_in_flight();
            assert!((1..=ceiling).contains(&most), "{name}: {most} requests in flight where {ceiling} may be");
            highest = highest.max(most);
        }
    }
    assert!(highest > 3, "nobody ever asked ahead: at most {highest} requests were in flight");
}

/// Arrays in arrays, where nobody looks for them.
fn deep(levels: usize) -> Vec<u8> {
    [b"{\"unknown\":".to_vec(), vec![b'['; levels], vec![b']'; levels], b"}".to_vec()].concat()
}

/// One reading, all of whose answers from a place on are `reply`: what it gave, and all its words.
async fn answered(contract: &Contract, from: usize, reply: &Reply) -> (Tables, String) {
    let reply = reply.clone();
    let server = contract.start(move |number| (number >= from).then(|| reply.clone())).await;
    let server = server.expect("it has a server");
    let mut kept = Memory::default();
    let source = contract.source_at(&server.base(), &json!({"answer_limit_mebibytes": 1, "attempts": 2}));
    let outcome = contract.read(source.as_ref(), &mut kept, Range::default()).await;
    (kept.tables(), told(&outcome))
}

#[tokio::test]
async fn an_answer_that_would_eat_all_memory_is_refused_and_said_so() {
    let _paper = OnPaper::begin();
    let bomb = Reply::json(gzip_bomb(64)).with("content-encoding", "gzip");
    for (name, contract) in served() {
        for (what, reply) in [("an endless body", &Reply::Endless), ("a small body that unpacks to a large one", &bomb)]
        {
            for from in [0, 2] {
                let (_, told) = answered(&contract, from, reply).await;
                assert!(
                    told.contains("the answer has more than `1048576` bytes"),
                    "{name}, {what} from {from}: {told}"
                );
            }
        }
    }
}

/// Nobody has to look into what nobody knows. It is said to be no answer, or it is one that says nothing of what was asked:
/// an object may leave out whatever is empty.
#[tokio::test]
async fn deep_json_is_said_to_be_no_answer_or_taken_as_one_without_content() {
    let deep = Reply::json(deep(200_000));
    let mut said = 0;
    for (name, contract) in served() {
        for from in [0, 2, 5] {
            let (tables, told) = answered(&contract, from, &deep).await;
            if told.contains("could not read the answer of") {
                said += usize::from(from > 0);
                continue;
            }
            assert!(from > 0, "{name} took it for the answer to its first question: {told}");
            let without = answered(&contract, from, &Reply::json("{}")).await;
            assert_same(&tables, &without.0, &format!("{name} from {from}"));
            assert_eq!(told, without.1, "{name} from {from}");
        }
    }
    assert!(said > 1, "hardly any source said what is wrong with a later answer");
}

/// The bomb of the test above is one: without the limit it is taken whole.
#[tokio::test]
async fn a_bomb_unpacks_to_what_it_should() {
    use crate::http::{Client, Request, Settings};
    let server = crate::loopback::Loopback::start(|_| {
        Reply::status(200, gzip_bomb(2)).with("content-encoding", "gzip").with("content-type", "text/plain")
    })
    .await;
    let ask = |limit| {
        let settings = Settings { answer_limit_mebibytes: limit, attempts: 1, ..Settings::default() };
        let client = Client::new(&server.base(), &settings, &crate::Silent).expect("the settings can be used");
        async move { client.ask(&Request::get(client.origin().base().clone()).accepting_any()).await }
    };
    assert!(gzip_bomb(2).len() < 20_000);
    let small = ask(1).await.expect_err("it is too large");
    assert_eq!(small.kind.to_string(), "the answer has more than `1048576` bytes");
    // It has no checksum: what is wrong with it is found at its end only, where it was unpacked.
    let whole = ask(4).await.expect_err("its checksum is wrong");
    assert_eq!(whole.code(), "ingest::connection");
}
