use nalgebra::{DMatrix, DVector};

use super::*;
use crate::Philox;

struct World {
    arm: Vec<f64>,
    size: Vec<f64>,
    outcome: Vec<f64>,
    units: Vec<u64>,
}

/// Units of two to six rows, an arm that half of the units have, and errors shared within a unit.
fn world(run: u64, units: u64, effect: f64) -> World {
    let mut random = Philox::new(29, run);
    let mut normal = || crate::normal_quantile(random.unit().max(1e-12)).expect("a probability");
    let mut world = World { arm: vec![], size: vec![], outcome: vec![], units: vec![] };
    for unit in 0..units {
        let shared = normal();
        for _ in 0..2 + unit % 5 {
            let (arm, size) = ((unit % 2) as f64, normal());
            world.outcome.push(2.0 + effect * arm - 0.3 * size + shared + 0.5 * normal());
            world.arm.push(arm);
            world.size.push(size);
            world.units.push(unit * 7 % 1_000);
        }
    }
    world
}

fn fitted(world: &World) -> ClusteredRegression {
    ClusteredRegression::fit(&[&world.arm, &world.size], &world.outcome, &world.units).expect("it is determined")
}

/// The power of a symmetric matrix, where an eigenvalue of 0 stays 0.
fn power(matrix: DMatrix<f64>, exponent: f64) -> DMatrix<f64> {
    let eigen = matrix.symmetric_eigen();
    let powers = eigen.eigenvalues.map(|value| if value > 1e-10 { libm::pow(value, exponent) } else { 0.0 });
    &eigen.eigenvectors * DMatrix::from_diagonal(&powers) * eigen.eigenvectors.transpose()
}

/// CR2 and its degrees of freedom as the formulas have them, with matrices of the size of the data.
fn by_matrices(columns: &[&[f64]], outcome: &[f64], units: &[u64], column: usize) -> (f64, f64) {
    let rows = outcome.len();
    let x = DMatrix::from_fn(rows, columns.len() + 1, |row, at| if at == 0 { 1.0 } else { columns[at - 1][row] });
    let inverse = x.tr_mul(&x).try_inverse().expect("it is determined");
    let residual_maker = DMatrix::identity(rows, rows) - &x * &inverse * x.transpose();
    let errors = &residual_maker * DVector::from_row_slice(outcome);
    let mut names = units.to_vec();
    names.sort_unstable();
    names.dedup();
    let (mut variance, mut pulls) = (0.0, Vec::new());
    for name in names {
        let own: Vec<usize> = (0..rows).filter(|row| units[*row] == name).collect();
        let x_own = x.select_rows(&own);
        let corner = residual_maker.select_rows(&own).select_columns(&own);
        let weights = power(corner, -0.5) * x_own * inverse.column(column);
        let score = weights.dot(&errors.select_rows(&own));
        variance += score * score;
        pulls.push(residual_maker.select_columns(&own) * weights);
    }
    let trace: f64 = pulls.iter().map(DVector::norm_squared).sum();
    let squares: f64 = pulls.iter().flat_map(|one| pulls.iter().map(move |other| one.dot(other).powi(2))).sum();
    (variance.sqrt(), trace * trace / squares)
}

#[test]
fn cr2_is_what_large_matrices_give() {
    for (run, units) in [(0, 6), (1, 12), (2, 31)] {
        let world = world(run, units, 0.4);
        let fit = fitted(&world);
        for column in 0..3 {
            let found = fit.cr2(column).expect("there is an error");
            let (error, freedom) = by_matrices(&[&world.arm, &world.size], &world.outcome, &world.units, column);
            assert!((found.standard_error / error - 1.0).abs() < 1e-9);
            assert!((found.degrees_of_freedom.expect("t") / freedom - 1.0).abs() < 1e-9);
        }
    }
}

/// A column for every unit: the unit's own block of the residual maker has no inverse.
#[test]
fn columns_for_units_take_the_pseudo_inverse() {
    let mut world = world(3, 8, 0.4);
    for (row, arm) in world.arm.iter_mut().enumerate() {
        *arm = f64::from(u8::from(row % 3 == 0));
    }
    let mut names = world.units.clone();
    names.sort_unstable();
    names.dedup();
    let own: Vec<Vec<f64>> = names[1..]
        .iter()
        .map(|name| world.units.iter().map(|unit| f64::from(u8::from(unit == name))).collect())
        .collect();
    let columns: Vec<&[f64]> = std::iter::once(world.arm.as_slice()).chain(own.iter().map(Vec::as_slice)).collect();
    let fit = ClusteredRegression::fit(&columns, &world.outcome, &world.units).expect("it is determined");
    let found = fit.cr2(1).expect("there is an error");
    let (error, freedom) = by_matrices(&columns, &world.outcome, &world.units, 1);
    assert!((found.standard_error / error - 1.0).abs() < 1e-7);
    assert!((found.degrees_of_freedom.expect("t") / freedom - 1.0).abs() < 1e-7);
}

/// Rows that are units of their own: HC1 and HC2 by their leverages.
#[test]
fn single_rows_are_hc1_and_hc2() {
    let mut world = world(4, 9, 0.2);
    world.units = (0..world.outcome.len() as u64).collect();
    let fit = fitted(&world);
    let rows = world.outcome.len();
    let x = DMatrix::from_fn(rows, 3, |row, at| [1.0, world.arm[row], world.size[row]][at]);
    let inverse = x.tr_mul(&x).try_inverse().expect("it is determined");
    let errors =
        DVector::from_row_slice(&world.outcome) - &x * &inverse * x.tr_mul(&DVector::from_row_slice(&world.outcome));
    let white = |scale: &dyn Fn(usize) -> f64| {
        let mut middle = DMatrix::zeros(3, 3);
        for row in 0..rows {
            middle += x.row(row).tr_mul(&x.row(row)) * (errors[row] * errors[row] * scale(row));
        }
        (&inverse * middle * &inverse)[(1, 1)].sqrt()
    };
    let leverage = |row: usize| (x.row(row) * &inverse).dot(&x.row(row));
    let hc1 = white(&|_| rows as f64 / (rows as f64 - 3.0));
    let hc2 = white(&|row| 1.0 / (1.0 - leverage(row)));
    assert!((fit.cr1(1).expect("an error").standard_error / hc1 - 1.0).abs() < 1e-12);
    assert!((fit.cr2(1).expect("an error").standard_error / hc2 - 1.0).abs() < 1e-12);
}

/// HC2 of an arm alone is Welch's standard error.
#[test]
fn an_arm_alone_is_welch() {
    let (first, second) = ([3.0, 5.0, 4.0, 9.0], [1.0, 2.0, 8.0, 2.5, 3.5, 0.5]);
    let outcome: Vec<f64> = first.iter().chain(&second).copied().collect();
    let arm: Vec<f64> = (0..10).map(|row| f64::from(u8::from(row < 4))).collect();
    let units: Vec<usize> = (0..10).collect();
    let welch = crate::log_ratio_of_geometric_means(&first, &second).expect("they vary");
    let fit = ClusteredRegression::of_logarithms(&[&arm], &outcome, &units).expect("it is determined");
    let found = fit.cr2(1).expect("an error");
    assert!((found.estimate - welch.estimate).abs() < 1e-12);
    assert!((found.standard_error / welch.standard_error - 1.0).abs() < 1e-12);
    assert_eq!((fit.units(), fit.coefficients().len()), (10, 2));
}

#[test]
fn order_of_rows_changes_nothing_and_units_of_measure_scale() {
    let world = world(5, 10, 0.3);
    let rows = world.outcome.len();
    let turn = |values: &[f64]| (0..rows).map(|row| values[(row * 17 + 5) % rows]).collect::<Vec<f64>>();
    assert!(!rows.is_multiple_of(17), "the turn is a permutation");
    let units: Vec<u64> = (0..rows).map(|row| world.units[(row * 17 + 5) % rows]).collect();
    let (arm, size, outcome) = (turn(&world.arm), turn(&world.size), turn(&world.outcome));
    let turned = ClusteredRegression::fit(&[&arm, &size], &outcome, &units).expect("it is determined");
    assert_eq!(turned, fitted(&world));
    let large: Vec<f64> = world.size.iter().map(|size| 1e6 * size).collect();
    let scaled =
        ClusteredRegression::fit(&[&world.arm, &large], &world.outcome, &world.units).expect("it is determined");
    let (one, other) = (fitted(&world).cr2(1).expect("an error"), scaled.cr2(1).expect("an error"));
    assert!((one.standard_error / other.standard_error - 1.0).abs() < 1e-9);
}

/// Errors shared within units: errors by row would claim far too much. 300 runs: three standard errors are 0.038.
#[test]
fn intervals_cover_where_errors_are_shared() {
    let covered = |wald: &dyn Fn(&World) -> Wald| {
        let covers = |run: u64| {
            let interval = wald(&world(100 + run, 14, 0.4)).interval(0.95).expect("a level");
            interval.low <= 0.4 && 0.4 <= interval.high
        };
        (0..300).filter(|run| covers(*run)).count() as f64 / 300.0
    };
    let cr2 = covered(&|world| fitted(world).cr2(1).expect("an error"));
    let cr1 = covered(&|world| fitted(world).cr1(1).expect("an error"));
    let by_row = covered(&|world| {
        let rows: Vec<usize> = (0..world.outcome.len()).collect();
        let fit = ClusteredRegression::fit(&[&world.arm, &world.size], &world.outcome, &rows);
        fit.and_then(|fit| fit.cr1(1)).expect("an error")
    });
    assert!((0.912..=0.985).contains(&cr2), "{cr2}");
    assert!(cr1 <= cr2 && cr1 > 0.85 && by_row < 0.8, "{cr1} {by_row}");
}

#[test]
fn what_has_no_answer_is_refused() {
    let (x, y) = ([0.0, 1.0, 2.0, 3.0], [1.0, 3.0, 2.0, 5.0]);
    let fit = |x: &[f64], y: &[f64], units: &[u8]| ClusteredRegression::fit(&[x], y, units);
    assert!(matches!(fit(&x, &y, &[1; 4]), Err(ClusteredError::Units(_))));
    assert!(matches!(fit(&x, &y, &[1, 2]), Err(ClusteredError::Units(_))));
    assert!(matches!(fit(&x[..2], &y, &[1, 1, 2, 2]), Err(ClusteredError::Linear(_))));
    assert!(matches!(
        fit(&[1.0; 4], &y, &[1, 1, 2, 2]),
        Err(ClusteredError::Linear(LinearError::Collinear { column: 1 }))
    ));
    assert!(matches!(fit(&[0.0, f64::NAN, 2.0, 3.0], &y, &[1, 1, 2, 2]), Err(ClusteredError::Linear(_))));
    let few = LinearError::TooFewObservations { observations: 2, coefficients: 2 };
    assert_eq!(fit(&x[..2], &y[..2], &[1, 2]), Err(few.into()));
    let line = [1.0, 1.1, 1.2, 1.3];
    let perfect = fit(&x, &line, &[1, 1, 2, 2]).expect("it is determined");
    assert_eq!(perfect.cr1(1), Err(ClusteredError::NoSpread { column: 1 }));
    assert_eq!(perfect.cr2(1), Err(ClusteredError::NoSpread { column: 1 }));
    assert_eq!(perfect.cr2(2), Err(ClusteredError::NoColumn { column: 2, columns: 2 }));
    // Each arm is one unit, whose scores add up to nothing.
    let two = fit(&[0.0, 0.0, 1.0, 1.0], &y, &[1, 1, 2, 2]).expect("it is determined");
    assert_eq!(two.cr1(1), Err(ClusteredError::NoSpread { column: 1 }));
    assert_eq!(two.cr2(1), Err(ClusteredError::NoSpread { column: 1 }));
    let log = ClusteredRegression::of_logarithms(&[&x], &[1.0, 0.0, 2.0, 3.0], &[1, 1, 2, 2]);
    assert_eq!(log, Err(ClusteredError::NotPositive { value: 0.0 }));
}
