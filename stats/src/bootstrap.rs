//! Resampling by cluster, and intervals from the replicates.

use std::num::{NonZeroU64, NonZeroUsize};

use crate::distributions::{DistributionError, normal_quantile, normal_upper_tail};
use crate::interval::{ConfidenceError, Interval, tail_probability};
use crate::numeric::{sorted, sorted_mean};
use crate::quantiles::{QuantileError, quantile};
use crate::random::Philox;
use crate::replicates::numbered;

#[cfg(test)]
mod tests;

/// Why a bootstrap gives no interval.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum BootstrapError {
    /// Values and cluster names are not of one length.
    #[error("there are `{values}` values and `{clusters}` cluster names")]
    LengthMismatch {
        /// How many values were given.
        values: usize,
        /// How many cluster names were given.
        clusters: usize,
    },
    /// Resampling needs at least two clusters.
    #[error("resampling needs at least two clusters, got `{clusters}`")]
    TooFewClusters {
        /// How many clusters there are.
        clusters: usize,
    },
    /// The limits would lie beyond the outermost replicate.
    #[error("`{replicates}` replicates cannot hold a limit at this confidence, at least `{needed}` can")]
    TooFewReplicates {
        /// How many replicates were asked for or given.
        replicates: usize,
        /// How many are needed.
        needed: usize,
    },
    /// The statistic is not defined for the data, for a replicate, or with a cluster left out.
    #[error("the statistic is not defined for {place}")]
    Undefined {
        /// Where it is not.
        place: ResamplePlace,
    },
    /// All replicates are equal, so they say nothing about uncertainty.
    #[error("all replicates are equal")]
    NoSpread,
    /// All replicates lie on one side of the estimate, so the correction for bias is infinite.
    #[error("all replicates lie on one side of the estimate")]
    OneSided,
    /// The correction for skewness has gone past its pole.
    #[error("the acceleration `{acceleration}` is too large for an interval")]
    Acceleration {
        /// The acceleration.
        acceleration: f64,
    },
    /// The level is not between 0 and 1.
    #[error(transparent)]
    Confidence(#[from] ConfidenceError),
    /// A quantile of the replicates could not be taken.
    #[error(transparent)]
    Quantile(#[from] QuantileError),
    /// A normal quantile or tail could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
}

/// Where a statistic was not defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResamplePlace {
    /// The data as they are.
    Data,
    /// A replicate, by its number.
    Replicate(usize),
    /// The data without a cluster, by its place in the order of names.
    WithoutCluster(usize),
}

impl std::fmt::Display for ResamplePlace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Data => write!(formatter, "the data"),
            Self::Replicate(number) => write!(formatter, "replicate `{number}`"),
            Self::WithoutCluster(place) => write!(formatter, "the data without cluster `{place}`"),
        }
    }
}

/// A bias-corrected and accelerated interval with the corrections that made it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bca {
    /// The estimate and its limits.
    pub interval: Interval,
    /// `z₀`, the correction for bias.
    pub bias_correction: f64,
    /// `a`, the correction for skewness.
    pub acceleration: f64,
    /// The levels at which the limits were read from the replicates.
    pub probabilities: (f64, f64),
}

/// Gives the `BCa` interval of a statistic of values that come in clusters.
///
/// # Model
/// Clusters are independent and alike; values within a cluster may depend on one another in any way.
///
/// # Formula
/// Each replicate draws as many clusters as there are, with replacement, and computes `statistic` from all their
/// values. The interval is [`bca_interval`] with the jackknife over clusters. Replicate `r` draws from stream `r` of
/// the seed, see [`Philox`]; clusters are numbered in the order of their names, so neither the order of the input nor
/// a number of threads can change the answer.
///
/// `values` and `clusters` are `[n]`: entry `i` belongs to the cluster named `clusters[i]`. `statistic` may reorder the
/// slice it is given, must not depend on its order, and answers `None` where it is not defined.
///
/// # Errors
/// [`BootstrapError`] when lengths differ, there are fewer than two clusters or too few replicates for the level, the
/// statistic is undefined or not finite anywhere, or [`bca_interval`] fails.
///
/// # Use with care
/// Below about twenty clusters the limits are optimistic. A statistic that takes few different values, such as a
/// quantile of a handful of numbers, has a rough interval. The statistic is computed once for each replicate and once
/// for each cluster; for the quantile of a censored total use [`crate::censored_quantile_bca`], which sorts only once.
///
/// # Examples
/// ```
/// let values: Vec<f64> = (0..60).map(|i| f64::from(i * i % 61)).collect();
/// let clusters: Vec<u32> = (0..60).map(|i| i / 3).collect();
/// let median = |values: &mut [f64]| stats::quantile_in_place(values, 0.5).ok();
/// let bca = stats::cluster_bootstrap_bca(&values, &clusters, median, 999, 7, 0.95)?;
/// assert!(bca.interval.low < bca.interval.estimate && bca.interval.estimate < bca.interval.high);
/// # Ok::<(), stats::BootstrapError>(())
/// ```
///
/// # References
/// Efron (1987), Journal of the American Statistical Association 82, 171–185. Davison & Hinkley (1997), Bootstrap
/// Methods and their Application, section 3.8.
pub fn cluster_bootstrap_bca<V: Clone, K: Ord>(
    values: &[V],
    clusters: &[K],
    statistic: impl Fn(&mut [V]) -> Option<f64>,
    replicates: usize,
    seed: u64,
    confidence: f64,
) -> Result<Bca, BootstrapError> {
    check_plan(replicates, confidence)?;
    let groups = Groups::of(values, clusters)?;
    let estimate = defined(statistic(&mut values.to_vec()), ResamplePlace::Data)?;
    let drawn = groups.replicates(&statistic, replicates, seed)?;
    let jackknife = groups.jackknife(&statistic)?;
    bca_interval(estimate, &drawn, &[&jackknife], confidence)
}

/// Gives the replicates behind [`cluster_bootstrap_bca`], in the order of their numbers.
///
/// # Formula
/// As there: replicate `r` draws clusters with replacement from stream `r` of the seed.
///
/// # Errors
/// [`BootstrapError`] when lengths differ, there are fewer than two clusters, or the statistic is undefined or not
/// finite for a replicate.
///
/// # Examples
/// ```
/// let mean = |values: &mut [f64]| Some(values.iter().sum::<f64>() / values.len() as f64);
/// let replicates = stats::cluster_bootstrap(&[1.0, 2.0, 6.0], &["a", "a", "b"], mean, 5, 1)?;
/// assert_eq!(replicates.len(), 5);
/// # Ok::<(), stats::BootstrapError>(())
/// ```
///
/// # References
/// Davison & Hinkley (1997), Bootstrap Methods and their Application, section 3.8.
pub fn cluster_bootstrap<V: Clone, K: Ord>(
    values: &[V],
    clusters: &[K],
    statistic: impl Fn(&mut [V]) -> Option<f64>,
    replicates: usize,
    seed: u64,
) -> Result<Vec<f64>, BootstrapError> {
    Groups::of(values, clusters)?.replicates(&statistic, replicates, seed)
}

/// Does what [`cluster_bootstrap`] does on so many threads, which change nothing but the time it takes.
///
/// # Errors
/// As there.
///
/// # Examples
/// ```
/// use std::num::NonZeroUsize;
/// let mean = |values: &mut [f64]| Some(values.iter().sum::<f64>() / values.len() as f64);
/// let one = stats::cluster_bootstrap(&[1.0, 2.0, 6.0], &["a", "a", "b"], mean, 50, 1)?;
/// let two = NonZeroUsize::MIN.saturating_add(1);
/// assert_eq!(stats::cluster_bootstrap_on(two, &[1.0, 2.0, 6.0], &["a", "a", "b"], mean, 50, 1)?, one);
/// # Ok::<(), stats::BootstrapError>(())
/// ```
pub fn cluster_bootstrap_on<V: Clone + Sync, K: Ord>(
    threads: NonZeroUsize,
    values: &[V],
    clusters: &[K],
    statistic: impl Fn(&mut [V]) -> Option<f64> + Sync,
    replicates: usize,
    seed: u64,
) -> Result<Vec<f64>, BootstrapError> {
    let groups = Groups::of(values, clusters)?;
    let replicate = |drawn: &mut Vec<V>, number: usize| groups.replicate(drawn, &statistic, number, seed);
    numbered(threads, replicates, Vec::new, replicate).into_iter().collect()
}

/// Gives the bias-corrected and accelerated interval from replicates and jackknife values.
///
/// # Model
/// Some increasing transformation of the estimate is normal with bias `z₀` and a standard deviation that grows
/// linearly, by `a`, with the parameter.
///
/// # Formula
/// ```text
/// z₀ = Φ⁻¹((#{θ* < θ} + #{θ* ≤ θ}) / 2B)
/// a  = Σⱼ Σᵢ uⱼᵢ³ / nⱼ³ / (6 (Σⱼ Σᵢ uⱼᵢ² / nⱼ²)^1.5)      uⱼᵢ = (nⱼ − 1)(mean of sample j's jackknife − θ₍ⱼᵢ₎)
/// limit = quantile of θ* at Φ(z₀ + (z₀ + z) / (1 − a (z₀ + z)))      z = Φ⁻¹(α/2), Φ⁻¹(1 − α/2)
/// ```
/// `jackknife` holds one slice for each independent sample: the statistic with one unit (or cluster) of that sample
/// left out. Quantiles are [`quantile`]'s. `a` is 0 where leaving out a unit never changes the statistic.
///
/// # Errors
/// [`BootstrapError`] when there are too few replicates for the level, a value is not finite, the replicates are all
/// equal or all on one side of `estimate`, a jackknife sample has fewer than two values, or `a` is past the pole of
/// the formula.
///
/// # Examples
/// ```
/// let replicates: Vec<f64> = (0..=400).map(|i| f64::from(i) / 400.0).collect();
/// let jackknife = [0.4, 0.5, 0.6];
/// let bca = stats::bca_interval(0.5, &replicates, &[&jackknife], 0.95)?;
/// assert!((bca.interval.low - 0.025).abs() < 1e-12);
/// # Ok::<(), stats::BootstrapError>(())
/// ```
///
/// # References
/// Efron (1987), Journal of the American Statistical Association 82, 171–185. Efron & Tibshirani (1993),
/// An Introduction to the Bootstrap, (14.9)–(14.15).
pub fn bca_interval(
    estimate: f64,
    replicates: &[f64],
    jackknife: &[&[f64]],
    confidence: f64,
) -> Result<Bca, BootstrapError> {
    let tail = tail_probability(confidence)?;
    check_spread(replicates, tail)?;
    defined(Some(estimate), ResamplePlace::Data)?;
    let bias_correction = bias_correction(estimate, replicates)?;
    let acceleration = acceleration(jackknife)?;
    let level = |z: f64| {
        let shifted = bias_correction + z;
        let stretch = 1.0 - acceleration * shifted;
        if stretch <= 0.0 {
            return Err(BootstrapError::Acceleration { acceleration });
        }
        Ok(normal_upper_tail(-(bias_correction + shifted / stretch))?)
    };
    let z = -normal_quantile(tail)?;
    let probabilities = (level(-z)?, level(z)?);
    let interval = Interval {
        estimate,
        low: quantile(replicates, probabilities.0)?,
        high: quantile(replicates, probabilities.1)?,
        confidence,
    };
    Ok(Bca { interval, bias_correction, acceleration, probabilities })
}

/// Gives the percentile interval: the middle of the replicates.
///
/// # Formula
/// ```text
/// [q(α/2), q(1 − α/2)]      q the quantile of the replicates
/// ```
///
/// # Errors
/// [`BootstrapError`] when there are too few replicates for the level, one is not finite, or all are equal.
///
/// # Use with care
/// Ignores bias and skewness; it need not contain `estimate`.
///
/// # Examples
/// ```
/// let replicates: Vec<f64> = (0..=400).map(f64::from).collect();
/// let interval = stats::percentile_interval(200.0, &replicates, 0.95)?;
/// assert!((interval.low - 10.0).abs() < 1e-9);
/// # Ok::<(), stats::BootstrapError>(())
/// ```
///
/// # References
/// Efron & Tibshirani (1993), An Introduction to the Bootstrap, section 13.3.
pub fn percentile_interval(estimate: f64, replicates: &[f64], confidence: f64) -> Result<Interval, BootstrapError> {
    let tail = tail_probability(confidence)?;
    check_spread(replicates, tail)?;
    defined(Some(estimate), ResamplePlace::Data)?;
    Ok(Interval { estimate, low: quantile(replicates, tail)?, high: quantile(replicates, 1.0 - tail)?, confidence })
}

/// Gives the basic interval: the percentile interval mirrored at the estimate.
///
/// # Formula
/// ```text
/// [2θ − q(1 − α/2), 2θ − q(α/2)]      q the quantile of the replicates
/// ```
///
/// # Errors
/// As for [`percentile_interval`].
///
/// # Examples
/// ```
/// let replicates: Vec<f64> = (0..=400).map(f64::from).collect();
/// let interval = stats::basic_interval(150.0, &replicates, 0.95)?;
/// assert!((interval.high - 290.0).abs() < 1e-9);
/// # Ok::<(), stats::BootstrapError>(())
/// ```
///
/// # References
/// Davison & Hinkley (1997), Bootstrap Methods and their Application, (5.6).
pub fn basic_interval(estimate: f64, replicates: &[f64], confidence: f64) -> Result<Interval, BootstrapError> {
    let percentile = percentile_interval(estimate, replicates, confidence)?;
    let (low, high) = (2.0 * estimate - percentile.high, 2.0 * estimate - percentile.low);
    Ok(Interval { low, high, ..percentile })
}

/// Gives the standard error that replicates show: their standard deviation.
///
/// # Formula
/// ```text
/// √(Σ (θ* − mean)² / (B − 1))
/// ```
///
/// # Errors
/// [`BootstrapError`] when there are fewer than two replicates, one is not finite, or all are equal.
///
/// # Examples
/// ```
/// let error = stats::bootstrap_standard_error(&[1.0, 2.0, 3.0])?;
/// assert!((error - 1.0).abs() < 1e-15);
/// # Ok::<(), stats::BootstrapError>(())
/// ```
///
/// # References
/// Efron & Tibshirani (1993), An Introduction to the Bootstrap, (6.6).
pub fn bootstrap_standard_error(replicates: &[f64]) -> Result<f64, BootstrapError> {
    if replicates.len() < 2 {
        return Err(BootstrapError::TooFewReplicates { replicates: replicates.len(), needed: 2 });
    }
    for (number, replicate) in replicates.iter().enumerate() {
        defined(Some(*replicate), ResamplePlace::Replicate(number))?;
    }
    let sorted = sorted(replicates);
    let mean = sorted_mean(&sorted);
    let squares: f64 = sorted.iter().map(|value| (value - mean) * (value - mean)).sum();
    if sorted.first() == sorted.last() {
        return Err(BootstrapError::NoSpread);
    }
    Ok((squares / (sorted.len() as f64 - 1.0)).sqrt())
}

/// Values by cluster, in the order of the clusters' names.
struct Groups<'a, V> {
    groups: Vec<Vec<&'a V>>,
}

impl<'a, V: Clone> Groups<'a, V> {
    fn of<K: Ord>(values: &'a [V], clusters: &[K]) -> Result<Self, BootstrapError> {
        let numbered = Numbered::of(values.len(), clusters)?;
        let mut groups = vec![Vec::new(); numbered.count];
        for (value, &cluster) in values.iter().zip(&numbered.clusters) {
            groups[cluster].push(value);
        }
        Ok(Self { groups })
    }

    fn replicates(
        &self,
        statistic: &impl Fn(&mut [V]) -> Option<f64>,
        replicates: usize,
        seed: u64,
    ) -> Result<Vec<f64>, BootstrapError> {
        let mut drawn: Vec<V> = Vec::new();
        (0..replicates).map(|number| self.replicate(&mut drawn, statistic, number, seed)).collect()
    }

    /// One replicate; `drawn` is room for it.
    fn replicate(
        &self,
        drawn: &mut Vec<V>,
        statistic: &impl Fn(&mut [V]) -> Option<f64>,
        number: usize,
        seed: u64,
    ) -> Result<f64, BootstrapError> {
        drawn.clear();
        for chosen in draws(self.groups.len(), seed, number) {
            drawn.extend(self.groups[chosen].iter().copied().cloned());
        }
        defined(statistic(drawn), ResamplePlace::Replicate(number))
    }

    /// The statistic with each cluster left out in turn.
    fn jackknife(&self, statistic: &impl Fn(&mut [V]) -> Option<f64>) -> Result<Vec<f64>, BootstrapError> {
        (0..self.groups.len())
            .map(|left_out| {
                let (before, after) = (&self.groups[..left_out], &self.groups[left_out + 1..]);
                let mut kept: Vec<V> = before.iter().chain(after).flatten().copied().cloned().collect();
                defined(statistic(&mut kept), ResamplePlace::WithoutCluster(left_out))
            })
            .collect()
    }
}

/// The cluster of each value as a number: the place of its name in the order of names.
pub(crate) struct Numbered {
    /// `[n]`: the cluster of each value.
    pub(crate) clusters: Vec<usize>,
    /// How many clusters there are, at least two.
    pub(crate) count: usize,
}

impl Numbered {
    pub(crate) fn of<K: Ord>(values: usize, clusters: &[K]) -> Result<Self, BootstrapError> {
        if values != clusters.len() {
            return Err(BootstrapError::LengthMismatch { values, clusters: clusters.len() });
        }
        let mut by_name: Vec<(&K, usize)> = clusters.iter().zip(0..).collect();
        by_name.sort_unstable();
        let (mut numbers, mut count) = (vec![0; values], 0);
        for same in by_name.chunk_by(|one, other| one.0 == other.0) {
            for (_, value) in same {
                numbers[*value] = count;
            }
            count += 1;
        }
        if count < 2 {
            Err(BootstrapError::TooFewClusters { clusters: count })
        } else {
            Ok(Self { clusters: numbers, count })
        }
    }
}

/// The clusters of a replicate: as many as there are, drawn with replacement from the stream of its number.
pub(crate) fn draws(clusters: usize, seed: u64, number: usize) -> impl Iterator<Item = usize> {
    let mut random = Philox::new(seed, number as u64);
    let count = NonZeroU64::new(clusters as u64).unwrap_or(NonZeroU64::MIN);
    (0..clusters).map(move |_| usize::try_from(random.below(count)).expect("a number below a length fits"))
}

/// Does what [`cluster_bootstrap_bca`] does, with the same draws, for statistics that are computed together from how
/// often each of `clusters` clusters is in the sample: the data are then ordered once, not once for each replicate, and
/// drawn once for all statistics.
///
/// `statistics` fills the values of a sample, one for each of `count` statistics. Each has an answer of its own: where one
/// is undefined, the others are not.
///
/// The caller has passed [`check_plan`], and [`Numbered`] gave the number of clusters.
pub(crate) fn multiplicity_bootstrap_bca(
    clusters: usize,
    count: usize,
    mut statistics: impl FnMut(&[usize], &mut [Option<f64>]),
    replicates: usize,
    seed: u64,
    confidence: f64,
) -> Vec<Result<Bca, BootstrapError>> {
    let mut estimates = Samples::of(count);
    estimates.add(&vec![1; clusters], &mut statistics);
    let drawn = multiplicity_replicates(clusters, count, &mut statistics, replicates, seed);
    let jackknife = multiplicity_jackknife(clusters, count, &mut statistics);
    (0..count)
        .map(|place| {
            let estimate = estimates.of_statistic(place, |_| ResamplePlace::Data)?;
            let drawn = drawn.of_statistic(place, ResamplePlace::Replicate)?;
            let jackknife = jackknife.of_statistic(place, ResamplePlace::WithoutCluster)?;
            bca_interval(estimate[0], &drawn, &[&jackknife], confidence)
        })
        .collect()
}

/// The values of several statistics in many samples.
pub(crate) struct Samples {
    count: usize,
    /// `[samples, count]`.
    values: Vec<Option<f64>>,
}

impl Samples {
    fn of(count: usize) -> Self {
        Self { count, values: Vec::new() }
    }

    fn add(&mut self, multiplicities: &[usize], statistics: &mut impl FnMut(&[usize], &mut [Option<f64>])) {
        let start = self.values.len();
        self.values.resize(start + self.count, None);
        statistics(multiplicities, &mut self.values[start..]);
    }

    /// One statistic in the samples in which it is defined.
    pub(crate) fn where_defined(&self, statistic: usize) -> impl Iterator<Item = f64> {
        self.values.chunks_exact(self.count.max(1)).filter_map(move |sample| sample[statistic])
    }

    /// One statistic in every sample; `place` names a sample in which it is not defined.
    pub(crate) fn of_statistic(
        &self,
        statistic: usize,
        place: impl Fn(usize) -> ResamplePlace,
    ) -> Result<Vec<f64>, BootstrapError> {
        let values = self.values.chunks_exact(self.count.max(1)).map(|sample| sample[statistic]);
        values.enumerate().map(|(number, value)| defined(value, place(number))).collect()
    }
}

/// The replicates behind [`multiplicity_bootstrap_bca`].
pub(crate) fn multiplicity_replicates(
    clusters: usize,
    count: usize,
    statistics: &mut impl FnMut(&[usize], &mut [Option<f64>]),
    replicates: usize,
    seed: u64,
) -> Samples {
    let (mut samples, mut multiplicities) = (Samples::of(count), vec![0; clusters]);
    for number in 0..replicates {
        multiplicities.fill(0);
        draws(clusters, seed, number).for_each(|chosen| multiplicities[chosen] += 1);
        samples.add(&multiplicities, statistics);
    }
    samples
}

/// The statistics with each cluster left out in turn.
pub(crate) fn multiplicity_jackknife(
    clusters: usize,
    count: usize,
    statistics: &mut impl FnMut(&[usize], &mut [Option<f64>]),
) -> Samples {
    let (mut samples, mut multiplicities) = (Samples::of(count), vec![1; clusters]);
    for left_out in 0..clusters {
        multiplicities[left_out] = 0;
        samples.add(&multiplicities, statistics);
        multiplicities[left_out] = 1;
    }
    samples
}

/// `z₀`: the normal quantile of the share of replicates below the estimate, ties counted half.
fn bias_correction(estimate: f64, replicates: &[f64]) -> Result<f64, BootstrapError> {
    let below = replicates.iter().filter(|replicate| **replicate < estimate).count();
    let not_above = replicates.iter().filter(|replicate| **replicate <= estimate).count();
    if not_above == 0 || below == replicates.len() {
        return Err(BootstrapError::OneSided);
    }
    Ok(normal_quantile((below + not_above) as f64 / (2 * replicates.len()) as f64)?)
}

/// `a`: the skewness of the jackknife values of all samples together.
fn acceleration(jackknife: &[&[f64]]) -> Result<f64, BootstrapError> {
    let (mut cubes, mut squares) = (0.0, 0.0);
    for sample in jackknife {
        let [sum_of_cubes, sum_of_squares] = centred_sums(sample)?;
        cubes += sum_of_cubes;
        squares += sum_of_squares;
    }
    Ok(if squares > 0.0 { cubes / (6.0 * squares * squares.sqrt()) } else { 0.0 })
}

/// `Σ uᵢ³ / n³` and `Σ uᵢ² / n²` of one sample, summed in sorted order.
fn centred_sums(sample: &[f64]) -> Result<[f64; 2], BootstrapError> {
    if sample.len() < 2 {
        return Err(BootstrapError::TooFewClusters { clusters: sample.len() });
    }
    let mut sorted = sample.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    for (place, value) in sorted.iter().enumerate() {
        defined(Some(*value), ResamplePlace::WithoutCluster(place))?;
    }
    let count = sorted.len() as f64;
    let mean = sorted.iter().sum::<f64>() / count;
    let scale = (count - 1.0) / count;
    Ok(sorted
        .iter()
        .map(|value| scale * (mean - value))
        .fold([0.0, 0.0], |[cubes, squares], part| [cubes + part * part * part, squares + part * part]))
}

fn check_spread(replicates: &[f64], tail: f64) -> Result<(), BootstrapError> {
    check_replicates(replicates.len(), tail)?;
    for (number, replicate) in replicates.iter().enumerate() {
        defined(Some(*replicate), ResamplePlace::Replicate(number))?;
    }
    let first = replicates[0];
    if replicates.iter().all(|replicate| replicate.total_cmp(&first).is_eq()) {
        return Err(BootstrapError::NoSpread);
    }
    Ok(())
}

/// Whether an interval of this level can come from so many replicates.
pub(crate) fn check_plan(replicates: usize, confidence: f64) -> Result<(), BootstrapError> {
    check_replicates(replicates, tail_probability(confidence)?)
}

/// At least one replicate must lie beyond each limit.
fn check_replicates(replicates: usize, tail: f64) -> Result<(), BootstrapError> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive; a level so extreme that it saturates asks for more than there can be"
    )]
    let needed = (1.0 / tail).ceil() as usize;
    if replicates < needed { Err(BootstrapError::TooFewReplicates { replicates, needed }) } else { Ok(()) }
}

fn defined(value: Option<f64>, place: ResamplePlace) -> Result<f64, BootstrapError> {
    value.filter(|value| value.is_finite()).ok_or(BootstrapError::Undefined { place })
}
