//! Designs and verdicts: whether a change of working improved delivery.
//!
//! Inside one organisation there is so far the weakest design there is, a plain before and after, and it is named as such:
//! grade E describes and never concludes. Across organisations, effects that were measured elsewhere are combined so that
//! no liar among them can buy the answer.

mod before_after;
mod consensus;
mod criterion;
mod effects;

pub use before_after::{Contrast, DesignGrade, Sides, before_after};
pub use consensus::{Blocking, Consensus, ConsensusError, FEWEST, Limits, MetricConsensus, Terms, Vote, consensus};
pub use criterion::{Bounds, CRITERION, Class, Margins, Scale, Verdict, judge};
pub use effects::{Effect, EffectTable, EffectsError, read_effects};
