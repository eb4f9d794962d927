//! Designs and verdicts: whether a change of working improved delivery.
//!
//! Inside one organisation there is so far the weakest design there is, a plain before and after, and it is named as such:
//! grade E describes and never concludes. Two arms of any other table
//! are compared by one regression that is named before looking. Across organisations, effects that were measured elsewhere are combined so that
//! no liar among them can buy the answer.

mod attempts;
mod before_after;
mod board;
mod claim;
mod comparison;
mod consensus;
mod criterion;
mod effects;
pub mod submission;
mod within;

pub use attempts::{
    AttemptError, ClusterShape, Event, Level, Line, Score, Subject, SubjectKind, Tier, judge as judge_attempt,
    read_log, score,
};
pub use before_after::{Contrast, DesignGrade, Sides, before_after};
pub use board::{
    About, Board, BoardClaim, BoardError, BoardFiles, BoardVerdict, Entry, Example, HistoryPoint, Report,
    SET_NAMESPACE, Standing, no_submission, of_submission, repository, set_statement,
};
pub use claim::{Claim, ClaimError, DeclaredLook, Setting};
pub use comparison::{ArmSummary, AtMargin, Cells, Comparison, ComparisonError, LeftOut, Question, View, compare};
pub use consensus::{
    AnyTime, Beside, BetweenLooks, Blocking, Consensus, ConsensusError, FEWEST, Heterogeneity, Limits, MetricConsensus,
    Reach, Replication, Slope, SmallStudies, Stratum, Terms, Vote, WithoutOne, consensus, decide, replications,
};
pub use criterion::{Bounds, CRITERION, Class, Margins, Scale, Verdict, judge};
pub use effects::{Effect, EffectTable, EffectsError, Stated, read_effects};
pub use within::{
    Adoption, Analysis, BaselineCheck, Cohort, Design, EffectError, EventPoint, FindError, Finding, FindingTerms,
    Foreseen, FrozenTerms, History, LeadCheck, LeftOutService, Measure, MetricEffect, MetricOutcome, Others, Place,
    PlaceboDateCheck, PlaceboServiceCheck, SeriesCheck, SeriesPoint, SeriesView, ServiceWeeks, Specification,
    TermsError, TermsFile, UnitRow, Weakness, WeekCell, analyse, baseline_batch, changed, find, foreseen, freeze,
    practices,
};
