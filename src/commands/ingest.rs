//! `doracle ingest`: reads sources into the lake.

use anyhow::Result;
use ingest::Source;
use lake::Lake;

use crate::cli::IngestArguments;
use crate::exit::{Outcome, UsageError};
use crate::pipeline;
use crate::settings::Layered;
use crate::terminal::Terminal;

pub(crate) async fn run(terminal: &Terminal, layered: &Layered, own: &IngestArguments) -> Result<Outcome> {
    let all: Vec<Box<dyn Source>> = layered.settings.sources.iter().map(ingest::sources::Config::source).collect();
    let known: Vec<String> = all.iter().map(|source| source.stream()).collect();
    if let Some(unknown) = own.streams.iter().find(|name| !known.contains(name)) {
        return Err(UsageError {
            message: format!("no source has the stream `{unknown}`"),
            hint: Some(format!("configured are: {}", if known.is_empty() { "none".into() } else { known.join(", ") })),
        }
        .into());
    }
    let chosen: Vec<Box<dyn Source>> =
        all.into_iter().filter(|source| own.streams.is_empty() || own.streams.contains(&source.stream())).collect();
    if chosen.is_empty() {
        return Err(UsageError {
            message: "no source is configured".to_owned(),
            hint: Some("add a `[[sources]]` to `doracle.toml`; `doracle sources` lists the types".to_owned()),
        }
        .into());
    }
    if own.dry_run {
        for source in &chosen {
            terminal.say(format!("would read `{}` into {}", source.stream(), source.fills().join(", ")));
        }
        return Ok(Outcome::Done);
    }
    let lake = Lake::open_or_create(&layered.location()?).await?;
    let (read, failed) = pipeline::ingest_all(terminal, &lake, &chosen).await;
    let gaps = read.iter().any(|summary| !summary.gaps.is_empty());
    let mut failed = failed.into_iter();
    let Some(first) = failed.next() else { return Ok(if gaps { Outcome::Partial } else { Outcome::Done }) };
    for other in failed {
        terminal.warn(format!("{other:#}"));
    }
    Err(first)
}
