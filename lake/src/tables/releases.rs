//! Table `releases`.

use crate::{Instant, contract::table};

table! {
    /// One release as the version control system knows it: a tag at a commit. A tag that moved has one row per place.
    releases v 1, Event, key [repository, tag, commit_sha] {
        /// Repository of the tag.
        repository: String,
        /// Name of the tag.
        tag: String,
        /// Commit the tag points at, peeled.
        commit_sha: String,
        /// `annotated`, `lightweight`, or `unknown` where only the release itself was read.
        tag_kind: String,
        /// When the release was made: when it was published, else the tagger's time, or for a lightweight tag the commit's
        /// committer time.
        released_at: Instant,
        /// What `released_at` rests on: `published`, `tagger` or `committer`.
        released_at_basis: String,
        /// Version, as the release rule cut it out of the tag.
        version: String,
        /// Service, where the release rule names one.
        service: Option<String>,
        /// A pre-release (such as `-rc.1`).
        is_prerelease: bool,
        /// Matches the rule for releases to production.
        is_production: bool,
        /// The tag has since moved elsewhere.
        has_moved: bool,
    }
}
