//! Quantiles of a time of which only the last part is censored.

use crate::step_function::{LEVEL_TOLERANCE, QuantileEstimate, crossing};

#[cfg(test)]
mod tests;

/// Why a weighted distribution function, or a quantile of it, does not exist.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum CensoredQuantileError {
    /// There are no subjects.
    #[error("a quantile of no subjects is not defined")]
    NoSubjects,
    /// A censoring time or a total is negative, or a time is not finite.
    #[error("a time must be finite and not negative, got `{time}`")]
    Time {
        /// The time.
        time: f64,
    },
    /// A subject was seen to complete after it could no longer be seen.
    #[error("delay `{delay}` is longer than the censoring time `{censoring_time}`")]
    DelayBeyondCensoring {
        /// The delay.
        delay: f64,
        /// The censoring time of the same subject.
        censoring_time: f64,
    },
    /// A delay is longer than the total of which it is a part.
    #[error("delay `{delay}` is longer than the total `{total}`")]
    DelayBeyondTotal {
        /// The delay.
        delay: f64,
        /// The total of the same subject.
        total: f64,
    },
    /// The probability is not strictly between 0 and 1.
    #[error("probability must lie strictly between 0 and 1, got `{probability}`")]
    Probability {
        /// The probability that was asked for.
        probability: f64,
    },
}

/// What is known of one subject.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Subject {
    /// How long the delay could be followed: from its start to the end of observation. Known for every subject.
    pub censoring_time: f64,
    /// Its times, if the delay ended within the censoring time.
    pub completion: Option<Completion>,
}

/// The times of a subject that completed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Completion {
    /// The whole time, of which a quantile is wanted.
    pub total: f64,
    /// Its last part, the only one that is censored.
    pub delay: f64,
}

/// The inverse-probability-weighted distribution function of a total whose last part alone is censored.
///
/// # Model
/// Subject `i` of `n` has `Tᵢ = Mᵢ + Dᵢ` with `Mᵢ ≥ 0`. `Mᵢ` is complete at the start of observation; `Dᵢ` is seen when
/// `Dᵢ ≤ Cᵢ`. `C` is known for every subject and independent of `(M, D)`. On the scale of `T` the censoring time is
/// `M + C`, which is not independent of `T`: the product-limit estimate of `T` is biased, upwards when `M` varies.
///
/// # Formula
/// ```text
/// G(t−) = #{ j : Cⱼ ≥ t } / n      F(t) = (1/n) Σ δᵢ 1{Tᵢ ≤ t} / G(Dᵢ−)
/// q(p)  = inf { t : F(t) ≥ p };  where F equals p on a flat piece, the midpoint of that piece
/// ```
/// `δᵢ` says that subject `i` completed. `G(t−)` is the left limit of the survival function of `C`, because a delay
/// equal to its censoring time is seen; every weight is finite, since a completed subject counts itself. The sum is
/// divided by `n` and not by the sum of weights: `E[δ 1{T ≤ t} / G(D−)] = P(T ≤ t, D ≤ τ)` with `τ` the largest
/// censoring time, and what is missing from 1 is the part that was never observable. Dividing by the sum of weights
/// would spread the observed over that part and report quantiles that the data do not hold. Without censoring, `F` is
/// the empirical distribution function. Heights within 1.5e-8 of `p` count as equal; a last flat piece ends at the
/// larger of `τ` and its start.
///
/// When `F` never reaches `p`, the mass `1 − F(∞)` belongs to delays beyond `τ`, hence to totals beyond `τ`. Placed as
/// early as it could be, just after `τ`, it bounds the quantile from below:
/// ```text
/// q(p) ≥ max(τ, min { t : F(t) + 1 − F(∞) ≥ p })
/// ```
///
/// # Use with care
/// `F(∞)` is an estimate and may exceed 1. Weights grow without bound towards `τ`: a delay as long as the longest
/// censoring time weighs as much as all subjects together. A quantile beyond `τ` that is reached rests on delays rarely
/// exceeding `τ`; look at [`Self::total_mass`].
///
/// # Examples
/// ```
/// use stats::{CensoredQuantile, Completion, QuantileEstimate, Subject};
/// let waiting = |censoring_time| Subject { censoring_time, completion: None };
/// let complete = |censoring_time, total, delay| Subject {
///     censoring_time,
///     completion: Some(Completion { total, delay }),
/// };
/// let subjects = [complete(9.0, 5.0, 1.0), complete(8.0, 12.0, 4.0), waiting(3.0), waiting(2.0)];
/// let distribution = CensoredQuantile::fit(&subjects)?;
/// // Weights 1/4 and 1/2: all four could have shown a delay of 1, two of them one of 4.
/// assert_eq!(distribution.quantile(0.5)?, QuantileEstimate::At(12.0));
/// assert_eq!(distribution.quantile(0.9)?, QuantileEstimate::GreaterThan(12.0));
/// # Ok::<(), stats::CensoredQuantileError>(())
/// ```
///
/// # References
/// Koul, Susarla & Van Ryzin (1981), Annals of Statistics 9, 1276–1288 (the weight). Lin, Sun & Ying (1999), Biometrika
/// 86, 59–70 (gap times under dependent censoring).
#[derive(Debug, Clone, PartialEq)]
pub struct CensoredQuantile {
    /// Total and `F` just after it, ascending.
    steps: Vec<(f64, f64)>,
    longest_censoring_time: f64,
}

impl CensoredQuantile {
    /// Estimates the distribution function. All times are in one unit; a delay may be negative, its total may not.
    ///
    /// # Errors
    /// [`CensoredQuantileError`] when there are no subjects, a time is not finite, a total or a censoring time is
    /// negative, or a delay exceeds its total or its censoring time.
    pub fn fit(subjects: &[Subject]) -> Result<Self, CensoredQuantileError> {
        subjects.iter().try_for_each(check)?;
        let mut censoring_times: Vec<f64> = subjects.iter().map(|subject| subject.censoring_time).collect();
        censoring_times.sort_unstable_by(f64::total_cmp);
        let &longest_censoring_time = censoring_times.last().ok_or(CensoredQuantileError::NoSubjects)?;
        let mut completions: Vec<Completion> = subjects.iter().filter_map(|subject| subject.completion).collect();
        completions
            .sort_unstable_by(|one, other| one.total.total_cmp(&other.total).then(one.delay.total_cmp(&other.delay)));
        Ok(Self { steps: weighted_steps(&completions, &censoring_times), longest_censoring_time })
    }

    /// Gives the total that a share `probability` does not exceed, or what that total is known to exceed.
    ///
    /// # Errors
    /// [`CensoredQuantileError`] when `probability` is not strictly between 0 and 1.
    pub fn quantile(&self, probability: f64) -> Result<QuantileEstimate, CensoredQuantileError> {
        if !(probability > 0.0 && probability < 1.0) {
            return Err(CensoredQuantileError::Probability { probability });
        }
        let end = self.steps.last().map_or(0.0, |step| step.0).max(self.longest_censoring_time);
        let reached = crossing(self.steps.iter().copied(), probability, end);
        Ok(reached.map_or_else(|| QuantileEstimate::GreaterThan(self.bound(probability)), QuantileEstimate::At))
    }

    /// `F` beyond all totals: the estimated share of subjects whose delay could be observed at all.
    #[must_use]
    pub fn total_mass(&self) -> f64 {
        self.steps.last().map_or(0.0, |step| step.1)
    }

    /// The longest censoring time: delays beyond it were never observable.
    #[must_use]
    pub fn longest_censoring_time(&self) -> f64 {
        self.longest_censoring_time
    }

    /// The largest value that the quantile is known to exceed, when `F` does not reach it.
    fn bound(&self, probability: f64) -> f64 {
        let needed = probability - (1.0 - self.total_mass());
        let earliest = if needed <= LEVEL_TOLERANCE {
            None
        } else {
            self.steps.iter().find(|(_, height)| height + LEVEL_TOLERANCE >= needed)
        };
        earliest.map_or(self.longest_censoring_time, |step| step.0.max(self.longest_censoring_time))
    }
}

/// `F` after each distinct total: a completion adds one over the number of subjects that could have shown its delay.
fn weighted_steps(completions: &[Completion], sorted_censoring_times: &[f64]) -> Vec<(f64, f64)> {
    let mut height = 0.0;
    let mut steps = Vec::new();
    #[expect(clippy::float_cmp, reason = "only totals that are the same belong to one step")]
    for tied in completions.chunk_by(|one, other| one.total == other.total) {
        for completion in tied {
            let shorter = sorted_censoring_times.partition_point(|&time| time < completion.delay);
            height += 1.0 / (sorted_censoring_times.len() - shorter) as f64;
        }
        steps.push((tied[0].total, height));
    }
    steps
}

fn check(subject: &Subject) -> Result<(), CensoredQuantileError> {
    check_time(subject.censoring_time)?;
    let Some(Completion { total, delay }) = subject.completion else {
        return Ok(());
    };
    check_time(total)?;
    if !delay.is_finite() {
        return Err(CensoredQuantileError::Time { time: delay });
    }
    if delay > total {
        return Err(CensoredQuantileError::DelayBeyondTotal { delay, total });
    }
    if delay > subject.censoring_time {
        return Err(CensoredQuantileError::DelayBeyondCensoring { delay, censoring_time: subject.censoring_time });
    }
    Ok(())
}

fn check_time(time: f64) -> Result<(), CensoredQuantileError> {
    if time >= 0.0 && time.is_finite() { Ok(()) } else { Err(CensoredQuantileError::Time { time }) }
}
