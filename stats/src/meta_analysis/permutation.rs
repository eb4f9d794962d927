//! A test of the pooled effect that rests on symmetry alone.

use super::{CombineError, Effects, Tau2Method, needs};

/// The most effects whose signs are all flipped: a million sets.
const MOST: usize = 20;

/// Tests whether effects are symmetric about 0, by flipping their signs in every way.
///
/// # Model
/// If there is no effect, each estimate is as likely to have been its negative.
///
/// # Formula
/// ```text
/// p = share of the 2ᵏ sets of signs with |z| at least as large as observed      z = μ / σ of `pool`
/// ```
/// with τ² by `DerSimonian` and Laird, anew for each set; equal within 1e-9 relative counts as large. `k` at most 20.
///
/// # Errors
/// [`CombineError`] as for [`pool`](crate::pool), and when there are more than twenty effects.
///
/// # Use with care
/// Exact, but coarse for few effects: `p` is at least `2^(1 − k)`.
///
/// # Examples
/// ```
/// let p = stats::sign_flip_test(&[0.2, 0.3, 0.25, 0.4], &[0.01; 4])?;
/// assert!((p - 2.0 / 16.0).abs() < 1e-15);
/// # Ok::<(), stats::CombineError>(())
/// ```
///
/// # References
/// Higgins & Thompson (2004), Statistics in Medicine 23, 1663–1682. Follmann & Proschan (1999), Biometrics 55, 732–737.
pub fn sign_flip_test(estimates: &[f64], variances: &[f64]) -> Result<f64, CombineError> {
    let effects = Effects::of(estimates, variances)?;
    let count = effects.count();
    needs(count, 2)?;
    if count > MOST {
        return Err(CombineError::TooMany { effects: count, most: MOST });
    }
    let observed = size(&effects)?;
    let mut flipped = effects.clone();
    // A set and its opposite have one |z|: the last sign can stay.
    let sets = 1_u32 << (count - 1);
    let mut as_large = 0_u32;
    for set in 0..sets {
        for (place, estimate) in flipped.estimates.iter_mut().enumerate() {
            let original = effects.estimates[place];
            *estimate = if set >> place & 1 == 1 { -original } else { original };
        }
        if size(&flipped)? >= observed * (1.0 - 1e-9) {
            as_large += 1;
        }
    }
    Ok(f64::from(as_large) / f64::from(sets))
}

fn size(effects: &Effects) -> Result<f64, CombineError> {
    let model = super::CommonMean::of(effects);
    let tau2 = super::between_variance(&model, Tau2Method::DerSimonianLaird)?;
    let mean = model.mean(tau2);
    Ok(mean.estimate.abs() / mean.variance.sqrt())
}
