//! An answer that comes line by line, for as long as the server has something to say.

use bytes::{Bytes, BytesMut};

use super::{Client, HttpError, HttpErrorKind, Request, Take, in_time, what};
use crate::http::Answer;
use crate::http::hidden::Hidden;

/// The lines of an answer whose end nobody knows. What is held of it is never more than one line and one chunk.
#[derive(Debug)]
pub struct Lines {
    head: Answer,
    body: Option<reqwest::Response>,
    hidden: Hidden,
    held: BytesMut,
    /// How much of `held` is known to have no end of line.
    searched: usize,
    line_limit: usize,
    read_timeout_seconds: u64,
    what: String,
}

impl Client<'_> {
    /// Asks, as [`Client::ask`] does, for an answer that is read line by line; its head alone has to come in time. A
    /// line of more than `line_limit` bytes ends it.
    ///
    /// # Errors
    /// [`HttpError`] where the last attempt to have it begin failed, too.
    pub async fn lines(&self, request: &Request, line_limit: usize) -> Result<Lines, HttpError> {
        let (head, body) = self.persist(request, Take::Head).await?;
        let (body, hidden) = body.unzip();
        Ok(Lines {
            head,
            body,
            hidden: hidden.unwrap_or_default(),
            held: BytesMut::new(),
            searched: 0,
            line_limit,
            read_timeout_seconds: self.settings.read_timeout_seconds,
            what: what(request),
        })
    }
}

impl Lines {
    /// Status and headers of the answer.
    #[must_use]
    pub fn head(&self) -> &Answer {
        &self.head
    }

    /// The next line without its end; none where the server has ended the answer. Whoever stops waiting for a line may
    /// wait for it again.
    ///
    /// # Errors
    /// [`HttpError`] where the connection broke, nothing came for the read timeout, or the line is too long.
    pub async fn next(&mut self) -> Result<Option<Bytes>, HttpError> {
        loop {
            if let Some(at) = self.held[self.searched..].iter().position(|byte| *byte == b'\n') {
                let mut line = self.held.split_to(self.searched + at + 1);
                self.searched = 0;
                line.truncate(line.len() - 1);
                if line.len() > self.line_limit {
                    return Err(self.failed(HttpErrorKind::TooLarge { limit: self.line_limit }));
                }
                if line.ends_with(b"\r") {
                    line.truncate(line.len() - 1);
                }
                return Ok(Some(self.hidden.without(line.freeze(), true)));
            }
            self.searched = self.held.len();
            if self.held.len() > self.line_limit {
                return Err(self.failed(HttpErrorKind::TooLarge { limit: self.line_limit }));
            }
            let Some(body) = &mut self.body else { return Ok(None) };
            match in_time(self.read_timeout_seconds, body.chunk()).await {
                Ok(Some(chunk)) => self.held.extend_from_slice(&chunk),
                Ok(None) => {
                    self.body = None;
                    self.searched = 0;
                    let rest = self.held.split().freeze();
                    return Ok((!rest.is_empty()).then(|| self.hidden.without(rest, true)));
                }
                Err(kind) => {
                    self.body = None;
                    return Err(self.failed(kind));
                }
            }
        }
    }

    fn failed(&self, kind: HttpErrorKind) -> HttpError {
        HttpError { what: self.what.clone(), kind }
    }
}
