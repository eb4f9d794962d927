//! `doracle sql`: a question to the lake. Reads only.

use anyhow::{Context, Result};
use datafusion::execution::context::SQLOptions;
use derive::Plan;
use lake::{AsOf, Lake};

use crate::cli::{Global, SqlArguments};
use crate::exit::{Outcome, UsageError};
use crate::settings::Layered;
use crate::table_output;
use crate::terminal::Terminal;

pub(crate) async fn run(terminal: &Terminal, global: &Global, own: &SqlArguments) -> Result<Outcome> {
    let layered = Layered::load(global)?;
    let lake = Lake::open(&layered.location()?).await?;
    let tables = lake.snapshot(own.as_of.unwrap_or(AsOf::Latest)).await?.context(global.threads).await?;
    let context = derive::with_functions(&tables, Plan::default().seed);
    // A question changes nothing and reads no other file.
    let reading = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let frame = context.sql_with_options(&own.query, reading).await.map_err(|error| UsageError {
        message: format!("could not understand the query: {}", error.strip_backtrace()),
        hint: Some(format!(
            "the tables are: {}",
            lake::tables::all().iter().map(|table| table.name).collect::<Vec<_>>().join(", ")
        )),
    })?;
    let schema = frame.schema().inner().clone();
    let batches = frame.collect().await.context("could not answer the query")?;
    table_output::print(terminal, global.format, &schema, &batches)?;
    Ok(Outcome::Done)
}
