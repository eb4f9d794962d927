//! Random numbers of the distributions that worlds are made of.

use stats::Philox;

/// The most a Poisson number is counted to in one go.
const PART: f64 = 24.0;

/// A stream of draws.
pub(super) struct Draws {
    random: Philox,
    spare: Option<f64>,
}

impl Draws {
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        Self { random: Philox::new(seed, stream), spare: None }
    }

    /// Uniform within 0 and 1, both excluded.
    pub(super) fn unit(&mut self) -> f64 {
        self.random.unit().max(f64::EPSILON / 4.0)
    }

    /// Uniform between -1 and 1.
    pub(super) fn symmetric(&mut self) -> f64 {
        2.0 * self.unit() - 1.0
    }

    /// Standard normal (Marsaglia's polar method).
    pub(super) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (self.symmetric(), self.symmetric());
            let square = x * x + y * y;
            if square < 1.0 && square > 0.0 {
                let factor = (-2.0 * libm::log(square) / square).sqrt();
                self.spare = Some(y * factor);
                return x * factor;
            }
        }
    }

    /// Gamma with a shape and mean 1 (Marsaglia and Tsang 2000).
    pub(super) fn gamma(&mut self, shape: f64) -> f64 {
        let base = if shape < 1.0 { shape + 1.0 } else { shape };
        let d = base - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        let found = loop {
            let x = self.normal();
            let v = (1.0 + c * x) * (1.0 + c * x) * (1.0 + c * x);
            if v > 0.0 && libm::log(self.unit()) < 0.5 * x * x + d * (1.0 - v + libm::log(v)) {
                break d * v;
            }
        };
        let boost = if shape < 1.0 { libm::exp(libm::log(self.unit()) / shape) } else { 1.0 };
        found * boost / shape
    }

    /// Poisson, by inversion in parts.
    pub(super) fn poisson(&mut self, mean: f64) -> u64 {
        let (mut left, mut count) = (mean, 0);
        while left > 0.0 {
            let part = left.min(PART);
            left -= part;
            let mut probability = libm::exp(-part);
            let mut rest = self.unit() - probability;
            let mut number = 0_u64;
            // Beyond a thousand nothing is left but rounding.
            while rest > 0.0 && number < 1_000 {
                number += 1;
                probability *= part / number as f64;
                rest -= probability;
            }
            count += number;
        }
        count
    }

    /// How many of so many have a property.
    pub(super) fn binomial(&mut self, trials: u64, probability: f64) -> u64 {
        (0..trials).map(|_| u64::from(self.unit() < probability)).sum()
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few services")]
        let drawn = (self.unit() * bound as f64) as usize;
        drawn.min(bound.saturating_sub(1))
    }
}
