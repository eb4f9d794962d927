//! The commits of the default branch.
//!
//! `since` of the list of commits compares committer times, so it misses what was written long ago and pushed today. What
//! is new is therefore asked for by ancestry: everything that the branch's head reaches and the head of the last reading
//! does not.

use std::collections::BTreeMap;

use lake::Instant;
use lake::tables::commits;

use super::api::{PER_PAGE, Page};
use super::commit::{Facts, facts};
use super::wire;
use super::work::{Repo, Span, Trouble, Work, remember, remember_page, remembered, validator};
use crate::http::HttpError;
use crate::{Ledger, Sink};

/// What was new on the default branch.
#[derive(Debug, Default)]
pub(super) struct News {
    /// The new commits, by id.
    pub(super) commits: BTreeMap<String, Facts>,
    /// The head that was read to; none where nothing is new.
    pub(super) head: Option<String>,
    /// From when on the commits are new; none where ancestry says that they all are, whenever they were made.
    pub(super) since: Option<Instant>,
}

/// What was found out about the branch before its commits are read.
enum Start {
    /// It is where it was.
    Unchanged,
    /// There is no commit yet.
    Empty,
    /// It stands here.
    Head(String),
}

/// The tables of this stream.
pub(super) const COVERS: &[&str] = &["commits"];

/// Reads what is new since `read_to`, a head of an earlier reading, or since the start of the span.
pub(super) async fn read(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    span: Span,
    read_to: Option<String>,
) -> Result<News, Trouble> {
    let stream = repo.stream("commits");
    work.reporter.begin(&format!("reading commits of `{}`", repo.full_name), None);
    let head = match head(work, repo, ledger, span, read_to.as_deref()).await? {
        Start::Unchanged | Start::Empty => return Ok(News::default()),
        Start::Head(head) => head,
    };
    let mut news = News { commits: BTreeMap::new(), head: Some(head.clone()), since: Some(span.from) };
    let mut page = match first_page(work, repo, span, &head, read_to.as_deref()).await {
        Ok((first, since)) => {
            news.since = since;
            first
        }
        Err(error) if is_lost(&error) => {
            let why = format!(
                "what is new could not be told by ancestry ({}), so commits that were written before and pushed late are \
                 missing",
                error.kind
            );
            work.note(repo.entry(ledger, "commits", COVERS), &stream, &why, None);
            Some(listed(work, repo, &head, Some(span)).await?)
        }
        Err(error) => return Err(error.into()),
    };
    while let Some(this) = page {
        work.note_broken(repo.entry(ledger, "commits", COVERS), &stream, &this.broken);
        let sha = sink.page(this.raw.to_vec());
        let mut rows: Vec<commits::Row> = Vec::new();
        for commit in &this.items {
            match facts(&repo.name, commit, &mut work.authors) {
                Ok(facts) => {
                    rows.push(facts.row.clone());
                    news.commits.insert(facts.row.commit_sha.clone(), facts);
                }
                Err(why) => work.note(repo.entry(ledger, "commits", COVERS), &stream, &why, Some(1)),
            }
        }
        work.reporter.advance(rows.len() as u64);
        sink.rows(rows, Some(&sha))?;
        sink.checkpoint(|| ledger.to_cursor()).await?;
        page = match this.next {
            Some(url) => Some(work.api.page(url, "commits").await?),
            None => None,
        };
    }
    Ok(news)
}

/// Where the default branch stands.
async fn head(
    work: &Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    span: Span,
    read_to: Option<&str>,
) -> Result<Start, Trouble> {
    let url = repo.url(&work.api, &["commits"], &[("sha", &repo.default_branch), ("per_page", "1")]);
    let entry = repo.entry(ledger, "commits", COVERS);
    let own: Option<String> = remembered(entry, "head");
    // Unchanged helps only where everything up to the head is done with.
    let may_skip = !span.is_asked && read_to.is_some() && own.as_deref() == read_to;
    let seen = validator(entry, &url, work.config).filter(|_| may_skip);
    let page = match work.api.page_unless::<wire::Commit>(url.clone(), "commits", seen).await {
        Ok(Some(page)) => page,
        Ok(None) => return Ok(Start::Unchanged),
        // An empty repository.
        Err(error) if error.status() == Some(409) => return Ok(Start::Empty),
        Err(error) => return Err(error.into()),
    };
    remember_page(entry, &url, work.config, page.validator);
    let Some(head) = page.items.first().map(|commit| commit.sha.clone()) else { return Ok(Start::Empty) };
    if may_skip && own.as_ref() == Some(&head) {
        return Ok(Start::Unchanged);
    }
    Ok(Start::Head(head))
}

type First = (Option<Page<wire::Commit>>, Option<Instant>);

/// The first page of what is new, and from when on it is.
async fn first_page(
    work: &Work<'_>,
    repo: &Repo,
    span: Span,
    head: &str,
    read_to: Option<&str>,
) -> Result<First, HttpError> {
    let since = Some(span.from);
    if work.reading.range.until.is_some() {
        return Ok((Some(listed(work, repo, head, Some(span)).await?), since));
    }
    if let Some(read_to) = read_to.filter(|_| !span.is_asked) {
        match compared(work, repo, read_to, head).await {
            // The branch was rewritten and the old head is gone: begin as if nothing were known.
            Err(error) if error.status() == Some(404) => {}
            found => return Ok((Some(found?), None)),
        }
    }
    // The newest commit before the span: what it reaches is older. Where it lies beside the branch, more is read than is
    // needed, and never less.
    let until = super::time::text(span.start);
    let query = [("sha", head), ("until", until.as_str()), ("per_page", "1")];
    let page = work.api.page::<wire::Commit>(repo.url(&work.api, &["commits"], &query), "commits").await?;
    let first = match page.items.first() {
        Some(base) if base.sha == head => None,
        Some(base) => Some(compared(work, repo, &base.sha, head).await?),
        None => Some(listed(work, repo, head, None).await?),
    };
    Ok((first, since))
}

/// The first page of what `head` reaches and `base` does not.
async fn compared(work: &Work<'_>, repo: &Repo, base: &str, head: &str) -> Result<Page<wire::Commit>, HttpError> {
    let both = format!("{base}...{head}");
    let query = [("per_page", PER_PAGE), ("page", "1")];
    work.api.page(repo.url(&work.api, &["compare", &both], &query), "commits").await
}

/// The first page of the list of commits, by committer time.
async fn listed(
    work: &Work<'_>,
    repo: &Repo,
    head: &str,
    span: Option<Span>,
) -> Result<Page<wire::Commit>, HttpError> {
    let times = span.map(|span| (super::time::text(span.from), super::time::text(span.end)));
    let mut query = vec![("sha", head), ("per_page", PER_PAGE)];
    if let Some((since, until)) = &times {
        query.push(("since", since));
        if work.reading.range.until.is_some() {
            query.push(("until", until));
        }
    }
    work.api.page(repo.url(&work.api, &["commits"], &query), "commits").await
}

/// Whether a comparison cannot be had, while the repository can.
fn is_lost(error: &HttpError) -> bool {
    matches!(error.status(), Some(404 | 422 | 500..=504))
}

/// Notes that the commits up to `head` are in the tables.
pub(super) fn finish(repo: &Repo, ledger: &mut Ledger, head: Option<&String>) {
    if head.is_some() {
        remember(repo.entry(ledger, "commits", COVERS), "head", head);
    }
}
