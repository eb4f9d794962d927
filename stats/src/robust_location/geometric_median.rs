//! The point with the least total distance to all others.

use nalgebra::{DMatrix, DVector};

use super::{RobustError, checked_vectors, sorted_median};
use crate::numeric::sorted;

/// How far above the least the total distance may be, relative to itself.
const TOLERANCE: f64 = 1e-12;

/// The point with the least total distance.
#[derive(Debug, Clone, PartialEq)]
pub struct GeometricMedian {
    /// The point.
    pub point: Vec<f64>,
    /// Its total distance to all vectors.
    pub total_distance: f64,
    /// A proven bound on how far the total distance is above the least one.
    pub gap: f64,
}

/// Gives the geometric median of vectors.
///
/// # Formula
/// ```text
/// argmin over z of Σ ‖xᵢ − z‖
/// ```
/// Weiszfeld's steps with the correction of Vardi and Zhang at a vector, and Newton's where they lower the total more,
/// from the median of each coordinate. The distance of the best point to any point that is better is at most `2F/n`
/// with `F` the total distance, and the total is convex, so it is at most `2F‖g‖/n` above the least, with `g` the
/// subgradient of least length: the steps end when this gap is below 1e-12 of the total, and it is returned. In one
/// dimension this is the median, an even number giving the midpoint.
///
/// `vectors` are `[n]` of one length. With fewer than half of them lies, the answer stays within reach of the honest
/// ones.
///
/// # Errors
/// [`RobustError`] when there are no vectors, lengths differ, an entry is not finite, or the gap does not close.
///
/// # Examples
/// ```
/// let square = [vec![0.0, 0.0], vec![2.0, 0.0], vec![0.0, 2.0], vec![2.0, 2.0]];
/// let median = stats::geometric_median(&square)?;
/// assert!((median.point[0] - 1.0).abs() < 1e-9 && (median.point[1] - 1.0).abs() < 1e-9);
/// # Ok::<(), stats::RobustError>(())
/// ```
///
/// # References
/// Vardi & Zhang (2000), PNAS 97, 1423–1426.
pub fn geometric_median(vectors: &[Vec<f64>]) -> Result<GeometricMedian, RobustError> {
    let vectors: Vec<DVector<f64>> =
        checked_vectors(vectors, 0)?.into_iter().map(|(_, vector)| DVector::from_column_slice(vector)).collect();
    let dimension = vectors[0].len();
    let mut point = DVector::from_fn(dimension, |coordinate, _| {
        sorted_median(&sorted(&vectors.iter().map(|vector| vector[coordinate]).collect::<Vec<_>>()))
    });
    if dimension == 1 {
        let total_distance = total(&vectors, &point);
        return finite(GeometricMedian { point: vec![point[0]], total_distance, gap: 0.0 });
    }
    for _ in 0..10_000 {
        let state = State::at(&vectors, &point);
        let gap = 2.0 * state.total * state.pull / vectors.len() as f64;
        if gap <= TOLERANCE * state.total {
            let point = point.iter().copied().collect();
            return finite(GeometricMedian { point, total_distance: state.total, gap });
        }
        point = state.next(&vectors, &point);
    }
    Err(RobustError::NotConverged)
}

fn finite(median: GeometricMedian) -> Result<GeometricMedian, RobustError> {
    if median.total_distance.is_finite() { Ok(median) } else { Err(RobustError::OutOfRange) }
}

fn total(vectors: &[DVector<f64>], point: &DVector<f64>) -> f64 {
    vectors.iter().map(|vector| (vector - point).norm()).sum()
}

/// The total distance at a point and what draws the point away from it.
struct State {
    total: f64,
    /// The sum of unit vectors towards the vectors that are not at the point.
    force: DVector<f64>,
    /// How many vectors are at the point.
    here: f64,
    /// The length of the shortest subgradient.
    pull: f64,
    /// `Σ 1/dᵢ` and `Σ (I − uᵢuᵢᵀ)/dᵢ`.
    inverse_distances: f64,
    hessian: DMatrix<f64>,
}

impl State {
    fn at(vectors: &[DVector<f64>], point: &DVector<f64>) -> Self {
        let dimension = point.len();
        let mut state = Self {
            total: 0.0,
            force: DVector::zeros(dimension),
            here: 0.0,
            pull: 0.0,
            inverse_distances: 0.0,
            hessian: DMatrix::zeros(dimension, dimension),
        };
        for vector in vectors {
            let away = vector - point;
            let distance = away.norm();
            if distance <= 0.0 {
                state.here += 1.0;
                continue;
            }
            let unit = away / distance;
            state.total += distance;
            state.inverse_distances += 1.0 / distance;
            state.hessian += (DMatrix::identity(dimension, dimension) - &unit * unit.transpose()) / distance;
            state.force += unit;
        }
        state.pull = (state.force.norm() - state.here).max(0.0);
        state
    }

    /// The better of the corrected Weiszfeld step and, away from all vectors, the Newton step; or the nearest vector,
    /// which Weiszfeld's steps approach only slowly when it is the answer.
    fn next(&self, vectors: &[DVector<f64>], point: &DVector<f64>) -> DVector<f64> {
        let kept = self.pull / (self.pull + self.here);
        let weiszfeld = point + &self.force * (kept / self.inverse_distances);
        let mut best = (total(vectors, &weiszfeld), weiszfeld);
        let newton = self.hessian.clone().cholesky().map(|hessian| point + hessian.solve(&self.force));
        let nearest = vectors.iter().min_by(|one, other| (*one - point).norm().total_cmp(&(*other - point).norm()));
        for candidate in newton.filter(|_| self.here <= 0.0).into_iter().chain(nearest.cloned()) {
            let distance = total(vectors, &candidate);
            if distance < best.0 || (distance <= best.0 && State::at(vectors, &candidate).pull < self.pull) {
                best = (distance, candidate);
            }
        }
        best.1
    }
}
