//! `doracle config`: the configuration in force, and its schema.

use anyhow::Result;
use schemars::schema_for;

use crate::cli::{ConfigCommand, Global};
use crate::exit::Outcome;
use crate::settings::{Layered, Settings};
use crate::table_output::aligned;
use crate::terminal::Terminal;

pub(crate) fn run(terminal: &Terminal, global: &Global, own: &ConfigCommand) -> Result<Outcome> {
    let text = match own {
        ConfigCommand::Schema => serde_json::to_string_pretty(&schema_for!(Settings))? + "\n",
        ConfigCommand::Show { origin: false } => toml::to_string_pretty(&Layered::load(global)?.settings)?,
        ConfigCommand::Show { origin: true } => origins(&Layered::load(global)?)?,
    };
    terminal.data(text.as_bytes())?;
    Ok(Outcome::Done)
}

fn origins(layered: &Layered) -> Result<String> {
    let settings = toml::Value::try_from(&layered.settings)?;
    let rows: Vec<Vec<Option<String>>> = layered
        .origins
        .iter()
        .map(|(key, origin)| {
            let value = key.split('.').try_fold(&settings, |value, part| value.get(part));
            vec![Some(key.clone()), value.map(one_line), Some(origin.clone())]
        })
        .collect();
    Ok(aligned(&["key", "value", "from"].map(str::to_owned), &[false; 3], &rows))
}

fn one_line(value: &toml::Value) -> String {
    let text = value.to_string().replace('\n', " ");
    if text.chars().count() > 80 { text.chars().take(79).collect::<String>() + "…" } else { text }
}
