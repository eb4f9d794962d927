//! Attempts at a level of a benchmark: a deterministic judge reads the log of a run by the manifest of its level.
//!
//! ```text
//! level.toml ─┐
//! log.jsonl ──┴► judge ─► one row of `attempts`: the four metrics of delivery, for one run
//! ```
//! The judge believes no claim of being done: an objective is verified when every acceptance check has passed after the last
//! intervention, and as many reviewers as the level asks for have said so.

use std::collections::{BTreeMap, BTreeSet};

use lake::Instant;
use lake::tables::attempts;
use serde::{Deserialize, Serialize};
use stats::{KaplanMeier, QuantileEstimate};

#[cfg(test)]
mod tests;

/// The version of a level's manifest.
const SCHEMA: u32 = 1;

/// Why an attempt cannot be judged.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AttemptError {
    /// The level is none.
    #[error("the level is wrong: {0}")]
    Level(String),
    /// A line of the log is none.
    #[error("line {line} of the log: {what}")]
    Log {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

/// How hard a level is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// One machine, from nothing.
    Bootstrap,
    /// Several machines.
    MultiNode,
    /// Something fails on the way.
    Resilience,
    /// Much of it, kept by a repository.
    Scale,
    /// Somebody works against it.
    Adversarial,
    /// It heals by itself.
    SelfRecovery,
}

/// The machines of a level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterShape {
    /// How many.
    pub machines: u32,
    /// Memory of each.
    pub memory_gb: u32,
    /// Disk of each.
    pub disk_gb: u32,
    /// What runs there when the objective is given.
    pub state: String,
}

/// A level, as its manifest says it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// The version of the manifest, 1.
    pub schema: u32,
    /// Its name.
    pub id: String,
    /// How hard it is.
    pub tier: Tier,
    /// What is to be reached, as it is told to whoever attempts it.
    pub objective: String,
    /// The checks that have to pass, by name.
    pub acceptance: Vec<String>,
    /// What reviewers look at, by name, in words.
    #[serde(default)]
    pub rubric: BTreeMap<String, String>,
    /// How many reviewers have to say that it is reached.
    #[serde(default)]
    pub reviewers: usize,
    /// Minutes until it is over.
    pub minutes: u32,
    /// Failures that are injected; an attempt with fewer is no attempt at this level.
    #[serde(default)]
    pub failures: u32,
    /// Who wrote it.
    #[serde(default)]
    pub authors: Vec<String>,
    /// The machines.
    pub cluster: ClusterShape,
}

impl Level {
    /// Reads a level from TOML.
    ///
    /// # Errors
    /// [`AttemptError::Level`] says what cannot be.
    pub fn read(text: &str) -> Result<Self, AttemptError> {
        let level: Self = toml::from_str(text).map_err(|error| AttemptError::Level(error.message().to_owned()))?;
        let refuse = |what: &str| Err(AttemptError::Level(what.to_owned()));
        if level.schema != SCHEMA {
            return refuse("`schema` is 1");
        }
        if level.acceptance.is_empty()
            || level.acceptance.iter().collect::<BTreeSet<_>>().len() < level.acceptance.len()
        {
            return refuse("`acceptance` names at least one check, and each once");
        }
        if level.minutes == 0 || level.cluster.machines == 0 {
            return refuse("`minutes` and `machines` are at least 1");
        }
        Ok(level)
    }
}

/// What happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The objective was given.
    ObjectiveGiven,
    /// The subject changed something.
    Intervention {
        /// Which.
        id: String,
    },
    /// An intervention made something worse that was well before.
    Regressed {
        /// Which.
        id: String,
    },
    /// An intervention was taken back.
    RolledBack {
        /// Which.
        id: String,
    },
    /// A failure was injected.
    FailureInjected {
        /// Which.
        id: String,
    },
    /// A failure was recovered from.
    Recovered {
        /// Which.
        id: String,
    },
    /// An acceptance check ran.
    Checked {
        /// Its name.
        check: String,
        /// Whether it passed.
        passed: bool,
    },
    /// A reviewer looked.
    Reviewed {
        /// Who.
        reviewer: String,
        /// Whether the objective is reached.
        passed: bool,
    },
    /// The subject gave up.
    GaveUp,
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// When.
    pub at: Instant,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What the subject of an attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// A program that decides by itself.
    Agent,
    /// Somebody.
    Human,
    /// The platform alone, which heals what it can.
    Platform,
}

impl SubjectKind {
    /// Its name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Human => "human",
            Self::Platform => "platform",
        }
    }
}

/// Who attempted a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The name.
    pub name: String,
    /// The version.
    pub version: Option<String>,
    /// What it is.
    pub kind: SubjectKind,
}

/// Reads a log of JSON Lines; empty lines are passed over.
///
/// # Errors
/// [`AttemptError::Log`] names the line that is none.
pub fn read_log(text: &str) -> Result<Vec<Line>, AttemptError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(place, line)| {
            serde_json::from_str(line).map_err(|error| AttemptError::Log { line: place + 1, what: error.to_string() })
        })
        .collect()
}

/// Judges one attempt.
///
/// # Errors
/// [`AttemptError`] where the log is of no attempt: without an objective, or with two.
pub fn judge(level: &Level, log: &[Line], id: &str, subject: &Subject) -> Result<attempts::Row, AttemptError> {
    let mut lines: Vec<(usize, &Line)> = log.iter().enumerate().collect();
    // As it happened, whatever the order of the file; what happened at once stays in its order.
    lines.sort_by_key(|(place, line)| (line.at, *place));
    let given: Vec<&(usize, &Line)> = lines.iter().filter(|(_, line)| line.event == Event::ObjectiveGiven).collect();
    let given_at = match given.as_slice() {
        [(_, only)] => only.at,
        [] => return Err(AttemptError::Log { line: 1, what: "no objective was given".to_owned() }),
        [_, (place, _), ..] => {
            return Err(AttemptError::Log { line: place + 1, what: "an objective was given twice".to_owned() });
        }
    };
    let deadline = Instant(given_at.0.saturating_add(i64::from(level.minutes) * 60 * Instant::MICROS));
    let mut judged = Judged::of(given_at, deadline, level);
    for (_, line) in lines {
        judged.see(line);
    }
    Ok(judged.row(id, subject))
}

/// What the judge has seen so far.
struct Judged<'l> {
    level: &'l Level,
    given_at: Instant,
    deadline: Instant,
    ended_at: Option<Instant>,
    verified_at: Option<Instant>,
    interventions: BTreeSet<String>,
    failed: BTreeSet<String>,
    /// Failures and, where they were recovered from, when.
    injected: BTreeMap<String, (Instant, Option<Instant>)>,
    /// Checks and reviewers that say yes since the last intervention.
    passed: BTreeSet<String>,
    reviewers: BTreeSet<String>,
    doubts: BTreeSet<String>,
}

impl<'l> Judged<'l> {
    fn of(given_at: Instant, deadline: Instant, level: &'l Level) -> Self {
        Self {
            level,
            given_at,
            deadline,
            ended_at: None,
            verified_at: None,
            interventions: BTreeSet::new(),
            failed: BTreeSet::new(),
            injected: BTreeMap::new(),
            passed: BTreeSet::new(),
            reviewers: BTreeSet::new(),
            doubts: BTreeSet::new(),
        }
    }

    fn see(&mut self, line: &Line) {
        if line.at < self.given_at {
            self.doubts.insert("something happened before the objective was given, and is not counted".to_owned());
            return;
        }
        if line.at > self.deadline || self.ended_at.is_some() {
            return;
        }
        match &line.event {
            Event::ObjectiveGiven => {}
            Event::Intervention { id } => {
                if !self.interventions.insert(id.clone()) {
                    self.doubts.insert(format!("intervention `{id}` is there twice"));
                }
                // What was well before may not be any more.
                self.passed.clear();
                self.reviewers.clear();
            }
            Event::Regressed { id } | Event::RolledBack { id } => {
                if self.interventions.contains(id) {
                    self.failed.insert(id.clone());
                } else {
                    self.doubts.insert(format!("`{id}` failed, and is no intervention"));
                }
            }
            Event::FailureInjected { id } => {
                if self.injected.insert(id.clone(), (line.at, None)).is_some() {
                    self.doubts.insert(format!("failure `{id}` was injected twice"));
                }
                self.passed.clear();
                self.reviewers.clear();
            }
            Event::Recovered { id } => match self.injected.get_mut(id) {
                Some((_, recovered)) => *recovered = recovered.or(Some(line.at)),
                None => {
                    self.doubts.insert(format!("`{id}` was recovered from, and never injected"));
                }
            },
            Event::Checked { check, passed } => {
                if !self.level.acceptance.contains(check) {
                    self.doubts.insert(format!("the level has no check `{check}`"));
                } else if *passed {
                    self.passed.insert(check.clone());
                } else {
                    self.passed.remove(check);
                }
            }
            Event::Reviewed { reviewer, passed } => {
                if *passed {
                    self.reviewers.insert(reviewer.clone());
                } else {
                    self.reviewers.remove(reviewer);
                }
            }
            Event::GaveUp => self.ended_at = Some(line.at),
        }
        let is_whole = self.passed.len() == self.level.acceptance.len();
        let is_healed = self.injected.values().all(|(_, recovered)| recovered.is_some());
        let is_tried = self.injected.len() >= usize::try_from(self.level.failures).unwrap_or(usize::MAX);
        if is_whole && is_healed && is_tried && self.reviewers.len() >= self.level.reviewers {
            self.verified_at = Some(line.at);
            self.ended_at = Some(line.at);
        }
    }

    fn row(mut self, id: &str, subject: &Subject) -> attempts::Row {
        let ended_at = self.ended_at.unwrap_or(self.deadline);
        if u32::try_from(self.injected.len()).unwrap_or(u32::MAX) < self.level.failures {
            let told = format!("{} of {} failures were injected", self.injected.len(), self.level.failures);
            self.doubts.insert(told);
        }
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let micros: i64 = self.injected.values().map(|(at, recovered)| recovered.unwrap_or(ended_at).0 - at.0).sum();
        attempts::Row {
            attempt_id: id.to_owned(),
            level: self.level.id.clone(),
            subject: subject.name.clone(),
            subject_version: subject.version.clone(),
            subject_kind: subject.kind.name().to_owned(),
            given_at: self.given_at,
            ended_at,
            verified_at: self.verified_at,
            intervention_count: count(self.interventions.len()),
            failed_count: count(self.failed.len()),
            injected_count: count(self.injected.len()),
            recovered_count: count(self.injected.values().filter(|(_, recovered)| recovered.is_some()).count()),
            recovery_seconds: micros as f64 / Instant::MICROS as f64,
            doubts: self.doubts.into_iter().collect(),
        }
    }
}

/// What a subject does at a level, over all its attempts: the four metrics, each with an interval at 0.95.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// The level.
    pub level: String,
    /// The subject, with its version.
    pub subject: String,
    /// What it is.
    pub subject_kind: String,
    /// Attempts.
    pub attempts: u64,
    /// Attempts that were verified, and the limits of their share (Wilson).
    pub verified: u64,
    /// The limits.
    pub verified_share: [f64; 2],
    /// Interventions an hour, until the end of each attempt.
    pub interventions_per_hour: Option<f64>,
    /// The median from the objective to its verification, in seconds; attempts that were not verified are censored at their
    /// end. None where the curve does not come down to a half.
    pub lead_time_median: Option<f64>,
    /// Its limits, open where the curve does not reach them.
    pub lead_time_limits: [Option<f64>; 2],
    /// The share of interventions that failed, with its limits (Wilson).
    pub change_fail_rate: Option<[f64; 3]>,
    /// Seconds to recover, a failure: the sum of times over the number of recoveries, which allows for those that are open.
    pub recovery_seconds: Option<f64>,
}

/// Scores the attempts of each subject at each level. Ranks nobody: what overlaps is a tie.
///
/// # Formula
/// Lead time by Kaplan and Meier; recovery as for exponential times, total time over recoveries.
#[must_use]
pub fn score(rows: &[attempts::Row]) -> Vec<Score> {
    let mut groups: BTreeMap<(String, String, String), Vec<&attempts::Row>> = BTreeMap::new();
    for row in rows {
        let version = row.subject_version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
        let key = (row.level.clone(), format!("{}{version}", row.subject), row.subject_kind.clone());
        groups.entry(key).or_default().push(row);
    }
    groups.into_iter().map(|((level, subject, kind), rows)| of_group(level, subject, kind, &rows)).collect()
}

fn of_group(level: String, subject: String, subject_kind: String, rows: &[&attempts::Row]) -> Score {
    let sum =
        |part: fn(&attempts::Row) -> i64| rows.iter().map(|row| u64::try_from(part(row)).unwrap_or(0)).sum::<u64>();
    let seconds = |from: Instant, to: Instant| (to.0 - from.0) as f64 / Instant::MICROS as f64;
    let attempts = rows.len() as u64;
    let verified = rows.iter().filter(|row| row.verified_at.is_some()).count() as u64;
    let share = |part: u64, of: u64| stats::wilson_interval(part, of, 0.95).ok();
    let hours = rows.iter().map(|row| seconds(row.given_at, row.ended_at)).sum::<f64>() / 3_600.0;
    let interventions = sum(|row| row.intervention_count);
    let (durations, observed): (Vec<f64>, Vec<bool>) =
        rows.iter().map(|row| (seconds(row.given_at, row.ended_at), row.verified_at.is_some())).unzip();
    let curve = KaplanMeier::fit(&durations, &observed).ok();
    let median = curve.as_ref().and_then(|curve| curve.quantile(0.5).ok()).and_then(QuantileEstimate::reached);
    let limits = curve.as_ref().and_then(|curve| curve.quantile_interval(0.5, 0.95).ok());
    let (failed, recovered) = (sum(|row| row.failed_count), sum(|row| row.recovered_count));
    Score {
        level,
        subject,
        subject_kind,
        attempts,
        verified,
        verified_share: share(verified, attempts).map_or([0.0, 1.0], |interval| [interval.low, interval.high]),
        interventions_per_hour: (hours > 0.0).then(|| interventions as f64 / hours),
        lead_time_median: median,
        lead_time_limits: limits.map_or([None, None], |found| [found.low, found.high]),
        change_fail_rate: share(failed, interventions)
            .filter(|_| interventions > 0)
            .map(|interval| [interval.estimate, interval.low, interval.high]),
        recovery_seconds: (recovered > 0)
            .then(|| rows.iter().map(|row| row.recovery_seconds).sum::<f64>() / recovered as f64),
    }
}
