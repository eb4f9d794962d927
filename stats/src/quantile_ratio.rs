//! The ratio of a quantile of two arms, whose values come in units.

use crate::bootstrap::{
    Bca, BootstrapError, Numbered, ResamplePlace, bca_interval, bootstrap_standard_error, check_plan, draws,
    percentile_interval,
};
use crate::interval::Interval;
use crate::quantiles::{QuantileError, quantile_position};
use crate::wald::Wald;

#[cfg(test)]
mod tests;

/// Why two arms have no ratio of quantiles.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum QuantileRatioError {
    /// A value is not positive and finite.
    #[error("a value must be positive and finite, got `{value}`")]
    NotPositive {
        /// The value.
        value: f64,
    },
    /// The probability is not between 0 and 1, or an arm is empty.
    #[error(transparent)]
    Quantile(#[from] QuantileError),
    /// The bootstrap gives no interval.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
}

/// The values of one arm and the units they come from.
#[derive(Debug)]
pub struct Arm<'a, K> {
    /// `[n]`, positive.
    pub values: &'a [f64],
    /// `[n]`: the unit of each.
    pub units: &'a [K],
}

impl<K> Clone for Arm<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Arm<'_, K> {}

/// How units of the two arms are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArmUnits {
    /// Those of each arm by themselves: different units are in the arms, and one name in both means two units.
    Separate,
    /// Those of both arms together: a unit of one name takes its values in both arms along, as before and after do.
    Shared,
}

/// A ratio of quantiles with its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantileRatio {
    /// The ratio, first arm over second, and its bias-corrected and accelerated limits.
    pub bca: Bca,
    /// The same with the plain limits of the replicates.
    pub percentile: Interval,
    /// The logarithm of the ratio; its standard error is the standard deviation of the replicates' logarithms.
    pub log_ratio: Wald,
}

/// Gives the ratio of a quantile of the first arm to that of the second, by a bootstrap of units.
///
/// # Model
/// Units are independent and alike within an arm ([`ArmUnits::Separate`]) or altogether ([`ArmUnits::Shared`]).
///
/// # Formula
/// ```text
/// Q₁(p) / Q₂(p)      Q as in `quantile`
/// ```
/// Each replicate draws as many units as there are. Replicate `r` draws those of the first arm from stream `2r` and of the
/// second from stream `2r + 1` of `seed`; shared ones from stream `r`. Limits are [`bca_interval`]'s with a jackknife over
/// units. Values are sorted once; a replicate is a pass over them.
///
/// # Errors
/// [`QuantileRatioError`] when a value is not positive and finite, `probability` is not within 0 and 1, lengths differ,
/// there are fewer than two units, a replicate leaves an arm empty, or [`bca_interval`] fails.
///
/// # Use with care
/// Below about twenty units in an arm the limits are optimistic, and a quantile with only a few units beyond it has none
/// worth reading.
///
/// # Examples
/// ```
/// use stats::{Arm, ArmUnits};
/// let hours: Vec<f64> = (0..90).map(|i| f64::from(1 + i * i % 61)).collect();
/// let twice: Vec<f64> = hours.iter().map(|hours| 2.0 * hours).collect();
/// let units: Vec<u32> = (0..90).map(|i| i / 3).collect();
/// let (after, before) = (Arm { values: &twice, units: &units }, Arm { values: &hours, units: &units });
/// let ratio = stats::quantile_ratio(after, before, 0.5, ArmUnits::Separate, 999, 7, 0.95)?;
/// assert!((ratio.bca.interval.estimate - 2.0).abs() < 1e-12);
/// assert!(ratio.bca.interval.low < 2.0 && ratio.bca.interval.high > 2.0);
/// # Ok::<(), stats::QuantileRatioError>(())
/// ```
///
/// # References
/// Davison & Hinkley (1997), Bootstrap Methods and their Application, sections 3.2 and 3.8. Efron (1987), Journal of the
/// American Statistical Association 82, 171–185.
pub fn quantile_ratio<K: Ord>(
    first: Arm<K>,
    second: Arm<K>,
    probability: f64,
    units: ArmUnits,
    replicates: usize,
    seed: u64,
    confidence: f64,
) -> Result<QuantileRatio, QuantileRatioError> {
    check_plan(replicates, confidence)?;
    let numbered = |arm: Arm<K>| Numbered::of(arm.values.len(), arm.units);
    let (one, other) = match units {
        ArmUnits::Separate => (numbered(first)?, numbered(second)?),
        ArmUnits::Shared => shared(first, second)?,
    };
    let arms = [
        SortedArm::of(first.values, &one.clusters, probability)?,
        SortedArm::of(second.values, &other.clusters, probability)?,
    ];
    let counts = [one.count, other.count];
    let ratio = |multiplicities: [&[usize]; 2], place: ResamplePlace| {
        let quantiles = (arms[0].quantile(multiplicities[0]), arms[1].quantile(multiplicities[1]));
        let ratio = quantiles.0.zip(quantiles.1).map(|(above, below)| above / below);
        ratio.filter(|ratio| *ratio > 0.0 && ratio.is_finite()).ok_or(BootstrapError::Undefined { place })
    };
    let mut all = counts.map(|count| vec![1_usize; count]);
    let estimate = ratio([&all[0], &all[1]], ResamplePlace::Data)?;
    let mut drawn = Vec::with_capacity(replicates);
    let mut chosen = counts.map(|count| vec![0_usize; count]);
    for number in 0..replicates {
        let place = ResamplePlace::Replicate(number);
        if units == ArmUnits::Shared {
            draw(&mut chosen[0], seed, number);
            drawn.push(ratio([&chosen[0], &chosen[0]], place)?);
        } else {
            draw(&mut chosen[0], seed, 2 * number);
            draw(&mut chosen[1], seed, 2 * number + 1);
            drawn.push(ratio([&chosen[0], &chosen[1]], place)?);
        }
    }
    let mut jackknife = [Vec::new(), Vec::new()];
    let samples = if units == ArmUnits::Shared { 1 } else { 2 };
    for sample in 0..samples {
        for unit in 0..counts[sample] {
            all[sample][unit] = 0;
            let kept = if units == ArmUnits::Shared { [&*all[0], &*all[0]] } else { [&*all[0], &*all[1]] };
            jackknife[sample].push(ratio(kept, ResamplePlace::WithoutCluster(unit))?);
            all[sample][unit] = 1;
        }
    }
    let samples: Vec<&[f64]> = jackknife[..samples].iter().map(Vec::as_slice).collect();
    let logarithms: Vec<f64> = drawn.iter().map(|ratio| libm::log(*ratio)).collect();
    let error = bootstrap_standard_error(&logarithms)?;
    Ok(QuantileRatio {
        bca: bca_interval(estimate, &drawn, &samples, confidence)?,
        percentile: percentile_interval(estimate, &drawn, confidence)?,
        log_ratio: Wald::normal(libm::log(estimate), error).ok_or(BootstrapError::NoSpread)?,
    })
}

/// How often each unit is in a replicate.
fn draw(multiplicities: &mut [usize], seed: u64, stream: usize) {
    multiplicities.fill(0);
    draws(multiplicities.len(), seed, stream).for_each(|chosen| multiplicities[chosen] += 1);
}

/// The units of both arms, numbered together.
fn shared<K: Ord>(first: Arm<K>, second: Arm<K>) -> Result<(Numbered, Numbered), BootstrapError> {
    for arm in [first, second] {
        if arm.values.len() != arm.units.len() {
            return Err(BootstrapError::LengthMismatch { values: arm.values.len(), clusters: arm.units.len() });
        }
    }
    let names: Vec<&K> = first.units.iter().chain(second.units).collect();
    let Numbered { mut clusters, count } = Numbered::of(names.len(), &names)?;
    let others = clusters.split_off(first.units.len());
    Ok((Numbered { clusters, count }, Numbered { clusters: others, count }))
}

/// Values in order, each with its unit.
struct SortedArm {
    values: Vec<(f64, usize)>,
    probability: f64,
}

impl SortedArm {
    fn of(values: &[f64], units: &[usize], probability: f64) -> Result<Self, QuantileRatioError> {
        if let Some(&value) = values.iter().find(|value| !(**value > 0.0 && value.is_finite())) {
            return Err(QuantileRatioError::NotPositive { value });
        }
        quantile_position(probability, values.len())?;
        let mut values: Vec<(f64, usize)> = values.iter().copied().zip(units.iter().copied()).collect();
        values.sort_unstable_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        Ok(Self { values, probability })
    }

    /// The quantile where unit `u` is in the sample `multiplicities[u]` times; `None` where nothing is.
    fn quantile(&self, multiplicities: &[usize]) -> Option<f64> {
        let count = self.values.iter().map(|(_, unit)| multiplicities[*unit]).sum();
        let (index, fraction) = quantile_position(self.probability, count).ok()?;
        let (mut passed, mut low) = (0, None);
        for (value, unit) in &self.values {
            passed += multiplicities[*unit];
            if low.is_none() && passed > index {
                low = Some(*value);
            }
            if passed > (index + 1).min(count - 1) {
                return low.map(|low| low + fraction * (value - low));
            }
        }
        low
    }
}
