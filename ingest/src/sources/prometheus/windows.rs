//! Cutting a range of time into what one request can ask for.

use lake::Instant;

/// Microseconds in a second.
pub(super) const SECOND: i64 = Instant::MICROS;
/// Most steps of one range query: a server refuses `(end - start) / step` above it.
pub(super) const STEPS: i64 = 11_000;
/// The server knows no finer times.
const MILLISECOND: i64 = 1000;

/// A range, its end excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: Instant,
    pub(super) end: Instant,
}

impl Window {
    pub(super) fn new(start: Instant, end: Instant) -> Self {
        Self { start, end }
    }

    /// In whole milliseconds, as the server counts them.
    pub(super) fn in_milliseconds(self) -> Self {
        let up = |at: Instant| Instant((at.0 + MILLISECOND - 1).div_euclid(MILLISECOND) * MILLISECOND);
        Self { start: up(self.start), end: up(self.end) }
    }

    pub(super) fn length(self) -> i64 {
        self.end.0 - self.start.0
    }

    pub(super) fn holds(self, at: Instant) -> bool {
        self.start <= at && at < self.end
    }

    /// The two halves, if both are at least `smallest` long.
    pub(super) fn halves(self, smallest: i64) -> Option<(Self, Self)> {
        let middle = Instant(self.start.0 + self.length() / 2 / MILLISECOND * MILLISECOND);
        let (left, right) = (Self::new(self.start, middle), Self::new(middle, self.end));
        (left.length() >= smallest.max(MILLISECOND) && right.length() >= smallest).then_some((left, right))
    }

    /// The windows it consists of, cut at multiples of `length`, so that many readings cut where one does.
    pub(super) fn tiles(self, length: i64) -> Vec<Self> {
        let mut tiles = Vec::new();
        let mut start = self.start;
        while start < self.end {
            let next = Instant((start.0.div_euclid(length) + 1) * length);
            let end = next.min(self.end);
            tiles.push(Self::new(start, end));
            start = end;
        }
        tiles
    }

    /// The selector that gives the samples of the window, and the time it is asked at: one millisecond before the end.
    /// A server that counts the left edge in gives one sample too many, which lies before the start.
    pub(super) fn as_selector(self) -> (String, String) {
        (format!("[{}ms]", self.length() / MILLISECOND), seconds(Instant(self.end.0 - MILLISECOND)))
    }
}

/// The points of a range query: both ends are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) first: Instant,
    pub(super) last: Instant,
    pub(super) step: i64,
}

impl Grid {
    /// The multiples of `step` within `window`, if there are any: the same grid whoever asks.
    pub(super) fn within(window: Window, step: i64) -> Option<Self> {
        let up = |at: i64| at.div_euclid(step) + i64::from(at.rem_euclid(step) > 0);
        let (first, after) = (up(window.start.0), up(window.end.0));
        (first < after).then(|| Self { first: Instant(first * step), last: Instant((after - 1) * step), step })
    }

    /// In chunks of so many steps at most; none of them share a point.
    pub(super) fn chunks(self, steps: i64) -> Vec<Self> {
        let mut chunks = Vec::new();
        let mut first = self.first;
        while first <= self.last {
            let last = Instant((first.0 + steps * self.step).min(self.last.0));
            chunks.push(Self { first, last, ..self });
            first = Instant(last.0 + self.step);
        }
        chunks
    }

    /// The window that its points stand for.
    pub(super) fn window(self) -> Window {
        Window::new(self.first, Instant(self.last.0 + self.step))
    }
}

/// Unix seconds with milliseconds, as a server reads them.
pub(super) fn seconds(at: Instant) -> String {
    let milliseconds = at.0.div_euclid(MILLISECOND);
    format!("{}.{:03}", milliseconds.div_euclid(1000), milliseconds.rem_euclid(1000))
}

/// A length of microseconds in seconds.
pub(super) fn in_seconds(length: i64) -> f64 {
    length as f64 / SECOND as f64
}
