use statrs::distribution::{Beta, ContinuousCDF, Gamma, StudentsT};

use super::*;

fn close(actual: f64, expected: f64, relative: f64) {
    assert!((actual - expected).abs() <= relative * expected.abs(), "{actual:e} is not {expected:e}");
}

// Abramowitz & Stegun (1964), tables 26.10 and 26.8: percentage points of t and chi-squared.
#[test]
fn example_abramowitz1964() {
    assert!((student_t_quantile(0.975, 10.0).expect("in range") - 2.228).abs() < 5e-4);
    assert!((chi_squared_quantile(0.95, 10.0).expect("in range") - 18.3070).abs() < 5e-5);
}

// Closed forms: t with one degree of freedom is Cauchy, chi-squared with two is exponential, beta(a, 1) is a power.
#[test]
fn agrees_with_closed_forms() {
    for p in [1e-120_f64, 1e-12, 0.003, 0.2, 0.499_999, 0.5, 0.7, 0.999, 1.0 - 1e-13] {
        let upper = 1.0 - p;
        let cauchy = if p < 0.5 {
            -1.0 / libm::tan(std::f64::consts::PI * p)
        } else {
            1.0 / libm::tan(std::f64::consts::PI * upper)
        };
        // Near the middle the closed form itself is a small difference.
        let t = student_t_quantile(p, 1.0);
        assert!(t.is_ok_and(|t| (t - cauchy).abs() < 1e-13 * cauchy.abs().max(1.0)), "{t:?} is not {cauchy}");
        // For p above one half `1 − p` is exact, below it `ln_1p` is.
        let exponential = if p < 0.5 { -2.0 * libm::log1p(-p) } else { -2.0 * libm::log(upper) };
        close(chi_squared_quantile(p, 2.0).expect("in range"), exponential, 1e-13);
        close(gamma_quantile(p, 1.0, 2.0).expect("in range"), exponential / 4.0, 1e-13);
        // The root is a logarithm: its last bit is some hundred bits of a number near 1e-240.
        close(beta_quantile(p, 4.0, 1.0).expect("in range"), p.sqrt().sqrt(), 1e-12);
        close(beta_quantile(p, 0.5, 1.0).expect("in range"), p * p, 1e-12);
    }
}

#[test]
fn quantiles_and_tails_invert_each_other() {
    for df in [0.5, 1.0, 3.0, 17.5, 400.0, 123_456.0] {
        for tail in [1e-200, 1e-40, 1e-9, 0.01, 0.3] {
            let lower = normal_quantile(tail).expect("in range");
            close(normal_upper_tail(-lower).expect("a number"), tail, 1e-11);
            if df > 1.0 || tail > 1e-100 {
                let lower = student_t_quantile(tail, df).expect("in range");
                close(student_t_upper_tail(-lower, df).expect("a number"), tail, 1e-11);
            }
            let upper = gamma_upper_quantile(tail, 0.5 * df).expect("in range");
            close(chi_squared_upper_tail(2.0 * upper, df).expect("a number"), tail, 1e-11);
        }
    }
}

#[test]
fn a_quantile_too_large_to_hold_is_an_error() {
    assert_eq!(student_t_quantile(1e-200, 0.5), Err(DistributionError::OutOfRange));
}

// `statrs` is another implementation; it promises about ten digits for these.
#[test]
fn agrees_with_another_implementation() {
    for p in [0.001, 0.025, 0.4, 0.9, 0.999] {
        for shape in [0.7, 1.0, 4.0, 55.0, 900.0] {
            let gamma = Gamma::new(shape, 1.0).expect("the shape is positive").inverse_cdf(p);
            close(gamma_quantile(p, shape, 1.0).expect("in range"), gamma, 1e-9);
            let t = StudentsT::new(0.0, 1.0, shape).expect("the freedom is positive").inverse_cdf(p);
            close(student_t_quantile(p, shape).expect("in range"), t, 1e-8);
            let beta = Beta::new(shape, 3.0).expect("the shapes are positive").inverse_cdf(p);
            close(beta_quantile(p, shape, 3.0).expect("in range"), beta, 1e-8);
        }
    }
}

// By the law of large numbers a gamma variable with shape a is near a normal one; the next term of the Cornish–Fisher
// expansion is left out, hence the tolerance.
#[test]
fn large_shapes_stay_accurate() {
    let shape: f64 = 1e10;
    let z = 1.959_963_984_540_054;
    let expansion = shape + z * shape.sqrt() + (z * z - 1.0) / 3.0 + (z * z * z - 7.0 * z) / (36.0 * shape.sqrt());
    close(gamma_quantile(0.975, shape, 1.0).expect("in range"), expansion, 1e-14);
}

#[test]
fn bad_arguments_are_errors() {
    for p in [0.0, 1.0, -0.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(normal_quantile(p), Err(DistributionError::Probability { .. })));
        assert!(matches!(gamma_quantile(p, 1.0, 1.0), Err(DistributionError::Probability { .. })));
    }
    for parameter in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(student_t_quantile(0.5, parameter), Err(DistributionError::Parameter { .. })));
        assert!(matches!(beta_quantile(0.5, 1.0, parameter), Err(DistributionError::Parameter { .. })));
        assert!(matches!(f_upper_tail(1.0, parameter, 1.0), Err(DistributionError::Parameter { .. })));
    }
    assert!(matches!(normal_upper_tail(f64::NAN), Err(DistributionError::Point { .. })));
    assert!(matches!(chi_squared_upper_tail(-1.0, 1.0), Err(DistributionError::Point { .. })));
}

#[test]
fn tails_at_the_ends_of_the_support() {
    assert_eq!(normal_upper_tail(f64::INFINITY), Ok(0.0));
    assert_eq!(student_t_upper_tail(f64::INFINITY, 2.0), Ok(0.0));
    assert_eq!(student_t_upper_tail(f64::NEG_INFINITY, 2.0), Ok(1.0));
    assert_eq!(chi_squared_upper_tail(0.0, 2.0), Ok(1.0));
    assert_eq!(f_upper_tail(f64::INFINITY, 2.0, 3.0), Ok(0.0));
    assert_eq!(normal_quantile(0.5), Ok(0.0));
}
