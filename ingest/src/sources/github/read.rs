//! One reading: repository by repository, and in each stream by stream. A stream that fails is stated as missing, and
//! the others go on.

use std::collections::{BTreeMap, VecDeque};

use lake::Instant;
use lake::tables::{change_commits, changes};

use super::commit::Facts;
use super::commits::{News, Piece};
use super::config::{Config, Streams};
use super::direct::{Candidate, Merges};
use super::work::{PIECES, Repo, Span, Trouble, Work, finish, remember, remembered, replace_loss};
use super::{change, checks, commits, deployments, direct, discover, issues, pulls, releases, runs, wire};
use crate::http::{Origin, Request};
use crate::{Ledger, Loss, Reading, Sink, SourceError};

/// The tables of what was pushed directly.
const DIRECT: &[&str] = &["changes", "change_commits"];

/// Reads everything into `sink`.
pub(super) async fn read(work: &mut Work<'_>, sink: &mut Sink<'_>, source: &str) -> Result<(), SourceError> {
    let mut ledger = Ledger::from_cursor(work.reading.cursor)?;
    work.reporter.begin("looking for repositories", None);
    let repos = match discover::repositories(work, &mut ledger).await {
        Ok(repos) => repos,
        Err(Trouble::Fatal(error)) => return Err(error),
        Err(Trouble::Http(error)) => return Err(SourceError::new("could not list the repositories", error)),
    };
    let mut unit = Unit { work, sink, ledger: &mut ledger, was_read: false };
    for repo in &repos {
        unit.repository(repo).await?;
    }
    let was_read = unit.was_read;
    for notice in work.api.notices() {
        work.reporter.gap(&notice);
    }
    let rows = ledger.coverage(source);
    if let (false, Some(first)) = (was_read, rows.iter().find_map(|row| row.reason.as_ref())) {
        let nothing = crate::SourceErrorKind::Input(first.clone());
        return Err(SourceError::new(format!("could not read anything of `{source}`"), nothing));
    }
    sink.state(&ledger)
}

/// The repositories on their way into the sink.
struct Unit<'u, 'w, 's> {
    work: &'u mut Work<'w>,
    sink: &'u mut Sink<'s>,
    ledger: &'u mut Ledger,
    /// Any stream could be read.
    was_read: bool,
}

impl Unit<'_, '_, '_> {
    async fn repository(&mut self, repo: &Repo) -> Result<(), SourceError> {
        let streams = self.work.config.streams.clone();
        let began = self.work.api.server_time(self.work.reading.now);
        let news = if streams.commits { self.commits(repo, began).await? } else { Some(News::default()) };
        let is_known = News::default();
        if streams.pulls {
            let mut span = self.span(repo, "pulls", pulls::COVERS, began);
            if streams.commits && news.is_some() {
                // What was merged since direct pushes were told apart last explains the commits that are new since then.
                span.from = span.from.min(self.span(repo, "direct", DIRECT, began).from);
            }
            let known = news.as_ref().unwrap_or(&is_known);
            let read = pulls::read(self.work, repo, self.ledger, self.sink, span, known).await;
            let merged = self.ended(repo, "pulls", pulls::COVERS, span, read)?;
            if let (Some(news), Some(merged), true) = (&news, merged, streams.commits) {
                self.direct(repo, news, &merged, began).await?;
            }
        }
        if streams.deployments {
            let span = self.span(repo, "deployments", deployments::COVERS, began);
            let known = news.as_ref().unwrap_or(&is_known);
            let read = deployments::read(self.work, repo, self.ledger, self.sink, span, known).await;
            self.ended(repo, "deployments", deployments::COVERS, span, read)?;
        }
        if self.work.rules.incidents.as_ref().is_some_and(|rules| rules.takes(&repo.name)) {
            let span = self.span(repo, "incidents", issues::COVERS, began);
            let read = issues::read(self.work, repo, self.ledger, self.sink, span).await;
            self.ended(repo, "incidents", issues::COVERS, span, read)?;
        }
        self.others(repo, &streams, news.as_ref(), began).await?;
        self.sink.checkpoint(|| self.ledger.to_cursor()).await
    }

    /// What is beside the way of a change.
    async fn others(
        &mut self,
        repo: &Repo,
        streams: &Streams,
        news: Option<&News>,
        began: Instant,
    ) -> Result<(), SourceError> {
        if streams.releases || self.work.rules.release.is_some() {
            let covers = releases::covers(self.work.config);
            let span = self.span(repo, "releases", covers, began);
            let read = releases::read(self.work, repo, self.ledger, self.sink, span).await;
            self.ended(repo, "releases", covers, span, read)?;
        }
        if streams.runs {
            let covers = runs::covers(self.work.config);
            let span = self.span(repo, "runs", covers, began);
            let read = runs::read(self.work, repo, self.ledger, self.sink, span).await;
            self.ended(repo, "runs", covers, span, read)?;
        }
        if let (true, Some(news)) = (streams.checks, news) {
            let span = self.span(repo, "checks", checks::COVERS, began);
            let read = checks::read(self.work, repo, self.ledger, self.sink, span, news).await;
            self.ended(repo, "checks", checks::COVERS, span, read)?;
        }
        Ok(())
    }

    fn span(&mut self, repo: &Repo, what: &str, covers: &[&str], began: Instant) -> Span {
        let entry = repo.entry(self.ledger, what, covers);
        let span = self.work.span(entry, began);
        if entry.watermark.is_none() && !span.is_asked {
            remember(entry, "first", Some(&span.start));
        }
        span
    }

    /// Notes how a stream ended: its range is known, or it is stated as missing.
    fn ended<T>(
        &mut self,
        repo: &Repo,
        what: &str,
        covers: &[&str],
        span: Span,
        read: Result<T, Trouble>,
    ) -> Result<Option<T>, SourceError> {
        let is_open_ended = self.work.reading.range.until.is_none();
        let entry = repo.entry(self.ledger, what, covers);
        match read {
            Ok(read) => {
                finish(entry, span, is_open_ended);
                self.was_read = true;
                Ok(Some(read))
            }
            Err(trouble) => {
                self.work.lose(entry, &repo.stream(what), span, trouble)?;
                Ok(None)
            }
        }
    }

    /// The commits that are new since those that were told apart last.
    async fn commits(&mut self, repo: &Repo, began: Instant) -> Result<Option<News>, SourceError> {
        let span = self.span(repo, "commits", commits::COVERS, began);
        let own: Option<String> = remembered(repo.entry(self.ledger, "commits", commits::COVERS), "head");
        let (mut wanted, mut read_to, mut left) = (span, own.clone(), Vec::new());
        if self.work.config.streams.pulls {
            // What was read and not yet told apart is read again, unless it was cut into pieces that are remembered.
            let direct = self.span(repo, "direct", DIRECT, began);
            wanted = Span { start: span.start.min(direct.start), from: span.from.min(direct.from), ..span };
            let entry = repo.entry(self.ledger, "direct", DIRECT);
            let pieces: Option<Vec<Piece>> = remembered(entry, PIECES).filter(|_| !span.is_asked);
            read_to = if pieces.is_some() { own } else { remembered(entry, "head") };
            left = pieces.unwrap_or_default();
        }
        let left_count = left.len();
        let read = commits::read(self.work, repo, self.ledger, self.sink, wanted, (read_to, left)).await;
        let news = self.ended(repo, "commits", commits::COVERS, span, read)?;
        match &news {
            Some(news) => {
                commits::finish(self.work, repo, self.ledger, span, news, left_count);
                self.remember_pieces(repo, news, left_count, span);
            }
            None if self.work.config.streams.pulls => {
                let span = self.span(repo, "direct", DIRECT, began);
                let reason = "what was pushed directly is not known, because the commits could not be read".to_owned();
                let loss = Loss { start_at: Some(span.start), end_at: Some(span.end), reason, missing_count: None };
                replace_loss(repo.entry(self.ledger, "direct", DIRECT), span, loss);
            }
            None => {}
        }
        Ok(news)
    }

    /// Remembers what is still to be done with the commits that were read: this reading may be broken off before.
    fn remember_pieces(&mut self, repo: &Repo, news: &News, left_count: usize, span: Span) {
        if news.is_cut && self.work.config.streams.pulls && !span.is_asked {
            remember(repo.entry(self.ledger, "direct", DIRECT), PIECES, Some(&news.pieces));
        }
        if self.work.config.streams.checks {
            let entry = repo.entry(self.ledger, "checks", checks::COVERS);
            let mut pieces: Vec<Piece> = remembered(entry, PIECES).unwrap_or_default();
            for piece in news.pieces.iter().skip(left_count) {
                // The same beginning again reaches further.
                pieces.retain(|known| known.start != piece.start);
                pieces.push(piece.clone());
            }
            remember(entry, PIECES, Some(&pieces));
        }
    }

    /// What was pushed without a pull request.
    async fn direct(&mut self, repo: &Repo, news: &News, merges: &Merges, began: Instant) -> Result<(), SourceError> {
        let span = self.span(repo, "direct", DIRECT, began);
        let is_held = |head: &String| news.commits.is_empty() || news.commits.contains_key(head);
        let is_empty = news.commits.is_empty() && !news.is_cut;
        let ends_before = news.ends_before_the_head && !is_empty;
        if ends_before || (!news.is_cut && !news.head.as_ref().is_none_or(is_held)) {
            self.ends_before_the_head(repo, span);
            return Ok(());
        }
        let read = self.pushed(repo, news, merges, span).await;
        let was_read = self.ended(repo, "direct", DIRECT, span, read)?.is_some();
        if was_read && !news.ends_before_the_head && news.pieces.iter().any(|piece| piece.listed_from.is_some()) {
            let why = "what is new could not be told by ancestry, so what was merged without a pull request may lack commits that \
                       were written before";
            self.work.note(repo.entry(self.ledger, "direct", DIRECT), &repo.stream("direct"), why, None);
        }
        // A range that was asked for leaves out what lies before it and was never told apart.
        if was_read && news.head.is_some() && !span.is_asked {
            remember(repo.entry(self.ledger, "direct", DIRECT), "head", news.head.as_ref());
        }
        Ok(())
    }

    /// A range that ends before the head of the branch does not tell which of its commits are the branch itself.
    fn ends_before_the_head(&mut self, repo: &Repo, span: Span) {
        let entry = repo.entry(self.ledger, "direct", DIRECT);
        if entry.read.missing(span.start, span.end).is_empty() {
            return;
        }
        let reason =
            "what was pushed directly is told from the head of the branch, which is newer than the range that was \
                      asked for"
                .to_owned();
        self.work.reporter.gap(&format!("`{}`: {reason}", repo.stream("direct")));
        let loss = Loss { start_at: Some(span.start), end_at: Some(span.end), reason, missing_count: None };
        replace_loss(entry, span, loss);
    }

    async fn pushed(&mut self, repo: &Repo, news: &News, merges: &Merges, span: Span) -> Result<(), Trouble> {
        let is_partial = merges.is_partial() || news.is_left_over;
        let mut left: VecDeque<Piece> = news.pieces.iter().cloned().collect();
        while let Some(piece) = left.pop_front() {
            let loaded = if news.is_cut { Some(self.piece(repo, &piece, span).await?) } else { None };
            let commits = loaded.as_ref().unwrap_or(&news.commits);
            let mut new_from = piece.new_from;
            let (candidates, rebased) = direct::pushed(commits, &piece.end, merges.known(), &mut new_from);
            if new_from.is_none() {
                // The pieces behind it stand on it.
                for piece in &mut left {
                    piece.new_from = None;
                }
            }
            self.sink.rows::<change_commits::Row>(rebased, None)?;
            for candidate in candidates {
                self.put(repo, candidate, is_partial).await?;
            }
            if news.is_cut && !span.is_asked {
                let entry = repo.entry(self.ledger, "direct", DIRECT);
                remember(entry, PIECES, (!left.is_empty()).then_some(&left));
                self.sink.checkpoint(|| self.ledger.to_cursor()).await?;
            }
        }
        Ok(())
    }

    /// The commits of a piece; none where the branch was rewritten since and they are gone.
    async fn piece(&mut self, repo: &Repo, piece: &Piece, span: Span) -> Result<BTreeMap<String, Facts>, Trouble> {
        match commits::piece(self.work, repo, span, piece).await {
            Err(Trouble::Http(error)) if commits::is_lost(&error) => {
                let short: String = piece.end.chars().take(12).collect();
                let why = format!("what was pushed directly up to `{short}` cannot be told: {}", error.kind);
                let entry = repo.entry(self.ledger, "direct", DIRECT);
                self.work.note(entry, &repo.stream("direct"), &why, None);
                Ok(BTreeMap::new())
            }
            found => found,
        }
    }

    /// Puts what no known pull request explains into the sink, unless GitHub knows one that does.
    async fn put(&mut self, repo: &Repo, candidate: Candidate, is_partial: bool) -> Result<(), Trouble> {
        if !candidate.is_doubtful && !is_partial {
            return Ok(self.put_directly(candidate)?);
        }
        let sha = candidate.change.change_id.clone();
        let Some(pull) = self.pull_request_of(repo, &sha).await? else {
            return Ok(self.put_directly(candidate)?);
        };
        // One of those that a rebase wrote; the commit it was merged as is told with the pull request.
        if pull.merge_commit_sha.is_some_and(|carrier| carrier != sha) && is_partial {
            let change_id = change::id(pull.number);
            let own =
                candidate.commits.into_iter().map(|row| change_commits::Row { change_id: change_id.clone(), ..row });
            self.sink.rows::<change_commits::Row>(own.collect(), None)?;
        }
        Ok(())
    }

    fn put_directly(&mut self, candidate: Candidate) -> Result<(), SourceError> {
        self.sink.rows::<changes::Row>(vec![candidate.change], None)?;
        self.sink.rows::<change_commits::Row>(candidate.commits, None)
    }

    /// The merged pull request that brought this commit, where GitHub knows one.
    async fn pull_request_of(&mut self, repo: &Repo, sha: &str) -> Result<Option<wire::Pull>, Trouble> {
        let url = repo.url(&self.work.api, &["commits", sha, "pulls"], &[]);
        let page = self.work.api.page::<wire::Pull>(url, "pulls").await?;
        Ok(page.items.into_iter().find(|pull| pull.merged_at.is_some()))
    }
}

/// The requests that a reading begins with; those of each repository follow once it is known.
pub(super) fn plan(config: &Config, origin: &Origin, reading: &Reading<'_>) -> Vec<String> {
    let shown = |path: &[&str], query: &[(&str, &str)]| Request::get(origin.at(path, query)).shown();
    let mut plan: Vec<String> = Vec::new();
    if let Some(app) = &config.app {
        plan.push(format!(
            "POST {}",
            origin.at::<&str, &str>(&["app", "installations", &app.installation.to_string(), "access_tokens"], &[])
        ));
    }
    for (path, query) in discover::first_paths(config) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        plan.push(shown(&path, &query));
    }
    let since = reading.range.since.or(config.since).map_or_else(String::new, |at| format!(" from {at} on"));
    plan.push(format!("then, for each repository{since}, its streams in their order"));
    for name in config.repositories.iter().filter(|_| config.streams.commits) {
        if let Some((owner, repository)) = name.split_once('/') {
            plan.push(shown(&["repos", owner, repository, "commits"], &[("per_page", "1")]));
        }
    }
    plan
}
