//! Rows meet those already there: each key once, the newest kept, in whatever order and pieces they come.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::AsArray;
use lake::tables::incidents;
use lake::{AsOf, Batch, Lake, LakeError, TableRow, WriteMode};
use proptest::prelude::*;

use crate::faults::open_with;
use crate::world::{at_folder, copy, digests, hour, latest, open, put, stored, temporary_folder, wait};

/// An incident in short: which, of which service, when the source last changed it, and what it says.
type Short = (u8, Option<u8>, Option<i64>, u8);

fn incident((id, service, updated, title): Short) -> incidents::Row {
    incidents::Row {
        incident_id: format!("incident-{id}"),
        service: service.map(|service| format!("service-{service}")),
        environment: None,
        title: Some(format!("title {title}")),
        severity: None,
        opened_at: hour(0),
        impact_started_at: None,
        mitigated_at: None,
        resolved_at: None,
        cause: "unknown".into(),
        cause_deployment_id: None,
        remedy_deployment_id: None,
        reopens_incident_id: None,
        evidence: "incident_record".into(),
        updated_at: updated.map(hour),
    }
}

fn incidents(shorts: &[Short]) -> Vec<incidents::Row> {
    shorts.iter().copied().map(incident).collect()
}

fn any_short() -> impl Strategy<Value = Short> {
    (0..3_u8, prop::option::of(0..2_u8), prop::option::of(0..3_i64), 0..3_u8)
}

async fn upsert(lake: &Lake, source: &str, shorts: &[Short]) {
    put(lake, source, WriteMode::Upsert, incidents(shorts)).await;
}

async fn replace(lake: &Lake, source: &str, shorts: &[Short]) {
    put(lake, source, WriteMode::ReplaceSource, incidents(shorts)).await;
}

/// Every key with what stands there and who supplied it; panics where a key stands twice.
async fn standing(lake: &Lake) -> BTreeMap<(String, Option<String>), (String, String)> {
    let mut found = BTreeMap::new();
    for batch in latest(lake).await.read(incidents::Row::table()).await.expect("incidents can be read") {
        let sources = batch.column_by_name("source").expect("events have a source").as_string::<i32>().clone();
        for (row, source) in incidents::Row::rows(&batch).expect("they are incidents").into_iter().zip(&sources) {
            let content = format!("{:?} {}", row.updated_at, row.title.unwrap_or_default());
            let value = (content, source.unwrap_or_default().to_owned());
            let before = found.insert((row.incident_id, row.service), value);
            assert_eq!(before, None, "a key stands twice");
        }
    }
    found
}

async fn contents(lake: &Lake) -> Vec<String> {
    standing(lake).await.into_values().map(|(content, source)| format!("{content} of {source}")).collect()
}

#[test]
fn of_two_rows_with_one_key_the_newer_is_kept_whichever_came_first() {
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        upsert(&lake, "a", &[(0, None, Some(2), 1)]).await;
        upsert(&lake, "a", &[(0, None, Some(1), 2)]).await;
        assert_eq!(contents(&lake).await, ["Some(2026-01-01T02:00:00Z) title 1 of a"]);
        upsert(&lake, "b", &[(0, None, Some(3), 0)]).await;
        assert_eq!(contents(&lake).await, ["Some(2026-01-01T03:00:00Z) title 0 of b"]);
        // Never changed is older than changed at any time.
        upsert(&lake, "b", &[(0, None, None, 9)]).await;
        assert_eq!(contents(&lake).await, ["Some(2026-01-01T03:00:00Z) title 0 of b"]);
    });
}

#[test]
fn null_is_a_value_of_a_key() {
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        upsert(&lake, "a", &[(0, None, Some(1), 0), (0, Some(1), Some(1), 0)]).await;
        upsert(&lake, "a", &[(0, None, Some(2), 0)]).await;
        assert_eq!(
            contents(&lake).await,
            ["Some(2026-01-01T02:00:00Z) title 0 of a", "Some(2026-01-01T01:00:00Z) title 0 of a"]
        );
    });
}

#[test]
fn replacing_a_source_removes_what_it_no_longer_has_and_nothing_of_others() {
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        replace(&lake, "a", &[(0, None, Some(1), 0), (1, None, Some(1), 0)]).await;
        replace(&lake, "it's b", &[(2, None, Some(1), 0)]).await;
        replace(&lake, "a", &[(1, None, Some(1), 5)]).await;
        assert_eq!(
            contents(&lake).await,
            ["Some(2026-01-01T01:00:00Z) title 5 of a", "Some(2026-01-01T01:00:00Z) title 0 of it's b"]
        );
        replace(&lake, "it's b", &[]).await;
        assert_eq!(contents(&lake).await, ["Some(2026-01-01T01:00:00Z) title 5 of a"]);
        replace(&lake, "a", &[]).await;
        assert_eq!(contents(&lake).await, [""; 0]);
        replace(&lake, "a", &[(0, None, Some(1), 0)]).await;
        assert_eq!(contents(&lake).await, ["Some(2026-01-01T01:00:00Z) title 0 of a"]);
    });
}

#[test]
fn a_key_of_two_sources_stands_once_when_one_of_them_is_replaced() {
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        replace(&lake, "a", &[(0, None, Some(1), 0), (1, None, Some(1), 0), (2, None, Some(1), 0)]).await;
        // One row of ours ranks lower than theirs, one higher, one of ours is gone and one is new.
        replace(&lake, "b", &[(3, None, Some(1), 0)]).await;
        replace(&lake, "b", &[(0, None, Some(0), 9), (1, None, Some(2), 9), (4, None, Some(1), 9)]).await;
        assert_eq!(
            contents(&lake).await,
            [
                "Some(2026-01-01T01:00:00Z) title 0 of a",
                "Some(2026-01-01T02:00:00Z) title 9 of b",
                "Some(2026-01-01T01:00:00Z) title 0 of a",
                "Some(2026-01-01T01:00:00Z) title 9 of b",
            ]
        );
    });
}

#[test]
fn replacing_a_table_leaves_only_the_new_rows() {
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        upsert(&lake, "a", &[(0, None, Some(1), 0), (1, None, Some(1), 0)]).await;
        put(&lake, "b", WriteMode::ReplaceTable, incidents(&[(2, None, None, 0)])).await;
        assert_eq!(contents(&lake).await, ["None title 0 of b"]);
        put::<incidents::Row>(&lake, "b", WriteMode::ReplaceTable, Vec::new()).await;
        assert_eq!(contents(&lake).await, [""; 0]);
    });
}

#[test]
fn rows_that_would_replace_a_source_are_of_that_source() {
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        let mut batch = Batch::new("a", hour(0));
        batch.write(incidents::Row::table(), WriteMode::ReplaceSource, stored("b", incidents(&[(0, None, None, 0)])));
        let refused = lake.commit(batch).await.expect_err("rows of another source are refused");
        assert_eq!(refused.to_string(), "rows of `incidents` do not fit its schema");
        assert!(matches!(refused, LakeError::Rows { .. }));
        assert_eq!(contents(&lake).await, [""; 0]);
    });
}

#[test]
fn a_manifest_that_is_replayed_again_changes_nothing() {
    let folder = temporary_folder();
    let kept = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        upsert(&lake, "a", &[(0, None, Some(1), 0), (1, None, Some(1), 0)]).await;
        // All but the note that the batch is done.
        let unfinished = Arc::new(|path: &str| !path.starts_with("batches/"));
        let broken = open_with(&at_folder(folder.path()), unfinished).await.expect("nothing is pending yet");
        let mut batch = Batch::new("a", hour(1));
        batch.write(incidents::Row::table(), WriteMode::Upsert, stored("a", incidents(&[(0, None, Some(2), 0)])));
        broken.commit(batch).await.expect_err("it could not be finished");
        copy(&folder.path().join("pending"), kept.path());

        let lake = open(folder.path()).await;
        let (after, versions) = (digests(&lake, AsOf::Latest).await, lake.versions().await.expect("versions"));
        assert_eq!(versions.len(), 2);
        assert!(!folder.path().join("pending").exists(), "nothing is pending once it was replayed");

        upsert(&lake, "b", &[(5, None, Some(1), 0)]).await;
        replace(&lake, "b", &[]).await;
        copy(kept.path(), &folder.path().join("pending"));
        let lake = open(folder.path()).await;
        assert_eq!(digests(&lake, AsOf::Latest).await, after);
        assert_eq!(lake.versions().await.expect("versions").len(), 4);
        assert!(!folder.path().join("pending").exists());
    });
}

#[test]
fn what_a_later_batch_of_the_stream_replaced_does_not_come_back_from_an_earlier_one() {
    let folder = temporary_folder();
    wait(async {
        let lake = open(folder.path()).await;
        let staged_only = Arc::new(|path: &str| !path.starts_with("tables/"));
        let broken = open_with(&at_folder(folder.path()), staged_only).await.expect("nothing is pending yet");
        let batch = |updated, title, hours| {
            let mut batch = Batch::new("a", hour(hours));
            let rows = stored("a", incidents(&[(0, None, Some(updated), title)]));
            batch.write(incidents::Row::table(), WriteMode::ReplaceSource, rows);
            batch.set_cursor(format!("title {title}"));
            batch
        };
        broken.commit(batch(1, 1, 5)).await.expect_err("no table can be written");
        // The clock has gone backwards since.
        lake.commit(batch(1, 2, 3)).await.expect("another process goes on");
        assert_eq!(contents(&lake).await, ["Some(2026-01-01T01:00:00Z) title 2 of a"]);
        assert_eq!(lake.cursor("a").await.expect("it can be read").as_deref(), Some("title 2"));
        assert_eq!(lake.cursor("b").await.expect("it can be read"), None);
        assert_eq!(lake.versions().await.expect("versions").len(), 2);
    });
}

/// What the lake should do, in a few lines: the same with a map.
#[derive(Default)]
struct Model(BTreeMap<(u8, Option<u8>), Standing>);

/// When the source last changed it, what it says, and which source that is.
type Standing = (Option<i64>, u8, &'static str);

impl Model {
    fn bring(&mut self, source: &'static str, is_replaced: bool, shorts: &[Short]) {
        if is_replaced {
            self.0.retain(|_, (.., of)| *of != source);
        }
        for (id, service, updated, title) in shorts.iter().copied() {
            let place = self.0.entry((id, service)).or_insert((updated, title, source));
            if (updated, title) > (place.0, place.1) {
                *place = (updated, title, source);
            }
        }
    }

    fn contents(&self) -> Vec<String> {
        let one = |(updated, title, source): &Standing| format!("{:?} title {title} of {source}", updated.map(hour));
        self.0.values().map(one).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 7, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_repetition_and_pieces_do_not_matter(
        rows in prop::collection::vec(any_short(), 1..20),
        order in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 5..30),
    ) {
        // Every row at least once, and some again, in another order, cut into batches at random.
        let again: Vec<Short> = order.iter().map(|(at, _)| *at.get(&rows)).chain(rows.iter().rev().copied()).collect();
        let mut pieces: Vec<Vec<Short>> = vec![Vec::new()];
        for (at, row) in again.into_iter().enumerate() {
            if order.get(at).is_some_and(|(_, cut)| *cut) && pieces.len() < 5 {
                pieces.push(Vec::new());
            }
            pieces.last_mut().expect("there is a piece").push(row);
        }
        let (at_once, in_pieces) = (temporary_folder(), temporary_folder());
        wait(async {
            let (one, other) = (open(at_once.path()).await, open(in_pieces.path()).await);
            upsert(&one, "a", &rows).await;
            for (piece, source) in pieces.iter().zip(["a", "b", "c"].into_iter().cycle()) {
                upsert(&other, source, piece).await;
            }
            assert_eq!(digests(&one, AsOf::Latest).await, digests(&other, AsOf::Latest).await);
            let mut model = Model::default();
            model.bring("a", false, &rows);
            assert_eq!(contents(&one).await, model.contents());
        });
    }

    #[test]
    fn sources_that_replace_and_sources_that_add_meet_as_the_model_says(
        steps in prop::collection::vec(
            (prop::sample::select(vec!["a", "b"]), any::<bool>(), prop::collection::vec(any_short(), 0..6)),
            1..6,
        ),
    ) {
        let folder = temporary_folder();
        wait(async {
            let lake = open(folder.path()).await;
            let mut model = Model::default();
            for (source, is_replaced, rows) in steps {
                model.bring(source, is_replaced, &rows);
                if is_replaced {
                    replace(&lake, source, &rows).await;
                } else {
                    upsert(&lake, source, &rows).await;
                }
                assert_eq!(contents(&lake).await, model.contents());
            }
        });
    }
}
