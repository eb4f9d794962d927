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
mod covariates;
mod curves;
mod dealing;
mod design;
mod effect;
mod finding;
mod foreseen;
mod history;
mod rows;
mod series;
mod specification;
mod terms;
#[cfg(test)]
mod tests;

pub use adoption::{Adoption, practices};
pub use analysis::{Analysis, Weakness, analyse};
pub use baseline::{BaselineCheck, FrozenTerms, TermsFile, baseline_batch, changed, freeze};
pub use checks::{EventPoint, LeadCheck, LeftOutService, PlaceboDateCheck, PlaceboServiceCheck};
pub use design::{Cohort, Design, Place};
pub use effect::{EffectError, MetricEffect, UnitRow};
pub use finding::{FindError, Finding, MetricOutcome, find};
pub use foreseen::{Foreseen, foreseen};
pub use history::{History, Measure, ServiceWeeks, WeekCell};
pub use series::{SeriesCheck, SeriesPoint, SeriesView};
pub use specification::Specification;
pub use terms::{Others, Terms as FindingTerms, TermsError};
