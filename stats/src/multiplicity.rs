//! Several tests at once: adjusted probabilities, and one probability for all.

use crate::distributions::{
    DistributionError, chi_squared_upper_tail, normal_quantile, normal_upper_tail, student_t_upper_tail,
};

#[cfg(test)]
mod tests;

/// Why probabilities could not be adjusted or combined.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum MultiplicityError {
    /// There are none.
    #[error("there are no probabilities")]
    None,
    /// One is not within 0 and 1.
    #[error("a probability must lie between 0 and 1, got `{p}`")]
    Probability {
        /// It.
        p: f64,
    },
    /// The combination is not defined where one is 0 or 1.
    #[error("the combination is not defined for a probability of `{p}`")]
    AtTheEnd {
        /// It.
        p: f64,
    },
    /// A tail could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
}

/// How probabilities are adjusted for their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjust {
    /// `k p`: bounds the chance of any false claim; [`Adjust::Holm`] does the same and claims more.
    Bonferroni,
    /// `max over j ≤ i of (k − j + 1) p₍ⱼ₎`: bounds the chance of any false claim, whatever the dependence.
    Holm,
    /// `min over j ≥ i of (k − j + 1) p₍ⱼ₎`: the same for tests that are independent or positively dependent.
    Hochberg,
    /// `min over j ≥ i of k p₍ⱼ₎ / j`: bounds the expected share of false claims among the claims, for tests that are
    /// independent or positively dependent.
    BenjaminiHochberg,
    /// The same times `Σ 1/j`: whatever the dependence.
    BenjaminiYekutieli,
}

/// Adjusts probabilities, in the order in which they came.
///
/// # Formula
/// As each [`Adjust`] says, with `p₍₁₎ ≤ … ≤ p₍ₖ₎`, at most 1. A claim at level `α` is one whose adjusted probability is
/// at most `α`.
///
/// # Errors
/// [`MultiplicityError`] when there are none or one is not within 0 and 1.
///
/// # Examples
/// ```
/// use stats::Adjust;
/// let adjusted = stats::adjusted_p_values(&[0.012, 0.034, 0.0021, 0.21], Adjust::Holm)?;
/// for (adjusted, known) in adjusted.iter().zip([0.036, 0.068, 0.0084, 0.21]) {
///     assert!((adjusted - known).abs() < 1e-15);
/// }
/// # Ok::<(), stats::MultiplicityError>(())
/// ```
///
/// # References
/// Holm (1979), Scandinavian Journal of Statistics 6, 65–70. Hochberg (1988), Biometrika 75, 800–802. Benjamini & Hochberg
/// (1995), Journal of the Royal Statistical Society B 57, 289–300. Benjamini & Yekutieli (2001), Annals of Statistics 29,
/// 1165–1188.
pub fn adjusted_p_values(p: &[f64], adjust: Adjust) -> Result<Vec<f64>, MultiplicityError> {
    let order = ascending(p)?;
    let count = p.len() as f64;
    let harmonic: f64 = (1..=p.len()).map(|rank| 1.0 / rank as f64).sum();
    let factor = |rank: usize| match adjust {
        Adjust::Bonferroni => count,
        Adjust::Holm | Adjust::Hochberg => count - rank as f64,
        Adjust::BenjaminiHochberg => count / (rank as f64 + 1.0),
        Adjust::BenjaminiYekutieli => harmonic * count / (rank as f64 + 1.0),
    };
    let mut adjusted = vec![0.0; p.len()];
    let mut raw = order.iter().enumerate().map(|(rank, place)| (*place, (factor(rank) * p[*place]).min(1.0)));
    if matches!(adjust, Adjust::Bonferroni | Adjust::Holm) {
        raw.fold(0.0, |largest: f64, (place, value)| {
            adjusted[place] = largest.max(value);
            adjusted[place]
        });
    } else {
        let mut smallest = 1.0_f64;
        while let Some((place, value)) = raw.next_back() {
            smallest = smallest.min(value);
            adjusted[place] = smallest;
        }
    }
    Ok(adjusted)
}

/// How several probabilities become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combination {
    /// `P(χ² > −2 Σ ln p)` with `2k` degrees of freedom (Fisher): for independent tests.
    Fisher,
    /// `P(Z > Σ z / √k)` (Stouffer): for independent one-sided tests.
    Stouffer,
    /// `min k p₍ⱼ₎ / j` (Simes): also for positively dependent tests.
    Simes,
    /// `P(C > mean of tan((½ − p) π))` (Liu and Xie): about right under any dependence for small probabilities.
    Cauchy,
}

/// Combines probabilities of tests of hypotheses that are all true if one is.
///
/// # Formula
/// As each [`Combination`] says.
///
/// # Errors
/// [`MultiplicityError`] when there are none, one is not within 0 and 1, or it is 0 or 1 where the combination has no
/// answer then.
///
/// # Use with care
/// A small answer says that something is not so somewhere, not where. To claim all of several things, the largest
/// probability is the one that counts (Berger 1982).
///
/// # Examples
/// ```
/// use stats::Combination;
/// let p = stats::combined_p_value(&[0.012, 0.034, 0.0021, 0.21], Combination::Simes)?;
/// assert!((p - 0.0084).abs() < 1e-15);
/// # Ok::<(), stats::MultiplicityError>(())
/// ```
///
/// # References
/// Fisher (1932), Statistical Methods for Research Workers, fourth edition, section 21.1. Stouffer et al. (1949), The
/// American Soldier. Simes (1986), Biometrika 73, 751–754. Liu & Xie (2020), Journal of the American Statistical
/// Association 115, 393–402.
pub fn combined_p_value(p: &[f64], combination: Combination) -> Result<f64, MultiplicityError> {
    let order = ascending(p)?;
    let sorted = order.iter().map(|place| p[*place]);
    let count = p.len() as f64;
    let inside = |p: f64| if p > 0.0 && p < 1.0 { Ok(p) } else { Err(MultiplicityError::AtTheEnd { p }) };
    match combination {
        Combination::Fisher => {
            let mut sum = 0.0;
            for p in sorted {
                sum -= 2.0 * libm::log(if p > 0.0 { p } else { inside(p)? });
            }
            Ok(chi_squared_upper_tail(sum.max(0.0), 2.0 * count)?)
        }
        Combination::Stouffer => {
            let mut sum = 0.0;
            for p in sorted {
                sum -= normal_quantile(inside(p)?)?;
            }
            Ok(normal_upper_tail(sum / count.sqrt())?)
        }
        Combination::Simes => Ok(sorted.zip(1_u32..).map(|(p, rank)| count * p / f64::from(rank)).fold(1.0, f64::min)),
        Combination::Cauchy => {
            let mut sum = 0.0;
            for p in sorted {
                // 1 / tan(π p) near 0, where (½ − p) would lose p.
                sum += 1.0 / libm::tan(std::f64::consts::PI * inside(p)?);
            }
            Ok(student_t_upper_tail(sum / count, 1.0)?)
        }
    }
}

/// The places of probabilities from the smallest to the largest; equal ones get equal answers in any order.
fn ascending(p: &[f64]) -> Result<Vec<usize>, MultiplicityError> {
    if p.is_empty() {
        return Err(MultiplicityError::None);
    }
    if let Some(&p) = p.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(MultiplicityError::Probability { p });
    }
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|one, other| p[*one].total_cmp(&p[*other]));
    Ok(order)
}
