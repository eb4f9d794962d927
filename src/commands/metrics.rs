//! `doracle metrics`: what every number means, here, elsewhere, and in published surveys.

mod benchmarks;
mod compare;

use ::derive::{Definition, definitions};
use anyhow::Result;
use serde_json::json;

use super::explain::definition;
use crate::cli::{Format, Global, MetricsArguments, MetricsCommand};
use crate::exit::Outcome;
use crate::table_output::{self, FORMAT_VERSION, aligned};
use crate::terminal::Terminal;

pub(crate) async fn run(terminal: &Terminal, global: &Global, own: &MetricsArguments) -> Result<Outcome> {
    match &own.command {
        None => list(terminal, global.format, own.metric.as_deref()),
        Some(MetricsCommand::CompareDefinitions { place }) => compare::run(terminal, global, place).await,
        Some(MetricsCommand::Benchmarks { year }) => benchmarks::run(terminal, global.format, *year),
    }
}

fn list(terminal: &Terminal, format: Format, metric: Option<&str>) -> Result<Outcome> {
    let chosen: Vec<&Definition> = match metric {
        None => definitions().iter().collect(),
        Some(name) => vec![definition(name)?],
    };
    let titles = ["metric", "definition", "unit", "question"].map(str::to_owned);
    let listed: Vec<Vec<Option<String>>> = chosen
        .iter()
        .map(|one| [&one.metric, &one.id, &one.unit, &one.question].map(|text| Some(text.clone())).to_vec())
        .collect();
    if table_output::texts(terminal, format, &titles, &listed)?.is_some() {
        return Ok(Outcome::Done);
    }
    let text = match (format, metric, chosen.as_slice()) {
        (Format::Table, Some(_), [one]) => whole(one),
        (Format::Table, _, _) => aligned(&titles, &[false; 4], &listed),
        (_, _, all) => serde_json::to_string_pretty(&json!({"format_version": FORMAT_VERSION, "metrics": all}))? + "\n",
    };
    terminal.data(text.as_bytes())?;
    Ok(Outcome::Done)
}

fn whole(one: &Definition) -> String {
    format!(
        "{}\n{}\n\ndefinition  {}\nvariant of  {}\nunit        {}\nbetter      {}\nstatistic   {}\ngives       {}\nsplit by    {}\nreads       {}\nleft out    {}\ninterval    {}\nsource      {}\n\n{}",
        one.title,
        one.question,
        one.id,
        one.variant_of.as_deref().unwrap_or("nothing"),
        one.unit,
        one.better,
        one.statistic,
        one.gives.join(", "),
        if one.strata.is_empty() { "nothing".to_owned() } else { one.strata.join(", ") },
        one.reads.join(", "),
        one.excluded,
        one.interval,
        one.source,
        one.sql
    )
}
