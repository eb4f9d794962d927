//! Sums over those at risk at each event.

use std::cmp::Ordering;

use nalgebra::{DMatrix, DVector};

use super::{HazardError, HazardSubject, Ties};

/// The logarithm of a partial likelihood with its first and, negative, its second derivatives.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Likelihood {
    pub(super) value: f64,
    pub(super) score: DVector<f64>,
    pub(super) information: DMatrix<f64>,
}

/// The derivatives by coefficients that change over time.
pub(super) struct Changes {
    pub(super) score: DVector<f64>,
    /// `I_θβ`.
    pub(super) crossed: DMatrix<f64>,
    /// `I_θθ`.
    pub(super) squared: DMatrix<f64>,
}

/// Subjects in an order that does not depend on the caller's, with covariates of mean 0 and standard deviation 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    rows: Vec<Row>,
    scales: Vec<f64>,
    ties: Ties,
    cluster_count: usize,
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    stratum: u64,
    time: f64,
    observed: bool,
    covariates: DVector<f64>,
    cluster: usize,
}

/// Those at risk at one time of events, while the events happen one after the other.
struct AtEvent {
    /// The first row of this time, and the one after the last.
    rows: std::ops::Range<usize>,
    /// For each event: the sum of hazards, and the mean covariates.
    sums: Vec<(f64, DVector<f64>)>,
    /// The covariates' covariance, summed over the events.
    information: DMatrix<f64>,
}

impl AtEvent {
    /// The mean covariates of those at risk, averaged over the events.
    fn mean(&self) -> DVector<f64> {
        let columns = self.information.ncols();
        let sum = self.sums.iter().fold(DVector::zeros(columns), |sum, (_, mean)| sum + mean);
        sum / self.sums.len() as f64
    }
}

impl Problem {
    /// The subjects have passed their check.
    pub(super) fn of(subjects: &[HazardSubject], ties: Ties) -> Result<Self, HazardError> {
        let mut ordered: Vec<&HazardSubject> = subjects.iter().collect();
        ordered.sort_by(|one, other| canonical(one, other));
        let columns = ordered[0].covariates.len();
        let count = ordered.len() as f64;
        let (mut means, mut scales) = (Vec::new(), Vec::new());
        for covariate in 0..columns {
            let sum = |value: &dyn Fn(f64) -> f64| -> f64 {
                ordered.iter().map(|subject| value(subject.covariates[covariate])).sum()
            };
            let mean = sum(&|value| value / count);
            let scale = sum(&|value| (value - mean) / count * (value - mean)).sqrt();
            let largest = ordered.iter().map(|subject| subject.covariates[covariate].abs()).fold(0.0, f64::max);
            if !(scale > 1e-12 * largest && scale.is_finite()) {
                return Err(HazardError::Collinear { covariate });
            }
            means.push(mean);
            scales.push(scale);
        }
        let (numbers, cluster_count) = clusters(&ordered);
        let standard = |(covariate, value): (usize, &f64)| (value - means[covariate]) / scales[covariate];
        let row = |(subject, cluster): (&&HazardSubject, usize)| Row {
            stratum: subject.stratum,
            // Adding zero gives all zeros one sign.
            time: subject.duration + 0.0,
            observed: subject.observed,
            covariates: DVector::from_iterator(columns, subject.covariates.iter().enumerate().map(standard)),
            cluster,
        };
        let rows = ordered.iter().zip(numbers).map(row).collect();
        Ok(Self { rows, scales, ties, cluster_count })
    }

    pub(super) fn columns(&self) -> usize {
        self.scales.len()
    }

    /// The standard deviations of the covariates as they were given.
    pub(super) fn scales(&self) -> &[f64] {
        &self.scales
    }

    pub(super) fn clusters(&self) -> usize {
        self.cluster_count
    }

    pub(super) fn cluster_of_subject(&self) -> Vec<usize> {
        self.rows.iter().map(|row| row.cluster).collect()
    }

    pub(super) fn durations(&self) -> impl Iterator<Item = (f64, bool)> {
        self.rows.iter().map(|row| (row.time, row.observed))
    }

    /// How far apart the log hazards of two subjects are at most.
    pub(super) fn spread(&self, beta: &DVector<f64>) -> f64 {
        let hazards = || self.rows.iter().map(|row| row.covariates.dot(beta));
        hazards().fold(f64::NEG_INFINITY, f64::max) - hazards().fold(f64::INFINITY, f64::min)
    }

    /// `None` where a sum of hazards is 0 or not finite.
    pub(super) fn likelihood(&self, beta: &DVector<f64>) -> Option<Likelihood> {
        let columns = self.columns();
        let log_hazards = self.log_hazards(beta);
        let mut found =
            Likelihood { value: 0.0, score: DVector::zeros(columns), information: DMatrix::zeros(columns, columns) };
        self.at_events(&log_hazards, |event| {
            for place in event.rows.clone().filter(|place| self.rows[*place].observed) {
                found.value += log_hazards[place];
                found.score += &self.rows[place].covariates;
            }
            for (sum, mean) in &event.sums {
                found.value -= libm::log(*sum);
                found.score -= mean;
            }
            found.information += &event.information;
        });
        found.value.is_finite().then_some(found)
    }

    /// `[subjects, columns]`: what each subject adds to the score.
    pub(super) fn score_residuals(&self, beta: &DVector<f64>) -> DMatrix<f64> {
        let columns = self.columns();
        let log_hazards = self.log_hazards(beta);
        let mut events = Vec::new();
        self.at_events(&log_hazards, |event| events.push(event));
        events.sort_by_key(|event| event.rows.start);
        let mut residuals = DMatrix::zeros(self.rows.len(), columns);
        let (mut hazard, mut drawn) = (0.0, DVector::zeros(columns));
        let mut next = events.iter().peekable();
        let mut start = 0;
        #[expect(clippy::float_cmp, reason = "only times that are the same belong together")]
        for tied in self.rows.chunk_by(|one, other| one.stratum == other.stratum && one.time == other.time) {
            if start == 0 || self.rows[start].stratum != self.rows[start - 1].stratum {
                (hazard, drawn) = (0.0, DVector::zeros(columns));
            }
            // For those who have the event: all but the hazard of what is left of them while others go first.
            let (mut own_hazard, mut own_drawn, mut mean) = (hazard, drawn.clone(), None);
            if let Some(event) = next.next_if(|event| event.rows.start == start) {
                let count = event.sums.len() as f64;
                for (place, (sum, at_risk)) in event.sums.iter().enumerate() {
                    let left = if self.ties == Ties::Efron { 1.0 - place as f64 / count } else { 1.0 };
                    own_hazard += left / sum;
                    own_drawn += at_risk * (left / sum);
                    hazard += 1.0 / sum;
                    drawn += at_risk / *sum;
                }
                mean = Some(event.mean());
            }
            for (place, row) in (start..).zip(tied) {
                let (hazard, drawn) = if row.observed { (own_hazard, &own_drawn) } else { (hazard, &drawn) };
                let mut residual = (&row.covariates * hazard - drawn) * -libm::exp(log_hazards[place]);
                if let Some(mean) = mean.as_ref().filter(|_| row.observed) {
                    residual += &row.covariates - mean;
                }
                residuals.row_mut(place).copy_from(&residual.transpose());
            }
            start += tied.len();
        }
        residuals
    }

    /// The derivatives by `θ` where coefficients are `β + θ g(t)`, at `θ = 0`; `shares` are `(t, g(t))`, ascending.
    pub(super) fn changes(&self, beta: &DVector<f64>, shares: &[(f64, f64)]) -> Changes {
        let columns = self.columns();
        let at = |time: f64| {
            let place = shares.partition_point(|(known, _)| *known < time);
            shares.get(place).map_or(0.0, |(_, share)| *share)
        };
        // The mean over events: the test does not depend on it, its rounding does.
        let events = self.rows.iter().filter(|row| row.observed);
        let (sum, count) = events.fold((0.0, 0.0), |(sum, count), row| (sum + at(row.time), count + 1.0));
        let mut found = Changes {
            score: DVector::zeros(columns),
            crossed: DMatrix::zeros(columns, columns),
            squared: DMatrix::zeros(columns, columns),
        };
        self.at_events(&self.log_hazards(beta), |event| {
            let share = at(self.rows[event.rows.start].time) - sum / count;
            let mean = event.mean();
            for place in event.rows.clone().filter(|place| self.rows[*place].observed) {
                found.score += (&self.rows[place].covariates - &mean) * share;
            }
            found.crossed += &event.information * share;
            found.squared += &event.information * (share * share);
        });
        found
    }

    /// `βᵀz` of each row, less the largest of its stratum, which cancels everywhere.
    fn log_hazards(&self, beta: &DVector<f64>) -> Vec<f64> {
        let mut log_hazards: Vec<f64> = self.rows.iter().map(|row| row.covariates.dot(beta)).collect();
        let mut start = 0;
        for stratum in self.rows.chunk_by(|one, other| one.stratum == other.stratum) {
            let own = &mut log_hazards[start..start + stratum.len()];
            let largest = own.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            for value in own {
                *value -= largest;
            }
            start += stratum.len();
        }
        log_hazards
    }

    /// Visits each time of events, in each stratum from the last to the first.
    fn at_events(&self, log_hazards: &[f64], mut visit: impl FnMut(AtEvent)) {
        let columns = self.columns();
        let mut end = self.rows.len();
        let mut at_risk = RiskSums::zeros(columns);
        #[expect(clippy::float_cmp, reason = "only times that are the same belong together")]
        while end > 0 {
            let last = &self.rows[end - 1];
            if self.rows.get(end).is_none_or(|after| after.stratum != last.stratum) {
                at_risk = RiskSums::zeros(columns);
            }
            let same = |row: &Row| row.stratum == last.stratum && row.time == last.time;
            let start = end - self.rows[..end].iter().rev().take_while(|row| same(row)).count();
            let mut leaving = RiskSums::zeros(columns);
            for (row, log_hazard) in self.rows[start..end].iter().zip(&log_hazards[start..end]) {
                let hazard = libm::exp(*log_hazard);
                at_risk.add(row, hazard);
                if row.observed {
                    leaving.add(row, hazard);
                    leaving.events += 1;
                }
            }
            if leaving.events > 0 {
                visit(at_risk.at_event(&leaving, start..end, self.ties));
            }
            end = start;
        }
    }
}

/// Sums of hazards, of covariates and of their products, by hazard.
struct RiskSums {
    events: usize,
    hazard: f64,
    covariates: DVector<f64>,
    products: DMatrix<f64>,
}

impl RiskSums {
    fn zeros(columns: usize) -> Self {
        Self { events: 0, hazard: 0.0, covariates: DVector::zeros(columns), products: DMatrix::zeros(columns, columns) }
    }

    fn add(&mut self, row: &Row, hazard: f64) {
        self.hazard += hazard;
        self.covariates.axpy(hazard, &row.covariates, 1.0);
        self.products.ger(hazard, &row.covariates, &row.covariates, 1.0);
    }

    fn at_event(&self, leaving: &Self, rows: std::ops::Range<usize>, ties: Ties) -> AtEvent {
        let columns = self.covariates.len();
        let (mut sums, mut information) = (Vec::new(), DMatrix::zeros(columns, columns));
        for event in 0..leaving.events {
            let gone = if ties == Ties::Efron { event as f64 / leaving.events as f64 } else { 0.0 };
            let hazard = self.hazard - gone * leaving.hazard;
            let mean = (&self.covariates - &leaving.covariates * gone) / hazard;
            information += (&self.products - &leaving.products * gone) / hazard - &mean * mean.transpose();
            sums.push((hazard, mean));
        }
        AtEvent { rows, sums, information }
    }
}

/// An order that knows nothing of the caller's: subjects that are equal in it are the same.
fn canonical(one: &HazardSubject, other: &HazardSubject) -> Ordering {
    let pairs = one.covariates.iter().zip(&other.covariates);
    one.stratum
        .cmp(&other.stratum)
        .then_with(|| one.duration.partial_cmp(&other.duration).unwrap_or(Ordering::Equal))
        .then_with(|| one.observed.cmp(&other.observed))
        .then_with(|| pairs.map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal))
        .then_with(|| one.cluster.cmp(&other.cluster))
}

/// The number of each subject's cluster: those with names in the order of names, then those without.
fn clusters(subjects: &[&HazardSubject]) -> (Vec<usize>, usize) {
    let mut names: Vec<u64> = subjects.iter().filter_map(|subject| subject.cluster).collect();
    names.sort_unstable();
    names.dedup();
    let mut count = names.len();
    let mut number = |subject: &&HazardSubject| {
        if let Some(name) = subject.cluster {
            return names.partition_point(|known| *known < name);
        }
        count += 1;
        count - 1
    };
    let numbers = subjects.iter().map(&mut number).collect();
    (numbers, count)
}
