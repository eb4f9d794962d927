//! Regressions whose likelihood is a sum over rows, each a concave function of one linear predictor or nearly so.

use nalgebra::{DMatrix, DVector};

use crate::linear::{LeastSquares, LinearError};

#[cfg(test)]
mod tests;

/// What one row adds at its linear predictor `η`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowTerms {
    /// The log-likelihood, up to what does not depend on `η`.
    pub(crate) log_likelihood: f64,
    /// Its first derivative.
    pub(crate) gradient: f64,
    /// Minus the expectation of its second derivative, positive.
    pub(crate) weight: f64,
}

/// Rows of a regression in an order that depends on nothing but their content.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    /// A column of ones, then the columns given.
    pub(crate) design: DMatrix<f64>,
    /// Where each row stood in what was given.
    pub(crate) order: Vec<usize>,
}

impl Rows {
    /// Sorts rows by the numbers of `keys`, then by those of the columns; all have `rows` entries.
    pub(crate) fn sorted(rows: usize, keys: &[&[f64]], columns: &[Vec<f64>]) -> Self {
        let mut order: Vec<usize> = (0..rows).collect();
        let of = |row: usize| keys.iter().map(move |key| key[row]).chain(columns.iter().map(move |column| column[row]));
        order.sort_by(|one, other| {
            let mut orders = of(*one).zip(of(*other)).map(|(one, other)| one.total_cmp(&other));
            orders.find(|order| order.is_ne()).unwrap_or_else(|| one.cmp(other))
        });
        let design = DMatrix::from_fn(rows, columns.len() + 1, |row, column| match column.checked_sub(1) {
            Some(column) => columns[column][order[row]],
            None => 1.0,
        });
        Self { design, order }
    }

    /// The values of a column in this order.
    pub(crate) fn arranged<T: Copy>(&self, values: &[T]) -> Vec<T> {
        self.order.iter().map(|row| values[*row]).collect()
    }
}

/// A maximum of a likelihood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Maximum {
    pub(crate) coefficients: DVector<f64>,
    /// The linear predictor of each row, offset included.
    pub(crate) predictors: DVector<f64>,
    /// The inverse of the expected information.
    pub(crate) covariance: DMatrix<f64>,
    pub(crate) log_likelihood: f64,
}

/// Why a likelihood was not maximised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum NoMaximum {
    Linear(LinearError),
    /// Steps did not get small.
    NotConverged,
}

/// Maximises a likelihood from `start` by scoring; a step that lowers it is halved.
///
/// It stops after the first step that moves no predictor by 1e-9, whose own error is far smaller as steps shrink
/// quadratically, or after 200 steps without an answer.
pub(crate) fn maximise(
    design: &DMatrix<f64>,
    offsets: &DVector<f64>,
    start: DVector<f64>,
    row: impl Fn(usize, f64) -> RowTerms,
) -> Result<Maximum, NoMaximum> {
    const SMALL: f64 = 1e-9;
    // A row that hardly counts still needs a weight.
    const LEAST_WEIGHT: f64 = 1e-200;
    let predict = |coefficients: &DVector<f64>| design * coefficients + offsets;
    let height = |predictors: &DVector<f64>| -> f64 {
        predictors.iter().enumerate().map(|(place, predictor)| row(place, *predictor).log_likelihood).sum()
    };
    let mut coefficients = start;
    let mut predictors = predict(&coefficients);
    let mut reached = height(&predictors);
    for _ in 0..200 {
        let terms: Vec<RowTerms> =
            predictors.iter().enumerate().map(|(place, predictor)| row(place, *predictor)).collect();
        let weights = DVector::from_iterator(terms.len(), terms.iter().map(|term| term.weight.max(LEAST_WEIGHT)));
        let working = terms.iter().zip(&weights).map(|(term, weight)| term.gradient / weight);
        let working = DVector::from_iterator(terms.len(), working);
        let fit = LeastSquares::fit(design, &working, Some(&weights)).map_err(NoMaximum::Linear)?;
        let mut step = fit.coefficients;
        let mut halvings = 0;
        let next = loop {
            let next = &coefficients + &step;
            let next_predictors = predict(&next);
            let next_height = height(&next_predictors);
            // So near to the top a loss is one of rounding alone.
            if next_height >= reached || (&next_predictors - &predictors).amax() <= 1e-7 {
                break Some((next, next_predictors, next_height));
            }
            halvings += 1;
            if halvings > 60 {
                break None;
            }
            step *= 0.5;
        };
        let Some((next, next_predictors, next_height)) = next else { return Err(NoMaximum::NotConverged) };
        let moved = (&next_predictors - &predictors).amax();
        (coefficients, predictors, reached) = (next, next_predictors, next_height);
        if moved <= SMALL && halvings == 0 {
            let covariance = fit.unscaled_covariance;
            return Ok(Maximum { coefficients, predictors, covariance, log_likelihood: reached });
        }
        if !moved.is_finite() {
            return Err(NoMaximum::NotConverged);
        }
    }
    Err(NoMaximum::NotConverged)
}

/// Which way the likelihood of a row rises without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pull {
    /// Neither: it has a maximum of its own.
    None,
    /// Towards minus infinity, as without events.
    Down,
    /// Towards plus infinity, as with nothing but events.
    Up,
}

/// Counts the rows that some direction of the coefficients lets rise without end while no row falls: with any, the
/// likelihood has no finite maximum.
///
/// The direction must leave rows without a pull where they are, which leaves a subspace; in it the vector of pulled
/// rows is projected by turns onto what directions reach and onto what is not negative. Both contain 0, and the turns end
/// elsewhere if they have more in common.
///
/// # References
/// Correia, Guimarães & Zylkin (2019), Verifying the existence of maximum likelihood estimates for generalized linear
/// models, arXiv 1903.01633.
pub(crate) fn separated_rows(design: &DMatrix<f64>, pulls: &[Pull]) -> usize {
    const NOTHING: f64 = 1e-9;
    let columns = design.ncols();
    // Each column in units of its own length.
    let mut scaled = design.clone();
    for mut column in scaled.column_iter_mut() {
        let length = column.norm();
        if length > 0.0 {
            column /= length;
        }
    }
    let (held, pulled): (Vec<usize>, Vec<usize>) = (0..pulls.len()).partition(|row| pulls[*row] == Pull::None);
    let Some(free) = null_space(&scaled.select_rows(&held), columns, NOTHING) else { return 0 };
    let mut reach = scaled.select_rows(&pulled) * free;
    for (mut row, place) in reach.row_iter_mut().zip(&pulled) {
        if pulls[*place] == Pull::Down {
            row.neg_mut();
        }
    }
    if reach.nrows() < reach.ncols() {
        return 0;
    }
    let basis = reach.qr().q();
    let mut vector = DVector::from_element(pulled.len(), 1.0);
    for _ in 0..10_000 {
        let projected = &basis * basis.tr_mul(&vector);
        let largest = projected.amax();
        if largest <= 1e-6 {
            return 0;
        }
        if projected.min() >= -NOTHING * largest {
            return projected.iter().filter(|value| **value > 1e-6 * largest).count();
        }
        vector = projected.map(|value| value.max(0.0));
    }
    0
}

/// Directions that no row sees, in columns; `None` where rows see every direction.
fn null_space(rows: &DMatrix<f64>, columns: usize, nothing: f64) -> Option<DMatrix<f64>> {
    let padded = DMatrix::from_fn(rows.nrows().max(columns), columns, |row, column| {
        if row < rows.nrows() { rows[(row, column)] } else { 0.0 }
    });
    let gram = padded.qr().r();
    let decomposition = gram.svd(false, true);
    let directions = decomposition.v_t?;
    let unseen: Vec<usize> = (0..columns).filter(|place| decomposition.singular_values[*place] <= nothing).collect();
    (!unseen.is_empty()).then(|| directions.select_rows(&unseen).transpose())
}

/// The rows of scores summed within clusters, in an order that does not depend on their names.
pub(crate) fn cluster_scores<C: Ord>(scores: &DMatrix<f64>, clusters: &[C]) -> DMatrix<f64> {
    let mut sums: std::collections::BTreeMap<&C, Vec<f64>> = std::collections::BTreeMap::new();
    for (row, cluster) in scores.row_iter().zip(clusters) {
        let sum = sums.entry(cluster).or_insert_with(|| vec![0.0; scores.ncols()]);
        for (sum, score) in sum.iter_mut().zip(row.iter()) {
            *sum += score;
        }
    }
    let mut sums: Vec<Vec<f64>> = sums.into_values().collect();
    sums.sort_by(|one, other| {
        let mut orders = one.iter().zip(other).map(|(one, other)| one.total_cmp(other));
        orders.find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
    DMatrix::from_fn(sums.len(), scores.ncols(), |row, column| sums[row][column])
}
