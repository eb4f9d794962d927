//! Tests of the derivation: literal tables against each SQL file, small worlds through all of it, what holds whatever the
//! records are, and the index of the definitions' edge cases.

mod edge_cases;
mod findings;
mod organisations;
mod profiles;
mod properties;
mod readings;
mod slt;
mod stories;
mod truth;
mod world;
