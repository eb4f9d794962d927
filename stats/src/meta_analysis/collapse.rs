//! Several effects of one unit to one, so that each unit has one vote.

use super::{CombineError, check, same_length};

/// How the effects of one unit are weighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollapseWeights {
    /// Their plain mean: nothing that a unit says of its own precision decides its effect.
    Equal,
    /// The least variance that the correlation allows. With a high correlation weights can be negative and the answer
    /// can lie outside the effects it came from.
    LeastVariance,
}

/// The one effect of a unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Collapsed<K> {
    /// The unit.
    pub unit: K,
    /// How many effects it had.
    pub count: usize,
    /// Their mean.
    pub estimate: f64,
    /// Its variance.
    pub variance: f64,
}

/// Collapses the effects of each unit to one.
///
/// # Model
/// Two effects of one unit have correlation `ρ`; effects of different units are independent.
///
/// # Formula
/// ```text
/// Equal:           y = Σ yᵢ / n                v = (Σ vᵢ + ρ ((Σ sᵢ)² − Σ vᵢ)) / n²      sᵢ = √vᵢ
/// least variance:  y = 1ᵀV⁻¹y / 1ᵀV⁻¹1         v = 1 / 1ᵀV⁻¹1                           Vᵢⱼ = ρ sᵢsⱼ, Vᵢᵢ = vᵢ
/// ```
/// `estimates`, `variances` and `units` are `[k]`. With equal weights and `ρ = 1` the standard error is the mean of
/// theirs. Units come in the order of their names.
///
/// # Errors
/// [`CombineError`] when lengths differ, an estimate is not finite, a variance is not positive and finite, or `ρ` is
/// not between 0 and 1 (1 itself only with equal weights).
///
/// # Examples
/// ```
/// use stats::CollapseWeights;
/// let one = stats::collapse(&[0.2, 0.4, 0.1], &[0.01, 0.01, 0.09], &["a", "a", "b"], 1.0, CollapseWeights::Equal)?;
/// assert_eq!((one[0].unit, one[0].count), ("a", 2));
/// assert!((one[0].estimate - 0.3).abs() < 1e-15 && (one[0].variance - 0.01).abs() < 1e-15);
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Borenstein et al. (2009), Introduction to Meta-Analysis, chapter 24.
pub fn collapse<K: Ord + Clone>(
    estimates: &[f64],
    variances: &[f64],
    units: &[K],
    correlation: f64,
    weights: CollapseWeights,
) -> Result<Vec<Collapsed<K>>, CombineError> {
    check(estimates, variances)?;
    same_length(estimates.len(), units.len())?;
    let is_possible = match weights {
        CollapseWeights::Equal => (0.0..=1.0).contains(&correlation),
        CollapseWeights::LeastVariance => (0.0..1.0).contains(&correlation),
    };
    if !is_possible {
        return Err(CombineError::Correlation { correlation });
    }
    let mut effects: Vec<(&K, f64, f64)> = units
        .iter()
        .zip(estimates)
        .zip(variances)
        .map(|((unit, estimate), variance)| (unit, *estimate, *variance))
        .collect();
    effects.sort_by(|one, other| one.0.cmp(other.0).then(one.1.total_cmp(&other.1)).then(one.2.total_cmp(&other.2)));
    effects
        .chunk_by(|one, other| one.0 == other.0)
        .map(|own| {
            let (estimate, variance) = match weights {
                CollapseWeights::Equal => equal(own, correlation),
                CollapseWeights::LeastVariance => least_variance(own, correlation),
            };
            if !estimate.is_finite() || !variance.is_finite() {
                return Err(CombineError::OutOfRange);
            }
            Ok(Collapsed { unit: own[0].0.clone(), count: own.len(), estimate, variance })
        })
        .collect()
}

fn equal<K>(own: &[(&K, f64, f64)], correlation: f64) -> (f64, f64) {
    let count = own.len() as f64;
    let first = own[0].1;
    let estimate = first + own.iter().map(|(_, estimate, _)| estimate - first).sum::<f64>() / count;
    let errors: f64 = own.iter().map(|(_, _, variance)| variance.sqrt()).sum();
    let variances: f64 = own.iter().map(|(_, _, variance)| variance).sum();
    (estimate, ((1.0 - correlation) * variances + correlation * errors * errors) / (count * count))
}

/// By the inverse of an equicorrelation matrix: with `zᵢ = xᵢ/sᵢ`, `xᵀV⁻¹x = (Σz² − c(Σz)²) / (1 − ρ)`,
/// `c = ρ / (1 + (n − 1)ρ)`.
fn least_variance<K>(own: &[(&K, f64, f64)], correlation: f64) -> (f64, f64) {
    let factor = correlation / (1.0 + (own.len() - 1) as f64 * correlation);
    let first = own[0].1;
    let (mut ones, mut squares, mut moments, mut products) = (0.0, 0.0, 0.0, 0.0);
    for (_, estimate, variance) in own {
        let inverse = 1.0 / variance.sqrt();
        ones += inverse;
        squares += inverse * inverse;
        moments += (estimate - first) * inverse;
        products += (estimate - first) * inverse * inverse;
    }
    let information = squares - factor * ones * ones;
    (first + (products - factor * ones * moments) / information, (1.0 - correlation) / information)
}
