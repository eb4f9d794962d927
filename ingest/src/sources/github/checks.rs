//! Check runs and commit statuses of the new commits of the default branch.

use futures::StreamExt;
use lake::tables::check_runs::Row;

use super::api::{Api, PER_PAGE, Page};
use super::commits::News;
use super::wire;
use super::work::{Repo, Trouble, Work};
use crate::http::HttpError;
use crate::{Ledger, Sink};

/// The tables of this stream.
pub(super) const COVERS: &[&str] = &["check_runs"];

struct Found {
    checks: Vec<Page<wire::CheckRun>>,
    statuses: Vec<Page<wire::CommitStatus>>,
}

/// Reads what was checked of the commits that are new on the branch.
pub(super) async fn read(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    news: &News,
) -> Result<(), Trouble> {
    work.reporter.begin(&format!("reading checks of `{}`", repo.full_name), Some(news.commits.len() as u64));
    let api = &work.api;
    let mut asked = Vec::with_capacity(news.commits.len());
    for sha in news.commits.keys() {
        asked.push(checks(api, repo, sha));
    }
    let mut answered = futures::stream::iter(asked).buffered(api.requests_in_flight());
    let mut shas = news.commits.keys();
    while let (Some(found), Some(commit)) = (answered.next().await, shas.next()) {
        let found = found?;
        for page in &found.checks {
            let sha = sink.page(page.raw.to_vec());
            let rows: Vec<Row> = page.items.iter().map(|check| check_run(&repo.name, commit, check)).collect();
            sink.rows(rows, Some(&sha))?;
        }
        for page in &found.statuses {
            let sha = sink.page(page.raw.to_vec());
            let rows: Vec<Row> = page.items.iter().map(|status| commit_status(&repo.name, commit, status)).collect();
            sink.rows(rows, Some(&sha))?;
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
