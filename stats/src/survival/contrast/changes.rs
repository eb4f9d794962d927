//! By how much the curves of treated units moved beyond those of others, at one date or several.

use std::collections::BTreeMap;

use super::clustered::area;
use super::{ContrastError, check_horizon};
use crate::bootstrap::draws;
use crate::count_effect::standard_deviation;
use crate::survival::bootstrap::{Placed, quantiles_of_sample};
use crate::survival::{KaplanMeier, check_probability};
use crate::wald::Wald;

#[cfg(test)]
mod tests;

/// Of so many replicates at most one may be without an answer.
const REPLICATES_FOR_A_FAILURE: usize = 20;
/// The four groups of a date: those treated and the others, each before and after.
const GROUPS: usize = 4;

/// One time to an event, of a unit that stands beside a date.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangedSubject {
    /// How long it took, or was followed.
    pub duration: f64,
    /// Whether the event was seen.
    pub observed: bool,
    /// The unit; it may stand beside several dates.
    pub unit: usize,
    /// The date.
    pub cohort: usize,
    /// Whether the unit took something up at that date.
    pub is_treated: bool,
    /// Whether it began after the date.
    pub is_after: bool,
}

impl ChangedSubject {
    fn group(&self) -> usize {
        2 * usize::from(!self.is_treated) + usize::from(self.is_after)
    }
}

/// What is read from a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CurveSummary {
    /// The mean time up to a horizon, in the unit of the durations.
    RestrictedMean {
        /// The horizon.
        horizon: f64,
    },
    /// The time by which the event has happened to this share.
    Quantile {
        /// The share.
        probability: f64,
    },
}

/// A ratio of ratios of restricted means or quantiles.
#[derive(Debug, Clone, PartialEq)]
pub struct CurveChange {
    /// Its logarithm, with a t distribution of as many degrees of freedom as there are units less their arms.
    pub log_ratio: Wald,
    /// Units that entered: those treated at some date, and those at none.
    pub units: [usize; 2],
    /// Whether others stood beside the treated; without them it is the ratio after over before of the treated.
    pub is_controlled: bool,
    /// How many replicates had no answer and were left out.
    pub failed_replicates: usize,
}

/// Compares how curves of treated units moved at a date with how those of others did.
///
/// # Model
/// Units are independent; times within a unit may depend on one another in any way. At each date the curve of an arm after
/// it is that before it, changed by what treatment did and by what all units had in common. Censoring is that of
/// [`KaplanMeier`] within each arm and side.
///
/// # Formula
/// ```text
/// θ = Σ_c n_c [ln s(treated, after) − ln s(treated, before) − ln s(others, after) + ln s(others, before)] / Σ_c n_c
/// ```
/// `s` is the restricted mean or the quantile of the curve of all subjects of an arm and a side at date `c`, `n_c` the number
/// of treated units there. Dates at which a group is empty are left out; where no date has others, their part is. The standard
/// error is the deviation of replicates, each of which draws the units that are treated anywhere from stream `2r` of the seed
/// and the rest from stream `2r + 1`. A replicate in which a curve does not give `s` is left out and counted.
///
/// # Errors
/// [`ContrastError::EmptyArm`] when nobody is treated on both sides, or too few units are there;
/// [`ContrastError::Horizon`] when a group was not followed to the horizon; [`ContrastError::NotReached`] when a curve does
/// not reach the quantile; [`ContrastError::FailedReplicates`] when more than one of twenty replicates has no answer.
///
/// # Use with care
/// Below about ten units in an arm the error is optimistic. Units with more subjects count for more.
///
/// # Examples
/// ```
/// use stats::{ChangedSubject, CurveSummary};
/// let subjects: Vec<ChangedSubject> = (0..480)
///     .map(|number| {
///         let (unit, is_after) = (number % 24, (number / 24) % 2 == 1);
///         let is_treated = unit < 12;
///         let hours = 1.0 + f64::from(u32::try_from(number * 7 % 31).unwrap_or(0));
///         let duration = if is_treated && is_after { hours / 2.0 } else { hours };
///         ChangedSubject { duration, observed: true, unit, cohort: 0, is_treated, is_after }
///     })
///     .collect();
/// let found = stats::curve_change(&subjects, CurveSummary::Quantile { probability: 0.5 }, 499, 1)?;
/// assert!(found.is_controlled && found.log_ratio.estimate < -0.3);
/// # Ok::<(), stats::ContrastError>(())
/// ```
///
/// # References
/// Royston & Parmar (2013), BMC Medical Research Methodology 13, 152 (restricted means). Davison & Hinkley (1997), Bootstrap
/// Methods and their Application, section 3.8 (drawing units). Cengiz, Dube, Lindner & Zipperer (2019), Quarterly Journal of
/// Economics 134, 1405–1454 (dates side by side).
pub fn curve_change(
    subjects: &[ChangedSubject],
    summary: CurveSummary,
    replicates: usize,
    seed: u64,
) -> Result<CurveChange, ContrastError> {
    // What cannot be fitted cannot be drawn from either.
    let (durations, observed): (Vec<f64>, Vec<bool>) =
        subjects.iter().map(|subject| (subject.duration, subject.observed)).unzip();
    KaplanMeier::fit(&durations, &observed)?;
    if let CurveSummary::Quantile { probability } = summary {
        check_probability(probability)?;
    }
    let dates = Groups::of(subjects)?;
    let ones = vec![1; dates.units.len()];
    let mut reader = Reader { summary, steps: Vec::new() };
    dates.check(&mut reader, &ones)?;
    let estimate = dates.effect(&mut reader, &ones).ok_or(ContrastError::Zero)?;
    let (mut drawn, mut counts) = (Vec::with_capacity(replicates), vec![0; dates.units.len()]);
    for number in 0..replicates {
        dates.draw(&mut counts, seed, number);
        drawn.extend(dates.effect(&mut reader, &counts));
    }
    let failed = replicates - drawn.len();
    if failed * REPLICATES_FOR_A_FAILURE > replicates {
        return Err(ContrastError::FailedReplicates { failed, replicates });
    }
    let error = standard_deviation(&mut drawn).ok_or(ContrastError::NoSpread)?;
    let [treated, others] = dates.arms();
    let arms = 1 + usize::from(others > 0);
    let freedom = (treated + others).saturating_sub(arms) as f64;
    let log_ratio = Wald::normal(estimate, error).ok_or(ContrastError::NoSpread)?.with_degrees_of_freedom(freedom);
    Ok(CurveChange {
        log_ratio,
        units: [treated, others],
        is_controlled: dates.is_controlled,
        failed_replicates: failed,
    })
}

/// Reads one number from the curve of a group.
struct Reader {
    summary: CurveSummary,
    steps: Vec<(f64, f64)>,
}

impl Reader {
    /// Its logarithm; `None` where the sample does not give it, or it is 0.
    fn read(&mut self, group: &[Placed], counts: &[usize]) -> Option<f64> {
        let value = match self.summary {
            CurveSummary::RestrictedMean { horizon } => area(group, counts, horizon),
            CurveSummary::Quantile { probability } => {
                let mut found = [None];
                quantiles_of_sample(group, counts, &[probability], &mut self.steps, &mut found);
                found[0]
            }
        };
        value.filter(|value| *value > 0.0).map(libm::log)
    }
}

/// One date: how many treated units it has, and its groups in order of time.
struct Date {
    weight: f64,
    groups: [Vec<Placed>; GROUPS],
}

/// Every date that says something, and the units that stand beside any.
struct Groups {
    dates: Vec<Date>,
    /// Whether each unit is treated anywhere.
    units: Vec<bool>,
    is_controlled: bool,
}

impl Groups {
    fn of(subjects: &[ChangedSubject]) -> Result<Self, ContrastError> {
        let mut by_date: BTreeMap<usize, [Vec<&ChangedSubject>; GROUPS]> = BTreeMap::new();
        for subject in subjects {
            by_date.entry(subject.cohort).or_default()[subject.group()].push(subject);
        }
        let holds = |groups: &[Vec<&ChangedSubject>; GROUPS], wanted: usize| {
            groups[..wanted].iter().all(|group| !group.is_empty())
        };
        let is_controlled = by_date.values().any(|groups| holds(groups, GROUPS));
        let wanted = if is_controlled { GROUPS } else { 2 };
        by_date.retain(|_, groups| holds(groups, wanted));
        let mut numbers: BTreeMap<usize, (usize, bool)> = BTreeMap::new();
        for subject in by_date.values().flat_map(|groups| groups[..wanted].iter().flatten()) {
            numbers.entry(subject.unit).or_default().1 |= subject.is_treated;
        }
        for (place, (number, _)) in numbers.values_mut().enumerate() {
            *number = place;
        }
        let dates = by_date.values().map(|groups| Date::of(&groups[..wanted], &numbers)).collect();
        let found = Self { dates, units: numbers.values().map(|(_, is_treated)| *is_treated).collect(), is_controlled };
        let [treated, controls] = found.arms();
        // Where everybody is treated in the end, those not yet treated are the others.
        if treated < 2 || controls == 1 {
            return Err(ContrastError::EmptyArm { treated, controls });
        }
        Ok(found)
    }

    /// Units that are treated anywhere, and the rest.
    fn arms(&self) -> [usize; 2] {
        let treated = self.units.iter().filter(|is_treated| **is_treated).count();
        [treated, self.units.len() - treated]
    }

    /// Tells why the data themselves have no answer.
    fn check(&self, reader: &mut Reader, ones: &[usize]) -> Result<(), ContrastError> {
        for (place, group) in self.dates.iter().flat_map(|date| date.groups.iter().enumerate()) {
            if group.is_empty() || reader.read(group, ones).is_some() {
                continue;
            }
            let longest = group.last().map_or(0.0, |subject| subject.time);
            return match reader.summary {
                CurveSummary::RestrictedMean { horizon } => {
                    check_horizon(horizon, longest).and(Err(ContrastError::Zero))
                }
                CurveSummary::Quantile { .. } if longest > 0.0 => {
                    Err(ContrastError::NotReached { is_treated: place < 2, exceeds: longest })
                }
                CurveSummary::Quantile { .. } => Err(ContrastError::Zero),
            };
        }
        Ok(())
    }

    fn effect(&self, reader: &mut Reader, counts: &[usize]) -> Option<f64> {
        let (mut sum, mut weights) = (0.0, 0.0);
        for Date { weight, groups } in &self.dates {
            let mut moved =
                |from: usize| Some(reader.read(&groups[from + 1], counts)? - reader.read(&groups[from], counts)?);
            let treated = moved(0)?;
            let others = if self.is_controlled { moved(2)? } else { 0.0 };
            sum += weight * (treated - others);
            weights += weight;
        }
        Some(sum / weights)
    }

    /// How often each unit is in a replicate.
    fn draw(&self, counts: &mut [usize], seed: u64, number: usize) {
        counts.fill(0);
        for (arm, wanted) in [true, false].into_iter().enumerate() {
            let own: Vec<usize> = (0..self.units.len()).filter(|unit| self.units[*unit] == wanted).collect();
            draws(own.len(), seed, 2 * number + arm).for_each(|chosen| counts[own[chosen]] += 1);
        }
    }
}

impl Date {
    fn of(groups: &[Vec<&ChangedSubject>], numbers: &BTreeMap<usize, (usize, bool)>) -> Self {
        let mut treated: Vec<usize> = groups[..2].iter().flatten().map(|subject| subject.unit).collect();
        treated.sort_unstable();
        treated.dedup();
        let placed = |place: usize| {
            let own = groups.get(place).into_iter().flatten();
            let mut own: Vec<Placed> = own
                .map(|subject| Placed {
                    time: subject.duration,
                    observed: subject.observed,
                    cluster: numbers[&subject.unit].0,
                })
                .collect();
            own.sort_unstable_by(|one, other| one.time.total_cmp(&other.time));
            own
        };
        Self { weight: treated.len() as f64, groups: std::array::from_fn(placed) }
    }
}
