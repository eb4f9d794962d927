//! Centres that rest on which vectors lie close together.

use super::{RobustError, by_entries, checked_vectors, mean_vector, sorted_median};
use crate::numeric::sorted;

/// How many neighbours the score of Krum sums over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KrumNeighbours {
    /// `n − f − 2`, as published.
    Published,
    /// `n − f − 1`, as some libraries have it.
    OneMore,
}

/// Scores of vectors by how close their nearest neighbours are.
#[derive(Debug, Clone, PartialEq)]
pub struct Krum {
    /// `[n]`: the sum of squared distances to the nearest neighbours.
    pub scores: Vec<f64>,
    /// The vectors with the lowest score, by place. More than one is a tie: with four vectors of which one may lie the
    /// two closest always tie.
    pub selected: Vec<usize>,
}

/// The most subsets that [`minimum_diameter_mean`] goes through.
const MOST_SUBSETS: usize = 200_000;

/// Scores vectors by the distance to their nearest neighbours and selects the lowest.
///
/// # Formula
/// ```text
/// sᵢ = Σ over the nearest others of ‖xᵢ − xⱼ‖²      n − f − 2 of them as published, or one more
/// ```
///
/// # Errors
/// [`RobustError`] when there are no vectors, lengths differ, an entry is not finite, a square is not, or fewer than
/// one neighbour is left.
///
/// # Use with care
/// It answers with one submission, so it is as noisy as one, and with few vectors it ties. For contrast.
///
/// # Examples
/// ```
/// use stats::KrumNeighbours;
/// let scores = stats::krum(&[vec![0.12], vec![0.1], vec![0.15], vec![3.0]], 1, KrumNeighbours::Published)?;
/// assert_eq!(scores.selected, [0, 1]);
/// # Ok::<(), stats::RobustError>(())
/// ```
///
/// # References
/// Blanchard, El Mhamdi, Guerraoui & Stainer (2017), Machine learning with adversaries, NIPS 30.
pub fn krum(vectors: &[Vec<f64>], faults: usize, neighbours: KrumNeighbours) -> Result<Krum, RobustError> {
    checked_vectors(vectors, faults)?;
    let away = match neighbours {
        KrumNeighbours::Published => 2,
        KrumNeighbours::OneMore => 1,
    };
    let count = vectors.len().saturating_sub(faults + away);
    if count == 0 {
        let most = vectors.len().saturating_sub(away + 1);
        return Err(RobustError::TooManyFaults { values: vectors.len(), faults, most });
    }
    let scores: Vec<f64> = (0..vectors.len())
        .map(|own| {
            let others = (0..vectors.len()).filter(|other| *other != own);
            let squares: Vec<f64> = others.map(|other| squared_distance(&vectors[own], &vectors[other])).collect();
            sorted(&squares)[..count].iter().sum()
        })
        .collect();
    let lowest = scores.iter().fold(f64::INFINITY, |lowest, score| lowest.min(*score));
    if !lowest.is_finite() {
        return Err(RobustError::OutOfRange);
    }
    let selected = (0..scores.len()).filter(|place| scores[*place] <= lowest).collect();
    Ok(Krum { scores, selected })
}

/// Gives the mean of the `n − faults` vectors with the lowest scores of [`krum`]; of equal scores the vector with the
/// smaller entries goes first.
///
/// # Errors
/// As for [`krum`].
///
/// # Examples
/// ```
/// let mean = stats::multi_krum(&[vec![0.12], vec![0.1], vec![0.15], vec![3.0]], 1, stats::KrumNeighbours::OneMore)?;
/// assert!((mean[0] - 0.37 / 3.0).abs() < 1e-15);
/// # Ok::<(), stats::RobustError>(())
/// ```
///
/// # References
/// As for [`krum`].
pub fn multi_krum(vectors: &[Vec<f64>], faults: usize, neighbours: KrumNeighbours) -> Result<Vec<f64>, RobustError> {
    let Krum { scores, .. } = krum(vectors, faults, neighbours)?;
    let mut places: Vec<usize> = (0..vectors.len()).collect();
    places.sort_by(|&one, &other| {
        scores[one].total_cmp(&scores[other]).then_with(|| by_entries(&vectors[one], &vectors[other]))
    });
    let kept = places[..vectors.len() - faults].iter().map(|place| vectors[*place].as_slice());
    Ok(mean_vector(&kept, vectors[0].len()))
}

/// Replaces each vector by the mean of the `n − faults` vectors nearest to it, itself included; of two equally near the
/// one with the smaller entries counts.
///
/// # Errors
/// [`RobustError`] when there are no vectors, lengths differ, an entry is not finite, or `n ≤ 2 · faults`.
///
/// # Examples
/// ```
/// let mixed = stats::nearest_neighbour_mixing(&[vec![1.0], vec![2.0], vec![3.0], vec![90.0]], 1)?;
/// assert_eq!(mixed[0], [2.0]);
/// # Ok::<(), stats::RobustError>(())
/// ```
///
/// # References
/// Allouah et al. (2023), Fixing by mixing, AISTATS 206.
pub fn nearest_neighbour_mixing(vectors: &[Vec<f64>], faults: usize) -> Result<Vec<Vec<f64>>, RobustError> {
    let sorted_vectors = checked_vectors(vectors, faults)?;
    let kept = vectors.len() - faults;
    Ok(vectors
        .iter()
        .map(|own| {
            let mut nearest: Vec<(f64, &[f64])> =
                sorted_vectors.iter().map(|(_, other)| (squared_distance(own, other), *other)).collect();
            nearest.sort_by(|one, other| one.0.total_cmp(&other.0));
            mean_vector(&nearest[..kept].iter().map(|(_, other)| *other), own.len())
        })
        .collect())
}

/// Gives, for each coordinate, the mean of the `n − faults` values nearest to its median; of two equally near the
/// smaller counts.
///
/// # Errors
/// As for [`nearest_neighbour_mixing`].
///
/// # Examples
/// ```
/// let mean = stats::mean_around_median(&[vec![0.1], vec![0.2], vec![0.3], vec![9.0]], 1)?;
/// assert!((mean[0] - 0.2).abs() < 1e-15);
/// # Ok::<(), stats::RobustError>(())
/// ```
///
/// # References
/// Xie, Koyejo & Gupta (2018), Generalized Byzantine-tolerant SGD, arXiv 1802.10116.
pub fn mean_around_median(vectors: &[Vec<f64>], faults: usize) -> Result<Vec<f64>, RobustError> {
    let sorted_vectors = checked_vectors(vectors, faults)?;
    let kept = vectors.len() - faults;
    Ok((0..vectors[0].len())
        .map(|coordinate| {
            let mut values = sorted(&sorted_vectors.iter().map(|(_, vector)| vector[coordinate]).collect::<Vec<_>>());
            let median = sorted_median(&values);
            values.sort_by(|one, other| (one - median).abs().total_cmp(&(other - median).abs()));
            crate::numeric::sorted_mean(&sorted(&values[..kept]))
        })
        .collect())
}

/// Gives the mean of the `n − faults` vectors with the smallest diameter; of equal ones the first in order of entries.
///
/// # Formula
/// ```text
/// argmin over sets S of n − f of max {‖xᵢ − xⱼ‖ : i, j in S}
/// ```
/// Every set is gone through, up to 200,000.
///
/// # Errors
/// [`RobustError`] as for [`nearest_neighbour_mixing`], and when there are too many sets.
///
/// # Examples
/// ```
/// let mean = stats::minimum_diameter_mean(&[vec![1.0], vec![2.0], vec![3.0], vec![90.0]], 1)?;
/// assert_eq!(mean, [2.0]);
/// # Ok::<(), stats::RobustError>(())
/// ```
///
/// # References
/// El Mhamdi, Guerraoui & Rouault (2018), The hidden vulnerability of distributed learning, ICML 80.
pub fn minimum_diameter_mean(vectors: &[Vec<f64>], faults: usize) -> Result<Vec<f64>, RobustError> {
    let sorted_vectors = checked_vectors(vectors, faults)?;
    let count = vectors.len();
    let distances: Vec<Vec<f64>> = sorted_vectors
        .iter()
        .map(|(_, own)| sorted_vectors.iter().map(|(_, other)| squared_distance(own, other)).collect())
        .collect();
    let sets = crate::leave_f_out::subsets(count, count - faults, MOST_SUBSETS)
        .ok_or(RobustError::TooManySubsets { most: MOST_SUBSETS })?;
    let diameter = |set: &[usize]| {
        let pairs = set.iter().flat_map(|one| set.iter().map(|other| distances[*one][*other]));
        pairs.fold(0.0_f64, f64::max)
    };
    let mut best: Option<(f64, Vec<usize>)> = None;
    for set in sets {
        let own = diameter(&set);
        if best.as_ref().is_none_or(|(least, _)| own < *least) {
            best = Some((own, set));
        }
    }
    let (_, set) = best.ok_or(RobustError::NoValues)?;
    Ok(mean_vector(&set.iter().map(|place| sorted_vectors[*place].1), vectors[0].len()))
}

fn squared_distance(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| (one - other) * (one - other)).sum()
}
