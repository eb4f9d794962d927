//! Deployments with all their statuses.
//!
//! GitHub cannot be asked for deployments by time, and none moves in the list when it gets a status. So the list is read
//! from the newest down to what is known, and those that have not succeeded yet are looked at again one by one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use futures::StreamExt;
use lake::Instant;
use lake::tables::{commits, deployments};
use serde_json::Value;

use super::api::{Api, PER_PAGE};
use super::commit::facts;
use super::commits::News;
use super::work::{
    DAY_MICROS, OVERLAP_MICROS, Pages, Repo, Span, Trouble, Work, open_items, remember_open, remember_page, validator,
};
use super::{graphql, statuses, wire};
use crate::http::HttpError;
use crate::{Ledger, Sink};

/// The tables of this stream.
pub(super) const COVERS: &[&str] = &["deployments"];

/// A deployment that has not succeeded is looked at again for so long after it was created.
const OPEN_MICROS: i64 = 30 * DAY_MICROS;

/// So many revisions that were looked at are remembered while a list is read.
const REVISIONS: usize = 1000;

/// A deployment with its statuses, and the page they stood on, where it is another than that of the deployment.
struct Told {
    deployment: wire::Deployment,
    statuses: Vec<wire::DeploymentStatus>,
    page: Option<String>,
}

/// What was done of the deployments of one repository.
#[derive(Default)]
struct Done {
    /// Those of the page that is read, and of the one before: what moved on meanwhile comes again.
    lately: [BTreeSet<u64>; 2],
    /// Those that may still get better.
    open: BTreeMap<u64, Instant>,
    /// Those of them that were looked at in this reading.
    looked_at: BTreeSet<u64>,
    /// Revisions that were looked at lately: the same are often deployed several times.
    revisions: VecDeque<String>,
}

impl Done {
    fn was_lately(&self, number: u64) -> bool {
        self.lately.iter().any(|page| page.contains(&number))
    }

    fn begin_page(&mut self) {
        self.lately.swap(0, 1);
        self.lately[0].clear();
    }
}

/// Reads the deployments of the span, and those that were not over when they were last seen.
pub(super) async fn read(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    span: Span,
    news: &News,
) -> Result<(), Trouble> {
    work.reporter.begin(&format!("reading deployments of `{}`", repo.full_name), None);
    let mut done = Done { open: open_items(repo.entry(ledger, "deployments", COVERS)), ..Done::default() };
    list(work, repo, ledger, sink, span, &mut done, news).await?;
    again(work, repo, ledger, sink, span, &mut done).await?;
    remember_open(repo.entry(ledger, "deployments", COVERS), &done.open);
    Ok(())
}

/// Reads the list from the newest down to the start of the span.
async fn list(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    span: Span,
    done: &mut Done,
    news: &News,
) -> Result<(), Trouble> {
    let stream = repo.stream("deployments");
    let first = repo.url(&work.api, &["deployments"], &[("per_page", PER_PAGE)]);
    let entry = repo.entry(ledger, "deployments", COVERS);
    let may_skip = !span.is_asked && entry.watermark.is_some();
    let seen = validator(entry, &first, work.config).filter(|_| may_skip);
    let Some(mut page) = work.api.page_unless::<wire::Deployment>(first.clone(), "deployments", seen).await? else {
        return Ok(());
    };
    let validator = page.validator.clone();
    loop {
        work.note_broken(repo.entry(ledger, "deployments", COVERS), &stream, &page.broken);
        let reaches_past = is_older(page.items.iter().map(|deployment| deployment.created_at), span.from);
        done.begin_page();
        let wanted: Vec<wire::Deployment> = std::mem::take(&mut page.items)
            .into_iter()
            .filter(|deployment| deployment.created_at >= span.from && !done.was_lately(deployment.id))
            .collect();
        let sha = sink.page(page.raw.to_vec());
        let revisions = put(work, repo, ledger, sink, span, wanted, &sha, done).await?;
        beside_the_branch(work, repo, ledger, sink, news, &revisions, done).await?;
        sink.checkpoint(|| ledger.to_cursor()).await?;
        match page.next.filter(|_| !reaches_past) {
            Some(next) => page = work.api.page(next, "deployments").await?,
            None => break,
        }
    }
    remember_page(repo.entry(ledger, "deployments", COVERS), &first, work.config, validator);
    Ok(())
}

/// Whether all of a page is older than what is wanted. The order within a page is not promised.
fn is_older(times: impl Iterator<Item = Instant>, from: Instant) -> bool {
    times.max().is_some_and(|newest| newest < from)
}

/// Puts deployments with their statuses into the sink, and remembers those that may still get better. Returns which
/// revisions they deployed.
#[expect(clippy::too_many_arguments, reason = "a page and everything that it is told by")]
async fn put(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    span: Span,
    wanted: Vec<wire::Deployment>,
    list_sha: &str,
    done: &mut Done,
) -> Result<BTreeSet<String>, Trouble> {
    let mut revisions = BTreeSet::new();
    for told in told(work, repo, ledger, sink, wanted).await? {
        let deployment = &told.deployment;
        if !done.lately[0].insert(deployment.id) {
            continue;
        }
        let succeed = work.config.statusless_deployments_succeed;
        let (own, is_open) =
            statuses::rows(&repo.name, deployment, &told.statuses, succeed, &work.rules, &work.authors);
        if !own.is_empty() {
            revisions.extend(deployment.sha.clone());
        }
        if is_open && !own.is_empty() && deployment.created_at.0 > span.end.0 - OPEN_MICROS {
            done.open.insert(deployment.id, deployment.created_at);
            done.looked_at.insert(deployment.id);
        } else {
            done.open.remove(&deployment.id);
        }
        work.reporter.advance(own.len() as u64);
        sink.rows::<deployments::Row>(own, Some(told.page.as_deref().unwrap_or(list_sha)))?;
    }
    Ok(revisions)
}

/// The statuses of each, by GraphQL where it tells them, else by REST, several at once.
async fn told(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    wanted: Vec<wire::Deployment>,
) -> Result<Vec<Told>, Trouble> {
    let known = by_graphql(work, repo, &wanted).await?;
    let api = &work.api;
    let asked = wanted.into_iter().zip(known).map(|(deployment, known)| async move {
        let statuses = match known {
            Some(told) => Some((told.statuses, vec![told.raw], Vec::new())),
            None => all_statuses(api, repo, deployment.id).await?,
        };
        Ok::<_, HttpError>((deployment, statuses))
    });
    let answered: Vec<_> = futures::stream::iter(asked).buffered(api.requests_in_flight()).collect().await;
    let (mut all, mut pages) = (Vec::with_capacity(answered.len()), Pages::default());
    for answer in answered {
        // One that was deleted since the list told of it is not told of any more.
        let (deployment, Some((statuses, raws, broken))) = answer? else { continue };
        let shas: Vec<String> = raws.iter().map(|raw| pages.keep(sink, raw)).collect();
        work.note_broken(repo.entry(ledger, "deployments", COVERS), &repo.stream("deployments"), &broken);
        all.push(Told { deployment, statuses, page: shas.into_iter().next() });
    }
    Ok(all)
}

/// What GraphQL tells of each of them; nothing where it is not asked, or does not answer as it should.
async fn by_graphql(
    work: &Work<'_>,
    repo: &Repo,
    wanted: &[wire::Deployment],
) -> Result<Vec<Option<graphql::statuses::Told>>, Trouble> {
    let mut told: Vec<Option<graphql::statuses::Told>> = wanted.iter().map(|_| None).collect();
    let named = |(place, deployment): (usize, &wire::Deployment)| Some((place, deployment.node_id.clone()?));
    let (places, ids): (Vec<usize>, Vec<String>) = wanted.iter().enumerate().filter_map(named).unzip();
    if ids.is_empty() || !work.api.has_graphql() {
        return Ok(told);
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    match graphql::statuses::told(&work.api, &ids).await {
        Ok(all) => {
            for (place, one) in places.into_iter().zip(all) {
                told[place] = one;
            }
        }
        Err(trouble) => graphql::leave_to_rest(repo, trouble)?,
    }
    Ok(told)
}

type AllStatuses = (Vec<wire::DeploymentStatus>, Vec<Bytes>, Vec<String>);

/// All statuses of a deployment by REST; none where it is gone.
async fn all_statuses(api: &Api<'_>, repo: &Repo, number: u64) -> Result<Option<AllStatuses>, HttpError> {
    let url = repo.url(api, &["deployments", &number.to_string(), "statuses"], &[("per_page", PER_PAGE)]);
    let (mut statuses, mut raws, mut broken) = (Vec::new(), Vec::new(), Vec::new());
    let pages = match api.all::<wire::DeploymentStatus>(url, "statuses").await {
        Err(error) if error.status() == Some(404) => return Ok(None),
        pages => pages?,
    };
    for page in pages {
        statuses.extend(page.items);
        raws.push(page.raw);
        broken.extend(page.broken);
    }
    Ok(Some((statuses, raws, broken)))
}

/// Looks again at those that were not over, and that the list did not reach.
async fn again(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    span: Span,
    done: &mut Done,
) -> Result<(), Trouble> {
    done.open.retain(|_, created_at| created_at.0 > span.end.0 - OPEN_MICROS - OVERLAP_MICROS);
    done.begin_page();
    let open: Vec<u64> = done.open.keys().copied().filter(|number| !done.looked_at.contains(number)).collect();
    for number in open {
        let url = repo.url(&work.api, &["deployments", &number.to_string()], &[]);
        let (deployment, raw) = match work.api.one::<Value>(url).await {
            Ok(found) => found,
            // Somebody deleted it; what was seen of it stays.
            Err(error) if error.status() == Some(404) => {
                done.open.remove(&number);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let Ok(deployment) = serde_json::from_value::<wire::Deployment>(deployment) else { continue };
        let sha = sink.page(raw.to_vec());
        // What it carries was looked at when it was first seen.
        put(work, repo, ledger, sink, span, vec![deployment], &sha, done).await?;
    }
    Ok(())
}

/// Reads the commits of deployed revisions that are not on the default branch, such as those of a release branch: what
/// they carry is told by ancestry.
async fn beside_the_branch(
    work: &mut Work<'_>,
    repo: &Repo,
    ledger: &mut Ledger,
    sink: &mut Sink<'_>,
    news: &News,
    revisions: &BTreeSet<String>,
    done: &mut Done,
) -> Result<(), Trouble> {
    if !work.config.streams.commits {
        return Ok(());
    }
    let stream = repo.stream("deployments");
    for revision in revisions.iter().filter(|revision| !news.commits.contains_key(*revision)) {
        if done.revisions.contains(revision) {
            continue;
        }
        done.revisions.push_back(revision.clone());
        if done.revisions.len() > REVISIONS {
            done.revisions.pop_front();
        }
        let both = format!("{}...{revision}", repo.default_branch);
        let mut next = Some(repo.url(&work.api, &["compare", &both], &[("per_page", PER_PAGE), ("page", "1")]));
        while let Some(url) = next {
            let page = match work.api.page::<wire::Commit>(url, "commits").await {
                Ok(page) => page,
                Err(error) if matches!(error.status(), Some(404 | 409 | 422 | 500..=504)) => {
                    let short: String = revision.chars().take(12).collect();
                    let why = format!("what the deployed revision `{short}` holds cannot be told: {}", error.kind);
                    work.note(repo.entry(ledger, "deployments", COVERS), &stream, &why, None);
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            let sha = sink.page(page.raw.to_vec());
            let read = page.items.iter().filter_map(|commit| facts(&repo.name, commit, &mut work.authors).ok());
            let rows: Vec<commits::Row> = read.map(|facts| facts.row).collect();
            sink.rows(rows, Some(&sha))?;
            next = page.next;
        }
    }
    Ok(())
}
