//! Other tools' definitions, computed from the same tables, and which of their rules makes them disagree with ours.
//!
//! Each tool is a folder of `profiles/` with one query per metric. Beside them stands, per metric, our own query with
//! every rule in it that some tool decides differently as a switch: with all of them off it gives our number, with one
//! of them on the number that this rule alone makes of it. A test holds both to what the separate queries give.

mod tables;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::error::ArrowError;
use datafusion::prelude::SessionContext;
use lake::Snapshot;
use serde::Serialize;

use crate::explain::{Whose, Workbench, table};
use crate::metrics::{Definition, parse};
use crate::{DeriveError, Plan, definitions, stages};

const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/profiles.rs"));
/// The folder that holds our own queries with switches.
const RULES: &str = "rules";
const DAYS_OF_WEEK: f64 = 7.0;

/// One metric as another tool defines it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProfileMetric {
    /// The tool.
    pub profile: String,
    /// What the header of its file says.
    pub definition: Definition,
    /// What of the tool's rules the file does not reproduce.
    pub cannot: Vec<Cannot>,
}

/// A rule of a tool that is not reproduced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cannot {
    /// The rule, by the name of its row in the table of rules.
    pub rule: String,
    /// Why not, or what stands in for it.
    pub why: String,
}

/// A rule in which at least one tool differs from `core-1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The metric.
    pub metric: String,
    /// Its name.
    pub rule: String,
    /// The tools that have it.
    pub profiles: Vec<String>,
    /// What it says.
    pub words: String,
}

/// Every metric of every tool, by tool and name.
///
/// # Panics
/// Where the header of an embedded file is not whole, which a test rules out.
#[must_use]
pub fn profiles() -> &'static [ProfileMetric] {
    static ALL: LazyLock<Vec<ProfileMetric>> = LazyLock::new(|| {
        let files = FILES.iter().filter_map(|(name, sql)| Some((name.split_once('/')?, *sql)));
        files
            .filter(|((profile, _), _)| *profile != RULES)
            .map(|((profile, metric), sql)| {
                let parsed = parse(metric, sql)
                    .unwrap_or_else(|missing| panic!("the header of `{profile}/{metric}.sql` lacks `{missing}`"));
                let id = format!("{profile}/{metric}@{}", parsed.version);
                ProfileMetric {
                    profile: profile.to_owned(),
                    definition: Definition { id, ..parsed },
                    cannot: listed(sql, "cannot")
                        .filter_map(|text| text.split_once('|'))
                        .map(|(rule, why)| Cannot { rule: rule.trim().to_owned(), why: why.trim().to_owned() })
                        .collect(),
                }
            })
            .collect()
    });
    &ALL
}

/// Every rule in which a tool differs, metric by metric.
#[must_use]
pub fn rules() -> &'static [Rule] {
    static ALL: LazyLock<Vec<Rule>> = LazyLock::new(|| {
        let files = FILES.iter().filter_map(|(name, sql)| Some((name.strip_prefix("rules/")?, *sql)));
        files.flat_map(|(metric, sql)| listed(sql, "rule").filter_map(move |text| rule(metric, text))).collect()
    });
    &ALL
}

fn rule(metric: &str, text: &str) -> Option<Rule> {
    let mut parts = text.splitn(3, '|').map(str::trim);
    let (name, profiles, words) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Rule {
        metric: metric.to_owned(),
        rule: name.to_owned(),
        profiles: profiles.split(',').map(|profile| profile.trim().to_owned()).collect(),
        words: words.to_owned(),
    })
}

/// The lines of a header that begin with this word.
fn listed<'a>(sql: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    sql.lines()
        .map_while(|line| line.strip_prefix("-- "))
        .filter_map(|line| line.split_once(':'))
        .filter(move |(key, _)| key.trim() == word)
        .map(|(_, text)| text.trim())
}

/// One metric of one unit, as every profile defines it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricComparison {
    /// The metric.
    pub metric: String,
    /// Its title.
    pub title: String,
    /// Our own number.
    pub core: ProfileNumber,
    /// The number of each tool.
    pub profiles: Vec<ProfileComparison>,
}

/// A number as one profile defines it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProfileNumber {
    /// The definition, as `profile/metric@version`.
    pub definition: String,
    /// What is computed.
    pub means: String,
    /// Which statistic of it.
    pub statistic: String,
    /// Unit of the value; frequencies are all per week.
    pub unit: String,
    /// The number; null where there is none.
    pub value: Option<f64>,
    /// What it rests on.
    pub n: i64,
}

/// A tool's number, and what makes it differ from ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProfileComparison {
    /// The tool.
    pub profile: String,
    /// Its number.
    #[serde(flatten)]
    pub number: ProfileNumber,
    /// Each of its rules that differs, switched by itself.
    pub rules: Vec<RuleEffect>,
    /// All of these rules switched together.
    pub together: Switched,
    /// Whether the rules together give the tool's number, so that no difference is left unexplained.
    pub is_explained: bool,
    /// What of the tool's rules is not reproduced.
    pub cannot: Vec<Cannot>,
}

/// What one rule does to our number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleEffect {
    /// Its name.
    pub rule: String,
    /// What it says.
    pub words: String,
    /// Our number with only this rule switched to the tool's.
    #[serde(flatten)]
    pub switched: Switched,
}

/// Our number under other rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Switched {
    /// The number; null where there is none.
    pub value: Option<f64>,
    /// What it rests on.
    pub n: i64,
}

impl Switched {
    /// Whether two numbers are the same but for the order in which floats were added.
    #[must_use]
    pub fn agrees_with(&self, value: Option<f64>, n: i64) -> bool {
        let same = match (self.value, value) {
            (Some(one), Some(other)) => (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1.0),
            (one, other) => one == other,
        };
        same && self.n == n
    }
}

/// Numbers of one metric by the rules that are switched on.
type Known = BTreeMap<Vec<&'static str>, Switched>;

impl Workbench {
    /// Compares all profiles for one unit over the period that was derived, metric by metric.
    ///
    /// # Errors
    /// [`DeriveError`] where a query fails, or there is no such unit.
    pub async fn compare(
        &mut self,
        snapshot: &Snapshot,
        plan: &Plan,
        whose: &Whose,
    ) -> Result<Vec<MetricComparison>, DeriveError> {
        let unit = self.choose(whose).await?;
        self.register_profile_tables(snapshot, plan, &unit.window).await?;
        let mut compared = Vec::new();
        for definition in definitions().iter().filter(|one| rules().iter().any(|rule| rule.metric == one.metric)) {
            let of_metric: Vec<&ProfileMetric> =
                profiles().iter().filter(|profile| profile.definition.metric == definition.metric).collect();
            let core = self.core_number(&unit.window, definition);
            let mut tools = Vec::new();
            let mut known = Known::new();
            for profile in of_metric {
                tools.push(self.tool(profile, &mut known).await?);
            }
            compared.push(MetricComparison {
                metric: definition.metric.clone(),
                title: definition.title.clone(),
                core,
                profiles: tools,
            });
        }
        Ok(compared)
    }

    fn core_number(&self, unit: &crate::units::UnitWindow, definition: &Definition) -> ProfileNumber {
        let statistic = definition.gives.first().cloned().unwrap_or_default();
        let row = self.numbers(unit, &definition.metric).into_iter().find(|row| row.statistic == statistic);
        let (value, unit) = weekly(row.as_ref().and_then(|row| row.value), &definition.unit);
        ProfileNumber {
            definition: definition.id.clone(),
            means: definition.statistic.clone(),
            statistic,
            unit,
            value,
            n: row.map_or(0, |row| row.n),
        }
    }

    /// Our number of a metric with the rules switched that `is_on` names.
    ///
    /// # Errors
    /// [`DeriveError`] where the query fails.
    async fn switched(&self, metric: &str, is_on: &dyn Fn(&Rule) -> bool) -> Result<Switched, DeriveError> {
        let name = format!("{RULES}/{metric}");
        let sql = FILES.iter().find(|(file, _)| *file == name).map_or("", |(_, sql)| *sql);
        let own: Vec<&Rule> = rules().iter().filter(|rule| rule.metric == metric).collect();
        let switches = own
            .iter()
            .map(|rule| (rule.rule.as_str(), std::sync::Arc::new(BooleanArray::from(vec![is_on(rule)])) as ArrayRef))
            .collect();
        stages::register(&self.context, "rules", table(switches))?;
        let switches = own.iter().map(|rule| (rule.rule.as_str(), is_on(rule))).collect();
        for batch in stages::query(&self.context, &name, &written_in(sql, switches)).await? {
            let rows = numbers(&batch).map_err(|error| DeriveError::shape(&name, error))?;
            if let Some((value, n)) = rows.first() {
                return Ok(Switched { value: *value, n: *n });
            }
        }
        Ok(Switched::default())
    }

    /// The same, computed once for each set of rules: tools share many of them.
    async fn switched_once(
        &self,
        metric: &str,
        is_on: &dyn Fn(&Rule) -> bool,
        known: &mut Known,
    ) -> Result<Switched, DeriveError> {
        let on = rules().iter().filter(|rule| rule.metric == metric && is_on(rule));
        let on: Vec<&'static str> = on.map(|rule| rule.rule.as_str()).collect();
        if let Some(found) = known.get(&on) {
            return Ok(*found);
        }
        let found = self.switched(metric, is_on).await?;
        known.insert(on, found);
        Ok(found)
    }

    async fn tool(&self, metric: &ProfileMetric, known: &mut Known) -> Result<ProfileComparison, DeriveError> {
        let definition = &metric.definition;
        let statistic = definition.gives.first().cloned().unwrap_or_default();
        let found = tool_numbers(&self.context, definition).await?.remove(&statistic).unwrap_or_default();
        let (value, unit) = weekly(found.value, &definition.unit);
        let differs = |rule: &&Rule| rule.metric == definition.metric && rule.profiles.contains(&metric.profile);
        let mut effects = Vec::new();
        for own in rules().iter().filter(differs) {
            let switched = self.switched_once(&definition.metric, &|rule| rule == own, known).await?;
            effects.push(RuleEffect { rule: own.rule.clone(), words: own.words.clone(), switched });
        }
        let together = self.switched_once(&definition.metric, &|rule| differs(&rule), known).await?;
        Ok(ProfileComparison {
            profile: metric.profile.clone(),
            is_explained: together.agrees_with(value, found.n),
            number: ProfileNumber {
                definition: definition.id.clone(),
                means: definition.statistic.clone(),
                statistic,
                unit,
                value,
                n: found.n,
            },
            rules: effects,
            together,
            cannot: metric.cannot.clone(),
        })
    }

    /// Our number with no rule switched, from the query that has the switches: what the metric's own query gives.
    ///
    /// # Errors
    /// [`DeriveError`] where the query fails, or there is no such unit.
    #[doc(hidden)]
    pub async fn unswitched(
        &mut self,
        snapshot: &Snapshot,
        plan: &Plan,
        whose: &Whose,
        metric: &str,
    ) -> Result<Switched, DeriveError> {
        let unit = self.choose(whose).await?;
        self.register_profile_tables(snapshot, plan, &unit.window).await?;
        self.switched(metric, &|_| false).await
    }
}

/// The query with its switches as literals in place of columns: what is off is not even planned.
fn written_in(sql: &str, mut switches: Vec<(&str, bool)>) -> String {
    // The longer name first, since it may begin with a shorter one.
    switches.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    switches
        .into_iter()
        .fold(sql.to_owned(), |sql, (name, is_on)| sql.replace(&format!("x.{name}"), &is_on.to_string()))
}

/// A tool's numbers of one unit, by statistic.
async fn tool_numbers(
    context: &SessionContext,
    definition: &Definition,
) -> Result<BTreeMap<String, Switched>, DeriveError> {
    let mut found = BTreeMap::new();
    for batch in stages::query(context, &definition.id, definition.sql).await? {
        let shape = |error| DeriveError::shape(&definition.id, error);
        let statistics = column(&batch, "statistic", &DataType::Utf8).map_err(shape)?;
        for (at, (value, n)) in numbers(&batch).map_err(shape)?.into_iter().enumerate() {
            found.insert(statistics.as_string::<i32>().value(at).to_owned(), Switched { value, n });
        }
    }
    Ok(found)
}

fn numbers(batch: &RecordBatch) -> Result<Vec<(Option<f64>, i64)>, ArrowError> {
    let (values, counts) = (column(batch, "value", &DataType::Float64)?, column(batch, "n", &DataType::Int64)?);
    let (values, counts) = (values.as_primitive::<Float64Type>(), counts.as_primitive::<Int64Type>());
    Ok((0..batch.num_rows())
        .map(|at| {
            (values.is_valid(at).then(|| values.value(at)), if counts.is_valid(at) { counts.value(at) } else { 0 })
        })
        .collect())
}

fn column(batch: &RecordBatch, name: &str, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    let column =
        batch.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("column `{name}` is missing")))?;
    arrow::compute::cast(column, data_type)
}

/// Rates per day as rates per week, so that all frequencies are in one unit.
fn weekly(value: Option<f64>, unit: &str) -> (Option<f64>, String) {
    if unit == "per day" {
        (value.map(|value| value * DAYS_OF_WEEK), "per week".to_owned())
    } else {
        (value, unit.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{definitions, profiles, rules};

    #[test]
    fn every_tool_has_the_metrics_that_it_shows() {
        let names: std::collections::BTreeSet<&str> = profiles().iter().map(|one| one.profile.as_str()).collect();
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["devlake", "fourkeys", "gitlab", "middleware"]);
        for profile in ["devlake", "fourkeys", "gitlab", "middleware"] {
            for metric in
                ["deployment_frequency", "change_lead_time", "failed_deployment_recovery_time", "change_fail_rate"]
            {
                let own = profiles().iter().find(|one| one.profile == profile && one.definition.metric == metric);
                let own = own.unwrap_or_else(|| panic!("`{profile}` has no `{metric}`"));
                let core = definitions().iter().find(|one| one.metric == metric).expect("core-1 has it");
                assert_eq!((own.definition.place, &own.definition.better), (core.place, &core.better), "{metric}");
                assert_eq!(own.definition.id, format!("{profile}/{metric}@{}", own.definition.version));
            }
        }
    }

    #[test]
    fn every_rule_is_a_rule_of_a_tool_that_exists() {
        assert!(rules().len() > 30, "{}", rules().len());
        for rule in rules() {
            assert!(!rule.words.is_empty() && !rule.profiles.is_empty(), "{rule:?}");
            for profile in &rule.profiles {
                let exists =
                    profiles().iter().any(|one| one.profile == *profile && one.definition.metric == rule.metric);
                assert!(exists, "{rule:?}");
            }
        }
    }

    #[test]
    fn every_switch_is_used() {
        for (name, sql) in super::FILES.iter().filter(|(name, _)| name.starts_with("rules/")) {
            let body: String = sql.lines().filter(|line| !line.starts_with("--")).collect();
            for rule in rules().iter().filter(|rule| name.strip_prefix("rules/") == Some(&rule.metric)) {
                assert!(body.contains(&format!("x.{}", rule.rule)), "`{name}` never asks for `{}`", rule.rule);
            }
        }
    }
}
