//! `doracle lake`: versions, maintenance, and batches that cannot be finished.

use ::lake::tables::baselines;
use ::lake::{AsOf, Lake};
use anyhow::Result;
use chrono::TimeDelta;
use serde_json::json;

use crate::cli::{Format, Global, LakeCommand};
use crate::exit::{Outcome, UsageError};
use crate::numbers::counted;
use crate::pipeline;
use crate::settings::Layered;
use crate::table_output::{Columns, FORMAT_VERSION, aligned};
use crate::terminal::Terminal;

pub(crate) async fn run(terminal: &Terminal, global: &Global, own: &LakeCommand) -> Result<Outcome> {
    let location = Layered::load(global)?.location()?;
    match own {
        LakeCommand::Versions => versions(terminal, global.format, &Lake::open(&location).await?).await,
        LakeCommand::SetAside => set_aside(terminal, &Lake::open(&location).await?).await,
        LakeCommand::Maintain { keep_days, pin } => {
            // Opened for reading first, so that maintenance never makes a lake.
            Lake::open(&location).await?;
            let lake = Lake::open_or_create(&location).await?;
            for version in pin {
                lake.version_at(AsOf::Version(*version)).await?;
            }
            let now = pipeline::now();
            let folded = lake.compact(now).await?;
            terminal.say(format!(
                "folded {} into {}",
                counted(folded.files_before, "file", "files"),
                folded.files_after
            ));
            let Some(days) = keep_days else {
                if !pin.is_empty() {
                    return Err(UsageError {
                        message:
                            "`--pin` keeps versions from being removed, and nothing is removed without `--keep-days`"
                                .to_owned(),
                        hint: None,
                    }
                    .into());
                }
                return Ok(Outcome::Done);
            };
            // What a baseline was taken from stays readable.
            let frozen: Vec<baselines::Row> = lake.snapshot(AsOf::Latest).await?.rows().await?;
            let frozen = frozen.iter().filter_map(|row| u64::try_from(row.lake_version).ok());
            let pinned = pin.iter().copied().chain(frozen).collect();
            let removed = lake.vacuum(now, TimeDelta::days(i64::from(*days)), &pinned).await?;
            terminal.say(format!(
                "removed {}; lake versions that stay readable for sure: {} (the newest, what the last {days} days wrote, what is pinned, and \
                 what a baseline was taken from); others may still be read as long as their files are shared with these",
                counted(removed.files_removed, "file", "files"),
                removed.versions_kept
            ));
            Ok(Outcome::Done)
        }
    }
}

async fn set_aside(terminal: &Terminal, lake: &Lake) -> Result<Outcome> {
    let batches = lake.set_aside_damaged().await?;
    if batches.is_empty() {
        terminal.say("no pending batch is damaged");
    }
    let place = lake.location();
    for batch in &batches {
        terminal.say(format!("moved `{place}/{}` to `{place}/{}`: {}", batch.pending, batch.kept, batch.reason));
        if !batch.tables.is_empty() {
            terminal.say(format!("  rows of it are in `{}` already", batch.tables.join("`, `")));
        }
        terminal.say(match &batch.stream {
            Some(stream) => {
                format!("  read `{stream}` again: the next `doracle ingest` or `run` starts where it was before")
            }
            None => "  nothing tells its source any more: read all of them again".to_owned(),
        });
    }
    Ok(Outcome::Done)
}

async fn versions(terminal: &Terminal, format: Format, lake: &Lake) -> Result<Outcome> {
    let versions = lake.versions().await?;
    let titles = ["version", "written_at", "stream", "batch"].map(str::to_owned);
    let listed: Vec<Vec<Option<String>>> = versions
        .iter()
        .map(|row| {
            vec![
                Some(row.version.to_string()),
                Some(row.written_at.to_string()),
                Some(row.stream.clone()),
                Some(row.batch.to_string()),
            ]
        })
        .collect();
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let columns = Columns::default()
        .with("version", versions.iter().map(|row| number(row.version)))
        .with("written_at", versions.iter().map(|row| row.written_at))
        .with("stream", versions.iter().map(|row| row.stream.clone()))
        .with("batch", versions.iter().map(|row| number(row.batch)));
    if columns.print(terminal, format)? {
        return Ok(Outcome::Done);
    }
    let text = if format == Format::Table {
        aligned(&titles, &[true, false, false, true], &listed)
    } else {
        let rows: Vec<_> = versions
            .iter()
            .map(|row| {
                json!({"version": row.version, "written_at": row.written_at, "stream": row.stream,
                       "batch": row.batch, "tables": row.tables})
            })
            .collect();
        serde_json::to_string_pretty(&json!({"format_version": FORMAT_VERSION, "versions": rows}))? + "\n"
    };
    terminal.data(text.as_bytes())?;
    Ok(Outcome::Done)
}
