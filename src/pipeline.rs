//! The stops of the pipeline, as the commands put them together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use attribution::Finding;
use derive::{Derived, Plan};
use ingest::{Range, Reading, Source, SourceErrorKind, Summary, Variables};
use lake::tables::deployments;
use lake::{AsOf, Batch, ExportedTable, Instant, Lake, LakeError, Snapshot};
use reports::ReportContext;

use crate::commands;
use crate::progress::Progress;
use crate::terminal::Terminal;

/// The clock, read in this one place.
pub(crate) fn now() -> Instant {
    chrono::Utc::now().into()
}

/// The environment, in which secrets are looked up by the name that the configuration gives.
pub(crate) struct Environment;

impl Variables for Environment {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

/// Reads sources into the lake, one after the other. A source that fails does not keep the others from being read.
pub(crate) async fn ingest_all(
    terminal: &Terminal,
    lake: &Lake,
    sources: &[Box<dyn Source>],
    range: Range,
) -> (Vec<Summary>, Vec<anyhow::Error>) {
    let (mut read, mut failed) = (Vec::new(), Vec::new());
    for source in sources {
        let progress = Progress::new(terminal);
        let reading = Reading { range, ..Reading::at(now(), &Environment) };
        match ingest::ingest(source.as_ref(), lake, &reading, &progress).await {
            Ok(summary) => {
                drop(progress);
                terminal.say(in_words(&summary));
                read.push(summary);
            }
            Err(error) => {
                drop(progress);
                let doing = match &error.kind {
                    SourceErrorKind::Lake(_) => "could not store what was read from",
                    _ => "could not read",
                };
                failed.push(anyhow::Error::new(error).context(format!("{doing} `{}`", source.stream())));
            }
        }
    }
    (read, failed)
}

/// What a reading did, on one line, with what is covered and the gaps below.
fn in_words(summary: &Summary) -> String {
    let rows: Vec<String> = summary.rows.iter().map(|(table, count)| format!("{count} {table}")).collect();
    let mut text =
        format!("read `{}`: {}", summary.stream, if rows.is_empty() { "nothing".into() } else { rows.join(", ") });
    for (ranges, tables) in by_ranges(summary) {
        text += &["\n  covered: ", &tables.join(", "), " ", &ranges].concat();
    }
    for gap in &summary.gaps {
        text.push_str("\n  gap: ");
        text.push_str(gap);
    }
    text
}

/// The tables that are covered alike, by what is covered of them in words.
fn by_ranges(summary: &Summary) -> BTreeMap<String, Vec<&str>> {
    let mut tables: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (table, ranges) in &summary.covered {
        let (start, end) = (ranges.first().map(|range| range.0), ranges.iter().map(|range| range.1).max());
        let Some((start, end)) = start.zip(end) else { continue };
        let words = match ranges.len() {
            1 => format!("from {start} to {end}"),
            // Of several repositories or services, or with holes: how far each reaches stands in `coverage`.
            count => format!("in {count} ranges between {start} and {end}"),
        };
        // A range that was looked at may have holes: then the line must not say more than the gaps below it leave.
        let has_gaps = summary.gaps.iter().any(|gap| gap.starts_with(&format!("`{table}`: ")));
        let words = if has_gaps { words + ", but for the gaps below" } else { words };
        tables.entry(words).or_default().push(table);
    }
    tables
}

/// Derives at a lake version, stores what was derived, and returns it.
pub(crate) async fn derive_at(terminal: &Terminal, lake: &Lake, at: AsOf, plan: &Plan) -> Result<Derived> {
    let progress = Progress::new(terminal);
    progress.step("deriving");
    let snapshot = lake.snapshot(at).await?;
    let derived = derive::derive(&snapshot, plan).await?;
    warn_of_members(terminal, &snapshot, plan).await?;
    keep(&progress, lake, at, derived.batch(now())).await?;
    Ok(derived)
}

/// Derives as [`derive_at`], and finds what every change of working on record did to these services (all, where none is
/// named), which is stored, too.
pub(crate) async fn measure_at(
    terminal: &Terminal,
    lake: &Lake,
    at: AsOf,
    plan: &Plan,
    services: &[String],
) -> Result<(Derived, Vec<Finding>)> {
    let progress = Progress::new(terminal);
    progress.step("deriving");
    let snapshot = lake.snapshot(at).await?;
    let (derived, observations) = derive::derive_and_observe(&snapshot, plan).await?;
    warn_of_members(terminal, &snapshot, plan).await?;
    let mut findings = Vec::new();
    if let Some(observations) = observations {
        progress.step("comparing");
        findings = commands::findings(terminal, &snapshot, plan, &observations, services).await?;
    }
    let mut batch = derived.batch(now());
    for found in &findings {
        found.add_to(&mut batch);
    }
    keep(&progress, lake, at, batch).await?;
    Ok((derived, findings))
}

/// Stores what was derived. Numbers of an older lake version are answered, not stored over those of the newest.
async fn keep(progress: &Progress<'_>, lake: &Lake, at: AsOf, batch: Batch) -> Result<()> {
    if at == AsOf::Latest {
        progress.step("storing what was derived");
        lake.commit(batch).await?;
    }
    Ok(())
}

async fn warn_of_members(terminal: &Terminal, snapshot: &Snapshot, plan: &Plan) -> Result<()> {
    for warning in unknown_members(snapshot, &plan.groups).await? {
        terminal.warn(warning);
    }
    Ok(())
}

/// What to tell of the members of groups that the lake knows no deployment of: they are misspelt, or not read.
pub(crate) async fn unknown_members(
    snapshot: &Snapshot,
    groups: &BTreeMap<String, Vec<String>>,
) -> Result<Vec<String>, LakeError> {
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let deployments: Vec<deployments::Row> = snapshot.rows().await?;
    let known: BTreeSet<&str> = deployments.iter().filter_map(|row| row.service.as_deref()).collect();
    let members = groups.iter().flat_map(|(group, members)| members.iter().map(move |name| (group, name)));
    Ok(members
        .filter(|(_, name)| !known.contains(name.as_str()))
        .map(|(group, name)| format!("group `{group}` names the service `{name}`, of which no deployment is known"))
        .collect())
}

/// The files of one report.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) html: PathBuf,
    pub(crate) json: PathBuf,
    pub(crate) markdown: PathBuf,
    pub(crate) parquet: PathBuf,
    pub(crate) tables: Vec<ExportedTable>,
    /// How many pages of findings stand in the folder `findings`.
    pub(crate) findings: usize,
}

/// Writes a report and the tables behind it into `out`.
pub(crate) async fn write_report(
    terminal: &Terminal,
    lake: &Lake,
    at: AsOf,
    derived: &Derived,
    context: &ReportContext,
    out: &Path,
) -> Result<Written> {
    let progress = Progress::new(terminal);
    progress.step("writing the report");
    std::fs::create_dir_all(out).with_context(|| format!("could not make the folder `{}`", out.display()))?;
    let report = reports::report(derived, context).context("could not lay out the report")?;
    write_findings(context, out)?;
    let written = Written {
        html: out.join("report.html"),
        json: out.join("report.json"),
        markdown: out.join("report.md"),
        parquet: out.join("parquet"),
        tables: lake.snapshot(at).await?.export(&out.join("parquet")).await?,
        findings: context.findings.len(),
    };
    for (path, content) in
        [(&written.html, &report.html), (&written.json, &report.json), (&written.markdown, &report.markdown)]
    {
        lake::replace(path, content.as_bytes()).with_context(|| format!("could not write `{}`", path.display()))?;
    }
    Ok(written)
}

/// Writes what is found of each change of working as a page of its own, with all its checks.
fn write_findings(context: &ReportContext, out: &Path) -> Result<()> {
    let folder = out.join("findings");
    // Pages of an earlier report say nothing of this one; what else is there is somebody's.
    for path in earlier_findings(&folder) {
        std::fs::remove_file(&path).with_context(|| format!("could not remove `{}`", path.display()))?;
    }
    for finding in &context.findings {
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("could not make the folder `{}`", folder.display()))?;
        let page = reports::finding(finding, context).context("could not lay out the finding")?;
        let name = file_name(&finding.practice);
        for (kind, content) in [("html", page.html), ("md", page.markdown), ("json", page.json)] {
            let path = folder.join(format!("{name}.{kind}"));
            lake::replace(&path, content.as_bytes())
                .with_context(|| format!("could not write `{}`", path.display()))?;
        }
    }
    Ok(())
}

/// The pages that an earlier report wrote: those beside data that say of themselves that they are a finding.
fn earlier_findings(folder: &Path) -> Vec<PathBuf> {
    let is_finding = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let data: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        data["kind"] == "doracle-finding"
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let data = entries.filter(|path| path.extension().is_some_and(|end| end == "json")).filter(is_finding);
    data.flat_map(|path| ["html", "md", "json"].map(|end| path.with_extension(end)))
        .filter(|path| path.is_file())
        .collect()
}

/// A name as one part of a path, at most 100 letters long. Names that do not fit, or differ from others only in large and
/// small letters, end in a hash behind a letter that no other has.
pub(crate) fn file_name(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_alphanumeric() || "-_".contains(c) { c } else { '_' }).collect();
    if plain == name && plain == plain.to_lowercase() && plain.len() <= 100 {
        return plain;
    }
    // By letters, of which one may have four bytes.
    let start: String = plain.chars().take(40).collect();
    format!("{start}~{}", &lake::canonical::sha256(name.as_bytes())[..16])
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn two_names_never_give_one_file() {
        assert_eq!(file_name("team-1"), "team-1");
        let names =
            ["a/b", "a:b", "a_b", "A_b", "Crew", "crew", &"x".repeat(300), &"x".repeat(299), "", "..", "\u{1F600}"];
        let files: std::collections::BTreeSet<String> =
            names.iter().map(|name| file_name(name).to_lowercase()).collect();
        assert_eq!(files.len(), names.len(), "{files:?}");
        assert!(files.iter().all(|file| file.len() < 200 && !file.contains(['/', '.'])));
        // A name that is written like the file of another is no plain one.
        assert_ne!(file_name(&file_name("a/b")), file_name("a/b"));
    }
}
