//! What several metrics read: one SQL file each in `views/`, computed once for all of them.

use datafusion::prelude::SessionContext;

use crate::DeriveError;

const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/views.rs"));

/// The names of all views, each of which holds rows of every unit.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// Computes every view and makes it a table under the name of its file. In the order of their names, so that one may
/// read those before it.
pub(crate) async fn register(context: &SessionContext) -> Result<(), DeriveError> {
    for (name, sql) in FILES {
        let failed = |error| DeriveError::query(name, error);
        let rows = context.sql(sql).await.map_err(failed)?.cache().await.map_err(failed)?;
        context.deregister_table(*name).map_err(failed)?;
        context.register_table(*name, rows.into_view()).map_err(failed)?;
    }
    Ok(())
}
