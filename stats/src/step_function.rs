//! Where a rising step function crosses a level: the rule shared by all quantiles of curves.

#[cfg(test)]
mod tests;

/// A quantile of data that are not all complete.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum QuantileEstimate {
    /// The curve reaches the level here.
    At(f64),
    /// The curve does not reach the level; the quantile is known to be greater than this.
    GreaterThan(f64),
}

impl QuantileEstimate {
    /// The quantile, if the curve reaches the level.
    #[must_use]
    pub fn reached(self) -> Option<f64> {
        match self {
            Self::At(value) => Some(value),
            Self::GreaterThan(_) => None,
        }
    }
}

/// A height this near to the level counts as equal to it, as in R's `quantile.survfit`: products and sums of fractions
/// such as 1/3 do not come out exact.
pub(crate) const LEVEL_TOLERANCE: f64 = 1.490_116_119_384_765_6e-8;

/// Fills `crossings` with where the steps reach each of `levels`, as [`crossing`] finds it, and `None` where they do not.
/// `steps` is room for them: they are computed once, and only as far as the highest level needs.
pub(crate) fn crossings(
    computed: impl Iterator<Item = (f64, f64)>,
    levels: &[f64],
    end: f64,
    steps: &mut Vec<(f64, f64)>,
    crossings: &mut [Option<f64>],
) {
    steps.clear();
    let highest = levels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for step in computed {
        steps.push(step);
        if step.1 - LEVEL_TOLERANCE >= highest {
            break;
        }
    }
    for (found, level) in crossings.iter_mut().zip(levels) {
        *found = crossing(steps.iter().copied(), *level, end);
    }
}

/// Finds where a rising step function, given as `(position, height)` after each step, reaches `level`.
///
/// Where the height equals the level on a flat piece the midpoint of that piece is taken; the last piece ends at `end`.
/// `None` when the level is not reached.
pub(crate) fn crossing(steps: impl Iterator<Item = (f64, f64)>, level: f64, end: f64) -> Option<f64> {
    let mut reached = None;
    for (position, height) in steps {
        if height + LEVEL_TOLERANCE >= level {
            let first = *reached.get_or_insert(position);
            if height - LEVEL_TOLERANCE >= level {
                return Some(first.midpoint(position));
            }
        }
    }
    reached.map(|first: f64| first.midpoint(end))
}
