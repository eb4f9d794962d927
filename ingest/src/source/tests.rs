//! Readings of a source that gives one record per hour, into a real lake.

use async_trait::async_trait;
use lake::tables::{coverage, interventions};
use lake::{AsOf, Instant, Lake, Location, canonical};

use crate::{
    Entry, Ledger, Loss, NoVariables, Range, Reading, Reporter, Silent, Sink, Source, SourceError, SourceErrorKind,
};

const HOUR: i64 = 3600 * Instant::MICROS;

/// Gives the hours from where it was left until now, and breaks after so many of them.
struct Hours {
    breaks_after: Option<i64>,
    is_snapshot: bool,
}

#[async_trait]
impl Source for Hours {
    fn stream(&self) -> String {
        "hours:all".to_owned()
    }

    fn fills(&self) -> &'static [&'static str] {
        &["interventions", "coverage"]
    }

    fn is_snapshot(&self) -> bool {
        self.is_snapshot
    }

    async fn read(
        &self,
        reading: &Reading<'_>,
        sink: &mut Sink<'_>,
        _reporter: &dyn Reporter,
    ) -> Result<(), SourceError> {
        let mut ledger = Ledger::from_cursor(reading.cursor)?;
        let entry = ledger.entry("hours");
        *entry = Entry { covers: vec!["interventions".to_owned()], ..entry.clone() };
        let from = entry.watermark.map_or(0, |at| at.0 / HOUR);
        for hour in from..reading.now.0 / HOUR {
            if self.breaks_after.is_some_and(|most| hour - from >= most) {
                return Err(SourceError::new("could not go on", SourceErrorKind::Program("it broke".to_owned())));
            }
            sink.rows(vec![row(hour)], None)?;
            let entry = ledger.entry("hours");
            entry.complete(Instant(hour * HOUR), Instant((hour + 1) * HOUR));
            entry.watermark = Some(Instant((hour + 1) * HOUR));
            sink.checkpoint(|| ledger.to_cursor()).await?;
        }
        sink.state(&ledger)
    }
}

fn row(hour: i64) -> interventions::Row {
    interventions::Row {
        intervention_id: format!("{hour:03}"),
        service: None,
        practice: "an hour".to_owned(),
        practice_version: None,
        started_at: Instant(hour * HOUR),
        ended_at: None,
        evidence: "a clock".to_owned(),
    }
}

fn hours(breaks_after: Option<i64>) -> Hours {
    Hours { breaks_after, is_snapshot: false }
}

async fn read(source: &Hours, lake: &Lake, now: i64) -> Result<(), SourceError> {
    super::ingest(source, lake, &Reading::at(Instant(now * HOUR), &NoVariables), &Silent).await.map(|_| ())
}

async fn lake(folder: &tempfile::TempDir) -> Lake {
    Lake::open_or_create(&Location::Folder(folder.path().join("lake"))).await.expect("a lake is made")
}

async fn digest(lake: &Lake) -> String {
    let snapshot = lake.snapshot(AsOf::Latest).await.expect("the newest version");
    canonical::digest_of_digests(&snapshot.input_digests().await.expect("the tables can be read"))
}

#[tokio::test]
async fn many_readings_are_one_reading() {
    let folders = [(); 3].map(|()| tempfile::tempdir().expect("a temporary folder"));
    let once = lake(&folders[0]).await;
    read(&hours(None), &once, 9).await.expect("it can be read");
    let often = lake(&folders[1]).await;
    for now in [2, 2, 5, 9] {
        read(&hours(None), &often, now).await.expect("it can be read");
    }
    assert_eq!(digest(&often).await, digest(&once).await);
    let broken = lake(&folders[2]).await;
    read(&hours(Some(3)), &broken, 9).await.expect_err("it breaks");
    read(&hours(None), &broken, 9).await.expect("it can be read");
    assert_eq!(digest(&broken).await, digest(&once).await);

    let snapshot = once.snapshot(AsOf::Latest).await.expect("the newest version");
    let stated: Vec<coverage::Row> = snapshot.rows().await.expect("rows");
    let ranges: Vec<_> = stated.iter().map(|row| (row.range_start_at, row.range_end_at, row.is_complete)).collect();
    assert_eq!(ranges, [(Some(Instant(0)), Some(Instant(9 * HOUR)), true)]);
}

/// Reads hours that may have a gap, and says of it in which of them.
struct Gaps(&'static [(i64, i64)]);

#[async_trait]
impl Source for Gaps {
    fn stream(&self) -> String {
        "gaps:all".to_owned()
    }

    fn fills(&self) -> &'static [&'static str] {
        &["interventions", "coverage"]
    }

    fn is_snapshot(&self) -> bool {
        false
    }

    async fn read(
        &self,
        reading: &Reading<'_>,
        sink: &mut Sink<'_>,
        _reporter: &dyn Reporter,
    ) -> Result<(), SourceError> {
        let mut ledger = Ledger::from_cursor(reading.cursor)?;
        let entry = ledger.entry("hours");
        entry.covers = vec!["interventions".to_owned()];
        for (start, end) in self.0 {
            let (start_at, end_at) = (Some(Instant(start * HOUR)), Some(Instant(end * HOUR)));
            let reason = format!("the clock stood still in hour {start}");
            entry.lose(Loss { start_at, end_at, reason, missing_count: None });
        }
        sink.state(&ledger)
    }
}

/// The hours that are missing, the range that is asked for, and the gaps that are this reading's own.
type Step<'a> = (&'static [(i64, i64)], Range, Vec<&'a String>);

#[tokio::test]
async fn a_gap_is_of_the_reading_that_found_it_or_was_asked_for_its_time() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lake = lake(&folder).await;
    let hour = |hour: i64| Some(Instant(hour * HOUR));
    let open = Range::default();
    let [two, seven] = [2, 7].map(|hour| format!("`interventions`: the clock stood still in hour {hour}"));
    let steps: [Step<'_>; 9] = [
        (&[(2, 3)], open, vec![&two]),
        (&[], open, vec![]),
        (&[(7, 9)], open, vec![&seven]),
        (&[], open, vec![]),
        (&[], Range { since: hour(3), until: hour(7) }, vec![]),
        (&[], Range { since: hour(8), until: None }, vec![&seven]),
        (&[], Range { since: None, until: hour(3) }, vec![&two]),
        // It still stands, and longer than anybody knew; then it is found to be just so.
        (&[(7, 10)], open, vec![&seven]),
        (&[(7, 10)], open, vec![&seven]),
    ];
    for (number, (gaps, range, own)) in steps.into_iter().enumerate() {
        let reading = Reading { range, ..Reading::at(Instant(20 * HOUR), &NoVariables) };
        let summary = super::ingest(&Gaps(gaps), &lake, &reading, &Silent).await.expect("it can be read");
        assert_eq!(summary.own_gaps.iter().collect::<Vec<_>>(), own, "step {number}");
        let all = if number < 2 { vec![&two] } else { vec![&two, &seven] };
        assert_eq!(
            summary.gaps.iter().collect::<Vec<_>>(),
            all,
            "what is known to be missing stays so, in step {number}"
        );
    }
}

#[tokio::test]
async fn what_was_read_before_it_broke_is_kept_once_it_is_much() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lake = lake(&folder).await;
    let mut sink = Sink::into_lake(&lake, "hours:all", false, &["interventions", "coverage"], Instant(0));
    sink.rows(vec![row(0)], None).expect("a declared table");
    sink.checkpoint(|| "after the first".to_owned()).await.expect("nothing is committed yet");
    assert_eq!(lake.cursor("hours:all").await.expect("it can be read"), None);
    sink.page(vec![b' '; 33 * 1024 * 1024]);
    sink.rows(vec![row(1)], None).expect("a declared table");
    sink.checkpoint(|| "after the second".to_owned()).await.expect("it can be committed");
    drop(sink);
    assert_eq!(lake.cursor("hours:all").await.expect("it can be read").as_deref(), Some("after the second"));
    let snapshot = lake.snapshot(AsOf::Latest).await.expect("the newest version");
    assert_eq!(snapshot.rows::<interventions::Row>().await.expect("rows").len(), 2);
}

#[tokio::test]
async fn a_source_that_is_read_whole_takes_no_range() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lake = lake(&folder).await;
    let source = Hours { breaks_after: None, is_snapshot: true };
    let range = Range { since: Some(Instant(0)), until: None };
    let reading = Reading { range, ..Reading::at(Instant(HOUR), &NoVariables) };
    let refused = super::ingest(&source, &lake, &reading, &Silent).await.expect_err("it takes none");
    assert_eq!(refused.kind.to_string(), "it is always read whole: `--since` and `--until` do not fit");
    assert_eq!(refused.code(), "ingest::settings");
}
