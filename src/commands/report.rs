//! `doracle report`: from the lake, or straight from a git clone.

use std::path::Path;

use anyhow::{Context, Result};
use derive::Plan;
use ingest::sources::git;
use ingest::{Range, Source};
use lake::{AsOf, Lake, Location, canonical};
use reports::ReportContext;

use crate::cli::{Global, ReportArguments};
use crate::exit::{Outcome, UsageError};
use crate::numbers::counted;
use crate::pipeline::{self, Written};
use crate::settings::Layered;
use crate::terminal::Terminal;

pub(crate) async fn run(terminal: &Terminal, global: &Global, own: &ReportArguments) -> Result<Outcome> {
    let layered = Layered::load(global)?;
    let plan = layered.plan(global, &own.period)?;
    let mut context = context(&layered, &plan, own.group.clone());
    context.benchmarks = own.benchmarks.or(context.benchmarks);
    let at = own.period.as_of.unwrap_or(AsOf::Latest);
    let (Some(path), Some(releases)) = (&own.git, &own.releases) else {
        let lake = Lake::open(&layered.location()?).await?;
        return report(terminal, &lake, at, &plan, &context, &own.out, false).await;
    };
    super::refuse_lake(global, "doracle report --git")?;
    if own.period.as_of.is_some() {
        return Err(UsageError {
            message: "`--as-of` names a state of a lake, and `--git` reads the clone as it is now".to_owned(),
            hint: Some("`--read-until TIME` leaves out what came after; `--until TIME` ends the period".to_owned()),
        }
        .into());
    }
    let source = git_source(path, releases, own);
    context.sources = vec![format!("`{}`", source.stream())];
    let lake = git_lake(&own.out, path, releases).await?;
    let (read, failed) = pipeline::ingest_all(terminal, &lake, &[Box::new(source)], Range::default()).await;
    if let Some(error) = failed.into_iter().next() {
        return Err(error);
    }
    let partial = read.iter().any(|summary| !summary.gaps.is_empty());
    report(terminal, &lake, at, &plan, &context, &own.out, partial).await
}

/// Derives and writes; partial data are told by the exit code.
async fn report(
    terminal: &Terminal,
    lake: &Lake,
    at: AsOf,
    plan: &Plan,
    context: &ReportContext,
    out: &Path,
    partial: bool,
) -> Result<Outcome> {
    let of_group = context.group.as_ref().and_then(|group| plan.groups.get(group));
    let services = of_group.cloned().unwrap_or_default();
    let (derived, findings) = pipeline::measure_at(terminal, lake, at, plan, &services).await?;
    let context = &ReportContext { findings, ..context.clone() };
    let written = pipeline::write_report(terminal, lake, at, &derived, context, out).await?;
    tell(terminal, &written);
    let gaps = derived.coverage.iter().filter(|row| !row.is_complete).count();
    if partial || gaps > 0 {
        terminal.warn(format!(
            "the data are partial: {} in the report under \"What was read\"",
            counted(gaps, "gap is listed", "gaps are listed")
        ));
        return Ok(Outcome::Partial);
    }
    Ok(Outcome::Done)
}

pub(crate) fn tell(terminal: &Terminal, written: &Written) {
    terminal.say(format!(
        "wrote {}\n      {}\n      {}\n      {} ({} tables)",
        written.html.display(),
        written.json.display(),
        written.markdown.display(),
        written.parquet.display(),
        written.tables.len(),
    ));
    if written.findings > 0 {
        terminal.say(format!(
            "      {} ({})",
            written.html.with_file_name("findings").display(),
            counted(written.findings, "page", "pages")
        ));
    }
}

fn git_source(path: &Path, releases: &str, own: &ReportArguments) -> impl Source + use<> {
    git::open(git::Config {
        path: path.to_owned(),
        releases: releases.to_owned(),
        service: None,
        repository: None,
        branch: own.branch.clone(),
        environment: "production".to_owned(),
        prereleases: own.prereleases,
        read_until: own.read_until.map(|at| at.to_string()),
        bots: ingest::Bots::default(),
    })
}

/// The lake beside the report, one per clone and rule.
async fn git_lake(out: &Path, path: &Path, releases: &str) -> Result<Lake> {
    let whole = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name = canonical::sha256(format!("{}\n{releases}", whole.display()).as_bytes());
    let folder = out.join(format!("lake-{}", &name[..12]));
    Lake::open_or_create(&Location::Folder(folder))
        .await
        .with_context(|| format!("could not make the lake of the report in `{}`", out.display()))
}

/// What the report has to know beside the numbers.
pub(crate) fn context(layered: &Layered, plan: &Plan, group: Option<String>) -> ReportContext {
    use ingest::sources::Config;
    let sources = &layered.settings.sources;
    let simulated = sources.iter().any(|config| matches!(config, Config::simulated(_)));
    ReportContext {
        title: layered.settings.report.title.clone(),
        command: command_line(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        simulated: simulated
            .then(|| "Some of what is here is simulated: the `simulated` source is configured.".to_owned()),
        benchmarks: layered.settings.report.benchmarks,
        group,
        zone: plan.zone,
        sources: sources.iter().map(|config| format!("`{}`", config.source().stream())).collect(),
        findings: Vec::new(),
    }
}

/// The arguments of this process as one would type them again.
pub(crate) fn command_line() -> String {
    let plain =
        |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:=@,+".contains(c)) && !word.is_empty();
    let words = std::env::args()
        .skip(1)
        .map(|word| if plain(&word) { word } else { format!("'{}'", word.replace('\'', r"'\''")) });
    std::iter::once("doracle".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}
