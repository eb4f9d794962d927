//! Ratios of restricted means and of quantiles when subjects come in clusters.

use super::{ContrastError, check_horizon, check_lengths};
use crate::bootstrap::{
    Bca, Numbered, ResamplePlace, bca_interval, check_plan, multiplicity_jackknife, multiplicity_replicates,
};
use crate::count_effect::standard_deviation;
use crate::survival::bootstrap::{Placed, quantiles_of_sample};
use crate::survival::{KaplanMeier, check_probability};

/// Of so many replicates at most one may be without an answer.
const REPLICATES_FOR_A_FAILURE: usize = 20;

/// A ratio of two arms whose uncertainty comes from clusters drawn anew.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClusteredRatio {
    /// The mean or the quantile of the treated.
    pub treated: f64,
    /// The mean or the quantile of the controls.
    pub controls: f64,
    /// The logarithm of treated over controls, with its limits.
    pub log_ratio: Bca,
    /// The standard deviation of the replicates of the log ratio.
    pub standard_error: f64,
    /// How many replicates had no answer and were left out.
    pub failed_replicates: usize,
}

/// Gives the `BCa` interval of the log ratio of two restricted means, for subjects in clusters.
///
/// # Model
/// Clusters are independent and alike; subjects within a cluster, of one arm or of both, may depend on one another in any
/// way. Within an arm the censoring is that of [`KaplanMeier`].
///
/// # Formula
/// ```text
/// ln μ₁ − ln μ₀,   μ the area under each arm's curve up to the horizon
/// ```
/// Each replicate draws as many clusters as there are, with replacement, from its own stream of `seed`, and fits both
/// curves anew; the limits are those of [`bca_interval`] with the jackknife over clusters. A replicate in which
/// an arm is empty, or is not followed to the horizon and not at 0 either, has no answer: it is left out and counted.
///
/// `durations`, `observed`, `is_treated` and `clusters` are `[n]`.
///
/// # Errors
/// [`ContrastError::Horizon`] as for [`restricted_mean_contrast`](crate::restricted_mean_contrast);
/// [`ContrastError::FailedReplicates`] when more than one of twenty replicates has no answer: choose a shorter horizon;
/// [`ContrastError::Bootstrap`] when there are fewer than two clusters or too few replicates, the answer depends on one
/// cluster alone, or the replicates do not vary.
///
/// # Use with care
/// Below about twenty clusters the limits are optimistic. Where every cluster has one arm only, how many clusters an arm
/// has varies between replicates.
///
/// # Examples
/// ```
/// let hours: Vec<f64> = (0..120).map(|i| f64::from(i * 7 % 31) + f64::from(i % 2) * 9.0).collect();
/// let ended: Vec<bool> = (0..120).map(|i| i % 5 > 0).collect();
/// let is_treated: Vec<bool> = (0..120).map(|i| i % 2 == 0).collect();
/// let clusters: Vec<u32> = (0..120).map(|i| i / 4).collect();
/// let ratio = stats::restricted_mean_ratio_bca(&hours, &ended, &is_treated, &clusters, 24.0, 999, 7, 0.95)?;
/// assert!(ratio.treated < ratio.controls && ratio.log_ratio.interval.high < 0.0);
/// # Ok::<(), stats::ContrastError>(())
/// ```
///
/// # References
/// Efron (1987), Journal of the American Statistical Association 82, 171–185. Davison & Hinkley (1997), Bootstrap
/// Methods and their Application, section 3.8. Royston & Parmar (2013), BMC Medical Research Methodology 13, 152.
#[expect(clippy::too_many_arguments, reason = "the four columns of the data and the plan of the resampling")]
pub fn restricted_mean_ratio_bca<K: Ord>(
    durations: &[f64],
    observed: &[bool],
    is_treated: &[bool],
    clusters: &[K],
    horizon: f64,
    replicates: usize,
    seed: u64,
    confidence: f64,
) -> Result<ClusteredRatio, ContrastError> {
    let arms = Arms::of(durations, observed, is_treated, clusters)?;
    check_horizon(horizon, arms.followed())?;
    let plan = Plan { replicates, seed, confidence, may_fail: true };
    arms.ratio(|arm, multiplicities| area(arm, multiplicities, horizon), plan)
}

/// Gives the `BCa` interval of the log ratio of a quantile of two survival curves, for subjects in clusters.
///
/// # Model
/// As for [`restricted_mean_ratio_bca`].
///
/// # Formula
/// ```text
/// ln q₁(p) − ln q₀(p),   q the quantile of KaplanMeier::quantile
/// ```
/// Clusters are drawn as for [`restricted_mean_ratio_bca`].
///
/// # Errors
/// [`ContrastError::NotReached`] when a curve does not reach the quantile: there is no ratio then, and no bound of one that
/// could be compared. [`ContrastError::Bootstrap`] also when it is not reached in any one replicate or with one cluster left
/// out: leaving out those would leave out the longest.
///
/// # Use with care
/// As [`kaplan_meier_quantile_bca`](crate::kaplan_meier_quantile_bca). Where curves do not reach, contrast restricted means.
///
/// # Examples
/// ```
/// let hours: Vec<f64> = (0..120).map(|i| f64::from(i * 7 % 31) + f64::from(i % 2) * 9.0).collect();
/// let ended: Vec<bool> = (0..120).map(|i| i % 5 > 0).collect();
/// let is_treated: Vec<bool> = (0..120).map(|i| i % 2 == 0).collect();
/// let clusters: Vec<u32> = (0..120).map(|i| i / 4).collect();
/// let ratio = stats::quantile_ratio_bca(&hours, &ended, &is_treated, &clusters, 0.5, 999, 7, 0.95)?;
/// assert!((ratio.log_ratio.interval.estimate - (ratio.treated / ratio.controls).ln()).abs() < 1e-12);
/// # Ok::<(), stats::ContrastError>(())
/// ```
///
/// # References
/// Efron (1981), Journal of the American Statistical Association 76, 312–319. Efron (1987), Journal of the American
/// Statistical Association 82, 171–185.
#[expect(clippy::too_many_arguments, reason = "the four columns of the data and the plan of the resampling")]
pub fn quantile_ratio_bca<K: Ord>(
    durations: &[f64],
    observed: &[bool],
    is_treated: &[bool],
    clusters: &[K],
    probability: f64,
    replicates: usize,
    seed: u64,
    confidence: f64,
) -> Result<ClusteredRatio, ContrastError> {
    check_probability(probability)?;
    let arms = Arms::of(durations, observed, is_treated, clusters)?;
    let mut steps = Vec::new();
    let mut quantile = |arm: &[Placed], multiplicities: &[usize]| {
        let mut found = [None];
        quantiles_of_sample(arm, multiplicities, &[probability], &mut steps, &mut found);
        found[0]
    };
    let ones = vec![1; arms.clusters];
    for (arm, is_treated) in [(&arms.treated, true), (&arms.controls, false)] {
        if quantile(arm, &ones).is_none() {
            return Err(ContrastError::NotReached { is_treated, exceeds: longest(arm) });
        }
    }
    arms.ratio(quantile, Plan { replicates, seed, confidence, may_fail: false })
}

/// How to resample.
#[derive(Clone, Copy)]
struct Plan {
    replicates: usize,
    seed: u64,
    confidence: f64,
    /// Whether a few replicates may be without an answer.
    may_fail: bool,
}

/// The subjects of the arms in order of time, with the number of their clusters.
struct Arms {
    treated: Vec<Placed>,
    controls: Vec<Placed>,
    clusters: usize,
}

impl Arms {
    fn of<K: Ord>(
        durations: &[f64],
        observed: &[bool],
        is_treated: &[bool],
        clusters: &[K],
    ) -> Result<Self, ContrastError> {
        // What cannot be fitted cannot be drawn from either.
        KaplanMeier::fit(durations, observed)?;
        check_lengths(durations, is_treated.len())?;
        let numbered = Numbered::of(durations.len(), clusters)?;
        let arm = |wanted: bool| {
            let mut subjects: Vec<Placed> = (0..durations.len())
                .filter(|place| is_treated[*place] == wanted)
                .map(|place| Placed {
                    time: durations[place],
                    observed: observed[place],
                    cluster: numbered.clusters[place],
                })
                .collect();
            subjects.sort_unstable_by(|one, other| one.time.total_cmp(&other.time));
            subjects
        };
        let (treated, controls) = (arm(true), arm(false));
        if treated.is_empty() || controls.is_empty() {
            return Err(ContrastError::EmptyArm { treated: treated.len(), controls: controls.len() });
        }
        Ok(Self { treated, controls, clusters: numbered.count })
    }

    /// How far both arms were followed.
    fn followed(&self) -> f64 {
        longest(&self.treated).min(longest(&self.controls))
    }

    fn ratio(
        &self,
        mut value: impl FnMut(&[Placed], &[usize]) -> Option<f64>,
        plan: Plan,
    ) -> Result<ClusteredRatio, ContrastError> {
        let Plan { replicates, seed, confidence, may_fail } = plan;
        check_plan(replicates, confidence)?;
        let ones = vec![1; self.clusters];
        let found = value(&self.treated, &ones).zip(value(&self.controls, &ones));
        let (treated, controls) = found.ok_or(ContrastError::Zero)?;
        let log_ratio =
            |treated: f64, controls: f64| (treated > 0.0 && controls > 0.0).then(|| libm::log(treated / controls));
        let estimate = log_ratio(treated, controls).ok_or(ContrastError::Zero)?;
        let mut statistic = |multiplicities: &[usize], values: &mut [Option<f64>]| {
            let pair = value(&self.treated, multiplicities).zip(value(&self.controls, multiplicities));
            values.fill(pair.and_then(|(treated, controls)| log_ratio(treated, controls)));
        };
        let samples = multiplicity_replicates(self.clusters, 1, &mut statistic, replicates, seed);
        let mut drawn: Vec<f64> = if may_fail {
            samples.where_defined(0).collect()
        } else {
            samples.of_statistic(0, ResamplePlace::Replicate)?
        };
        let failed = replicates - drawn.len();
        if failed * REPLICATES_FOR_A_FAILURE > replicates {
            return Err(ContrastError::FailedReplicates { failed, replicates });
        }
        let jackknife = multiplicity_jackknife(self.clusters, 1, &mut statistic);
        let jackknife = jackknife.of_statistic(0, ResamplePlace::WithoutCluster)?;
        let log_ratio = bca_interval(estimate, &drawn, &[&jackknife], confidence)?;
        let standard_error = standard_deviation(&mut drawn).ok_or(ContrastError::NoSpread)?;
        Ok(ClusteredRatio { treated, controls, log_ratio, standard_error, failed_replicates: failed })
    }
}

fn longest(arm: &[Placed]) -> f64 {
    arm.last().map_or(0.0, |subject| subject.time)
}

/// The area under the curve of a sample up to a horizon; `None` where the curve is not known so far.
pub(super) fn area(arm: &[Placed], multiplicities: &[usize], horizon: f64) -> Option<f64> {
    let count = |subject: &Placed| multiplicities[subject.cluster];
    let mut at_risk: usize = arm.iter().map(count).sum();
    let (mut area, mut survival, mut start) = (0.0, 1.0, 0.0);
    #[expect(clippy::float_cmp, reason = "only times that are the same belong to one step")]
    for tied in arm.chunk_by(|one, other| one.time == other.time) {
        let leaving: usize = tied.iter().map(count).sum();
        if leaving == 0 {
            continue;
        }
        let time = tied[0].time;
        area += survival * (time.min(horizon) - start);
        if time >= horizon {
            return Some(area);
        }
        let events: usize = tied.iter().filter(|subject| subject.observed).map(count).sum();
        survival *= (at_risk - events) as f64 / at_risk as f64;
        at_risk -= leaving;
        start = time;
    }
    // A sample without the arm has a curve that is still at 1.
    (survival <= 0.0).then_some(area)
}
