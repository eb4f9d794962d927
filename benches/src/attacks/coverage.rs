//! Without liars: how often the intervals that stand beside the rule hold what they promise to.

use stats::{Philox, PooledMethod, Tau2Method, TrimmedError, pivotal_prediction_interval, pool, trimmed_mean_interval};

use super::Cell;
use super::strategy::Strategy;
use super::world::{Reports, World, normal};

/// How often intervals at 0.95 hold the truth, of so many runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Organisations.
    pub count: usize,
    /// Runs.
    pub runs: u64,
    /// Random effects, ad hoc.
    pub pooled: u64,
    /// The trimmed mean with Yuen's interval.
    pub trimmed: u64,
    /// The next organisation within the prediction interval.
    pub predicted: u64,
}

/// Runs worlds in which nothing happens and nobody lies, each with the metric that comes first.
///
/// # Panics
/// With fewer than seven organisations, of which too few would be left.
#[must_use]
pub fn held(count: usize, runs: u64, seed: u64) -> Held {
    let faults = (count - 1) / 3;
    let cell = Cell { enrolled: count + faults, faults, strategy: Strategy::Honest, world: World::Null };
    let mut held = Held { count, runs, ..Held::default() };
    for run in 0..runs {
        let mut random = Philox::new(seed.wrapping_add(count as u64), run);
        let reports = Reports::of_honest(&cell, &mut random);
        let estimates: Vec<f64> = reports.honest.iter().map(|report| report.estimates[0]).collect();
        let variances: Vec<f64> = reports.honest.iter().map(|report| report.errors[0] * report.errors[0]).collect();
        let within = |interval: stats::Interval, value: f64| u64::from(interval.low <= value && value <= interval.high);
        let pooled = pool(&estimates, &variances, Tau2Method::RestrictedLikelihood).expect("enough organisations");
        held.pooled += within(pooled.interval(PooledMethod::HartungKnappAdHoc, 0.95).expect("a level"), 0.0);
        let trimmed = trimmed_mean_interval(&estimates, faults, TrimmedError::Yuen, 0.95).expect("enough are left");
        held.trimmed += within(trimmed.interval, 0.0);
        let predicted = pivotal_prediction_interval(&estimates, &variances, 0.95).expect("enough organisations");
        // The true effect of one more.
        held.predicted += within(predicted, 0.05 * normal(&mut random));
    }
    held
}

/// The table.
#[must_use]
pub fn told(found: &[Held]) -> String {
    let head = "| organisations | runs | random effects, ad hoc | trimmed mean | next one predicted |\n\
                | ---: | ---: | ---: | ---: | ---: |\n";
    let row = |held: &Held| {
        let share = |count: u64| format!("{:.1} %", 100.0 * count as f64 / held.runs as f64);
        let (pooled, trimmed, predicted) = (share(held.pooled), share(held.trimmed), share(held.predicted));
        format!("| {} | {} | {pooled} | {trimmed} | {predicted} |", held.count, held.runs)
    };
    format!("{head}{}\n", found.iter().map(row).collect::<Vec<_>>().join("\n"))
}
