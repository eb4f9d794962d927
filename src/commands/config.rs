//! `doracle config`: the configuration in force, and its schema.

use anyhow::Result;
use schemars::schema_for;

use crate::cli::{ConfigCommand, Format, Global};
use crate::exit::{Outcome, UsageError};
use crate::settings::{Layered, Settings};
use crate::table_output::Columns;
use crate::terminal::Terminal;

pub(crate) fn run(terminal: &Terminal, global: &Global, own: &ConfigCommand) -> Result<Outcome> {
    let text = match own {
        ConfigCommand::Schema => serde_json::to_string_pretty(&schema_for!(Settings))? + "\n",
        ConfigCommand::Show { origin: false } => match global.format {
            Format::Table => toml::to_string_pretty(&Layered::load(global)?.settings)?,
            Format::Json => serde_json::to_string_pretty(&Layered::load(global)?.settings)? + "\n",
            _ => {
                return Err(UsageError {
                    message: "a configuration is no table of rows: it is shown as TOML or with `--format json`"
                        .to_owned(),
                    hint: Some("`--origin` lists its values key by key, in every format".to_owned()),
                }
                .into());
            }
        },
        ConfigCommand::Show { origin: true } => {
            origins(terminal, global.format, &Layered::load(global)?)?;
            return Ok(Outcome::Done);
        }
    };
    terminal.data(text.as_bytes())?;
    Ok(Outcome::Done)
}

fn origins(terminal: &Terminal, format: Format, layered: &Layered) -> Result<()> {
    let settings = toml::Value::try_from(&layered.settings)?;
    let value = |key: &String| key.split('.').try_fold(&settings, |value, part| value.get(part)).map(one_line);
    Columns::default()
        .with("key", layered.origins.keys().cloned())
        .with("value", layered.origins.keys().map(value))
        .with("from", layered.origins.values().cloned())
        .print_whole(terminal, format)
}

fn one_line(value: &toml::Value) -> String {
    let text = value.to_string().replace('\n', " ");
    if text.chars().count() > 80 { text.chars().take(79).collect::<String>() + "…" } else { text }
}
