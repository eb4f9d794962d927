//! The source against a GitHub that keeps to the contract, and one that does not.
