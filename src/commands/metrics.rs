//! `doracle metrics`: what every number means.

use ::derive::{Definition, definitions};
use anyhow::Result;
use serde_json::json;

use crate::cli::Format;
use crate::exit::{Outcome, UsageError};
use crate::table_output::{self, FORMAT_VERSION, aligned};
use crate::terminal::Terminal;

pub(crate) fn run(terminal: &Terminal, format: Format, metric: Option<&str>) -> Result<Outcome> {
    let chosen: Vec<&Definition> = match metric {
        None => definitions().iter().collect(),
        Some(name) => vec![definitions().iter().find(|definition| definition.metric == name).ok_or_else(|| {
            let known: Vec<&str> = definitions().iter().map(|definition| definition.metric.as_str()).collect();
            UsageError {
                message: format!("there is no metric `{name}`"),
                hint: Some(format!("there are: {}", known.join(", "))),
            }
        })?],
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
