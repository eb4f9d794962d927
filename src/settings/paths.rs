//! Paths in a configuration file, which are meant from the folder of that file.

use std::path::Path;

use ingest::sources;
use toml::{Table, Value};

/// The keys of sources that hold paths, at any depth: a clone, a folder of records, certificates, the file of a secret.
const OF_SOURCES: [&str; 4] = ["path", "file", "ca_file", "identity_file"];

/// Lets the relative paths of a configuration start at `folder`, where its file is.
pub(super) fn anchor(settings: &mut Table, folder: &Path) {
    for (section, key) in [("lake", "location"), ("report", "out")] {
        if let Some(Value::Table(section)) = settings.get_mut(section)
            && let Some(Value::String(text)) = section.get_mut(key)
        {
            anchor_one(text, folder);
        }
    }
    if let Some(sources) = settings.get_mut("sources") {
        anchor_below(sources, folder);
    }
}

fn anchor_below(value: &mut Value, folder: &Path) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| anchor_below(item, folder)),
        Value::Table(table) => {
            for (key, value) in table.iter_mut() {
                match value {
                    Value::String(text) if OF_SOURCES.contains(&key.as_str()) => anchor_one(text, folder),
                    _ => anchor_below(value, folder),
                }
            }
        }
        _ => {}
    }
}

/// A path that is not absolute, and no address. `~/` is the home of whoever runs the command.
fn anchor_one(text: &mut String, folder: &Path) {
    if let (Some(rest), Some(home)) = (text.strip_prefix("~/"), std::env::var_os("HOME")) {
        *text = Path::new(&home).join(rest).display().to_string();
        return;
    }
    if !text.contains("://") && Path::new(text.as_str()).is_relative() {
        *text = folder.join(text.as_str()).display().to_string();
    }
}

/// What the settings of a source name and is not there: files and folders, and variables of the environment. Nothing
/// else is looked at, and no server is asked.
pub(crate) fn missing(source: &sources::Config) -> Vec<String> {
    let Ok(settings) = Value::try_from(source) else { return Vec::new() };
    let mut found = Vec::new();
    look(&settings, "", &mut found);
    found
}

fn look(value: &Value, key: &str, found: &mut Vec<String>) {
    let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                look(item, &format!("{key}[{}]", at + 1), found);
            }
        }
        Value::Table(table) => {
            let is_variable = table.len() == 1;
            for (name, value) in table {
                match value {
                    Value::String(path) if OF_SOURCES.contains(&name.as_str()) && !Path::new(path).exists() => {
                        found.push(format!("`{}`: there is no `{path}`", below(name)));
                    }
                    Value::String(variable)
                        if is_variable
                            && name == "env"
                            && std::env::var_os(variable).is_none_or(|value| value.is_empty()) =>
                    {
                        // A token in the place of a name is not said again.
                        let is_name =
                            variable.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
                        let named = if is_name { format!("`{variable}`") } else { "that it names".to_owned() };
                        found.push(format!("`{key}`: the environment variable {named} is not set"));
                    }
                    _ => look(value, &below(name), found),
                }
            }
        }
        _ => {}
    }
}
