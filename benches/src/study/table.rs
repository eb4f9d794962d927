//! The table of a study, as Markdown: one row a kind of world, three numbers a field, one for each metric.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::estimators::ESTIMATORS;
use super::run::{Cell, Plan};
use super::tally::{Count, Share, Tally};
use super::worlds::{METRICS, Spread, planted};

/// The most that a test at 5 % may err.
pub const MOST_ERRORS: f64 = 0.07;
/// Below this a test at 5 % is called conservative.
pub const CONSERVATIVE: f64 = 0.03;
/// The least that intervals at 95 % hold.
pub const LEAST_COVERAGE: f64 = 0.93;

const WRITTEN: &str = "writing to a text never fails";
/// The coverage in fewer worlds than these is told of none.
const FEWEST_WORLDS: u64 = 100;

/// What lies above the table.
const HEAD: &str = "\
| world | grade | worlds a cell | answered % | may conclude % | type-I error % | without the gate % | coverage % | power % | Welch % | \\|r\\| > 0.7 % | two-way % |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
";

/// The cells of one kind of world.
struct Row<'t> {
    name: &'t str,
    spread: Spread,
    /// `[metric][effect]`.
    tallies: Vec<Vec<&'t Tally>>,
}

/// The whole table and what misses its goal, for people.
#[must_use]
pub fn told(plan: &Plan, cells: &BTreeMap<Cell, Tally>) -> String {
    let mut text = HEAD.to_owned();
    let (mut misses, mut means) = (String::new(), String::new());
    for row in rows(plan, cells) {
        text += &row.line();
        misses += &row.misses();
        if row.spread == Spread::Various {
            let lowest = row.each(&|effects| lowest_of(effects, &of_mean));
            writeln!(means, "- {}: {lowest}", row.name).expect(WRITTEN);
        }
    }
    if !means.is_empty() {
        let title = "Where effects differ, lowest coverage of the mean that they were drawn around, %:";
        writeln!(text, "\n{title}\n{}", means.trim_end()).expect(WRITTEN);
    }
    let missed = if misses.is_empty() { "Nothing missed its goal.\n".to_owned() } else { format!("Missed:\n{misses}") };
    format!("{text}\n{missed}")
}

fn rows<'t>(plan: &'t Plan, cells: &'t BTreeMap<Cell, Tally>) -> Vec<Row<'t>> {
    let of = |(scenario, one): (usize, &'t super::worlds::Scenario)| {
        let of_metric = |metric: usize| {
            let effects = 0..planted(METRICS[metric].1).len();
            effects.map(|effect| cells.get(&Cell { scenario, metric, effect })).collect::<Option<Vec<_>>>()
        };
        Some(Row {
            name: &one.name,
            spread: one.spread,
            tallies: (0..METRICS.len()).map(of_metric).collect::<Option<_>>()?,
        })
    };
    plan.scenarios.iter().enumerate().filter_map(of).collect()
}

/// How often the default errs where nothing was planted, among worlds in which it may conclude.
#[must_use]
pub fn type_one(null: &Tally) -> Share {
    Share { count: null.counts[0].firm_found, of: null.counts[0].firm }
}

/// How often its limits hold the effect, among worlds in which it may conclude.
#[must_use]
pub fn coverage(tally: &Tally) -> Share {
    Share { count: tally.counts[0].firm_covered, of: tally.counts[0].firm }
}

impl Row<'_> {
    fn line(&self) -> String {
        let null = |of: &dyn Fn(&Tally) -> String| self.each(&|effects| of(effects[0]));
        let of_count = |place: usize, of: &dyn Fn(&Count) -> Share| {
            null(&|tally| tally.counts.get(place).map_or_else(String::new, |count| percent(of(count))))
        };
        let found = |count: &Count| Share { count: count.found, of: count.answered };
        let fields = [
            self.name.to_owned(),
            null(&grades),
            self.each(&|effects| {
                let (null, planted) = (effects[0].worlds, effects[1..].iter().map(|tally| tally.worlds).min());
                planted
                    .filter(|worlds| *worlds != null)
                    .map_or_else(|| null.to_string(), |worlds| format!("{null}, planted {worlds}"))
            }),
            null(&|tally| percent(Share { count: tally.counts[0].answered, of: tally.worlds })),
            null(&|tally| percent(Share { count: tally.counts[0].firm, of: tally.counts[0].answered })),
            null(&|tally| marked(type_one(tally))),
            of_count(0, &found),
            self.each(&|effects| lowest(effects)),
            self.each(&|effects| {
                let power = |tally: &&Tally| percent(Share { count: tally.counts[0].firm_found, of: tally.worlds });
                effects[1..].iter().map(power).collect::<Vec<_>>().join(" ")
            }),
            of_count(1, &found),
            of_count(2, &|count| Share { count: count.firm, of: count.answered }),
            of_count(ESTIMATORS.len() - 1, &found),
        ];
        format!("| {} |\n", fields.join(" | "))
    }

    /// One field of each metric; once where all are the same.
    fn each(&self, of: &dyn Fn(&[&Tally]) -> String) -> String {
        let all: Vec<String> = self.tallies.iter().map(|effects| of(effects)).collect();
        if all.iter().all(|one| *one == all[0]) { all[0].clone() } else { all.join(" / ") }
    }

    fn misses(&self) -> String {
        let mut text = String::new();
        for (effects, (metric, measure)) in self.tallies.iter().zip(METRICS) {
            let of = type_one(effects[0]);
            if of.is_above(MOST_ERRORS) {
                let (name, errs) = (self.name, percent(of));
                writeln!(text, "- {name}, {metric}: type-I error {errs} % of {} worlds", of.of).expect(WRITTEN);
            }
            for (tally, planted) in effects.iter().zip(planted(measure)) {
                let of = coverage(tally);
                if of.is_below(LEAST_COVERAGE) {
                    let (name, held) = (self.name, percent(of));
                    writeln!(text, "- {name}, {metric}, {planted:.3}: coverage {held} % of {} worlds", of.of)
                        .expect(WRITTEN);
                }
            }
        }
        text
    }
}

/// How often the default's limits hold the mean effect that was planted, whoever it fell on.
fn of_mean(tally: &Tally) -> Share {
    Share { count: tally.counts[0].covered_mean, of: tally.counts[0].answered }
}

fn lowest_share(effects: &[&Tally], of: &dyn Fn(&Tally) -> Share) -> Option<Share> {
    let shares = effects.iter().map(|tally| of(tally)).filter(|share| share.of >= FEWEST_WORLDS);
    shares.min_by(|a, b| a.value().unwrap_or(1.0).total_cmp(&b.value().unwrap_or(1.0)))
}

fn lowest_of(effects: &[&Tally], of: &dyn Fn(&Tally) -> Share) -> String {
    lowest_share(effects, of).map_or_else(|| "–".to_owned(), percent)
}

/// The lowest coverage of all effects; in parentheses that of intervals that are shown and conclude nothing.
fn lowest(effects: &[&Tally]) -> String {
    let shown = |tally: &Tally| Share { count: tally.counts[0].covered, of: tally.counts[0].answered };
    match lowest_share(effects, &coverage) {
        Some(share) if share.is_below(LEAST_COVERAGE) => percent(share) + " **!**",
        Some(share) => percent(share),
        None => format!("({})", lowest_of(effects, &shown)),
    }
}

fn marked(share: Share) -> String {
    let sign = match share.value() {
        Some(_) if share.is_above(MOST_ERRORS) => " **!**",
        Some(value) if value < CONSERVATIVE => " c",
        _ => "",
    };
    percent(share) + sign
}

fn percent(share: Share) -> String {
    share.value().map_or_else(|| "–".to_owned(), |value| format!("{:.1}", 100.0 * value))
}

/// The letters of the grades that were given, the most frequent first.
fn grades(tally: &Tally) -> String {
    let mut given: Vec<(u64, char)> =
        tally.grades.iter().copied().zip("ABCDE".chars()).filter(|(count, _)| *count > 0).collect();
    given.sort_unstable_by_key(|(count, _)| std::cmp::Reverse(*count));
    if given.is_empty() { "–".to_owned() } else { given.into_iter().map(|(_, letter)| letter).collect() }
}
