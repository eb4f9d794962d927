//! Quantiles of a time of which only the last part is censored.

use crate::step_function::{LEVEL_TOLERANCE, QuantileEstimate, crossing};

mod bootstrap;
#[cfg(test)]
mod tests;

pub use bootstrap::{CensoredBootstrapError, censored_quantile_bca, censored_quantiles_bca};

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
        let ordered = Ordered::of(subjects, &vec![0; subjects.len()])?;
        let longest_censoring_time = ordered.longest_censoring_time(&[1]).ok_or(CensoredQuantileError::NoSubjects)?;
        let (multiplicities, mut observable) = ([1], Vec::new());
        ordered.count_observable(&multiplicities, &mut observable);
        Ok(Self { steps: ordered.steps(&multiplicities, &observable).collect(), longest_censoring_time })
    }

    /// Gives the total that a share `probability` does not exceed, or what that total is known to exceed.
    ///
    /// # Errors
    /// [`CensoredQuantileError`] when `probability` is not strictly between 0 and 1.
    pub fn quantile(&self, probability: f64) -> Result<QuantileEstimate, CensoredQuantileError> {
        check_probability(probability)?;
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

/// Subjects in the order in which they are counted and summed, whatever sample is drawn from their clusters.
///
/// A sample is given by `multiplicities`: how often each cluster is in it, by the cluster's number.
struct Ordered {
    /// By total, then delay.
    completions: Vec<Placed>,
    /// Censoring time and cluster of each subject, by time.
    censoring: Vec<(f64, usize)>,
}

/// A completion among all subjects.
struct Placed {
    total: f64,
    delay: f64,
    cluster: usize,
    /// How many subjects were censored too early to show this delay: the place of the first that was not.
    shorter: usize,
}

impl Ordered {
    /// `clusters` is `[n]`: the number of the cluster of each subject.
    fn of(subjects: &[Subject], clusters: &[usize]) -> Result<Self, CensoredQuantileError> {
        subjects.iter().try_for_each(check)?;
        let named = || subjects.iter().zip(clusters.iter().copied());
        let mut censoring: Vec<(f64, usize)> =
            named().map(|(subject, cluster)| (subject.censoring_time, cluster)).collect();
        censoring.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
        let mut completions: Vec<(Completion, usize)> =
            named().filter_map(|(subject, cluster)| Some((subject.completion?, cluster))).collect();
        completions.sort_unstable_by(|(one, _), (other, _)| {
            one.total.total_cmp(&other.total).then(one.delay.total_cmp(&other.delay))
        });
        let place = |(completion, cluster): (Completion, usize)| Placed {
            // Adding zero gives all zeros one sign, so that equal totals are the same total in every sample.
            total: completion.total + 0.0,
            delay: completion.delay,
            cluster,
            shorter: censoring.partition_point(|(time, _)| *time < completion.delay),
        };
        Ok(Self { completions: completions.into_iter().map(place).collect(), censoring })
    }

    /// Fills `observable` with `#{ j : Cⱼ ≥ t }` of a sample, for `t` each of the sorted censoring times.
    fn count_observable(&self, multiplicities: &[usize], observable: &mut Vec<usize>) {
        observable.resize(self.censoring.len(), 0);
        let mut count = 0;
        for (at_least, (_, cluster)) in observable.iter_mut().zip(&self.censoring).rev() {
            count += multiplicities[*cluster];
            *at_least = count;
        }
    }

    /// `F` after each distinct total of a sample: completions of one total and one delay add their count over the number
    /// that could have shown the delay.
    ///
    /// The count is divided as a whole, so one completion drawn `k` times and `k` completions with the same times are
    /// the same number to the last bit. A total that the sample does not hold leaves the height as it is.
    #[expect(clippy::float_cmp, reason = "only times that are the same belong together")]
    fn steps(&self, multiplicities: &[usize], observable: &[usize]) -> impl Iterator<Item = (f64, f64)> {
        let mut height = 0.0;
        self.completions.chunk_by(|one, other| one.total == other.total).filter_map(move |tied| {
            for same in tied.chunk_by(|one, other| one.delay == other.delay) {
                let count: usize = same.iter().map(|completion| multiplicities[completion.cluster]).sum();
                // A delay that no subject of the sample could have shown is not in it either: its count is 0.
                height += count as f64 / observable[same[0].shorter].max(1) as f64;
            }
            (height > 0.0).then_some((tied[0].total, height))
        })
    }

    /// The longest censoring time of a sample.
    fn longest_censoring_time(&self, multiplicities: &[usize]) -> Option<f64> {
        self.censoring.iter().rfind(|(_, cluster)| multiplicities[*cluster] > 0).map(|(time, _)| *time)
    }

    /// The longest total of a sample.
    fn longest_total(&self, multiplicities: &[usize]) -> Option<f64> {
        self.completions.iter().rfind(|completion| multiplicities[completion.cluster] > 0).map(|last| last.total)
    }
}

fn check_probability(probability: f64) -> Result<(), CensoredQuantileError> {
    if probability > 0.0 && probability < 1.0 {
        Ok(())
    } else {
        Err(CensoredQuantileError::Probability { probability })
    }
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
