//! `doracle ingest`: reads sources into the lake.

use anyhow::Result;
use ingest::{Range, Reading, Source};
use lake::{Lake, LakeError};

use crate::cli::IngestArguments;
use crate::exit::{Outcome, UsageError};
use crate::pipeline::{self, Environment};
use crate::settings::{Layered, paths};
use crate::terminal::Terminal;

pub(crate) async fn run(terminal: &Terminal, layered: &Layered, own: &IngestArguments) -> Result<Outcome> {
    let range = Range { since: own.since, until: own.until };
    if let (Some(since), Some(until)) = (range.since, range.until)
        && since >= until
    {
        let message = format!("`--since {since}` is not before `--until {until}`");
        return Err(UsageError { message, hint: None }.into());
    }
    let chosen = chosen(layered, &own.streams)?;
    if own.dry_run {
        let streams: Vec<String> = chosen.iter().map(|source| source.stream()).collect();
        for config in &layered.settings.sources {
            let stream = config.source().stream();
            if streams.contains(&stream) {
                for wrong in paths::missing(config) {
                    terminal.warn(format!("`{stream}` cannot be read as it is: {wrong}"));
                }
            }
        }
        return dry_run(terminal, layered, &chosen, range).await;
    }
    let lake = Lake::open_or_create(&layered.location()?).await?;
    let (read, failed) = pipeline::ingest_all(terminal, &lake, &chosen, range).await;
    let gaps = read.iter().any(|summary| !summary.own_gaps.is_empty());
    let mut failed = failed.into_iter();
    let Some(first) = failed.next() else { return Ok(if gaps { Outcome::Partial } else { Outcome::Done }) };
    for other in failed {
        terminal.warn(format!("{other:#}"));
    }
    Err(first)
}

/// The configured sources, or those of them that are named.
pub(crate) fn chosen(layered: &Layered, streams: &[String]) -> Result<Vec<Box<dyn Source>>> {
    let all: Vec<Box<dyn Source>> = layered.settings.sources.iter().map(ingest::sources::Config::source).collect();
    let known: Vec<String> = all.iter().map(|source| source.stream()).collect();
    if let Some(unknown) = streams.iter().find(|name| !known.contains(name)) {
        return Err(UsageError {
            message: format!("no source has the stream `{unknown}`"),
            hint: Some(format!("configured are: {}", if known.is_empty() { "none".into() } else { known.join(", ") })),
        }
        .into());
    }
    let chosen: Vec<_> =
        all.into_iter().filter(|source| streams.is_empty() || streams.contains(&source.stream())).collect();
    if chosen.is_empty() {
        return Err(UsageError {
            message: "no source is configured".to_owned(),
            hint: Some("add a `[[sources]]` to `doracle.toml`; `doracle sources` lists the types".to_owned()),
        }
        .into());
    }
    Ok(chosen)
}

/// Says what would be asked. The lake is only looked at, and no source is.
async fn dry_run(terminal: &Terminal, layered: &Layered, chosen: &[Box<dyn Source>], range: Range) -> Result<Outcome> {
    let lake = match Lake::open(&layered.location()?).await {
        Ok(lake) => Some(lake),
        Err(LakeError::Missing { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    for source in chosen {
        let cursor = match &lake {
            Some(lake) => ingest::cursor(source.as_ref(), lake).await?,
            None => None,
        };
        let reading = Reading { cursor: cursor.as_deref(), range, ..Reading::at(pipeline::now(), &Environment) };
        terminal.say(format!("would read `{}` into {}", source.stream(), source.fills().join(", ")));
        for request in source.request_plan(&reading)? {
            terminal.say(format!("  {request}"));
        }
    }
    Ok(Outcome::Done)
}
