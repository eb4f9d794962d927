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
