//! `doracle`: the command.
//!
//! Arguments, layered configuration, words and exit codes live here. No number is computed here.

mod cli;
mod commands;
mod errors;
mod exit;
mod lock;
mod numbers;
mod pipeline;
mod progress;
mod settings;
mod table_output;
mod terminal;
mod windows;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::terminal::Terminal;

fn main() -> ExitCode {
    let arguments = match Cli::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::for_usage(&error),
    };
    let terminal = Terminal::new(&arguments.global);
    terminal.start_logs(&arguments.global);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return terminal.fail(&anyhow::Error::new(error).context("could not start the runtime")),
    };
    let ends_itself = arguments.command.ends_itself();
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = commands::run(arguments, &terminal) => outcome,
            interrupted = tokio::signal::ctrl_c(), if !ends_itself => match interrupted {
                Ok(()) => Ok(exit::Outcome::Interrupted),
                Err(error) => Err(anyhow::Error::new(error).context("could not wait for an interrupt")),
            },
        }
    });
    match outcome {
        Ok(outcome) => outcome.code(),
        Err(error) => terminal.fail(&error),
    }
}
