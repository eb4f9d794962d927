//! What was read: for each service and window, how much of it, table by table.

use std::collections::BTreeMap;

use lake::{Instant, tables::coverage};

use crate::windows::Window;

/// The ranges of one table that were read, for one service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranges {
    /// Read, though perhaps with holes.
    read: Vec<Window>,
    /// Read whole.
    whole: Vec<Window>,
}

impl Ranges {
    /// What a rate may divide by: what was read whole. Where nothing was, as in a shallow clone, what was read at all;
    /// the coverage beside the number then says that it is incomplete.
    fn exposed(&self) -> &[Window] {
        if self.whole.is_empty() { &self.read } else { &self.whole }
    }

    /// The days of `window` that count as exposure: a stated hole is taken out.
    #[must_use]
    pub fn exposed_days(&self, window: Window) -> f64 {
        days(self.exposed(), window)
    }

    /// Whether an instant lies in the exposure.
    #[must_use]
    pub fn exposes(&self, at: Instant) -> bool {
        self.exposed().iter().any(|range| range.contains(at))
    }

    /// The days of `window` that were read whole.
    #[must_use]
    pub fn whole_days(&self, window: Window) -> f64 {
        days(&self.whole, window)
    }

    /// Whether an instant lies in what was read.
    #[must_use]
    pub fn holds(&self, at: Instant) -> bool {
        self.read.iter().any(|range| range.contains(at))
    }

    /// When nobody looked, between the first and the last instant that were read: stated holes, and what lies between
    /// readings. Where nothing was read whole, nobody knows where the holes are.
    #[must_use]
    pub fn gaps(&self) -> Vec<Window> {
        self.span().map_or_else(Vec::new, |span| without(&[span], self.exposed()))
    }

    /// From the first to the last instant that was read.
    #[must_use]
    pub fn span(&self) -> Option<Window> {
        Some(Window { start: self.read.first()?.start, end: self.read.last()?.end })
    }
}

fn days(ranges: &[Window], window: Window) -> f64 {
    ranges.iter().filter_map(|range| range.overlap(window)).map(Window::days).sum()
}

/// The ranges of every table, by service; the empty name stands for rows that speak of no single service.
#[derive(Clone, Debug, Default)]
pub struct Exposure {
    ranges: BTreeMap<(String, String), Ranges>,
}

impl Exposure {
    /// What these rows say was read until `as_of`. A range that one row states whole and another with a hole has the
    /// hole: the statement of what is missing stands.
    #[must_use]
    pub fn new(rows: &[coverage::Row], as_of: Instant) -> Self {
        let mut read: BTreeMap<(String, String), (Vec<Window>, Vec<Window>)> = BTreeMap::new();
        for row in rows {
            let (Some(start), Some(end)) = (row.range_start_at, row.range_end_at) else { continue };
            let range = Window { start, end: end.min(as_of) };
            if range.start >= range.end {
                continue;
            }
            let key = (row.covers.clone(), row.service.clone().unwrap_or_default());
            let place = read.entry(key).or_default();
            place.0.push(range);
            if !row.is_complete {
                place.1.push(range);
            }
        }
        let ranges = read
            .into_iter()
            .map(|(key, (read, holes))| {
                let read = union(read);
                let whole = without(&read, &union(holes));
                (key, Ranges { read, whole })
            })
            .collect();
        Self { ranges }
    }

    /// What was read of `table` for `service`: its own ranges and those that speak of every service.
    #[must_use]
    pub fn of(&self, table: &str, service: &str) -> Ranges {
        let find = |service: &str| self.ranges.get(&(table.to_owned(), service.to_owned()));
        match (find(service), find("")) {
            (None, None) => Ranges::default(),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (Some(own), Some(all)) => Ranges {
                read: union([own.read.clone(), all.read.clone()].concat()),
                whole: union([own.whole.clone(), all.whole.clone()].concat()),
            },
        }
    }

    /// When nobody looked at `table` for `service`, between its readings.
    #[must_use]
    pub fn gaps(&self, table: &str, service: &str) -> Vec<Window> {
        self.of(table, service).gaps()
    }

    /// The end of what was read of `table`, over all services.
    #[must_use]
    pub fn end(&self, table: &str) -> Option<Instant> {
        self.spans(table).map(|span| span.end).max()
    }

    /// The start of what was read of `table`, over all services.
    #[must_use]
    pub fn start(&self, table: &str) -> Option<Instant> {
        self.spans(table).map(|span| span.start).min()
    }

    fn spans(&self, table: &str) -> impl Iterator<Item = Window> {
        self.ranges.iter().filter(move |((name, _), _)| name == table).filter_map(|(_, ranges)| ranges.span())
    }
}

/// Overlapping and touching windows made one.
fn union(mut windows: Vec<Window>) -> Vec<Window> {
    windows.sort();
    let mut joined: Vec<Window> = Vec::new();
    for window in windows {
        match joined.last_mut() {
            Some(last) if window.start <= last.end => last.end = last.end.max(window.end),
            _ => joined.push(window),
        }
    }
    joined
}

/// What is left of `windows` where `holes` are taken out. Both are sorted and disjoint.
fn without(windows: &[Window], holes: &[Window]) -> Vec<Window> {
    let mut left = Vec::new();
    for window in windows {
        let mut start = window.start;
        for hole in holes.iter().filter(|hole| hole.overlap(*window).is_some()) {
            if start < hole.start {
                left.push(Window { start, end: hole.start });
            }
            start = start.max(hole.end);
        }
        if start < window.end {
            left.push(Window { start, end: window.end });
        }
    }
    left
}

#[cfg(test)]
mod tests;
