//! Designs and verdicts: whether a change of working improved delivery.
//!
//! What stands here so far is the weakest design there is, a plain before and after, and it is named as such: grade E
//! describes and never concludes.

mod before_after;

pub use before_after::{Contrast, DesignGrade, Sides, before_after};
