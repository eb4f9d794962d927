//! Counter-based random numbers: every draw is a pure function of what it is for.
//!
//! A stream of draws is keyed by (seed, service, purpose, index) and runs `SplitMix64` from the mixed key, so that one
//! more draw for one rollout moves nothing in any other. Logarithm and exponential are the only functions
//! here that a platform may round differently; durations are whole seconds, which hides the last bit.

/// What a stream of draws is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    Adoption = 1,
    Candidate,
    Rollout,
    Change,
    Failure,
    Outage,
    Gap,
    Closed,
}

/// One stream of draws.
#[derive(Clone, Debug)]
pub(crate) struct Draws {
    state: u64,
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The output function of `SplitMix64` (Steele, Lea & Flood 2014).
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

impl Draws {
    pub(crate) fn new(seed: u64, service: usize, purpose: Purpose, index: usize) -> Self {
        let state = [service as u64, purpose as u64, index as u64]
            .into_iter()
            .fold(mix(seed.wrapping_add(GOLDEN)), |state, part| mix(state ^ mix(part.wrapping_add(GOLDEN))));
        Self { state }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// Uniform in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `[low, high)`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number in `[low, high)`; `low` where the range is empty.
    pub(crate) fn whole(&mut self, low: i64, high: i64) -> i64 {
        let width = u128::try_from(i128::from(high) - i128::from(low)).unwrap_or(0);
        let above = (u128::from(self.next()) * width) >> 64;
        low + i64::try_from(above).expect("it is less than the width of a range of such numbers")
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of `choices`, which are not empty.
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let at = self.whole(0, i64::try_from(choices.len()).expect("lists are short"));
        &choices[usize::try_from(at).expect("it is drawn from 0 on")]
    }

    /// Exponential with mean 1, by inversion.
    pub(crate) fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.unit())
    }

    /// Standard normal, by Marsaglia's polar method.
    fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (self.between(-1.0, 1.0), self.between(-1.0, 1.0));
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (-2.0 * libm::log(square) / square).sqrt();
            }
        }
    }

    /// Lognormal: its median, and the standard deviation of its logarithm.
    pub(crate) fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * libm::exp(sigma * self.normal())
    }

    /// Poisson, by counting exponential gaps.
    pub(crate) fn poisson(&mut self, mean: f64) -> usize {
        let (mut count, mut waited) = (0, self.exponential());
        while waited < mean {
            count += 1;
            waited += self.exponential();
        }
        count
    }
}
