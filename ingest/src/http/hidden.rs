//! Secrets that a server says back: they are taken out of its answer before anybody sees it.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use memchr::memmem;

/// What stands in the place of a secret.
const MASK: &[u8] = b"***";
/// Shorter secrets are left in what a success holds: by chance they stand in anything, which must not be changed.
const SHORTEST_IN_CONTENT: usize = 8;
/// Refusals are words for people: only what would make them unreadable is left there.
const SHORTEST_IN_REFUSAL: usize = 4;

/// The secrets that were sent with a request, as they may come back.
#[derive(Clone, Default)]
pub(super) struct Hidden(Vec<Vec<u8>>);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hidden({})", self.0.len())
    }
}

impl Hidden {
    /// With every secret among these headers; the word before a space is no secret, but how the rest is meant.
    pub(super) fn and_of<'h>(mut self, headers: impl IntoIterator<Item = &'h HeaderValue>) -> Self {
        for value in headers.into_iter().filter(|value| value.is_sensitive()) {
            let text = String::from_utf8_lossy(value.as_bytes());
            self.add(text.split_once(' ').map_or(&*text, |(_, secret)| secret));
        }
        self
    }

    /// With this secret, and as JSON may write it.
    pub(super) fn add(&mut self, secret: &str) {
        let quoted = serde_json::Value::from(secret).to_string();
        let in_json = &quoted[1..quoted.len() - 1];
        for written in [secret, in_json, &in_json.replace('/', "\\/")] {
            if !written.is_empty() && !self.0.iter().any(|known| known == written.as_bytes()) {
                self.0.push(written.as_bytes().to_vec());
            }
        }
        // What holds another goes first, so that nothing of it is left.
        self.0.sort_by_key(|written| std::cmp::Reverse(written.len()));
    }

    /// The content without them.
    pub(super) fn without(&self, content: Bytes, is_success: bool) -> Bytes {
        let shortest = if is_success { SHORTEST_IN_CONTENT } else { SHORTEST_IN_REFUSAL };
        let secrets = self.0.iter().filter(|secret| secret.len() >= shortest);
        secrets.fold(content, |content, secret| match memmem::find(&content, secret) {
            Some(_) => masked(&content, secret),
            None => content,
        })
    }

    /// Takes them out of headers.
    pub(super) fn clean(&self, headers: &mut HeaderMap) {
        for value in headers.values_mut() {
            let clean = self.without(Bytes::copy_from_slice(value.as_bytes()), true);
            if clean != value.as_bytes() {
                *value = HeaderValue::from_bytes(&clean).unwrap_or_else(|_no_header| HeaderValue::from_static("***"));
            }
        }
    }
}

fn masked(content: &[u8], secret: &[u8]) -> Bytes {
    let mut clean = Vec::with_capacity(content.len());
    let mut from = 0;
    for at in memmem::find_iter(content, secret) {
        clean.extend_from_slice(&content[from..at]);
        clean.extend_from_slice(MASK);
        from = at + secret.len();
    }
    clean.extend_from_slice(&content[from..]);
    clean.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(header: &str) -> Hidden {
        let mut value = HeaderValue::from_str(header).expect("it can be sent");
        value.set_sensitive(true);
        Hidden::default().and_of([&value, &HeaderValue::from_static("no secret")])
    }

    #[test]
    fn what_was_sent_does_not_come_back() {
        let hidden = hidden("Bearer to/ken\"of-mine");
        let clean = |text: &'static str, is_success| hidden.without(Bytes::from_static(text.as_bytes()), is_success);
        assert_eq!(clean("[to/ken\"of-mine, to/ken\"of-mine]", true), "[***, ***]");
        assert_eq!(
            clean(r#"{"name": "to/ken\"of-mine", "other": "to\/ken\"of-mine"}"#, true),
            r#"{"name": "***", "other": "***"}"#
        );
        assert_eq!(clean("no secret, no Bearer", false), "no secret, no Bearer");
        let mut headers = HeaderMap::from_iter([(http::header::LINK, HeaderValue::from_static("</to/ken\"of-mine>"))]);
        hidden.clean(&mut headers);
        assert_eq!(headers[http::header::LINK], "</***>");
        assert_eq!(format!("{hidden:?}"), "Hidden(3)");
    }

    #[test]
    fn a_short_secret_leaves_content_as_it_is() {
        let hidden = hidden("Bearer sesame");
        assert_eq!(hidden.without(Bytes::from_static(b"sesame seeds"), true), "sesame seeds");
        assert_eq!(hidden.without(Bytes::from_static(b"bad token sesame"), false), "bad token ***");
    }
}
