//! What a procedure finds where nothing happened: adoption dates dealt out anew, and dates before the true one.

use std::num::NonZeroU64;

use crate::interval::Interval;
use crate::panel::Panel;
use crate::proportions::{ProportionError, clopper_pearson_interval};
use crate::random::Philox;

mod statistic;
#[cfg(test)]
mod tests;

use statistic::Prepared;

/// Why a placebo test has no answer.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum PlaceboError {
    /// No unit is treated within the panel.
    #[error("no unit of the panel is treated")]
    NoTreated,
    /// No unit can serve as a control for any treated one.
    #[error("no unit of the panel can serve as a control")]
    NoControls,
    /// All units have the same date, so dealing dates out anew changes nothing.
    #[error("all units have the same date")]
    OneAssignment,
    /// There are more assignments than may be enumerated, and no replicate may be drawn.
    #[error("there are more assignments than replicates, and no replicates were asked for")]
    NoReplicates,
    /// The series before treatment is too short for a date with enough points on both sides.
    #[error("`{points}` points hold no date with `{each_side}` on each side")]
    TooShort {
        /// How many points there are.
        points: usize,
        /// How many were asked for on each side.
        each_side: usize,
    },
    /// The level of a test is not strictly between 0 and 1.
    #[error("the level of a test must lie strictly between 0 and 1, got `{level}`")]
    Level {
        /// The level.
        level: f64,
    },
    /// The procedure gave an answer at none of the dates.
    #[error("the procedure gave no answer at any placebo date")]
    NoAnswers,
    /// The rate has no interval.
    #[error(transparent)]
    Proportion(#[from] ProportionError),
}

/// The effect whose size is compared with its sizes under other assignments of dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceboStatistic {
    /// The mean over treated units of their mean after the date less their mean before it, less the never treated
    /// units' mean of the same difference at the same date.
    BeforeAfter,
    /// The mean effect on a treated unit of [`GroupTimeEffects::by_group`](crate::GroupTimeEffects::by_group) with
    /// controls not yet treated, without covariates.
    GroupEffect,
}

/// An effect among those under the same dates dealt out to other units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlaceboTest {
    /// The effect under the true dates.
    pub observed: f64,
    /// How many assignments were compared, the true one included.
    pub assignments: u64,
    /// How many have an effect at least as large.
    pub at_least: u64,
    /// How many have an effect at most as large.
    pub at_most: u64,
    /// How many have an effect at least as far from 0.
    pub at_least_absolute: u64,
    /// The share of [`PlaceboTest::at_least_absolute`]: the two-sided probability.
    pub p_two_sided: f64,
    /// The mean effect over the assignments.
    pub mean: f64,
    /// Their standard deviation, divided by their number.
    pub standard_deviation: f64,
    /// Whether every assignment was compared, rather than a sample of them.
    pub is_exact: bool,
}

/// Tests an effect by dealing out the dates of adoption anew.
///
/// # Model
/// The dates were given to the units at random, or at least without regard to how they would have done. If treatment
/// does nothing to anyone, every assignment of the same dates to other units was as likely to show an effect as large.
///
/// # Formula
/// ```text
/// p = #{assignments with |T| ≥ |T observed|} / #{assignments}
/// ```
/// Every different assignment is compared where they are at most `replicates`; else so many are drawn, and the true one
/// is counted with them. An assignment counts as equal where it differs by less than 1e-9 of the spread. Units keep their
/// weights. Replicate `r` uses stream `r` of `seed`: the answer depends on nothing else.
///
/// # Errors
/// [`PlaceboError`] when no unit is treated, none can be a control, all have one date, or there are more assignments
/// than `replicates` and `replicates` is 0.
///
/// # Use with care
/// Exact for the hypothesis of no effect on anybody, whatever the number of units; it speaks of chance in who was
/// treated when, not of a larger population. With few units no assignment can be rare: the smallest p is one over their
/// number. Clusters are not kept together.
///
/// # Examples
/// ```
/// use stats::{Panel, PanelUnit, PlaceboStatistic};
/// let panel = Panel::new(&[
///     PanelUnit::new(vec![1.0, 2.0, 7.0, 8.0], Some(2)),
///     PanelUnit::new(vec![3.0, 2.0, 3.0, 2.0], None),
///     PanelUnit::new(vec![5.0, 5.0, 6.0, 5.0], None),
///     PanelUnit::new(vec![0.0, 1.0, 0.0, 0.0], None),
/// ])?;
/// let test = stats::placebo_adoption(&panel, PlaceboStatistic::BeforeAfter, 1_000, 7)?;
/// assert!(test.is_exact && test.assignments == 4);
/// assert_eq!(test.p_two_sided, 0.25);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # References
/// Fisher (1935), The Design of Experiments, section 21. Phipson & Smyth (2010), Statistical Applications in Genetics and
/// Molecular Biology 9, 39 (counting the true assignment).
pub fn placebo_adoption(
    panel: &Panel,
    statistic: PlaceboStatistic,
    replicates: u64,
    seed: u64,
) -> Result<PlaceboTest, PlaceboError> {
    if panel.cohorts().is_empty() {
        return Err(PlaceboError::NoTreated);
    }
    let truth = panel.cohort_of_unit().to_vec();
    if truth.iter().all(|cohort| *cohort == truth[0]) {
        return Err(PlaceboError::OneAssignment);
    }
    let mut prepared = Prepared::new(panel, statistic);
    let observed = prepared.effect(&truth).ok_or(PlaceboError::NoControls)?;
    let is_exact = assignments(&truth).is_some_and(|count| count <= u128::from(replicates));
    if !is_exact && replicates == 0 {
        return Err(PlaceboError::NoReplicates);
    }
    let mut effects = Vec::new();
    let mut keep = |assignment: &[usize]| effects.extend(prepared.effect(assignment));
    if is_exact {
        let mut assignment = truth;
        assignment.sort_unstable();
        keep(&assignment);
        while next_assignment(&mut assignment) {
            keep(&assignment);
        }
    } else {
        keep(&truth);
        let mut assignment = truth.clone();
        for replicate in 0..replicates {
            assignment.copy_from_slice(&truth);
            shuffle(&mut assignment, &mut Philox::new(seed, replicate));
            keep(&assignment);
        }
    }
    Ok(compared(observed, &mut effects, is_exact))
}

/// Where an effect stands among those of all assignments, itself included.
fn compared(observed: f64, effects: &mut [f64], is_exact: bool) -> PlaceboTest {
    effects.sort_unstable_by(f64::total_cmp);
    let count = effects.len() as f64;
    let mean = effects.iter().sum::<f64>() / count;
    let deviation = |effect: &f64| (effect - mean) * (effect - mean);
    let standard_deviation = (effects.iter().map(deviation).sum::<f64>() / count).sqrt();
    let slack = 1e-9 * standard_deviation;
    let number = |holds: &dyn Fn(f64) -> bool| effects.iter().filter(|effect| holds(**effect)).count() as u64;
    let at_least_absolute = number(&|effect| effect.abs() >= observed.abs() - slack);
    PlaceboTest {
        observed,
        assignments: effects.len() as u64,
        at_least: number(&|effect| effect >= observed - slack),
        at_most: number(&|effect| effect <= observed + slack),
        at_least_absolute,
        p_two_sided: at_least_absolute as f64 / count,
        mean,
        standard_deviation,
        is_exact,
    }
}

/// How many different assignments there are; `None` where they are too many to count.
fn assignments(cohorts: &[usize]) -> Option<u128> {
    let mut sizes = vec![0_u128; cohorts.iter().max().map_or(0, |last| last + 1)];
    let (mut placed, mut count) = (0_u128, 1_u128);
    for &cohort in cohorts {
        sizes[cohort] += 1;
        placed += 1;
        // A product of binomial coefficients, each step of which is a whole number.
        count = count.checked_mul(placed)?;
        if count % sizes[cohort] != 0 {
            return None;
        }
        count /= sizes[cohort];
    }
    Some(count)
}

/// The next arrangement in the order of a dictionary; `false` after the last.
fn next_assignment(assignment: &mut [usize]) -> bool {
    let Some(pivot) = assignment.windows(2).rposition(|pair| pair[0] < pair[1]) else { return false };
    let larger = assignment.iter().rposition(|cohort| *cohort > assignment[pivot]).unwrap_or(pivot + 1);
    assignment.swap(pivot, larger);
    assignment[pivot + 1..].reverse();
    true
}

/// Every arrangement with the same probability (Durstenfeld 1964).
fn shuffle(assignment: &mut [usize], random: &mut Philox) {
    for last in (1..assignment.len()).rev() {
        let bound = NonZeroU64::new(last as u64 + 1).unwrap_or(NonZeroU64::MIN);
        let other = usize::try_from(random.below(bound)).expect("a number below a length fits");
        assignment.swap(last, other);
    }
}

/// What a procedure found at one placebo date.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlaceboDate {
    /// The first point, from 0, that was taken for treated.
    pub date: usize,
    /// The effect found; `None` where the procedure gave no answer.
    pub estimate: Option<f64>,
    /// Its two-sided probability.
    pub p: Option<f64>,
}

/// How often a procedure finds an effect where there was none.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceboDates {
    /// Every date that was tried, ascending.
    pub dates: Vec<PlaceboDate>,
    /// How many of them gave an answer.
    pub answered: u64,
    /// How many of those were below the level.
    pub rejected: u64,
    /// The share of rejections with its Clopper-Pearson interval at 95 %, as if dates were independent.
    pub false_positive_rate: Interval,
    /// The level of the tests.
    pub level: f64,
}

/// Tries a procedure at every date of a series before treatment that has enough points on both sides.
///
/// # Model
/// Nothing happened within `before`, the points before the true date. `procedure(points, date)` gives an effect and its
/// two-sided probability, or nothing; a probability below `level` is a false positive.
///
/// # Formula
/// ```text
/// rate = #{p < level} / #{answers},   dates each_side ≤ d ≤ n − each_side
/// ```
///
/// # Errors
/// [`PlaceboError`] when no date has `each_side` (at least one) points on both sides, the level is not between 0 and 1,
/// or the procedure never answers.
///
/// # Use with care
/// Neighbouring dates share nearly all their points, so that the rate is less certain than its interval says; what it
/// can do is find a procedure that errs far too often on this series.
///
/// # Examples
/// ```
/// let before: Vec<f64> = (0..30).map(|week| f64::from(week * week % 7)).collect();
/// let never = stats::placebo_dates(&before, 5, 0.05, |_, _| Some((0.0, 1.0)))?;
/// assert_eq!((never.dates.len(), never.rejected), (21, 0));
/// # Ok::<(), stats::PlaceboError>(())
/// ```
///
/// # References
/// Bertrand, Duflo & Mullainathan (2004), How much should we trust differences-in-differences estimates?, Quarterly
/// Journal of Economics 119, 249–275 (placebo laws).
pub fn placebo_dates(
    before: &[f64],
    each_side: usize,
    level: f64,
    procedure: impl Fn(&[f64], usize) -> Option<(f64, f64)>,
) -> Result<PlaceboDates, PlaceboError> {
    if !(level > 0.0 && level < 1.0) {
        return Err(PlaceboError::Level { level });
    }
    let points = before.len();
    if each_side == 0 || points / 2 < each_side {
        return Err(PlaceboError::TooShort { points, each_side });
    }
    let dates: Vec<PlaceboDate> = (each_side..=points - each_side)
        .map(|date| {
            let answer = procedure(before, date).filter(|(estimate, p)| estimate.is_finite() && p.is_finite());
            PlaceboDate { date, estimate: answer.map(|answer| answer.0), p: answer.map(|answer| answer.1) }
        })
        .collect();
    let answered = dates.iter().filter(|date| date.p.is_some()).count() as u64;
    let rejected = dates.iter().filter(|date| date.p.is_some_and(|p| p < level)).count() as u64;
    if answered == 0 {
        return Err(PlaceboError::NoAnswers);
    }
    let false_positive_rate = clopper_pearson_interval(rejected, answered, 0.95)?;
    Ok(PlaceboDates { dates, answered, rejected, false_positive_rate, level })
}
