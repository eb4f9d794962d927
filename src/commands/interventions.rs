//! `doracle interventions`: the changes of working on record, and those that the configuration tells of or finds.

use ::lake::{AsOf, Lake, TableRow, tables::interventions};
use anyhow::Result;

use crate::cli::{Global, PeriodArguments};
use crate::exit::Outcome;
use crate::progress::Progress;
use crate::settings::Layered;
use crate::table_output;
use crate::terminal::Terminal;

pub(crate) async fn run(terminal: &Terminal, global: &Global, own: &PeriodArguments) -> Result<Outcome> {
    let layered = Layered::load(global)?;
    let plan = layered.plan(global, own)?;
    let lake = Lake::open(&layered.location()?).await?;
    let snapshot = lake.snapshot(own.as_of.unwrap_or(AsOf::Latest)).await?;
    let progress = Progress::new(terminal);
    progress.step("deriving");
    let observations = ::derive::observe(&snapshot, &plan).await?;
    drop(progress);
    let mut rows = observations.interventions;
    for (place, rule) in plan.practices.iter().enumerate() {
        let own = format!("rule {}: ", place + 1);
        if !rows.iter().any(|row| row.intervention_id.starts_with(&own)) {
            terminal.warn(format!(
                "nothing on record is what `[[interventions]]` number {} says to look for: {} by {}",
                place + 1,
                rule.practice,
                rule.sign
            ));
        }
    }
    let unknown: std::collections::BTreeSet<&String> = rows
        .iter()
        .filter_map(|row| row.service.as_ref())
        .filter(|service| !observations.services.contains_key(*service))
        .collect();
    for service in unknown {
        terminal.warn(format!("no rollout of a service `{service}` to production is on record"));
    }
    rows.sort_by(|a, b| (a.started_at, &a.practice, &a.service).cmp(&(b.started_at, &b.practice, &b.service)));
    let batch = interventions::Row::batch(rows);
    table_output::print(terminal, global.format, &batch.schema(), &[batch])?;
    Ok(Outcome::Done)
}
