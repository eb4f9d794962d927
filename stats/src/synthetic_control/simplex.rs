//! Least squares with weights that are not negative and add up to 1.

use nalgebra::{DMatrix, DVector};

use crate::linear::LeastSquares;

/// A weight enters when it lowers the sum of squares by a slope of more than this share of its scale.
const SLOPE: f64 = 1e-10;

/// Finds the mixture of columns that meets a target best.
///
/// # Formula
/// ```text
/// argmin |a + Σ wⱼ xⱼ − y|² + n ζ² |w|²   over w ≥ 0, Σ w = 1, and a where there is an intercept
/// ```
/// By an active set: starting from the best single column, the weight whose slope is steepest enters, the weights above
/// 0 are solved for by least squares, and where one of them would be negative the way there stops at 0 and it leaves. It ends
/// where no slope is left, the condition of Karush, Kuhn and Tucker; since the sum of squares falls with every round, no set
/// comes back. `ζ` is at least what makes `√n ζ` a millionth of the largest entry of a column less the target (less its mean,
/// with an intercept), so that the answer is unique. `None` when numbers overflow or rounds run out.
pub(super) fn simplex_weights(
    columns: &[Vec<f64>],
    target: &[f64],
    zeta: f64,
    has_intercept: bool,
) -> Option<Vec<f64>> {
    let rows = target.len();
    let mut problem = Problem {
        columns: DMatrix::from_fn(rows, columns.len(), |row, column| columns[column][row]),
        target: DVector::from_column_slice(target),
        ridge: 0.0,
    };
    // The target is an origin like any other when weights add up to 1.
    for mut column in problem.columns.column_iter_mut() {
        column -= &problem.target;
        if has_intercept {
            let mean = column.mean();
            column.add_scalar_mut(-mean);
        }
    }
    problem.target.fill(0.0);
    let scale = problem.columns.amax();
    let ridge = (rows as f64).sqrt() * zeta;
    if !(scale.is_finite() && ridge.is_finite() && (scale * scale).is_finite()) {
        return None;
    }
    if scale > 0.0 {
        problem.columns /= scale;
        // Where nothing else does, a millionth of the scale makes the mixture unique.
        problem.ridge = (ridge / scale).max(1e-6);
    } else {
        problem.ridge = 1.0;
    }
    problem.solve()
}

/// Columns less the target, scaled, and the root of what squared weights cost.
struct Problem {
    columns: DMatrix<f64>,
    target: DVector<f64>,
    ridge: f64,
}

impl Problem {
    fn solve(&self) -> Option<Vec<f64>> {
        let count = self.columns.ncols();
        let mut weights = vec![0.0; count];
        let lengths: Vec<f64> = self.columns.column_iter().map(|column| column.norm_squared()).collect();
        let (first, _) = lengths.iter().enumerate().min_by(|one, other| one.1.total_cmp(other.1))?;
        weights[first] = 1.0;
        let mut free = vec![first];
        let largest = lengths.iter().copied().fold(self.ridge * self.ridge, f64::max);
        for _ in 0..rounds(count) {
            let slopes = self.slopes(&weights);
            let level = free.iter().map(|column| slopes[*column] * weights[*column]).sum::<f64>();
            let held = (0..count).filter(|column| !free.contains(column));
            let Some(entering) = held.min_by(|one, other| slopes[*one].total_cmp(&slopes[*other])) else {
                return Some(weights);
            };
            // Of the size of the terms that cancel in a slope.
            if slopes[entering] - level >= -SLOPE * largest.sqrt() * (level.abs().sqrt() + self.ridge) {
                return Some(weights);
            }
            free.push(entering);
            free.sort_unstable();
            self.descend(&mut free, &mut weights)?;
        }
        None
    }

    /// Goes to the best weights of the free columns, or to the edge on the way there, until it is there.
    fn descend(&self, free: &mut Vec<usize>, weights: &mut [f64]) -> Option<()> {
        loop {
            let best = self.best(free)?;
            let mut way: f64 = 1.0;
            let mut leaving = None;
            for (place, column) in free.iter().enumerate() {
                if best[place] < 0.0 {
                    let share = weights[*column] / (weights[*column] - best[place]);
                    if leaving.is_none() || share < way {
                        (way, leaving) = (share, Some(place));
                    }
                }
            }
            for (place, column) in free.iter().enumerate() {
                weights[*column] = (weights[*column] + way * (best[place] - weights[*column])).max(0.0);
            }
            let Some(place) = leaving else { return Some(()) };
            weights[free.remove(place)] = 0.0;
        }
    }

    /// The weights of the free columns that add up to 1 and are best but for their signs.
    fn best(&self, free: &[usize]) -> Option<Vec<f64>> {
        let (&reference, others) = free.split_first()?;
        if others.is_empty() {
            return Some(vec![1.0]);
        }
        // The first weight is what the others leave of 1.
        let rows = self.columns.nrows();
        let mut design = DMatrix::zeros(rows + free.len(), others.len());
        let mut response = DVector::zeros(rows + free.len());
        for (place, column) in others.iter().enumerate() {
            let difference = self.columns.column(*column) - self.columns.column(reference);
            design.view_mut((0, place), (rows, 1)).copy_from(&difference);
            design[(rows, place)] = -self.ridge;
            design[(rows + 1 + place, place)] = self.ridge;
        }
        response.rows_mut(0, rows).copy_from(&(&self.target - self.columns.column(reference)));
        response[rows] = -self.ridge;
        let solved = LeastSquares::fit(&design, &response, None).ok()?.coefficients;
        Some(std::iter::once(1.0 - solved.sum()).chain(solved.iter().copied()).collect())
    }

    /// Half the slope of the sum of squares by each weight.
    fn slopes(&self, weights: &[f64]) -> Vec<f64> {
        let weights = DVector::from_column_slice(weights);
        let miss = &self.columns * &weights - &self.target;
        let slopes = self.columns.tr_mul(&miss) + weights * (self.ridge * self.ridge);
        slopes.iter().copied().collect()
    }
}

/// Many more than sets that the descent visits.
fn rounds(count: usize) -> usize {
    100 + 20 * count
}
