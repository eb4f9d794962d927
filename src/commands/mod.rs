//! The subcommands: one file each.

mod attempt;
mod baseline;
mod compare;
mod config;
mod consensus;
mod demo;
mod derive;
mod doctor;
mod explain;
mod export;
mod finding;
mod ingest;
mod interventions;
mod lake;
mod leaderboard;
mod metrics;
mod receive;
mod report;
mod run;
mod schema;
mod sources;
mod sql;
pub(crate) mod submission;

pub(crate) use self::finding::findings;
use anyhow::Result;
use clap::CommandFactory;

use crate::cli::{Cli, Command, ConsensusCommand, Global};
use crate::exit::{Outcome, UsageError};
use crate::settings::Layered;
use crate::terminal::Terminal;

/// Runs the subcommand that was asked for.
pub(crate) async fn run(arguments: Cli, terminal: &Terminal) -> Result<Outcome> {
    let global = &arguments.global;
    match &arguments.command {
        Command::Demo(own) => demo::run(terminal, global, own).await,
        Command::Report(own) => report::run(terminal, global, own).await,
        Command::Run(own) => run::run(terminal, global, own).await,
        Command::Ingest(own) => ingest::run(terminal, &Layered::load(global)?, own).await,
        Command::Receive(own) => receive::run(terminal, &Layered::load(global)?, own).await,
        Command::Derive(own) => derive::run(terminal, global, own).await,
        Command::Export(own) => export::run(terminal, &Layered::load(global)?, own).await,
        Command::Schema(own) => schema::run(terminal, global.format, own),
        Command::Sql(own) => sql::run(terminal, global, own).await,
        Command::Metrics(own) => metrics::run(terminal, global, own).await,
        Command::Compare(own) => compare::run(terminal, global, own).await,
        Command::Interventions(own) => interventions::run(terminal, global, own).await,
        Command::Baseline(own) => baseline::run(terminal, global, own).await,
        Command::Submission(own) => submission::run(terminal, global, own).await,
        Command::Consensus(own) => match &own.command {
            Some(ConsensusCommand::Attest(own)) => leaderboard::attest(terminal, global, own).await,
            None => consensus::run(terminal, global.format, own),
        },
        Command::Leaderboard(own) => leaderboard::run(terminal, global, own).await,
        Command::Attempt(own) => attempt::run(terminal, global, own).await,
        Command::Sources => sources::run(terminal, global.format),
        Command::Lake(own) => lake::run(terminal, global, own).await,
        Command::Config(own) => config::run(terminal, global, own),
        Command::Doctor => doctor::run(terminal, global).await,
        Command::Explain(own) => explain::run(terminal, global, own).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "doracle", &mut script);
            terminal.data(&script)?;
            Ok(Outcome::Done)
        }
    }
}

/// Refuses `--lake` where a command keeps a lake of its own beside what it writes, rather than pass over it in silence.
fn refuse_lake(global: &Global, what: &str) -> Result<(), UsageError> {
    match &global.lake {
        None => Ok(()),
        Some(_) => Err(UsageError {
            message: format!("`{what}` keeps a lake of its own in the folder that `--out` names"),
            hint: Some("leave `--lake` away".to_owned()),
        }),
    }
}
