//! `doracle schema`: every table, for people and as JSON Schema.

use anyhow::Result;
use lake::{Table, json_schema, tables};
use serde_json::json;

use crate::cli::{Format, SchemaArguments};
use crate::exit::{Outcome, UsageError};
use crate::table_output::{self, FORMAT_VERSION, aligned};
use crate::terminal::Terminal;

pub(crate) fn run(terminal: &Terminal, format: Format, own: &SchemaArguments) -> Result<Outcome> {
    let chosen = match &own.table {
        None => tables::all(),
        Some(name) => vec![tables::named(name).ok_or_else(|| UsageError {
            message: format!("there is no table `{name}`"),
            hint: Some(format!(
                "there are: {}",
                tables::all().iter().map(|table| table.name).collect::<Vec<_>>().join(", ")
            )),
        })?],
    };
    let titles = ["table", "column", "type", "unit", "nullable", "meaning"].map(str::to_owned);
    let listed: Vec<Vec<Option<String>>> = chosen
        .iter()
        .flat_map(|table| table.columns.iter().map(move |column| (table.name, column)))
        .map(|(table, column)| {
            let nullable = column.nullable.to_string();
            [table, column.name, column.type_name(), column.unit(), &nullable, &column.meaning]
                .map(|text| Some(text.to_owned()))
                .to_vec()
        })
        .collect();
    if !own.json_schema && table_output::texts(terminal, format, &titles, &listed)?.is_some() {
        return Ok(Outcome::Done);
    }
    let text = if own.json_schema {
        let schemas: serde_json::Map<_, _> =
            chosen.iter().map(|table| (table.name.to_owned(), json_schema(table))).collect();
        let whole = json!({"format_version": FORMAT_VERSION, "tables": schemas});
        serde_json::to_string_pretty(&whole)? + "\n"
    } else if format == Format::Table {
        chosen.iter().map(|table| in_words(table)).collect::<Vec<_>>().join("\n")
    } else {
        serde_json::to_string_pretty(&json!({
            "format_version": FORMAT_VERSION,
            "tables": chosen.iter().map(|table| as_data(table)).collect::<Vec<_>>(),
        }))? + "\n"
    };
    terminal.data(text.as_bytes())?;
    Ok(Outcome::Done)
}

fn in_words(table: &Table) -> String {
    let rows: Vec<Vec<Option<String>>> = table
        .columns
        .iter()
        .map(|column| {
            vec![
                Some(column.name.to_owned()),
                Some(column.type_name().to_owned()),
                Some(column.unit().to_owned()),
                Some(if column.nullable { "null" } else { "" }.to_owned()),
                Some(column.meaning.clone()),
            ]
        })
        .collect();
    let titles = ["column", "type", "unit", "", "meaning"].map(str::to_owned);
    format!(
        "{} (version {}, {}; key {})\n{}\n\n{}",
        table.name,
        table.version,
        table.role.word(),
        table.key.join(", "),
        table.meaning,
        aligned(&titles, &[false; 5], &rows)
    )
}

fn as_data(table: &Table) -> serde_json::Value {
    json!({
        "table": table.name,
        "version": table.version,
        "role": table.role.word(),
        "meaning": table.meaning,
        "key": table.key,
        "columns": table.columns.iter().map(|column| json!({
            "column": column.name,
            "type": column.type_name(),
            "unit": column.unit(),
            "nullable": column.nullable,
            "provenance": column.provenance,
            "meaning": column.meaning,
        })).collect::<Vec<_>>(),
    })
}
