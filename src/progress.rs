//! Progress bars on long work, on standard error and only on a terminal.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use ingest::Reporter;

use crate::terminal::Terminal;

/// Shows how far a source is, and tells gaps as they appear.
pub(crate) struct Progress<'t> {
    terminal: &'t Terminal,
    bar: Mutex<Option<ProgressBar>>,
}

impl<'t> Progress<'t> {
    pub(crate) fn new(terminal: &'t Terminal) -> Self {
        Self { terminal, bar: Mutex::new(None) }
    }

    /// Shows that a piece of work without known length is under way.
    pub(crate) fn step(&self, what: &str) {
        self.begin(what, None);
    }

    fn replace(&self, bar: Option<ProgressBar>) {
        let old = self.bar.lock().ok().and_then(|mut held| std::mem::replace(&mut *held, bar));
        if let Some(old) = old {
            old.finish_and_clear();
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
        self.replace(Some(bar));
    }

    fn advance(&self, steps: u64) {
        if let Some(bar) = self.bar.lock().ok().and_then(|bar| bar.clone()) {
            bar.inc(steps);
        }
    }

    fn waiting(&self, seconds: u64, why: &str) {
        if let Some(bar) = self.bar.lock().ok().and_then(|bar| bar.clone()) {
            bar.suspend(|| self.terminal.say(format!("waiting {seconds} s: {why}")));
        }
    }

    fn gap(&self, sentence: &str) {
        let warn = || self.terminal.warn(sentence);
        match self.bar.lock().ok().and_then(|bar| bar.clone()) {
            Some(bar) => bar.suspend(warn),
            None => warn(),
        }
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
