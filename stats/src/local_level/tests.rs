use nalgebra::{DMatrix, DVector};

use super::*;
use crate::random::Philox;

/// The flow of the Nile at Aswan, 1871 to 1970, in 10⁸ m³ (Cobb 1978, Biometrika 65, 243–251).
#[rustfmt::skip]
const NILE: [f64; 100] = [
    1120.0, 1160.0, 963.0, 1210.0, 1160.0, 1160.0, 813.0, 1230.0, 1370.0, 1140.0,
    995.0, 935.0, 1110.0, 994.0, 1020.0, 960.0, 1180.0, 799.0, 958.0, 1140.0,
    1100.0, 1210.0, 1150.0, 1250.0, 1260.0, 1220.0, 1030.0, 1100.0, 774.0, 840.0,
    874.0, 694.0, 940.0, 833.0, 701.0, 916.0, 692.0, 1020.0, 1050.0, 969.0,
    831.0, 726.0, 456.0, 824.0, 702.0, 1120.0, 1100.0, 832.0, 764.0, 821.0,
    768.0, 845.0, 864.0, 862.0, 698.0, 845.0, 744.0, 796.0, 1040.0, 759.0,
    781.0, 865.0, 845.0, 944.0, 984.0, 897.0, 822.0, 1010.0, 771.0, 676.0,
    649.0, 846.0, 812.0, 742.0, 801.0, 1040.0, 860.0, 874.0, 848.0, 890.0,
    744.0, 749.0, 838.0, 1050.0, 918.0, 986.0, 797.0, 923.0, 975.0, 815.0,
    1020.0, 906.0, 901.0, 1170.0, 912.0, 746.0, 919.0, 718.0, 714.0, 740.0,
];

fn wandering(seed: u64, points: usize, step: f64) -> Vec<f64> {
    let mut random = Philox::new(seed, 0);
    let mut level = 10.0;
    (0..points)
        .map(|_| {
            level += step * (random.unit() - 0.5);
            level + random.unit() - 0.5
        })
        .collect()
}

/// Durbin & Koopman (2012), section 2.10.3: 15 099 and 1 469.1.
#[test]
fn example_durbin_koopman2012() {
    let level = LocalLevel::fit(&NILE).expect("values vary");
    assert!((level.noise_variance() - 15_099.0).abs() < 1.0);
    assert!((level.level_variance() - 1_469.1).abs() < 0.1);
}

/// Before 1899 the level does not wander: its forecast is the mean, whatever the horizon.
#[test]
fn a_level_that_stays_is_a_mean() {
    let level = LocalLevel::fit(&NILE[..28]).expect("values vary");
    assert!(level.level_variance() < 1e-6 * level.noise_variance());
    let mean = NILE[..28].iter().sum::<f64>() / 28.0;
    let ahead = level.forecast(50).expect("there is a horizon");
    assert!((ahead[0].mean - mean).abs() < 1e-6 && (ahead[49].mean - mean).abs() < 1e-6);
    let variance = NILE[..28].iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / 27.0;
    assert!((ahead[49].standard_error - (variance * (1.0 + 1.0 / 28.0)).sqrt()).abs() < 1e-3);
}

/// With a start anywhere only differences tell of the variances: their normal density, written out.
#[test]
fn the_likelihood_is_that_of_the_differences() {
    for (values, step) in [(wandering(1, 30, 1.0), 0.3), (wandering(2, 12, 0.2), 0.02), (wandering(3, 40, 4.0), 0.9)] {
        let noise = 1.0 - step;
        let steps = values.len() - 1;
        let covariance = DMatrix::from_fn(steps, steps, |row, column| match row.abs_diff(column) {
            0 => 2.0 * noise + step,
            1 => -noise,
            _ => 0.0,
        });
        let differences = DVector::from_fn(steps, |row, _| values[row + 1] - values[row]);
        let root = covariance.clone().cholesky().expect("a covariance");
        let scale = differences.dot(&root.solve(&differences)) / steps as f64;
        let log_determinant: f64 = covariance.determinant().ln() + steps as f64 * scale.ln();
        let expected = -0.5 * (values.len() as f64 * std::f64::consts::TAU.ln() + log_determinant + steps as f64);
        let (found_scale, found) = profile(&values, step);
        assert!((found_scale / scale - 1.0).abs() < 1e-10);
        assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
        let fitted = LocalLevel::fit(&values).expect("values vary");
        assert!(fitted.log_likelihood() >= found);
    }
}

/// The smoothed levels are the mean of a normal law with the precision `I/σ²_ε + D′D/σ²_η`.
#[test]
fn smoothed_levels_are_those_of_the_joint_law() {
    let values = wandering(4, 25, 1.5);
    let level = LocalLevel::fit(&values).expect("values vary");
    let (noise, step) = (level.noise_variance(), level.level_variance());
    let precision = DMatrix::from_fn(25, 25, |row, column| match row.abs_diff(column) {
        0 => 1.0 / noise + if row == 0 || row == 24 { 1.0 } else { 2.0 } / step,
        1 => -1.0 / step,
        _ => 0.0,
    });
    let covariance = precision.try_inverse().expect("it is positive definite");
    let means = &covariance * DVector::from_row_slice(&values) / noise;
    for (place, smoothed) in level.smoothed().iter().enumerate() {
        assert!((smoothed.mean - means[place]).abs() < 1e-9);
        assert!((smoothed.standard_error - covariance[(place, place)].sqrt()).abs() < 1e-9);
    }
    let (filtered, smoothed) = (level.filtered(), level.smoothed());
    assert_eq!(filtered[24], smoothed[24]);
    // The next value is the last level, one step and one noise on.
    let ahead = level.forecast(3).expect("there is a horizon");
    let variance = filtered[24].standard_error.powi(2);
    assert!((ahead[2].standard_error.powi(2) - (variance + 3.0 * step + noise)).abs() < 1e-9);
}

#[test]
fn the_error_of_an_effect_is_that_of_the_mean_of_forecasts() {
    let values = wandering(5, 30, 1.0);
    let level = LocalLevel::fit(&values[..20]).expect("values vary");
    let ahead = level.forecast(10).expect("there is a horizon");
    let last = ahead[0].standard_error.powi(2) - level.noise_variance();
    let covariance = |one: usize, other: usize| {
        last + one.min(other) as f64 * level.level_variance() + if one == other { level.noise_variance() } else { 0.0 }
    };
    let sum: f64 = (0..10).flat_map(|one| (0..10).map(move |other| (one, other))).map(|(a, b)| covariance(a, b)).sum();
    let effect = level.effect_on(&values[20..]).expect("there are later values");
    assert!((effect.standard_error - (sum / 100.0).sqrt()).abs() < 1e-12);
    let mean = values[20..].iter().sum::<f64>() / 10.0;
    assert!((effect.estimate - (mean - ahead[0].mean)).abs() < 1e-12);
}

#[test]
fn variances_scale_with_the_values_and_do_not_move_with_them() {
    let values = wandering(6, 40, 1.0);
    let one = LocalLevel::fit(&values).expect("values vary");
    let moved: Vec<f64> = values.iter().map(|value| 100.0 - 8.0 * value).collect();
    let other = LocalLevel::fit(&moved).expect("values vary");
    assert!((other.noise_variance() / one.noise_variance() / 64.0 - 1.0).abs() < 1e-6);
    assert!((other.level_variance() / one.level_variance() / 64.0 - 1.0).abs() < 1e-6);
    let mut backwards = values.clone();
    backwards.reverse();
    let reversed = LocalLevel::fit(&backwards).expect("values vary");
    assert!((reversed.log_likelihood() - one.log_likelihood()).abs() < 1e-9);
}

#[test]
fn a_walk_without_noise_is_found() {
    let mut random = Philox::new(7, 0);
    let mut level = 0.0;
    let walk: Vec<f64> = (0..200)
        .map(|_| {
            level += random.unit() - 0.5;
            level
        })
        .collect();
    let found = LocalLevel::fit(&walk).expect("values vary");
    assert!(found.noise_variance() < 0.2 * found.level_variance());
}

#[test]
fn what_has_no_answer_is_refused() {
    assert_eq!(LocalLevel::fit(&[1.0, 2.0]), Err(LocalLevelError::TooFewPoints { points: 2 }));
    assert_eq!(LocalLevel::fit(&[1.0, f64::NAN, 2.0]), Err(LocalLevelError::NotFinite));
    assert_eq!(LocalLevel::fit(&[2.0; 9]), Err(LocalLevelError::NoSpread));
    let level = LocalLevel::fit(&[1.0, 3.0, 2.0, 5.0]).expect("values vary");
    assert_eq!(level.forecast(0), Err(LocalLevelError::NoHorizon));
    assert_eq!(level.effect_on(&[]), Err(LocalLevelError::NoHorizon));
    assert_eq!(level.effect_on(&[f64::INFINITY]), Err(LocalLevelError::NotFinite));
    assert!(matches!(level.forecast(1).expect("a horizon")[0].interval(0.0), Err(LocalLevelError::Wald(_))));
}
