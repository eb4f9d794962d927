//! Going through all worlds: on several threads, taken up again from a file, and the same either way.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::estimators::ESTIMATORS;
use super::tally::Tally;
use super::worlds::{METRICS, Scenario, planted};

/// Worlds that are drawn and written down together.
pub const PART: u64 = 250;

/// What is gone through.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The kinds of worlds.
    pub scenarios: Vec<Scenario>,
    /// Worlds of each cell in which nothing is planted.
    pub replicates: u64,
    /// Worlds of each cell in which something is.
    pub planted_replicates: u64,
    /// The seed of everything.
    pub seed: u64,
    /// Threads.
    pub threads: usize,
    /// What the program is recognised by: tallies of another one are not taken up.
    pub code: String,
}

/// One scenario, one metric and one planted effect, by their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// In [`Plan::scenarios`].
    pub scenario: usize,
    /// In [`METRICS`].
    pub metric: usize,
    /// In [`planted`].
    pub effect: usize,
}

/// A line of the file from which work is taken up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    scenario: String,
    metric: String,
    effect: usize,
    seed: u64,
    code: String,
    first: u64,
    tally: Tally,
}

/// A part of a cell: replicates from `first` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    cell: Cell,
    first: u64,
    count: u64,
}

impl Plan {
    /// Every cell.
    #[must_use]
    pub fn cells(&self) -> Vec<Cell> {
        let of_scenario = |scenario: usize| {
            let metrics = METRICS.iter().enumerate();
            metrics.flat_map(move |(metric, (_, measure))| {
                (0..planted(*measure).len()).map(move |effect| Cell { scenario, metric, effect })
            })
        };
        (0..self.scenarios.len()).flat_map(of_scenario).collect()
    }

    /// How many worlds a cell has.
    fn worlds(&self, cell: Cell) -> u64 {
        if cell.effect == 0 { self.replicates } else { self.planted_replicates }
    }

    /// How many worlds there are in all.
    #[must_use]
    pub fn all_worlds(&self) -> u64 {
        self.cells().into_iter().map(|cell| self.worlds(cell)).sum()
    }

    fn parts(&self) -> Vec<Part> {
        let parts = |cell: Cell| {
            let worlds = self.worlds(cell);
            let starts = (0..worlds).step_by(usize::try_from(PART).unwrap_or(usize::MAX));
            starts.map(move |first| Part { cell, first, count: PART.min(worlds - first) })
        };
        self.cells().into_iter().flat_map(parts).collect()
    }

    fn tally(&self, part: Part) -> Tally {
        let scenario = &self.scenarios[part.cell.scenario];
        let planted = planted(METRICS[part.cell.metric].1)[part.cell.effect];
        let terms = scenario.terms();
        let mut tally = Tally::default();
        for replicate in part.first..part.first + part.count {
            let world = scenario.world(part.cell.metric, planted, self.seed, replicate);
            tally.add(planted, &ESTIMATORS.map(|estimator| estimator.ask(&world, &terms)));
        }
        tally
    }

    fn line(&self, part: Part, tally: Tally) -> Line {
        Line {
            scenario: self.scenarios[part.cell.scenario].name.clone(),
            metric: METRICS[part.cell.metric].0.to_owned(),
            effect: part.cell.effect,
            seed: self.seed,
            code: self.code.clone(),
            first: part.first,
            tally,
        }
    }

    /// What an earlier run left in a file: lines of this program and this seed that are whole.
    fn known(&self, resume: &Path) -> io::Result<BTreeMap<Part, Tally>> {
        let wanted: BTreeSet<Part> = self.parts().into_iter().collect();
        let mut known = BTreeMap::new();
        let file = match File::open(resume) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(known),
            Err(error) => return Err(error),
        };
        for text in BufReader::new(file).lines() {
            // The last line may be half of one.
            let Ok(line) = serde_json::from_str::<Line>(&text?) else { continue };
            let scenario = self.scenarios.iter().position(|one| one.name == line.scenario);
            let metric = METRICS.iter().position(|(name, _)| *name == line.metric);
            let (Some(scenario), Some(metric)) = (scenario, metric) else { continue };
            let cell = Cell { scenario, metric, effect: line.effect };
            let part = Part { cell, first: line.first, count: line.tally.worlds };
            if line.seed == self.seed && line.code == self.code && wanted.contains(&part) {
                known.insert(part, line.tally);
            }
        }
        Ok(known)
    }

    /// Goes through all worlds that `resume` does not know and adds them to it. `advance` is told the worlds of each part
    /// as it is done.
    ///
    /// # Errors
    /// [`io::Error`] where the file cannot be read or written.
    pub fn run(&self, resume: Option<&Path>, advance: &(dyn Fn(u64) + Sync)) -> io::Result<BTreeMap<Cell, Tally>> {
        let mut known = resume.map_or_else(|| Ok(BTreeMap::new()), |path| self.known(path))?;
        for part in known.keys() {
            advance(part.count);
        }
        let left: Vec<Part> = self.parts().into_iter().filter(|part| !known.contains_key(part)).collect();
        let open = |path: &Path| -> io::Result<File> {
            let mut file = OpenOptions::new().create(true).append(true).open(path)?;
            // What was cut off in the middle of a line stays a line of its own.
            file.write_all(b"\n")?;
            Ok(file)
        };
        let file = Mutex::new(resume.map(open).transpose()?);
        let next = AtomicUsize::new(0);
        let work = || -> io::Result<Vec<(Part, Tally)>> {
            let mut done = Vec::new();
            while let Some(part) = left.get(next.fetch_add(1, Ordering::Relaxed)) {
                let tally = self.tally(*part);
                if let Some(file) = file.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                    let line = serde_json::to_string(&self.line(*part, tally.clone()))?;
                    // One write, so that an end in the middle leaves whole lines before it.
                    file.write_all(format!("{line}\n").as_bytes())?;
                }
                advance(part.count);
                done.push((*part, tally));
            }
            Ok(done)
        };
        std::thread::scope(|scope| -> io::Result<()> {
            let threads: Vec<_> = (0..self.threads.max(1)).map(|_| scope.spawn(work)).collect();
            for thread in threads {
                known.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
            Ok(())
        })?;
        let mut cells: BTreeMap<Cell, Tally> = BTreeMap::new();
        // In the order of replicates, so that sums are the same however they were come by.
        for (part, tally) in &known {
            cells.entry(part.cell).or_default().and(tally);
        }
        Ok(cells)
    }
}
