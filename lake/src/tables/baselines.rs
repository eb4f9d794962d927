//! Table `baselines`.

use crate::{Instant, contract::table};

table! {
    /// What was known, and what was going to be asked, before something changed.
    baselines v 2, Derived, key [name] {
        /// Its name.
        name: String,
        /// When it was frozen.
        frozen_at: Instant,
        /// Lake version it was taken from, which maintenance keeps.
        lake_version: i64,
        /// Start of the period.
        period_start_at: Instant,
        /// End of the period, excluded.
        period_end_at: Instant,
        /// Services.
        services: Vec<String>,
        /// Definitions, as `id@version`.
        definitions: Vec<String>,
        /// Digest of every observation of the period.
        observations_digest: String,
        /// How many observations it holds.
        observation_count: i64,
        /// What was going to be asked, as TOML; null where nothing was fixed.
        terms: Option<String>,
        /// Its digest.
        terms_digest: Option<String>,
        /// What was weak about it when it was frozen.
        flaws: Vec<String>,
        /// The effects that half of the services against the rest would find four times in five, a metric a line; null where
        /// nothing could be foreseen.
        foreseen: Option<String>,
    }
}
