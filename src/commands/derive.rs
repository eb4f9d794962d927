//! `doracle derive`: computes the metrics and stores them in the lake.

use anyhow::Result;
use lake::{AsOf, Lake, TableRow, tables::metrics};

use crate::cli::{Global, PeriodArguments};
use crate::exit::Outcome;
use crate::settings::Layered;
use crate::terminal::Terminal;
use crate::{pipeline, table_output};

pub(crate) async fn run(terminal: &Terminal, global: &Global, own: &PeriodArguments) -> Result<Outcome> {
    let layered = Layered::load(global)?;
    let plan = layered.plan(global, own)?;
    let location = layered.location()?;
    let at = own.as_of.unwrap_or(AsOf::Latest);
    let lake = match at {
        AsOf::Latest if location.exists() => Lake::open_or_create(&location).await?,
        _ => Lake::open(&location).await?,
    };
    let derived = pipeline::derive_at(terminal, &lake, at, &plan).await?;
    let table = metrics::Row::table();
    let shown: Vec<metrics::Row> = derived.metrics.iter().filter(|row| row.window_kind == "period").cloned().collect();
    let wanted = [
        "service",
        "service_group",
        "environment",
        "dimension",
        "stratum",
        "metric",
        "statistic",
        "value",
        "above",
        "unit",
        "n",
        "ci_low",
        "ci_high",
        "ci_method",
    ];
    let batch = metrics::Row::batch(shown);
    let columns: Vec<usize> = wanted.iter().filter_map(|name| batch.schema().index_of(name).ok()).collect();
    let batch = if global.format == crate::cli::Format::Table { batch.project(&columns)? } else { batch };
    tracing::info!(table = table.name, rows = derived.metrics.len(), "derived");
    for (name, digest) in derived.digests()? {
        tracing::info!(table = name, digest, "canonical form");
    }
    table_output::print(terminal, global.format, &batch.schema(), &[batch])?;
    let partial = derived.coverage.iter().any(|row| !row.is_complete);
    Ok(if partial { Outcome::Partial } else { Outcome::Done })
}
