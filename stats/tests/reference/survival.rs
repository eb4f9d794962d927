//! Cases of two or more survival curves against each other.

use stats::{Interval, KaplanMeier, Wald};

use super::checks::Checks;

const CONFIDENCE: f64 = 0.95;

/// Compares the contrasts of the restricted means of two arms.
pub(crate) fn restricted_means(checks: &mut Checks, treated: &KaplanMeier, controls: &KaplanMeier, horizon: f64) {
    let contrast = stats::restricted_mean_contrast(treated, controls, horizon, CONFIDENCE).expect("both are followed");
    let mut compare = |name: &str, effect: Wald, scale: fn(f64) -> f64| {
        let Interval { estimate, low, high, .. } = effect.interval(CONFIDENCE).expect("the level is right");
        checks.figure(&format!("/{name}/est"), Some(scale(estimate)));
        checks.figure(&format!("/{name}/lb"), Some(scale(low)));
        checks.figure(&format!("/{name}/ub"), Some(scale(high)));
        checks.figure(&format!("/{name}/p"), effect.p_two_sided().ok());
    };
    compare("difference", contrast.difference, |value| value);
    compare("ratio", contrast.log_ratio, libm::exp);
    compare("rmtl_ratio", contrast.log_lost_ratio.expect("both arms lose time"), libm::exp);
}
