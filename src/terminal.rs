//! Words on the screen: data to standard output, everything else to standard error.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use crate::cli::{ColorWhen, Global};
use crate::exit;

/// What may be said, and how.
#[derive(Clone, Debug)]
pub(crate) struct Terminal {
    quiet: bool,
    color: bool,
    progress: bool,
}

impl Terminal {
    pub(crate) fn new(global: &Global) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let color = match global.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => is_terminal && !no_color,
        };
        Self { quiet: global.quiet, color, progress: is_terminal && !global.quiet }
    }

    /// Whether progress bars make sense.
    pub(crate) fn shows_progress(&self) -> bool {
        self.progress
    }

    /// Starts the log on standard error.
    pub(crate) fn start_logs(&self, global: &Global) {
        use tracing_subscriber::filter::{LevelFilter, Targets};
        use tracing_subscriber::prelude::*;
        let level = match global.verbose {
            0 => LevelFilter::WARN,
            1 => LevelFilter::INFO,
            2 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        };
        // Our own rooms at the level asked for, what we rest on only when it warns.
        let own = ["doracle", "lake", "ingest", "derive", "attribution", "reports", "stats"];
        let others = if global.verbose > 2 { LevelFilter::DEBUG } else { LevelFilter::ERROR };
        let targets = Targets::new().with_default(others).with_targets(own.map(|target| (target, level)));
        let lines =
            tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(self.color).with_target(true);
        tracing_subscriber::registry().with(lines.with_filter(targets)).init();
    }

    /// Says something to a person.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        if !self.quiet {
            to_stderr(text.as_ref());
        }
    }

    /// Says what went wrong without stopping.
    pub(crate) fn warn(&self, text: impl AsRef<str>) {
        to_stderr(&format!("{} {}", self.paint("warning:", "33"), text.as_ref()));
    }

    /// Writes data to standard output.
    #[expect(clippy::unused_self, reason = "whoever may speak holds a terminal")]
    pub(crate) fn data(&self, content: &[u8]) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        match out.write_all(content).and_then(|()| out.flush()) {
            // Whoever read it has seen enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Tells an error with its causes, its code and a hint.
    pub(crate) fn fail(&self, error: &anyhow::Error) -> ExitCode {
        let (code, name, hint) = exit::classify(error);
        let mut text = format!("{} {error}", self.paint(&format!("error[{name}]:"), "31;1"));
        for cause in error.chain().skip(1) {
            text.push_str("\n  caused by: ");
            text.push_str(&cause.to_string());
        }
        let hint = hint.map_or_else(String::new, |hint| format!("{hint}; "));
        to_stderr(&format!("{text}\n\n{} {hint}see `doracle explain {name}`", self.paint("hint:", "36")));
        ExitCode::from(code)
    }

    fn paint(&self, text: &str, style: &str) -> String {
        if self.color { format!("\u{1b}[{style}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

fn to_stderr(text: &str) {
    // Where standard error is gone there is nobody left to tell.
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}
