//! Commits, changes and releases from a clone of a git repository.
//!
//! A clone knows who changed what and when, and which commits carry a tag. With a rule that says which tags are
//! releases to production, that is enough for deployment frequency and lead time where nothing else is recorded. It does
//! not know of failures, of pull requests that were squashed away, nor of anything after it was last fetched; what it
//! cannot know is null or stands in `coverage`.
//!
//! - `program` is the only place that starts git; `scratch` keeps the clone's own settings out of the way.
//! - `clone` finds references, boundary and default branch; `walk` reads commits and tags into a `graph`.
//! - `history` makes changes of commits; `releases` and `tags` make releases of tags.
//! - `paths` and `patches` look into trees and files; `rows` and `coverage` make rows of it all.

mod clone;
mod commits;
mod config;
mod coverage;
mod feed;
mod graph;
mod history;
mod ident;
mod oid;
mod patches;
mod paths;
mod prerelease;
mod program;
mod reading;
mod releases;
mod rows;
mod scratch;
mod tags;
#[cfg(test)]
mod tests;
mod walk;

use async_trait::async_trait;

pub use config::Config;
pub(super) use prerelease::is_prerelease;
#[cfg(test)]
pub(crate) use tests::contract;

use crate::{Reading, Reporter, Sink, Source, SourceError};

/// What this source is.
pub const WHAT: &str = "Reads commits, changes and release tags from a clone of a git repository.";

/// The tables it may fill.
pub const FILLS: &[&str] =
    &["commits", "commit_paths", "changes", "change_commits", "releases", "deployments", "coverage"];

/// How many pieces wait for the sink before the reading thread does.
const PIECES_WAITING: usize = 4;

/// The source that these settings describe. Nothing is read before [`Source::read`].
#[must_use]
pub fn open(config: Config) -> GitSource {
    GitSource { config }
}

/// A clone of a git repository.
#[derive(Clone, Debug)]
pub struct GitSource {
    config: Config,
}

#[async_trait]
impl Source for GitSource {
    fn stream(&self) -> String {
        format!("git:{}", self.config.repository())
    }

    fn fills(&self) -> &'static [&'static str] {
        FILLS
    }

    fn is_snapshot(&self) -> bool {
        true
    }

    async fn read(
        &self,
        reading: &Reading<'_>,
        sink: &mut Sink<'_>,
        reporter: &dyn Reporter,
    ) -> Result<(), SourceError> {
        let (sender, mut steps) = tokio::sync::mpsc::channel(PIECES_WAITING);
        let (config, cursor) = (self.config.clone(), reading.cursor.map(str::to_owned));
        let feed = feed::Feed::new(sender).at(sink.present());
        let thread = tokio::task::spawn_blocking(move || reading::read(&config, cursor.as_deref(), &feed));
        let mut refused = Ok(());
        while let Some(step) = steps.recv().await {
            refused = step.hand_over(sink, reporter);
            if refused.is_err() {
                break;
            }
        }
        // The thread notices that nobody listens any more and ends.
        drop(steps);
        match thread.await {
            Ok(read) => refused.and(read),
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(cancelled) => Err(SourceError::new(
                    format!("could not read `{}`", self.stream()),
                    crate::SourceErrorKind::Program(cancelled.to_string()),
                )),
            },
        }
    }
}
