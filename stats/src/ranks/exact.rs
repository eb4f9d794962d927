//! The distribution of a sum of whole scores when chance alone decides which of them are in it.

/// The most additions that a distribution may take.
const MOST_ADDITIONS: u128 = 400_000_000;

/// How many ways lead to each sum.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SumDistribution {
    /// The smallest sum.
    lowest: u64,
    /// The distance between neighbouring entries.
    step: u64,
    /// The ways to `lowest + i · step`, by `i`; as many as there are subsets, so that no share is ever subtracted.
    ways: Vec<f64>,
    /// All of them.
    total: f64,
    /// Twice the mean sum times the divisor, and the divisor: the mean need not be a whole number.
    doubled_mean: (u128, u128),
}

impl SumDistribution {
    /// Sums over subsets of `size` scores, each as likely; `None` where the work is too much.
    pub(super) fn of_subsets(scores: &[u64], size: usize) -> Option<Self> {
        let least = scores.iter().min().copied()?;
        let step = scores.iter().fold(0, |divisor, score| common_divisor(divisor, score - least)).max(1);
        let mut reduced: Vec<u64> = scores.iter().map(|score| (score - least) / step).collect();
        reduced.sort_unstable();
        let largest: u64 = reduced.iter().rev().take(size).sum();
        let width = usize::try_from(largest).ok()?.checked_add(1)?;
        if scores.len() as u128 * (size as u128 + 1) * width as u128 > MOST_ADDITIONS {
            return None;
        }
        let mut table = vec![vec![0.0; width]; size + 1];
        *table.first_mut()?.first_mut()? = 1.0;
        for score in reduced {
            let score = usize::try_from(score).ok()?;
            for chosen in (1..=size).rev() {
                let (fewer, same) = table.split_at_mut(chosen);
                let (Some(fewer), Some(same)) = (fewer.last(), same.first_mut()) else { continue };
                // A score that alone exceeds every possible sum is in no subset.
                for (entry, from) in same.iter_mut().skip(score).zip(fewer) {
                    *entry += from;
                }
            }
        }
        let sum: u128 = scores.iter().map(|score| u128::from(*score)).sum();
        let mean = (2 * sum * size as u128, scores.len() as u128);
        Some(Self::new(least * size as u64, step, table.pop()?, mean))
    }

    /// Sums over any subset of the scores, each as likely; `None` where the work is too much.
    pub(super) fn of_any_subset(scores: &[u64]) -> Option<Self> {
        let step = scores.iter().fold(0, |divisor, score| common_divisor(divisor, *score)).max(1);
        let largest: u64 = scores.iter().sum();
        let width = usize::try_from(largest / step).ok()?.checked_add(1)?;
        // More than a thousand signs have more sets than there are numbers.
        if scores.len() > 1_000 || scores.len() as u128 * width as u128 > MOST_ADDITIONS {
            return None;
        }
        let mut ways = vec![0.0; width];
        *ways.first_mut()? = 1.0;
        for score in scores {
            let score = usize::try_from(score / step).ok()?;
            for sum in (score..width).rev() {
                ways[sum] += ways[sum - score];
            }
        }
        Some(Self::new(0, step, ways, (u128::from(largest), 1)))
    }

    fn new(lowest: u64, step: u64, ways: Vec<f64>, doubled_mean: (u128, u128)) -> Self {
        let total = ways.iter().sum();
        Self { lowest, step, ways, total, doubled_mean }
    }

    /// The probability of the sums that hold.
    fn share(&self, holds: impl Fn(u64) -> bool) -> f64 {
        let sums = (0_u64..).map(|place| self.lowest + place * self.step);
        let chosen: f64 = self.ways.iter().zip(sums).filter(|(_, sum)| holds(*sum)).map(|(ways, _)| ways).sum();
        (chosen / self.total).min(1.0)
    }

    pub(super) fn at_most(&self, limit: u64) -> f64 {
        self.share(|sum| sum <= limit)
    }

    pub(super) fn at_least(&self, limit: u64) -> f64 {
        self.share(|sum| sum >= limit)
    }

    /// The probability of a sum at least as far from the mean.
    pub(super) fn as_far(&self, observed: u64) -> f64 {
        let (mean, divisor) = self.doubled_mean;
        let distance = |sum: u64| (2 * u128::from(sum) * divisor).abs_diff(mean);
        let observed = distance(observed);
        self.share(|sum| distance(sum) >= observed)
    }

    /// How many sums, from the smallest there is, are together less likely than `tail`, or as likely.
    pub(super) fn below_tail(&self, tail: f64) -> u64 {
        let limit = tail * self.total;
        let within = self.ways.iter().skip_while(|ways| **ways <= 0.0).scan(0.0, |sum, ways| {
            *sum += ways;
            Some(*sum)
        });
        // The share of a tail is a ratio of whole numbers, and equality is not lost to rounding of the level.
        within.take_while(|sum| *sum <= limit * (1.0 + 1e-12)).count() as u64
    }
}

fn common_divisor(one: u64, other: u64) -> u64 {
    let (mut one, mut other) = (one, other);
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}
