//! One reading of a clone, from its references to rows. It runs on a thread of its own, because git is waited for.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use lake::Instant;
use lake::tables::commit_paths;

use crate::authorship::Classifier;
use super::clone::Clone;
use super::config::Config;
use super::coverage::{Coverage, Gaps};
use super::feed::{Feed, ROWS_PER_BATCH};
use super::graph::{Commit, Graph, Number};
use super::history::{Change, changes};
use super::ident::Stamp;
use super::oid::Oid;
use super::releases::{Releases, Rule, releases};
use super::tags::Memory;
use super::walk::{History, Walk};
use super::{patches, paths, rows, walk};
use crate::{SourceError, SourceErrorKind};

/// Tables that say what was changed.
const OF_COMMITS: &[&str] = &["commits", "commit_paths", "changes", "change_commits"];

/// Tables that say what was released.
const OF_TAGS: &[&str] = &["releases", "deployments"];

/// How many commits are read between two words to whoever is watching.
const COMMITS_PER_WORD: u64 = 1000;

/// The settings, understood.
struct Settings<'a> {
    config: &'a Config,
    repository: String,
    rule: Rule,
    read_until: Option<Instant>,
}

impl<'a> Settings<'a> {
    fn new(config: &'a Config) -> Result<Self, SourceError> {
        let read_until = config.read_until.as_deref().map(read_until).transpose()?;
        Ok(Self { config, repository: config.repository(), rule: Rule::new(config)?, read_until })
    }
}

fn read_until(text: &str) -> Result<Instant, SourceError> {
    Instant::parse(text).map_err(|error| {
        let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        SourceError::new(format!("could not understand `read_until = \"{text}\"`"), SourceErrorKind::Settings(why))
            .with_hint("write a time with its zone, such as `2026-01-31T00:00:00Z`")
    })
}

fn classifier(config: &Config) -> Result<Classifier, SourceError> {
    Classifier::new(&config.bots).map_err(|error| {
        let broken = SourceErrorKind::Settings(error.to_string());
        SourceError::new("could not understand a pattern of `bots`", broken)
            .with_hint("patterns are regular expressions searched for in `Name <e-mail>`")
    })
}

/// Reads the clone that `config` names into `feed`. `cursor` is what the last reading left.
pub(super) fn read(config: &Config, cursor: Option<&str>, feed: &Feed) -> Result<(), SourceError> {
    let settings = Settings::new(config)?;
    let classifier = classifier(config)?;
    let clone = Clone::open(config)?;
    let doing = |what: &str| format!("could not read {what} of `{}`", clone.path);
    let because = |what: &'static str| move |kind| SourceError::new(doing(what), kind);
    let mut memory = remembered(cursor, feed).map_err(because("the tags"))?;
    let earlier: BTreeSet<Oid> = memory.commits_of(clone.tags().map(|(tag, _)| tag)).collect();
    let history = walk(&clone, &settings, classifier, &earlier, feed)
        .map_err(|kind| SourceError::new(doing("the commits"), kind).with_hint("`git fsck` may tell more"))?;
    let tip = default_tip(&clone, &history)?;
    let releases = releases(&clone, &history, &settings.rule, &mut memory)?;
    let reading = Reading { settings: &settings, clone: &clone, history: &history, releases: &releases, feed };
    let mut gaps = reading.gaps(&earlier).map_err(because("the commits"))?;
    reading.give_changes(tip).map_err(because("the changes"))?;
    let patch_ids = reading.give_paths(&mut gaps).map_err(because("the paths"))?;
    reading.give_commits(&patch_ids).map_err(because("the commits"))?;
    reading.give_releases().map_err(because("the tags"))?;
    reading.give_coverage(gaps).map_err(because("the commits"))?;
    feed.cursor(memory.text()).map_err(because("the tags"))
}

fn remembered(cursor: Option<&str>, feed: &Feed) -> Result<Memory, SourceErrorKind> {
    if let Some(memory) = Memory::read(cursor) {
        return Ok(memory);
    }
    feed.gap("what an earlier reading left cannot be understood, so that tags that moved are not known".into())?;
    Ok(Memory::default())
}

fn walk(
    clone: &Clone,
    settings: &Settings<'_>,
    classifier: Classifier,
    earlier: &BTreeSet<Oid>,
    feed: &Feed,
) -> Result<History, SourceErrorKind> {
    feed.begin(&format!("commits of `{}`", settings.repository), None)?;
    let mut tips = clone.tips();
    let known: HashSet<Oid> = tips.iter().copied().collect();
    tips.extend(earlier.iter().filter(|oid| !known.contains(oid)));
    let walk = Walk {
        program: &clone.scratch.program,
        boundary: &clone.boundary,
        repository: &settings.repository,
        classifier,
        feed,
    };
    walk.from(&tips)
}

fn default_tip(clone: &Clone, history: &History) -> Result<Number, SourceError> {
    history.graph.number(&clone.default_tip).ok_or_else(|| {
        let absent = format!("the clone does not hold its last commit `{}`", clone.default_tip.short(12));
        let doing = format!("could not read the default branch of `{}`", clone.path);
        SourceError::new(doing, SourceErrorKind::Input(absent)).with_hint("`git fsck` may tell more")
    })
}

/// Everything that was read, on its way to rows.
struct Reading<'a> {
    settings: &'a Settings<'a>,
    clone: &'a Clone,
    history: &'a History,
    releases: &'a Releases,
    feed: &'a Feed,
}

impl Reading<'_> {
    fn graph(&self) -> &Graph {
        &self.history.graph
    }

    fn repository(&self) -> &str {
        &self.settings.repository
    }

    /// What is known to be missing before paths are looked at; each gap is said once aloud.
    fn gaps(&self, earlier: &BTreeSet<Oid>) -> Result<Gaps, SourceErrorKind> {
        let mut gaps = Gaps::default();
        let mut add = |tables: &[&'static str], reason: String, missing_count: Option<usize>| {
            gaps.add(tables, &reason, missing_count);
            self.feed.gap(format!("`{}`: {reason}", self.repository()))
        };
        let all = [OF_COMMITS, OF_TAGS].concat();
        if self.clone.is_shallow {
            add(&all, "the clone is shallow: what was before its boundary is not known".into(), None)?;
        }
        let absent = self.history.absent.iter().filter(|oid| !earlier.contains(oid)).count();
        if absent > 0 {
            add(OF_COMMITS, format!("the clone is damaged: it does not hold {absent} objects it should"), None)?;
        }
        let lost = self.history.absent.iter().filter(|oid| earlier.contains(oid)).count();
        if lost > 0 {
            let reason = format!("the clone no longer holds {lost} of the commits where tags stood before they moved");
            add(OF_COMMITS, reason, None)?;
        }
        for name in &self.clone.broken_references {
            add(&all, format!("git cannot read the reference `{name}`"), None)?;
        }
        if let Some(reason) = &self.clone.tags_left_out {
            add(OF_TAGS, reason.clone(), None)?;
        }
        for (tag, reason) in &self.releases.left_out {
            add(OF_TAGS, format!("the tag `{tag}` is no release: {reason}"), Some(1))?;
        }
        if self.history.untimed_count > 0 {
            let reason = format!(
                "{} commits have an author or committer time that cannot be read; the other one stands in, or 1970-01-01",
                self.history.untimed_count
            );
            gaps.note("commits", &reason);
            self.feed.gap(format!("`{}`: {reason}", self.repository()))?;
        }
        Ok(gaps)
    }

    fn give_changes(&self, tip: Number) -> Result<(), SourceErrorKind> {
        let graph = self.graph();
        let places = self.releases.list.iter().filter(|release| release.reading.is_production);
        let places: BTreeSet<Number> = places
            .filter_map(|release| Oid::parse(release.place.commit_sha.as_bytes()))
            .filter_map(|oid| graph.number(&oid))
            .collect();
        let places: Vec<Number> = places.into_iter().collect();
        let changes: Vec<Change> = changes(graph, tip, &places);
        let repository = self.repository();
        self.feed.rows(changes.iter().map(|change| rows::change(repository, graph, change)))?;
        self.feed.rows(changes.iter().flat_map(|change| rows::change_commits(repository, graph, change)))
    }

    fn give_commits(&self, patch_ids: &BTreeMap<Oid, String>) -> Result<(), SourceErrorKind> {
        let commits = self.graph().commits().iter();
        self.feed.rows(commits.map(|commit| rows::commit(self.repository(), commit, patch_ids)))
    }

    /// Gives the paths of all commits that are no merges, and returns the patch ids of those that may be copies.
    fn give_paths(&self, gaps: &mut Gaps) -> Result<BTreeMap<Oid, String>, SourceErrorKind> {
        let (readable, mut unread) = self.with_trees()?;
        let candidates = patches::candidates(self.graph());
        let candidates: HashSet<Oid> = candidates.iter().map(|number| self.graph().commit(*number).oid).collect();
        let mut files = Files { candidates: &candidates, blobs: HashMap::new() };
        unread.extend(self.paths(&readable, &mut files)?);
        if !unread.is_empty() {
            let kind = if self.clone.is_partial { "partial clone" } else { "clone" };
            let reason = format!("the {kind} does not hold the trees of {} commits or of their parents", unread.len());
            // How many paths they touched is not known.
            gaps.add(&["commit_paths"], &reason, None);
            self.feed.gap(format!("`{}`: {reason}", self.repository()))?;
        }
        self.patch_ids(&files, &unread, gaps)
    }

    /// Commits whose paths can be read, and those whose trees or parents the clone does not hold.
    fn with_trees(&self) -> Result<(Vec<Oid>, HashSet<Oid>), SourceErrorKind> {
        let graph = self.graph();
        let trees: BTreeSet<Oid> = graph.commits().iter().filter_map(|commit| commit.tree).collect();
        let missing = walk::missing(&self.clone.scratch.program, trees.into_iter().collect())?;
        let has_tree = |commit: &Commit| commit.tree.is_some_and(|tree| !missing.contains(&tree));
        let (mut readable, mut unread) = (Vec::new(), HashSet::new());
        for (number, commit) in graph.commits().iter().enumerate().filter(|(_, commit)| !commit.is_merge()) {
            let is_whole = match graph.parents(number) {
                [] => has_tree(commit),
                [Some(parent), ..] => has_tree(commit) && has_tree(graph.commit(*parent)),
                [None, ..] => false,
            };
            if is_whole {
                readable.push(commit.oid);
            } else {
                unread.insert(commit.oid);
            }
        }
        Ok((readable, unread))
    }

    /// Gives the paths of these commits, and returns those whose trees could not be read after all.
    fn paths(&self, commits: &[Oid], files: &mut Files<'_>) -> Result<Vec<Oid>, SourceErrorKind> {
        self.feed.begin(&format!("paths of `{}`", self.repository()), Some(commits.len() as u64))?;
        let mut held: Vec<commit_paths::Row> = Vec::new();
        let (mut last, mut count, total) = (None, 0_u64, commits.len() as u64);
        let unread = paths::read(&self.clone.scratch.program, commits, &mut |touch| {
            files.take(&touch);
            if last.replace(touch.commit) != Some(touch.commit) {
                count += 1;
                if count.is_multiple_of(COMMITS_PER_WORD) {
                    self.feed.advance(COMMITS_PER_WORD)?;
                }
            }
            held.push(rows::path(self.repository(), touch));
            if held.len() >= ROWS_PER_BATCH {
                self.feed.rows(held.drain(..))?;
            }
            Ok(())
        })?;
        self.feed.rows(held.into_iter())?;
        // Commits without paths were not counted on the way.
        self.feed.advance(total - count / COMMITS_PER_WORD * COMMITS_PER_WORD)?;
        Ok(unread)
    }

    fn patch_ids(
        &self,
        files: &Files<'_>,
        unread: &HashSet<Oid>,
        gaps: &mut Gaps,
    ) -> Result<BTreeMap<Oid, String>, SourceErrorKind> {
        let program = &self.clone.scratch.program;
        let lacking = files.lacking(program)?;
        let in_order = self.graph().commits().iter().map(|commit| commit.oid);
        let wanted: Vec<Oid> = in_order.filter(|oid| files.candidates.contains(oid)).collect();
        let held: Vec<Oid> =
            wanted.iter().copied().filter(|oid| !unread.contains(oid) && !lacking.contains(oid)).collect();
        let without = wanted.len() - held.len();
        let (patch_ids, complaint) = patches::ids(program, held)?;
        let reason = match (without, complaint) {
            (0, None) => return Ok(patch_ids),
            (_, Some(complaint)) => format!("copies of commits may go unnoticed: {complaint}"),
            (count, None) => {
                format!("copies of commits may go unnoticed: the clone does not hold the files of {count} commits")
            }
        };
        gaps.note("commits", &reason);
        self.feed.gap(format!("`{}`: {reason}", self.repository()))?;
        Ok(patch_ids)
    }

    fn give_releases(&self) -> Result<(), SourceErrorKind> {
        let (repository, list) = (self.repository(), &self.releases.list);
        let config = self.settings.config;
        let service = config.service();
        self.feed.rows(list.iter().map(|release| rows::release(repository, release)))?;
        let production = list.iter().filter(|release| release.reading.is_production);
        self.feed.rows(production.map(|release| rows::deployment(repository, &service, &config.environment, release)))
    }

    fn give_coverage(&self, gaps: Gaps) -> Result<(), SourceErrorKind> {
        let coverage = Coverage {
            stream: format!("git:{}", self.repository()),
            repository: self.repository().to_owned(),
            service: (!self.settings.rule.names_services()).then(|| self.settings.config.service()),
            range: self.range(),
            gaps,
        };
        for row in coverage.rows() {
            self.feed.coverage(row)?;
        }
        Ok(())
    }

    /// From the first commit, or from the last boundary of a shallow clone; to the newest event, or until when the clone
    /// is said to be up to date. A wrong clock that dates an event in the future does not mean that the future was read.
    fn range(&self) -> (Instant, Instant) {
        let is_timed = |commit: &&Commit| commit.committed != Stamp::EPOCH && self.feed.is_past(commit.committed_at());
        let commits = || self.graph().commits().iter().filter(is_timed);
        let boundary = commits().filter(|commit| self.clone.boundary.contains(&commit.oid));
        let start = boundary.map(Commit::committed_at).max().or_else(|| commits().map(Commit::committed_at).min());
        let tagged = self.releases.list.iter().map(|release| release.place.released_at);
        let newest = commits().map(Commit::committed_at).chain(tagged).filter(|at| self.feed.is_past(*at)).max();
        let epoch = Stamp::EPOCH.at();
        let after_newest = Instant(newest.unwrap_or(epoch).0.saturating_add(1));
        (start.unwrap_or(epoch), self.settings.read_until.unwrap_or(after_newest))
    }
}

/// The files of commits whose patch is wanted, to see whether the clone holds them: it need not be a partial one, copies
/// are made in many ways.
struct Files<'a> {
    candidates: &'a HashSet<Oid>,
    /// For each file, the commits that touched it.
    blobs: HashMap<Oid, Vec<Oid>>,
}

impl Files<'_> {
    fn take(&mut self, touch: &paths::Touch) {
        if self.candidates.contains(&touch.commit) {
            for blob in touch.blobs.iter().flatten() {
                self.blobs.entry(*blob).or_default().push(touch.commit);
            }
        }
    }

    /// The commits some of whose files the clone does not hold.
    fn lacking(&self, program: &super::program::Program) -> Result<HashSet<Oid>, SourceErrorKind> {
        if self.blobs.is_empty() {
            return Ok(HashSet::new());
        }
        let mut blobs: Vec<Oid> = self.blobs.keys().copied().collect();
        blobs.sort_unstable();
        let missing = walk::missing(program, blobs.clone())?;
        let of_missing = blobs.iter().filter(|blob| missing.contains(blob)).filter_map(|blob| self.blobs.get(blob));
        Ok(of_missing.flatten().copied().collect())
    }
}
