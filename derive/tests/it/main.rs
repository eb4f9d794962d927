//! Tests of the derivation: literal tables against each SQL file.

mod slt;
