//! `doracle run`: all stops in one go, for cron.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ingest::{Range, Source};
use lake::{AsOf, Lake};

use crate::cli::{Global, RunArguments};
use crate::commands::report::{context, tell};
use crate::exit::{Outcome, UsageError};
use crate::lock::Lock;
use crate::numbers::counted;
use crate::pipeline;
use crate::settings::Layered;
use crate::terminal::Terminal;

pub(crate) async fn run(terminal: &Terminal, global: &Global, own: &RunArguments) -> Result<Outcome> {
    let layered = Layered::load(global)?;
    let plan = layered.plan(global, &own.period)?;
    if own.period.as_of.is_some() {
        return Err(UsageError {
            message: "`run` reads its sources first, so it is always about now: `--as-of` does not fit".to_owned(),
            hint: Some("`doracle report --as-of …` reports on an earlier lake version".to_owned()),
        }
        .into());
    }
    if layered.settings.sources.is_empty() {
        return Err(UsageError {
            message: "no source is configured, so there is nothing to run".to_owned(),
            hint: Some("add a `[[sources]]` to `doracle.toml`; `doracle sources` lists the types".to_owned()),
        }
        .into());
    }
    let base = own.out.clone().unwrap_or_else(|| layered.settings.report.out.clone());
    std::fs::create_dir_all(&base).with_context(|| format!("could not make the folder `{}`", base.display()))?;
    let _lock = Lock::take(&base.join(".lock"))?;

    let lake = Lake::open_or_create(&layered.location()?).await?;
    let sources: Vec<Box<dyn Source>> = layered.settings.sources.iter().map(ingest::sources::Config::source).collect();
    let (read, failed) = pipeline::ingest_all(terminal, &lake, &sources, Range::default()).await;
    if let (true, Some(_)) = (read.is_empty(), failed.first()) {
        let first = failed.into_iter().next();
        return Err(first.unwrap_or_else(|| anyhow::anyhow!("no source could be read")));
    }
    for error in &failed {
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        terminal.warn(causes.join(": "));
    }
    let (derived, findings) = pipeline::measure_at(terminal, &lake, AsOf::Latest, &plan, &[]).await?;

    // Written aside and named last: a folder under its dated name is whole, and is never touched again.
    let half = base.join(format!(".half-{}", std::process::id()));
    let mut context = context(&layered, &plan, None);
    context.benchmarks = own.benchmarks.or(context.benchmarks);
    context.findings = findings;
    let groups = layered.settings.groups.keys().map(String::as_str).collect::<Vec<_>>();
    if let Err(error) = write(terminal, &lake, &derived, &context, &groups, &half).await {
        // What is half written helps nobody and may be what fills the disk.
        if half.is_dir() {
            std::fs::remove_dir_all(&half).with_context(|| format!("could not remove `{}`", half.display()))?;
        }
        return Err(error);
    }
    let dated = publish(&base, &half)?;
    point_latest(&base, &dated)?;
    terminal.say(format!("wrote {}", dated.display()));
    let written = pipeline::Written {
        html: dated.join("report.html"),
        json: dated.join("report.json"),
        markdown: dated.join("report.md"),
        parquet: dated.join("parquet"),
        tables: Vec::new(),
        findings: context.findings.len(),
    };
    if global.verbose > 0 {
        tell(terminal, &written);
    }
    // What earlier runs could not read is in the report, and no news.
    let gaps: Vec<&String> = read.iter().flat_map(|summary| &summary.own_gaps).collect();
    if gaps.is_empty() && failed.is_empty() {
        return Ok(Outcome::Done);
    }
    terminal.warn(format!(
        "the data are partial: {} of this run, {} failed",
        counted(gaps.len(), "gap", "gaps"),
        counted(failed.len(), "source", "sources")
    ));
    for gap in gaps {
        terminal.warn(gap);
    }
    Ok(Outcome::Partial)
}

/// Writes the report and that of every group into a folder.
async fn write(
    terminal: &Terminal,
    lake: &Lake,
    derived: &derive::Derived,
    context: &reports::ReportContext,
    groups: &[&str],
    out: &Path,
) -> Result<()> {
    pipeline::write_report(terminal, lake, AsOf::Latest, derived, context, out).await?;
    for group in groups {
        let context =
            reports::ReportContext { group: Some((*group).to_owned()), findings: Vec::new(), ..context.clone() };
        let folder = out.join("groups").join(pipeline::file_name(group));
        let report = reports::report(derived, &context).with_context(|| format!("could not report on group `{group}`"));
        match report {
            Ok(report) => write_group(&folder, &report)?,
            // A group none of whose services was deployed has no numbers.
            Err(error) => terminal.warn(format!("{error:#}")),
        }
    }
    Ok(())
}

fn write_group(folder: &Path, report: &reports::Report) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("could not make the folder `{}`", folder.display()))?;
    for (name, content) in
        [("report.html", &report.html), ("report.json", &report.json), ("report.md", &report.markdown)]
    {
        let path = folder.join(name);
        std::fs::write(&path, content).with_context(|| format!("could not write `{}`", path.display()))?;
    }
    Ok(())
}

/// Gives the finished folder its dated name; a second run in the same second gets a number.
fn publish(base: &Path, half: &Path) -> Result<PathBuf> {
    let stamp = pipeline::now().to_utc().format("%Y-%m-%dT%H%M%SZ").to_string();
    for number in 1..1_000 {
        let name = if number == 1 { stamp.clone() } else { format!("{stamp}-{number}") };
        let dated = base.join(name);
        if !dated.exists() {
            std::fs::rename(half, &dated).with_context(|| format!("could not name `{}`", dated.display()))?;
            return Ok(dated);
        }
    }
    anyhow::bail!("could not find a free name for `{stamp}` in `{}`", base.display())
}

/// Lets `latest` point at the newest folder, in one step.
fn point_latest(base: &Path, dated: &Path) -> Result<()> {
    let latest = base.join("latest");
    let name = dated.file_name().context("a dated folder has a name")?;
    #[cfg(unix)]
    {
        let aside = base.join(".latest-new");
        if aside.is_symlink() {
            std::fs::remove_file(&aside).with_context(|| format!("could not remove `{}`", aside.display()))?;
        }
        std::os::unix::fs::symlink(name, &aside)
            .and_then(|()| std::fs::rename(&aside, &latest))
            .with_context(|| format!("could not point `{}` at the newest report", latest.display()))?;
    }
    #[cfg(not(unix))]
    std::fs::write(&latest, name.to_string_lossy().as_bytes())
        .with_context(|| format!("could not write `{}`", latest.display()))?;
    Ok(())
}
