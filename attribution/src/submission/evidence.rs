//! The events that the numbers of a submission rest on.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use derive::arrivals::ServicePaths;
use derive::{Observations, Plan};
use lake::tables::{changes, commit_paths, coverage, deployments, incidents, interventions, service_attributes};
use lake::{Batch, Instant, Lake, Location, Snapshot, Table, TableRow, WriteMode, canonical};

use super::columns::published;
use super::manifest::{Derivation, Question};
use super::policy::packed;
use super::pseudonyms::Pseudonyms;
use super::{Limits, SubmissionError, parquet};

/// The event tables of a submission, by name.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    tables: BTreeMap<&'static str, RecordBatch>,
}

impl Evidence {
    /// What of a lake the numbers of `plan` need, under pseudonyms, and the derivation that gives them again.
    ///
    /// Changes of working are packed as `observations` know them, so that what the configuration tells or finds needs no
    /// configuration any more.
    ///
    /// # Errors
    /// [`SubmissionError`] where the lake cannot be read.
    pub async fn of(
        snapshot: &Snapshot,
        plan: &Plan,
        observations: &Observations,
        question: &Question,
        pseudonyms: &mut Pseudonyms,
    ) -> Result<(Self, Derivation), SubmissionError> {
        let paths = ServicePaths::new(&plan.service_paths);
        let named = question.terms.covariates.iter().chain([&question.practice]);
        let asked: BTreeSet<&str> = named.map(String::as_str).collect();
        let mut tables = BTreeMap::new();
        for (table, columns) in packed() {
            let rows = match table.name {
                "service_attributes" => {
                    let own = observations.attributes.iter().filter(|row| asked.contains(row.attribute.as_str()));
                    service_attributes::Row::batch(own.cloned().collect())
                }
                "interventions" => interventions::Row::batch(observations.interventions.clone()),
                "changes" => hotfixes_alone(snapshot.rows().await?, plan),
                "commit_paths" if paths.is_empty() => continue,
                "commit_paths" => services_alone(&snapshot.rows().await?, plan, &paths, pseudonyms),
                _ => whole(table, &snapshot.read(table).await?)?,
            };
            if rows.num_rows() > 0 {
                let rows = published(table, columns, &rows, &asked, pseudonyms);
                tables.insert(table.name, rows.map_err(|error| SubmissionError::table(table.name, error))?);
            }
        }
        let evidence = Self { tables };
        let environments = environments(snapshot).await?;
        let mut named = |is_so: &dyn Fn(&str) -> bool| -> Vec<String> {
            let own: BTreeSet<String> = environments
                .iter()
                .filter(|name| is_so(name))
                .map(|name| pseudonyms.name(name).to_lowercase())
                .collect();
            own.into_iter().collect()
        };
        let derivation = Derivation {
            as_of: observations.as_of,
            since: observations.period.start,
            until: observations.period.end,
            zone: plan.zone.name().to_owned(),
            production: named(&|name| plan.is_production(name)),
            environments: named(&|name| !plan.is_production(name) && plan.measures(name)),
            incident_window_seconds: plan.incident_window_seconds,
            reporting_lag_seconds: plan.reporting_lag_seconds,
            service_paths: plan
                .service_paths
                .keys()
                .filter(|name| paths.knows(name))
                .map(|name| (pseudonyms.name(name), pseudonyms.id(name)))
                .collect(),
            counts_feature_flags: plan.counts_feature_flags,
            seed: plan.seed,
        };
        Ok((evidence, derivation))
    }

    /// The tables with their rows.
    pub fn tables(&self) -> impl Iterator<Item = (&'static Table, &RecordBatch)> {
        self.tables.iter().filter_map(|(name, rows)| Some((lake::tables::named(name)?, rows)))
    }

    /// One Parquet file per table, the same bytes for the same rows.
    ///
    /// # Errors
    /// [`SubmissionError`] where a table cannot be written.
    pub fn files(&self) -> Result<BTreeMap<String, Vec<u8>>, SubmissionError> {
        let file = |(table, rows): (&'static Table, &RecordBatch)| {
            Ok((format!("evidence/{}.parquet", table.name), parquet::written(table, rows)?))
        };
        self.tables().map(file).collect()
    }

    /// Reads the tables of a package, of which nothing is believed.
    ///
    /// # Errors
    /// [`SubmissionError::Refused`] for what is not a table of evidence, too large, or not what it says it is.
    pub fn read(files: &BTreeMap<String, Vec<u8>>, limits: &Limits) -> Result<Self, SubmissionError> {
        let mut tables = BTreeMap::new();
        let mut left = limits.rows;
        for (table, _) in packed() {
            let name = format!("evidence/{}.parquet", table.name);
            if let Some(content) = files.get(&name) {
                let rows = parquet::read(table, content, left, limits)?;
                left -= rows.num_rows() as u64;
                tables.insert(table.name, rows);
            }
        }
        Ok(Self { tables })
    }

    /// The rows of one table; none where it is not there.
    ///
    /// # Errors
    /// [`SubmissionError`] where a cell does not have the type that it must have.
    pub fn rows<R: TableRow>(&self) -> Result<Vec<R>, SubmissionError> {
        let name = R::table().name;
        let Some(rows) = self.tables.get(name) else { return Ok(Vec::new()) };
        R::rows(rows).map_err(|error| SubmissionError::table(name, error))
    }

    /// How many rows each table has, and the digest of its canonical form.
    ///
    /// # Errors
    /// [`SubmissionError`] for numbers that have no canonical form.
    pub fn digests(&self) -> Result<BTreeMap<String, (usize, String)>, SubmissionError> {
        let digest = |(table, rows): (&'static Table, &RecordBatch)| {
            let digest = canonical::digest(table, std::slice::from_ref(rows));
            let digest = digest.map_err(|error| SubmissionError::table(table.name, error))?;
            Ok((table.name.to_owned(), (rows.num_rows(), digest)))
        };
        self.tables().map(digest).collect()
    }

    /// A lake in `folder` that holds the evidence and nothing else.
    ///
    /// # Errors
    /// [`SubmissionError`] where the lake refuses what a table holds.
    pub async fn lake(&self, folder: &std::path::Path) -> Result<Lake, SubmissionError> {
        let lake = Lake::open_or_create(&Location::Folder(folder.to_owned())).await?;
        // One instant for everybody: nothing that is derived hangs on when it was written.
        let mut batch = Batch::new("submission", Instant(0));
        for (table, rows) in self.tables() {
            let rows = table.with_provenance(rows, "submission", None);
            let rows = rows.map_err(|error| SubmissionError::table(table.name, error))?;
            batch.write(table, WriteMode::Upsert, rows);
        }
        lake.commit(batch).await?;
        Ok(lake)
    }

    /// Whether a source that simulates supplied any of it.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        let rows: Vec<coverage::Row> = self.rows().unwrap_or_default();
        rows.iter().any(|row| row.stream.starts_with("simulated"))
    }
}

fn whole(table: &Table, batches: &[RecordBatch]) -> Result<RecordBatch, SubmissionError> {
    concat_batches(&table.schema(), batches).map_err(|error| SubmissionError::table(table.name, error))
}

/// Changes whose labels say `hotfix` where label or branch made them one, and nothing else.
fn hotfixes_alone(mut rows: Vec<changes::Row>, plan: &Plan) -> RecordBatch {
    let patterns = BTreeMap::from([(String::new(), plan.hotfix_branches.clone())]);
    let branches = ServicePaths::new(&patterns);
    for row in &mut rows {
        let by_label = row.labels.iter().any(|label| plan.hotfix_labels.contains(&label.to_lowercase()));
        let by_branch =
            row.head_branch.as_ref().is_some_and(|name| !branches.is_empty() && branches.may_touch("", &[name]));
        row.labels = if by_label || by_branch { vec!["hotfix".to_owned()] } else { Vec::new() };
    }
    changes::Row::batch(rows)
}

/// What a commit touched, told by the services whose paths it is among.
fn services_alone(
    rows: &[commit_paths::Row],
    plan: &Plan,
    paths: &ServicePaths,
    pseudonyms: &mut Pseudonyms,
) -> RecordBatch {
    let services: Vec<(&String, String)> =
        plan.service_paths.keys().filter(|name| paths.knows(name)).map(|name| (name, pseudonyms.id(name))).collect();
    let mut told: BTreeSet<(String, String, String)> = BTreeSet::new();
    for row in rows {
        let mut add = |path: &str| told.insert((row.repository.clone(), row.commit_sha.clone(), path.to_owned()));
        let touched: Vec<&String> = services
            .iter()
            .filter(|(name, _)| paths.may_touch(name, &[&row.path]))
            .map(|(_, pseudonym)| pseudonym)
            .collect();
        if touched.is_empty() {
            add("other");
        }
        for path in touched {
            add(path);
        }
    }
    let row = |(repository, commit_sha, path)| commit_paths::Row {
        repository,
        commit_sha,
        path,
        path_change: "modified".to_owned(),
    };
    commit_paths::Row::batch(told.into_iter().map(row).collect())
}

/// Every name of an environment.
async fn environments(snapshot: &Snapshot) -> Result<BTreeSet<String>, SubmissionError> {
    let deployments: Vec<deployments::Row> = snapshot.rows().await?;
    let incidents: Vec<incidents::Row> = snapshot.rows().await?;
    let own = deployments.into_iter().filter_map(|row| row.environment);
    Ok(own.chain(incidents.into_iter().filter_map(|row| row.environment)).collect())
}
