//! Two samples, or one of differences, compared by order alone.
//!
//! A sample is sorted once; every figure comes from passes over sorted values. Nothing here needs a variance to exist,
//! and none of it is moved far by one bad week.

use crate::distributions::{DistributionError, normal_quantile, normal_upper_tail};
use crate::interval::{ConfidenceError, Interval, tail_probability};
use crate::means::{satterthwaite, squared_error};
use crate::numeric::sorted;
use crate::wald::{Wald, WaldError};

mod exact;
mod select;
mod signed;
#[cfg(test)]
mod tests;

use exact::SumDistribution;
pub use signed::SignedRank;

/// Samples below this size, without ties, have exact distributions by [`RankMethod::Exact`] unless asked otherwise.
const LARGE: usize = 50;

/// Why samples have no comparison by ranks.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum RankError {
    /// A sample is too small for the question.
    #[error("samples of `{first}` and `{second}` are too small, each needs `{needed}`")]
    TooFew {
        /// Values of the first sample; of both together where they are pairs.
        first: usize,
        /// Values of the second sample.
        second: usize,
        /// How many each needs.
        needed: usize,
    },
    /// Pairs are not of one length.
    #[error("`{first}` and `{second}` values are not pairs")]
    LengthMismatch {
        /// Values of the first sample.
        first: usize,
        /// Values of the second sample.
        second: usize,
    },
    /// A value is not finite.
    #[error("value `{value}` is not finite")]
    NotFinite {
        /// The value.
        value: f64,
    },
    /// A value has no logarithm.
    #[error("value `{value}` is not positive and finite, so that it has no logarithm")]
    NotPositive {
        /// The value.
        value: f64,
    },
    /// The values are so far apart that their differences are not finite.
    #[error("the values are too far apart for floating-point numbers")]
    OutOfRange,
    /// All values are equal, or all differences 0.
    #[error("the values do not differ")]
    NoSpread,
    /// One sample lies above the other whole, so that its odds are infinite or their error is not known.
    #[error("one sample lies wholly above the other")]
    Separated,
    /// The exact interval rests on values without ties.
    #[error("the exact interval is for values without ties")]
    Tied,
    /// The exact distribution takes too long.
    #[error("samples of `{first}` and `{second}` are too large for the exact distribution")]
    TooMany {
        /// Values of the first sample.
        first: usize,
        /// Values of the second sample.
        second: usize,
    },
    /// No two differences hold the shift with this confidence.
    #[error("samples of `{first}` and `{second}` are too small for an interval at `{confidence}`")]
    Unreachable {
        /// Values of the first sample.
        first: usize,
        /// Values of the second sample.
        second: usize,
        /// The level that was asked for.
        confidence: f64,
    },
    /// The level is not between 0 and 1.
    #[error(transparent)]
    Confidence(#[from] ConfidenceError),
    /// A quantile or a tail could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
    /// An interval could not be computed.
    #[error(transparent)]
    Wald(#[from] WaldError),
}

/// Where the distribution of a rank statistic comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RankMethod {
    /// Every way to deal out the ranks, ties included.
    Exact,
    /// The normal distribution with the variance that ties leave.
    Normal,
    /// The same, with half a step of the statistic given away.
    NormalCorrected,
}

/// A statistic of ranks and its probabilities if nothing but chance decided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankTest {
    /// The statistic.
    pub statistic: f64,
    /// The probability of one at least as far from its mean.
    pub p_two_sided: f64,
    /// The probability of one at least as large.
    pub p_greater: f64,
    /// The probability of one at most as large.
    pub p_less: f64,
    /// Where they come from.
    pub method: RankMethod,
}

/// A shift in location with its limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HodgesLehmann {
    /// The estimate and its limits.
    pub interval: Interval,
    /// The distribution that was inverted.
    pub method: RankMethod,
}

impl HodgesLehmann {
    /// The ratio of which this is the logarithm.
    fn exponentiated(self) -> Self {
        let Interval { estimate, low, high, confidence } = self.interval;
        let interval =
            Interval { estimate: libm::exp(estimate), low: libm::exp(low), high: libm::exp(high), confidence };
        Self { interval, ..self }
    }
}

/// Gives the Hodges-Lehmann estimate of how much higher the first sample lies, with its interval by ranks.
///
/// # Model
/// Both samples have one continuous distribution, but for a shift.
///
/// # Formula
/// ```text
/// estimate = median of all nm differences xᵢ − yⱼ      limits = D₍ₖ₎, D₍ₙₘ₊₁₋ₖ₎
/// exact    k = #{u: P(U ≤ u) ≤ α/2}
/// else     k = ⌈nm/2 − ½ − z σ⌉      σ² = nm/12 (N + 1 − Σ(t³ − t) / (N(N − 1)))
/// ```
/// `U` is the statistic of Mann and Whitney; `t` the sizes of ties within a sample. Exact for samples below 50 without
/// ties. The differences are counted, not formed: the time is that of sorting and the memory linear.
///
/// # Errors
/// [`RankError`] when a sample is empty, a value is not finite, all values are equal, or no two differences hold the
/// shift with this confidence.
///
/// # Use with care
/// The estimate is the median difference between a value of one and a value of the other; it is the difference of
/// the medians only where the two distributions have one shape. Values must be independent of one another.
///
/// # Examples
/// ```
/// let control = [4.17, 5.58, 5.18, 6.11, 4.50, 4.61, 5.17, 4.53, 5.33, 5.14];
/// let treated = [6.31, 5.12, 5.54, 5.50, 5.37, 5.29, 4.92, 6.15, 5.80, 5.26];
/// let shift = stats::hodges_lehmann_shift(&control, &treated, 0.95)?;
/// assert!((shift.interval.estimate + 0.49).abs() < 1e-12);
/// assert!((shift.interval.low + 1.0).abs() < 1e-12 && (shift.interval.high - 0.04).abs() < 1e-12);
/// # Ok::<(), stats::RankError>(())
/// ```
///
/// # References
/// Hodges & Lehmann (1963), Annals of Mathematical Statistics 34, 598–611. Hollander & Wolfe (1999), Nonparametric
/// Statistical Methods, second edition, (4.33)–(4.40).
pub fn hodges_lehmann_shift(first: &[f64], second: &[f64], confidence: f64) -> Result<HodgesLehmann, RankError> {
    let comparison = RankComparison::new(first, second)?;
    comparison.hodges_lehmann(comparison.usual_method(), confidence)
}

/// Gives the Hodges-Lehmann estimate of the ratio of the first sample to the second: the shift of their logarithms.
///
/// # Formula
/// ```text
/// exp of `hodges_lehmann_shift` of the logarithms
/// ```
///
/// # Errors
/// As for [`hodges_lehmann_shift`], and when a value is not positive.
///
/// # Examples
/// ```
/// let ratio = stats::hodges_lehmann_ratio(&[2.0, 4.0, 6.0, 10.0], &[1.0, 2.0, 3.0, 5.0], 0.9)?;
/// assert!((ratio.interval.estimate - 2.0).abs() < 1e-12);
/// # Ok::<(), stats::RankError>(())
/// ```
///
/// # References
/// As for [`hodges_lehmann_shift`].
pub fn hodges_lehmann_ratio(first: &[f64], second: &[f64], confidence: f64) -> Result<HodgesLehmann, RankError> {
    let comparison = RankComparison::of_logarithms(first, second)?;
    Ok(comparison.hodges_lehmann(comparison.usual_method(), confidence)?.exponentiated())
}

/// Two samples in order, and how their values stand to one another.
///
/// # Examples
/// ```
/// use stats::{RankComparison, RankMethod};
/// let after = [3.0, 5.0, 2.0, 7.0, 1.0];
/// let before = [6.0, 9.0, 8.0, 4.0, 11.0];
/// let comparison = RankComparison::new(&after, &before)?;
/// let test = comparison.mann_whitney(RankMethod::Exact)?;
/// assert_eq!(test.statistic, 3.0);
/// assert!((test.p_two_sided - 14.0 / 252.0).abs() < 1e-15);
/// # Ok::<(), stats::RankError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RankComparison {
    /// Sorted.
    first: Vec<f64>,
    /// Sorted.
    second: Vec<f64>,
    /// How many of the second lie below each of the first, and how many are equal to it.
    of_first: Vec<Place>,
    /// How many of the first lie below each of the second, and how many are equal to it.
    of_second: Vec<Place>,
}

/// Where a value stands in the other sample.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    below: u64,
    equal: u64,
}

/// In how many pairs the first value is above, equal and below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pairs {
    /// Pairs in which the value of the first sample is the larger.
    pub first_larger: u64,
    /// Pairs of equal values.
    pub equal: u64,
    /// Pairs in which the value of the second sample is the larger.
    pub second_larger: u64,
}

impl RankComparison {
    /// Sorts two samples and counts their pairs.
    ///
    /// # Errors
    /// [`RankError`] when a sample is empty, a value is not finite, or the values are too far apart.
    pub fn new(first: &[f64], second: &[f64]) -> Result<Self, RankError> {
        if first.is_empty() || second.is_empty() {
            return Err(RankError::TooFew { first: first.len(), second: second.len(), needed: 1 });
        }
        if let Some(&value) = first.iter().chain(second).find(|value| !value.is_finite()) {
            return Err(RankError::NotFinite { value });
        }
        let (first, second) = (sorted(first), sorted(second));
        let (low, high) = (first[0].min(second[0]), first[first.len() - 1].max(second[second.len() - 1]));
        if !(high - low).is_finite() {
            return Err(RankError::OutOfRange);
        }
        let (of_first, of_second) = (places(&first, &second), places(&second, &first));
        Ok(Self { first, second, of_first, of_second })
    }

    /// Does the same with the logarithms of the values, so that a shift is a ratio.
    ///
    /// # Errors
    /// [`RankError`] when a sample is empty or a value is not positive and finite.
    pub fn of_logarithms(first: &[f64], second: &[f64]) -> Result<Self, RankError> {
        Self::new(&logarithms(first)?, &logarithms(second)?)
    }

    /// The method that [`hodges_lehmann_shift`] takes: exact for samples below 50 without ties, else the corrected
    /// normal approximation.
    #[must_use]
    pub fn usual_method(&self) -> RankMethod {
        let is_small = self.first.len() < LARGE && self.second.len() < LARGE;
        let has_ties = tie_cubes(&self.first) + tie_cubes(&self.second) > 0.0 || self.pairs().equal > 0;
        if is_small && !has_ties { RankMethod::Exact } else { RankMethod::NormalCorrected }
    }

    /// In how many pairs which value is the larger.
    #[must_use]
    pub fn pairs(&self) -> Pairs {
        let first_larger = self.of_first.iter().map(|place| place.below).sum();
        let equal = self.of_first.iter().map(|place| place.equal).sum();
        let all = self.first.len() as u64 * self.second.len() as u64;
        Pairs { first_larger, equal, second_larger: all - first_larger - equal }
    }

    /// Gives the shift of the first sample over the second; the function [`hodges_lehmann_shift`] says how.
    ///
    /// # Formula
    /// As there; [`RankMethod::Normal`] leaves out the `½`.
    ///
    /// # Errors
    /// [`RankError`] when the values do not differ, the exact method is asked for values with ties or for more than can
    /// be computed, or no two differences hold the shift with this confidence.
    pub fn hodges_lehmann(&self, method: RankMethod, confidence: f64) -> Result<HodgesLehmann, RankError> {
        let tail = tail_probability(confidence)?;
        let (n, m) = (self.first.len(), self.second.len());
        let all = n as u64 * m as u64;
        let within = tie_cubes(&self.first) + tie_cubes(&self.second);
        if self.pooled_spread() <= 0.0 {
            return Err(RankError::NoSpread);
        }
        let order = match method {
            RankMethod::Exact if within > 0.0 || self.pairs().equal > 0 => return Err(RankError::Tied),
            RankMethod::Exact => self.chance()?.below_tail(tail) as f64,
            RankMethod::Normal | RankMethod::NormalCorrected => {
                let reach = -normal_quantile(tail)? * self.deviation(within);
                (0.5 * all as f64 - correction(method) - reach).ceil()
            }
        };
        if order < 1.0 {
            return Err(RankError::Unreachable { first: n, second: m, confidence });
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and below half of `all`")]
        let order = (order as u64).min(all.div_ceil(2));
        let at = |place| select::difference_at(&self.first, &self.second, place);
        let estimate = select::median_at(all, at);
        let interval = Interval { estimate, low: at(order - 1), high: at(all - order), confidence };
        Ok(HodgesLehmann { interval, method })
    }

    /// Tests whether the samples have one distribution, by the Wilcoxon-Mann-Whitney statistic.
    ///
    /// # Formula
    /// ```text
    /// W = #{xᵢ > yⱼ} + ½ #{xᵢ = yⱼ}      z = (W − nm/2 ∓ ½) / σ
    /// σ² = nm/12 (N + 1 − Σ(t³ − t) / (N(N − 1)))      t the sizes of ties, N = n + m
    /// ```
    /// The exact distribution is that of the mid-ranks dealt out in every way, and two-sided the probability of being as
    /// far from `nm/2`.
    ///
    /// # Errors
    /// [`RankError`] when all values are equal, or the samples are too large for the exact method.
    ///
    /// # Use with care
    /// A small probability says that one sample tends to be larger, not that it is so by a shift; where the samples
    /// differ in spread, [`RankComparison::probability_larger`] asks the question that is meant.
    ///
    /// # References
    /// Mann & Whitney (1947), Annals of Mathematical Statistics 18, 50–60. Lehmann (1975), Nonparametrics, (1.35).
    pub fn mann_whitney(&self, method: RankMethod) -> Result<RankTest, RankError> {
        let Pairs { first_larger, equal, .. } = self.pairs();
        let ties = self.pooled_spread();
        if ties <= 0.0 {
            return Err(RankError::NoSpread);
        }
        let statistic = first_larger as f64 + 0.5 * equal as f64;
        if method == RankMethod::Exact {
            let chance = self.chance()?;
            // Doubled rank sum of the smaller sample, which is what was dealt out.
            let (n, m) = (self.first.len() as u64, self.second.len() as u64);
            let doubled = 2 * first_larger + equal;
            let is_first = n <= m;
            let sum = if is_first { n * (n + 1) + doubled } else { m * (m + 1) + 2 * n * m - doubled };
            let (above, below) = (chance.at_least(sum), chance.at_most(sum));
            let (p_greater, p_less) = if is_first { (above, below) } else { (below, above) };
            return Ok(RankTest { statistic, p_two_sided: chance.as_far(sum), p_greater, p_less, method });
        }
        let mean = 0.5 * self.first.len() as f64 * self.second.len() as f64;
        rank_test(statistic, mean, ties.sqrt(), method)
    }

    /// Estimates the probability that a value of the first sample is the larger, equal values counted half, with the
    /// standard error of Brunner and Munzel.
    ///
    /// # Model
    /// Each sample has a distribution of its own, of any kind.
    ///
    /// # Formula
    /// ```text
    /// θ = (#{xᵢ > yⱼ} + ½ #{xᵢ = yⱼ}) / nm      Var θ = s₁²/n + s₂²/m
    /// ν = (s₁²/n + s₂²/m)² / ((s₁²/n)²/(n − 1) + (s₂²/m)²/(m − 1))
    /// ```
    /// `s₁²` is the variance of the share of `y` below each `xᵢ`, `s₂²` that of the share of `x` below each `yⱼ`, ties
    /// counted half. Their test of `θ = ½` is [`RankComparison::brunner_munzel`].
    ///
    /// # Errors
    /// [`RankError`] when a sample has fewer than two values, or one lies wholly above the other.
    ///
    /// # References
    /// Brunner & Munzel (2000), Biometrical Journal 42, 17–25.
    pub fn probability_larger(&self) -> Result<Wald, RankError> {
        let Pairs { first_larger, equal, .. } = self.pairs();
        let (n, m) = (self.first.len() as f64, self.second.len() as f64);
        let share = (first_larger as f64 + 0.5 * equal as f64) / (n * m);
        let half = |place: &Place| place.below as f64 + 0.5 * place.equal as f64;
        let first: Vec<f64> = self.of_first.iter().map(|place| half(place) / m).collect();
        let second: Vec<f64> = self.of_second.iter().map(|place| half(place) / n).collect();
        self.with_influence(share, &first, &second)
    }

    /// Tests whether neither sample tends to be larger, whatever their spreads.
    ///
    /// # Formula
    /// ```text
    /// t = (θ − ½) / √(Var θ)      as in `probability_larger`, with its ν degrees of freedom
    /// ```
    ///
    /// # Errors
    /// As for [`RankComparison::probability_larger`].
    ///
    /// # References
    /// Brunner & Munzel (2000), Biometrical Journal 42, 17–25.
    pub fn brunner_munzel(&self) -> Result<Wald, RankError> {
        let probability = self.probability_larger()?;
        Ok(Wald { estimate: probability.estimate - 0.5, ..probability })
    }

    /// Estimates the logarithm of the win odds: those that a value of the first sample is the larger, equal values shared
    /// out.
    ///
    /// # Formula
    /// ```text
    /// ln (θ / (1 − θ))      standard error √(Var θ) / (θ (1 − θ)),  ν as in `probability_larger`
    /// ```
    ///
    /// # Errors
    /// As for [`RankComparison::probability_larger`].
    ///
    /// # References
    /// Brunner, Vandemeulebroecke & Mütze (2021), Win odds: an adaptation of the win ratio to include ties, Statistics in
    /// Medicine 40, 3367–3384.
    pub fn log_win_odds(&self) -> Result<Wald, RankError> {
        self.log_odds(0.5)
    }

    /// Estimates the logarithm of the win ratio: pairs in which the first value is the larger over pairs in which the
    /// second is, equal values left out.
    ///
    /// # Formula
    /// ```text
    /// ln (wins / losses)      variance by the shares of wins and losses of each value:
    /// s²(wᵢ/w̄ − lᵢ/l̄)/n + s²(wⱼ/w̄ − lⱼ/l̄)/m
    /// ```
    ///
    /// # Errors
    /// As for [`RankComparison::probability_larger`].
    ///
    /// # Use with care
    /// The more ties, the further from 1 than the win odds, which say what happens to everybody.
    ///
    /// # References
    /// Pocock, Ariti, Collier & Wang (2012), European Heart Journal 33, 176–182. Bebchuk & Wittes (2016), Biostatistics 17,
    /// 178–187 (variance).
    pub fn log_win_ratio(&self) -> Result<Wald, RankError> {
        self.log_odds(0.0)
    }

    /// Gives the win odds with their interval: the exponential of [`RankComparison::log_win_odds`].
    ///
    /// # Errors
    /// As there, and when `confidence` is not strictly between 0 and 1.
    pub fn win_odds(&self, confidence: f64) -> Result<Interval, RankError> {
        exponential(self.log_win_odds()?, confidence)
    }

    /// Gives the win ratio with its interval: the exponential of [`RankComparison::log_win_ratio`].
    ///
    /// # Errors
    /// As there, and when `confidence` is not strictly between 0 and 1.
    pub fn win_ratio(&self, confidence: f64) -> Result<Interval, RankError> {
        exponential(self.log_win_ratio()?, confidence)
    }

    /// The largest distance between the shares of the two samples at or below a number, and the probability of one as large
    /// in large samples.
    ///
    /// # Formula
    /// ```text
    /// D = sup |F(v) − G(v)|      p = 2 Σ (−1)^(k−1) exp(−2 k² λ²),   λ = D √(nm / (n + m))
    /// ```
    ///
    /// # Use with care
    /// The probability is too large where values are equal or samples small.
    ///
    /// # References
    /// Smirnov (1948), Annals of Mathematical Statistics 19, 279–281.
    #[must_use]
    pub fn kolmogorov_smirnov(&self) -> (f64, f64) {
        let (n, m) = (self.first.len() as f64, self.second.len() as f64);
        let (mut before_first, mut before_second) = (0.0, 0.0);
        let mut distance = 0.0_f64;
        for (in_first, in_second) in self.runs() {
            before_first += in_first as f64;
            before_second += in_second as f64;
            distance = distance.max((before_first / n - before_second / m).abs());
        }
        (distance, smirnov_tail(distance * (n * m / (n + m)).sqrt()))
    }

    /// How many values of each sample are equal to each different value, ascending.
    fn runs(&self) -> impl Iterator<Item = (usize, usize)> {
        let (mut first, mut second) = (self.first.as_slice(), self.second.as_slice());
        std::iter::from_fn(move || {
            let next = match (first.first(), second.first()) {
                (Some(one), Some(other)) => one.min(*other),
                (one, other) => *one.or(other)?,
            };
            let equal = |values: &[f64]| values.iter().take_while(|value| **value <= next).count();
            let (in_first, in_second) = (equal(first), equal(second));
            (first, second) = (&first[in_first..], &second[in_second..]);
            Some((in_first, in_second))
        })
    }

    /// The variance of the statistic of Mann and Whitney under the ties of both samples together.
    fn pooled_spread(&self) -> f64 {
        let deviation = self.deviation(self.runs().map(|(one, other)| cube_of_tie(one + other)).sum());
        deviation * deviation
    }

    /// The standard deviation of that statistic at a sum of `t³ − t`.
    fn deviation(&self, tie_cubes: f64) -> f64 {
        let (n, m) = (self.first.len() as f64, self.second.len() as f64);
        let all = n + m;
        (n * m / 12.0 * (all + 1.0 - tie_cubes / (all * (all - 1.0))).max(0.0)).sqrt()
    }

    /// The distribution of the doubled rank sum of the smaller sample.
    fn chance(&self) -> Result<SumDistribution, RankError> {
        let (n, m) = (self.first.len(), self.second.len());
        let scores = doubled_ranks(self.runs().map(|(in_first, in_second)| in_first + in_second));
        SumDistribution::of_subsets(&scores, n.min(m)).ok_or(RankError::TooMany { first: n, second: m })
    }

    /// The logarithm of pairs won over pairs lost, with so much of each equal pair on either side.
    fn log_odds(&self, of_equal: f64) -> Result<Wald, RankError> {
        let Pairs { first_larger, equal, second_larger } = self.pairs();
        let (n, m) = (self.first.len() as f64, self.second.len() as f64);
        let ties = of_equal * equal as f64;
        let (wins, losses) = (first_larger as f64 + ties, second_larger as f64 + ties);
        if wins <= 0.0 || losses <= 0.0 {
            return Err(if self.pooled_spread() > 0.0 { RankError::Separated } else { RankError::NoSpread });
        }
        // What each value adds, as a share of the mean of its sample.
        let share = |of: f64, count: f64, total: f64| of * count / total;
        let influence = |place: &Place, own: f64, other: f64, is_first: bool| {
            let below = place.below as f64 + of_equal * place.equal as f64;
            let above = other - (place.below + place.equal) as f64 + of_equal * place.equal as f64;
            let (won, lost) = if is_first { (below, above) } else { (above, below) };
            share(won, own, wins) - share(lost, own, losses)
        };
        let first: Vec<f64> = self.of_first.iter().map(|place| influence(place, n, m, true)).collect();
        let second: Vec<f64> = self.of_second.iter().map(|place| influence(place, m, n, false)).collect();
        self.with_influence(libm::log(wins / losses), &first, &second)
    }

    /// An estimate from how much each value adds to it.
    fn with_influence(&self, estimate: f64, first: &[f64], second: &[f64]) -> Result<Wald, RankError> {
        let (n, m) = (self.first.len(), self.second.len());
        if n < 2 || m < 2 {
            return Err(RankError::TooFew { first: n, second: m, needed: 2 });
        }
        let (one, other) = (squared_error(&sorted(first)), squared_error(&sorted(second)));
        let (squares, freedom) = satterthwaite([(one, n), (other, m)]);
        let none = if self.pooled_spread() > 0.0 { RankError::Separated } else { RankError::NoSpread };
        Ok(Wald::normal(estimate, squares.sqrt()).ok_or(none)?.with_degrees_of_freedom(freedom))
    }
}

fn exponential(log: Wald, confidence: f64) -> Result<Interval, RankError> {
    let Interval { estimate, low, high, .. } = log.interval(confidence)?;
    Ok(Interval { estimate: libm::exp(estimate), low: libm::exp(low), high: libm::exp(high), confidence })
}

/// The probabilities of a statistic whose steps are one half or one, by the normal approximation.
fn rank_test(statistic: f64, mean: f64, deviation: f64, method: RankMethod) -> Result<RankTest, RankError> {
    let (distance, half) = (statistic - mean, correction(method));
    let tail = |distance: f64| normal_upper_tail(distance / deviation);
    Ok(RankTest {
        statistic,
        p_two_sided: (2.0 * tail((distance.abs() - half).max(0.0))?).min(1.0),
        p_greater: tail(distance - half)?,
        p_less: tail(-distance - half)?,
        method,
    })
}

fn correction(method: RankMethod) -> f64 {
    if method == RankMethod::NormalCorrected { 0.5 } else { 0.0 }
}

/// The logarithms of values.
fn logarithms(values: &[f64]) -> Result<Vec<f64>, RankError> {
    let log = |value: &f64| {
        let has_logarithm = *value > 0.0 && value.is_finite();
        if has_logarithm { Ok(libm::log(*value)) } else { Err(RankError::NotPositive { value: *value }) }
    };
    values.iter().map(log).collect()
}

/// Where each of some sorted values stands among others that are sorted.
fn places(values: &[f64], others: &[f64]) -> Vec<Place> {
    let (mut below, mut not_above) = (0, 0);
    let place = |value: &f64| {
        below += others[below..].iter().take_while(|other| **other < *value).count();
        not_above += others[not_above..].iter().take_while(|other| **other <= *value).count();
        Place { below: below as u64, equal: (not_above - below) as u64 }
    };
    values.iter().map(place).collect()
}

/// Twice the ranks of values in runs of such sizes, equal ones sharing their mean.
fn doubled_ranks(runs: impl Iterator<Item = usize>) -> Vec<u64> {
    let mut ranks = Vec::new();
    for equal in runs {
        ranks.extend(std::iter::repeat_n((2 * ranks.len() + equal + 1) as u64, equal));
    }
    ranks
}

fn cube_of_tie(size: usize) -> f64 {
    let size = size as f64;
    size * size * size - size
}

/// The sum of `t³ − t` over runs of equal values.
fn tie_cubes(sorted: &[f64]) -> f64 {
    sorted.chunk_by(|one, other| one >= other).map(|run| cube_of_tie(run.len())).sum()
}

/// The probability that the largest distance of a Brownian bridge from 0 exceeds `x`.
fn smirnov_tail(x: f64) -> f64 {
    if x < 0.2 {
        // Above 1 − 1e-12, where the series no longer settles.
        return 1.0;
    }
    let term = |k: u32| {
        let k = f64::from(k);
        let size = libm::exp(-2.0 * k * k * x * x);
        if k % 2.0 > 0.5 { size } else { -size }
    };
    (2.0 * (1..=30).map(term).sum::<f64>()).clamp(0.0, 1.0)
}
