//! Workflow runs with every attempt.
//!
//! A list that is filtered by time gives no more than a thousand runs, so the time is split until each part has fewer.
//! The list shows the last attempt of a run; the earlier ones are asked for one by one. Runs that were not over, and
//! those that may have been run again, are looked at again.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use lake::Instant;
use lake::tables::{check_runs, deployments};

use super::api::{Api, PER_PAGE, Page};
use super::rules::Rules;
use super::time;
use super::wire;
use super::work::{DAY_MICROS, Repo, Span, Trouble, Work, account_of, open_items, remember_open};
use crate::authorship::Classifier;
use crate::http::HttpError;
use crate::{Ledger, Loss, Sink};

/// The tables of this stream.
pub(super) const COVERS: &[&str] = &["check_runs"];
/// The tables where runs of some workflows are deployments.
pub(super) const COVERS_DEPLOYMENTS: &[&str] = &["check_runs", "deployments"];

/// A filtered list that has this many runs may have more.
const MOST_RUNS: u64 = 1000;
/// A run that is not over is looked at again for so long.
const OPEN_MICROS: i64 = 35 * DAY_MICROS;

/// The tables of this stream under these settings.
pub(super) fn covers(config: &super::config::Config) -> &'static [&'static str] {
    if config.deploy_workflows.is_empty() { COVERS } else { COVERS_DEPLOYMENTS }
}

/// Reads the runs that were created in the span, and those that may have changed since.
pub(super) async fn read(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    span: Span,
) -> Result<(), Trouble> {
    work.reporter.begin(&format!("reading workflow runs of `{}`", repo.full_name), None);
    let entry = repo.entry(ledger, "runs", covers(work.config));
    let mut open = open_items(entry);
    let back = if span.is_asked { 0 } else { i64::from(work.config.rerun_days) * DAY_MICROS };
    let is_first = entry.watermark.is_none();
    let from = if is_first { span.from } else { Instant(span.from.0 - back) };
    // Of those that are open, because they are asked for one by one where no list shows them.
    let mut looked_at = BTreeSet::new();
    let mut parts = vec![(whole_seconds(from), whole_seconds(span.end))];
    while let Some((start, end)) = parts.pop() {
        let created = format!("{}..{}", time::text(start), time::text(end));
        let query = [("created", created.as_str()), ("per_page", PER_PAGE)];
        let first = repo.url(&work.api, &["actions", "runs"], &query);
        let mut page: Page<wire::Run> = work.api.page(first, "workflow_runs").await?;
        if page.total_count.is_some_and(|count| count >= MOST_RUNS) {
            if let Some((early, late)) = halves(start, end) {
                // The earlier half is on top of the pile.
                parts.extend([late, early]);
                continue;
            }
            let entry = repo.entry(ledger, "runs", covers(work.config));
            entry.lose(Loss {
                start_at: Some(start),
                end_at: Some(Instant(end.0 + Instant::MICROS)),
                reason: "GitHub lists no more than 1000 runs of one second".to_owned(),
                missing_count: None,
            });
        }
        let mut seen = BTreeSet::new();
        loop {
            let stream = repo.stream("runs");
            work.note_broken(repo.entry(ledger, "runs", covers(work.config)), &stream, &page.broken);
            let sha = sink.page(page.raw.to_vec());
            let new: Vec<wire::Run> = page.items.drain(..).filter(|run| seen.insert(run.id)).collect();
            let numbers: Vec<u64> = new.iter().map(|run| run.id).collect();
            put(work, repo, sink, span, new, &sha, &mut open).await?;
            looked_at.extend(numbers.into_iter().filter(|number| open.contains_key(number)));
            sink.checkpoint(|| ledger.to_cursor()).await?;
            let Some(next) = page.next.take() else { break };
            page = work.api.page(next, "workflow_runs").await?;
        }
    }
    for number in open.keys().copied().filter(|number| !looked_at.contains(number)).collect::<Vec<u64>>() {
        let url = repo.url(&work.api, &["actions", "runs", &number.to_string()], &[]);
        match work.api.one::<wire::Run>(url).await {
            Ok((run, raw)) => {
                let sha = sink.page(raw.to_vec());
                put(work, repo, sink, span, vec![run], &sha, &mut open).await?;
            }
            // Deleted, or past its retention.
            Err(error) if matches!(error.status(), Some(404 | 410)) => {
                open.remove(&number);
            }
            Err(error) => return Err(error.into()),
        }
    }
    remember_open(repo.entry(ledger, "runs", covers(work.config)), &open);
    Ok(())
}

/// The second an instant lies in.
fn whole_seconds(at: Instant) -> Instant {
    Instant(at.0.div_euclid(Instant::MICROS) * Instant::MICROS)
}

type Part = (Instant, Instant);

/// Two parts of a range of seconds, both ends included, that share none; none where it is one second.
fn halves(start: Instant, end: Instant) -> Option<(Part, Part)> {
    let seconds = (end.0 - start.0) / Instant::MICROS;
    if seconds < 1 {
        return None;
    }
    let middle = Instant(start.0 + seconds / 2 * Instant::MICROS);
    Some(((start, middle), (Instant(middle.0 + Instant::MICROS), end)))
}

/// Puts runs with all their attempts into the sink.
async fn put(
    work: &mut Work<'_>,
    repo: &Repo,
    sink: &mut Sink<'_>,
    span: Span,
    runs: Vec<wire::Run>,
    sha: &str,
    open: &mut BTreeMap<u64, Instant>,
) -> Result<(), Trouble> {
    let api = &work.api;
    let asked = runs.into_iter().map(|run| async move {
        // Earlier attempts do not change; a run that was not touched since has been read with all of them.
        let is_new = run.updated_at.is_none_or(|at| at >= span.from);
        let earlier = if is_new { earlier(api, repo, &run).await? } else { Vec::new() };
        Ok::<_, HttpError>((run, earlier))
    });
    let answered: Vec<_> = futures::stream::iter(asked).buffered(api.requests_in_flight()).collect().await;
    for answer in answered {
        let (run, earlier) = answer?;
        let is_over = run.status.as_deref() == Some("completed");
        if !is_over && run.created_at.0 > span.end.0 - OPEN_MICROS {
            open.insert(run.id, run.created_at);
        } else {
            open.remove(&run.id);
        }
        for (attempt, raw) in &earlier {
            let sha = sink.page(raw.to_vec());
            one(&work.rules, &work.authors, repo, sink, attempt, &sha)?;
        }
        one(&work.rules, &work.authors, repo, sink, &run, sha)?;
        work.reporter.advance(1);
    }
    Ok(())
}

fn one(
    rules: &Rules,
    authors: &Classifier,
    repo: &Repo,
    sink: &mut Sink<'_>,
    run: &wire::Run,
    sha: &str,
) -> Result<(), crate::SourceError> {
    let (check, deployment) = rows(&repo.name, run, rules, authors);
    sink.rows::<check_runs::Row>(check.into_iter().collect(), Some(sha))?;
    sink.rows::<deployments::Row>(deployment.into_iter().collect(), Some(sha))
}

/// The attempts before the one that the list shows. One that GitHub no longer keeps is left out.
async fn earlier(api: &Api<'_>, repo: &Repo, run: &wire::Run) -> Result<Vec<(wire::Run, bytes::Bytes)>, HttpError> {
    let mut attempts = Vec::new();
    for attempt in 1..run.attempt.unwrap_or(1) {
        let (run, attempt) = (run.id.to_string(), attempt.to_string());
        match api.one(repo.url(api, &["actions", "runs", &run, "attempts", &attempt], &[])).await {
            Ok(found) => attempts.push(found),
            Err(error) if matches!(error.status(), Some(404 | 410)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(attempts)
}

/// The rows of one attempt: a check, and a deployment where the workflow deploys.
pub(super) fn rows(
    repository: &str,
    run: &wire::Run,
    rules: &Rules,
    authors: &Classifier,
) -> (Option<check_runs::Row>, Option<deployments::Row>) {
    let Some(commit_sha) = run.head_sha.clone() else { return (None, None) };
    let attempt = run.attempt.unwrap_or(1);
    let is_over = run.status.as_deref() == Some("completed");
    // A run starts anew with each attempt; `created_at` stays that of the first.
    let started_at = run.started_at.or(Some(run.created_at));
    let completed_at = run.updated_at.filter(|_| is_over);
    let (name, path) = (run.name.as_deref().unwrap_or_default(), run.path.as_deref().unwrap_or_default());
    let check = check_runs::Row {
        repository: repository.to_owned(),
        check_id: format!("run {}", run.id),
        attempt,
        kind: "workflow_run".to_owned(),
        name: if name.is_empty() { path } else { name }.to_owned(),
        commit_sha: commit_sha.clone(),
        branch: run.head_branch.clone(),
        event: run.event.clone(),
        status: run.status.clone().unwrap_or_else(|| "unknown".to_owned()),
        conclusion: run.conclusion.clone().filter(|_| is_over),
        started_at,
        completed_at,
        updated_at: run.updated_at,
    };
    let actor = account_of(authors, run.triggering_actor.as_ref().or(run.actor.as_ref()));
    let place = rules.deploys(repository, (name, path), run.head_branch.as_deref());
    let deployment = place.map(|place| deployments::Row {
        deployment_id: format!("github:{repository}:run:{}", run.id),
        attempt,
        target: place.target,
        service: Some(place.service),
        environment: Some(place.environment),
        revisions: vec![format!("{repository}@{commit_sha}")],
        status: status(run.status.as_deref(), run.conclusion.as_deref()).to_owned(),
        started_at,
        finished_at: completed_at,
        reached_users: None,
        intent: None,
        actor_id: actor.map(|(pseudonym, _)| pseudonym.text()),
        evidence: "workflow_run".to_owned(),
        updated_at: run.updated_at,
    });
    (Some(check), deployment)
}

/// What a run means for what it deploys.
fn status(status: Option<&str>, conclusion: Option<&str>) -> &'static str {
    match (status, conclusion) {
        (Some("completed"), Some("success")) => "success",
        (Some("completed"), Some("failure" | "timed_out" | "startup_failure")) => "failure",
        (Some("completed"), Some("cancelled")) => "cancelled",
        (Some("completed"), Some("skipped")) => "skipped",
        (Some("completed"), Some("stale")) => "superseded",
        (Some("queued" | "in_progress" | "waiting" | "requested" | "pending"), _) => "running",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn halves_hold_every_second_once(start in 0_i64..1000, length in 0_i64..1000) {
            let at = Instant::from_seconds;
            let (start, end) = (at(start), at(start + length));
            match halves(start, end) {
                None => prop_assert_eq!(start, end),
                Some((early, late)) => {
                    prop_assert_eq!((early.0, late.1), (start, end));
                    prop_assert!(early.0 <= early.1 && late.0 <= late.1);
                    prop_assert_eq!(late.0, Instant(early.1.0 + Instant::MICROS));
                }
            }
        }
    }

    #[test]
    fn only_what_succeeded_is_a_success() {
        let word = |state, conclusion| status(Some(state), conclusion);
        assert_eq!(word("completed", Some("success")), "success");
        for failed in ["failure", "timed_out", "startup_failure"] {
            assert_eq!(word("completed", Some(failed)), "failure");
        }
        assert_eq!(word("completed", Some("cancelled")), "cancelled");
        assert_eq!(word("completed", Some("neutral")), "unknown");
        assert_eq!(word("completed", None), "unknown");
        assert_eq!(word("in_progress", Some("success")), "running", "what is left of the attempt before");
    }
}
