//! An attack simulator: what lies do to a consensus, in worlds whose truth is known.
//!
//! ```text
//! organisations × liars × strategy × world × run ─► reports ─► the rule of `doracle consensus` ─► tally ─► table
//! ```
//! A run is drawn from nothing but the seed, its cell and its number, so that no number depends on threads.

pub mod coverage;
pub mod strategy;
#[cfg(test)]
mod tests;
pub mod world;

use std::num::NonZeroUsize;

use attribution::{CRITERION, Class, Margins, Scale, Terms, Verdict, decide};
use stats::Philox;

use self::strategy::Strategy;
use self::world::{Reports, World};

/// One cell: so many organisations, of which so many lie in one way, in one world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Enrolled organisations.
    pub enrolled: usize,
    /// How many the rule allows for, and how many lie.
    pub faults: usize,
    /// What liars do.
    pub strategy: Strategy,
    /// What is true.
    pub world: World,
}

/// What came of the runs of a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs.
    pub runs: u64,
    /// Runs that concluded something.
    pub conclusive: u64,
    /// Runs that were called better.
    pub improves: u64,
    /// Runs that were called worse.
    pub worsens: u64,
    /// Runs in which the hull concluded nothing and the trimmed view would have.
    pub disputed: u64,
    /// Runs with too few reports.
    pub insufficient: u64,
    /// Runs whose conclusion the intervals of the honest alone contradict.
    pub contradicted: u64,
    /// Metrics that were looked at, and those whose hull holds the truth.
    pub hulls: u64,
    /// Of them.
    pub hull_holds: u64,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            runs: self.runs + other.runs,
            conclusive: self.conclusive + other.conclusive,
            improves: self.improves + other.improves,
            worsens: self.worsens + other.worsens,
            disputed: self.disputed + other.disputed,
            insufficient: self.insufficient + other.insufficient,
            contradicted: self.contradicted + other.contradicted,
            hulls: self.hulls + other.hulls,
            hull_holds: self.hull_holds + other.hull_holds,
        }
    }
}

/// Which cells are run, and how often.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Numbers of organisations.
    pub enrolled: Vec<usize>,
    /// Runs of each cell.
    pub runs: u64,
    /// The seed.
    pub seed: u64,
    /// Threads.
    pub threads: NonZeroUsize,
}

impl Plan {
    /// Every cell: each number of organisations with each number of liars that may be, each strategy in each world. Without
    /// liars there is one strategy, which is none.
    #[must_use]
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for enrolled in &self.enrolled {
            for faults in 0..=(enrolled - 1) / 3 {
                for world in World::ALL {
                    let honest = [Strategy::Honest];
                    let ways: &[Strategy] = if faults == 0 { &honest } else { &Strategy::LIES };
                    cells.extend(ways.iter().map(|&strategy| Cell { enrolled: *enrolled, faults, strategy, world }));
                }
            }
        }
        cells
    }

    /// Runs every cell; `done` hears of each that is.
    ///
    /// # Panics
    /// Where a run does.
    pub fn run(&self, done: &(impl Fn() + Sync)) -> Vec<(Cell, Tally)> {
        let cells = self.cells();
        let own = |thread: usize| -> Vec<(usize, Tally)> {
            let mine = cells.iter().enumerate().skip(thread).step_by(self.threads.get());
            mine.map(|(number, cell)| {
                let found = self.tally(cell, number);
                done();
                (number, found)
            })
            .collect()
        };
        let own = &own;
        let parts: Vec<Vec<(usize, Tally)>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads.get()).map(|thread| scope.spawn(move || own(thread))).collect();
            threads.into_iter().map(|thread| thread.join().expect("a thread that ends")).collect()
        });
        let mut tallies: Vec<(usize, Tally)> = parts.into_iter().flatten().collect();
        tallies.sort_by_key(|(number, _)| *number);
        cells.into_iter().zip(tallies.into_iter().map(|(_, tally)| tally)).collect()
    }

    fn tally(&self, cell: &Cell, number: usize) -> Tally {
        (0..self.runs)
            .map(|run| once(cell, &mut Philox::new(self.seed.wrapping_add(number as u64), run)))
            .fold(Tally::default(), Tally::and)
    }
}

/// One run.
fn once(cell: &Cell, random: &mut Philox) -> Tally {
    let reports = cell.strategy.reports(cell, random);
    let terms = Terms { enrolled: Some(cell.enrolled), faults: Some(cell.faults), ..Terms::default() };
    let found = decide(&reports.effects(), &terms).expect("sound terms and some reports");
    let verdict = found.verdict.unwrap_or(Verdict::InsufficientData);
    let counted = |is_so: bool| u64::from(is_so);
    let hulls = found.metrics.iter().filter_map(|metric| Some((metric, metric.hull?)));
    let (mut seen, mut holds) = (0, 0);
    for (metric, hull) in hulls {
        let truth = cell.world.truth(&metric.metric);
        seen += 1;
        holds += counted(hull.low <= truth && truth <= hull.high);
    }
    Tally {
        runs: 1,
        conclusive: counted(verdict.is_conclusive()),
        improves: counted(verdict == Verdict::Improves),
        worsens: counted(verdict == Verdict::Worsens),
        disputed: counted(verdict == Verdict::Disputed),
        insufficient: counted(verdict == Verdict::InsufficientData),
        contradicted: counted(is_contradicted(&reports, verdict)),
        hulls: seen,
        hull_holds: holds,
    }
}

/// Whether intervals of the honest alone, as of organisations that trust one another, say the opposite of a conclusion.
fn is_contradicted(reports: &Reports, verdict: Verdict) -> bool {
    let margins = Margins::default();
    let classes: Vec<(Class, f64)> = CRITERION
        .iter()
        .enumerate()
        .filter_map(|(place, metric)| {
            let honest: Vec<f64> = reports.honest.iter().map(|report| report.estimates[place]).collect();
            let interval = stats::leave_out_hull(&honest, 0, 0.95).ok()?;
            Some((Class::of(interval.low, interval.high, margins.of(Scale::of(metric))), interval.high))
        })
        .collect();
    match verdict {
        Verdict::Improves => {
            classes.iter().any(|(class, _)| *class == Class::Inferior) || classes.iter().all(|(_, high)| *high < 0.0)
        }
        Verdict::KeepsUp => classes.iter().any(|(class, _)| *class == Class::Inferior),
        Verdict::Worsens => classes.iter().all(|(class, _)| matches!(class, Class::Superior | Class::NonInferior)),
        Verdict::Inconclusive | Verdict::InsufficientData | Verdict::Disputed => false,
    }
}

/// The table: cells of one strategy and world together, over all numbers of organisations and liars.
#[must_use]
pub fn told(found: &[(Cell, Tally)]) -> String {
    let head = "| liars | world | runs | concluded | improves | worsens | disputed | too few | contradicted | hull holds the truth |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    let mut rows = Vec::new();
    for strategy in std::iter::once(Strategy::Honest).chain(Strategy::LIES) {
        for world in World::ALL {
            let own = found.iter().filter(|(cell, _)| cell.strategy == strategy && cell.world == world);
            let tally = own.fold(Tally::default(), |sum, (_, tally)| sum.and(*tally));
            if tally.runs == 0 {
                continue;
            }
            let share = |count: u64, of: u64| {
                if of == 0 { "–".to_owned() } else { format!("{:.1} %", 100.0 * count as f64 / of as f64) }
            };
            rows.push(format!(
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                strategy.words(),
                world.words(),
                tally.runs,
                share(tally.conclusive, tally.runs),
                share(tally.improves, tally.runs),
                share(tally.worsens, tally.runs),
                share(tally.disputed, tally.runs),
                share(tally.insufficient, tally.runs),
                tally.contradicted,
                share(tally.hull_holds, tally.hulls),
            ));
        }
    }
    format!("{head}{}\n", rows.join("\n"))
}
