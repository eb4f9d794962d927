//! How many must agree.

/// What a number of enrolled parties bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quorum {
    /// How many may lie so that the rest can still agree on a set: `⌊(n − 1) / 3⌋`.
    pub faults: usize,
    /// How many may lie so that a median stays within honest values: `⌊(n − 1) / 2⌋`.
    pub median_faults: usize,
    /// How many must sign a set: `n − f`.
    pub size: usize,
    /// How many any two such groups share at least: `n − 2f`, of which at least one is honest.
    pub least_overlap: usize,
}

/// Gives what a number of enrolled parties bears.
///
/// # Formula
/// ```text
/// f = ⌊(n − 1) / 3⌋      quorum n − f      two quorums share at least n − 2f ≥ f + 1
/// ```
/// All are 0 for no parties.
///
/// # Examples
/// ```
/// let quorum = stats::quorum(10);
/// assert_eq!((quorum.faults, quorum.size, quorum.least_overlap), (3, 7, 4));
/// ```
///
/// # References
/// Pease, Shostak & Lamport (1980), Journal of the ACM 27, 228–234.
#[must_use]
pub fn quorum(enrolled: usize) -> Quorum {
    let others = enrolled.saturating_sub(1);
    let faults = others / 3;
    Quorum { faults, median_faults: others / 2, size: enrolled - faults, least_overlap: enrolled - 2 * faults }
}
