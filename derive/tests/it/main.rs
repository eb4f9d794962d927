//! Tests of the derivation: literal tables against each SQL file, whole worlds through the lake, and properties.

mod arrivals;
mod slt;
mod worlds;
