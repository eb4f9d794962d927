//! What a submission claims: the numbers of the whole period, and the finding.

use std::collections::{BTreeMap, BTreeSet};

use derive::{Derived, Observations, Plan};
use lake::tables::metrics;
use lake::{Snapshot, TableRow, canonical};
use serde_json::{Map, Value, json};

use super::manifest::Question;
use super::{Evidence, SubmissionError};
use crate::within::{Finding, MetricOutcome, find};

/// The version of the claim.
const FORMAT_VERSION: u32 = 1;
/// What is claimed beside everything that can be compared.
const BESIDE: [&str; 1] = ["deployment_rework_rate"];
/// Floats of other targets and releases may differ by so much of their size.
const TOLERANCE: f64 = 1e-9;
/// Differences that are told one by one.
const MOST_TOLD: usize = 40;

/// The numbers that evidence gives, and what they say.
#[derive(Clone, Debug)]
pub struct Claim {
    /// What was found.
    pub finding: Finding,
    /// The numbers of the whole period, service by service and of all together.
    pub metrics: Vec<metrics::Row>,
}

impl Claim {
    /// Derives what a lake says of a question.
    ///
    /// # Errors
    /// [`SubmissionError`] where nothing can be derived, or the question cannot be asked.
    pub async fn of(
        snapshot: &Snapshot,
        plan: &Plan,
        question: &Question,
    ) -> Result<(Self, Observations), SubmissionError> {
        let metrics: Vec<&str> = derive::comparable().chain(BESIDE).collect();
        let (derived, observations) = derive::measure_and_observe(snapshot, plan, &metrics).await?;
        let finding = find(&observations, &question.practice, &question.terms)?;
        Ok((Self { finding, metrics: whole_period(derived) }, observations))
    }

    /// The claim as it is published, with what it rests on.
    ///
    /// # Errors
    /// [`SubmissionError`] for a number that has no form in JSON.
    pub fn document(&self, evidence: &Evidence, tool_version: &str) -> Result<Value, SubmissionError> {
        let table = metrics::Row::table();
        let rows = canonical::json_rows(table, &metrics::Row::batch(self.metrics.clone()));
        let rows = rows.map_err(|error| SubmissionError::table(table.name, error))?;
        let tables: Map<String, Value> = evidence
            .digests()?
            .into_iter()
            .map(|(name, (count, digest))| (name, json!({"row_count": count, "digest": digest})))
            .collect();
        Ok(json!({
            "format_version": FORMAT_VERSION,
            "tool_version": tool_version,
            "simulated": evidence.is_simulated(),
            "tables": tables,
            "metrics": rows,
            "finding": self.finding,
        }))
    }
}

fn whole_period(derived: Derived) -> Vec<metrics::Row> {
    let rows = derived.metrics.into_iter().filter(|row| row.window_kind == "period" && row.dimension.is_none());
    let mut rows: Vec<metrics::Row> = rows.collect();
    rows.sort_by(|a, b| key(a).cmp(&key(b)));
    rows
}

type MetricKey<'a> = (&'a str, &'a str, Option<&'a str>, &'a str, Option<&'a str>, &'a str);

fn key(row: &metrics::Row) -> MetricKey<'_> {
    let (service, group) = (row.service.as_deref(), row.service_group.as_deref());
    (&row.metric, &row.definition, service, &row.environment, group, &row.statistic)
}

/// What must not hang on names: counts, values, effects, classes and the verdict, each under its own. `named` gives each
/// service and environment the name under which it is looked for.
#[must_use]
pub fn headline(claim: &Claim, mut named: impl FnMut(&str) -> String) -> BTreeMap<String, Value> {
    let mut lines = BTreeMap::new();
    for row in &claim.metrics {
        // Groups are the operator's own affair, but for that of all.
        if row.service_group.as_ref().is_some_and(|group| group != "all") {
            continue;
        }
        let whose = row.service.as_deref().map_or_else(|| "all services".to_owned(), &mut named);
        let environment = named(&row.environment);
        let about = format!("{} {} of {whose} in {environment}", row.metric, row.statistic);
        lines.insert(format!("{about}: n"), json!(row.n));
        lines.insert(format!("{about}: value"), json!(row.value));
    }
    let found = &claim.finding;
    lines.insert("verdict".to_owned(), json!(found.verdict));
    lines.insert("verdict by the numbers".to_owned(), json!(found.by_the_numbers));
    lines.insert("design grade".to_owned(), json!(found.grade));
    for outcome in &found.metrics {
        let metric = outcome.metric();
        let mut add = |what: &str, value: Value| lines.insert(format!("effect on {metric}: {what}"), value);
        match outcome {
            MetricOutcome::Insufficient { .. } => {
                add("class", Value::Null);
            }
            MetricOutcome::Found(effect) => {
                add("class", json!(effect.class));
                add("services", json!(effect.services));
                add("events", json!(effect.events));
                add("estimate", json!(effect.effect.estimate));
                add("low", json!(effect.effect.low));
                add("high", json!(effect.effect.high));
            }
        }
    }
    lines
}

/// Where two documents differ: texts, truths and whole numbers at all, others by more than a billionth of their size.
#[must_use]
pub fn differences(claimed: &Value, derived: &Value) -> Vec<String> {
    let mut told = Vec::new();
    compare("", claimed, derived, Fields::All, &mut told);
    told
}

/// The same of the fields that both have: another release may say more, or less.
#[must_use]
pub fn shared_differences(claimed: &Value, derived: &Value) -> Vec<String> {
    let mut told = Vec::new();
    compare("", claimed, derived, Fields::Shared, &mut told);
    told
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fields {
    All,
    Shared,
}

fn compare(place: &str, claimed: &Value, derived: &Value, fields: Fields, told: &mut Vec<String>) {
    if told.len() >= MOST_TOLD {
        return;
    }
    match (claimed, derived) {
        (Value::Object(one), Value::Object(other)) => {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            let is_compared =
                |name: &&String| fields == Fields::All || (one.contains_key(*name) && other.contains_key(*name));
            for name in names.into_iter().filter(is_compared) {
                let at = |map: &Map<String, Value>| map.get(name).cloned().unwrap_or(Value::Null);
                let inner = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
                compare(&inner, &at(one), &at(other), fields, told);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (at, (one, other)) in one.iter().zip(other).enumerate() {
                compare(&format!("{place}[{at}]"), one, other, fields, told);
            }
        }
        (Value::Number(one), Value::Number(other)) if is_close(one, other) => {}
        (one, other) if one == other => {}
        (one, other) => {
            told.push(format!("`{place}` is claimed as {}, and the evidence gives {}", brief(one), brief(other)));
        }
    }
}

fn is_close(one: &serde_json::Number, other: &serde_json::Number) -> bool {
    if !one.is_f64() && !other.is_f64() {
        return one == other;
    }
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => (one - other).abs() <= TOLERANCE * one.abs().max(other.abs()),
        _ => false,
    }
}

fn brief(value: &Value) -> String {
    let text = match value {
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "a record".to_owned(),
        other => other.to_string(),
    };
    if text.chars().count() > 60 { text.chars().take(60).chain(['…']).collect() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_and_words_are_equal_and_floats_nearly() {
        let told = |one: Value, other: Value| differences(&one, &other).len();
        assert_eq!(told(json!({"n": 3, "x": 1.0}), json!({"n": 3, "x": 1.0 + 1e-10})), 0);
        assert_eq!(told(json!({"x": 1.0}), json!({"x": 1.0 + 1e-8})), 1);
        assert_eq!(told(json!({"n": 3}), json!({"n": 4})), 1);
        assert_eq!(told(json!({"n": 3}), json!({})), 1, "nothing is no number");
        assert_eq!(told(json!([1, 2]), json!([1])), 1);
        assert_eq!(told(json!({"x": 0.0}), json!({"x": 1e-30})), 1, "a tolerance is of a size");
        assert_eq!(told(json!({"verdict": "improves"}), json!({"verdict": "worsens"})), 1);
    }

    #[test]
    fn another_release_may_say_more_and_nothing_else() {
        let told = |one: Value, other: Value| shared_differences(&one, &other).len();
        assert_eq!(told(json!({"n": 3}), json!({"n": 3, "more": {"x": 1}})), 0);
        assert_eq!(told(json!({"n": 3, "gone": 1}), json!({"n": 4})), 1);
    }

    #[test]
    fn a_million_differences_are_not_told_one_by_one() {
        let one = Value::Array((0..100_000).map(|at| json!({"n": at})).collect());
        let other = Value::Array((0..100_000).map(|at| json!({"n": at + 1})).collect());
        assert_eq!(differences(&one, &other).len(), MOST_TOLD);
    }
}
