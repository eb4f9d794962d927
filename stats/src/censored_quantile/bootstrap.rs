//! The interval of a quantile of a time of which only the last part is censored.

use super::{CensoredQuantileError, Ordered, Subject, check_probability};
use crate::bootstrap::{Bca, BootstrapError, Numbered, ResamplePlace, check_plan, multiplicity_bootstrap_bca};
use crate::step_function::crossings;

/// Why a quantile of a censored total has no bootstrap interval.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum CensoredBootstrapError {
    /// The subjects or the probability are not possible.
    #[error(transparent)]
    Quantile(#[from] CensoredQuantileError),
    /// The resampling has no answer.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
}

/// Gives the `BCa` interval of a quantile of [`CensoredQuantile`](super::CensoredQuantile), for subjects in clusters.
///
/// # Model
/// That of [`CensoredQuantile`](super::CensoredQuantile) for each subject; clusters are independent and alike, and
/// subjects within a cluster may depend on one another in any way.
///
/// # Formula
/// A replicate holds cluster `c` with multiplicity `m_c`, drawn as in
/// [`cluster_bootstrap_bca`](crate::cluster_bootstrap_bca); the jackknife holds all clusters but one once. With `c(i)`
/// the cluster of subject `i`, both have the distribution function
/// ```text
/// F*(t) = Σ m_c(i) δᵢ 1{Tᵢ ≤ t} / #*(Dᵢ)      #*(d) = Σ m_c(j) 1{Cⱼ ≥ d}
/// ```
/// and its quantile by the same rule. The answer is, to the last bit, that of `cluster_bootstrap_bca` with a statistic
/// that fits anew and asks for the quantile: both draw alike and sum in the same order, completions with one total and
/// one delay as a count. Only the cost differs. Subjects are sorted once; a replicate of `n` subjects takes one pass
/// over the sorted censoring times, for all `#*`, and one over the sorted completions, up to the quantile. With `k`
/// clusters and `B` replicates that is `O(n log n + (B + k) n)`.
///
/// `subjects` and `clusters` are `[n]`: subject `i` belongs to the cluster named `clusters[i]`; limits are in the unit
/// of the times.
///
/// # Errors
/// [`CensoredBootstrapError::Quantile`] when the subjects cannot be fitted or `probability` is not strictly between 0
/// and 1. [`CensoredBootstrapError::Bootstrap`] as from `cluster_bootstrap_bca`; the statistic is undefined where `F`
/// does not reach the quantile, be it for the data, for one replicate or with one cluster left out.
///
/// # Use with care
/// Below about twenty clusters the limits are optimistic. Subjects that still wait belong to no common end yet: give
/// each a cluster of its own, unless something else binds them.
///
/// # Examples
/// ```
/// use stats::{Completion, Subject};
/// let subject = |i: u32| {
///     let (delay, censoring_time) = (f64::from(i * 7 % 30), f64::from(10 + i * 11 % 60));
///     let completion = Completion { total: delay + f64::from(i * i % 41), delay };
///     Subject { censoring_time, completion: (delay <= censoring_time).then_some(completion) }
/// };
/// let subjects: Vec<Subject> = (0..120).map(subject).collect();
/// let clusters: Vec<u32> = (0..120).map(|i| i / 3).collect();
/// let bca = stats::censored_quantile_bca(&subjects, &clusters, 0.5, 999, 7, 0.95)?;
/// assert!(bca.interval.low < bca.interval.estimate && bca.interval.estimate < bca.interval.high);
/// # Ok::<(), stats::CensoredBootstrapError>(())
/// ```
///
/// # References
/// Efron (1987), Journal of the American Statistical Association 82, 171–185. Efron (1981), Journal of the American
/// Statistical Association 76, 312–319 (drawing subjects whole, with their censoring).
pub fn censored_quantile_bca<K: Ord>(
    subjects: &[Subject],
    clusters: &[K],
    probability: f64,
    replicates: usize,
    seed: u64,
    confidence: f64,
) -> Result<Bca, CensoredBootstrapError> {
    let probabilities = [probability];
    let intervals = censored_quantiles_bca(subjects, clusters, &probabilities, replicates, seed, confidence)?;
    intervals
        .into_iter()
        .next()
        .unwrap_or(Err(BootstrapError::Undefined { place: ResamplePlace::Data }))
        .map_err(Into::into)
}

/// Gives what [`censored_quantile_bca`] gives, to the last bit, for several probabilities at the cost of the highest.
///
/// Every sample is drawn once, and its distribution function computed once. The answer is `[probabilities]`: an interval
/// for each, or why that one has none.
///
/// # Errors
/// [`CensoredBootstrapError`] where no probability can have an interval: for the subjects, the clusters, the plan, or a
/// probability that is not strictly between 0 and 1.
///
/// # Examples
/// ```
/// use stats::{Completion, Subject};
/// let subject = |total: f64| Subject { censoring_time: 9.0, completion: Some(Completion { total, delay: 0.0 }) };
/// let subjects: Vec<Subject> = (0..90).map(|i| subject(f64::from(i * 7 % 31))).collect();
/// let clusters: Vec<u32> = (0..90).map(|i| i / 3).collect();
/// let both = stats::censored_quantiles_bca(&subjects, &clusters, &[0.5, 0.9], 999, 7, 0.95)?;
/// let median = stats::censored_quantile_bca(&subjects, &clusters, 0.5, 999, 7, 0.95)?;
/// assert_eq!(both[0], Ok(median));
/// # Ok::<(), stats::CensoredBootstrapError>(())
/// ```
pub fn censored_quantiles_bca<K: Ord>(
    subjects: &[Subject],
    clusters: &[K],
    probabilities: &[f64],
    replicates: usize,
    seed: u64,
    confidence: f64,
) -> Result<Vec<Result<Bca, BootstrapError>>, CensoredBootstrapError> {
    check_plan(replicates, confidence)?;
    let numbered = Numbered::of(subjects.len(), clusters)?;
    let ordered = Ordered::of(subjects, &numbered.clusters)?;
    probabilities.iter().try_for_each(|probability| check_probability(*probability))?;
    let statistics = quantiles_of_samples(&ordered, probabilities);
    Ok(multiplicity_bootstrap_bca(numbered.count, probabilities.len(), statistics, replicates, seed, confidence))
}

/// The quantiles as a function of how often each cluster is in the sample; `None` where `F` does not reach one.
pub(super) fn quantiles_of_samples(
    ordered: &Ordered,
    probabilities: &[f64],
) -> impl FnMut(&[usize], &mut [Option<f64>]) {
    let (mut observable, mut steps) = (Vec::new(), Vec::new());
    move |multiplicities, quantiles| {
        let longest = ordered.longest_total(multiplicities).zip(ordered.longest_censoring_time(multiplicities));
        let Some((total, censoring_time)) = longest else { return quantiles.fill(None) };
        ordered.count_observable(multiplicities, &mut observable);
        let computed = ordered.steps(multiplicities, &observable);
        crossings(computed, probabilities, total.max(censoring_time), &mut steps, quantiles);
    }
}
