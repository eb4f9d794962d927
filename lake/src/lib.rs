//! The contract between the rooms of `doracle`: every Arrow table we speak, and the store that keeps them.
//!
//! - [`tables`] has one file per table: its columns, units, key and meaning.
//! - [`Lake`] keeps them as Delta Lake tables in a folder or a bucket. A [`Batch`] reaches several tables or none:
//!   it is first a manifest on disk, then one commit per table, and a restart finishes what was begun.
//! - A [`Snapshot`] is a consistent reading of all tables at one lake version.
//! - [`canonical`] gives the one byte form in which two lakes can be compared.
//!
//! This crate knows no vendor and no metric, and it reads no clock: whoever writes says when.

pub mod canonical;
mod cell;
mod contract;
mod error;
mod store;
pub mod tables;

pub use cell::{Cell, Instant, InstantError};
pub use contract::{Column, Role, Table, TableRow, json_schema};
pub use error::LakeError;
pub use store::{
    AsOf, Batch, Committed, ExportedTable, Lake, Location, LocationError, Maintenance, Page, SetAside, Snapshot,
    VersionRow, WriteMode, replace,
};

/// The version of the layout on disk. A lake written by a newer layout is refused, never guessed at.
pub const LAYOUT_VERSION: u32 = 1;
