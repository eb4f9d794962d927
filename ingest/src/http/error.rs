//! Why a page could not be had.

use std::fmt;

use super::answer::Answer;

/// A page could not be had: which, and why. Its words hold no secret.
#[derive(Debug, thiserror::Error)]
#[error("could not {what}")]
pub struct HttpError {
    /// What was asked, such as "get `https://host/path`".
    pub what: String,
    /// Why it failed.
    #[source]
    pub kind: HttpErrorKind,
}

/// Why a page could not be had.
#[derive(Debug, thiserror::Error)]
pub enum HttpErrorKind {
    /// The server could not be reached, or the connection broke.
    #[error("{0}")]
    Connection(String),
    /// The answer did not come in time.
    #[error("the answer did not come within `{seconds}` s")]
    TimedOut {
        /// How long it was waited for.
        seconds: u64,
    },
    /// The answer is larger than it may be.
    #[error("the answer has more than `{limit}` bytes")]
    TooLarge {
        /// Most bytes an answer may have.
        limit: usize,
    },
    /// The server answered that it will not, or cannot.
    #[error("the server answered {0}")]
    Status(Box<Refused>),
    /// The server wants to be asked again later than we are ready to wait.
    #[error("the server wants a wait of `{seconds}` s: {why}")]
    Limited {
        /// How long.
        seconds: u64,
        /// What it is that is used up.
        why: String,
    },
    /// A link or redirect leads to a host that was not configured.
    #[error("it leads to `{host}`, which is not the configured server")]
    OtherHost {
        /// Where it leads: scheme, host and port.
        host: String,
    },
    /// The server sends us round in circles.
    #[error("more than `{0}` redirects")]
    Redirects(usize),
    /// The content is not what it should be.
    #[error("{0}")]
    Content(String),
    /// The client cannot be set up.
    #[error("{0}")]
    Setup(String),
}

/// An answer that is no success, with what of it helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The status code.
    pub status: u16,
    /// The beginning of what the server said about it.
    pub message: String,
    /// The answer's headers by lower-case name, of those that say what is missing.
    pub needs: Option<String>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        if let Some(needs) = &self.needs {
            write!(f, " (needs {needs})")?;
        }
        Ok(())
    }
}

impl Refused {
    /// What an answer refuses.
    #[must_use]
    pub fn of(answer: &Answer) -> Self {
        let says_what_is_missing = |name: &str| name.starts_with("x-accepted-") && name.ends_with("-permissions");
        let mut told = answer.headers.iter().filter(|(name, _)| says_what_is_missing(name.as_str()));
        let needs = told.find_map(|(_, needs)| needs.to_str().ok().filter(|needs| !needs.is_empty()));
        Self { status: answer.status, message: answer.message(), needs: needs.map(str::to_owned) }
    }
}

impl HttpErrorKind {
    /// The status code the server answered, if it did.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status(refused) => Some(refused.status),
            _ => None,
        }
    }
}

impl HttpError {
    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.kind {
            HttpErrorKind::Connection(_) | HttpErrorKind::TimedOut { .. } => "ingest::connection",
            HttpErrorKind::Status(refused) if matches!(refused.status, 401 | 403) => "ingest::auth",
            HttpErrorKind::Status(_) | HttpErrorKind::Redirects(_) => "ingest::refused",
            HttpErrorKind::Limited { .. } => "ingest::limited",
            HttpErrorKind::OtherHost { .. } => "ingest::other_host",
            HttpErrorKind::TooLarge { .. } | HttpErrorKind::Content(_) => "ingest::content",
            HttpErrorKind::Setup(_) => "ingest::settings",
        }
    }

    /// The status code the server answered, if it did.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.kind.status()
    }
}
