//! The interval of a quantile of a survival curve whose subjects come in clusters.

use super::{KaplanMeier, SurvivalError, check_probability};
use crate::bootstrap::{Bca, BootstrapError, Numbered, ResamplePlace, check_plan, multiplicity_bootstrap_bca};
use crate::step_function::crossings;

/// Why a quantile of a survival curve has no bootstrap interval.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SurvivalBootstrapError {
    /// The subjects or the probability are not possible.
    #[error(transparent)]
    Survival(#[from] SurvivalError),
    /// The resampling has no answer.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
}

/// Gives the `BCa` interval of a quantile of [`KaplanMeier`], for subjects in clusters.
///
/// # Model
/// That of [`KaplanMeier`] for each subject; clusters are independent and alike, and subjects within a cluster may
/// depend on one another in any way.
///
/// # Formula
/// The answer is, to the last bit, that of [`cluster_bootstrap_bca`](crate::cluster_bootstrap_bca) with a statistic that
/// fits the curve anew and asks for its quantile: both draw alike and multiply in the same order. Subjects are sorted
/// once; a replicate of `n` subjects takes one pass over them, up to the quantile.
///
/// `durations`, `observed` and `clusters` are `[n]`: subject `i` belongs to the cluster named `clusters[i]`.
///
/// # Errors
/// [`SurvivalBootstrapError::Survival`] when the subjects cannot be fitted or `probability` is not strictly between 0
/// and 1. [`SurvivalBootstrapError::Bootstrap`] as from `cluster_bootstrap_bca`; the statistic is undefined where the
/// curve does not reach the quantile, be it for the data, for one replicate or with one cluster left out.
///
/// # Use with care
/// Below about twenty clusters the limits are optimistic. Where subjects are independent,
/// [`KaplanMeier::quantile_interval`] needs no resampling and knows open ends.
///
/// # Examples
/// ```
/// let hours: Vec<f64> = (0..90).map(|i| f64::from(i * 7 % 31)).collect();
/// let ended: Vec<bool> = (0..90).map(|i| i % 5 > 0).collect();
/// let clusters: Vec<u32> = (0..90).map(|i| i / 3).collect();
/// let bca = stats::kaplan_meier_quantile_bca(&hours, &ended, &clusters, 0.5, 999, 7, 0.95)?;
/// assert!(bca.interval.low < bca.interval.estimate && bca.interval.estimate < bca.interval.high);
/// # Ok::<(), stats::SurvivalBootstrapError>(())
/// ```
///
/// # References
/// Efron (1981), Journal of the American Statistical Association 76, 312–319 (drawing subjects whole, with their
/// censoring). Efron (1987), Journal of the American Statistical Association 82, 171–185.
pub fn kaplan_meier_quantile_bca<K: Ord>(
    durations: &[f64],
    observed: &[bool],
    clusters: &[K],
    probability: f64,
    replicates: usize,
    seed: u64,
    confidence: f64,
) -> Result<Bca, SurvivalBootstrapError> {
    let probabilities = [probability];
    let intervals =
        kaplan_meier_quantiles_bca(durations, observed, clusters, &probabilities, replicates, seed, confidence)?;
    intervals
        .into_iter()
        .next()
        .unwrap_or(Err(BootstrapError::Undefined { place: ResamplePlace::Data }))
        .map_err(Into::into)
}

/// Gives what [`kaplan_meier_quantile_bca`] gives, to the last bit, for several probabilities at the cost of the highest.
///
/// The answer is `[probabilities]`: an interval for each, or why that one has none.
///
/// # Errors
/// [`SurvivalBootstrapError`] where no probability can have an interval: for the subjects, the clusters, the plan, or a
/// probability that is not strictly between 0 and 1.
///
/// # Examples
/// ```
/// let hours: Vec<f64> = (0..90).map(|i| f64::from(i * 7 % 31)).collect();
/// let clusters: Vec<u32> = (0..90).map(|i| i / 3).collect();
/// let both = stats::kaplan_meier_quantiles_bca(&hours, &[true; 90], &clusters, &[0.5, 0.9], 999, 7, 0.95)?;
/// let median = stats::kaplan_meier_quantile_bca(&hours, &[true; 90], &clusters, 0.5, 999, 7, 0.95)?;
/// assert_eq!(both[0], Ok(median));
/// # Ok::<(), stats::SurvivalBootstrapError>(())
/// ```
pub fn kaplan_meier_quantiles_bca<K: Ord>(
    durations: &[f64],
    observed: &[bool],
    clusters: &[K],
    probabilities: &[f64],
    replicates: usize,
    seed: u64,
    confidence: f64,
) -> Result<Vec<Result<Bca, BootstrapError>>, SurvivalBootstrapError> {
    check_plan(replicates, confidence)?;
    // What cannot be fitted cannot be drawn from either.
    KaplanMeier::fit(durations, observed)?;
    let numbered = Numbered::of(durations.len(), clusters)?;
    probabilities.iter().try_for_each(|probability| check_probability(*probability))?;
    let mut subjects: Vec<Placed> = durations
        .iter()
        .zip(observed)
        .zip(&numbered.clusters)
        .map(|((&time, &observed), &cluster)| Placed { time, observed, cluster })
        .collect();
    subjects.sort_unstable_by(|one, other| one.time.total_cmp(&other.time));
    let mut steps = Vec::new();
    let statistics = |multiplicities: &[usize], quantiles: &mut [Option<f64>]| {
        quantiles_of_sample(&subjects, multiplicities, probabilities, &mut steps, quantiles);
    };
    Ok(multiplicity_bootstrap_bca(numbered.count, probabilities.len(), statistics, replicates, seed, confidence))
}

/// A subject with the number of its cluster.
pub(super) struct Placed {
    pub(super) time: f64,
    pub(super) observed: bool,
    pub(super) cluster: usize,
}

/// The quantiles of the curve of a sample that holds each cluster so many times; `None` where one is not reached.
pub(super) fn quantiles_of_sample(
    subjects: &[Placed],
    multiplicities: &[usize],
    probabilities: &[f64],
    steps: &mut Vec<(f64, f64)>,
    quantiles: &mut [Option<f64>],
) {
    let longest = subjects.iter().rfind(|subject| multiplicities[subject.cluster] > 0);
    let Some(Placed { time: longest, .. }) = longest else { return quantiles.fill(None) };
    let mut at_risk: usize = subjects.iter().map(|subject| multiplicities[subject.cluster]).sum();
    let mut survival = 1.0;
    #[expect(clippy::float_cmp, reason = "only times that are the same belong to one step")]
    let computed = subjects.chunk_by(|one, other| one.time == other.time).filter_map(|tied| {
        let count = |subject: &Placed| multiplicities[subject.cluster];
        let leaving: usize = tied.iter().map(count).sum();
        let events: usize = tied.iter().filter(|subject| subject.observed).map(count).sum();
        // A time that the sample does not hold is no step of its curve.
        (leaving > 0).then(|| {
            survival *= (at_risk - events) as f64 / at_risk as f64;
            at_risk -= leaving;
            (tied[0].time, 1.0 - survival)
        })
    });
    crossings(computed, probabilities, *longest, steps, quantiles);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bootstrap::cluster_bootstrap_bca;
    use crate::random::Philox;

    fn draw(count: usize) -> (Vec<f64>, Vec<bool>, Vec<usize>) {
        let mut random = Philox::new(11, 0);
        let mut subjects = (Vec::new(), Vec::new(), Vec::new());
        for subject in 0..count {
            // Whole numbers, so that times tie.
            subjects.0.push((40.0 * random.unit()).floor());
            subjects.1.push(random.unit() < 0.8);
            subjects.2.push(subject * subject % 53);
        }
        subjects
    }

    #[test]
    fn the_interval_is_that_of_fits_in_any_order() {
        let (durations, observed, clusters) = draw(200);
        let subjects: Vec<(f64, bool)> = durations.iter().copied().zip(observed.iter().copied()).collect();
        for probability in [0.25, 0.5, 0.75] {
            let fitted = |drawn: &mut [(f64, bool)]| {
                let (durations, observed): (Vec<f64>, Vec<bool>) = drawn.iter().copied().unzip();
                KaplanMeier::fit(&durations, &observed).ok()?.quantile(probability).ok()?.reached()
            };
            let oracle = cluster_bootstrap_bca(&subjects, &clusters, fitted, 400, 3, 0.95);
            let counted = kaplan_meier_quantile_bca(&durations, &observed, &clusters, probability, 400, 3, 0.95);
            assert!(oracle.is_ok(), "{oracle:?}");
            assert_eq!(counted, oracle.map_err(SurvivalBootstrapError::from), "{probability}");
        }
        let backwards = |values: &[f64]| values.iter().rev().copied().collect::<Vec<_>>();
        let flags: Vec<bool> = observed.iter().rev().copied().collect();
        let names: Vec<usize> = clusters.iter().rev().copied().collect();
        assert_eq!(
            kaplan_meier_quantile_bca(&durations, &observed, &clusters, 0.5, 400, 3, 0.95),
            kaplan_meier_quantile_bca(&backwards(&durations), &flags, &names, 0.5, 400, 3, 0.95)
        );
    }

    #[test]
    fn an_interval_without_an_answer_says_why() {
        let plan = |durations: &[f64], observed: &[bool], clusters: &[u8], probability| {
            kaplan_meier_quantile_bca(durations, observed, clusters, probability, 99, 1, 0.9).expect_err("no answer")
        };
        let undefined = BootstrapError::Undefined { place: ResamplePlace::Data };
        assert_eq!(plan(&[1.0, 2.0], &[true, false], &[1, 2], 0.9), undefined.into());
        assert_eq!(plan(&[-1.0], &[true], &[1], 0.5), SurvivalError::Duration { duration: -1.0 }.into());
        assert_eq!(plan(&[1.0], &[true], &[1], 0.5), BootstrapError::TooFewClusters { clusters: 1 }.into());
        let probability = SurvivalError::Probability { probability: 1.0 };
        assert_eq!(plan(&[1.0, 2.0], &[true, true], &[1, 2], 1.0), probability.into());
    }
}
