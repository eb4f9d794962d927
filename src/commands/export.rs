//! `doracle export`: one Parquet file per table.

use anyhow::Result;
use lake::{AsOf, Lake};

use crate::cli::ExportArguments;
use crate::exit::Outcome;
use crate::settings::Layered;
use crate::terminal::Terminal;

pub(crate) async fn run(terminal: &Terminal, layered: &Layered, own: &ExportArguments) -> Result<Outcome> {
    let lake = Lake::open(&layered.location()?).await?;
    let snapshot = lake.snapshot(own.as_of.unwrap_or(AsOf::Latest)).await?;
    let tables = snapshot.export(&own.out).await?;
    let rows: usize = tables.iter().map(|table| table.row_count).sum();
    terminal.say(format!(
        "wrote {} tables with {rows} rows of lake version {} to {}",
        tables.len(),
        snapshot.number(),
        own.out.display()
    ));
    Ok(Outcome::Done)
}
