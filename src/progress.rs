//! Progress bars on long work, on standard error and only on a terminal.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use ingest::Reporter;

use crate::terminal::Terminal;

/// Shows how far a source is, and tells gaps as they appear.
pub(crate) struct Progress<'t> {
    terminal: &'t Terminal,
    shown: Mutex<Option<Shown>>,
}

/// A bar, and the piece of work it is about.
#[derive(Clone)]
struct Shown {
    bar: ProgressBar,
    what: String,
}

impl<'t> Progress<'t> {
    pub(crate) fn new(terminal: &'t Terminal) -> Self {
        Self { terminal, shown: Mutex::new(None) }
    }

    /// Shows that a piece of work without known length is under way.
    pub(crate) fn step(&self, what: &str) {
        self.begin(what, None);
    }

    fn replace(&self, new: Option<Shown>) {
        let old = self.shown.lock().ok().and_then(|mut held| std::mem::replace(&mut *held, new));
        if let Some(old) = old {
            old.bar.finish_and_clear();
        }
    }

    fn shown(&self) -> Option<Shown> {
        self.shown.lock().ok().and_then(|shown| shown.clone())
    }

    /// Says something above the bar, where there is one.
    fn above(&self, say: impl FnOnce()) {
        match self.shown() {
            Some(shown) => shown.bar.suspend(say),
            None => say(),
        }
    }
}

impl Reporter for Progress<'_> {
    fn begin(&self, what: &str, total: Option<u64>) {
        tracing::info!(what, total, "begin");
        if !self.terminal.shows_progress() {
            return;
        }
        let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let known = "{spinner} {msg} {wide_bar} {human_pos}/{human_len} {eta}";
        bar.set_style(style(if total.is_some() { known } else { "{spinner} {msg} {human_pos}" }));
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        self.replace(Some(Shown { bar, what: what.to_owned() }));
    }

    fn advance(&self, steps: u64) {
        if let Some(Shown { bar, what }) = self.shown() {
            bar.set_message(what);
            bar.inc(steps);
        }
    }

    /// The wait is said once, and a bar tells it until the work goes on: whoever looks later sees why nothing moves.
    fn waiting(&self, seconds: u64, why: &str) {
        self.above(|| self.terminal.say(format!("waiting {seconds} s: {why}")));
        if let Some(Shown { bar, what }) = self.shown() {
            bar.set_message(format!("{what} (waiting {seconds} s: {why})"));
        }
    }

    fn gap(&self, sentence: &str) {
        self.above(|| self.terminal.warn(sentence));
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.replace(None);
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
