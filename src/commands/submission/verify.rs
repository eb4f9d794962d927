//! `doracle submission verify`.

use std::path::Path;

use anyhow::{Context, Result};
use attribution::submission::{
    Board, BoardKey, Examined, Grade, Limits, Outcome as Found, Package, Registry, SubmissionError, Verification,
    Withdrawal, examine, verify,
};
use clap::ValueEnum;
use serde_json::json;

use super::{VerifyArguments, signature_of};
use crate::cli::{Format, Global};
use crate::exit::Outcome;
use crate::pipeline;
use crate::progress::Progress;
use crate::table_output::{self, FORMAT_VERSION, aligned};
use crate::terminal::Terminal;

/// The least that must stand behind a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Required {
    /// Numbers without the events behind them.
    SummaryOnly,
    /// The numbers were derived again from the evidence.
    Rederived,
    /// Besides, signed by an enrolled operator whose plan the board received before anybody began.
    SignedAndPreregistered,
    /// Besides, an unrelated operator came to the same.
    Reproduced,
}

impl Required {
    fn grade(self) -> Grade {
        match self {
            Self::SummaryOnly => Grade::SummaryOnly,
            Self::Rederived => Grade::Rederived,
            Self::SignedAndPreregistered => Grade::SignedAndPreregistered,
            Self::Reproduced => Grade::Reproduced,
        }
    }
}

pub(super) async fn run(terminal: &Terminal, global: &Global, own: &VerifyArguments) -> Result<Outcome> {
    let registry = own.registry.as_deref().map(registry).transpose()?;
    let key = match &own.board_key {
        Some(path) => {
            let bytes = std::fs::read(path).with_context(|| format!("could not read `{}`", path.display()))?;
            Some(BoardKey::new(bytes))
        }
        None => None,
    };
    let mut withdrawals = Vec::new();
    for path in &own.withdrawal {
        let read =
            |path: &Path| std::fs::read_to_string(path).with_context(|| format!("could not read `{}`", path.display()));
        let notice = Withdrawal::read(&read(path)?, &read(&signature_of(path))?, registry.as_ref());
        withdrawals.push(notice.with_context(|| format!("could not use `{}`", path.display()))?);
    }
    let progress = Progress::new(terminal);
    progress.step("deriving from the evidence");
    let examined = examined(&own.package, global.threads).await?;
    let mut others = Vec::new();
    for path in &own.beside {
        progress.step(&format!("deriving `{}`", path.display()));
        match self::examined(path, global.threads).await {
            Ok(other) => others.push(other),
            // One that is no submission keeps nobody else from being judged.
            Err(error) => terminal.warn(format!("`{}` is left out: {error:#}", path.display())),
        }
    }
    drop(progress);
    let others: Vec<&Examined> = others.iter().collect();
    let board = Board { registry: registry.as_ref(), others: &others, withdrawals: &withdrawals, key: key.as_ref() };
    let verification = verify(&examined, &board, pipeline::now());
    print(terminal, global, &verification)?;
    let is_enough = own.require.is_none_or(|required| verification.grade >= Some(required.grade()));
    Ok(if verification.is_clean() && is_enough { Outcome::Done } else { Outcome::CheckFailed })
}

fn registry(path: &Path) -> Result<Registry> {
    let text = std::fs::read_to_string(path).with_context(|| format!("could not read `{}`", path.display()))?;
    Ok(Registry::parse(&text)?)
}

/// Reads a package and derives it again, in a folder of its own that goes away.
pub(in crate::commands) async fn examined(path: &Path, threads: Option<usize>) -> Result<Examined, SubmissionError> {
    let limits = Limits::default();
    let package = Package::read(path, &limits)?;
    let folder = tempfile::tempdir().map_err(|source| SubmissionError::File {
        doing: "write",
        path: std::env::temp_dir().display().to_string(),
        source,
    })?;
    examine(package, &limits, folder.path(), pipeline::now(), threads).await
}

fn print(terminal: &Terminal, global: &Global, verification: &Verification) -> Result<()> {
    let titles = ["check", "outcome", "what was found"].map(str::to_owned);
    let rows: Vec<Vec<Option<String>>> = verification
        .checks
        .iter()
        .map(|check| vec![Some(check.name.to_owned()), Some(check.outcome.to_string()), Some(check.told.clone())])
        .collect();
    match global.format {
        Format::Table => terminal.text(&(aligned(&titles, &[false; 3], &rows) + &in_words(verification)))?,
        Format::Json => {
            let document = json!({"format_version": FORMAT_VERSION, "verification": verification});
            terminal.text(&(serde_json::to_string_pretty(&document)? + "\n"))?;
        }
        format => {
            table_output::texts(terminal, format, &titles, &rows)?;
        }
    }
    Ok(())
}

fn in_words(verification: &Verification) -> String {
    let [experiment, protocol] = &verification.experiment;
    let count = |outcome: Found| verification.checks.iter().filter(|check| check.outcome == outcome).count();
    let grade = verification
        .grade
        .map_or_else(|| "none: its evidence does not give its claim".to_owned(), |grade| grade.to_string());
    let verdict = verification.verdict.map_or_else(|| "nothing was derived".to_owned(), |verdict| verdict.to_string());
    let simulated = if verification.simulated { "\nsome of what is here is simulated" } else { "" };
    format!(
        "\n`{experiment}`, protocol {protocol}, by `{}`{}\nhardware: {}\nverdict of the evidence: {verdict}\nevidence grade: {grade}\n\
         {} passed, {} could not be checked, {} doubtful, {} failed{simulated}\ndigest {}\n",
        verification.operator,
        verification.organisation.as_ref().map_or_else(String::new, |name| format!(" of {name}")),
        verification.hardware_class,
        count(Found::Passed),
        count(Found::NotChecked),
        count(Found::Doubtful),
        count(Found::Failed),
        verification.digest,
    )
}
