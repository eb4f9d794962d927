//! Table `inventory`.

use crate::{Instant, contract::table};

table! {
    /// Which chart, image or revision of which version ran where, and since when.
    inventory v 1, Event, key [application_id, target, kind, name, version, since_at], newest seen_at {
        /// Id of the application it is part of, unique across instances.
        application_id: String,
        /// Service it belongs to; null where no rule names one.
        service: Option<String>,
        /// Environment it runs in.
        environment: Option<String>,
        /// Cluster or region; empty where there is only one.
        target: String,
        /// Namespace on the target.
        namespace: Option<String>,
        /// `chart`, `image` or `git`.
        kind: String,
        /// Name of the chart, image or repository.
        name: String,
        /// Its version, tag or revision.
        version: String,
        /// Its digest, where known.
        digest: Option<String>,
        /// Since when, as far as the source says.
        since_at: Instant,
        /// `deployed` (the source states the time) or `first_seen` (it was there when somebody first looked).
        since_basis: String,
        /// When it was last seen.
        seen_at: Option<Instant>,
    }
}
