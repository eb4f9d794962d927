//! The reference world: what an organisation of 2,000 services records in three years, as Parquet files.
//!
//! At scale 1 it holds 5 million deployments, 50 million changes, 20 million events of pull requests and one million
//! incidents; services are busy by Zipf's law. Instants are whole seconds, so that ties happen, and files stand in the
//! order of events, as something that reads along would have written them. Everything follows from the seed.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use stats::Philox;

/// How many services there are.
pub const SERVICES: usize = 2_000;
/// The first instant, a Monday, in seconds.
pub const START: i64 = 1_641_168_000;
/// How many weeks are recorded.
pub const WEEKS: i64 = 156;

const DAY: i64 = 86_400;
const SPAN: i64 = WEEKS * 7 * DAY;
const SEED: u64 = 20_261_127;

/// Writes the world at `scale`, each table in a folder of its own below `folder`, in `files` files.
///
/// # Errors
/// [`ParquetError`] where a file cannot be written.
pub fn write(folder: &Path, scale: f64, files: i64) -> Result<(), ParquetError> {
    let services = Services::new();
    let tables: [(&str, f64, Rows); 4] = [
        ("deployments", 5e6, deployments),
        ("changes", 5e7, changes),
        ("pr_events", 2e7, pr_events),
        ("incidents", 1e6, incidents),
    ];
    for (number, (name, size, rows)) in (0..).zip(tables) {
        let place = folder.join(name);
        std::fs::create_dir_all(&place)?;
        #[expect(clippy::cast_possible_truncation, reason = "some millions")]
        let total = (size * scale) as i64;
        for file in 0..files {
            let (first, end) = (total * file / files, total * (file + 1) / files);
            let mut part = Part {
                random: Philox::new(SEED, number * 1_000_000 + file.unsigned_abs()),
                services: &services,
                first,
                count: usize::try_from(end - first).unwrap_or_default(),
                from: SPAN * file / files,
                until: SPAN * (file + 1) / files,
            };
            let batch = rows(&mut part)?;
            let level = ZstdLevel::try_new(3)?;
            let properties = WriterProperties::builder()
                .set_compression(Compression::ZSTD(level))
                .set_max_row_group_row_count(Some(1 << 20))
                .build();
            let out = File::create(place.join(format!("part-{file:04}.parquet")))?;
            let mut writer = ArrowWriter::try_new(out, batch.schema(), Some(properties))?;
            writer.write(&batch)?;
            writer.close()?;
        }
    }
    Ok(())
}

type Rows = fn(&mut Part<'_>) -> Result<RecordBatch, ArrowError>;

/// How often something happens to each service: cumulative shares by Zipf's law with exponent 0.8.
struct Services {
    cumulative: Vec<f64>,
}

impl Services {
    fn new() -> Self {
        let shares: Vec<f64> = (1..=SERVICES).map(|rank| (rank as f64).powf(-0.8)).collect();
        let total: f64 = shares.iter().sum();
        let mut sum = 0.0;
        let cumulative = shares.iter().map(|share| {
            sum += share / total;
            sum
        });
        Self { cumulative: cumulative.collect() }
    }

    fn draw(&self, random: &mut Philox) -> i32 {
        let drawn = random.unit();
        let place = self.cumulative.partition_point(|sum| *sum < drawn).min(SERVICES - 1);
        i32::try_from(place).unwrap_or(i32::MAX)
    }
}

/// A file of one table: its rows lie between two instants, in seconds since the first.
struct Part<'a> {
    random: Philox,
    services: &'a Services,
    first: i64,
    count: usize,
    from: i64,
    until: i64,
}

impl Part<'_> {
    /// Instants in order: most in office hours, few at weekends.
    fn instants(&mut self) -> Vec<i64> {
        let mut instants: Vec<i64> = (0..self.count).map(|_| self.instant()).collect();
        instants.sort_unstable();
        instants
    }

    fn instant(&mut self) -> i64 {
        let mut at = self.from + self.below(self.until - self.from);
        let time = at % DAY;
        if self.random.unit() < 0.7 {
            at += 8 * 3_600 + time * 10 / 24 - time;
        }
        if (at / DAY) % 7 >= 5 && self.random.unit() < 0.8 {
            at -= 3 * DAY;
        }
        START + at.clamp(0, SPAN - 1)
    }

    fn below(&mut self, bound: i64) -> i64 {
        #[expect(clippy::cast_possible_truncation, reason = "smaller than the bound")]
        let drawn = (self.random.unit() * bound as f64) as i64;
        drawn
    }

    /// Seconds that are about log-normal.
    fn long(&mut self, mean: f64, deviation: f64, least: i64) -> i64 {
        // Twelve uniform draws are near enough to a normal one for a world that is made up.
        let normal: f64 = (0..12).map(|_| self.random.unit()).sum::<f64>() - 6.0;
        #[expect(clippy::cast_possible_truncation, reason = "some years at most")]
        let seconds = (mean + deviation * normal).exp() as i64;
        least + seconds
    }

    fn numbers(&self) -> ArrayRef {
        Arc::new(Int64Array::from_iter_values((self.first..).take(self.count)))
    }

    fn service_ids(&mut self) -> ArrayRef {
        let services = self.services;
        Arc::new(Int32Array::from_iter_values((0..self.count).map(|_| services.draw(&mut self.random))))
    }

    fn ids(&mut self, bound: i64) -> ArrayRef {
        let ids: Vec<i32> = (0..self.count).map(|_| i32::try_from(self.below(bound)).unwrap_or(i32::MAX)).collect();
        Arc::new(Int32Array::from(ids))
    }

    fn words(&mut self, words: &[(&'static str, f64)]) -> ArrayRef {
        let word = |mut drawn: f64| {
            let found = words.iter().find(|(_, share)| {
                drawn -= share;
                drawn < 0.0
            });
            found.or(words.last()).map(|(word, _)| *word)
        };
        Arc::new((0..self.count).map(|_| word(self.random.unit())).collect::<StringArray>())
    }
}

fn column(seconds: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    let micros = seconds.map(|seconds| seconds.map(|seconds| seconds * 1_000_000));
    Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

fn at(seconds: &[i64]) -> ArrayRef {
    column(seconds.iter().copied().map(Some))
}

fn deployments(part: &mut Part<'_>) -> Result<RecordBatch, ArrowError> {
    let finished = part.instants();
    let started: Vec<i64> = finished.iter().map(|end| end - part.long(4.8, 0.9, 20)).collect();
    RecordBatch::try_from_iter([
        ("deploy_id", part.numbers()),
        ("service_id", part.service_ids()),
        ("env", part.words(&[("production", 0.6), ("staging", 0.3), ("dev", 0.1)])),
        ("status", part.words(&[("success", 0.9), ("failed", 0.07), ("aborted", 0.03)])),
        ("started_at", at(&started)),
        ("finished_at", at(&finished)),
    ])
}

fn changes(part: &mut Part<'_>) -> Result<RecordBatch, ArrowError> {
    let merged = part.instants();
    let committed: Vec<i64> = merged.iter().map(|end| end - part.long(10.2, 1.3, 60)).collect();
    RecordBatch::try_from_iter([
        ("change_id", part.numbers()),
        ("service_id", part.service_ids()),
        ("author_id", part.ids(8_000)),
        ("pr_number", part.ids(200_000)),
        ("committed_at", at(&committed)),
        ("merged_at", at(&merged)),
    ])
}

fn pr_events(part: &mut Part<'_>) -> Result<RecordBatch, ArrowError> {
    let instants = part.instants();
    let kinds = [("opened", 0.25), ("reviewed", 0.3), ("approved", 0.2), ("merged", 0.2), ("closed", 0.05)];
    RecordBatch::try_from_iter([
        ("event_id", part.numbers()),
        ("service_id", part.service_ids()),
        ("pr_number", part.ids(200_000)),
        ("kind", part.words(&kinds)),
        ("at", at(&instants)),
    ])
}

fn incidents(part: &mut Part<'_>) -> Result<RecordBatch, ArrowError> {
    let opened = part.instants();
    let resolved: Vec<Option<i64>> = opened
        .iter()
        .map(|start| {
            let end = start + part.long(8.0, 1.2, 30);
            (part.random.unit() >= 0.03).then_some(end)
        })
        .collect();
    RecordBatch::try_from_iter_with_nullable([
        ("incident_id", part.numbers(), false),
        ("service_id", part.service_ids(), false),
        ("severity", part.words(&[("sev1", 0.05), ("sev2", 0.15), ("sev3", 0.4), ("sev4", 0.4)]), false),
        ("opened_at", at(&opened), false),
        ("resolved_at", column(resolved.into_iter()), true),
    ])
}
