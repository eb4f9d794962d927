//! From runs to intervals: what was one time that an alert fired.
//!
//! 1. The runs of all series of an alert are laid together: replicas, and pods that come and go, are one alert.
//! 2. Runs on both sides of a time in which the server was down are one firing, marked uncertain.
//! 3. Firings close together are one interval, which says how many they were.
//! 4. What an alert was only kept firing for is taken off its end, or said in its error.

use lake::Instant;
use serde::{Deserialize, Serialize};

use super::presence::Presence;
use super::timeline::{Published, Run, Track, Witness};
use super::windows::{SECOND, Window};

/// How long after its last firing an alert counts as over (DEFINITIONS: alert clear for 10 min).
pub(super) const CLEAR: i64 = 600 * SECOND;
/// For how long a server remembers over a restart since when an alert is active (`--rules.alert.for-outage-tolerance`),
const REMEMBERED: i64 = 3600 * SECOND;
/// and how long the waiting time of an alert has to be for it to remember at all (`--rules.alert.for-grace-period`).
const WORTH_REMEMBERING: i64 = 600 * SECOND;

/// What is known of the rule behind an alert, and how its runs are laid together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    /// Between two evaluations.
    pub(super) evaluation: i64,
    /// How long the condition has to hold, where the server says.
    pub(super) hold: Option<i64>,
    /// How long it goes on to fire once its condition holds no longer.
    pub(super) keep: Keep,
    /// Between two points of the range queries, where samples themselves cannot be had.
    pub(super) step: Option<i64>,
    /// Firings at most so far apart are one.
    pub(super) flapping: i64,
}

/// How long an alert goes on to fire once its condition holds no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) enum Keep {
    /// For so many microseconds.
    For(i64),
    /// For at most so many: rules of one name differ.
    AtMost(i64),
    /// Nobody says.
    Unknown,
}

impl Keep {
    /// What is known of an alert of one or another rule.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::For(one), Self::For(other)) if one == other => self,
            (Self::For(one) | Self::AtMost(one), Self::For(other) | Self::AtMost(other)) => Self::AtMost(one.max(other)),
            _ => Self::Unknown,
        }
    }
}

impl Pace {
    /// How far apart two sights of one run may lie.
    pub(super) fn reach(&self) -> i64 {
        match self.step {
            None => self.evaluation * 3 / 2,
            Some(step) => self.evaluation + step,
        }
    }

    /// How much later than it is an edge may be seen.
    fn edge(&self, witness: Witness) -> i64 {
        match witness {
            Witness::RangeQuery => self.evaluation + self.step.unwrap_or(0),
            Witness::Samples | Witness::Alertmanager => self.evaluation,
        }
    }

    /// How long after its last sight an alert may still be firing.
    pub(super) fn patience(&self) -> i64 {
        2 * self.evaluation + self.step.unwrap_or(0)
    }

    /// How long after its last sight nothing can change about an interval any more.
    pub(super) fn settled(&self) -> i64 {
        self.flapping.max(CLEAR).max(self.patience())
    }
}

/// How an interval ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It was seen to be over; true to so many microseconds.
    Over { error: i64 },
    /// It ended while nobody looked; true to so many microseconds.
    Unseen { error: i64 },
    /// It is firing.
    Firing,
    /// Nobody has looked since.
    Unknown,
}

/// One interval of firing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) pending_at: Option<Instant>,
    pub(super) start: Instant,
    /// The true start lies at most so many microseconds before `start`; `None` where nothing bounds it.
    pub(super) start_error: Option<i64>,
    /// When it was first and last seen to fire.
    pub(super) first: Instant,
    pub(super) last: Instant,
    /// When its condition was last seen to hold, as far as is known: without what it was only kept firing for.
    pub(super) held: Instant,
    pub(super) end: End,
    /// Whether there was a time in it in which nobody looked.
    pub(super) has_hole: bool,
    pub(super) firing_count: i64,
    pub(super) witness: Witness,
}

/// What was looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looked<'a> {
    /// The range in which samples were read.
    pub(super) range: Window,
    /// When the server worked.
    pub(super) presence: &'a Presence,
}

/// Runs laid together.
#[derive(Clone, Debug)]
struct Firing {
    first: Instant,
    last: Instant,
    /// When the last of its firings was first seen: then its condition held.
    renewed: Instant,
    /// Where samples say it was, if they do.
    sampled_last: Option<Instant>,
    active_at: Option<Instant>,
    /// The series whose run reaches furthest, and since when that one is active.
    latest: (String, Option<Instant>),
    witness: Witness,
    first_witness: Witness,
    has_hole: bool,
    count: i64,
}

/// The intervals of one alert.
pub(super) fn intervals(track: &Track, pace: &Pace, looked: Looked<'_>) -> Vec<Interval> {
    let mut joined: Vec<Firing> = Vec::new();
    for firing in firings(track, pace) {
        match joined.last_mut() {
            Some(last) if is_same(last, &firing, looked.presence, pace) => {
                last.has_hole = true;
                extend(last, firing, pace, 0);
            }
            Some(last) if firing.first.0 - last.last.0 <= pace.flapping => {
                last.renewed = last.renewed.max(firing.renewed);
                extend(last, firing, pace, 1);
            }
            _ => joined.push(firing),
        }
    }
    joined.iter().map(|firing| interval(firing, track, pace, looked)).collect()
}

/// The runs of all series laid together.
fn firings(track: &Track, pace: &Pace) -> Vec<Firing> {
    let mut runs: Vec<(Run, Witness, &str)> = Vec::new();
    for (name, series) in &track.series {
        runs.extend(series.runs.iter().map(|run| (*run, series.witness, name.as_str())));
    }
    runs.sort_by_key(|(run, witness, name)| (run.first, *witness, run.last, *name));
    let mut firings: Vec<Firing> = Vec::new();
    for (run, witness, name) in runs {
        let firing = Firing {
            first: run.first,
            last: run.last,
            renewed: run.first,
            sampled_last: (witness != Witness::Alertmanager).then_some(run.last),
            active_at: run.active_at,
            latest: (name.to_owned(), run.active_at),
            witness,
            first_witness: witness,
            has_hole: false,
            count: 1,
        };
        match firings.last_mut() {
            // One series hands over to another within an evaluation; within one series a cut is a cut.
            Some(last)
                if run.first <= last.last
                    || (last.latest.0 != name && run.first.0 - last.last.0 <= pace.reach()) =>
            {
                extend(last, firing, pace, 0);
            }
            _ => firings.push(firing),
        }
    }
    firings
}

/// Adds a firing that begins no earlier.
fn extend(to: &mut Firing, next: Firing, pace: &Pace, count: i64) {
    to.sampled_last = to.sampled_last.max(next.sampled_last);
    if next.last >= to.last {
        to.latest = next.latest;
    }
    // Where there are samples, they say when it was last seen to fire: Alertmanager goes on for a while by itself.
    to.last = to.sampled_last.unwrap_or(to.last.max(next.last));
    to.active_at = match (to.active_at, next.active_at) {
        (Some(one), Some(other)) if next.first <= to.first => Some(one.min(other)),
        (None, other) if next.first.0 - to.first.0 <= pace.patience() => other,
        (one, _) => one,
    };
    to.witness = to.witness.min(next.witness);
    to.has_hole |= next.has_hole;
    to.count += count * next.count;
}

/// Whether `next` is the same firing as `last`, which nobody saw in between: its condition held all the time by the
/// server's own account, or the server was down.
fn is_same(last: &Firing, next: &Firing, presence: &Presence, pace: &Pace) -> bool {
    let gap = Window::new(last.last, next.first);
    if last.latest.1.is_some() && last.latest.1 == next.active_at {
        return true;
    }
    let is_remembered = pace.hold.is_some_and(|hold| hold >= WORTH_REMEMBERING) && gap.length() <= REMEMBERED;
    if is_remembered && next.active_at.is_some_and(|active_at| active_at > last.last) {
        return false;
    }
    // After a restart an alert is evaluated twice before it is written again, and then it may have to wait anew.
    let wait = presence.resolution() + 3 * pace.evaluation;
    let resumed = next.active_at.unwrap_or(next.first);
    let down = presence.down(gap);
    down.iter().any(|down| went_down_firing(last, *down, presence, pace) && resumed.0 - down.end.0 <= wait)
}

/// Whether nobody could see `last` end before the server went down: by then the evaluation after its last sight had not
/// come. What is over by this rule can be forgotten, because nothing that comes later goes on with it.
fn went_down_firing(last: &Firing, down: Window, presence: &Presence, pace: &Pace) -> bool {
    down.start.0 - last.last.0 <= presence.resolution() + pace.evaluation
}

fn interval(firing: &Firing, track: &Track, pace: &Pace, looked: Looked<'_>) -> Interval {
    let (start, start_error) = start(firing, track, pace, looked);
    let (held, end) = condition(firing, pace, end(firing, pace, looked));
    Interval {
        pending_at: firing.active_at,
        start,
        start_error,
        first: firing.first,
        last: firing.last,
        held,
        end,
        has_hole: firing.has_hole,
        firing_count: firing.count,
        witness: firing.witness,
    }
}

/// When it began to fire, and how much earlier that may have been.
fn start(firing: &Firing, track: &Track, pace: &Pace, looked: Looked<'_>) -> (Instant, Option<i64>) {
    let edge = pace.edge(firing.first_witness);
    let seen_from = looked.presence.since(looked.range.start);
    let is_cut = firing.first_witness != Witness::Alertmanager
        && firing.first >= looked.range.start
        && firing.first.0 - seen_from.0 <= pace.reach() + looked.presence.resolution()
        && firing.active_at.is_none_or(|active_at| active_at < seen_from);
    let by_rule = firing.active_at.zip(pace.hold).map(|(active_at, hold)| Instant(active_at.0 + hold));
    let (start, error) = match (is_cut, by_rule, firing.active_at) {
        // Nothing is known from before; but the server remembers since when the condition holds.
        (true, Some(by_rule), _) if firing.first.0 - by_rule.0 > edge => (by_rule, Some(edge)),
        (true, Some(_), _) => (firing.first, Some(edge)),
        (true, None, Some(active_at)) => (firing.first, Some((firing.first.0 - active_at.0).max(edge))),
        (true, None, None) => (firing.first, None),
        (false, ..) => {
            let known_from = firing.active_at.unwrap_or(firing.first);
            let before = Window::new(Instant(known_from.0 - looked.presence.resolution() - pace.evaluation), known_from);
            let dark = looked.presence.down_before(before);
            let dark = dark.map_or(0, |down| known_from.0 - down.start.0 + looked.presence.resolution());
            (firing.first, Some(edge + dark))
        }
    };
    let inside = |known: &&Published| firing.first <= known.first && known.first <= firing.last;
    match track.published.iter().filter(inside).min_by_key(|known| known.first) {
        // It began earlier than was known.
        Some(known) if firing.first < known.first && !is_cut => {
            (known.start, Some(edge + (known.start.0 - firing.first.0).max(0)))
        }
        Some(known) => (known.start, known.error),
        None => (start, error),
    }
}

/// When its condition was last seen to hold, and how wrong that may be. An alert that is kept firing is so for whole
/// evaluations behind the last one at which its condition held.
fn condition(firing: &Firing, pace: &Pace, end: End) -> (Instant, End) {
    let longest = firing.last.0 - firing.renewed.0;
    let (kept, unsure) = match pace.keep {
        Keep::For(keep) if matches!(end, End::Over { .. }) && !firing.has_hole => (keep.min(longest), 0),
        // A server that starts again has forgotten for how long it keeps an alert.
        Keep::For(keep) | Keep::AtMost(keep) => (0, keep.min(longest)),
        Keep::Unknown => (0, longest),
    };
    let held = Instant(firing.last.0 - kept);
    match end {
        End::Over { error } => (held, End::Over { error: error.max(unsure) }),
        End::Unseen { error } => (held, End::Unseen { error: error.max(unsure) }),
        End::Firing | End::Unknown => (firing.last, end),
    }
}

fn end(firing: &Firing, pace: &Pace, looked: Looked<'_>) -> End {
    let edge = pace.edge(firing.witness);
    let until = looked.range.end;
    if firing.witness == Witness::Alertmanager {
        // It says at every reading what is firing.
        let error = until.0 - firing.last.0;
        return if error <= 0 { End::Firing } else { End::Unseen { error } };
    }
    if until.0 - firing.last.0 <= pace.patience() {
        return End::Firing;
    }
    let rest = Window::new(firing.last, until);
    match looked.presence.down(rest).first() {
        Some(down) if went_down_firing(firing, *down, looked.presence, pace) => {
            let is_still_down = looked.presence.until().is_some_and(|known| down.end >= known.min(until));
            // The first sign of life lies somewhere in the bucket behind the darkness.
            let seen_again = down.end.0 + looked.presence.resolution();
            if is_still_down { End::Unknown } else { End::Unseen { error: seen_again - firing.last.0 + edge } }
        }
        _ => End::Over { error: edge },
    }
}
