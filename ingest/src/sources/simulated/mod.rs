//! A small organisation that never was, with numbers that are known: for a first look at a report, and as the
//! planted truth against which every derived number is tested.
//!
//! Services of different size (one over the rank), each with a repository: changes on a trunk (merge commits,
//! squashes, direct pushes), releases to staging and production, attempts that fail or are cancelled, redeploys,
//! changes of configuration, failures that are rolled back, hotfixed or otherwise mended, incidents that name
//! their cause or only coincide with it, outages that no change caused, and a few flawed records. Half of the
//! services adopt a practice on a day, with effects that the settings state. All of it is a pure function of the
//! settings; texts that people see start with `[simulated]`.
//!
//! [`world`] gives the pages and the [`Truth`]; the truth is told by the plan and not read back from the rows.

mod calendar;
mod config;
mod failure;
mod names;
mod organisation;
mod plan;
mod random;
mod tables;
#[cfg(test)]
mod tests;
mod truth;
mod world;

use async_trait::async_trait;

#[cfg(test)]
pub(crate) use tests::contract;
pub use config::{Config, Effects, StartDay};
pub use organisation::Planted;
pub use truth::{Counts, Episode, LeadTime, ServiceTruth, Truth};
pub use world::{EventPage, World, world};

use super::files::json_lines;
use crate::{Reading, Reporter, Sink, Source, SourceError, SourceErrorKind};

/// What this source reads.
pub const WHAT: &str = "A simulated organisation with known numbers, to try things out and to test them";

/// The tables it fills.
pub const FILLS: &[&str] =
    &["commits", "commit_paths", "changes", "change_commits", "deployments", "incidents", "interventions", "coverage"];

/// A simulated organisation as a source.
#[derive(Clone, Debug)]
pub struct Simulated {
    config: Config,
}

/// The source that these settings describe.
#[must_use]
pub fn open(config: Config) -> Simulated {
    Simulated { config }
}

fn stream(config: &Config) -> String {
    format!("simulated:{}", config.seed)
}

#[async_trait]
impl Source for Simulated {
    fn stream(&self) -> String {
        stream(&self.config)
    }

    fn fills(&self) -> &'static [&'static str] {
        FILLS
    }

    fn has_own_clock(&self) -> bool {
        true
    }

    fn is_snapshot(&self) -> bool {
        true
    }

    async fn read(
        &self,
        _reading: &Reading<'_>,
        sink: &mut Sink<'_>,
        reporter: &dyn Reporter,
    ) -> Result<(), SourceError> {
        if let Some(problem) = self.config.problem() {
            let doing = format!("could not simulate `{}`", self.stream());
            return Err(SourceError::new(doing, SourceErrorKind::Settings(problem)));
        }
        let world = world(&self.config);
        reporter.begin("simulating an organisation", Some(world.pages.len() as u64));
        for page in world.pages {
            let name = page.name();
            let rows = json_lines(page.table, &name, &page.content)?;
            let sha = sink.page(page.content);
            sink.record_batch(page.table, &rows, Some(&sha))?;
            reporter.advance(1);
        }
        for row in world.coverage {
            sink.coverage(row)?;
        }
        sink.set_cursor(world.as_of.to_string());
        Ok(())
    }
}
