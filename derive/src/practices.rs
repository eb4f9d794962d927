//! Changes of working that nobody wrote down as such: said in the configuration, or found among what was recorded.
//!
//! ```text
//! rule ─┬ dates ──────────────────────────────► rows as said
//!       ├ chart, image ► inventory ────────────► first seen, every version, gone
//!       ├ label, change ► changes ─────────────► merged
//!       └ file ────────► commit_paths ─► changes ► appeared, gone
//! ```
//!
//! What is found has a row for each service, as if it had been written into the table `interventions`.

use std::collections::{BTreeMap, BTreeSet};

use lake::Instant;
use lake::tables::{change_commits, changes, commit_paths, commits, interventions, inventory, rollout_changes};

use crate::arrivals::{letters_match, matches_any};

/// A change of working, and what tells of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PracticeRule {
    /// What was rolled out.
    pub practice: String,
    /// In which version, where the sign does not tell.
    pub version: Option<String>,
    /// The services that it was rolled out to. Where none is named: every service for dates, else those that the sign
    /// belongs to.
    pub services: Vec<String>,
    /// What tells of it.
    pub sign: Sign,
}

/// What tells of a change of working.
#[derive(Clone, Debug, PartialEq)]
pub enum Sign {
    /// Somebody says when.
    Dates {
        /// From when.
        from: Instant,
        /// Until when; `None` while it lasts.
        until: Option<Instant>,
    },
    /// A chart runs somewhere. In its name `*` stands for any letters, `?` for one.
    Chart(String),
    /// An image runs somewhere; its name as a chart's.
    Image(String),
    /// A merged change has a label, without regard to case.
    Label(String),
    /// A file lies in a repository: a pattern of paths, as for the paths of services.
    File(String),
    /// One change was merged.
    Change {
        /// Its repository.
        repository: String,
        /// Its id.
        change_id: String,
    },
}

impl Sign {
    /// What a row that rests on it says.
    fn evidence(&self) -> &'static str {
        match self {
            Self::Dates { .. } => "configuration",
            Self::Chart(_) | Self::Image(_) => "inventory",
            Self::Label(_) => "label",
            Self::File(_) => "file",
            Self::Change { .. } => "change",
        }
    }
}

/// What signs are looked for in.
pub(crate) struct Recorded<'a> {
    pub(crate) inventory: &'a [inventory::Row],
    pub(crate) changes: &'a [changes::Row],
    pub(crate) change_commits: &'a [change_commits::Row],
    pub(crate) commits: &'a [commits::Row],
    pub(crate) commit_paths: &'a [commit_paths::Row],
    pub(crate) links: &'a [rollout_changes::Row],
    pub(crate) as_of: Instant,
}

/// What rules tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Told {
    /// One row for each service, practice and version.
    pub(crate) rows: Vec<interventions::Row>,
    /// The rules of which nothing is on record, each in words.
    pub(crate) silent: Vec<String>,
}

/// A stretch of time in which a service worked so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stretch {
    service: Option<String>,
    version: Option<String>,
    started_at: Instant,
    ended_at: Option<Instant>,
}

/// What these rules say, and find.
pub(crate) fn told(rules: &[PracticeRule], recorded: &Recorded<'_>) -> Told {
    let mut told = Told::default();
    for (place, rule) in rules.iter().enumerate() {
        let mut stretches = stretches(rule, recorded);
        stretches.sort();
        stretches.dedup();
        if stretches.is_empty() {
            told.silent.push(format!("{} by {}", rule.practice, rule.sign));
        }
        told.rows.extend(stretches.into_iter().map(|stretch| {
            let version = stretch.version.or_else(|| rule.version.clone());
            let name = version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
            interventions::Row {
                intervention_id: format!("rule {}: {}{name}", place + 1, rule.practice),
                service: stretch.service,
                practice: rule.practice.clone(),
                practice_version: version,
                started_at: stretch.started_at,
                ended_at: stretch.ended_at,
                evidence: rule.sign.evidence().to_owned(),
            }
        }));
    }
    told
}

impl std::fmt::Display for Sign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dates { .. } => write!(f, "dates"),
            Self::Chart(name) => write!(f, "chart `{name}`"),
            Self::Image(name) => write!(f, "image `{name}`"),
            Self::Label(label) => write!(f, "label `{label}`"),
            Self::File(pattern) => write!(f, "file `{pattern}`"),
            Self::Change { repository, change_id } => write!(f, "change `{repository}#{change_id}`"),
        }
    }
}

fn stretches(rule: &PracticeRule, recorded: &Recorded<'_>) -> Vec<Stretch> {
    match &rule.sign {
        Sign::Dates { from, until } => {
            let services = named(rule).unwrap_or_else(|| vec![None]);
            let stretch = |service| Stretch { service, version: None, started_at: *from, ended_at: *until };
            services.into_iter().map(stretch).collect()
        }
        Sign::Chart(name) => running(rule, recorded, "chart", name),
        Sign::Image(name) => running(rule, recorded, "image", name),
        Sign::Label(label) => labelled(rule, recorded, label),
        Sign::File(pattern) => filed(rule, recorded, pattern),
        Sign::Change { repository, change_id } => merged(rule, recorded, repository, change_id),
    }
}

/// The services that a rule names; `None` where it names none.
fn named(rule: &PracticeRule) -> Option<Vec<Option<String>>> {
    (!rule.services.is_empty()).then(|| rule.services.iter().cloned().map(Some).collect())
}

/// Whether a rule that names services names this one.
fn is_asked(rule: &PracticeRule, service: &str) -> bool {
    rule.services.is_empty() || rule.services.iter().any(|name| name == service)
}

/// The services of a repository: those whose rollouts it goes into.
fn services_of(recorded: &Recorded<'_>, repository: &str) -> Vec<Option<String>> {
    let own = recorded.links.iter().filter(|link| link.repository == repository);
    let services: BTreeSet<&String> = own.map(|link| &link.service).collect();
    services.into_iter().cloned().map(Some).collect()
}

/// When each version of a component began to run, for the services that the rule names, else for the one that it is
/// part of. It has ended where its application was changed so that it is no longer part of it.
fn running(rule: &PracticeRule, recorded: &Recorded<'_>, kind: &str, name: &str) -> Vec<Stretch> {
    let is_known = |row: &&inventory::Row| row.since_at <= recorded.as_of;
    let is_it = |row: &&inventory::Row| row.kind == kind && letters_match(name, &row.name);
    // The last time at which each application was changed.
    let mut changed: BTreeMap<(&str, &str), Instant> = BTreeMap::new();
    for row in recorded.inventory.iter().filter(is_known) {
        let last = changed.entry((&row.application_id, &row.target)).or_insert(row.since_at);
        *last = row.since_at.max(*last);
    }
    let mut versions: BTreeMap<(Option<String>, String), (Instant, Instant, bool)> = BTreeMap::new();
    for row in recorded.inventory.iter().filter(is_known).filter(is_it) {
        let seen_at = row.seen_at.unwrap_or(row.since_at);
        let is_last = changed[&(row.application_id.as_str(), row.target.as_str())] <= row.since_at;
        let services = named(rule).unwrap_or_else(|| row.service.clone().map(Some).into_iter().collect());
        for service in services {
            let first = (row.since_at, seen_at, is_last);
            let place = versions.entry((service, row.version.clone())).or_insert(first);
            *place = (place.0.min(row.since_at), place.1.max(seen_at), place.2 || is_last);
        }
    }
    let lasts: BTreeSet<Option<String>> =
        versions.iter().filter(|(_, (_, _, is_last))| *is_last).map(|((service, _), _)| service.clone()).collect();
    let mut ends: BTreeMap<Option<String>, Instant> = BTreeMap::new();
    for ((service, _), (_, seen_at, _)) in &versions {
        let end = ends.entry(service.clone()).or_insert(*seen_at);
        *end = (*seen_at).max(*end);
    }
    versions
        .into_iter()
        .map(|((service, version), (started_at, _, _))| Stretch {
            // One version ends where the next begins; only the last end is the end of working so.
            ended_at: ends.get(&service).copied().filter(|_| !lasts.contains(&service)),
            service,
            version: Some(version),
            started_at,
        })
        .collect()
}

/// The first merged change of each service that has a label.
fn labelled(rule: &PracticeRule, recorded: &Recorded<'_>, label: &str) -> Vec<Stretch> {
    let has_label = |change: &&changes::Row| change.labels.iter().any(|own| own.to_lowercase() == label.to_lowercase());
    let with: BTreeSet<(&str, &str)> = recorded
        .changes
        .iter()
        .filter(has_label)
        .map(|change| (change.repository.as_str(), change.change_id.as_str()))
        .collect();
    let mut first: BTreeMap<&str, Instant> = BTreeMap::new();
    for link in recorded.links {
        let is_labelled = with.contains(&(link.repository.as_str(), link.change_id.as_str()));
        // A change of another service in the same repository is told by its paths.
        let is_own = is_labelled && link.excluded.as_deref() != Some("paths_unknown") && is_asked(rule, &link.service);
        if let Some(at) = link.merged_at.filter(|at| is_own && *at <= recorded.as_of) {
            let place = first.entry(&link.service).or_insert(at);
            *place = at.min(*place);
        }
    }
    first
        .into_iter()
        .map(|(service, at)| Stretch {
            service: Some(service.to_owned()),
            version: None,
            started_at: at,
            ended_at: None,
        })
        .collect()
}

/// When one change was merged, for the services of its repository.
fn merged(rule: &PracticeRule, recorded: &Recorded<'_>, repository: &str, change_id: &str) -> Vec<Stretch> {
    let is_it = |change: &&changes::Row| change.repository == repository && change.change_id == change_id;
    let merged_at = recorded.changes.iter().find(is_it).and_then(|change| change.merged_at);
    let Some(at) = merged_at.filter(|at| *at <= recorded.as_of) else { return Vec::new() };
    let services = named(rule).unwrap_or_else(|| services_of(recorded, repository));
    services.into_iter().map(|service| Stretch { service, version: None, started_at: at, ended_at: None }).collect()
}

/// From when until when each repository held a file, for its services. A commit counts from the merge of its change on.
fn filed(rule: &PracticeRule, recorded: &Recorded<'_>, pattern: &str) -> Vec<Stretch> {
    let patterns = [pattern.to_owned()];
    let mut touched: BTreeMap<&str, Vec<(Instant, bool, &str)>> = BTreeMap::new();
    let times = MergeTimes::new(recorded);
    for row in recorded.commit_paths.iter().filter(|row| matches_any(&patterns, &row.path)) {
        let is_there = match row.path_change.as_str() {
            "added" => true,
            "deleted" => false,
            _ => continue,
        };
        if let Some(at) = times.of(&row.repository, &row.commit_sha).filter(|at| *at <= recorded.as_of) {
            touched.entry(&row.repository).or_default().push((at, is_there, &row.path));
        }
    }
    let mut found = Vec::new();
    for (repository, mut steps) in touched {
        // Of what happened at one time, what goes away goes first: a rename is a deletion and an addition.
        steps.sort_unstable();
        let (mut there, mut began): (BTreeSet<&str>, Option<Instant>) = (BTreeSet::new(), None);
        let services = named(rule).unwrap_or_else(|| services_of(recorded, repository));
        let mut add = |started_at, ended_at| {
            let stretch = |service| Stretch { service, version: None, started_at, ended_at };
            found.extend(services.iter().cloned().map(stretch));
        };
        for instant in steps.chunk_by(|a, b| a.0 == b.0) {
            for (_, is_there, path) in instant {
                if *is_there {
                    there.insert(path)
                } else {
                    there.remove(path)
                };
            }
            match (began, there.is_empty()) {
                (None, false) => began = Some(instant[0].0),
                (Some(start), true) => {
                    add(start, Some(instant[0].0));
                    began = None;
                }
                _ => {}
            }
        }
        if let Some(start) = began {
            add(start, None);
        }
    }
    found
}

/// When commits reached the default branch.
struct MergeTimes<'a> {
    merged: BTreeMap<(&'a str, &'a str), Instant>,
    committed: BTreeMap<(&'a str, &'a str), Instant>,
}

impl<'a> MergeTimes<'a> {
    fn new(recorded: &Recorded<'a>) -> Self {
        let of_change: BTreeMap<(&str, &str), Instant> = recorded
            .changes
            .iter()
            .filter_map(|change| Some(((change.repository.as_str(), change.change_id.as_str()), change.merged_at?)))
            .collect();
        let mut merged: BTreeMap<(&str, &str), Instant> = BTreeMap::new();
        for row in recorded.change_commits {
            if let Some(at) = of_change.get(&(row.repository.as_str(), row.change_id.as_str())) {
                let place = merged.entry((&row.repository, &row.commit_sha)).or_insert(*at);
                *place = (*at).min(*place);
            }
        }
        // The commit that carries a squashed change has no other record.
        for change in recorded.changes {
            if let (Some(sha), Some(at)) = (&change.merge_commit_sha, change.merged_at) {
                merged.entry((&change.repository, sha)).or_insert(at);
            }
        }
        let committed = recorded
            .commits
            .iter()
            .map(|commit| ((commit.repository.as_str(), commit.commit_sha.as_str()), commit.committed_at))
            .collect();
        Self { merged, committed }
    }

    fn of(&self, repository: &str, commit_sha: &str) -> Option<Instant> {
        let key = (repository, commit_sha);
        self.merged.get(&key).or_else(|| self.committed.get(&key)).copied()
    }
}

#[cfg(test)]
mod tests;
