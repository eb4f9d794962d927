//! Did it help here: one dated change of working inside one organisation, on every metric of the criterion.
//!
//! ```text
//! observations ─► history (weeks of every service) ─┐
//! interventions ─► adoption (who, when) ─► design ──┴► effect per metric ─► checks ─► finding with its verdict
//! ```

mod adoption;
mod analysis;
mod baseline;
mod blocks;
mod checks;
mod design;
mod effect;
mod finding;
mod history;
mod rows;
mod series;
mod specification;
mod terms;
#[cfg(test)]
mod tests;

pub use adoption::{Adoption, practices};
pub use analysis::{Analysis, analyse};
pub use baseline::{BaselineCheck, FrozenTerms, TermsFile, baseline_batch, changed, freeze};
pub use checks::{EventPoint, LeadCheck, LeftOutService, PlaceboDateCheck};
pub use design::{Cohort, Design, Place};
pub use effect::{EffectError, MetricEffect, UnitRow};
pub use finding::{FindError, Finding, MetricOutcome, find};
pub use history::{History, Measure, ServiceWeeks, WeekCell};
pub use series::{SeriesCheck, SeriesPoint, SeriesView};
pub use specification::Specification;
pub use terms::{Terms as FindingTerms, TermsError};
