use super::*;

#[test]
fn newton_inside_a_bracket_finds_roots_of_any_size() {
    for exponent in [-200, -12, 0, 9, 150] {
        let root = 3.0 * 10.0_f64.powi(exponent);
        let found = falling_root(0.0, 1e160, |x| (1.0 - x / root, -1.0 / root));
        assert!((found / root - 1.0).abs() < 1e-14, "{root}: {found}");
    }
    // A slope that is wrong in size costs steps, not the answer.
    let found = falling_root(0.0, 10.0, |x| (2.0 - x * x, -0.01));
    assert!((found - 2.0_f64.sqrt()).abs() < 1e-14);
    let flat = falling_root(0.0, 10.0, |x| (2.0 - x * x, 0.0));
    assert!((flat - 2.0_f64.sqrt()).abs() < 1e-14);
}

#[test]
fn halving_finds_a_root_without_a_slope() {
    assert!((bisected_root(0.0, 4.0, |x| 2.0 - x * x) - 2.0_f64.sqrt()).abs() < 1e-15);
    assert!((bisected_root(-5.0, 5.0, |x| -x - 3.0) + 3.0).abs() < 1e-14);
}

#[test]
fn a_normal_density_adds_up_to_one() {
    let density = |x: f64| libm::exp(-0.5 * x * x) / std::f64::consts::TAU.sqrt();
    assert!((integral(-10.0, 10.0, density) - 1.0).abs() < 1e-12);
}

#[test]
fn a_mean_does_not_overflow() {
    let means = [[-f64::MAX, f64::MAX], [f64::MAX, f64::MAX]].map(|values| sorted_mean(&values).to_bits());
    assert_eq!(means, [0.0_f64.to_bits(), f64::MAX.to_bits()]);
    assert!((sorted_mean(&sorted(&[3.0, 1.0, 2.0])) - 2.0).abs() < 1e-15);
}

// By the logarithm of the gamma function, whose own error is 1e-16 of its value.
#[test]
fn sums_of_steps_are_those_of_the_gamma_function() {
    for (start, scale) in [(1.0, 0.3), (0.02, 1e-3), (1.0, 50.0)] {
        for (from, to) in [(0.0, 0.0), (0.0, 1.0), (0.0, 4_097.0), (0.0, 1e5), (3_000.0, 1e6), (5e5, 7e7), (0.0, 1e12)]
        {
            let sum = sum_of_steps(from, to, |step| libm::log(start + scale * step));
            let gamma = |at: f64| libm::lgamma(at + start / scale);
            let expected = gamma(to) - gamma(from) + (to - from) * libm::log(scale);
            assert!((sum - expected).abs() <= 1e-11 * expected.abs().max(1.0) + 1e-15 * gamma(to).abs(), "{from} {to}");
        }
    }
}

#[test]
fn sums_of_steps_add_up() {
    let term = |step: f64| step / (1.0 + 0.01 * step);
    let one_by_one: f64 = (0..200_000).map(f64::from).map(term).sum();
    assert!((sum_of_steps(0.0, 200_000.0, term) / one_by_one - 1.0).abs() < 1e-12);
    let parts = sum_of_steps(0.0, 9_000.0, term) + sum_of_steps(9_000.0, 200_000.0, term);
    assert!((parts / one_by_one - 1.0).abs() < 1e-12);
}
