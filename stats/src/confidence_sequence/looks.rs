//! Looks that are declared beforehand, each with its part of the level.

use super::{SequentialError, probability};

/// One declared look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// At how many units.
    pub count: usize,
    /// The two-sided level spent there.
    pub alpha: f64,
}

/// Declared looks, whose levels add up.
///
/// # Model
/// Each look may err with its own level; that any of them errs has at most their sum (Bonferroni), whatever depends on
/// whatever.
#[derive(Debug, Clone, PartialEq)]
pub struct Looks(Vec<Look>);

impl Looks {
    /// The looks used where none are declared: at 7, 13, 22, 40, 70 and 100 units, with 0.05 in all.
    ///
    /// # Examples
    /// ```
    /// let looks = stats::Looks::usual();
    /// assert_eq!(looks.alpha_at(22), Some(0.01));
    /// assert_eq!(looks.alpha_at(23), None);
    /// ```
    #[must_use]
    pub fn usual() -> Self {
        let levels = [(7, 0.01), (13, 0.01), (22, 0.01), (40, 0.01), (70, 0.005), (100, 0.005)];
        Self(levels.into_iter().map(|(count, alpha)| Look { count, alpha }).collect())
    }

    /// Takes looks whose levels may add up to `allowed`; rounding in the last digits is forgiven.
    ///
    /// # Errors
    /// [`SequentialError`] when there is no look, counts do not rise from at least 1, a level is not strictly between 0
    /// and 1, or they add up to more than `allowed`.
    pub fn new(looks: Vec<Look>, allowed: f64) -> Result<Self, SequentialError> {
        probability("allowed", allowed)?;
        for look in &looks {
            probability("alpha", look.alpha)?;
        }
        let rises = looks.windows(2).all(|pair| pair[0].count < pair[1].count);
        if !rises || looks.first().is_none_or(|look| look.count == 0) {
            return Err(SequentialError::Looks);
        }
        let spent: f64 = looks.iter().map(|look| look.alpha).sum();
        if spent > allowed * (1.0 + 1e-12) {
            return Err(SequentialError::Overspent { spent, allowed });
        }
        Ok(Self(looks))
    }

    /// The looks, in rising order.
    #[must_use]
    pub fn declared(&self) -> &[Look] {
        &self.0
    }

    /// The level of the look at exactly so many units; `None` between looks, where there are estimates but no verdict.
    #[must_use]
    pub fn alpha_at(&self, count: usize) -> Option<f64> {
        self.0.iter().find(|look| look.count == count).map(|look| look.alpha)
    }

    /// The last look at or before so many units.
    #[must_use]
    pub fn last_by(&self, count: usize) -> Option<Look> {
        self.0.iter().rev().find(|look| look.count <= count).copied()
    }

    /// The first look after so many units.
    #[must_use]
    pub fn next_after(&self, count: usize) -> Option<Look> {
        self.0.iter().find(|look| look.count > count).copied()
    }

    /// What the looks up to so many units spend together.
    #[must_use]
    pub fn spent_by(&self, count: usize) -> f64 {
        self.0.iter().filter(|look| look.count <= count).map(|look| look.alpha).sum()
    }
}
