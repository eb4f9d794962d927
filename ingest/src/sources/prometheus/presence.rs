//! When the server worked: only then does silence mean that nothing was wrong.

use lake::Instant;
use serde::{Deserialize, Serialize};

use super::windows::Window;
use crate::Spans;

/// When the server worked, as far as is known.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Presence {
    /// What was looked at.
    asked: Spans,
    /// When there was a sign of life.
    alive: Spans,
    /// The length of time in which there is at least one while the server works.
    bucket: i64,
}

impl Presence {
    /// Nothing was looked at yet: the server is taken to have worked.
    pub(super) fn new(bucket: i64) -> Self {
        Self { bucket, ..Self::default() }
    }

    /// Notes that `window` was looked at, and which buckets, that end at these times, held a sign of life.
    pub(super) fn look(&mut self, window: Window, bucket_ends: impl IntoIterator<Item = Instant>) {
        self.asked.add(window.start, window.end);
        for end in bucket_ends {
            self.alive.add(Instant(end.0 - self.bucket), end);
        }
    }

    /// Notes that the server worked from `first` to `last`, because it evaluated a rule.
    pub(super) fn worked(&mut self, first: Instant, last: Instant) {
        if self.is_known() {
            self.alive.add(first, Instant(last.0 + 1));
        }
    }

    fn is_known(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Whether there was any sign of life at all.
    pub(super) fn has_any(&self) -> bool {
        !self.alive.is_empty()
    }

    /// Whether the first one was at `at`.
    pub(super) fn begins_at(&self, at: Instant) -> bool {
        self.alive.iter().next().is_some_and(|(first, _)| first == at)
    }

    /// Whether there was one before `at`.
    pub(super) fn has_life_before(&self, at: Instant) -> bool {
        self.alive.iter().next().is_some_and(|(first, _)| first < at)
    }

    /// How coarsely it is known.
    pub(super) fn resolution(&self) -> i64 {
        if self.is_known() { self.bucket } else { 0 }
    }

    /// Until when it is known.
    pub(super) fn until(&self) -> Option<Instant> {
        self.asked.end()
    }

    /// Every time that was looked at and held no sign of life.
    fn dark(&self) -> impl Iterator<Item = Window> {
        let missing = self.asked.iter().flat_map(|(start, end)| self.alive.missing(start, end));
        missing.map(|(start, end)| Window::new(start, end)).filter(|dark| dark.length() >= self.bucket)
    }

    /// The times within `window` in which it recorded nothing for at least a bucket.
    pub(super) fn down(&self, window: Window) -> Vec<Window> {
        self.dark()
            .map(|dark| Window::new(dark.start.max(window.start), dark.end.min(window.end)))
            .filter(|dark| dark.length() > 0)
            .collect()
    }

    /// From when on there is anything at all: `start`, or the first sign of life behind it.
    pub(super) fn since(&self, start: Instant) -> Instant {
        self.dark().find(|dark| dark.holds(start)).map_or(start, |dark| dark.end)
    }

    /// The time of darkness that ended within `window`, after something had been recorded before.
    pub(super) fn down_before(&self, window: Window) -> Option<Window> {
        let first = self.alive.iter().next()?.0;
        self.dark().find(|dark| dark.start > first && window.start <= dark.end && dark.end <= window.end)
    }
}
