//! `doracle attempt`: runs of a benchmark, judged and scored.

use std::path::Path;

use anyhow::{Context, Result};
use attribution::{AttemptError, Level, Score, Subject, SubjectKind};
use lake::tables::attempts;
use lake::{AsOf, Lake, TableRow};

use crate::cli::{AttemptCommand, AttemptKind, Global};
use crate::exit::{Outcome, UsageError};
use crate::settings::Layered;
use crate::table_output::{self, Columns};
use crate::terminal::Terminal;

pub(crate) async fn run(terminal: &Terminal, global: &Global, own: &AttemptCommand) -> Result<Outcome> {
    match own {
        AttemptCommand::Judge { level, log, id, subject, subject_version, kind } => {
            let subject =
                Subject { name: subject.clone(), version: subject_version.clone(), kind: subject_kind(*kind) };
            let level = Level::read(&read(level)?).map_err(|error| wrong(level, &error))?;
            let lines = attribution::read_log(&read(log)?).map_err(|error| wrong(log, &error))?;
            let row = attribution::judge_attempt(&level, &lines, id, &subject).map_err(|error| wrong(log, &error))?;
            for doubt in &row.doubts {
                terminal.warn(format!("`{}`: {doubt}", log.display()));
            }
            let batch = attempts::Row::batch(vec![row]);
            table_output::print(terminal, global.format, &batch.schema(), &[batch])?;
            Ok(Outcome::Done)
        }
        AttemptCommand::Score => {
            let lake = Lake::open(&Layered::load(global)?.location()?).await?;
            let rows: Vec<attempts::Row> = lake.snapshot(AsOf::Latest).await?.rows().await?;
            columns(&attribution::score(&rows)).print_whole(terminal, global.format)?;
            Ok(Outcome::Done)
        }
    }
}

fn subject_kind(kind: AttemptKind) -> SubjectKind {
    match kind {
        AttemptKind::Agent => SubjectKind::Agent,
        AttemptKind::Human => SubjectKind::Human,
        AttemptKind::Platform => SubjectKind::Platform,
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("could not read `{}`", path.display()))
}

fn wrong(path: &Path, error: &AttemptError) -> anyhow::Error {
    UsageError { message: format!("`{}`: {error}", path.display()), hint: None }.into()
}

fn columns(scores: &[Score]) -> Columns {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let rate = |place: usize| scores.iter().map(move |score| score.change_fail_rate.map(|found| found[place]));
    Columns::default()
        .with("level", scores.iter().map(|score| score.level.clone()))
        .with("subject", scores.iter().map(|score| score.subject.clone()))
        .with("subject_kind", scores.iter().map(|score| score.subject_kind.clone()))
        .with("attempt_count", scores.iter().map(|score| whole(score.attempts)))
        .with("verified_count", scores.iter().map(|score| whole(score.verified)))
        .with("verified_low", scores.iter().map(|score| score.verified_share[0]))
        .with("verified_high", scores.iter().map(|score| score.verified_share[1]))
        .with("interventions_per_hour", scores.iter().map(|score| score.interventions_per_hour))
        .with("lead_time_p50_seconds", scores.iter().map(|score| score.lead_time_median))
        .with("lead_time_low_seconds", scores.iter().map(|score| score.lead_time_limits[0]))
        .with("lead_time_high_seconds", scores.iter().map(|score| score.lead_time_limits[1]))
        .with("change_fail_rate", rate(0))
        .with("change_fail_rate_low", rate(1))
        .with("change_fail_rate_high", rate(2))
        .with("recovery_seconds", scores.iter().map(|score| score.recovery_seconds))
}
