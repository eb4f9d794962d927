//! Check runs and commit statuses of the new commits of the default branch.

use std::collections::BTreeMap;

use futures::StreamExt;
use lake::Instant;
use lake::tables::check_runs::Row;

use super::api::{Api, PER_PAGE, Page};
use super::commits::{self, News, Piece};
use super::wire;
use super::work::{DAY_MICROS, PIECES, Repo, Span, Trouble, Work, remember, remembered};
use crate::http::HttpError;
use crate::{Ledger, Sink};

/// The tables of this stream.
pub(super) const COVERS: &[&str] = &["check_runs"];

/// Checks that have not ended are looked at again for so long after the commit: then GitHub itself gives them up,
const RUNNING_MICROS: i64 = 14 * DAY_MICROS;
/// and in any case for so long, because some may begin late.
const FRESH_MICROS: i64 = DAY_MICROS;

struct Found {
    checks: Vec<Page<wire::CheckRun>>,
    statuses: Vec<Page<wire::CommitStatus>>,
}

/// Reads what was checked of the commits that are new on the branch, and of those whose checks had not ended.
pub(super) async fn read(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    span: Span,
    news: &News,
) -> Result<(), Trouble> {
    work.reporter.begin(&format!("reading checks of `{}`", repo.full_name), None);
    let entry = repo.entry(ledger, "checks", COVERS);
    let mut running: BTreeMap<String, Instant> = remembered(entry, "running").unwrap_or_default();
    let mut pieces: Vec<Piece> = remembered(entry, PIECES).unwrap_or_default();
    of_commits(work, repo, ledger, sink, span, &running.clone(), &mut running).await?;
    while let Some(piece) = pieces.first() {
        let is_held = !news.is_cut && news.pieces.first() == Some(piece);
        let loaded = if is_held { None } else { lost(commits::piece(work, repo, span, piece).await)? };
        let new = if is_held { Some(&news.commits) } else { loaded.as_ref() };
        let times = new.into_iter().flatten().map(|(sha, facts)| (sha.clone(), facts.row.committed_at));
        of_commits(work, repo, ledger, sink, span, &times.collect(), &mut running).await?;
        pieces.remove(0);
        let entry = repo.entry(ledger, "checks", COVERS);
        remember(entry, PIECES, (!pieces.is_empty()).then_some(&pieces));
        remember(entry, "running", Some(&running));
        sink.checkpoint(|| ledger.to_cursor()).await?;
    }
    remember(repo.entry(ledger, "checks", COVERS), "running", Some(&running));
    Ok(())
}

/// A piece whose commits are gone, because the branch was rewritten, has none.
fn lost<T>(found: Result<T, Trouble>) -> Result<Option<T>, Trouble> {
    match found {
        Err(Trouble::Http(error)) if commits::is_lost(&error) => Ok(None),
        found => found.map(Some),
    }
}

/// Reads what was checked of some commits; those whose checks have not ended are `running`.
async fn of_commits(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    span: Span,
    commits: &BTreeMap<String, Instant>,
    running: &mut BTreeMap<String, Instant>,
) -> Result<(), Trouble> {
    let api = &work.api;
    let mut asked = Vec::with_capacity(commits.len());
    for sha in commits.keys() {
        asked.push(checks(api, repo, sha));
    }
    let mut answered = futures::stream::iter(asked).buffered(api.requests_in_flight());
    let mut shas = commits.iter();
    while let (Some(found), Some((commit, committed_at))) = (answered.next().await, shas.next()) {
        let found = found?;
        let mut is_running = false;
        for page in &found.checks {
            let sha = sink.page(page.raw.to_vec());
            let rows: Vec<Row> = page.items.iter().map(|check| check_run(&repo.name, commit, check)).collect();
            is_running |= rows.iter().any(|row| row.status != "completed");
            sink.rows(rows, Some(&sha))?;
        }
        for page in &found.statuses {
            let sha = sink.page(page.raw.to_vec());
            let rows: Vec<Row> = page.items.iter().map(|status| commit_status(&repo.name, commit, status)).collect();
            sink.rows(rows, Some(&sha))?;
        }
        // Checks of a fresh commit may not have begun.
        let age = span.end.0.saturating_sub(committed_at.0);
        if (is_running && age <= RUNNING_MICROS) || age <= FRESH_MICROS {
            running.insert(commit.clone(), *committed_at);
        } else {
            running.remove(commit);
        }
        let broken = found.checks.iter().flat_map(|page| &page.broken);
        let broken: Vec<String> = broken.chain(found.statuses.iter().flat_map(|page| &page.broken)).cloned().collect();
        work.note_broken(repo.entry(ledger, "checks", COVERS), &repo.stream("checks"), &broken);
        work.reporter.advance(1);
        sink.checkpoint(|| ledger.to_cursor()).await?;
    }
    Ok(())
}

async fn checks(api: &Api<'_>, repo: &Repo, sha: &str) -> Result<Found, HttpError> {
    let all = [("filter", "all"), ("per_page", PER_PAGE)];
    let checks = api.all(repo.url(api, &["commits", sha, "check-runs"], &all), "check_runs").await?;
    let statuses = repo.url(api, &["commits", sha, "statuses"], &[("per_page", PER_PAGE)]);
    Ok(Found { checks, statuses: api.all(statuses, "statuses").await? })
}

fn check_run(repository: &str, commit_sha: &str, check: &wire::CheckRun) -> Row {
    Row {
        repository: repository.to_owned(),
        check_id: format!("check {}", check.id),
        attempt: 1,
        kind: "check_run".to_owned(),
        name: check.name.clone(),
        commit_sha: commit_sha.to_owned(),
        branch: None,
        event: None,
        status: check.status.clone().unwrap_or_else(|| "unknown".to_owned()),
        conclusion: check.conclusion.clone(),
        started_at: check.started_at,
        completed_at: check.completed_at,
        updated_at: check.completed_at.or(check.started_at),
    }
}

/// A status is one word for a whole check: `pending` is none that ended.
fn commit_status(repository: &str, commit_sha: &str, status: &wire::CommitStatus) -> Row {
    let is_over = status.state != "pending";
    Row {
        repository: repository.to_owned(),
        check_id: format!("status {}", status.id),
        attempt: 1,
        kind: "commit_status".to_owned(),
        name: status.context.clone().unwrap_or_else(|| "default".to_owned()),
        commit_sha: commit_sha.to_owned(),
        branch: None,
        event: None,
        status: if is_over { "completed" } else { "in_progress" }.to_owned(),
        conclusion: is_over.then(|| status.state.clone()),
        started_at: status.created_at,
        completed_at: status.created_at.filter(|_| is_over),
        updated_at: status.updated_at,
    }
}
