//! The main analysis of one metric: what decides, without what is only shown beside it.

use serde::Serialize;
use stats::Wald;

use super::adoption::Adoption;
use super::checks::{self, PlaceboDateCheck};
use super::design::{Design, FEWEST_POINTS};
use super::effect::{EffectError, EffectEstimate, UnitRow, estimate, sides};
use super::history::History;
use super::series::{self, SeriesEffect};
use super::terms::Terms;
use crate::DesignGrade;

/// Why one metric by itself concludes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weakness {
    /// Too few services stand beside one another: one series was followed.
    Series,
    /// Nobody stands beside those that began: the metric is a plain before and after.
    Uncontrolled,
}

/// What the main analysis says of one metric by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// What the design can carry.
    pub grade: DesignGrade,
    /// The effect with its error, positive for better.
    pub effect: Wald,
    /// How it was estimated.
    pub method: &'static str,
    /// Services that began, and others.
    pub services: [usize; 2],
    /// What entered, service by service; nothing where one series was followed.
    pub rows: Vec<UnitRow>,
    /// Why the numbers conclude nothing, whatever they are.
    pub held_back: Option<String>,
}

/// Analyses one metric as [`find`](super::find) does, and looks at nothing that does not decide.
///
/// # Errors
/// [`EffectError`] where too little is on record.
pub fn analyse(history: &History, adoption: &Adoption, terms: &Terms) -> Result<Analysis, EffectError> {
    let design = Design::of(history, adoption, terms);
    let main = main(history, &design)?;
    let grade = design.grade(terms.randomised, series::points_each_side(history, &design));
    let held_back = held_back(grade, std::iter::once((history.metric.as_str(), main.weakness())));
    let Main { effect, method, services, rows, .. } = main;
    Ok(Analysis { grade, effect, method, services, rows, held_back })
}

/// The effect that decides.
pub(crate) struct Main {
    /// Positive for better.
    pub(crate) effect: Wald,
    pub(crate) method: &'static str,
    /// Services that began, and others.
    pub(crate) services: [usize; 2],
    pub(crate) rows: Vec<UnitRow>,
    /// Whether anybody stood beside those that began.
    pub(crate) is_controlled: bool,
    /// The series, where it is one that decides.
    pub(crate) series: Option<SeriesEffect>,
}

impl Main {
    /// Why it concludes nothing by itself.
    pub(crate) fn weakness(&self) -> Option<Weakness> {
        match (&self.series, self.is_controlled) {
            (Some(_), _) => Some(Weakness::Series),
            (None, false) => Some(Weakness::Uncontrolled),
            (None, true) => None,
        }
    }

    /// The same analysis at dates at which nothing happened.
    pub(crate) fn placebo(&self, history: &History, design: &Design, terms: &Terms) -> Option<PlaceboDateCheck> {
        match &self.series {
            Some(series) => checks::placebo_dates_of_series(&series.before, terms),
            None => checks::placebo_dates(history, design, terms),
        }
    }
}

/// The effect by services or by one series, whichever this design asks for.
pub(crate) fn main(history: &History, design: &Design) -> Result<Main, EffectError> {
    // Without others, a series sees more than two sides: it knows the trend before.
    if !design.is_controlled
        && !design.is_staggered
        && let Ok(found) = series::series(history, design)
    {
        return Ok(of_series(design, found));
    }
    match estimate(history.measure, &sides(history, design)) {
        Ok(found) => {
            let EffectEstimate { wald: effect, method, units: services, is_controlled, rows } = found;
            Ok(Main { effect, method, services, rows, is_controlled, series: None })
        }
        Err(EffectError::Insufficient(told)) => match series::series(history, design) {
            Ok(found) if design.is_controlled => Ok(of_series(design, found)),
            Ok(_) => Err(EffectError::Insufficient(told)),
            Err(series) => Err(EffectError::Insufficient(format!("{told}; as a series, {series}"))),
        },
    }
}

fn of_series(design: &Design, found: SeriesEffect) -> Main {
    let method = if found.is_controlled {
        "one series less the others, level and slope before and after, AR(1) errors"
    } else {
        "one series, level and slope before and after, AR(1) errors"
    };
    let services = [design.treated(), design.names(false).len()];
    let is_controlled = found.is_controlled;
    Main { effect: found.wald, method, services, rows: Vec::new(), is_controlled, series: Some(found) }
}

/// Why a design cannot carry what numbers of these metrics say, whatever that is; beside each metric why it is weak by itself.
///
/// What a series says of its own error holds while it keeps its level. Where levels wander or a year has seasons, one series
/// finds effects that are not there in 10 to 60 % of worlds of the simulation study, and dates at which nothing happened do
/// not tell such a series from another.
pub(crate) fn held_back<'m>(
    grade: DesignGrade,
    metrics: impl Iterator<Item = (&'m str, Option<Weakness>)>,
) -> Option<String> {
    match grade {
        DesignGrade::A | DesignGrade::B | DesignGrade::C => {
            let all: Vec<(&str, Option<Weakness>)> = metrics.collect();
            let named = |weakness: Weakness| {
                let own = all.iter().filter(|(_, own)| *own == Some(weakness)).map(|(metric, _)| *metric);
                Some(own.collect::<Vec<_>>().join("`, `")).filter(|names| !names.is_empty())
            };
            let told = [
                named(Weakness::Uncontrolled).map(|names| {
                    format!(
                        "nobody stands beside those that began for `{names}`, which is then a plain before and after: a trend \
                         that all share looks like an effect"
                    )
                }),
                named(Weakness::Series).map(|names| {
                    format!(
                        "too few services stand beside one another for `{names}`; one series less another describes, and \
                         concludes nothing, since a level that wanders by itself looks like an effect"
                    )
                }),
            ];
            let told: Vec<String> = told.into_iter().flatten().collect();
            (!told.is_empty()).then(|| told.join("; "))
        }
        DesignGrade::D => Some(
            "without a control a series describes, and concludes nothing: a season or a level that wanders by itself looks \
             like an effect, and dates at which nothing happened do not tell it from one"
                .to_owned(),
        ),
        DesignGrade::E => Some(format!(
            "before and after without a control describes, and concludes nothing: services that began at different dates make no \
             one series, and a series has at least {FEWEST_POINTS} weeks a side"
        )),
    }
}
