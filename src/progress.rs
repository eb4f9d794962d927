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
        if let Ok(mut held) = self.bar.lock() {
            if let Some(old) = std::mem::replace(&mut *held, bar) {
                old.finish_and_clear();
            }
        }
    }
}

impl Reporter for Progress<'_> {
    fn begin(&self, what: &str, total: Option<u64>) {
        tracing::info!(what, total, "begin");
        if !self.terminal.shows_progress() {
            return;
        }
        let bar = match total {
            Some(total) => {
                let bar = ProgressBar::new(total);
                bar.set_style(style("{spinner} {msg} {wide_bar} {human_pos}/{human_len} {eta}"));
                bar
            }
            None => {
                let bar = ProgressBar::new_spinner();
                bar.set_style(style("{spinner} {msg} {human_pos}"));
                bar
            }
        };
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        self.replace(Some(bar));
    }

    fn advance(&self, steps: u64) {
        if let Ok(bar) = self.bar.lock() {
            if let Some(bar) = &*bar {
                bar.inc(steps);
            }
        }
    }

    fn gap(&self, sentence: &str) {
        let warn = || self.terminal.warn(sentence);
        match self.bar.lock() {
            Ok(bar) => match &*bar {
                Some(bar) => bar.suspend(warn),
                None => warn(),
            },
            Err(_) => warn(),
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
