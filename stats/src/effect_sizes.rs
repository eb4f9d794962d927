//! Effects of two groups from their summaries, with their sampling variances.

#[cfg(test)]
mod tests;

/// Why two groups have no effect size.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum EffectSizeError {
    /// A cell that is divided by, or whose logarithm is taken, is 0.
    #[error("a group without events, or with nothing but events, has no ratio with a finite variance")]
    EmptyCell,
    /// A number is not positive and finite.
    #[error("a number must be positive and finite, got `{value}`")]
    NotPositive {
        /// The number.
        value: f64,
    },
    /// A mean is not finite.
    #[error("a mean must be finite, got `{mean}`")]
    Mean {
        /// The mean.
        mean: f64,
    },
    /// More events than subjects.
    #[error("`{events}` events are more than `{subjects}` subjects")]
    MoreEventsThanSubjects {
        /// The events.
        events: u64,
        /// The subjects.
        subjects: u64,
    },
    /// A group is too small for a variance.
    #[error("two groups of `{first}` and `{second}` are too small")]
    TooSmall {
        /// Subjects of the first group.
        first: u64,
        /// Subjects of the second group.
        second: u64,
    },
}

/// An effect and its sampling variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EffectSize {
    /// The effect, first group against second.
    pub estimate: f64,
    /// Its variance.
    pub variance: f64,
}

/// Events among subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proportion {
    /// How many had the event.
    pub events: u64,
    /// How many there are.
    pub subjects: u64,
}

/// A mean of measurements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many there are.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation.
    pub standard_deviation: f64,
}

/// Gives the log ratio of two risks.
///
/// # Formula
/// ```text
/// ln(a/n₁) − ln(c/n₂)      1/a − 1/n₁ + 1/c − 1/n₂
/// ```
///
/// # Errors
/// [`EffectSizeError`] when there are no events in a group, both have nothing but events, or more events than subjects.
///
/// # Examples
/// ```
/// use stats::Proportion;
/// let (first, second) = (Proportion { events: 4, subjects: 123 }, Proportion { events: 11, subjects: 139 });
/// let effect = stats::log_risk_ratio(first, second)?;
/// assert!((effect.estimate + 0.889_311_333_920).abs() < 1e-11);
/// # Ok::<(), stats::EffectSizeError>(())
/// ```
///
/// # References
/// Borenstein et al. (2009), Introduction to Meta-Analysis, chapter 5.
pub fn log_risk_ratio(first: Proportion, second: Proportion) -> Result<EffectSize, EffectSizeError> {
    let ([a, b, n1], [c, d, n2]) = (cells(first)?, cells(second)?);
    if a <= 0.0 || c <= 0.0 || b + d <= 0.0 {
        return Err(EffectSizeError::EmptyCell);
    }
    // 1/a − 1/n as b/(an), which cannot be negative.
    Ok(EffectSize { estimate: libm::log(a / n1 / (c / n2)), variance: b / (a * n1) + d / (c * n2) })
}

/// Gives the log ratio of two odds.
///
/// # Formula
/// ```text
/// ln(a/b) − ln(c/d)      1/a + 1/b + 1/c + 1/d
/// ```
///
/// # Errors
/// [`EffectSizeError`] when a group has no events or nothing but events, or more events than subjects.
///
/// # Examples
/// ```
/// use stats::Proportion;
/// let (first, second) = (Proportion { events: 4, subjects: 123 }, Proportion { events: 11, subjects: 139 });
/// let effect = stats::log_odds_ratio(first, second)?;
/// assert!((effect.estimate + 0.938_694_140_870).abs() < 1e-11);
/// # Ok::<(), stats::EffectSizeError>(())
/// ```
///
/// # References
/// Borenstein et al. (2009), Introduction to Meta-Analysis, chapter 5.
pub fn log_odds_ratio(first: Proportion, second: Proportion) -> Result<EffectSize, EffectSizeError> {
    let ([a, b, _], [c, d, _]) = (cells(first)?, cells(second)?);
    if [a, b, c, d].iter().any(|cell| *cell <= 0.0) {
        return Err(EffectSizeError::EmptyCell);
    }
    Ok(EffectSize { estimate: libm::log(a / b / (c / d)), variance: 1.0 / a + 1.0 / b + 1.0 / c + 1.0 / d })
}

/// Gives the difference of two risks.
///
/// # Formula
/// ```text
/// a/n₁ − c/n₂      ab/n₁³ + cd/n₂³
/// ```
///
/// # Errors
/// [`EffectSizeError`] when the variance is 0 (no events, or nothing but events, in both groups), or there are more
/// events than subjects.
///
/// # Use with care
/// The variance is a poor one for few events; for one comparison take a score interval instead.
///
/// # Examples
/// ```
/// use stats::Proportion;
/// let (first, second) = (Proportion { events: 4, subjects: 123 }, Proportion { events: 11, subjects: 139 });
/// let effect = stats::risk_difference(first, second)?;
/// assert!((effect.estimate + 0.046_616_365_444).abs() < 1e-11);
/// # Ok::<(), stats::EffectSizeError>(())
/// ```
///
/// # References
/// Borenstein et al. (2009), Introduction to Meta-Analysis, chapter 5.
pub fn risk_difference(first: Proportion, second: Proportion) -> Result<EffectSize, EffectSizeError> {
    let ([a, b, n1], [c, d, n2]) = (cells(first)?, cells(second)?);
    let variance = a / n1 * (b / n1) / n1 + c / n2 * (d / n2) / n2;
    if variance <= 0.0 {
        return Err(EffectSizeError::EmptyCell);
    }
    Ok(EffectSize { estimate: a / n1 - c / n2, variance })
}

/// Gives the log ratio of two rates of events per exposure.
///
/// # Formula
/// ```text
/// ln(x₁/t₁) − ln(x₂/t₂)      1/x₁ + 1/x₂
/// ```
///
/// # Errors
/// [`EffectSizeError`] when there are no events in a group or an exposure is not positive and finite.
///
/// # Examples
/// ```
/// let effect = stats::log_rate_ratio(9, 413.0, 19, 398.0)?;
/// assert!((effect.estimate + 0.784_209_989_507).abs() < 1e-11);
/// # Ok::<(), stats::EffectSizeError>(())
/// ```
///
/// # References
/// Rothman & Greenland (1998), Modern Epidemiology, second edition, chapter 14.
pub fn log_rate_ratio(
    first_events: u64,
    first_exposure: f64,
    second_events: u64,
    second_exposure: f64,
) -> Result<EffectSize, EffectSizeError> {
    positive(first_exposure)?;
    positive(second_exposure)?;
    if first_events == 0 || second_events == 0 {
        return Err(EffectSizeError::EmptyCell);
    }
    let (one, other) = (first_events as f64, second_events as f64);
    let estimate = libm::log(one / first_exposure) - libm::log(other / second_exposure);
    Ok(EffectSize { estimate, variance: 1.0 / one + 1.0 / other })
}

/// Gives the log ratio of two means.
///
/// # Formula
/// ```text
/// ln(m₁/m₂)      s₁²/(n₁m₁²) + s₂²/(n₂m₂²)
/// ```
///
/// # Errors
/// [`EffectSizeError`] when a mean, a standard deviation or a count is not positive and finite.
///
/// # Use with care
/// Slightly biased where a mean is uncertain; [`log_ratio_of_means_corrected`] is not. Software differs in which of the
/// two it gives.
///
/// # Examples
/// ```
/// use stats::Summary;
/// let first = Summary { count: 155, mean: 55.0, standard_deviation: 47.0 };
/// let second = Summary { count: 156, mean: 75.0, standard_deviation: 64.0 };
/// assert!((stats::log_ratio_of_means(first, second)?.estimate + 0.310_154_928_304).abs() < 1e-11);
/// # Ok::<(), stats::EffectSizeError>(())
/// ```
///
/// # References
/// Hedges, Gurevitch & Curtis (1999), Ecology 80, 1150–1156.
pub fn log_ratio_of_means(first: Summary, second: Summary) -> Result<EffectSize, EffectSizeError> {
    let (one, other) = (relative_variance(first)?, relative_variance(second)?);
    Ok(EffectSize { estimate: libm::log(first.mean / second.mean), variance: one + other })
}

/// Gives the log ratio of two means, less its bias to second order.
///
/// # Formula
/// ```text
/// ln(m₁/m₂) + ½ (s₁²/(n₁m₁²) − s₂²/(n₂m₂²))      variance as for `log_ratio_of_means`
/// ```
///
/// # Errors
/// As for [`log_ratio_of_means`].
///
/// # Examples
/// ```
/// use stats::Summary;
/// let first = Summary { count: 155, mean: 55.0, standard_deviation: 47.0 };
/// let second = Summary { count: 156, mean: 75.0, standard_deviation: 64.0 };
/// assert!((stats::log_ratio_of_means_corrected(first, second)?.estimate + 0.310_133_192_941).abs() < 1e-11);
/// # Ok::<(), stats::EffectSizeError>(())
/// ```
///
/// # References
/// Lajeunesse (2015), Ecology 96, 2056–2063.
pub fn log_ratio_of_means_corrected(first: Summary, second: Summary) -> Result<EffectSize, EffectSizeError> {
    let plain = log_ratio_of_means(first, second)?;
    let bias = 0.5 * (relative_variance(first)? - relative_variance(second)?);
    Ok(EffectSize { estimate: plain.estimate + bias, ..plain })
}

/// Gives the difference of two means in units of their common standard deviation, corrected for few measurements.
///
/// # Formula
/// ```text
/// g = J(m) (m₁ − m₂)/s      s² = ((n₁ − 1)s₁² + (n₂ − 1)s₂²)/m,  m = n₁ + n₂ − 2
/// J(m) = Γ(m/2) / (√(m/2) Γ((m − 1)/2))      variance 1/n₁ + 1/n₂ + g²/(2(n₁ + n₂))
/// ```
///
/// # Errors
/// [`EffectSizeError`] when a mean is not finite, a standard deviation not positive and finite, or a group has fewer
/// than two measurements.
///
/// # Examples
/// ```
/// use stats::Summary;
/// let first = Summary { count: 155, mean: 55.0, standard_deviation: 47.0 };
/// let second = Summary { count: 156, mean: 75.0, standard_deviation: 64.0 };
/// assert!((stats::standardised_mean_difference(first, second)?.estimate + 0.355_169_640_940).abs() < 1e-9);
/// # Ok::<(), stats::EffectSizeError>(())
/// ```
///
/// # References
/// Hedges (1981), Journal of Educational Statistics 6, 107–128.
pub fn standardised_mean_difference(first: Summary, second: Summary) -> Result<EffectSize, EffectSizeError> {
    for group in [first, second] {
        positive(group.standard_deviation)?;
        if !group.mean.is_finite() {
            return Err(EffectSizeError::Mean { mean: group.mean });
        }
    }
    if first.count < 2 || second.count < 2 {
        return Err(EffectSizeError::TooSmall { first: first.count, second: second.count });
    }
    let (n1, n2) = (first.count as f64, second.count as f64);
    let freedom = n1 + n2 - 2.0;
    let squares = |group: Summary, n: f64| (n - 1.0) * group.standard_deviation * group.standard_deviation;
    let deviation = positive(((squares(first, n1) + squares(second, n2)) / freedom).sqrt())?;
    let half = 0.5 * freedom;
    let correction = libm::exp(libm::lgamma(half) - libm::lgamma(half - 0.5)) / half.sqrt();
    let estimate = correction * (first.mean - second.mean) / deviation;
    Ok(EffectSize { estimate, variance: 1.0 / n1 + 1.0 / n2 + estimate * estimate / (2.0 * (n1 + n2)) })
}

/// Events, subjects without, and all of a group.
fn cells(group: Proportion) -> Result<[f64; 3], EffectSizeError> {
    let Proportion { events, subjects } = group;
    let without = subjects.checked_sub(events).ok_or(EffectSizeError::MoreEventsThanSubjects { events, subjects })?;
    if subjects == 0 {
        return Err(EffectSizeError::EmptyCell);
    }
    Ok([events as f64, without as f64, subjects as f64])
}

/// The squared standard error of a mean over the squared mean.
fn relative_variance(group: Summary) -> Result<f64, EffectSizeError> {
    let ratio = positive(group.standard_deviation)? / positive(group.mean)?;
    Ok(ratio * ratio / positive(group.count as f64)?)
}

fn positive(value: f64) -> Result<f64, EffectSizeError> {
    if value > 0.0 && value.is_finite() { Ok(value) } else { Err(EffectSizeError::NotPositive { value }) }
}
