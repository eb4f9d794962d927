//! Counts of what analyses said, and how sure such counts are.

use attribution::DesignGrade;
use serde::{Deserialize, Serialize};

use super::estimators::{Answer, ESTIMATORS};

/// What one analysis said in some worlds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Count {
    /// Worlds in which it gave an answer.
    pub answered: u64,
    /// Worlds in which it said that there is an effect.
    pub found: u64,
    /// Worlds in which its limits held the effect as it defines it.
    pub covered: u64,
    /// Worlds in which they held the mean effect that was planted.
    pub covered_mean: u64,
    /// Worlds in which it gave limits.
    pub limited: u64,
    /// Worlds in which it may conclude, or called a correlation strong.
    pub firm: u64,
    /// Of these, those in which it said that there is an effect.
    pub firm_found: u64,
    /// Of these, those in which its limits held the effect as it defines it.
    pub firm_covered: u64,
    /// The sum of its estimates less the effects that they are meant to be, in billionths: whole numbers are the same
    /// whichever way they are added up and written down.
    pub error: i64,
}

/// What all analyses said in some worlds of one cell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Worlds.
    pub worlds: u64,
    /// One for each of [`ESTIMATORS`].
    pub counts: [Count; ESTIMATORS.len()],
    /// Worlds by the grade of the default's design, A to E.
    pub grades: [u64; 5],
}

impl Count {
    /// Adds what it said of one world.
    pub fn add(&mut self, answer: &Answer) {
        let holds = |truth: f64, [low, high]: [f64; 2]| low <= truth && truth <= high;
        let is_covered = answer.limits.is_some_and(|limits| holds(answer.truth, limits));
        self.answered += 1;
        self.found += u64::from(answer.is_found);
        self.covered += u64::from(is_covered);
        self.limited += u64::from(answer.limits.is_some());
        self.firm += u64::from(answer.is_firm);
        self.firm_found += u64::from(answer.is_firm && answer.is_found);
        self.firm_covered += u64::from(answer.is_firm && is_covered);
        #[expect(clippy::cast_possible_truncation, reason = "an estimate of some units")]
        let error = (1e9 * (answer.estimate - answer.truth)) as i64;
        self.error += error;
    }

    fn and(&mut self, other: &Self) {
        self.answered += other.answered;
        self.found += other.found;
        self.covered += other.covered;
        self.covered_mean += other.covered_mean;
        self.limited += other.limited;
        self.firm += other.firm;
        self.firm_found += other.firm_found;
        self.firm_covered += other.firm_covered;
        self.error += other.error;
    }
}

impl Tally {
    /// Adds one world, with what each analysis said.
    pub fn add(&mut self, planted: f64, answers: &[Option<Answer>; ESTIMATORS.len()]) {
        self.worlds += 1;
        for (count, answer) in self.counts.iter_mut().zip(answers) {
            let Some(answer) = answer else { continue };
            count.add(answer);
            let holds = answer.limits.is_some_and(|[low, high]| low <= planted && planted <= high);
            count.covered_mean += u64::from(holds);
            if let Some(grade) = answer.grade {
                self.grades[place(grade)] += 1;
            }
        }
    }

    /// Adds another tally of the same cell.
    pub fn and(&mut self, other: &Self) {
        self.worlds += other.worlds;
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, other)| count.and(other));
        self.grades.iter_mut().zip(other.grades).for_each(|(count, other)| *count += other);
    }
}

fn place(grade: DesignGrade) -> usize {
    match grade {
        DesignGrade::A => 0,
        DesignGrade::B => 1,
        DesignGrade::C => 2,
        DesignGrade::D => 3,
        DesignGrade::E => 4,
    }
}

/// A share of worlds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// How many.
    pub count: u64,
    /// Of how many.
    pub of: u64,
}

impl Share {
    /// The share; `None` of no worlds.
    #[must_use]
    pub fn value(self) -> Option<f64> {
        (self.of > 0).then(|| self.count as f64 / self.of as f64)
    }

    /// Its standard error by the number of worlds, at the rate `at` that it is held against.
    #[must_use]
    pub fn error(self, at: f64) -> f64 {
        (at * (1.0 - at) / self.of.max(1) as f64).sqrt()
    }

    /// Whether it lies above a rate by more than two standard errors.
    #[must_use]
    pub fn is_above(self, rate: f64) -> bool {
        self.value().is_some_and(|value| value > rate + 2.0 * self.error(rate))
    }

    /// Whether it lies below a rate by more than two standard errors.
    #[must_use]
    pub fn is_below(self, rate: f64) -> bool {
        self.value().is_some_and(|value| value < rate - 2.0 * self.error(rate))
    }
}
