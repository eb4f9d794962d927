//! One reading of an instance: the list, then what goes with some applications, then changes for as long as is wanted.

mod following;

use std::collections::{BTreeSet, HashMap};

use futures::StreamExt;
use futures::future::BoxFuture;
use lake::tables::{coverage, measurement_inputs};
use lake::{Instant, TableRow};
use serde_json::Value;

use super::client::{Api, Named};
use super::details::{Details, Wanted};
use super::list::{self, Item};
use super::place::Place;
use super::progress::{self, Look};
use super::rows::{Rows, Setup};
use super::surroundings::{Seen, empty_project};
use super::wire::{Application, Items, Project};
use crate::http::{Answer, HttpError};
use crate::{Ledger, Loss, Range, Reading, Reporter, Sink, SourceError, SourceErrorKind};

/// The stream of what concerns no single application.
const ALL: &str = "applications";
/// The stream of what stands around applications.
const AROUND: &str = "surroundings";
/// The stream of deployed images.
const IMAGES: &str = "images";

/// A reading while it goes on.
pub(super) struct Reader<'a, 's> {
    setup: &'a Setup,
    api: &'a Api<'a>,
    now: Instant,
    /// What was asked for; an end that is still to come is none.
    range: Range,
    sink: &'a mut Sink<'s>,
    reporter: &'a dyn Reporter,
    ledger: Ledger,
    /// What the list last showed of what stands around applications.
    seen: Seen,
    /// The version in which each application was last taken, so that what the stream repeats is not taken again.
    versions: HashMap<String, String>,
}

impl<'a, 's> Reader<'a, 's> {
    /// A reading that goes on where the last one ended.
    ///
    /// # Errors
    /// [`SourceError`] where the cursor cannot be understood.
    pub(super) fn new(
        setup: &'a Setup,
        api: &'a Api<'a>,
        reading: &Reading<'_>,
        sink: &'a mut Sink<'s>,
        reporter: &'a dyn Reporter,
    ) -> Result<Self, SourceError> {
        let range = Range { until: reading.range.until.filter(|until| *until <= reading.now), ..reading.range };
        let ledger = Ledger::from_cursor(reading.cursor)?;
        Ok(Self { setup, api, now: reading.now, range, sink, reporter, ledger, seen: Seen::default(), versions: HashMap::new() })
    }

    /// Reads everything there is, follows what changes until `end` where that is given, and states what was read.
    ///
    /// # Errors
    /// [`SourceError`] where the list cannot be had, or the lake refuses.
    pub(super) async fn run(mut self, end: Option<BoxFuture<'static, ()>>) -> Result<(), SourceError> {
        let begun = self.begun();
        self.list().await?;
        self.look_at_surroundings().await?;
        if let Some(end) = end {
            self.follow(end).await?;
        }
        self.state();
        self.tell_beginnings(begun);
        if let Some(note) = self.note() {
            self.sink.coverage(note)?;
        }
        self.sink.state(&self.ledger)
    }

    /// Reads the list, and looks for applications that are no longer on it.
    async fn list(&mut self) -> Result<(), SourceError> {
        let doing = || format!("could not list the applications of `{}`", self.setup.config.name);
        let answer = self.api.list().await.map_err(|error| refused(doing(), error))?;
        let items = list::items(&answer.body)
            .map_err(|error| SourceError::new(doing(), answer.unusable(error.to_string())))?;
        let at = self.time_of(&answer, &items);
        let sha = self.sink.page(answer.body.to_vec());
        drop(answer);
        self.reporter.begin(&format!("reading applications of `{}`", self.setup.config.name), Some(items.len() as u64));
        let (applications, malformed) = self.sorted_out(items);
        self.seen = Seen::of(applications.iter().map(|(place, application)| (place, application)));
        let listed: BTreeSet<String> = applications.iter().map(|(place, _)| progress::stream(place)).collect();
        self.take_all(applications, &sha, at).await?;
        self.look_for_gone(&listed, malformed).await
    }

    /// When the list was made, by the server's clock, else by what it tells.
    fn time_of(&self, answer: &Answer, items: &[Item]) -> Instant {
        let told = || items.iter().flatten().filter_map(newest_time).max();
        answer.server_time().or_else(told).unwrap_or(self.now)
    }

    /// The applications with their places; what is none is a gap.
    fn sorted_out(&mut self, items: Vec<Item>) -> (Vec<(Place, Application)>, bool) {
        let mut applications = Vec::new();
        let mut malformed = Vec::new();
        for item in items {
            match item {
                Ok(application) => applications.push((self.setup.place(&application), application)),
                Err(why) => malformed.push(why),
            }
        }
        let entry = self.ledger.entry(ALL);
        entry.covers = vec!["deployments".to_owned()];
        entry.losses.clear();
        for why in &malformed {
            self.reporter.gap(why);
            entry.lose(Loss { start_at: None, end_at: None, reason: why.clone(), missing_count: None });
        }
        (applications, !malformed.is_empty())
    }

    /// Takes applications one after the other, while what else is wanted of the next ones is asked for.
    async fn take_all(
        &mut self,
        applications: Vec<(Place, Application)>,
        sha: &str,
        at: Instant,
    ) -> Result<(), SourceError> {
        let look = Look { at, range: self.range };
        let wanted: Vec<(Place, Application, Wanted)> = applications
            .into_iter()
            .map(|(place, application)| {
                let memory = progress::memory(&self.ledger, &progress::stream(&place));
                let wanted = Wanted::of(&application, &place, &memory, self.setup);
                (place, application, wanted)
            })
            .collect();
        let (api, setup) = (self.api, self.setup);
        let mut detailed = futures::stream::iter(wanted)
            .map(|(place, application, wanted)| async move {
                let details = wanted.get(api, setup, &application).await;
                (place, application, details)
            })
            .buffered(self.api.requests_in_flight());
        while let Some((place, application, details)) = detailed.next().await {
            self.take(&application, &place, &details, sha, look)?;
            self.reporter.advance(1);
            let ledger = &self.ledger;
            self.sink.checkpoint(|| ledger.to_cursor()).await?;
        }
        Ok(())
    }

    /// Puts what one application tells into the sink, and notes what that covers.
    fn take(
        &mut self,
        application: &Application,
        place: &Place,
        details: &Details,
        sha: &str,
        look: Look,
    ) -> Result<(), SourceError> {
        let stream = progress::stream(place);
        let before = progress::memory(&self.ledger, &stream);
        let mut memory = progress::note(&mut self.ledger, application, place, look);
        let rows = Rows::of(self.setup, application, place, details, &before).within(self.range);
        memory.unresolved.clone_from(&rows.unresolved);
        memory.given_up.clone_from(&rows.given_up);
        memory.is_referenced = rows.is_referenced;
        memory.referenced = memory.referenced.max(details.referenced);
        progress::remember(&mut self.ledger, &stream, &memory);
        self.note_problems(place, details);
        self.versions.insert(application.metadata.uid.clone(), application.metadata.version.clone());
        self.put(rows.deployments, sha)?;
        self.put(rows.health, sha)?;
        self.put(rows.inventory, sha)?;
        self.put(rows.images, sha)?;
        self.put(rows.inputs, sha)
    }

    fn put<R: TableRow>(&mut self, rows: Vec<R>, sha: &str) -> Result<(), SourceError> {
        self.sink.rows(rows, Some(sha))
    }

    /// What could not be asked of an application is a gap until it can be.
    fn note_problems(&mut self, place: &Place, details: &Details) {
        let stream = format!("details {}", place.application_id);
        if details.problems.is_empty() && self.ledger.get(&stream).is_none() {
            return;
        }
        let entry = self.ledger.entry(&stream);
        entry.covers = vec!["deployments".to_owned()];
        entry.service.clone_from(&place.service);
        entry.losses.clear();
        for why in &details.problems {
            self.reporter.gap(why);
            entry.lose(Loss { start_at: None, end_at: None, reason: why.clone(), missing_count: None });
        }
    }

    /// Asks for applications that were there at the last reading: what is stored of them stays, and ends there. A list
    /// with items that cannot be read may hold them.
    async fn look_for_gone(&mut self, listed: &BTreeSet<String>, has_unreadable: bool) -> Result<(), SourceError> {
        if has_unreadable || !self.range.is_open() {
            return Ok(());
        }
        let missing: Vec<String> = self
            .ledger
            .entries()
            .filter(|(stream, _)| stream.starts_with("application ") && !listed.contains(*stream))
            .map(|(stream, _)| stream.to_owned())
            .collect();
        for stream in missing {
            let mut memory = progress::memory(&self.ledger, &stream);
            if memory.is_gone {
                continue;
            }
            let named =
                Named { name: memory.name.clone(), namespace: memory.namespace.clone(), project: memory.project.clone() };
            let uid = self.api.uid(&named).await;
            // Forbidden means gone as well, where a project's applications may be seen otherwise; another uid is a new
            // application of that name.
            memory.is_gone = match uid {
                Ok(uid) => !stream.ends_with(&format!("/{uid}")),
                Err(error) if matches!(error.status(), Some(403 | 404)) => true,
                Err(error) => {
                    self.reporter.gap(&format!("{error}: {}", error.kind));
                    false
                }
            };
            progress::remember(&mut self.ledger, &stream, &memory);
        }
        Ok(())
    }

    /// Asks for the `ApplicationSets` that made applications, and for projects that were asked for and show none. A token
    /// that may not see them is worth a note: what they say is in no metric.
    async fn look_at_surroundings(&mut self) -> Result<(), SourceError> {
        if !self.range.is_open() {
            return Ok(());
        }
        let mut problems = Vec::new();
        if self.seen.has_made() {
            match self.api.application_sets().await {
                Ok(answer) => self.take_application_sets(&answer, &mut problems)?,
                Err(error) => self.unseen("ApplicationSets", &error, &mut problems),
            }
        }
        let empty: Vec<String> = self.seen.empty(&self.setup.config.projects).into_iter().map(str::to_owned).collect();
        if !empty.is_empty() {
            match self.api.projects().await {
                Ok(answer) => self.take_projects(&empty, Some(&answer), &mut problems)?,
                Err(error) => {
                    self.unseen("projects", &error, &mut problems);
                    self.take_projects(&empty, None, &mut problems)?;
                }
            }
        }
        self.note_unasked(problems);
        Ok(())
    }

    /// What is not let out is told of; what may be let out another time is a gap until then.
    fn unseen(&self, what: &str, error: &HttpError, problems: &mut Vec<String>) {
        if matches!(error.status(), Some(401 | 403 | 404 | 501)) {
            tracing::info!(instance = self.setup.config.name, what, error = %error.kind, "may not be seen");
        } else {
            problems.push(format!("{error}: {}", error.kind));
        }
    }

    fn take_application_sets(&mut self, answer: &Answer, problems: &mut Vec<String>) -> Result<(), SourceError> {
        let sets: Items<Value> = match answer.json() {
            Ok(sets) => sets,
            Err(error) => {
                problems.push(format!("{error}: {}", error.kind));
                return Ok(());
            }
        };
        let at = answer.server_time().unwrap_or(self.now);
        let mut rows = Vec::new();
        for (number, set) in sets.items.into_iter().enumerate() {
            match serde_json::from_value(set) {
                Ok(set) => rows.extend(self.seen.application_set(self.setup, &set, at)),
                Err(error) => problems.push(format!("item {number} of the list of ApplicationSets is none: {error}")),
            }
        }
        let sha = self.sink.page(answer.body.to_vec());
        self.put(rows, &sha)
    }

    fn take_projects(
        &mut self,
        empty: &[String],
        answer: Option<&Answer>,
        problems: &mut Vec<String>,
    ) -> Result<(), SourceError> {
        let projects: Option<Items<Project>> = match answer.map(Answer::json).transpose() {
            Ok(projects) => projects,
            Err(error) => {
                problems.push(format!("{error}: {}", error.kind));
                None
            }
        };
        let known: Option<BTreeSet<String>> =
            projects.map(|projects| projects.items.into_iter().map(|project| project.metadata.name).collect());
        let at = answer.and_then(Answer::server_time).unwrap_or(self.now);
        let rows = empty.iter().map(|project| empty_project(self.setup, project, known.as_ref(), at)).collect();
        let sha = answer.map(|answer| self.sink.page(answer.body.to_vec()));
        self.sink.rows::<measurement_inputs::Row>(rows, sha.as_deref())
    }

    /// What could not be asked of what stands around is a gap until it can be.
    fn note_unasked(&mut self, problems: Vec<String>) {
        self.ledger.forget(AROUND);
        for why in problems {
            self.reporter.gap(&why);
            let entry = self.ledger.entry(AROUND);
            entry.covers = vec!["measurement_inputs".to_owned()];
            entry.lose(Loss { start_at: None, end_at: None, reason: why, missing_count: None });
        }
    }

    /// The memories of all applications that are still there.
    fn memories(&self) -> Vec<progress::Memory> {
        let streams = self.ledger.entries().map(|(stream, _)| stream).filter(|stream| stream.starts_with("application "));
        streams.map(|stream| progress::memory(&self.ledger, stream)).filter(|memory| !memory.is_gone).collect()
    }

    /// Notes which images have no known source commit.
    fn state(&mut self) {
        let images: BTreeSet<String> = self.memories().into_iter().flat_map(|memory| memory.unresolved).collect();
        let entry = self.ledger.entry(IMAGES);
        entry.covers = vec!["image_revisions".to_owned()];
        entry.losses.clear();
        if !images.is_empty() {
            entry.lose(Loss {
                start_at: None,
                end_at: None,
                reason: format!("no source commit is known of deployed images: {}", listed(&images)),
                missing_count: i64::try_from(images.len()).ok(),
            });
        }
    }

    /// How many applications begin with a history that had been trimmed.
    fn begun(&self) -> usize {
        self.ledger.entries().filter(|(_, entry)| entry.beginning.is_some()).count()
    }

    /// Tells once of the applications whose history had been trimmed before they were first read.
    fn tell_beginnings(&self, before: usize) {
        let applications = self.begun().saturating_sub(before);
        if applications > 0 {
            let instance = &self.setup.config.name;
            tracing::info!(instance, applications, "coverage begins with the oldest sync that was left of a trimmed history");
        }
    }

    /// A word about applications whose syncs are no deployments.
    fn note(&self) -> Option<coverage::Row> {
        let ignored: BTreeSet<String> =
            self.memories().into_iter().filter(|memory| memory.is_ignored).map(|memory| memory.name).collect();
        (!ignored.is_empty()).then(|| coverage::Row {
            stream: format!("{} {ALL}", self.setup.stream()),
            covers: "deployments".to_owned(),
            repository: None,
            service: None,
            range_start_at: None,
            range_end_at: None,
            is_complete: true,
            reason: Some(format!(
                "left out by rule, because they deploy applications and no service: {}",
                listed(&ignored)
            )),
            missing_count: Some(0),
        })
    }
}

/// Most names that a sentence lists.
const NAMED: usize = 10;

/// Names for a sentence.
fn listed(names: &BTreeSet<String>) -> String {
    let mut text: Vec<String> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    if names.len() > NAMED {
        text.push(format!("and {} more", names.len() - NAMED));
    }
    text.join(", ")
}

/// The newest time that an application tells of itself.
pub(super) fn newest_time(application: &Application) -> Option<Instant> {
    let status = &application.status;
    let operation = status.operation.iter().flat_map(|operation| [operation.started_at, operation.finished_at]);
    let history = status.history.iter().map(|entry| entry.deployed_at);
    operation.chain(history).chain([status.reconciled_at, status.health.changed_at]).flatten().max()
}

/// The error that nothing could be read, with what would help.
fn refused(doing: String, error: HttpError) -> SourceError {
    let hint = match error.status() {
        Some(401) => Some("the token is not valid (any more): make one with `argocd account generate-token`, or for a project role"),
        Some(403) => Some("the token needs the right `applications, get`"),
        Some(404) => Some("is the prefix of `--rootpath` missing from `url`?"),
        _ => None,
    };
    let failed = SourceError::new(doing, SourceErrorKind::Http(error));
    match hint {
        Some(hint) => failed.with_hint(hint),
        None => failed,
    }
}
