//! A baseline: what was known before something changed, and what was going to be asked, so that neither can be chosen
//! afterwards.

use std::collections::BTreeSet;

use derive::{Observations, definitions};
use lake::tables::baselines;
use lake::{Batch, Instant, TableRow, WriteMode, canonical};
use serde::Serialize;

use super::foreseen::foreseen;
use super::history::READINGS;
use super::terms::Terms;

/// A baseline shorter than this shows no trend.
const FEWEST_WEEKS: usize = 12;

/// Terms as they were written down, with the practice that they are about.
#[derive(Clone, Debug, PartialEq)]
pub struct FrozenTerms {
    /// As TOML.
    pub text: String,
    /// Of the practice and the terms.
    pub digest: String,
}

/// What a baseline says of a finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BaselineCheck {
    /// Its name.
    pub name: String,
    /// When it was frozen, in microseconds since 1970.
    pub frozen_at: i64,
    /// Whether it was frozen before the first service began.
    pub is_before: bool,
    /// Whether the finding asks what was going to be asked.
    pub is_as_planned: bool,
    /// What is no longer what it was.
    pub changed: Vec<String>,
}

impl BaselineCheck {
    /// Whether a finding may be called planned: asked as written down, before anything began, of a past that stayed.
    #[must_use]
    pub fn is_planned(&self) -> bool {
        self.is_before && self.is_as_planned && self.changed.is_empty()
    }
}

/// Freezes what `observations` hold under a name. `asked` is what is going to be asked.
#[must_use]
pub fn freeze(name: &str, observations: &Observations, asked: Option<&TermsFile>, now: Instant) -> baselines::Row {
    let (observations_digest, count) = digest(observations);
    let usual = Terms::default();
    let foreseen = foreseen(observations, asked.map_or(&usual, |asked| &asked.terms));
    let foreseen: Vec<String> = foreseen.iter().map(ToString::to_string).collect();
    let frozen = asked.map(|asked| asked.terms.written_down(&asked.practice));
    let (terms, terms_digest) = frozen.map(|terms| (terms.text, terms.digest)).unzip();
    baselines::Row {
        name: name.to_owned(),
        frozen_at: now,
        lake_version: i64::try_from(observations.lake_version).unwrap_or(i64::MAX),
        period_start_at: observations.period.start,
        period_end_at: observations.period.end,
        services: observations.services.keys().cloned().collect(),
        definitions: ids(),
        observations_digest,
        observation_count: i64::try_from(count).unwrap_or(i64::MAX),
        terms,
        terms_digest,
        flaws: flaws(observations),
        foreseen: Some(foreseen.join("\n")),
    }
}

/// The batch that puts a baseline into the lake.
#[must_use]
pub fn baseline_batch(row: baselines::Row, now: Instant) -> Batch {
    let mut batch = Batch::new("baseline", now);
    batch.write(baselines::Row::table(), WriteMode::Upsert, baselines::Row::batch(vec![row]));
    batch
}

/// What is no longer as it was when a baseline was frozen; `observations` are of its period, read anew.
#[must_use]
pub fn changed(baseline: &baselines::Row, observations: &Observations) -> Vec<String> {
    let mut changed = Vec::new();
    let services: BTreeSet<&String> = observations.services.keys().collect();
    let known: BTreeSet<&String> = baseline.services.iter().collect();
    let listed = |names: Vec<&&String>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let (gone, new) =
        (known.difference(&services).collect::<Vec<_>>(), services.difference(&known).collect::<Vec<_>>());
    if !gone.is_empty() {
        changed.push(format!("of services there are no longer {}", listed(gone)));
    }
    if !new.is_empty() {
        changed.push(format!("there are now services in the period that were not known: {}", listed(new)));
    }
    let definitions = ids();
    for id in baseline.definitions.iter().filter(|id| !definitions.contains(id)) {
        changed.push(format!("the definition `{id}` is another one now"));
    }
    let (digest, count) = digest(observations);
    if digest != baseline.observations_digest {
        changed.push(format!(
            "the past is no longer what it was: {} observations then, {count} now, and their digests differ",
            baseline.observation_count
        ));
    }
    changed
}

/// The definitions that comparisons rest on.
fn ids() -> Vec<String> {
    let metrics: BTreeSet<&str> = READINGS.iter().map(|reading| reading.metric).collect();
    let own = definitions().iter().filter(|definition| metrics.contains(definition.metric.as_str()));
    own.map(|definition| definition.id.clone()).collect()
}

/// What makes a baseline weak.
fn flaws(observations: &Observations) -> Vec<String> {
    let mut flaws = Vec::new();
    let weeks = observations.services.values().map(|seen| {
        seen.weeks
            .iter()
            .filter(|week| week.window.end <= observations.mature_until && week.deployment_days > 0.0)
            .count()
    });
    let (longest, services) = (weeks.max().unwrap_or(0), observations.services.len());
    if longest < FEWEST_WEEKS {
        flaws.push(format!("it is short: {longest} mature weeks, and below {FEWEST_WEEKS} there is no trend"));
    }
    if observations.period.end > observations.mature_until {
        flaws.push(format!(
            "it is immature: records of the time from {} on may still come",
            observations.mature_until.max(observations.period.start)
        ));
    }
    if services < 2 {
        flaws.push("it has one service: nothing to compare it with".to_owned());
    }
    flaws
}

/// The digest of every observation, service by service, and how many they are. What ran until the as-of time would change
/// with every reading, so that what has not ended counts as that and not by its length so far.
fn digest(observations: &Observations) -> (String, usize) {
    let (mut lines, mut count) = (Vec::new(), 0);
    for (service, seen) in &observations.services {
        for (metric, rows) in &seen.metrics {
            let is_duration = rows.iter().any(|row| row.total_seconds.is_some());
            for row in rows {
                count += 1;
                let ended = !is_duration || row.is_counted == Some(true);
                let length = row.total_seconds.filter(|_| ended).map(f64::to_bits);
                let is_counted = row.is_counted;
                lines.push(format!("{service:?} {metric} {:?} {} {is_counted:?} {length:?}", row.subject_id, row.at.0));
            }
        }
    }
    (canonical::sha256(lines.join("\n").as_bytes()), count)
}

impl Terms {
    /// The terms with their practice, as a file from which they can be read again.
    #[must_use]
    pub fn written_down(&self, practice: &str) -> FrozenTerms {
        let document = TermsFile { practice: practice.to_owned(), terms: self.clone() };
        FrozenTerms { text: toml::to_string(&document).unwrap_or_default(), digest: self.digest(practice) }
    }
}

/// Terms in a file.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TermsFile {
    /// The change of working that is asked about.
    pub practice: String,
    /// What is asked.
    #[serde(default)]
    pub terms: Terms,
}
