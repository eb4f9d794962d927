//! Everything that was derived, and how it goes into the lake.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use lake::tables::{
    coverage, data_quality, interventions, metrics, recovery_episodes, rollout_changes, rollout_failures, rollouts,
};
use lake::{Batch, Instant, Table, TableRow, WriteMode, canonical};

use crate::adoptions::Adoption;
use crate::windows::Window;
use crate::{Calendar, DeriveError};

/// Everything that was derived.
#[derive(Clone, Debug)]
pub struct Derived {
    /// Until when the data were looked at.
    pub as_of: Instant,
    /// The period that was measured.
    pub period: Window,
    /// The windows of the trend.
    pub calendar: Calendar,
    /// Digest of the input tables.
    pub input_digest: String,
    /// The lake version that was read.
    pub lake_version: u64,
    /// Rollouts of every environment.
    pub rollouts: Vec<rollouts::Row>,
    /// Changes and the rollouts that carried them.
    pub rollout_changes: Vec<rollout_changes::Row>,
    /// Evidence of failures.
    pub rollout_failures: Vec<rollout_failures::Row>,
    /// Failed rollouts and their recovery.
    pub recovery_episodes: Vec<recovery_episodes::Row>,
    /// Flaws in the data.
    pub data_quality: Vec<data_quality::Row>,
    /// The numbers.
    pub metrics: Vec<metrics::Row>,
    /// What was read, and what was not.
    pub coverage: Vec<coverage::Row>,
    /// Dated changes of working.
    pub interventions: Vec<interventions::Row>,
    /// The same, one per practice and date.
    pub adoptions: Vec<Adoption>,
    /// The services of every group.
    pub groups: BTreeMap<String, Vec<String>>,
}

impl Derived {
    /// The derived tables as a batch of the lake, written at `now`. Numbers of earlier derivations stay.
    #[must_use]
    pub fn batch(&self, now: Instant) -> Batch {
        let mut batch = Batch::new("derive", now);
        put(&mut batch, WriteMode::ReplaceTable, self.rollouts.clone());
        put(&mut batch, WriteMode::ReplaceTable, self.rollout_changes.clone());
        put(&mut batch, WriteMode::ReplaceTable, self.rollout_failures.clone());
        put(&mut batch, WriteMode::ReplaceTable, self.recovery_episodes.clone());
        put(&mut batch, WriteMode::ReplaceTable, self.data_quality.clone());
        put(&mut batch, WriteMode::Upsert, self.metrics.clone());
        batch
    }

    /// The digest of each derived table's canonical form.
    ///
    /// # Errors
    /// [`DeriveError`] where a number is not finite, which would be a defect.
    pub fn digests(&self) -> Result<BTreeMap<String, String>, DeriveError> {
        let mut digests = BTreeMap::new();
        let mut add = |table: &'static Table, rows: RecordBatch| {
            let digest = canonical::digest(table, &[rows]).map_err(|error| DeriveError::shape(table.name, error))?;
            digests.insert(table.name.to_owned(), digest);
            Ok::<(), DeriveError>(())
        };
        add(rollouts::Row::table(), TableRow::batch(self.rollouts.clone()))?;
        add(rollout_changes::Row::table(), TableRow::batch(self.rollout_changes.clone()))?;
        add(rollout_failures::Row::table(), TableRow::batch(self.rollout_failures.clone()))?;
        add(recovery_episodes::Row::table(), TableRow::batch(self.recovery_episodes.clone()))?;
        add(data_quality::Row::table(), TableRow::batch(self.data_quality.clone()))?;
        add(metrics::Row::table(), TableRow::batch(self.metrics.clone()))?;
        Ok(digests)
    }
}

fn put<R: TableRow>(batch: &mut Batch, mode: WriteMode, rows: Vec<R>) {
    batch.write(R::table(), mode, R::batch(rows));
}
