//! Random numbers that are a function of a seed, a stream and a position: no state is shared between streams.

use std::num::NonZeroU64;

#[cfg(test)]
mod tests;

/// The counter-based generator Philox 4×32 with 10 rounds.
///
/// # Model
/// Stream `s` of seed `k` is the sequence of 128-bit blocks `philox(counter = s·2⁶⁴ + i, key = k)`, `i = 0, 1, …`, each
/// read as two 64-bit numbers, low half first. Replicate `r` of a resampling plan uses stream `r`, so the draws of a
/// replicate depend neither on the other replicates nor on the thread that runs it.
///
/// # Formula
/// ```text
/// round:  (c₀, c₁, c₂, c₃) → (hi(M₁c₂) ⊕ c₁ ⊕ k₀, lo(M₁c₂), hi(M₀c₀) ⊕ c₃ ⊕ k₁, lo(M₀c₀))
/// key:    (k₀, k₁) → (k₀ + W₀, k₁ + W₁) before each round but the first
/// ```
/// `M₀ = D2511F53`, `M₁ = CD9E8D57`, `W₀ = 9E3779B9`, `W₁ = BB67AE85`, all modulo 2³².
///
/// # Use with care
/// Not for secrets.
///
/// # Examples
/// ```
/// let mut random = stats::Philox::new(0, 0);
/// assert_eq!(random.next_u64(), 0xe169_c58d_6627_e8d5);
/// assert_eq!(random.next_u64(), 0x9b00_dbd8_bc57_ac4c);
/// ```
///
/// # References
/// Salmon, Moraes, Dror & Shaw (2011), Parallel random numbers: as easy as 1, 2, 3, SC11. The example is the first
/// vector of its reference implementation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Philox {
    key: [u32; 2],
    stream: u64,
    block: u64,
    spare: Option<u64>,
}

impl Philox {
    /// The start of a stream of a seed.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        Self { key: halves(seed), stream, block: 0, spare: None }
    }

    /// Draws 64 uniform bits.
    pub fn next_u64(&mut self) -> u64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let ([a, b], [c, d]) = (halves(self.block), halves(self.stream));
        let [a, b, c, d] = philox([a, b, c, d], self.key);
        self.block = self.block.wrapping_add(1);
        self.spare = Some(joined(c, d));
        joined(a, b)
    }

    /// Draws a whole number below `bound`, each with the same probability.
    ///
    /// The high word of a 128-bit product, rejecting the draws that would favour some numbers (Lemire 2019, ACM
    /// Transactions on Modeling and Computer Simulation 29, 3).
    pub fn below(&mut self, bound: NonZeroU64) -> u64 {
        let bound = bound.get();
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            #[expect(clippy::cast_possible_truncation, reason = "the low and the high word are what is wanted")]
            let (low, high) = (product as u64, (product >> 64) as u64);
            // The rejected ones are fewer than `bound`: nearly always the division that counts them is not needed.
            if low >= bound || low >= bound.wrapping_neg() % bound {
                return high;
            }
        }
    }

    /// Draws from the multiples of 2⁻⁵³ in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.next_u64() >> 11) as f64 * STEP
    }
}

fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..10 {
        if round > 0 {
            key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
        }
        let [low0, high0] = halves(0xd251_1f53 * u64::from(counter[0]));
        let [low1, high1] = halves(0xcd9e_8d57 * u64::from(counter[2]));
        counter = [high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0];
    }
    counter
}

/// Low and high half.
fn halves(word: u64) -> [u32; 2] {
    #[expect(clippy::cast_possible_truncation, reason = "the low and the high half are what is wanted")]
    [word as u32, (word >> 32) as u32]
}

fn joined(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}
