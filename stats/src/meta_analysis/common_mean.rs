//! The model of one mean, with sums that keep their digits when one weight dwarfs the rest.

use super::Effects;
use super::tau2::{Model, Spread};

/// Effects with one mean in common.
pub(super) struct CommonMean<'a> {
    effects: &'a Effects,
    /// Estimates about the most precise one: what it contributes to the weighted mean is then exactly nothing.
    centred: Vec<f64>,
    centre: f64,
}

/// A weighted mean and its variance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mean {
    pub(super) estimate: f64,
    pub(super) variance: f64,
}

impl<'a> CommonMean<'a> {
    pub(super) fn of(effects: &'a Effects) -> Self {
        let most_precise = effects.pairs().min_by(|one, other| one.1.total_cmp(&other.1));
        let centre = most_precise.map_or(0.0, |(estimate, _)| estimate);
        let centred = effects.estimates.iter().map(|estimate| estimate - centre).collect();
        Self { effects, centred, centre }
    }

    /// The mean at a variance between effects.
    pub(super) fn mean(&self, tau2: f64) -> Mean {
        let (sum, shift) = self.shift(&|variance| 1.0 / (variance + tau2));
        Mean { estimate: self.centre + shift, variance: 1.0 / sum }
    }

    /// The variance that a typical effect has on its own.
    pub(super) fn typical_variance(&self) -> f64 {
        self.freedom() / self.spread(&|variance| 1.0 / variance).trace
    }

    /// The sum of weights, and the weighted mean less the centre.
    fn shift(&self, weight: &impl Fn(f64) -> f64) -> (f64, f64) {
        let weighted = self.centred.iter().zip(&self.effects.variances);
        let (sum, moment) = weighted.fold((0.0, 0.0), |(sum, moment), (estimate, variance)| {
            let weight = weight(*variance);
            (sum + weight, moment + weight * estimate)
        });
        (sum, moment / sum)
    }

    /// For each effect, the weights of all others.
    fn others(weights: &[f64]) -> Vec<f64> {
        let mut others = vec![0.0; weights.len()];
        let mut before = 0.0;
        for (other, weight) in others.iter_mut().zip(weights) {
            *other = before;
            before += weight;
        }
        let mut after = 0.0;
        for (other, weight) in others.iter_mut().zip(weights).rev() {
            *other += after;
            after += weight;
        }
        others
    }
}

impl Model for CommonMean<'_> {
    fn count(&self) -> usize {
        self.effects.count()
    }

    fn freedom(&self) -> f64 {
        (self.effects.count() - 1) as f64
    }

    fn variances(&self) -> &[f64] {
        &self.effects.variances
    }

    fn spread(&self, weight: &impl Fn(f64) -> f64) -> Spread {
        let weights: Vec<f64> = self.effects.variances.iter().map(|variance| weight(*variance)).collect();
        let (sum, shift) = self.shift(weight);
        let mut spread = Spread::default();
        let mut moment = 0.0;
        for (estimate, weight) in self.centred.iter().zip(&weights) {
            let residual = estimate - shift;
            let score = weight * residual;
            spread.residual += score * residual;
            spread.square += score * score;
            spread.weight_sum += weight;
            spread.weight_square_sum += weight * weight;
            moment += weight * score;
        }
        let mean_score = moment / sum;
        for (estimate, weight) in self.centred.iter().zip(&weights) {
            let score = weight * (estimate - shift) - mean_score;
            spread.curvature += weight * score * score;
        }
        spread.trace = weights.iter().zip(Self::others(&weights)).map(|(weight, others)| weight * others).sum::<f64>();
        spread.trace /= sum;
        spread
    }

    fn trace_of(&self, weight: &impl Fn(f64) -> f64, factor: &impl Fn(f64) -> f64) -> f64 {
        let weights: Vec<f64> = self.effects.variances.iter().map(|variance| weight(*variance)).collect();
        let (sum, _) = self.shift(weight);
        let terms = weights.iter().zip(Self::others(&weights)).zip(&self.effects.variances);
        terms.map(|((weight, others), variance)| weight * others / sum * factor(*variance)).sum()
    }

    fn paired_trace(
        &self,
        weight: &impl Fn(f64) -> f64,
        left: &impl Fn(f64) -> f64,
        right: &impl Fn(f64) -> f64,
    ) -> f64 {
        let weights: Vec<f64> = self.effects.variances.iter().map(|variance| weight(*variance)).collect();
        let (sum, _) = self.shift(weight);
        let (mut own, mut between) = (0.0, 0.0);
        let (mut left_before, mut right_before) = (0.0, 0.0);
        for ((weight, others), variance) in weights.iter().zip(Self::others(&weights)).zip(&self.effects.variances) {
            let (left, right) = (left(*variance), right(*variance));
            let diagonal = weight * others / sum;
            own += diagonal * diagonal * left * right;
            let square = weight * weight;
            between += square * (right * left_before + left * right_before);
            left_before += square * left;
            right_before += square * right;
        }
        own + between / (sum * sum)
    }

    fn log_information(&self, weight: &impl Fn(f64) -> f64) -> f64 {
        libm::log(self.shift(weight).0)
    }

    fn log_design(&self) -> f64 {
        libm::log(self.effects.count() as f64)
    }
}
