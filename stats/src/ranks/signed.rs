//! One sample of differences, compared with its mirror image.

use super::exact::SumDistribution;
use super::{
    HodgesLehmann, LARGE, RankError, RankMethod, RankTest, correction, doubled_ranks, rank_test, select, tie_cubes,
};
use crate::distributions::normal_quantile;
use crate::interval::{Interval, tail_probability};
use crate::numeric::sorted;

/// Differences in order, for Wilcoxon's comparison of pairs.
///
/// # Examples
/// ```
/// use stats::{RankMethod, SignedRank};
/// let first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
/// let second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
/// let test = SignedRank::of_pairs(&first, &second)?.test(RankMethod::Exact)?;
/// assert_eq!((test.statistic, test.p_two_sided), (0.0, 2.0 / 512.0));
/// # Ok::<(), stats::RankError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SignedRank {
    /// Sorted.
    differences: Vec<f64>,
}

impl SignedRank {
    /// Sorts differences.
    ///
    /// # Errors
    /// [`RankError`] when there are none, or one is not finite or so large that twice it is not.
    pub fn new(differences: &[f64]) -> Result<Self, RankError> {
        let count = differences.len();
        if count == 0 {
            return Err(RankError::TooFew { first: count, second: count, needed: 1 });
        }
        match differences.iter().find(|value| !(**value + **value).is_finite()) {
            Some(value) if value.is_finite() => Err(RankError::OutOfRange),
            Some(&value) => Err(RankError::NotFinite { value }),
            None => Ok(Self { differences: sorted(differences) }),
        }
    }

    /// Sorts the differences `first − second` of pairs.
    ///
    /// # Errors
    /// As for [`SignedRank::new`], and when the samples are not of one length.
    pub fn of_pairs(first: &[f64], second: &[f64]) -> Result<Self, RankError> {
        if first.len() != second.len() {
            return Err(RankError::LengthMismatch { first: first.len(), second: second.len() });
        }
        if let Some(&value) = first.iter().chain(second).find(|value| !value.is_finite()) {
            return Err(RankError::NotFinite { value });
        }
        let differences: Vec<f64> = first.iter().zip(second).map(|(one, other)| one - other).collect();
        if differences.iter().any(|difference| !difference.is_finite()) {
            return Err(RankError::OutOfRange);
        }
        Self::new(&differences)
    }

    /// Exact below 50 differences without ties and zeros, else the corrected normal approximation.
    #[must_use]
    pub fn usual_method(&self) -> RankMethod {
        let is_small = self.differences.len() < LARGE;
        if is_small && !self.has_ties() { RankMethod::Exact } else { RankMethod::NormalCorrected }
    }

    /// Tests whether the differences are symmetric about 0.
    ///
    /// # Formula
    /// ```text
    /// V = Σ of the ranks of |d| where d > 0      z = (V − n(n + 1)/4 ∓ ½) / σ
    /// σ² = n(n + 1)(2n + 1)/24 − Σ(t³ − t)/48      zeros left out, ties by mid-rank
    /// ```
    /// The exact distribution is that of all sets of signs, ties included.
    ///
    /// # Errors
    /// [`RankError`] when all differences are 0, or they are too many for the exact method.
    ///
    /// # References
    /// Wilcoxon (1945), Biometrics Bulletin 1, 80–83. Lehmann (1975), Nonparametrics, (3.14).
    pub fn test(&self, method: RankMethod) -> Result<RankTest, RankError> {
        let (sizes, positive) = self.sizes();
        if sizes.is_empty() {
            return Err(RankError::NoSpread);
        }
        let ranks = doubled_ranks(sizes.chunk_by(|one, other| one >= other).map(<[f64]>::len));
        let doubled: u64 =
            ranks.iter().zip(&positive).filter(|(_, is_positive)| **is_positive).map(|(rank, _)| rank).sum();
        let statistic = 0.5 * doubled as f64;
        if method == RankMethod::Exact {
            let count = self.differences.len();
            let too_many = RankError::TooMany { first: count, second: count };
            let chance = SumDistribution::of_any_subset(&ranks).ok_or(too_many)?;
            let p_two_sided = chance.as_far(doubled);
            let (p_greater, p_less) = (chance.at_least(doubled), chance.at_most(doubled));
            return Ok(RankTest { statistic, p_two_sided, p_greater, p_less, method });
        }
        let n = sizes.len() as f64;
        rank_test(statistic, 0.25 * n * (n + 1.0), deviation(&sizes), method)
    }

    /// Gives the centre of the differences, if they are symmetric about it, with its interval.
    ///
    /// # Formula
    /// ```text
    /// estimate = median of the M = n(n + 1)/2 averages (dᵢ + dⱼ)/2, i ≤ j      limits = A₍ₖ₎, A₍M₊₁₋ₖ₎
    /// exact    k = #{v: P(V ≤ v) ≤ α/2}
    /// else     k = ⌈M/2 − ½ − z σ⌉      without the ½ for `Normal`
    /// ```
    /// A difference of 0 is a difference like any other here, since the centre need not be 0.
    ///
    /// # Errors
    /// [`RankError`] when the differences are all equal, the exact method is asked for differences with ties or for more
    /// than can be computed, or no two averages hold the centre with this confidence.
    ///
    /// # Use with care
    /// Where the differences are skewed, it is neither their median nor their mean.
    ///
    /// # References
    /// Hodges & Lehmann (1963), Annals of Mathematical Statistics 34, 598–611. Hollander & Wolfe (1999), Nonparametric
    /// Statistical Methods, second edition, (3.30)–(3.35).
    pub fn hodges_lehmann(&self, method: RankMethod, confidence: f64) -> Result<HodgesLehmann, RankError> {
        let tail = tail_probability(confidence)?;
        let count = self.differences.len();
        let all = count as u64 * (count as u64 + 1) / 2;
        if self.differences.first() >= self.differences.last() {
            return Err(RankError::NoSpread);
        }
        let order = match method {
            RankMethod::Exact if self.has_ties() => return Err(RankError::Tied),
            RankMethod::Exact => {
                let ranks: Vec<u64> = (1..=count as u64).collect();
                let too_many = RankError::TooMany { first: count, second: count };
                SumDistribution::of_any_subset(&ranks).ok_or(too_many)?.below_tail(tail) as f64
            }
            RankMethod::Normal | RankMethod::NormalCorrected => {
                let reach = -normal_quantile(tail)? * deviation(&self.differences);
                (0.5 * all as f64 - correction(method) - reach).ceil()
            }
        };
        if order < 1.0 {
            return Err(RankError::Unreachable { first: count, second: count, confidence });
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and below half of `all`")]
        let order = (order as u64).min(all.div_ceil(2));
        let at = |place| select::average_at(&self.differences, place);
        let interval =
            Interval { estimate: select::median_at(all, at), low: at(order - 1), high: at(all - order), confidence };
        Ok(HodgesLehmann { interval, method })
    }

    /// Whether two differences are of one size, or one is 0.
    fn has_ties(&self) -> bool {
        let (sizes, _) = self.sizes();
        sizes.len() < self.differences.len() || tie_cubes(&sizes) > 0.0
    }

    /// The sizes of the differences that are not 0, sorted, and which of them are positive.
    fn sizes(&self) -> (Vec<f64>, Vec<bool>) {
        let mut nonzero: Vec<f64> = self.differences.iter().copied().filter(|value| value.abs() > 0.0).collect();
        nonzero.sort_by(|one, other| one.abs().total_cmp(&other.abs()));
        nonzero.iter().map(|value| (value.abs(), *value > 0.0)).unzip()
    }
}

/// The standard deviation of the signed-rank statistic, with the ties among sorted values.
fn deviation(sorted: &[f64]) -> f64 {
    let n = sorted.len() as f64;
    (n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - tie_cubes(sorted) / 48.0).max(0.0).sqrt()
}
