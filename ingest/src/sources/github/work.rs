//! What every stream of every repository needs, and what they have in common: which range to read, and how a failure
//! becomes a statement of what is missing.

use bytes::Bytes;
use lake::Instant;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::api::Api;
use super::config::Config;
use super::rules::Rules;
use super::wire;
use crate::authorship::{AuthorKind, Classifier, Pseudonym};
use crate::http::{HttpError, HttpErrorKind, Validator};
use crate::{Entry, Ledger, Loss, Range, Reading, Reporter, Sink, SourceError, SourceErrorKind};

/// What an incremental reading asks for again, because lists are served from copies that lag behind, and times have
/// whole seconds.
pub(super) const OVERLAP_MICROS: i64 = 10 * 60 * Instant::MICROS;
/// How far back a first reading goes where nothing is configured.
const FIRST_DAYS: i64 = 90;
pub(super) const DAY_MICROS: i64 = 24 * 3600 * Instant::MICROS;

/// One reading at work.
pub(super) struct Work<'a> {
    pub(super) api: Api<'a>,
    pub(super) config: &'a Config,
    pub(super) rules: Rules,
    pub(super) authors: Classifier,
    pub(super) reading: Reading<'a>,
    pub(super) limits: Limits,
    pub(super) reporter: &'a dyn Reporter,
}

/// How much of a repository is held at once, however long its history is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// New commits of the branch: where there are more, it is cut into pieces.
    pub(super) commits: usize,
    /// Merged pull requests: which commits belong to others is asked for.
    pub(super) merged: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { commits: 5000, merged: 10_000 }
    }
}

/// Under which name an entry remembers the pieces of a branch that are still to be looked at.
pub(super) const PIECES: &str = "pieces";

/// One repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repo {
    /// Its name in rows: the one under which it was first read, however it is called since.
    pub(super) name: String,
    /// Its name at present.
    pub(super) full_name: String,
    pub(super) default_branch: String,
    /// The one service of its deployments, where it is one.
    pub(super) service: Option<String>,
    /// Its issues report incidents of any service.
    pub(super) is_tracker: bool,
}

/// The range that one stream reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Start of what will be known.
    pub(super) start: Instant,
    /// Its end, excluded: when the server began to answer.
    pub(super) end: Instant,
    /// From where records are asked for.
    pub(super) from: Instant,
    /// Somebody asked for this range.
    pub(super) is_asked: bool,
}

/// Raw pages that many rows stand on: each is kept once.
#[derive(Default)]
pub(super) struct Pages {
    last: Option<(Bytes, String)>,
}

impl Pages {
    /// Keeps a page in the sink, unless it is the one that was kept last; its content hash.
    pub(super) fn keep(&mut self, sink: &mut Sink<'_>, raw: &Bytes) -> String {
        match &self.last {
            Some((last, sha)) if last.as_ptr() == raw.as_ptr() && last.len() == raw.len() => sha.clone(),
            _ => {
                let sha = sink.page(raw.to_vec());
                self.last = Some((raw.clone(), sha.clone()));
                sha
            }
        }
    }
}

/// Why a stream ended early.
#[derive(Debug)]
pub(super) enum Trouble {
    /// GitHub did not give what it was asked for; other streams may still be read.
    Http(HttpError),
    /// Nothing can go on.
    Fatal(SourceError),
}

impl From<HttpError> for Trouble {
    fn from(error: HttpError) -> Self {
        Self::Http(error)
    }
}

impl From<SourceError> for Trouble {
    fn from(error: SourceError) -> Self {
        Self::Fatal(error)
    }
}

impl Repo {
    /// The address of something of this repository.
    pub(super) fn url(&self, api: &Api<'_>, rest: &[&str], query: &[(&str, &str)]) -> Url {
        let (owner, name) = self.full_name.split_once('/').unwrap_or((&self.full_name, ""));
        api.url(&[&["repos", owner, name], rest].concat(), query)
    }

    /// The name of one of its streams in the ledger.
    pub(super) fn stream(&self, what: &str) -> String {
        format!("{} {what}", self.name)
    }

    /// The entry of one of its streams.
    pub(super) fn entry<'l>(&self, ledger: &'l mut Ledger, what: &str, covers: &[&str]) -> &'l mut Entry {
        let entry = ledger.entry(&self.stream(what));
        entry.covers = covers.iter().map(|table| (*table).to_owned()).collect();
        entry.repository = Some(self.name.clone());
        let speaks_of_all = what == "incidents" && self.is_tracker;
        entry.service = self.service.clone().filter(|_| !speaks_of_all);
        entry
    }
}

impl Work<'_> {
    /// The range a stream reads, given what is known of it and when the server began to answer.
    pub(super) fn span(&self, entry: &Entry, began: Instant) -> Span {
        let Range { since, until } = self.reading.range;
        let first = self.config.since.unwrap_or(Instant(self.reading.now.0.saturating_sub(FIRST_DAYS * DAY_MICROS)));
        let end = until.unwrap_or(began).min(began);
        if since.is_some() || until.is_some() {
            let start = since.unwrap_or(first);
            return Span { start, end, from: start, is_asked: true };
        }
        // A first reading that did not come to its end begins again where it began.
        let first = self.config.since.or_else(|| remembered(entry, "first")).unwrap_or(first);
        match entry.watermark {
            Some(mark) => Span { start: mark, end, from: Instant(mark.0 - OVERLAP_MICROS), is_asked: false },
            None => Span { start: first, end, from: first, is_asked: false },
        }
    }

    /// Says what of a list cannot be used, and notes it.
    pub(super) fn note_broken(&self, entry: &mut Entry, stream: &str, broken: &[String]) {
        for sentence in broken {
            self.note(entry, stream, sentence, Some(1));
        }
    }

    /// Says what is missing, once, and notes it without a time: nobody knows where in the range it would lie.
    pub(super) fn note(&self, entry: &mut Entry, stream: &str, sentence: &str, missing_count: Option<i64>) {
        let loss = Loss { start_at: None, end_at: None, reason: sentence.to_owned(), missing_count };
        if !entry.losses.contains(&loss) {
            self.reporter.gap(&format!("`{stream}`: {sentence}"));
            entry.lose(loss);
        }
    }

    /// Notes that a stream could not be read, and says so. What keeps everything from being read is an error.
    pub(super) fn lose(
        &self,
        entry: &mut Entry,
        stream: &str,
        span: Span,
        trouble: Trouble,
    ) -> Result<(), SourceError> {
        let error = match trouble {
            Trouble::Fatal(error) => return Err(error),
            Trouble::Http(error) if error.status() == Some(401) => {
                return Err(SourceError::new(format!("could not read `{stream}`"), error)
                    .with_hint("the token is not, or no longer, valid: make a new one"));
            }
            Trouble::Http(error) => error,
        };
        let reason = format!("{error}: {}{}", error.kind, meaning(&error));
        self.reporter.gap(&format!("`{stream}`: {reason}"));
        let loss = Loss { start_at: Some(span.start), end_at: Some(span.end), reason, missing_count: None };
        replace_loss(entry, span, loss);
        Ok(())
    }
}

/// The account that REST puts in the place of every account that is gone.
const GHOST: &str = "ghost";

/// Pseudonym and kind of an account, where there is one.
pub(super) fn account_of(authors: &Classifier, account: Option<&wire::Account>) -> Option<(Pseudonym, AuthorKind)> {
    let account = account.filter(|account| account.login.as_deref() != Some(GHOST))?;
    let is_bot = account.kind.as_deref() == Some("Bot");
    Some(authors.account(account.login.as_deref()?, is_bot))
}

/// What a refusal means, as far as it can be told.
fn meaning(error: &HttpError) -> &'static str {
    match &error.kind {
        HttpErrorKind::Status(refused) => match refused.status {
            403 => "; the token may not read it",
            404 => "; it does not exist, or the token may not see it",
            410 => "; it is switched off",
            451 => "; it is blocked for legal reasons",
            _ => "",
        },
        HttpErrorKind::Limited { .. } => "; the next reading goes on from here",
        _ => "",
    }
}

/// Notes a loss in the place of what was said before of a shorter range: the same failure goes on.
pub(super) fn replace_loss(entry: &mut Entry, span: Span, loss: Loss) {
    let is_inside = |loss: &Loss| loss.start_at >= Some(span.start) && loss.end_at <= Some(span.end);
    entry.losses.retain(|loss| loss.start_at.is_none() || !is_inside(loss));
    entry.lose(loss);
}

/// Finishes a range: it is known completely, and the next reading begins at its end.
///
/// What was noted without a time stays: reading on does not bring it back.
pub(super) fn finish(entry: &mut Entry, span: Span, is_open_ended: bool) {
    let notes: Vec<Loss> = entry.losses.iter().filter(|loss| loss.start_at.is_none()).cloned().collect();
    entry.complete(span.start, span.end);
    for note in notes {
        entry.keep(note);
    }
    entry.resume = None;
    entry.memory.remove("first");
    let is_next = entry.watermark.is_none_or(|mark| span.start <= mark);
    if is_open_ended && is_next {
        entry.watermark = entry.watermark.max(Some(span.end));
    }
}

/// What an entry remembers under a name.
pub(super) fn remembered<T: DeserializeOwned>(entry: &Entry, name: &str) -> Option<T> {
    entry.memory.get(name).and_then(|value| serde_json::from_value(value.clone()).ok())
}

/// Lets an entry remember something, or forget it.
pub(super) fn remember<T: serde::Serialize>(entry: &mut Entry, name: &str, value: Option<&T>) {
    match value.and_then(|value| serde_json::to_value(value).ok()) {
        Some(value) => {
            entry.memory.insert(name.to_owned(), value);
        }
        None => {
            entry.memory.remove(name);
        }
    }
}

/// A validator, and of what: another address or another token makes another page.
#[derive(serde::Deserialize, serde::Serialize)]
struct Seen {
    url: String,
    identity: String,
    validator: Validator,
}

/// Who asks, without any secret: what two tokens see is not the same page.
fn identity(config: &Config) -> String {
    match (&config.app, &config.token) {
        (Some(app), _) => format!("app {} {}", app.id, app.installation),
        (None, Some(token)) => token.to_string(),
        (None, None) => String::new(),
    }
}

/// The validator of a page as it was last seen.
pub(super) fn validator(entry: &Entry, url: &Url, config: &Config) -> Option<Validator> {
    let seen: Seen = remembered(entry, "validator")?;
    (seen.url == url.as_str() && seen.identity == identity(config)).then_some(seen.validator)
}

/// Remembers how a page was seen.
pub(super) fn remember_page(entry: &mut Entry, url: &Url, config: &Config, validator: Option<Validator>) {
    let seen = validator.map(|validator| Seen { url: url.to_string(), identity: identity(config), validator });
    remember(entry, "validator", seen.as_ref());
}

/// Items that a stream has to look at again, by id, as the ledger keeps them.
pub(super) fn open_items(entry: &Entry) -> std::collections::BTreeMap<u64, Instant> {
    let Some(Value::Object(items)) = entry.memory.get("open") else { return std::collections::BTreeMap::new() };
    let read = |(id, at): (&String, &Value)| Some((id.parse().ok()?, Instant::parse(at.as_str()?).ok()?));
    items.iter().filter_map(read).collect()
}

/// Remembers what has to be looked at again.
pub(super) fn remember_open(entry: &mut Entry, items: &std::collections::BTreeMap<u64, Instant>) {
    remember(entry, "open", (!items.is_empty()).then_some(items));
}

/// The settings do not fit together.
pub(super) fn unfit(why: &str) -> SourceError {
    SourceError::new("could not use the settings of `github`", SourceErrorKind::Settings(why.to_owned()))
}
