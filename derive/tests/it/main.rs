//! Tests of the derivation: literal tables against each SQL file, and what holds whatever the records are.

mod properties;
mod slt;
mod truth;
mod world;
