//! The analyses that are tried on every world: the one that `doracle compare` runs, and what others do.

use attribution::{Analysis, DesignGrade, FindingTerms, Measure, WeekCell, analyse};
use stats::{Panel, PanelUnit, Wald};

use super::worlds::World;

/// The level of every test.
pub const LEVEL: f64 = 0.05;
/// A correlation that is called strong.
const STRONG: f64 = 0.7;

/// An analysis by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Estimator {
    /// What `doracle compare` runs: [`attribution::analyse`].
    Default,
    /// Welch's test on weeks before and weeks after of those that began.
    Welch,
    /// The correlation of those weeks with whether they come after.
    Pearson,
    /// Regression on services, periods, and whether a service had begun, clustered by service; rates as `log(x + 1)` of
    /// weeks, else blocks of four weeks.
    TwoWay,
}

/// All of them, in the order of tallies.
pub const ESTIMATORS: [Estimator; 4] = [Estimator::Default, Estimator::Welch, Estimator::Pearson, Estimator::TwoWay];

/// What one analysis says of one world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// The estimate, positive for better.
    pub estimate: f64,
    /// Its limits at level 0.95; none where the analysis gives none on this scale.
    pub limits: Option<[f64; 2]>,
    /// Whether it says that there is an effect.
    pub is_found: bool,
    /// Whether it may conclude, or calls a correlation strong.
    pub is_firm: bool,
    /// The grade of the design, for the default.
    pub grade: Option<DesignGrade>,
    /// The effect that its limits are meant to hold.
    pub truth: f64,
}

impl Estimator {
    /// Asks one world; `None` where there is no answer.
    #[must_use]
    pub fn ask(self, world: &World, terms: &FindingTerms) -> Option<Answer> {
        match self {
            Self::Default => by_default(world, terms),
            Self::Welch => welch(world),
            Self::Pearson => pearson(world),
            Self::TwoWay => two_way(world),
        }
    }
}

fn of_wald(wald: &Wald, truth: f64) -> Option<Answer> {
    let interval = wald.interval(1.0 - LEVEL).ok()?;
    let is_found = wald.p_two_sided().ok()? < LEVEL;
    let limits = Some([interval.low, interval.high]);
    Some(Answer { estimate: wald.estimate, limits, is_found, is_firm: true, grade: None, truth })
}

fn by_default(world: &World, terms: &FindingTerms) -> Option<Answer> {
    let Analysis { grade, effect, rows, held_back, .. } = analyse(&world.history, &world.adoption, terms).ok()?;
    let answer = of_wald(&effect, world.truth(&rows))?;
    Some(Answer { grade: Some(grade), is_firm: held_back.is_none(), ..answer })
}

/// A week of all that began at one date, oriented: the logarithm of the count, of the mean duration less, or the share less.
fn value(measure: Measure, cell: &WeekCell) -> Option<f64> {
    let count = (cell.count > 0).then_some(cell.count as f64)?;
    Some(match measure {
        Measure::Rate => libm::log(count),
        Measure::Duration => -cell.sum / count,
        Measure::Share => -(cell.marked as f64 / count),
    })
}

/// Weeks before and after of the first that began, all of them together.
fn weeks(world: &World) -> Option<[Vec<f64>; 2]> {
    let first = world.began.iter().flatten().min()?;
    let began = || world.began.iter().zip(&world.history.services).filter(|(week, _)| *week == &Some(*first));
    let at = |week: usize| began().fold(WeekCell::default(), |sum, (_, service)| sum.and(service.cells[week]));
    let side = |from: usize, to: usize| -> Option<Vec<f64>> {
        (from..to).map(|week| value(world.history.measure, &at(week))).collect()
    };
    let end = (first + world.window).min(world.history.weeks.len());
    Some([side(first.saturating_sub(world.window), *first)?, side(*first, end)?])
}

fn welch(world: &World) -> Option<Answer> {
    let [before, after] = weeks(world)?;
    of_wald(&stats::welch_difference(&after, &before).ok()?, world.planted)
}

fn pearson(world: &World) -> Option<Answer> {
    let [before, after] = weeks(world)?;
    let values: Vec<f64> = before.iter().chain(&after).copied().collect();
    let n = values.len() as f64;
    let (share, mean) = (after.len() as f64 / n, values.iter().sum::<f64>() / n);
    let both = after.iter().map(|value| value - mean).sum::<f64>();
    let squares = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
    let r = both / (squares * n * share * (1.0 - share)).sqrt();
    let t = r * ((n - 2.0) / (1.0 - r * r)).sqrt();
    let p = 2.0 * stats::student_t_upper_tail(t.abs(), n - 2.0).ok()?;
    let is_found = p < LEVEL;
    Some(Answer { estimate: r, limits: None, is_found, is_firm: r.abs() > STRONG, grade: None, truth: world.planted })
}

fn two_way(world: &World) -> Option<Answer> {
    let rate = world.history.measure == Measure::Rate;
    let length = if rate { 1 } else { 4 };
    let blocks = world.history.weeks.len() / length;
    let units = world.history.services.iter().zip(&world.began).map(|(service, began)| {
        let outcomes: Option<Vec<f64>> = (0..blocks)
            .map(|block| {
                let cell = service.between(block * length, (block + 1) * length);
                if rate { Some(libm::log1p(cell.count as f64)) } else { value(world.history.measure, &cell) }
            })
            .collect();
        Some(PanelUnit::new(outcomes?, began.map(|week| week.div_ceil(length))))
    });
    let panel = Panel::new(&units.collect::<Option<Vec<_>>>()?).ok()?;
    of_wald(&stats::two_way_fixed_effects(&panel).ok()?, world.planted)
}
