//! Submissions: what one operator found, packed so that nobody has to believe it.
//!
//! ```text
//! lake ─► evidence (pseudonyms) ─► claim ─► package ─► signature ─► board
//!                                             │
//!                       fresh lake ◄─ evidence┘ ─► claim again ─► checks ─► evidence grade
//! ```
//!
//! A package is hostile input: it is bounded before it is read, and what it claims is derived again.

mod archive;
mod claim;
mod columns;
mod error;
mod evidence;
mod fingerprints;
mod hardware;
mod manifest;
mod packing;
mod parquet;
mod policy;
mod pseudonyms;
mod registry;
mod regularity;
mod signature;
mod standing;
mod verification;
mod withdrawal;
#[cfg(test)]
mod worlds;

pub use archive::{CLAIM, CONTENTS, Limits, MANIFEST, Package, SIGNATURE};
pub use claim::{Claim, differences, headline, shared_differences};
pub use error::SubmissionError;
pub use evidence::Evidence;
pub use fingerprints::{BoardKey, Overlap, Streams, coincidences, overlap};
pub use hardware::{HardwareClass, Minimum};
pub use manifest::{Derivation, Hardware, Manifest, Packed, Question, RunKind, TEMPLATE};
pub use packing::{Made, Packing};
pub use policy::{EVIDENCE, Policy, TablePolicy, policy_of};
pub use pseudonyms::{Clear, Pseudonyms, Salt};
pub use registry::{Operator, Registry};
pub use regularity::{Suspicion, regularities};
pub use signature::{NAMESPACE, PrivateKey, PublicKey, Signature, WITHDRAWAL_NAMESPACE};
pub use standing::Standing;
pub use verification::{Board, Check, Examined, Grade, Outcome, Verification, examine, verify};
pub use withdrawal::Withdrawal;
