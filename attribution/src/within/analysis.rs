//! The main analysis of one metric: what decides, without what is only shown beside it.

use stats::Wald;

use super::adoption::Adoption;
use super::checks::{self, PlaceboDateCheck};
use super::design::{Design, FEWEST_POINTS};
use super::effect::{EffectError, UnitRow, estimate, sides};
use super::history::History;
use super::series::{self, SeriesEffect};
use super::terms::Terms;
use crate::DesignGrade;

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
    let held_back = held_back(grade, std::iter::once((history.metric.as_str(), main.series.is_some())));
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
    /// The series, where it is one that decides.
    pub(crate) series: Option<SeriesEffect>,
}

impl Main {
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
            Ok(Main { effect: found.wald, method: found.method, services: found.units, rows: found.rows, series: None })
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
    Main { effect: found.wald, method, services, rows: Vec::new(), series: Some(found) }
}

/// Why a design cannot carry what numbers of these metrics say, whatever that is; beside each metric whether one series is
/// behind it.
///
/// What a series says of its own error holds while it keeps its level. Where levels wander or a year has seasons, one series
/// finds effects that are not there in 10 to 60 % of worlds of the simulation study, and dates at which nothing happened do
/// not tell such a series from another.
pub(crate) fn held_back<'m>(grade: DesignGrade, metrics: impl Iterator<Item = (&'m str, bool)>) -> Option<String> {
    match grade {
        DesignGrade::A | DesignGrade::B | DesignGrade::C => {
            let weak: Vec<&str> = metrics.filter(|(_, is_series)| *is_series).map(|(metric, _)| metric).collect();
            (!weak.is_empty()).then(|| {
                format!(
                    "too few services stand beside one another for `{}`; one series less another describes, and concludes \
                     nothing, since a level that wanders by itself looks like an effect",
                    weak.join("`, `")
                )
            })
        }
        DesignGrade::D => Some(
            "without a control a series describes, and concludes nothing: a season or a level that wanders by itself looks \
             like an effect, and dates at which nothing happened do not tell it from one"
                .to_owned(),
        ),
        DesignGrade::E => Some(format!(
            "before and after without a control and with fewer than {FEWEST_POINTS} weeks a side describes, and \
             concludes nothing"
        )),
    }
}
