//! What is true, and what the honest find of it.

use std::collections::BTreeMap;

use attribution::{CRITERION, Effect, Scale};
use stats::Philox;

use super::Cell;

/// What is true of all organisations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// Nothing changes.
    Null,
    /// One metric gets worse by more than the margin, the others do not change.
    Harm,
    /// Every metric gets better.
    Better,
}

/// How much organisations differ in truth, as a deviation on the log scale.
const SPREAD: f64 = 0.05;
/// The standard errors of organisations.
const ERRORS: [f64; 2] = [0.03, 0.10];
/// Shares differ by so much less than logarithms do.
const OF_SHARES: f64 = 0.15;

impl World {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Null, Self::Harm, Self::Better];

    /// Its name.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Harm => "one metric worse",
            Self::Better => "all better",
        }
    }

    /// The true effect on a metric, positive for better.
    #[must_use]
    pub fn truth(self, metric: &str) -> f64 {
        let scale = scale(metric);
        match self {
            Self::Harm if metric == CRITERION[1] => -0.4,
            Self::Null | Self::Harm => 0.0,
            Self::Better => 0.3 * scale,
        }
    }
}

fn scale(metric: &str) -> f64 {
    if Scale::of(metric) == Scale::Difference { OF_SHARES } else { 1.0 }
}

/// What one organisation says.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Who.
    pub organisation: String,
    /// The effects on the metrics of the criterion.
    pub estimates: [f64; 4],
    /// Their standard errors.
    pub errors: [f64; 4],
}

/// Everything that is reported.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reports {
    /// Of the honest.
    pub honest: Vec<Report>,
    /// Of those that lie.
    pub lies: Vec<Report>,
}

impl Reports {
    /// What the honest of a cell find.
    pub fn of_honest(cell: &Cell, random: &mut Philox) -> Self {
        let honest = (0..cell.enrolled - cell.faults).map(|place| found(cell, &format!("honest {place:03}"), random));
        Self { honest: honest.collect(), lies: Vec::new() }
    }

    /// The effects as the rule takes them.
    #[must_use]
    pub fn effects(&self) -> Vec<Effect> {
        let all = self.honest.iter().chain(&self.lies).enumerate();
        let effect = |(number, report): (usize, &Report)| {
            (0..4)
                .map(|place| Effect {
                    name: format!("{number} {}", CRITERION[place]),
                    metric: CRITERION[place].to_owned(),
                    organisation: report.organisation.clone(),
                    estimate: report.estimates[place],
                    standard_error: report.errors[place],
                    moderators: BTreeMap::new(),
                })
                .collect::<Vec<_>>()
        };
        all.flat_map(effect).collect()
    }
}

/// What somebody finds who looks.
pub fn found(cell: &Cell, organisation: &str, random: &mut Philox) -> Report {
    let (mut estimates, mut errors) = ([0.0; 4], [0.0; 4]);
    for (place, metric) in CRITERION.iter().enumerate() {
        let scale = scale(metric);
        errors[place] = scale * (ERRORS[0] + (ERRORS[1] - ERRORS[0]) * random.unit());
        let spread = scale * SPREAD * normal(random);
        estimates[place] = cell.world.truth(metric) + spread + errors[place] * normal(random);
    }
    Report { organisation: organisation.to_owned(), estimates, errors }
}

/// A normal number, by inversion.
///
/// # Panics
/// Never: what is inverted lies strictly between 0 and 1.
pub fn normal(random: &mut Philox) -> f64 {
    let unit = random.unit().clamp(1e-12, 1.0 - 1e-12);
    stats::normal_quantile(unit).expect("strictly between 0 and 1")
}
