//! What one reading is asked for.

use lake::Instant;

use crate::secret::Variables;

/// One reading of a source: from where, which range, when, and where secrets are found.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// What the last reading of this stream left, if there was one.
    pub cursor: Option<&'a str>,
    /// The range that is asked for; open ends are left to the source.
    pub range: Range,
    /// The present.
    pub now: Instant,
    /// The variables that secrets may come from.
    pub variables: &'a dyn Variables,
}

impl<'a> Reading<'a> {
    /// The usual reading: from where the last one ended until `now`.
    #[must_use]
    pub fn at(now: Instant, variables: &'a dyn Variables) -> Self {
        Self { cursor: None, range: Range::default(), now, variables }
    }
}

/// A range of time, its end excluded; an end that is not given is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// Its start.
    pub since: Option<Instant>,
    /// Its end.
    pub until: Option<Instant>,
}

impl Range {
    /// Whether nothing was asked for in particular.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }
}
