//! What the text formats share: the mark at the start, lines, and UTF-8.

use super::error::{Place, Problem};

/// A line, or a row of CSV, may be this long: what is longer is no table.
pub(crate) const LINE_LIMIT: usize = 16 * 1024 * 1024;
/// What is said of a longer one.
pub(crate) const TOO_LONG: &str = "is longer than 16 MiB";

/// The content without a byte order mark.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// Lines with their number, without their end (`\n` or `\r\n`).
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    bytes.split(|byte| *byte == b'\n').enumerate().map(|(at, line)| (at + 1, line.strip_suffix(b"\r").unwrap_or(line)))
}

/// The bytes as text.
pub(crate) fn utf8(place: Place, bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes)
        .map_err(|error| Problem::at(place, format!("is not UTF-8 from byte {} on", error.valid_up_to() + 1)))
}
