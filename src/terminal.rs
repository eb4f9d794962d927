//! Words on the screen: data to standard output, everything else to standard error.

use std::borrow::Cow;
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
        // Our own rooms at the level asked for. What we rest on logs as errors what we go on from, such as another writer
        // that was faster; what stops us reaches people in our own words.
        let own = ["doracle", "lake", "ingest", "derive", "attribution", "reports", "stats"];
        let others = match global.verbose {
            0 => LevelFilter::OFF,
            1 | 2 => LevelFilter::ERROR,
            _ => LevelFilter::DEBUG,
        };
        let targets = Targets::new().with_default(others).with_targets(own.map(|target| (target, level)));
        let lines =
            tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(self.color).with_target(true);
        tracing_subscriber::registry().with(lines.with_filter(targets)).init();
    }

    /// Says something to a person.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        if !self.quiet {
            to_stderr(&plain(text.as_ref()));
        }
    }

    /// Says what went wrong without stopping.
    pub(crate) fn warn(&self, text: impl AsRef<str>) {
        to_stderr(&format!("{} {}", self.paint("warning:", "33"), plain(text.as_ref())));
    }

    /// Writes text for people to standard output.
    pub(crate) fn text(&self, text: &str) -> std::io::Result<()> {
        self.data(plain(text).as_bytes())
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
        let told = plain(&error.to_string()).into_owned();
        let mut text = format!("{} {told}", self.paint(&format!("error[{name}]:"), "31;1"));
        for cause in error.chain().skip(1) {
            text.push_str("\n  caused by: ");
            text.push_str(&plain(&cause.to_string()));
        }
        let hint = hint.map_or_else(String::new, |hint| format!("{}; ", plain(&hint)));
        to_stderr(&format!("{text}\n\n{} {hint}see `doracle explain {name}`", self.paint("hint:", "36")));
        ExitCode::from(code)
    }

    fn paint(&self, text: &str, style: &str) -> String {
        if self.color { format!("\u{1b}[{style}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// The text without anything that a terminal would obey: what a source recorded may hold any letter.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let is_obeyed = |letter: char| {
        let turns = ('\u{202a}'..='\u{202e}').contains(&letter) || ('\u{2066}'..='\u{2069}').contains(&letter);
        (letter.is_control() && letter != '\n' && letter != '\t') || turns
    };
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_obeyed(letter) { shown.extend(letter.escape_unicode()) } else { shown.push(letter) }
    }
    Cow::Owned(shown)
}

fn to_stderr(text: &str) {
    // Where standard error is gone there is nobody left to tell.
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(plain("a\u{1b}[31mred\u{7}\r\n\tb"), "a\\u{1b}[31mred\\u{7}\\u{d}\n\tb");
        assert_eq!(plain("\u{9b}31m \u{202e}drow"), "\\u{9b}31m \\u{202e}drow");
        assert_eq!(plain("Zürich – 京都 ✓"), "Zürich – 京都 ✓");
    }
}
