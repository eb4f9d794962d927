//! Two arms of any table: the door for data that did not come through the lake, such as a published randomised study.
//!
//! A row is one observation: an outcome, the arm it was under, and the unit it belongs to. The answer comes from one
//! regression, named before looking; the other views stand beside it and decide nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use stats::{Arm, ArmUnits, ClusteredError, ClusteredRegression, Interval, PermutationTest, RatioKind, Wald};

use crate::criterion::{Class, Margins, Scale, check_alpha};
use crate::{DesignGrade, Limits};

#[cfg(test)]
mod tests;

/// Fewer degrees of freedom than this leave even the corrected interval too narrow.
const FEWEST_DEGREES: f64 = 4.0;
/// Margins, as ratios, at which every comparison of ratios is judged.
const RATIOS: [f64; 3] = [1.10, 1.25, 1.50];
/// More units than this are not left out one by one.
const MOST_LEFT_OUT: usize = 500;

/// Rows of a table, as texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cells {
    /// The names of its columns.
    pub columns: Vec<String>,
    /// Its rows, as wide as `columns`; a missing value is empty.
    pub rows: Vec<Vec<String>>,
}

impl Cells {
    /// Reads CSV with a header; blanks around a cell are no part of it.
    ///
    /// # Errors
    /// [`csv::Error`] where it is no CSV, or a row is not as wide as the header.
    pub fn from_csv(from: impl std::io::Read) -> Result<Self, csv::Error> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(from);
        let texts = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
        let columns = texts(reader.headers()?);
        let rows = reader.records().map(|record| record.map(|record| texts(&record))).collect::<Result<_, _>>()?;
        Ok(Self { columns, rows })
    }
}

/// What is compared, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The column of the outcome.
    pub outcome: String,
    /// The column of the arm.
    pub arm: String,
    /// The value of the arm that is compared with.
    pub control: String,
    /// The value of the arm that is looked at.
    pub treatment: String,
    /// The column of the unit, whose rows may depend on one another; without it every row is a unit.
    pub unit: Option<String>,
    /// Columns that enter as numbers.
    pub covariates: Vec<String>,
    /// Columns of positive numbers that enter as logarithms.
    pub log_covariates: Vec<String>,
    /// Columns whose values each get a level of their own, such as periods or sites.
    pub factors: Vec<String>,
    /// Whether outcomes are compared as a ratio or as a difference of shares.
    pub scale: Scale,
    /// Whether a higher outcome is better.
    pub is_higher_better: bool,
    /// Whether chance alone decided which observation was under which arm.
    pub is_randomised: bool,
    /// How much worse still counts as not worse, on the scale.
    pub margin: f64,
    /// One less the level of the interval.
    pub alpha: f64,
    /// Replicates of bootstrap and permutation.
    pub replicates: u32,
    /// Their seed.
    pub seed: u64,
}

impl Question {
    /// A question about these columns with everything else as it usually is.
    #[must_use]
    pub fn new(outcome: &str, arm: &str, control: &str, treatment: &str, scale: Scale) -> Self {
        Self {
            outcome: outcome.to_owned(),
            arm: arm.to_owned(),
            control: control.to_owned(),
            treatment: treatment.to_owned(),
            unit: None,
            covariates: Vec::new(),
            log_covariates: Vec::new(),
            factors: Vec::new(),
            scale,
            is_higher_better: false,
            is_randomised: false,
            margin: Margins::default().of(scale),
            alpha: 0.05,
            replicates: 4_999,
            seed: 1,
        }
    }
}

/// Why a comparison cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ComparisonError {
    /// A column is not there.
    #[error("there is no column `{name}`; there are {known}")]
    NoColumn {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A cell cannot be used.
    #[error("row {row}, column `{column}`: {what}")]
    Cell {
        /// The row, from 1, the header not counted.
        row: usize,
        /// The column.
        column: String,
        /// What is wrong.
        what: String,
    },
    /// An arm has nothing in it.
    #[error("no row has `{value}` in `{column}`; there are {known}")]
    NoArm {
        /// The column of the arm.
        column: String,
        /// What was asked for.
        value: String,
        /// What there is.
        known: String,
    },
    /// The terms cannot be used.
    #[error("{0}")]
    Terms(String),
    /// Too little is left to compare.
    #[error("insufficient data: {0}")]
    Insufficient(String),
    /// The regression has no answer.
    #[error("the regression has no answer")]
    Regression(#[from] ClusteredError),
}

/// What one arm holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArmSummary {
    /// Its value in the column of the arm.
    pub name: String,
    /// Its rows.
    pub rows: usize,
    /// Its units.
    pub units: usize,
    /// Its geometric mean, or its share.
    pub mean: f64,
}

/// One way of looking at the same rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct View {
    /// Which.
    pub name: &'static str,
    /// The effect, positive for better; `None` where this way has no answer.
    pub limits: Option<Limits>,
    /// The two-sided p-value, where it has one.
    pub p_value: Option<f64>,
    /// Why it has no answer.
    pub why_not: Option<String>,
}

/// What a margin would have made of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AtMargin {
    /// The margin, on the scale.
    pub margin: f64,
    /// The class at it.
    pub class: Class,
}

/// The effect with one unit left out that is farthest from the whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeftOut {
    /// The unit.
    pub unit: String,
    /// The effect without it.
    pub estimate: f64,
    /// The class without it.
    pub class: Class,
}

/// What a comparison found. Effects are positive for better: logarithms of ratios, or differences of shares.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The scale of every effect.
    pub scale: Scale,
    /// Control, treatment.
    pub arms: [ArmSummary; 2],
    /// Rows of other arms or without an outcome, an arm or a covariate, which do not enter.
    pub left_out_rows: usize,
    /// A where chance decided, else E.
    pub grade: DesignGrade,
    /// The effect by the regression, with limits at level `1 − α`.
    pub effect: Limits,
    /// Its standard error.
    pub standard_error: f64,
    /// The degrees of freedom it has.
    pub degrees_of_freedom: f64,
    /// Its two-sided p-value.
    pub p_value: f64,
    /// What the limits say at the margin.
    pub class: Class,
    /// Whether it may be said: a design of grade E describes and concludes nothing.
    pub is_conclusive: bool,
    /// The margin that was set.
    pub margin: f64,
    /// The smallest margin at which these data would conclude "not worse"; 0 where any would do.
    pub smallest_margin: f64,
    /// The same at other margins.
    pub at_margins: Vec<AtMargin>,
    /// The effect that a repetition with the same error would find four times in five.
    pub detectable: f64,
    /// The other ways of looking at it.
    pub views: Vec<View>,
    /// How strong something unseen would have to be to explain the estimate away, and the limit; only without chance.
    pub e_value: Option<[f64; 2]>,
    /// The units without which the effect is lowest and highest.
    pub left_out: Option<[LeftOut; 2]>,
}

/// Compares two arms of a table.
///
/// # Model
/// `log y` (or `y`, for shares) on the arm, covariates and levels of factors by least squares; errors within a unit may
/// depend on one another. The interval is CR2 with Satterthwaite's degrees of freedom, see
/// [`stats::ClusteredRegression::cr2`].
///
/// # Errors
/// [`ComparisonError`] names the cell or the term that cannot be used. Rows of other arms, and rows with an empty cell in
/// a column that is used, are left out and counted.
pub fn compare(cells: &Cells, question: &Question) -> Result<Comparison, ComparisonError> {
    check_terms(question)?;
    let rows = Rows::read(cells, question)?;
    rows.check_arms(question, cells)?;
    let confidence = 1.0 - question.alpha;
    let sign = if question.is_higher_better { 1.0 } else { -1.0 };
    let fit = rows.fit(|_| true)?;
    let wald = oriented(fit.cr2(1)?, sign);
    let degrees = wald.degrees_of_freedom.unwrap_or(f64::INFINITY);
    if degrees < FEWEST_DEGREES {
        let told = format!(
            "{} units leave {degrees:.1} degrees of freedom for the arm, and below {FEWEST_DEGREES} no interval holds",
            fit.units()
        );
        return Err(ComparisonError::Insufficient(told));
    }
    let interval = wald.interval(confidence).map_err(unusable)?;
    let class_at = |margin: f64| Class::of(interval.low, interval.high, margin);
    let reach = stats::student_t_quantile(1.0 - question.alpha / 2.0, degrees)
        .and_then(|found| Ok(found + stats::student_t_quantile(0.8, degrees)?))
        .map_err(unusable)?;
    let class = class_at(question.margin);
    let grade = if question.is_randomised { DesignGrade::A } else { DesignGrade::E };
    let margins: Vec<f64> = match question.scale {
        Scale::LogRatio => RATIOS.iter().map(|ratio| ratio.ln()).collect(),
        Scale::Difference => vec![0.01, 0.03, 0.05],
    };
    Ok(Comparison {
        scale: question.scale,
        arms: [rows.summary(false, &question.control), rows.summary(true, &question.treatment)],
        left_out_rows: cells.rows.len() - rows.outcome.len(),
        grade,
        effect: Limits::about(interval),
        standard_error: wald.standard_error,
        degrees_of_freedom: degrees,
        p_value: wald.p_two_sided().map_err(unusable)?,
        class,
        is_conclusive: question.is_randomised && class != Class::Inconclusive,
        margin: question.margin,
        smallest_margin: (-interval.low).max(0.0),
        at_margins: margins.into_iter().map(|margin| AtMargin { margin, class: class_at(margin) }).collect(),
        detectable: reach * wald.standard_error,
        views: rows.views(&fit, question, sign),
        e_value: if question.is_randomised { None } else { rows.e_value(interval) },
        left_out: rows.left_out(question, sign, wald.estimate),
    })
}

fn check_terms(question: &Question) -> Result<(), ComparisonError> {
    let refused = |what: &str| Err(ComparisonError::Terms(what.to_owned()));
    if question.control == question.treatment {
        return refused("control and treatment are the same arm");
    }
    if let Err(what) = check_alpha(question.alpha) {
        return refused(&format!("alpha: {what}"));
    }
    if let Err(what) = question.scale.check_margin(question.margin) {
        return refused(what);
    }
    let named =
        question.covariates.iter().chain(&question.log_covariates).chain(&question.factors).chain(&question.unit);
    for name in named {
        if *name == question.outcome || *name == question.arm {
            return refused(&format!(
                "`{name}` is the outcome or the arm, and cannot be a unit or a covariate as well"
            ));
        }
    }
    if question.replicates < 99 {
        return refused("at least 99 replicates are needed");
    }
    Ok(())
}

fn oriented(wald: Wald, sign: f64) -> Wald {
    Wald { estimate: sign * wald.estimate, ..wald }
}

fn oriented_interval(found: Interval, sign: f64) -> Limits {
    let (low, high) = if sign > 0.0 { (found.low, found.high) } else { (-found.high, -found.low) };
    Limits { estimate: Some(sign * found.estimate), low, high }
}

fn logarithms(ratio: Interval) -> Interval {
    Interval { estimate: ratio.estimate.ln(), low: ratio.low.ln(), high: ratio.high.ln(), ..ratio }
}

/// The rows that enter.
struct Rows {
    scale: Scale,
    outcome: Vec<f64>,
    is_treated: Vec<bool>,
    units: Vec<String>,
    /// The arm, covariates and levels, in this order: `[k][n]`.
    columns: Vec<Vec<f64>>,
}

impl Rows {
    fn read(cells: &Cells, question: &Question) -> Result<Self, ComparisonError> {
        let place = |name: &String| {
            if cells.columns.iter().filter(|column| *column == name).nth(1).is_some() {
                return Err(ComparisonError::Terms(format!("the column `{name}` is there twice")));
            }
            cells.columns.iter().position(|column| column == name).ok_or_else(|| ComparisonError::NoColumn {
                name: name.clone(),
                known: listed(&cells.columns.iter().map(String::as_str).collect()),
            })
        };
        let (outcome_at, arm_at) = (place(&question.outcome)?, place(&question.arm)?);
        let unit_at = question.unit.as_ref().map(place).transpose()?;
        let places = |names: &[String]| names.iter().map(place).collect::<Result<Vec<_>, _>>();
        let (plain, logged) = (places(&question.covariates)?, places(&question.log_covariates)?);
        let factors = places(&question.factors)?;
        let used: Vec<usize> = [outcome_at, arm_at]
            .into_iter()
            .chain(unit_at)
            .chain([&plain, &logged, &factors].into_iter().flatten().copied())
            .collect();
        let entering: Vec<(usize, &Vec<String>)> = cells
            .rows
            .iter()
            .enumerate()
            .filter(|(_, row)| used.iter().all(|at| !row[*at].is_empty()))
            .filter(|(_, row)| [&question.control, &question.treatment].contains(&&row[arm_at]))
            .collect();
        let numbers = |at: usize, check: &dyn Fn(f64) -> Result<f64, String>| {
            let number = |(row, cells_of): &(usize, &Vec<String>)| {
                let text = &cells_of[at];
                let refused =
                    |what: String| ComparisonError::Cell { row: row + 1, column: cells.columns[at].clone(), what };
                let value: f64 = text.parse().map_err(|_no_number| refused(format!("`{text}` is no number")))?;
                if !value.is_finite() {
                    return Err(refused(format!("`{text}` is not finite")));
                }
                check(value).map_err(refused)
            };
            entering.iter().map(number).collect::<Result<Vec<f64>, _>>()
        };
        let positive = |value: f64| {
            if value > 0.0 {
                Ok(value)
            } else {
                Err(format!("`{value}` has no logarithm; a ratio needs positive numbers"))
            }
        };
        let outcome = numbers(outcome_at, &|value| match question.scale {
            Scale::LogRatio => positive(value),
            Scale::Difference if (0.0..=1.0).contains(&value) => Ok(value),
            Scale::Difference => Err(format!("`{value}` is no share: 0 to 1 is expected")),
        })?;
        let is_treated: Vec<bool> = entering.iter().map(|(_, row)| row[arm_at] == question.treatment).collect();
        let mut columns = vec![is_treated.iter().map(|treated| f64::from(u8::from(*treated))).collect()];
        for at in plain {
            columns.push(numbers(at, &Ok)?);
        }
        for at in logged {
            columns.push(numbers(at, &|value| positive(value).map(f64::ln))?);
        }
        for at in factors {
            let levels: BTreeSet<&str> = entering.iter().map(|(_, row)| row[at].as_str()).collect();
            // The first level is the one the others are compared with.
            for level in levels.into_iter().skip(1) {
                columns.push(entering.iter().map(|(_, row)| f64::from(u8::from(row[at] == level))).collect());
            }
        }
        let unit = |(row, cells_of): &(usize, &Vec<String>)| match unit_at {
            Some(at) => cells_of[at].clone(),
            None => format!("row {}", row + 1),
        };
        let units = entering.iter().map(unit).collect();
        Ok(Self { scale: question.scale, outcome, is_treated, units, columns })
    }

    fn check_arms(&self, question: &Question, cells: &Cells) -> Result<(), ComparisonError> {
        for (value, is_treated) in [(&question.control, false), (&question.treatment, true)] {
            if self.is_treated.contains(&is_treated) {
                continue;
            }
            let at = cells.columns.iter().position(|column| *column == question.arm).unwrap_or_default();
            return Err(ComparisonError::NoArm {
                column: question.arm.clone(),
                value: value.clone(),
                known: listed(&cells.rows.iter().map(|row| row[at].as_str()).filter(|text| !text.is_empty()).collect()),
            });
        }
        Ok(())
    }

    /// The regression over the rows of the units that are kept.
    fn fit(&self, keeps: impl Fn(&str) -> bool) -> Result<ClusteredRegression, ClusteredError> {
        let kept: Vec<usize> = (0..self.units.len()).filter(|row| keeps(&self.units[*row])).collect();
        let of = |values: &[f64]| kept.iter().map(|row| values[*row]).collect::<Vec<f64>>();
        let columns: Vec<Vec<f64>> = self.columns.iter().map(|column| of(column)).collect();
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let units: Vec<&str> = kept.iter().map(|row| self.units[*row].as_str()).collect();
        match self.scale {
            Scale::LogRatio => ClusteredRegression::of_logarithms(&columns, &of(&self.outcome), &units),
            Scale::Difference => ClusteredRegression::fit(&columns, &of(&self.outcome), &units),
        }
    }

    /// Outcomes and units of one arm.
    fn arm(&self, is_treated: bool) -> (Vec<f64>, Vec<&str>) {
        let rows = (0..self.outcome.len()).filter(|row| self.is_treated[*row] == is_treated);
        rows.map(|row| (self.outcome[row], self.units[row].as_str())).unzip()
    }

    /// The outcomes on the scale on which they are averaged.
    fn scaled(&self) -> Vec<f64> {
        match self.scale {
            Scale::LogRatio => self.outcome.iter().map(|value| value.ln()).collect(),
            Scale::Difference => self.outcome.clone(),
        }
    }

    fn summary(&self, is_treated: bool, name: &str) -> ArmSummary {
        let (mut values, units) = self.arm(is_treated);
        values.sort_by(f64::total_cmp);
        let count = values.len() as f64;
        let mean = match self.scale {
            Scale::LogRatio => (values.iter().map(|value| value.ln()).sum::<f64>() / count).exp(),
            Scale::Difference => values.iter().sum::<f64>() / count,
        };
        let units = units.into_iter().collect::<BTreeSet<_>>().len();
        ArmSummary { name: name.to_owned(), rows: values.len(), units, mean }
    }

    /// The other ways of looking at the rows.
    fn views(&self, fit: &ClusteredRegression, question: &Question, sign: f64) -> Vec<View> {
        let confidence = 1.0 - question.alpha;
        let by_wald = |name, found: Result<Wald, String>| {
            let limits = found.and_then(|wald| {
                let wald = oriented(wald, sign);
                let interval = wald.interval(confidence).map_err(|error| error.to_string())?;
                Ok((Limits::about(interval), wald.p_two_sided().ok()))
            });
            view(name, limits)
        };
        let (treated, treated_units) = self.arm(true);
        let (control, control_units) = self.arm(false);
        let mut views = vec![by_wald("the same with plain cluster-robust errors (CR1)", fit.cr1(1).map_err(words))];
        if self.scale == Scale::LogRatio {
            let welch = stats::log_ratio_of_geometric_means(&treated, &control).map_err(words);
            views.push(by_wald("geometric means alone (Welch on logarithms)", welch));
            let shift = stats::hodges_lehmann_ratio(&treated, &control, confidence).map_err(words);
            let shift = shift.map(|found| (oriented_interval(logarithms(found.interval), sign), None));
            views.push(view("Hodges-Lehmann ratio", shift));
            let treated = Arm { values: &treated, units: &treated_units };
            let control = Arm { values: &control, units: &control_units };
            let shared = if self.has_crossing_unit() { ArmUnits::Shared } else { ArmUnits::Separate };
            let replicates = usize::try_from(question.replicates).unwrap_or(usize::MAX);
            for (name, share) in [
                ("ratio of medians (bootstrap of units)", 0.5),
                ("ratio of 90th percentiles (bootstrap of units)", 0.9),
            ] {
                let found =
                    stats::quantile_ratio(treated, control, share, shared, replicates, question.seed, confidence);
                let limits =
                    found.map_err(words).map(|found| (oriented_interval(logarithms(found.percentile), sign), None));
                views.push(view(name, limits));
            }
        }
        let test = self.permuted(question).map(|test| test.p_two_sided);
        let name = if self.has_crossing_unit() {
            "arms exchanged within units (permutation)"
        } else {
            "units exchanged between arms (permutation)"
        };
        views.push(View { name, limits: None, p_value: test.as_ref().ok().copied(), why_not: test.err() });
        views
    }

    /// Whether some unit has rows in both arms.
    fn has_crossing_unit(&self) -> bool {
        let of = |is_treated| self.arm(is_treated).1.into_iter().collect::<BTreeSet<&str>>();
        !of(true).is_disjoint(&of(false))
    }

    /// Exchanges arms as chance would have: within units that have both, else whole units between arms.
    fn permuted(&self, question: &Question) -> Result<PermutationTest, String> {
        let values = self.scaled();
        let (replicates, seed) = (u64::from(question.replicates), question.seed);
        if self.has_crossing_unit() {
            return stats::stratified_permutation_test(&values, &self.is_treated, &self.units, replicates, seed)
                .map_err(words);
        }
        let mut means: BTreeMap<&str, (bool, Vec<f64>)> = BTreeMap::new();
        for (row, unit) in self.units.iter().enumerate() {
            means.entry(unit).or_insert((self.is_treated[row], Vec::new())).1.push(values[row]);
        }
        let arm = |is_treated: bool| -> Vec<f64> {
            let of_arm = means.values().filter(|(treated, _)| *treated == is_treated);
            of_arm
                .map(|(_, values)| {
                    let mut values = values.clone();
                    values.sort_by(f64::total_cmp);
                    values.iter().sum::<f64>() / values.len() as f64
                })
                .collect()
        };
        stats::permutation_test(&arm(true), &arm(false), replicates, seed).map_err(words)
    }

    /// By the standardised difference: the effect over the standard deviation of outcomes within arms.
    fn e_value(&self, effect: Interval) -> Option<[f64; 2]> {
        let values = self.scaled();
        let of = |is_treated: bool| {
            let mut own: Vec<f64> = values
                .iter()
                .zip(&self.is_treated)
                .filter(|(_, treated)| **treated == is_treated)
                .map(|(value, _)| *value)
                .collect();
            own.sort_by(f64::total_cmp);
            let mean = own.iter().sum::<f64>() / own.len() as f64;
            own.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>()
        };
        let deviation = ((of(false) + of(true)) / (values.len() as f64 - 2.0)).sqrt();
        // As risk ratios: VanderWeele and Ding, by Chinn's 0.91 a standard deviation. The limits are those of the effect.
        let ratio = |difference: f64| libm::exp(0.91 * difference / deviation);
        let found =
            stats::e_value(ratio(effect.estimate), ratio(effect.low), ratio(effect.high), RatioKind::Risk).ok()?;
        Some([found.of_estimate, found.of_limit])
    }

    /// The effect without each unit, where units are more than rows and not too many.
    fn left_out(&self, question: &Question, sign: f64, whole: f64) -> Option<[LeftOut; 2]> {
        let units: BTreeSet<&str> = self.units.iter().map(String::as_str).collect();
        if question.unit.is_none() || units.len() > MOST_LEFT_OUT {
            return None;
        }
        let without = |unit: &&str| {
            let wald = oriented(self.fit(|name| name != *unit).ok()?.cr2(1).ok()?, sign);
            let interval = wald.interval(1.0 - question.alpha).ok()?;
            let class = Class::of(interval.low, interval.high, question.margin);
            Some(LeftOut { unit: (*unit).to_owned(), estimate: wald.estimate, class })
        };
        let mut found: Vec<LeftOut> = units.iter().filter_map(without).collect();
        found.sort_by(|one, other| (one.estimate - whole).total_cmp(&(other.estimate - whole)));
        Some([found.first()?.clone(), found.last()?.clone()])
    }
}

fn view(name: &'static str, found: Result<(Limits, Option<f64>), String>) -> View {
    match found {
        Ok((limits, p_value)) => View { name, limits: Some(limits), p_value, why_not: None },
        Err(why) => View { name, limits: None, p_value: None, why_not: Some(why) },
    }
}

fn words(error: impl std::error::Error) -> String {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

fn unusable(error: impl std::error::Error) -> ComparisonError {
    ComparisonError::Terms(words(error))
}

fn listed(words: &BTreeSet<&str>) -> String {
    const MOST: usize = 12;
    let shown: Vec<String> = words.iter().take(MOST).map(|word| format!("`{word}`")).collect();
    if words.len() > MOST { format!("{} and {} more", shown.join(", "), words.len() - MOST) } else { shown.join(", ") }
}
