//! Regressions whose likelihood is a sum over rows, each a concave function of one linear predictor.

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
    /// Minus its second derivative, positive.
    pub(crate) curvature: f64,
    /// The expectation of that.
    pub(crate) information: f64,
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

/// Maximises a likelihood from `start` by Newton's method; a step that lowers it is halved.
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
    // Terms, and one number of each as weights of rows.
    let weighted = |predictors: &DVector<f64>, weight: fn(&RowTerms) -> f64| {
        let terms: Vec<RowTerms> =
            predictors.iter().enumerate().map(|(place, predictor)| row(place, *predictor)).collect();
        let weights = DVector::from_iterator(terms.len(), terms.iter().map(|term| weight(term).max(LEAST_WEIGHT)));
        (terms, weights)
    };
    let mut coefficients = start;
    let mut predictors = predict(&coefficients);
    let mut reached = height(&predictors);
    for _ in 0..200 {
        let (terms, weights) = weighted(&predictors, |term| term.curvature);
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
            let (_, weights) = weighted(&predictors, |term| term.information);
            let working = DVector::zeros(weights.len());
            let fit = LeastSquares::fit(design, &working, Some(&weights)).map_err(NoMaximum::Linear)?;
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

/// Counts the rows that one direction of the coefficients lets rise without end while no row falls; where there is such
/// a direction the likelihood has no finite maximum, and where there is none it has.
///
/// The direction must leave rows without a pull where they are, which leaves a subspace. Let `zᵢ` be the pulled rows in
/// it, of length 1, each turned so that its pull is positive. By Stiemke's lemma there is no `d` with all `zᵢ·d ≥ 0`
/// and one of them positive exactly where `Σ λᵢzᵢ = 0` for some positive `λ`. The least length of that sum over `λ ≥ 1`
/// decides which it is, and the sum itself is such a `d` where it is not 0.
///
/// # References
/// Albert & Anderson (1984), Biometrika 71, 1–10. Correia, Guimarães & Zylkin (2019), Verifying the existence of maximum
/// likelihood estimates for generalized linear models, arXiv 1903.01633.
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
    // A row that no free direction moves has no say; the others count by their direction only.
    let moved: Vec<DVector<f64>> =
        reach.row_iter().filter(|row| row.norm() > NOTHING).map(|row| row.transpose().normalize()).collect();
    let direction = shortest_sum(&moved);
    let length = direction.norm();
    if length <= 1e-7 {
        return 0;
    }
    moved.iter().filter(|row| row.dot(&direction) > 1e-7 * length).count()
}

/// The shortest `Σ λᵢzᵢ` over `λ ≥ 1`, by the active sets of Lawson and Hanson for what is above 1.
///
/// # References
/// Lawson & Hanson (1974), Solving Least Squares Problems, chapter 23.
fn shortest_sum(vectors: &[DVector<f64>]) -> DVector<f64> {
    const NOTHING: f64 = 1e-10;
    let Some(first) = vectors.first() else { return DVector::zeros(0) };
    let all = vectors.iter().fold(DVector::zeros(first.len()), |sum, vector| sum + vector);
    let sum_of =
        |active: &[(usize, f64)]| active.iter().fold(all.clone(), |sum, (place, more)| sum + &vectors[*place] * *more);
    let mut active: Vec<(usize, f64)> = Vec::new();
    for _ in 0..3 * vectors.len() + 10 {
        let sum = sum_of(&active);
        // More of a vector that points against the sum shortens it.
        let (steepest, slope) = vectors
            .iter()
            .enumerate()
            .filter(|(place, _)| active.iter().all(|(other, _)| other != place))
            .map(|(place, vector)| (place, vector.dot(&sum)))
            .fold((0, 0.0), |best, next| if next.1 < best.1 { next } else { best });
        if slope >= -NOTHING * (vectors.len() as f64) {
            return sum;
        }
        active.push((steepest, 0.0));
        while !active.is_empty() {
            let columns: Vec<DVector<f64>> = active.iter().map(|(place, _)| vectors[*place].clone()).collect();
            let Ok(fit) = LeastSquares::fit(&DMatrix::from_columns(&columns), &-&all, None) else {
                // The vector just added is a combination of the others: it cannot shorten the sum.
                active.pop();
                return sum_of(&active);
            };
            let wanted = fit.coefficients;
            // As far towards the free answer as all stay at 1 or above.
            let share = active
                .iter()
                .zip(&wanted)
                .filter(|(_, wanted)| **wanted <= 0.0)
                .fold(1.0, |share, ((_, more), wanted)| f64::min(share, more / (more - wanted)));
            for ((_, more), wanted) in active.iter_mut().zip(&wanted) {
                *more += share * (wanted - *more);
            }
            if share >= 1.0 {
                break;
            }
            active.retain(|(_, more)| *more > NOTHING);
        }
    }
    sum_of(&active)
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
