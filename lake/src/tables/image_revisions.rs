//! Table `image_revisions`.

use crate::{Instant, contract::table};

table! {
    /// Which source commit an image was built from, and how that is known.
    image_revisions v 1, Event, key [image, method], newest resolved_at {
        /// The image as it was deployed: `name@digest`, else `name:tag`.
        image: String,
        /// Name of the image without tag and digest.
        name: String,
        /// Tag, where there was one.
        tag: Option<String>,
        /// Digest, where there was one.
        digest: Option<String>,
        /// Repository of the source; null where it could not be resolved.
        repository: Option<String>,
        /// Source commit, in full or as far as it is known; null where it could not be resolved.
        commit_sha: Option<String>,
        /// `annotation`, `label`, `revision_metadata`, `tag`, `rule`, or `unresolved`.
        method: String,
        /// How sure that is, 0 to 1.
        confidence: f64,
        /// When it was resolved, or last tried.
        resolved_at: Option<Instant>,
    }
}
