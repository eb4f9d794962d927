//! What is asked for, in `PromQL`.

use std::collections::BTreeSet;

use lake::Instant;

use super::windows::{Grid, SECOND, Window};

/// The alerts that are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selectors {
    matching: Vec<String>,
}

impl Selectors {
    pub(super) fn new(matching: &[String]) -> Self {
        Self { matching: matching.to_vec() }
    }

    /// Only alerts with one of these names.
    pub(super) fn named(&self, names: &BTreeSet<String>) -> Self {
        let any: Vec<String> = names.iter().map(|name| regex::escape(name)).collect();
        let mut matching = self.matching.clone();
        matching.push(format!("alertname=~{}", quoted(&any.join("|"))));
        Self { matching }
    }

    /// Samples of alerts that fire.
    pub(super) fn firing(&self) -> String {
        let mut matchers = vec!["alertstate=\"firing\"".to_owned()];
        matchers.extend(self.matching.iter().cloned());
        format!("ALERTS{{{}}}", matchers.join(","))
    }

    /// Since when alerts are active.
    pub(super) fn active_since(&self) -> String {
        format!("ALERTS_FOR_STATE{{{}}}", self.matching.join(","))
    }

    /// When the sample that a range query shows was really taken: what is only carried on for five minutes is known by
    /// its age.
    pub(super) fn firing_times(&self) -> String {
        format!("timestamp({})", self.firing())
    }
}

/// Whether a series of these was there in the time before each point.
pub(super) fn presence(selector: &str, bucket: i64) -> String {
    format!("count(count_over_time({selector}[{}s]))", bucket / SECOND)
}

/// The points that tell of the buckets of a window: each tells of the time before it.
pub(super) fn presence_points(window: Window, bucket: i64) -> Option<Grid> {
    let behind = Window::new(Instant(window.start.0 + 1), Instant(window.end.0 + 1));
    Grid::within(behind, bucket)
}

/// The window cut down to whole buckets.
pub(super) fn whole_buckets(window: Window, bucket: i64) -> Window {
    let (start, end) = (window.start.0.div_euclid(bucket) * bucket, window.end.0.div_euclid(bucket) * bucket);
    Window::new(Instant(start), Instant(end.max(start)))
}

/// A text as `PromQL` writes it.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
