//! `doracle baseline`: what was known before something changed, and what was going to be asked.

use std::path::Path;

use anyhow::Result;
use lake::tables::baselines;
use lake::{AsOf, Lake, TableRow};

use super::finding::{changed, named, read_terms};
use crate::cli::{BaselineCommand, Global, PeriodArguments};
use crate::exit::{Outcome, UsageError};
use crate::numbers::counted;
use crate::pipeline;
use crate::settings::Layered;
use crate::table_output;
use crate::terminal::Terminal;

pub(crate) async fn run(terminal: &Terminal, global: &Global, own: &BaselineCommand) -> Result<Outcome> {
    let layered = Layered::load(global)?;
    let lake = Lake::open(&layered.location()?).await?;
    match own {
        BaselineCommand::Freeze { name, plan, period } => {
            freeze(terminal, global, &layered, &lake, (name, plan.as_deref(), period)).await
        }
        BaselineCommand::List => {
            let rows: Vec<baselines::Row> = lake.snapshot(AsOf::Latest).await?.rows().await?;
            shown(terminal, global, rows)
        }
        BaselineCommand::Show { name } => {
            let row = named(&lake.snapshot(AsOf::Latest).await?, name).await?;
            shown(terminal, global, vec![row])
        }
        BaselineCommand::Check { name } => {
            let snapshot = lake.snapshot(AsOf::Latest).await?;
            let row = named(&snapshot, name).await?;
            let plan = layered.plan(global, &PeriodArguments::default())?;
            let changed = changed(&snapshot, &plan, &row).await?;
            if changed.is_empty() {
                terminal.say(format!("baseline `{name}`: the past is what it was on {}", row.frozen_at));
                return Ok(Outcome::Done);
            }
            for change in changed {
                terminal.warn(format!("baseline `{name}`: {change}"));
            }
            Ok(Outcome::Partial)
        }
    }
}

async fn freeze(
    terminal: &Terminal,
    global: &Global,
    layered: &Layered,
    lake: &Lake,
    (name, terms, period): (&str, Option<&Path>, &PeriodArguments),
) -> Result<Outcome> {
    let plan = layered.plan(global, period)?;
    let snapshot = lake.snapshot(period.as_of.unwrap_or(AsOf::Latest)).await?;
    let known: Vec<baselines::Row> = lake.snapshot(AsOf::Latest).await?.rows().await?;
    if known.iter().any(|row| row.name == name) {
        return Err(UsageError {
            message: format!("there is a baseline `{name}` already, and what is frozen stays"),
            hint: Some("give it another name".to_owned()),
        }
        .into());
    }
    let asked = terms.map(read_terms).transpose()?;
    if let Some(asked) = &asked {
        asked.terms.check()?;
    }
    let observations = derive::observe(&snapshot, &plan).await?;
    let now = pipeline::now();
    let row = attribution::freeze(name, &observations, asked.as_ref(), now);
    for flaw in &row.flaws {
        terminal.warn(format!("baseline `{name}`: {flaw}"));
    }
    let foreseen = row.foreseen.clone().unwrap_or_default();
    let (count, services) = (row.observation_count, counted(row.services.len(), "service", "services"));
    lake.commit(attribution::baseline_batch(row, now)).await?;
    terminal.say(format!(
        "froze `{name}`: {count} observations of {services} from {} until {}, at lake version {}",
        observations.period.start, observations.period.end, observations.lake_version
    ));
    terminal.say("if one half of the services began and the other did not:");
    for line in foreseen.lines() {
        terminal.say(format!("  {line}"));
    }
    Ok(Outcome::Done)
}

fn shown(terminal: &Terminal, global: &Global, rows: Vec<baselines::Row>) -> Result<Outcome> {
    let batch = baselines::Row::batch(rows);
    table_output::print(terminal, global.format, &batch.schema(), &[batch])?;
    Ok(Outcome::Done)
}
