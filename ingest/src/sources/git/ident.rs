//! Who and when: the `author`, `committer` and `tagger` lines of raw objects.

use lake::Instant;

/// A time as git keeps it: seconds since 1970 and the writer's own offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Seconds since 1970-01-01 UTC.
    pub(super) seconds: i64,
    /// Offset from UTC in minutes.
    pub(super) offset_minutes: i64,
}

/// 0001-01-01 and 9999-12-31: what an instant can be written as.
const READABLE_SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// The largest offset that is believed; no zone is further away than 14 hours, but odd clocks are.
const LARGEST_OFFSET_MINUTES: i64 = 24 * 60;

impl Stamp {
    /// 1970-01-01, which git itself shows for a time it cannot read.
    pub(super) const EPOCH: Self = Self { seconds: 0, offset_minutes: 0 };

    /// The instant.
    pub(super) fn at(self) -> Instant {
        Instant::from_seconds(self.seconds)
    }
}

/// One line of a raw object that says who did something and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ident<'a> {
    /// Name, as it was written.
    pub(super) name: &'a [u8],
    /// E-mail address, as it was written.
    pub(super) email: &'a [u8],
    /// When; none where it cannot be read or lies outside the years 1 to 9999.
    pub(super) stamp: Option<Stamp>,
}

impl<'a> Ident<'a> {
    /// Reads `Name <e-mail> seconds offset` the way git does: the address stands in the first pair of brackets, the time
    /// after the last closing one.
    pub(super) fn parse(line: &'a [u8]) -> Self {
        let open = line.iter().position(|byte| *byte == b'<');
        let name = &line[..open.unwrap_or(0)];
        let after_open = open.map_or(&line[..0], |open| &line[open + 1..]);
        let close = after_open.iter().position(|byte| *byte == b'>');
        let email = &after_open[..close.unwrap_or(after_open.len())];
        let last_close = line.iter().rposition(|byte| *byte == b'>');
        let time = last_close.map_or(&line[..0], |at| &line[at + 1..]);
        Self { name: name.trim_ascii(), email: email.trim_ascii(), stamp: stamp(time) }
    }
}

fn stamp(time: &[u8]) -> Option<Stamp> {
    let mut words = std::str::from_utf8(time).ok()?.split_ascii_whitespace();
    let seconds = words.next()?.parse().ok()?;
    let offset_minutes = words.next().and_then(offset_minutes).unwrap_or(0);
    READABLE_SECONDS.contains(&seconds).then_some(Stamp { seconds, offset_minutes })
}

/// Reads `+0530`. Old tools also wrote `+051800` (with seconds) and `+530`; an offset of more than a day is none.
fn offset_minutes(text: &str) -> Option<i64> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    if digits.is_empty() || digits.len() > 6 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    let number = if digits.len() == 6 { number / 100 } else { number };
    let minutes = number / 100 * 60 + number % 100;
    (minutes <= LARGEST_OFFSET_MINUTES).then_some(sign * minutes)
}
