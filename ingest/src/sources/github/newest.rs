//! Lists by the time of the last change, newest first, that change while they are read.
//!
//! A thing that changes moves to the first page: it may leave a page that was not read yet, and what stood before it
//! moves one place on. Nothing else is lost that way, so the first pages are read again until they bring nothing new.
//! Where a reading was broken off, the next one skips what was done between then and where it stopped, unless it
//! changed since.

use std::collections::BTreeMap;

use lake::Instant;
use serde::{Deserialize, Serialize};

use super::work::{OVERLAP_MICROS, Span};

/// How often the first pages are read again at most.
const MOST_PASSES: usize = 8;

/// What was done of a list, by number of the thing and the time it was last changed.
#[derive(Debug)]
pub(super) struct Progress {
    from: Instant,
    /// What was done and may come again: that of the last pages, and what is as new as the newest.
    done: BTreeMap<u64, Instant>,
    resumed: Option<Resume>,
    /// What the pass that is running has to reach back to.
    reach: Instant,
    newest: Option<Instant>,
    passes: usize,
    has_news: bool,
    /// Down to where everything was done.
    done_to: Option<Instant>,
    began: Instant,
}

/// What is to be done about a thing of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// It has to be done.
    Now,
    /// The reading that was broken off has done it.
    DoneBefore,
    /// It is older than what is wanted, or was done already.
    Not,
}

/// Where a reading was broken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Resume {
    /// Where it began to ask.
    from: Instant,
    /// A little before it began: what changed since has to be done again.
    began: Instant,
    /// Down to where it had come.
    done_to: Instant,
}

impl Progress {
    /// The progress of a reading of `span`, which may take up where an earlier one was broken off.
    pub(super) fn new(span: Span, resume: Option<&serde_json::Value>) -> Self {
        let resumed: Option<Resume> = resume.and_then(|value| serde_json::from_value(value.clone()).ok());
        let resumed = resumed.filter(|resume| resume.from <= span.from);
        Self {
            from: span.from,
            done: BTreeMap::new(),
            // What changed while the broken reading was under way was seen at an unknown moment.
            began: resumed.map_or(span.end, |resume| resume.began),
            resumed,
            reach: span.from,
            newest: None,
            passes: 0,
            has_news: false,
            done_to: None,
        }
    }

    /// Whether a thing in this state has to be done now. Each state is asked for once.
    pub(super) fn wants(&mut self, number: u64, updated_at: Instant) -> Want {
        self.newest = self.newest.max(Some(updated_at));
        if self.passes > 0 && self.mark().is_some_and(|mark| updated_at < mark) {
            return Want::Not;
        }
        if updated_at < self.from || self.done.get(&number).is_some_and(|at| *at >= updated_at) {
            return Want::Not;
        }
        self.done.insert(number, updated_at);
        let was_done = self.resumed.is_some_and(|resume| updated_at > resume.done_to && updated_at < resume.began);
        self.has_news |= !was_done;
        if was_done { Want::DoneBefore } else { Want::Now }
    }

    /// Notes that everything of a page is done, whose things were last changed within these times.
    pub(super) fn page_done(&mut self, newest: Option<Instant>, oldest: Option<Instant>) {
        // What is newer than a whole page and did not change does not move behind it. Only the next pass sees it again,
        // and goes no further than to what is newest now.
        if let (Some(newest), Some(mark)) = (newest, self.mark()) {
            self.done.retain(|_, at| *at <= newest || *at >= mark);
        }
        if self.passes == 0
            && let Some(oldest) = oldest
        {
            self.done_to = Some(self.done_to.map_or(oldest, |at| at.min(oldest)));
        }
    }

    /// What is older than this is not wanted by the next pass: the pass before has done it. A little more than what it
    /// reaches back to, because lists are served from copies that lag behind.
    fn mark(&self) -> Option<Instant> {
        let reach = if self.passes == 0 { self.newest } else { Some(self.reach) };
        reach.map(|at| Instant(at.0.saturating_sub(OVERLAP_MICROS)))
    }

    /// Whether the pass reaches beyond a page: all that is on it is older than what is wanted.
    pub(super) fn reaches_past(&self, newest_of_page: Option<Instant>) -> bool {
        newest_of_page.is_some_and(|at| at < self.reach)
    }

    /// Ends a pass; whether another one from the first page is needed.
    pub(super) fn needs_another_pass(&mut self) -> bool {
        self.passes += 1;
        let is_needed = self.has_news && self.passes < MOST_PASSES && self.newest.is_some();
        // What changed within the second of the newest one may stand behind it.
        self.reach = self.newest.unwrap_or(self.reach).max(self.from);
        self.has_news = false;
        is_needed
    }

    /// Where the next reading goes on, should this one be broken off now.
    pub(super) fn resume(&self) -> Option<serde_json::Value> {
        let done_to = match (self.done_to, self.resumed) {
            (Some(own), Some(resumed)) => own.min(resumed.done_to),
            (own, resumed) => own.or(resumed.map(|resume| resume.done_to))?,
        };
        let began = if self.resumed.is_some() { self.began } else { Instant(self.began.0 - OVERLAP_MICROS) };
        serde_json::to_value(Resume { from: self.from, began, done_to }).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Progress {
        fn now(&mut self, number: u64, updated_at: Instant) -> bool {
            self.wants(number, updated_at) == Want::Now
        }
    }

    fn at(minute: i64) -> Instant {
        Instant::from_seconds(60 * minute)
    }

    fn span() -> Span {
        Span { start: at(100), end: at(1000), from: at(90), is_asked: false }
    }

    #[test]
    fn each_state_of_a_thing_is_wanted_once_and_nothing_older_than_the_span() {
        let mut progress = Progress::new(span(), None);
        assert!(progress.now(1, at(500)));
        assert!(!progress.now(1, at(500)), "it moved to the next page");
        assert!(progress.now(1, at(600)), "it changed");
        assert!(!progress.now(2, at(89)));
        assert!(progress.now(3, at(90)));
        assert!(progress.reaches_past(Some(at(89))) && !progress.reaches_past(Some(at(90))));
    }

    #[test]
    fn the_first_pages_are_read_again_until_they_bring_nothing_new() {
        let mut progress = Progress::new(span(), None);
        assert!(progress.now(1, at(500)));
        assert!(progress.needs_another_pass());
        assert!(!progress.now(1, at(500)));
        assert!(progress.now(2, at(700)), "it moved to the front meanwhile");
        assert!(progress.reaches_past(Some(at(499))), "not the whole list again");
        assert!(progress.needs_another_pass());
        assert!(!progress.now(2, at(700)));
        assert!(!progress.needs_another_pass());
    }

    #[test]
    fn no_more_is_held_than_the_last_pages_and_the_newest() {
        let mut progress = Progress::new(Span { from: at(-1_000_000), ..span() }, None);
        for page in 0..1000 {
            let (newest, oldest) = (at(900 - 100 * page), at(801 - 100 * page));
            for place in 0..100 {
                let number = u64::try_from(100 * page + place).expect("it is not negative");
                assert!(progress.now(number, at(900 - 100 * page - place)));
            }
            progress.page_done(Some(newest), Some(oldest));
            assert!(progress.done.len() <= 111, "{}", progress.done.len());
            // The last of it has moved to the next page.
            let last = u64::try_from(100 * page + 99).expect("it is not negative");
            assert!(!progress.now(last, oldest));
        }
        assert!(progress.needs_another_pass());
        assert!(!progress.now(0, at(900)), "the newest was done");
    }

    #[test]
    fn a_broken_reading_is_taken_up_where_it_stopped() {
        let mut broken = Progress::new(span(), None);
        assert!(broken.resume().is_none(), "nothing was done");
        assert!(broken.now(1, at(900)) && broken.now(2, at(800)));
        broken.page_done(Some(at(900)), Some(at(800)));
        assert!(broken.now(3, at(700)));
        let mut next = Progress::new(Span { end: at(2000), ..span() }, broken.resume().as_ref());
        assert!(next.now(1, at(1500)), "it changed since");
        assert_eq!(next.wants(4, at(850)), Want::DoneBefore);
        assert!(next.now(2, at(800)), "one of the same second may not have been");
        assert!(next.now(3, at(700)) && next.now(5, at(600)));
        next.page_done(Some(at(1500)), Some(at(600)));
        let expected = Resume { from: at(90), began: at(990), done_to: at(600) };
        assert_eq!(next.resume(), serde_json::to_value(expected).ok());
    }
}
