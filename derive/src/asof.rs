//! `ASOF JOIN`: beside each row of one relation the last row of another up to its instant, or the first from it on.
//!
//! ```sql
//! SELECT c.change_id, r.started_at
//! FROM (changes AS c ASOF JOIN runs AS r MATCH_CONDITION (r.started_at >= c.merged_at) ON r.service = c.service)
//! ```
//!
//! Every row of the left relation comes out once; where nothing matches, the columns of the right one are null. The
//! parentheses are what tells the planner, for the engine's own planner does not know the join yet. The match condition
//! compares one instant of each side by `>=`, `>`, `<=` or `<`; `ON` names pairs of columns that have to be equal and may
//! be missing. A null key or instant matches nothing. Of right rows with one key and one instant it is the greatest by
//! their other columns that counts when looking back, the least when looking ahead, so that their order never matters.
//!
//! The right relation is held in memory, sorted by key and instant; the left one streams past it in whatever order it
//! comes, each partition for itself, and nothing of it is sorted or kept.

mod exec;
mod index;
mod plan;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionContext;

/// The same session, which now understands `ASOF JOIN`.
pub(crate) fn with_asof_join(context: &SessionContext) -> SessionContext {
    let state = SessionStateBuilder::new_from_existing(context.state())
        .with_query_planner(Arc::new(plan::Planner))
        .with_relation_planners(vec![Arc::new(plan::Relations)])
        .build();
    SessionContext::new_with_state(state)
}

/// Which rows of the right relation match, seen from the instant of the left one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub(crate) enum Matching {
    /// The last at or before it.
    UpTo,
    /// The last before it.
    Before,
    /// The first at or after it.
    From,
    /// The first after it.
    After,
}
