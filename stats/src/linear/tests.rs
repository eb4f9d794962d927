use nalgebra::{DMatrix, DVector};

use super::{LeastSquares, LinearError, sandwich};

fn line(x: &[f64]) -> DMatrix<f64> {
    DMatrix::from_fn(x.len(), 2, |row, column| if column == 0 { 1.0 } else { x[row] })
}

/// The first of Anscombe's quartet (1973, The American Statistician 27, 17-21): 3.00 + 0.500x, with standard errors
/// 1.125 and 0.118.
#[test]
fn anscombe_is_reproduced() {
    let x = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
    let y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
    let fit = LeastSquares::fit(&line(&x), &DVector::from_row_slice(&y), None).expect("a line through eleven points");
    assert!((fit.coefficients[0] - 3.000_090_909_090_9).abs() < 1e-12);
    assert!((fit.coefficients[1] - 0.500_090_909_090_9).abs() < 1e-12);
    let variance = fit.residuals.norm_squared() / 9.0;
    let errors = fit.unscaled_covariance.diagonal().map(|own| (own * variance).sqrt());
    assert!((errors[0] - 1.125).abs() < 5e-4 && (errors[1] - 0.118).abs() < 5e-4);
}

/// A row of weight 3 counts as three rows.
#[test]
fn a_weight_is_a_number_of_rows() {
    let weighted = LeastSquares::fit(
        &line(&[0.0, 1.0, 3.0]),
        &DVector::from_row_slice(&[1.0, 2.0, 9.0]),
        Some(&DVector::from_row_slice(&[1.0, 3.0, 2.0])),
    );
    let repeated = LeastSquares::fit(
        &line(&[0.0, 1.0, 1.0, 1.0, 3.0, 3.0]),
        &DVector::from_row_slice(&[1.0, 2.0, 2.0, 2.0, 9.0, 9.0]),
        None,
    );
    let (weighted, repeated) = (weighted.expect("three points"), repeated.expect("six points"));
    assert!((weighted.coefficients - repeated.coefficients).norm() < 1e-12);
    assert!((weighted.unscaled_covariance - repeated.unscaled_covariance).norm() < 1e-12);
}

#[test]
fn what_has_no_answer_is_refused() {
    let y = DVector::from_row_slice(&[1.0, 2.0, 3.0]);
    let twice = DMatrix::from_fn(3, 2, |row, column| (row as f64 + 1.0) * (column as f64 + 1.0));
    assert_eq!(LeastSquares::fit(&twice, &y, None), Err(LinearError::Collinear { column: 1 }));
    let wide = DMatrix::from_element(3, 4, 1.0);
    assert_eq!(
        LeastSquares::fit(&wide, &y, None),
        Err(LinearError::TooFewObservations { observations: 3, coefficients: 4 })
    );
    let hole = DVector::from_row_slice(&[1.0, f64::NAN, 3.0]);
    assert_eq!(LeastSquares::fit(&line(&[0.0, 1.0, 2.0]), &hole, None), Err(LinearError::NotFinite));
    let no_weight = DVector::from_row_slice(&[1.0, 0.0, 1.0]);
    assert_eq!(LeastSquares::fit(&line(&[0.0, 1.0, 2.0]), &y, Some(&no_weight)), Err(LinearError::NotFinite));
}

/// With every row a cluster of its own, this is White's covariance; with all rows in one it is nothing, since the scores
/// of a fit add up to nothing.
#[test]
fn clusters_reach_from_white_to_nothing() {
    let x = [0.0, 1.0, 2.0, 3.0];
    let design = line(&x);
    let fit = LeastSquares::fit(&design, &DVector::from_row_slice(&[1.0, 0.0, 4.0, 3.0]), None).expect("four points");
    let scores = DMatrix::from_fn(4, 2, |row, column| design[(row, column)] * fit.residuals[row]);
    let white = sandwich(&fit.unscaled_covariance, &scores, &[0, 1, 2, 3]);
    let by_hand = (0..4).fold(DMatrix::zeros(2, 2), |sum: DMatrix<f64>, row| {
        let score = design.row(row).transpose() * fit.residuals[row];
        sum + &fit.unscaled_covariance * &score * score.transpose() * &fit.unscaled_covariance
    });
    assert!((white - by_hand).norm() < 1e-14);
    assert!(sandwich(&fit.unscaled_covariance, &scores, &[0, 0, 0, 0]).norm() < 1e-14);
}
