//! What liars do. Those that can look at what the honest say before they speak do.

use stats::Philox;

use super::Cell;
use super::world::{Report, Reports, World, found};

/// What liars do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// There are none.
    Honest,
    /// They say what is absurd.
    Extreme,
    /// They move what they found by the same amount, together.
    Shift,
    /// They say the most that some honest organisation says.
    JustInside,
    /// They repeat the one honest organisation that suits them best, to the last digit.
    Copycat,
    /// One of them speaks in the names of ten operators.
    Sybil,
    /// They say nothing.
    Silence,
    /// They say two things in two places, and both are put aside.
    Equivocation,
    /// They send the evidence of somebody else, which is found out, and put aside.
    Replayed,
    /// They send evidence that does not say what they claim, which is found out, and put aside.
    Tampered,
    /// They make up evidence that says what they claim, with a tiny error.
    Fabricated,
}

impl Strategy {
    /// The ways to lie.
    pub const LIES: [Self; 10] = [
        Self::Extreme,
        Self::Shift,
        Self::JustInside,
        Self::Copycat,
        Self::Sybil,
        Self::Silence,
        Self::Equivocation,
        Self::Replayed,
        Self::Tampered,
        Self::Fabricated,
    ];

    /// Its name.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Honest => "none",
            Self::Extreme => "absurd",
            Self::Shift => "shifted together",
            Self::JustInside => "just inside",
            Self::Copycat => "copycat",
            Self::Sybil => "many names",
            Self::Silence => "silent",
            Self::Equivocation => "two versions",
            Self::Replayed => "replayed evidence",
            Self::Tampered => "tampered evidence",
            Self::Fabricated => "fabricated evidence",
        }
    }

    /// What is reported, with whatever the checks before the rule put aside left out.
    pub fn reports(self, cell: &Cell, random: &mut Philox) -> Reports {
        let mut reports = Reports::of_honest(cell, random);
        // Where something is better they want to hide it, else to sell it.
        let sign = if cell.world == World::Better { -1.0 } else { 1.0 };
        let named = |place: usize| format!("liar {place:03}");
        let own: Vec<Report> = (0..cell.faults).map(|place| found(cell, &named(place), random)).collect();
        let best = |metric: usize| {
            let said = reports.honest.iter().map(|report| report.estimates[metric]);
            said.reduce(|a, b| if sign * a > sign * b { a } else { b }).unwrap_or(0.0)
        };
        reports.lies = match self {
            Self::Honest | Self::Silence | Self::Equivocation | Self::Replayed | Self::Tampered => Vec::new(),
            Self::Extreme => own.into_iter().map(|report| Report { estimates: [sign * 1e6; 4], ..report }).collect(),
            Self::Shift => moved(own, sign * 0.3, 1.0),
            Self::Fabricated => moved(own, sign * 0.6, 0.05),
            Self::JustInside => {
                own.into_iter().map(|report| Report { estimates: [0, 1, 2, 3].map(best), ..report }).collect()
            }
            Self::Copycat => {
                let sum = |report: &Report| sign * report.estimates.iter().sum::<f64>();
                let suits = reports.honest.iter().max_by(|a, b| sum(a).total_cmp(&sum(b))).cloned();
                let copy = |place: usize| suits.clone().map(|report| Report { organisation: named(place), ..report });
                (0..cell.faults).filter_map(copy).collect()
            }
            // Ten operators of one organisation are one vote; the other liars are as they were.
            Self::Sybil => {
                let mut all = moved(own, sign * 0.3, 1.0);
                let first = all.first().cloned();
                all.extend(first.into_iter().flat_map(|report| std::iter::repeat_n(report, 9)));
                all
            }
        };
        reports
    }
}

/// Every effect moved by so much, with errors so many times as large.
fn moved(reports: Vec<Report>, by: f64, errors: f64) -> Vec<Report> {
    let one = |report: Report| Report {
        // The last is a share.
        estimates: std::array::from_fn(|place| report.estimates[place] + if place == 3 { 0.15 * by } else { by }),
        errors: report.errors.map(|error| errors * error),
        ..report
    };
    reports.into_iter().map(one).collect()
}
