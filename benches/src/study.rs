//! A simulation study: how often the analyses that `doracle compare` runs err in worlds whose truth is known.
//!
//! ```text
//! scenario × metric × planted effect × replicate ─► world ─► every estimator ─► tally ─► table
//! ```
//! A world is a history as the analysis takes it, weeks by services, drawn from nothing but the seed, the cell and the number
//! of the replicate; so that no number depends on threads, on the order of work, or on where it was taken up again.

mod draws;
pub mod estimators;
pub mod run;
pub mod table;
pub mod tally;
#[cfg(test)]
mod tests;
pub mod worlds;
