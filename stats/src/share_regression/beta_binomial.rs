//! Beta-binomial rows: likelihood, derivatives and expected information.

use nalgebra::{DMatrix, DVector};

use super::{Data, ShareRegressionError, shares};
use crate::glm::Maximum;
use crate::numeric::sum_of_steps;

/// A fit with a top of its own.
pub(super) struct Correlated {
    pub(super) maximum: Maximum,
    pub(super) gamma: f64,
    /// The standard error of `ln γ`.
    pub(super) log_gamma_error: f64,
}

/// Below this `γ` no data tell it from 0.
const NOTHING: f64 = 1e-13;

/// Fits coefficients and `γ` together; `None` where nothing is more likely than `γ = 0`.
pub(super) fn fit_correlated(data: &Data, binomial: &Maximum) -> Result<Option<Correlated>, ShareRegressionError> {
    let at_limit = binomial.log_likelihood;
    let grid = (-32..=16).map(|step| libm::pow(10.0, f64::from(step) / 4.0));
    let heights = grid.map(|gamma| (gamma, height(data, &binomial.predictors, gamma)));
    let best = heights.fold((0.0, at_limit), |best, next| if next.1 > best.1 { next } else { best });
    let mut gamma = match best.0 {
        gamma if gamma > 0.0 => gamma,
        _ if rises_from_zero(data, &binomial.predictors) => 1e-8,
        _ => return Ok(None),
    };
    let mut coefficients = binomial.coefficients.clone();
    let columns = coefficients.len();
    let mut predictors = binomial.predictors.clone();
    let mut reached = height(data, &predictors, gamma);
    for _ in 0..1_000 {
        let (gradient, information) = expected(data, &predictors, gamma);
        let inverse = information.try_inverse().ok_or(ShareRegressionError::NotConverged)?;
        let mut step = &inverse * gradient;
        let mut halvings = 0;
        let moved = loop {
            let next = &coefficients + step.rows(0, columns);
            let next_gamma = gamma * libm::exp(step[columns].clamp(-3.0, 3.0));
            let next_predictors = &data.design * &next;
            let next_height = height(data, &next_predictors, next_gamma);
            let moved = (&next_predictors - &predictors).amax().max(step[columns].abs());
            // So near to the top a loss is one of rounding alone.
            if next_height >= reached || moved <= 1e-7 {
                (coefficients, predictors, gamma, reached) = (next, next_predictors, next_gamma, next_height);
                break moved;
            }
            halvings += 1;
            if halvings > 60 {
                return Err(ShareRegressionError::NotConverged);
            }
            step *= 0.5;
        };
        if gamma < NOTHING {
            return Ok(None);
        }
        if !moved.is_finite() {
            break;
        }
        if moved <= 1e-9 {
            if reached <= at_limit {
                return Ok(None);
            }
            let covariance = inverse.view((0, 0), (columns, columns)).into_owned();
            let log_gamma_error = inverse[(columns, columns)].max(0.0).sqrt();
            let maximum = Maximum { coefficients, predictors, covariance, log_likelihood: reached };
            return Ok(Some(Correlated { maximum, gamma, log_gamma_error }));
        }
    }
    Err(ShareRegressionError::NotConverged)
}

/// Whether the likelihood rises where `γ` leaves 0.
fn rises_from_zero(data: &Data, predictors: &DVector<f64>) -> bool {
    let pairs = |count: f64| 0.5 * count * (count - 1.0);
    let rows = data.events.iter().zip(&data.trials).zip(predictors);
    let terms = rows.map(|((events, trials), predictor)| {
        let (share, rest) = shares(*predictor);
        pairs(*events) / share + pairs(trials - events) / rest - pairs(*trials)
    });
    terms.sum::<f64>() > 0.0
}

/// The log-likelihood without binomial coefficients.
fn height(data: &Data, predictors: &DVector<f64>, gamma: f64) -> f64 {
    let rows = data.events.iter().zip(&data.trials).zip(predictors);
    let terms = rows.map(|((events, trials), predictor)| {
        let (share, rest) = shares(*predictor);
        let rising = |count: f64, start: f64| sum_of_steps(0.0, count, |step| libm::log(start + gamma * step));
        let whole = sum_of_steps(0.0, *trials, |step| libm::log1p(gamma * step));
        rising(*events, share) + rising(trials - events, rest) - whole
    });
    terms.sum()
}

/// The gradient in the coefficients and `ln γ`, and its expected information.
fn expected(data: &Data, predictors: &DVector<f64>, gamma: f64) -> (DVector<f64>, DMatrix<f64>) {
    let columns = data.design.ncols();
    let mut gradient = DVector::zeros(columns + 1);
    let mut information = DMatrix::zeros(columns + 1, columns + 1);
    for (row, predictor) in predictors.iter().enumerate() {
        let moments = Moments::of(data.events[row], data.trials[row], *predictor, gamma);
        // The row of the design, once for the share and once more for the correlation.
        for one in 0..columns {
            let entry = data.design[(row, one)];
            gradient[one] += entry * moments.score[0];
            information[(one, columns)] += entry * moments.mixed;
            information[(columns, one)] += entry * moments.mixed;
            for other in 0..columns {
                information[(one, other)] += entry * data.design[(row, other)] * moments.squares[0];
            }
        }
        gradient[columns] += moments.score[1];
        information[(columns, columns)] += moments.squares[1];
    }
    (gradient, information)
}

/// Scores in the log odds of the share and in `ln γ`, and the expectations of their squares and product.
struct Moments {
    score: [f64; 2],
    squares: [f64; 2],
    mixed: f64,
}

impl Moments {
    fn of(events: f64, trials: f64, predictor: f64, gamma: f64) -> Self {
        let (share, rest) = shares(predictor);
        let spread = share * rest;
        // Sums over k < y of 1/(start + γk) and of γk/(start + γk), and likewise for all that is not an event.
        let up = Sums::of(trials, share, gamma);
        let down = Sums::of(trials, rest, gamma);
        let whole = sum_of_steps(0.0, trials, |step| gamma * step / (1.0 + gamma * step));
        let mut log_weight = 0.0;
        let mut logs = Vec::with_capacity(up.inverse.len());
        let mut count = 0.0;
        while count <= trials {
            logs.push(log_weight);
            let left = trials - count;
            let odds = left / (count + 1.0) * ((share + gamma * count) / (rest + gamma * (left - 1.0)));
            log_weight += if left > 0.0 { libm::log(odds) } else { 0.0 };
            count += 1.0;
        }
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let score = |with: usize, without: usize| {
            [spread * (up.inverse[with] - down.inverse[without]), up.relative[with] + down.relative[without] - whole]
        };
        let last = logs.len() - 1;
        let (mut total, mut squares, mut mixed) = (0.0, [0.0; 2], 0.0);
        for (with, log) in logs.iter().enumerate() {
            let weight = libm::exp(log - top);
            let [one, other] = score(with, last - with);
            total += weight;
            squares[0] += weight * one * one;
            squares[1] += weight * other * other;
            mixed += weight * one * other;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of at most a million")]
        let with = events as usize;
        Self { score: score(with, last - with), squares: squares.map(|sum| sum / total), mixed: mixed / total }
    }
}

/// Sums over `k < y`, for each `y` up to the trials.
struct Sums {
    inverse: Vec<f64>,
    relative: Vec<f64>,
}

impl Sums {
    fn of(trials: f64, start: f64, gamma: f64) -> Self {
        let (mut inverse, mut relative) = (vec![0.0], vec![0.0]);
        let (mut sums, mut step) = ((0.0, 0.0), 0.0);
        while step < trials {
            let over = 1.0 / (start + gamma * step);
            sums = (sums.0 + over, sums.1 + gamma * step * over);
            inverse.push(sums.0);
            relative.push(sums.1);
            step += 1.0;
        }
        Self { inverse, relative }
    }
}
