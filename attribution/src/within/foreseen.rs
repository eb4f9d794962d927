//! What a comparison could find, told before anything changes: by how services differed in their changes at a date at which
//! nothing happened.

use derive::Observations;
use serde::Serialize;
use stats::Wald;

use super::effect::{estimate, sides_of};
use super::history::History;
use super::terms::Terms;
use super::{Adoption, Design};
use crate::criterion::{CRITERION, Scale};

/// Fewer weeks than these on a side are no side.
const FEWEST_WEEKS: usize = 4;

/// What a comparison of one metric could find.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Foreseen {
    /// The metric.
    pub metric: String,
    /// The scale of the effect.
    pub scale: Scale,
    /// The effect that would be found four times in five; none where too little is on record.
    pub detectable: Option<f64>,
    /// The margin that it has to be below for "not worse" to be concluded as often.
    pub margin: f64,
    /// Services that would begin, and others.
    pub services: [usize; 2],
    /// Weeks on each side.
    pub weeks: usize,
}

impl std::fmt::Display for Foreseen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [began, others] = self.services;
        let size = |effect: f64| match self.scale {
            Scale::LogRatio => format!("a ratio of {:.2}", effect.exp()),
            Scale::Difference => format!("{:.1} points", 100.0 * effect),
        };
        match self.detectable {
            Some(detectable) => write!(
                f,
                "{}: {} would be found four times in five, {began} services against {others} over {} weeks a side; the \
                 margin is {}",
                self.metric,
                size(detectable),
                self.weeks,
                size(self.margin)
            ),
            None => write!(f, "{}: too little is on record to say what could be found", self.metric),
        }
    }
}

/// What could be found if half of the services began and the rest did not, over as many weeks on each side as the terms
/// say, or as there are.
///
/// # Formula
/// The services' changes at the latest date that leaves the weeks on both sides have the standard deviation `s√n` of `n`
/// changes, where `s` is the standard error of their mean. With `n₁` against `n₀` services the effect that is found four times
/// in five is
/// ```text
/// (t(1 − α/2) + t(0.8)) · s √n √(1/n₁ + 1/n₀)      n − 2 degrees of freedom
/// ```
///
/// # Source
/// Bloom (1995), Evaluation Review 19, 547–556 (minimum detectable effects).
#[must_use]
pub fn foreseen(observations: &Observations, terms: &Terms) -> Vec<Foreseen> {
    let asked = |metric: &&&str| terms.metrics.is_empty() || terms.metrics.iter().any(|name| name == *metric);
    CRITERION.iter().filter(asked).map(|metric| of_metric(metric, observations, terms)).collect()
}

fn of_metric(metric: &str, observations: &Observations, terms: &Terms) -> Foreseen {
    let scale = Scale::of(metric);
    let none = Foreseen {
        metric: metric.to_owned(),
        scale,
        detectable: None,
        margin: terms.margins().of(scale),
        services: [0, 0],
        weeks: 0,
    };
    let Some(history) = History::of(metric, observations, terms) else { return none };
    let window = usize::try_from(terms.window_weeks).unwrap_or(usize::MAX).min(history.mature / 2);
    if window < FEWEST_WEEKS {
        return none;
    }
    // Everybody stands there as if having begun at one date, beside nobody.
    let date = history.mature - window;
    let began = history.services.iter().map(|service| (service.service.clone(), history.weeks[date].start)).collect();
    let design = Design::of(&history, &Adoption { began, ..Adoption::default() }, terms);
    let weeks = |_: &super::Place| ((date - window, date), (date, date + window));
    let found = estimate(history.measure, &sides_of(&history, &design, 7.0 * window as f64, &weeks));
    let Ok(found) = found else { return Foreseen { weeks: window, ..none } };
    let services = found.units[0];
    let half = services / 2;
    let detectable = detectable(&found.wald, services, [half, services - half], terms.alpha);
    Foreseen { detectable, services: [half, services - half], weeks: window, ..none }
}

fn detectable(mean: &Wald, services: usize, arms: [usize; 2], alpha: f64) -> Option<f64> {
    let degrees = services.checked_sub(2).filter(|left| *left >= 2)? as f64;
    let parts: f64 = arms.iter().map(|arm| 1.0 / *arm as f64).sum();
    let error = mean.standard_error * (services as f64 * parts).sqrt();
    let reach =
        stats::student_t_quantile(1.0 - alpha / 2.0, degrees).ok()? + stats::student_t_quantile(0.8, degrees).ok()?;
    Some(error * reach)
}
