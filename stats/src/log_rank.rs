//! Whether two or more groups of durations have one hazard.

use nalgebra::{DMatrix, DVector};

use crate::distributions::{DistributionError, chi_squared_upper_tail};
use crate::survival::{KaplanMeier, SurvivalError};

#[cfg(test)]
mod tests;

/// Why groups of durations have no test.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum LogRankError {
    /// The durations are not possible.
    #[error(transparent)]
    Survival(#[from] SurvivalError),
    /// Durations and what stands beside them are not of one length.
    #[error("there are `{durations}` durations and `{beside}` names of groups or strata")]
    LengthMismatch {
        /// How many durations were given.
        durations: usize,
        /// How many groups or strata were named.
        beside: usize,
    },
    /// Fewer than two groups were at risk at an event.
    #[error("a comparison needs two groups at risk when events happen, there are `{groups}`")]
    TooFewGroups {
        /// Groups with somebody at risk at an event.
        groups: usize,
    },
    /// Groups never meet: at no event, directly or by way of others, are all of them at risk together.
    #[error("some groups are never at risk together at an event that leaves somebody at risk")]
    Unconnected,
    /// A tail could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
}

/// A statistic with a chi-squared distribution under the hypothesis it tests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChiSquaredTest {
    /// The statistic.
    pub statistic: f64,
    /// Its degrees of freedom.
    pub degrees_of_freedom: usize,
    /// The probability of a statistic at least as large under the hypothesis.
    pub p: f64,
}

impl ChiSquaredTest {
    pub(crate) fn of(statistic: f64, degrees_of_freedom: usize) -> Result<Self, DistributionError> {
        // Rounding may bring a statistic just below 0.
        let statistic = statistic.max(0.0);
        let p = chi_squared_upper_tail(statistic, degrees_of_freedom as f64)?;
        Ok(Self { statistic, degrees_of_freedom, p })
    }
}

/// What events before others count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogRankWeight {
    /// All alike: the log-rank test, most powerful where hazards are proportional.
    Equal,
    /// By the survival just before them, of all groups of the stratum together: early events count more.
    Survival,
}

/// The events of one group, each counted by its weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupEvents {
    /// How many subjects the group has.
    pub subjects: u64,
    /// Its events.
    pub observed: f64,
    /// What it would have had if all groups had one hazard.
    pub expected: f64,
    /// The variance of `observed − expected` under that hypothesis.
    pub variance: f64,
}

/// A comparison of the hazards of groups.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRank {
    /// The groups, in the order of their names.
    pub groups: Vec<GroupEvents>,
    /// The test that all have one hazard.
    pub test: ChiSquaredTest,
}

/// Tests whether groups of durations have one hazard.
///
/// # Model
/// That of [`KaplanMeier`] in each group; under the hypothesis, each of those at risk is equally likely to have the event.
///
/// # Formula
/// ```text
/// O_g = Σ w d_g      E_g = Σ w d n_g / n      V_gh = Σ w² d (n − d) / (n − 1) · (n_g / n) (δ_gh − n_h / n)
/// χ² = (O − E)ᵀ V⁻ (O − E)      degrees of freedom: groups with E > 0, less one
/// ```
/// Sums run over the times of events: `d` events among `n` at risk, `d_g` and `n_g` in group `g`. The variance is the
/// hypergeometric one, which is right under ties. `w` is 1 or `S(t−)`, see [`LogRankWeight`].
///
/// `durations`, `observed` and `groups` are `[n]`.
///
/// # Errors
/// [`LogRankError`] when lengths differ, a duration is negative or not finite, fewer than two groups are at risk at an
/// event, or groups never meet.
///
/// # Use with care
/// A p value near 1 does not say that curves are alike: where they cross, this test sees little. Subjects must be
/// independent; see [`log_rank_stratified`] for those that share a service, and
/// [`restricted_mean_ratio_bca`](crate::restricted_mean_ratio_bca) for an answer in hours.
///
/// # Examples
/// ```
/// use stats::LogRankWeight;
/// let found = stats::log_rank(&[1.0, 2.0, 3.0, 4.0], &[true; 4], &["a", "a", "b", "b"], LogRankWeight::Equal)?;
/// // Of group a: one of two in four at time 1, one of one in three at time 2, and none later.
/// assert!((found.groups[0].expected - (0.5 + 1.0 / 3.0)).abs() < 1e-15);
/// assert!((found.test.statistic - (2.0 - 5.0 / 6.0_f64).powi(2) / (1.0 / 4.0 + 2.0 / 9.0)).abs() < 1e-12);
/// # Ok::<(), stats::LogRankError>(())
/// ```
///
/// # References
/// Mantel (1966), Cancer Chemotherapy Reports 50, 163–170. Peto & Peto (1972), Journal of the Royal Statistical Society A
/// 135, 185–207. Harrington & Fleming (1982), Biometrika 69, 553–566.
pub fn log_rank<G: Ord>(
    durations: &[f64],
    observed: &[bool],
    groups: &[G],
    weight: LogRankWeight,
) -> Result<LogRank, LogRankError> {
    log_rank_stratified(durations, observed, groups, &vec![(); durations.len()], weight)
}

/// Tests whether groups of durations have one hazard within each stratum.
///
/// # Model
/// That of [`log_rank`] within each stratum; hazards may differ between strata in any way.
///
/// # Formula
/// `O`, `E` and `V` of [`log_rank`] are computed in each stratum and added.
///
/// `durations`, `observed`, `groups` and `strata` are `[n]`.
///
/// # Errors
/// As for [`log_rank`].
///
/// # Use with care
/// A stratum that holds one group only adds nothing. Effects that differ in sign between strata cancel.
///
/// # Examples
/// ```
/// use stats::LogRankWeight;
/// let (hours, group) = ([1.0, 2.0, 10.0, 20.0], ["new", "old", "new", "old"]);
/// let found =
///     stats::log_rank_stratified(&hours, &[true; 4], &group, &["api", "api", "web", "web"], LogRankWeight::Equal)?;
/// assert_eq!((found.groups[0].observed, found.groups[0].expected), (2.0, 1.0));
/// # Ok::<(), stats::LogRankError>(())
/// ```
///
/// # References
/// Mantel (1966), Cancer Chemotherapy Reports 50, 163–170.
pub fn log_rank_stratified<G: Ord, S: Ord>(
    durations: &[f64],
    observed: &[bool],
    groups: &[G],
    strata: &[S],
    weight: LogRankWeight,
) -> Result<LogRank, LogRankError> {
    // Errors of the input are those of the curve of all.
    KaplanMeier::fit(durations, observed)?;
    for beside in [groups.len(), strata.len()] {
        if beside != durations.len() {
            return Err(LogRankError::LengthMismatch { durations: durations.len(), beside });
        }
    }
    let (group_numbers, count) = numbers(groups);
    let (stratum_numbers, _) = numbers(strata);
    let mut subjects: Vec<Subject> = (0..durations.len())
        .map(|place| Subject {
            stratum: stratum_numbers[place],
            // Adding zero gives all zeros one sign.
            time: durations[place] + 0.0,
            observed: observed[place],
            group: group_numbers[place],
        })
        .collect();
    subjects.sort_unstable_by(|one, other| one.stratum.cmp(&other.stratum).then(one.time.total_cmp(&other.time)));
    let mut sums = Sums::of(count);
    for stratum in subjects.chunk_by(|one, other| one.stratum == other.stratum) {
        sums.add(stratum, weight);
    }
    sums.finish()
}

struct Subject {
    stratum: usize,
    time: f64,
    observed: bool,
    group: usize,
}

struct Sums {
    subjects: Vec<u64>,
    observed: DVector<f64>,
    expected: DVector<f64>,
    covariance: DMatrix<f64>,
}

impl Sums {
    fn of(groups: usize) -> Self {
        Self {
            subjects: vec![0; groups],
            observed: DVector::zeros(groups),
            expected: DVector::zeros(groups),
            covariance: DMatrix::zeros(groups, groups),
        }
    }

    /// Adds the events of one stratum, whose subjects are sorted by time.
    fn add(&mut self, stratum: &[Subject], weight: LogRankWeight) {
        let groups = self.subjects.len();
        let mut at_risk = vec![0_u64; groups];
        for subject in stratum {
            at_risk[subject.group] += 1;
            self.subjects[subject.group] += 1;
        }
        let (mut all, mut survival) = (stratum.len() as u64, 1.0);
        #[expect(clippy::float_cmp, reason = "only times that are the same belong together")]
        for tied in stratum.chunk_by(|one, other| one.time == other.time) {
            let events = tied.iter().filter(|subject| subject.observed).count() as u64;
            if events > 0 {
                let weight = if weight == LogRankWeight::Equal { 1.0 } else { survival };
                for subject in tied.iter().filter(|subject| subject.observed) {
                    self.observed[subject.group] += weight;
                }
                self.expect(&at_risk, (events as f64, all as f64), weight);
                survival *= (all - events) as f64 / all as f64;
            }
            all -= tied.len() as u64;
            for subject in tied {
                at_risk[subject.group] -= 1;
            }
        }
    }

    fn expect(&mut self, at_risk: &[u64], (events, all): (f64, f64), weight: f64) {
        let spread = if all > 1.0 { weight * weight * events * (all - events) / (all - 1.0) } else { 0.0 };
        for (group, own) in at_risk.iter().enumerate() {
            let share = *own as f64 / all;
            self.expected[group] += weight * events * share;
            for (other, others) in at_risk.iter().enumerate() {
                let same = f64::from(u8::from(group == other));
                self.covariance[(group, other)] += spread * share * (same - *others as f64 / all);
            }
        }
    }

    fn finish(self) -> Result<LogRank, LogRankError> {
        let compared: Vec<usize> = (0..self.subjects.len()).filter(|group| self.expected[*group] > 0.0).collect();
        let Some((_, free)) = compared.split_last().filter(|(_, free)| !free.is_empty()) else {
            return Err(LogRankError::TooFewGroups { groups: compared.len() });
        };
        let excess = DVector::from_iterator(free.len(), free.iter().map(|g| self.observed[*g] - self.expected[*g]));
        let covariance = self.covariance.select_rows(free).select_columns(free);
        let statistic = quadratic_form(&covariance, &excess).ok_or(LogRankError::Unconnected)?;
        let groups = (0..self.subjects.len())
            .map(|group| GroupEvents {
                subjects: self.subjects[group],
                observed: self.observed[group],
                expected: self.expected[group],
                variance: self.covariance[(group, group)],
            })
            .collect();
        Ok(LogRank { groups, test: ChiSquaredTest::of(statistic, free.len())? })
    }
}

/// `xᵀ V⁻¹ x`; `None` unless `V` is positive definite.
pub(crate) fn quadratic_form(covariance: &DMatrix<f64>, vector: &DVector<f64>) -> Option<f64> {
    let factor = positive_definite(covariance)?;
    let mut solved = vector.clone();
    factor.l_dirty().solve_lower_triangular_mut(&mut solved).then(|| solved.norm_squared())
}

/// The Cholesky decomposition; `None` where a pivot is below 1e-10 of what it was: rounding made it, nothing else.
pub(crate) fn positive_definite(matrix: &DMatrix<f64>) -> Option<nalgebra::Cholesky<f64, nalgebra::Dyn>> {
    let factor = matrix.clone().cholesky()?;
    let lower = factor.l_dirty();
    (0..matrix.nrows()).all(|i| lower[(i, i)] * lower[(i, i)] > 1e-10 * matrix[(i, i)]).then_some(factor)
}

/// The place of each name among the distinct names, and how many those are.
fn numbers<N: Ord>(names: &[N]) -> (Vec<usize>, usize) {
    let mut distinct: Vec<&N> = names.iter().collect();
    distinct.sort_unstable();
    distinct.dedup();
    (names.iter().map(|name| distinct.partition_point(|known| *known < name)).collect(), distinct.len())
}
