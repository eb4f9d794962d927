//! Tests of the derivation: literal tables against each SQL file, small worlds through all of it, and the index of the
//! definitions' edge cases.

mod edge_cases;
mod findings;
mod readings;
mod slt;
mod stories;
mod world;
