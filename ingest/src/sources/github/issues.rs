//! Issues that are incidents.
//!
//! The list is read by label; what was an incident and is none any more has left it, so those that were open are looked
//! at again one by one.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures::StreamExt;
use lake::Instant;
use lake::tables::incidents::Row;

use super::api::{Api, PER_PAGE};
use super::newest::{Progress, Want};
use super::work::{Repo, Span, Trouble, Work, open_items, remember_open, remember_page, validator};
use super::{incidents, wire};
use crate::http::HttpError;
use crate::{Ledger, Sink};

/// The tables of this stream.
pub(super) const COVERS: &[&str] = &["incidents"];

type Timeline = (Vec<wire::TimelineEvent>, Vec<Bytes>);

/// Reads the incidents of one repository.
pub(super) async fn read(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    span: Span,
) -> Result<(), Trouble> {
    let Some(labels) = work.rules.incidents.as_ref().map(|rules| rules.labels.clone()) else { return Ok(()) };
    work.reporter.begin(&format!("reading incidents of `{}`", repo.full_name), None);
    let mut open = open_items(repo.entry(ledger, "incidents", COVERS));
    let mut seen = BTreeSet::new();
    for label in &labels {
        match labelled(work, repo, ledger, sink, span, label, (&mut seen, &mut open)).await {
            // Issues are switched off: there are no incidents.
            Err(Trouble::Http(error)) if error.status() == Some(410) => return Ok(()),
            other => other?,
        }
    }
    let unseen: Vec<u64> = open.keys().copied().filter(|number| !seen.contains(number)).collect();
    for number in unseen {
        let url = repo.url(&work.api, &["issues", &number.to_string()], &[]);
        match work.api.one::<wire::Issue>(url).await {
            Ok((issue, raw)) => {
                let sha = sink.page(raw.to_vec());
                put(work, repo, ledger, sink, vec![issue], &sha, &mut open).await?;
            }
            // Deleted, or moved elsewhere: what was seen of it stays, and nobody will close it.
            Err(error) if matches!(error.status(), Some(404 | 410)) => {
                open.remove(&number);
                let why = format!("the incident `#{number}` is gone: {}", error.kind);
                work.note(repo.entry(ledger, "incidents", COVERS), &repo.stream("incidents"), &why, Some(1));
            }
            Err(error) => return Err(error.into()),
        }
    }
    remember_open(repo.entry(ledger, "incidents", COVERS), &open);
    Ok(())
}

/// Reads the issues with one label, the last changed first.
async fn labelled(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    span: Span,
    label: &str,
    (seen, open): (&mut BTreeSet<u64>, &mut BTreeMap<u64, Instant>),
) -> Result<(), Trouble> {
    let stream = repo.stream("incidents");
    let query =
        [("labels", label), ("state", "all"), ("sort", "updated"), ("direction", "desc"), ("per_page", PER_PAGE)];
    let first = repo.url(&work.api, &["issues"], &query);
    let is_only = work.rules.incidents.as_ref().is_some_and(|rules| rules.labels.len() == 1);
    let entry = repo.entry(ledger, "incidents", COVERS);
    let may_skip = is_only && !span.is_asked && entry.watermark.is_some();
    let known = validator(entry, &first, work.config).filter(|_| may_skip);
    let mut progress = Progress::new(span, None);
    let Some(mut page) = work.api.page_unless::<wire::Issue>(first.clone(), "issues", known).await? else {
        return Ok(());
    };
    let validator = page.validator.clone();
    loop {
        let newest = page.items.iter().map(|issue| issue.updated_at).max();
        let wanted: Vec<wire::Issue> = std::mem::take(&mut page.items)
            .into_iter()
            .filter(|issue| issue.pull_request.is_none() && progress.wants(issue.number, issue.updated_at) == Want::Now)
            .collect();
        let numbers: Vec<u64> = wanted.iter().map(|issue| issue.number).collect();
        let oldest = wanted.iter().map(|issue| issue.updated_at).min();
        if !wanted.is_empty() {
            let sha = sink.page(page.raw.to_vec());
            put(work, repo, ledger, sink, wanted, &sha, open).await?;
        }
        // Only of those that are open somebody asks whether they were looked at.
        seen.extend(numbers.into_iter().filter(|number| open.contains_key(number)));
        progress.page_done(newest, oldest);
        work.note_broken(repo.entry(ledger, "incidents", COVERS), &stream, &page.broken);
        sink.checkpoint(|| ledger.to_cursor()).await?;
        let next = match page.next.take().filter(|_| !progress.reaches_past(newest)) {
            Some(next) => next,
            None if progress.needs_another_pass() => first.clone(),
            None => break,
        };
        page = work.api.page(next, "issues").await?;
    }
    if is_only {
        remember_page(repo.entry(ledger, "incidents", COVERS), &first, work.config, validator);
    }
    Ok(())
}

/// Puts issues with their timelines into the sink, and remembers those that are still open.
async fn put(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    issues: Vec<wire::Issue>,
    list_sha: &str,
    open: &mut BTreeMap<u64, Instant>,
) -> Result<(), Trouble> {
    let Some(rules) = &work.rules.incidents else { return Ok(()) };
    let api = &work.api;
    let asked = issues.into_iter().map(|issue| async move {
        let timeline = timeline(api, repo, issue.number).await;
        (issue, timeline)
    });
    let mut answered = futures::stream::iter(asked).buffered(api.requests_in_flight());
    while let Some((issue, timeline)) = answered.next().await {
        let (timeline, raws) = timeline?;
        let service = work.rules.service(&repo.name);
        let rows: Vec<Row> = incidents::rows(&repo.name, Some(&service), &issue, &timeline, rules);
        if rows.iter().any(|row| row.resolved_at.is_none()) {
            open.insert(issue.number, issue.created_at);
        } else {
            open.remove(&issue.number);
        }
        let shas: Vec<String> = raws.into_iter().map(|raw| sink.page(raw.to_vec())).collect();
        work.reporter.advance(1);
        sink.rows(rows, shas.first().map(String::as_str).or(Some(list_sha)))?;
        sink.checkpoint(|| ledger.to_cursor()).await?;
    }
    Ok(())
}

async fn timeline(api: &Api<'_>, repo: &Repo, number: u64) -> Result<Timeline, HttpError> {
    let url = repo.url(api, &["issues", &number.to_string(), "timeline"], &[("per_page", PER_PAGE)]);
    let (mut events, mut raws) = (Vec::new(), Vec::new());
    for page in api.all::<wire::TimelineEvent>(url, "events").await? {
        events.extend(page.items);
        raws.push(page.raw);
    }
    Ok((events, raws))
}
