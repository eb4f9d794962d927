//! Tables of effects: what others measured, read onto one scale.
//!
//! | column | what |
//! | --- | --- |
//! | `metric` | which metric; the four of the criterion by their names |
//! | `organisation` | whose effect it is |
//! | `estimate` | the effect, on `scale` |
//! | `scale` | `log_ratio`, `ratio` (1.2), `percent` (20 is 20 % more), or `difference` (of shares) |
//! | `std_error`, or `ci_low` and `ci_high` | its standard error, or an interval at level `ci_level` (0.95 without it), on `scale` |
//! | `better` | which direction of the estimate as given is good: `higher` or `lower`; `lower` turns its sign |
//! | `effect` | a name for the row; the number of its line without it |
//! | `overlaps` | names of rows, parted by `;`, that share data with this one |
//!
//! Other columns are not read. Of rows that overlap the wider one is dropped, the parts are kept, and the drop is listed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use serde::{Deserialize, Serialize};

use crate::consensus::Limits;
use crate::criterion::Scale;

#[cfg(test)]
mod tests;

/// No effect and no error is larger.
const MOST: f64 = 1e9;

/// Why a table of effects cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EffectsError {
    /// It is not CSV, or a column is missing or of the wrong kind.
    #[error("the table cannot be read")]
    Csv(#[from] csv::Error),
    /// A row says something that cannot be.
    #[error("line {line}: {what}")]
    Row {
        /// The line of the file.
        line: u64,
        /// What is wrong.
        what: String,
    },
}

/// An effect on the common scale: positive is better.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// The name of the row.
    pub name: String,
    /// The metric.
    pub metric: String,
    /// Whose it is.
    pub organisation: String,
    /// The estimate on the scale of the metric.
    pub estimate: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// What else the row says of it, by the names of columns `moderator_NAME`.
    pub moderators: BTreeMap<String, String>,
}

impl Effect {
    /// The interval that its error makes, at level 0.95.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits::stated(self.estimate, self.standard_error, 0.95)
    }
}

/// Effects, and what was left out of a table because it was there twice.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EffectTable {
    /// The effects, in the order of metric, organisation and name.
    pub effects: Vec<Effect>,
    /// Rows that share data with narrower ones, each with why it was dropped.
    pub dropped: Vec<(String, String)>,
}

/// An effect as somebody states it, on one of the scales that are known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stated {
    /// The metric.
    pub metric: String,
    /// The estimate.
    pub estimate: f64,
    /// Its scale: `log_ratio`, `ratio`, `percent` or `difference`.
    pub scale: String,
    /// Its standard error; else there are limits.
    #[serde(default)]
    pub std_error: Option<f64>,
    /// The lower limit.
    #[serde(default)]
    pub ci_low: Option<f64>,
    /// The upper limit.
    #[serde(default)]
    pub ci_high: Option<f64>,
    /// Their level; 0.95 where nobody says.
    #[serde(default)]
    pub ci_level: Option<f64>,
    /// Which direction of the estimate is good: `higher` or `lower`.
    pub better: String,
}

impl Stated {
    /// The effect on the scale of its metric, positive for better.
    pub(crate) fn effect(
        &self,
        name: &str,
        organisation: &str,
        moderators: &BTreeMap<String, String>,
    ) -> Result<Effect, String> {
        let (estimate, standard_error) = oriented(&Row {
            effect: None,
            metric: self.metric.clone(),
            organisation: organisation.to_owned(),
            estimate: self.estimate,
            scale: self.scale.clone(),
            std_error: self.std_error,
            ci_low: self.ci_low,
            ci_high: self.ci_high,
            ci_level: self.ci_level,
            better: self.better.clone(),
            overlaps: None,
        })?;
        Ok(Effect {
            name: name.to_owned(),
            metric: self.metric.clone(),
            organisation: organisation.to_owned(),
            estimate,
            standard_error,
            moderators: moderators.clone(),
        })
    }
}

#[derive(Debug, Deserialize)]
struct Row {
    effect: Option<String>,
    metric: String,
    organisation: String,
    estimate: f64,
    scale: String,
    std_error: Option<f64>,
    ci_low: Option<f64>,
    ci_high: Option<f64>,
    ci_level: Option<f64>,
    better: String,
    overlaps: Option<String>,
}

/// Reads a table of effects from CSV with a header.
///
/// # Errors
/// [`EffectsError`] names the line and what is wrong with it: a column that is missing, a number that is not finite, a
/// scale or a direction that does not exist, a scale that the metric is not compared on, no error or a negative one, an
/// interval that does not hold its estimate, a name that stands there twice, or an overlap with a row that is not there.
pub fn read_effects(from: impl Read) -> Result<EffectTable, EffectsError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(from);
    let header = reader.headers()?.clone();
    let (mut effects, mut overlaps) = (Vec::new(), BTreeMap::new());
    let mut lines: BTreeMap<String, u64> = BTreeMap::new();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let row: Row = record.deserialize(Some(&header))?;
        let refused = |what: String| EffectsError::Row { line, what };
        let name = row.effect.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| format!("line {line}"));
        let (estimate, standard_error) = oriented(&row).map_err(refused)?;
        if row.organisation.is_empty() {
            return Err(refused("an effect belongs to an organisation".into()));
        }
        if lines.insert(name.clone(), line).is_some() {
            return Err(refused(format!("the effect `{name}` stands there twice")));
        }
        let named = row.overlaps.as_deref().unwrap_or_default().split(';').map(str::trim);
        let named: BTreeSet<String> = named.filter(|name| !name.is_empty()).map(str::to_owned).collect();
        overlaps.insert(name.clone(), named);
        let moderators = header
            .iter()
            .zip(&record)
            .filter_map(|(column, value)| Some((column.strip_prefix("moderator_")?, value)))
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        effects.push(Effect {
            name,
            metric: row.metric,
            organisation: row.organisation,
            estimate,
            standard_error,
            moderators,
        });
    }
    for (name, others) in &overlaps {
        if let Some(unknown) = others.iter().find(|other| !lines.contains_key(*other) || *other == name) {
            let line = lines.get(name).copied().unwrap_or_default();
            return Err(EffectsError::Row { line, what: format!("it overlaps `{unknown}`, which is no other row") });
        }
    }
    Ok(without_wider(effects, &overlaps))
}

/// The estimate and its standard error on the scale of the metric, positive for better.
fn oriented(row: &Row) -> Result<(f64, f64), String> {
    let limits = match (row.std_error, row.ci_low, row.ci_high) {
        (None, Some(low), Some(high)) => Some((low, high)),
        (Some(_), None, None) => None,
        _ => return Err("an effect has a std_error, or ci_low and ci_high".into()),
    };
    let numbers = [Some(row.estimate), row.std_error, row.ci_low, row.ci_high, row.ci_level];
    if numbers.iter().flatten().any(|number| !number.is_finite()) {
        return Err("every number must be finite".into());
    }
    let own = Scale::of(&row.metric);
    let is_difference = row.scale == "difference";
    if is_difference != (own == Scale::Difference) {
        let wanted = if is_difference { "a log_ratio, ratio or percent" } else { "a difference" };
        return Err(format!("`{}` is compared as {wanted}, not as {}", row.metric, row.scale));
    }
    let onto_scale = |value: f64| match row.scale.as_str() {
        "log_ratio" | "difference" => Ok(value),
        "ratio" if value > 0.0 => Ok(value.ln()),
        "percent" if value > -100.0 => Ok((value / 100.0).ln_1p()),
        "ratio" => Err(format!("a ratio is positive, not {value}")),
        "percent" => Err(format!("a change of {value} % leaves nothing")),
        other => Err(format!("no scale is called `{other}`: they are log_ratio, ratio, percent and difference")),
    };
    let estimate = onto_scale(row.estimate)?;
    let standard_error = match (limits, row.std_error) {
        (Some((low, high)), _) => {
            if !(low <= row.estimate && row.estimate <= high && low < high) {
                return Err("the interval must hold its estimate".into());
            }
            let level = row.ci_level.unwrap_or(0.95);
            let width = onto_scale(high)? - onto_scale(low)?;
            if !(level > 0.0 && level < 1.0) {
                return Err(format!("a level lies between 0 and 1, unlike {level}"));
            }
            let z = stats::normal_quantile(0.5 + level / 2.0).map_err(|error| error.to_string())?;
            width / (2.0 * z)
        }
        // By the delta method where the scale is not the one compared on.
        (None, error) => match (row.scale.as_str(), error.unwrap_or(f64::NAN)) {
            ("ratio", error) => error / row.estimate,
            ("percent", error) => error / (100.0 + row.estimate),
            (_, error) => error,
        },
    };
    if !(standard_error > 0.0 && standard_error.is_finite()) {
        return Err("a standard error is positive".into());
    }
    // Whatever is absurd is a number still: beyond this nothing can be drawn.
    if estimate.abs() > MOST || standard_error > MOST {
        return Err(format!("an effect and its error are below {MOST:e}"));
    }
    match row.better.as_str() {
        "higher" => Ok((estimate, standard_error)),
        "lower" => Ok((-estimate, standard_error)),
        other => Err(format!("better is `higher` or `lower`, not `{other}`")),
    }
}

/// Drops, of rows that share data, the one that shares with more, so that parts stay and what holds them goes. Where two
/// share with as many, the one with the smaller standard error holds more.
fn without_wider(mut effects: Vec<Effect>, overlaps: &BTreeMap<String, BTreeSet<String>>) -> EffectTable {
    // Who shares with whom holds in both directions.
    let mut shared: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, others) in overlaps {
        for other in others {
            shared.entry(name).or_default().insert(other);
            shared.entry(other).or_default().insert(name);
        }
    }
    let errors: BTreeMap<String, f64> =
        effects.iter().map(|effect| (effect.name.clone(), effect.standard_error)).collect();
    let mut dropped = Vec::new();
    // One at a time: with the widest gone its parts may share with nobody any more.
    loop {
        let widest = shared.iter().filter(|(_, others)| !others.is_empty()).max_by(|one, other| {
            let error = |name: &str| errors.get(name).copied().unwrap_or_default();
            let more = one.1.len().cmp(&other.1.len());
            more.then(error(other.0).total_cmp(&error(one.0))).then(other.0.cmp(one.0))
        });
        let Some((name, others)) = widest.map(|(name, others)| (*name, others.clone())) else { break };
        let parts: Vec<String> = others.iter().map(|other| format!("`{other}`")).collect();
        dropped.push((name.to_owned(), format!("it shares data with {}", parts.join(", "))));
        shared.remove(name);
        for rest in shared.values_mut() {
            rest.remove(name);
        }
    }
    let gone: BTreeSet<&str> = dropped.iter().map(|(name, _)| name.as_str()).collect();
    effects.retain(|effect| !gone.contains(effect.name.as_str()));
    effects.sort_by(|one, other| {
        (&one.metric, &one.organisation, &one.name).cmp(&(&other.metric, &other.organisation, &other.name))
    });
    EffectTable { effects, dropped }
}
