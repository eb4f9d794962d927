//! The little markup a text may carry: `` `code` ``, `[text](#anchor)` and `[text](file)`. Everything else is plain text.

use std::borrow::Cow;

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inline<'a> {
    /// Words, to be escaped.
    Text(&'a str),
    /// Code, to be escaped and set in a fixed width.
    Code(&'a str),
    /// A link inside the page.
    Link {
        /// The words of the link.
        text: &'a str,
        /// The identifier it leads to, without `#`.
        anchor: &'a str,
    },
    /// A link to a file of the same site.
    Page {
        /// The words of the link.
        text: &'a str,
        /// The file it leads to.
        file: &'a str,
    },
}

/// Splits a text into its pieces. Markup that is not closed is plain text.
pub(crate) fn parse(text: &str) -> Vec<Inline<'_>> {
    let mut pieces = Vec::new();
    let (mut plain, mut at) = (0, 0);
    while let Some(offset) = text[at..].find(['`', '[']) {
        let start = at + offset;
        let Some((piece, length)) = markup(&text[start..]) else {
            at = start + 1;
            continue;
        };
        if plain < start {
            pieces.push(Inline::Text(&text[plain..start]));
        }
        pieces.push(piece);
        at = start + length;
        plain = at;
    }
    if plain < text.len() {
        pieces.push(Inline::Text(&text[plain..]));
    }
    pieces
}

/// Reads the markup a text begins with, and its length in bytes.
fn markup(text: &str) -> Option<(Inline<'_>, usize)> {
    if let Some(rest) = text.strip_prefix('`') {
        let end = rest.find('`').filter(|&end| end > 0)?;
        return Some((Inline::Code(&rest[..end]), end + 2));
    }
    let (words, rest) = text.strip_prefix('[')?.split_once("](")?;
    let (target, _) = rest.split_once(')')?;
    if words.is_empty() || words.contains(['[', ']']) {
        return None;
    }
    let length = words.len() + target.len() + 4;
    match target.strip_prefix('#') {
        Some(anchor) => is_identifier(anchor).then_some((Inline::Link { text: words, anchor }, length)),
        None => is_file(target).then_some((Inline::Page { text: words, file: target }, length)),
    }
}

/// Tells whether a text can be a file of a site: small letters, digits, `-`, `_`, `.`, at most one folder deep.
fn is_file(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.contains('.')
        && !text.contains("..")
        && text.chars().filter(|c| *c == '/').count() <= 1
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | '/'))
}

/// Tells whether a text can be an anchor: an ASCII letter, then letters, digits, `-`, `_`, `.` and `@`.
pub(crate) fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@'))
}

/// Replaces what no reader could see: control characters and those that turn the direction of text round.
/// Line ends become spaces.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().any(|c| replacement(c).is_some()) {
        Cow::Owned(text.chars().map(|c| replacement(c).unwrap_or(c)).collect())
    } else {
        Cow::Borrowed(text)
    }
}

fn replacement(c: char) -> Option<char> {
    match c {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {
            Some('\u{fffd}')
        }
        c if c.is_control() => Some('\u{fffd}'),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
