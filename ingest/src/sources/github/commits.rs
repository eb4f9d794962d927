//! The commits of the default branch.
//!
//! `since` of the list of commits compares committer times, so it misses what was written long ago and pushed today. What
//! is new is therefore asked for by ancestry: everything that the branch's head reaches and the head of the last reading
//! does not. A first reading has no such head, and asks by committer time what it builds on; what only looks older, because a
//! clock was wrong or it was pushed with its old times, is told by what it reaches.
//!
//! A few thousand new commits are held until it is known how they came to the branch. Where there are more, none is:
//! their rows are made page by page, the branch is cut into pieces of that size on the way, and each piece is asked for
//! again once the pull requests are known.

use std::collections::{BTreeMap, BTreeSet};

use lake::Instant;
use lake::tables::commits;
use serde::{Deserialize, Serialize};
use url::Url;

use super::api::{PER_PAGE, Page};
use super::commit::{Facts, facts};
use super::mainline::Mainline;
use super::wire;
use super::work::{Repo, Span, Trouble, Work, remember, remember_page, remembered, validator};
use crate::http::HttpError;
use crate::{Ledger, Sink};

/// What was new on the default branch.
#[derive(Debug, Default)]
pub(super) struct News {
    /// The new commits, by id; none where they are too many to be held.
    pub(super) commits: BTreeMap<String, Facts>,
    /// All that is new, the oldest first: one piece, unless there are too many commits.
    pub(super) pieces: Vec<Piece>,
    /// The commits are not held: they have to be asked for, piece by piece.
    pub(super) is_cut: bool,
    /// Some pieces were left by an earlier reading, which knew of other pull requests.
    pub(super) is_left_over: bool,
    /// The head that was read to; none where nothing is new.
    pub(super) head: Option<String>,
    /// The range that was asked for ends before the head was made.
    pub(super) ends_before_the_head: bool,
    /// Why what is new was listed by committer time, where ancestry could not be had.
    pub(super) no_ancestry: Option<String>,
}

/// A part of the branch: what `end` reaches and `start` does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Piece {
    pub(super) start: Option<String>,
    pub(super) end: String,
    /// From when on its commits are listed, where ancestry cannot be had.
    pub(super) listed_from: Option<Instant>,
    /// From when on its commits are new; none where ancestry says that they all are, whenever they were made.
    pub(super) new_from: Option<Instant>,
}

/// What was found out about the branch before its commits are read.
enum Start {
    /// It is where it was.
    Unchanged,
    /// There is no commit yet.
    Empty,
    /// It stands here.
    Head(Head),
}

/// Where the branch stands.
struct Head {
    sha: String,
    /// When it was made, by the clock of whoever made it.
    committed_at: Option<Instant>,
}

/// A long branch on its way, newest commits first; as the ledger keeps it where the reading is broken off.
#[derive(Clone, Deserialize, Serialize)]
struct Passing {
    piece: Piece,
    /// The page that comes next.
    next: Option<String>,
    mainline: Mainline,
}

/// The tables of this stream.
pub(super) const COVERS: &[&str] = &["commits"];

/// Commits of a page.
const SIZE: usize = 100;

/// Reads what is new since `read_to`, a head of an earlier reading, or since the start of the span. `left` are pieces
/// that an earlier reading read and did not tell apart.
pub(super) async fn read(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    span: Span,
    (read_to, left): (Option<String>, Vec<Piece>),
) -> Result<News, Trouble> {
    work.reporter.begin(&format!("reading commits of `{}`", repo.full_name), None);
    let is_left_over = !left.is_empty();
    let mut news = News { is_cut: is_left_over, is_left_over, pieces: left, ..News::default() };
    let resume: Option<Passing> = repo.entry(ledger, "commits", COVERS).resume.clone().and_then(read_back);
    let resume = resume.filter(|_| !span.is_asked);
    let may_skip = read_to.is_some() && resume.is_none() && !is_left_over;
    let head = match head(work, repo, ledger, span, read_to.as_deref().filter(|_| may_skip)).await? {
        Start::Unchanged | Start::Empty => return Ok(news),
        Start::Head(head) => head,
    };
    news.head = Some(head.sha.clone());
    news.ends_before_the_head =
        work.reading.range.until.is_some() && head.committed_at.is_none_or(|made_at| made_at >= span.end);
    // Up to where an earlier reading read says nothing about a range that was asked for: it may lie before.
    let mut read_to = read_to.filter(|_| !span.is_asked);
    if let Some(passing) = resume {
        news.is_cut = true;
        read_to = Some(passing.piece.end.clone());
        passed(work, repo, ledger, sink, passing, &mut news).await?;
    }
    let head = head.sha;
    if read_to.as_ref() == Some(&head) {
        return Ok(news);
    }
    let began = match beginning(work, repo, span, &head, read_to.as_deref(), news.ends_before_the_head).await {
        Err(error) if is_lost(&error) => {
            news.no_ancestry = Some(error.kind.to_string());
            let piece = Piece { end: head, listed_from: Some(span.from), new_from: Some(span.from), start: None };
            Some((pages(work, repo, span, &piece).await?, piece))
        }
        found => found?,
    };
    let Some((first, piece)) = began else { return Ok(news) };
    let is_too_long = first.total_count.is_some_and(|count| count > work.limits.commits as u64);
    let is_newest_first = piece.start.is_none();
    let mut mainline = Mainline::new(&piece.end);
    if is_too_long && !is_newest_first {
        let last = usize::try_from(first.total_count.unwrap_or(0)).unwrap_or(usize::MAX).div_ceil(SIZE);
        let next = Some(numbered(work, repo, &piece, last).into());
        passed(work, repo, ledger, sink, Passing { piece, next, mainline }, &mut news).await?;
        return Ok(news);
    }
    let mut page = Some(first);
    while let Some(this) = page {
        let facts = put(work, repo, ledger, sink, &this)?;
        if is_newest_first {
            for facts in &facts {
                mainline.pass(facts, work.limits.commits);
            }
        }
        news.commits.extend(facts.into_iter().map(|facts| (facts.row.commit_sha.clone(), facts)));
        if news.commits.len() > work.limits.commits && is_newest_first {
            news.commits.clear();
            let passing = Passing { piece, next: this.next.map(Into::into), mainline };
            passed(work, repo, ledger, sink, passing, &mut news).await?;
            return Ok(news);
        }
        sink.checkpoint(|| ledger.to_cursor()).await?;
        page = match this.next {
            Some(url) => Some(work.api.page(url, "commits").await?),
            None => None,
        };
    }
    let piece = from_the_branch(work, repo, ledger, sink, piece, &mut news).await?;
    news.pieces.push(piece);
    if news.is_cut {
        news.commits.clear();
    }
    Ok(news)
}

fn read_back(value: serde_json::Value) -> Option<Passing> {
    serde_json::from_value(value).ok()
}

/// Puts the commits of one page into the sink.
fn put(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    page: &Page<wire::Commit>,
) -> Result<Vec<Facts>, Trouble> {
    let stream = repo.stream("commits");
    work.note_broken(repo.entry(ledger, "commits", COVERS), &stream, &page.broken);
    let sha = sink.page(page.raw.to_vec());
    let mut all = Vec::with_capacity(page.items.len());
    for commit in &page.items {
        match facts(&repo.name, commit, &mut work.authors) {
            Ok(facts) => all.push(facts),
            Err(why) => work.note(repo.entry(ledger, "commits", COVERS), &stream, &why, Some(1)),
        }
    }
    work.reporter.advance(all.len() as u64);
    let rows: Vec<commits::Row> = all.iter().map(|facts| facts.row.clone()).collect();
    sink.rows(rows, Some(&sha))?;
    Ok(all)
}

/// Lets a long branch pass, newest commits first, and cuts it.
async fn passed(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    mut passing: Passing,
    news: &mut News,
) -> Result<(), Trouble> {
    let size = work.limits.commits;
    news.is_cut = true;
    while let Some(url) = passing.next.as_deref().and_then(|next| work.api.here(next)) {
        let page: Page<wire::Commit> = work.api.page(url.clone(), "commits").await?;
        let mut facts = put(work, repo, ledger, sink, &page)?;
        if passing.piece.start.is_none() {
            passing.next = page.next.map(Into::into);
        } else {
            let mut rest = page.next.filter(|_| page.items.len() < SIZE);
            // The server could give no more than half of it at once.
            while let Some(url) = rest.take().filter(|_| facts.len() < SIZE) {
                let page = work.api.page(url, "commits").await?;
                facts.extend(put(work, repo, ledger, sink, &page)?);
                rest = page.next;
            }
            facts.reverse();
            let number: usize = parameter(&url, "page").and_then(|text| text.parse().ok()).unwrap_or(1);
            passing.next = (number > 1).then(|| numbered(work, repo, &passing.piece, number - 1).into());
        }
        for facts in &facts {
            passing.mainline.pass(facts, size);
        }
        let oldest = facts.iter().map(|facts| facts.row.committed_at).min();
        catch_up(work, repo, &mut passing.mainline, oldest).await?;
        if work.reading.range.is_open() {
            repo.entry(ledger, "commits", COVERS).resume = serde_json::to_value(&passing).ok();
        }
        sink.checkpoint(|| ledger.to_cursor()).await?;
    }
    let Passing { piece, mainline, .. } = passing;
    let whole = below_the_branch(work, repo, ledger, sink, piece, mainline.next(), news).await?;
    let mut start = (whole.start.clone(), whole.listed_from);
    for cut in mainline.cuts().map(str::to_owned).chain([whole.end.clone()]) {
        let (start, listed_from) = std::mem::replace(&mut start, (Some(cut.clone()), None));
        news.pieces.push(Piece { start, end: cut, listed_from, new_from: whole.new_from });
    }
    repo.entry(ledger, "commits", COVERS).resume = None;
    Ok(())
}

/// Finds the way down the branch again where clocks that differ have hidden it.
async fn catch_up(
    work: &mut Work<'_>,
    repo: &Repo,
    mainline: &mut Mainline,
    oldest: Option<Instant>,
) -> Result<(), Trouble> {
    let size = work.limits.commits;
    while let Some(sha) = mainline.missed(size) {
        let url = repo.url(&work.api, &["git", "commits", sha], &[]);
        let (commit, _) = work.api.one::<wire::GitCommit>(url).await?;
        match facts(&repo.name, &commit.into(), &mut work.authors) {
            Ok(facts) if oldest.is_some_and(|oldest| facts.row.committed_at > oldest) => {
                mainline.catch_up(&facts, size);
            }
            _ => mainline.caught_up(),
        }
    }
    Ok(())
}

/// [`below_the_branch`] of what is held.
async fn from_the_branch(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    piece: Piece,
    news: &mut News,
) -> Result<Piece, Trouble> {
    let mut next = Some(piece.end.as_str());
    while let Some(facts) = next.and_then(|sha| news.commits.get(sha)) {
        next = facts.row.parents.first().map(String::as_str);
    }
    let next = next.map(str::to_owned);
    below_the_branch(work, repo, ledger, sink, piece, next.as_deref(), news).await
}

/// The newest commit before a span may lie beside the branch, and come to it within the span with all that it reaches.
/// What is new then begins where the branch itself goes on, at `next`.
async fn below_the_branch(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    piece: Piece,
    next: Option<&str>,
    news: &mut News,
) -> Result<Piece, Trouble> {
    let (Some(start), Some(next), Some(_)) = (&piece.start, next, piece.new_from) else { return Ok(piece) };
    if start == next {
        return Ok(piece);
    }
    let mut url = Some(compare_url(work, repo, next, start));
    while let Some(this) = url.take() {
        let page = work.api.page(this, "commits").await?;
        let facts = put(work, repo, ledger, sink, &page)?;
        if !news.is_cut {
            news.commits.extend(facts.into_iter().map(|facts| (facts.row.commit_sha.clone(), facts)));
        }
        sink.checkpoint(|| ledger.to_cursor()).await?;
        url = page.next;
    }
    Ok(Piece { start: Some(next.to_owned()), ..piece })
}

/// The commits of a piece, which are in the tables already.
pub(super) async fn piece(
    work: &mut Work<'_>,
    repo: &Repo,
    span: Span,
    piece: &Piece,
) -> Result<BTreeMap<String, Facts>, Trouble> {
    let mut held = BTreeMap::new();
    let mut page = Some(pages(work, repo, span, piece).await?);
    while let Some(this) = page {
        for commit in &this.items {
            if let Ok(facts) = facts(&repo.name, commit, &mut work.authors) {
                held.insert(facts.row.commit_sha.clone(), facts);
            }
        }
        page = match this.next {
            Some(url) => Some(work.api.page(url, "commits").await?),
            None => None,
        };
    }
    Ok(held)
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
    let Some(head) = page.items.first() else { return Ok(Start::Empty) };
    if may_skip && own.as_ref() == Some(&head.sha) {
        return Ok(Start::Unchanged);
    }
    Ok(Start::Head(Head { sha: head.sha.clone(), committed_at: committed_at(head) }))
}

fn committed_at(commit: &wire::Commit) -> Option<Instant> {
    let at = |signature: &Option<wire::Signature>| signature.as_ref().and_then(|signature| signature.date);
    at(&commit.body.committer).or_else(|| at(&commit.body.author))
}

type First = (Page<wire::Commit>, Piece);

/// What is new, with its first page; none where nothing is.
async fn beginning(
    work: &Work<'_>,
    repo: &Repo,
    span: Span,
    head: &str,
    read_to: Option<&str>,
    ends_before_the_head: bool,
) -> Result<Option<First>, HttpError> {
    let since = Some(span.from);
    let all = Piece { end: head.to_owned(), new_from: since, ..Piece::default() };
    if ends_before_the_head {
        let piece = Piece { listed_from: since, ..all };
        return Ok(Some((pages(work, repo, span, &piece).await?, piece)));
    }
    if let Some(read_to) = read_to.filter(|_| !span.is_asked) {
        let piece = Piece { start: Some(read_to.to_owned()), new_from: None, ..all.clone() };
        match pages(work, repo, span, &piece).await {
            // The branch was rewritten and the old head is gone: begin as if nothing were known.
            Err(error) if error.status() == Some(404) => {}
            found => return Ok(Some((found?, piece))),
        }
    }
    let start = base(work, repo, span, head).await?;
    if start.as_deref() == Some(head) {
        return Ok(None);
    }
    let piece = Piece { start, ..all };
    Ok(Some((pages(work, repo, span, &piece).await?, piece)))
}

/// The commit that what is new builds on: the newest that was made before the span, unless it reaches one that was made
/// within it. Then it is as new as that, whatever its clock said, and the list is gone down from the head until a page has
/// none of the span any more: the newest on it that reaches none is taken.
async fn base(work: &Work<'_>, repo: &Repo, span: Span, head: &str) -> Result<Option<String>, HttpError> {
    let until = super::time::text(span.start);
    let query = [("sha", head), ("until", until.as_str()), ("per_page", "1")];
    let older = work.api.page::<wire::Commit>(repo.url(&work.api, &["commits"], &query), "commits").await?;
    let Some(older) = older.items.into_iter().next() else { return Ok(None) };
    let below = |sha: &str| repo.url(&work.api, &["commits"], &[("sha", sha), ("per_page", PER_PAGE)]);
    let is_of_the_span =
        |commit: &wire::Commit| committed_at(commit).is_some_and(|at| span.start <= at && at < span.end);
    let page = work.api.page::<wire::Commit>(below(&older.sha), "commits").await?;
    if !page.items.iter().any(is_of_the_span) {
        return Ok(Some(older.sha));
    }
    let mut next = Some(below(head));
    // In the order of the list, and by id the commits that build on it.
    let mut listed = Vec::new();
    let mut children: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut new = Vec::new();
    while let Some(url) = next {
        let page = work.api.page::<wire::Commit>(url, "commits").await?;
        next = page.next.filter(|_| page.items.iter().any(is_of_the_span));
        for commit in page.items {
            if is_of_the_span(&commit) {
                new.push(commit.sha.clone());
            }
            for parent in commit.parents {
                children.entry(parent.sha).or_default().push(commit.sha.clone());
            }
            listed.push(commit.sha);
        }
    }
    let mut seen = BTreeSet::new();
    while let Some(sha) = new.pop() {
        if seen.insert(sha.clone()) {
            new.extend(children.remove(&sha).into_iter().flatten());
        }
    }
    Ok(listed.into_iter().find(|sha| !seen.contains(sha)))
}

/// The first page of a piece: by ancestry the oldest first, else the newest first.
async fn pages(work: &Work<'_>, repo: &Repo, span: Span, piece: &Piece) -> Result<Page<wire::Commit>, HttpError> {
    if let Some(start) = &piece.start {
        return work.api.page(compare_url(work, repo, start, &piece.end), "commits").await;
    }
    let times = piece.listed_from.map(|from| (super::time::text(from), super::time::text(span.end)));
    let mut query = vec![("sha", piece.end.as_str()), ("per_page", PER_PAGE)];
    if let Some((since, until)) = &times {
        query.push(("since", since));
        if work.reading.range.until.is_some() {
            query.push(("until", until));
        }
    }
    work.api.page(repo.url(&work.api, &["commits"], &query), "commits").await
}

/// Where the first page of what `head` reaches and `base` does not is.
fn compare_url(work: &Work<'_>, repo: &Repo, base: &str, head: &str) -> Url {
    let both = format!("{base}...{head}");
    repo.url(&work.api, &["compare", &both], &[("per_page", PER_PAGE), ("page", "1")])
}

/// A page of a piece between two commits. Neither moves, so its pages stay what they are.
fn numbered(work: &Work<'_>, repo: &Repo, piece: &Piece, number: usize) -> Url {
    let both = format!("{}...{}", piece.start.as_deref().unwrap_or_default(), piece.end);
    repo.url(&work.api, &["compare", &both], &[("per_page", PER_PAGE), ("page", &number.to_string())])
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// Whether a comparison cannot be had, while the repository can.
pub(super) fn is_lost(error: &HttpError) -> bool {
    matches!(error.status(), Some(404 | 422 | 500..=504))
}

/// Notes that the commits up to the head are in the tables, but for what a list by committer time leaves out; after a
/// range that was asked for, it is not known of all.
pub(super) fn finish(work: &Work<'_>, repo: &Repo, ledger: &mut Ledger, span: Span, news: &News, left_count: usize) {
    let entry = repo.entry(ledger, "commits", COVERS);
    if news.pieces.iter().skip(left_count).any(|piece| piece.listed_from.is_some()) && !news.ends_before_the_head {
        let why = news.no_ancestry.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
        let why = format!(
            "what is new could not be told by ancestry{why}, so commits that were written before and pushed late are missing"
        );
        work.note(entry, &repo.stream("commits"), &why, None);
    }
    if news.head.is_some() && !span.is_asked {
        remember(entry, "head", news.head.as_ref());
    }
}
