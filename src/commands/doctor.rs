//! `doracle doctor`: is everything there that a run needs?

use std::process::Command;

use ::ingest::Reading;
use ::lake::{AsOf, Lake, LakeError, Location};
use anyhow::Result;

use crate::cli::Global;
use crate::exit::Outcome;
use crate::numbers::counted;
use crate::pipeline::{self, Environment};
use crate::settings::{Layered, paths};
use crate::table_output::Columns;
use crate::terminal::Terminal;

/// Most damaged files that are listed.
const FILES_SHOWN: usize = 5;

enum Verdict {
    Good(String),
    Note(String),
    Bad(String),
}

pub(crate) async fn run(terminal: &Terminal, global: &Global) -> Result<Outcome> {
    let mut checks: Vec<(&str, Verdict)> = vec![("git", git())];
    match Layered::load(global) {
        Err(error) => {
            let words = format!("{:#}", anyhow::Error::new(error)).replace('\n', " ");
            checks.push(("configuration", Verdict::Bad(words)));
        }
        Ok(layered) => {
            checks.push(("configuration", configured(&layered)));
            checks.extend(sources(&layered));
            checks.extend(lake(&layered).await);
            checks.push(("output folder", output(&layered)));
        }
    }
    let is_bad = checks.iter().any(|(_, verdict)| matches!(verdict, Verdict::Bad(_)));
    let rows: Vec<[String; 3]> = checks
        .into_iter()
        .map(|(name, verdict)| {
            let (word, text) = match verdict {
                Verdict::Good(text) => ("good", text),
                Verdict::Note(text) => ("note", text),
                Verdict::Bad(text) => ("bad", text),
            };
            [name.to_owned(), word.to_owned(), text]
        })
        .collect();
    let column = |at: usize| rows.iter().map(move |row| row[at].clone());
    let columns = Columns::default().with("check", column(0)).with("verdict", column(1)).with("what", column(2));
    columns.print_whole(terminal, global.format)?;
    Ok(if is_bad { Outcome::CheckFailed } else { Outcome::Done })
}

fn configured(layered: &Layered) -> Verdict {
    match layered.settings.sources.len() {
        0 => Verdict::Bad(
            "no source: `doracle ingest` and `run` have nothing to read (`doracle report --git` needs none)".to_owned(),
        ),
        count => Verdict::Good(counted(count, "source", "sources")),
    }
}

/// Whether each source has what it needs before a server is asked.
fn sources(layered: &Layered) -> Vec<(&'static str, Verdict)> {
    let mut checks = Vec::new();
    for config in &layered.settings.sources {
        let source = config.source();
        let stream = source.stream();
        let planned = source.request_plan(&Reading::at(pipeline::now(), &Environment));
        let unfit = planned.err().map(|error| format!("{:#}", anyhow::Error::new(error)).replace('\n', " "));
        let wrong: Vec<String> = paths::missing(config).into_iter().chain(unfit).collect();
        if wrong.is_empty() {
            checks.push((
                "source",
                Verdict::Good(format!("`{stream}` names nothing that is missing here; it was not opened")),
            ));
        }
        checks.extend(wrong.into_iter().map(|wrong| ("source", Verdict::Bad(format!("`{stream}`: {wrong}")))));
    }
    checks
}

fn git() -> Verdict {
    match Command::new("git").arg("--version").output() {
        Ok(answer) if answer.status.success() => {
            Verdict::Good(String::from_utf8_lossy(&answer.stdout).trim().to_owned())
        }
        Ok(answer) => Verdict::Bad(String::from_utf8_lossy(&answer.stderr).trim().to_owned()),
        Err(error) => Verdict::Note(format!("not found ({error}); the `git` source needs it")),
    }
}

/// The lake, and what only its content can tell.
async fn lake(layered: &Layered) -> Vec<(&'static str, Verdict)> {
    let location = match layered.location() {
        Ok(location) => location,
        Err(error) => return vec![("lake", Verdict::Bad(error.to_string()))],
    };
    if !location.exists() {
        return vec![("lake", Verdict::Note(format!("none yet at `{location}`; `doracle ingest` makes it")))];
    }
    content(layered, &location).await.unwrap_or_else(|error| {
        let words = anyhow::Error::new(error);
        vec![(
            "lake",
            Verdict::Bad(format!("{words:#}; what cannot be mended is read again into a new lake (`--lake`)")),
        )]
    })
}

async fn content(layered: &Layered, location: &Location) -> Result<Vec<(&'static str, Verdict)>, LakeError> {
    let lake = Lake::open(location).await?;
    let snapshot = lake.snapshot(AsOf::Latest).await?;
    let damaged = snapshot.damaged_files().await?;
    let mut checks: Vec<_> = damaged
        .iter()
        .take(FILES_SHOWN)
        .map(|(file, wrong)| ("lake", Verdict::Bad(format!("`{file}` is damaged: {wrong}"))))
        .collect();
    checks.push(match damaged.len() {
        0 => ("lake", Verdict::Good(format!("`{location}`, version {}, every data file in its length", snapshot.number()))),
        count => (
            "lake",
            Verdict::Bad(format!(
                "{count} data files of version {} are damaged: put them back, or read the sources again into a new lake \
                 (`--lake`)",
                snapshot.number()
            )),
        ),
    });
    checks.extend(lake.damaged_batches().await?.into_iter().map(|batch| {
        let folder = batch.pending;
        let text = format!("`{location}/{folder}` is damaged, and writers stop at it; see `doracle lake set-aside`");
        ("pending batch", Verdict::Bad(text))
    }));
    // Before anything was read, nothing is known of any service.
    if snapshot.number() > 0 && damaged.is_empty() {
        let unknown = pipeline::unknown_members(&snapshot, &layered.settings.groups).await?;
        checks.extend(unknown.into_iter().map(|text| ("groups", Verdict::Note(text))));
    }
    Ok(checks)
}

fn output(layered: &Layered) -> Verdict {
    let folder = &layered.settings.report.out;
    if !folder.exists() {
        return Verdict::Note(format!("`{}` does not exist yet", folder.display()));
    }
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    match std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)) {
        Ok(()) => Verdict::Good(format!("`{}` can be written", folder.display())),
        Err(error) => Verdict::Bad(format!("`{}` cannot be written: {error}", folder.display())),
    }
}
