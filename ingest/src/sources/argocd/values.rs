//! Values of a Helm release as far as an application shows them, by path: `prometheus.prometheusSpec.retention`.
//!
//! Values come as JSON, as parameters, or as YAML text, of which the usual subset is read: block mappings and lists,
//! plain and quoted scalars, and flow collections that are JSON. Whatever goes beyond makes the text unreadable as a
//! whole, and nothing is concluded from it.

use std::collections::BTreeMap;

use serde_json::Value;

/// Scalars by path.
pub(super) type Scalars = BTreeMap<String, String>;

/// The values that one source sets, and whether there may be others that do not show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) scalars: Scalars,
    pub(super) may_hide_some: bool,
}

/// Reads the Helm settings of a source. Parameters win over values, as for Helm.
pub(super) fn values(helm: Option<&Value>) -> Values {
    let mut values = Values::default();
    let Some(helm) = helm else { return values };
    let field = |name: &str| helm.get(name).filter(|value| !value.is_null());
    values.may_hide_some = field("valueFiles").and_then(Value::as_array).is_some_and(|files| !files.is_empty());
    match (field("valuesObject"), field("values").and_then(Value::as_str)) {
        (Some(object), _) => flatten(object, "", &mut values.scalars),
        (None, Some(text)) => match yaml(text) {
            Some(scalars) => values.scalars = scalars,
            None => values.may_hide_some = true,
        },
        (None, None) => {}
    }
    for parameter in field("parameters").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| parameter.get(name).and_then(Value::as_str);
        if let (Some(name), Some(value)) = (text("name"), text("value")) {
            values.scalars.insert(name.to_owned(), value.to_owned());
        }
    }
    values
}

/// Puts every scalar of a JSON value under its path; an empty collection is `[]` or `{}`.
fn flatten(value: &Value, path: &str, scalars: &mut Scalars) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                flatten(value, &below(path, name), scalars);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                flatten(item, &format!("{path}[{at}]"), scalars);
            }
        }
        Value::String(text) => {
            scalars.insert(path.to_owned(), text.clone());
        }
        other => {
            scalars.insert(path.to_owned(), other.to_string());
        }
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A mapping or list item whose content may follow on deeper lines.
struct Open {
    indent: usize,
    path: String,
    is_item: bool,
}

/// The scalars of a YAML text; none where it goes beyond the subset.
pub(super) fn yaml(text: &str) -> Option<Scalars> {
    let mut reader = Yaml::default();
    for line in text.lines() {
        reader.line(line)?;
    }
    Some(reader.scalars)
}

#[derive(Default)]
struct Yaml {
    open: Vec<Open>,
    counts: BTreeMap<String, usize>,
    /// The indent of the key whose block of text is being passed over.
    block: Option<usize>,
    scalars: Scalars,
}

impl Yaml {
    fn line(&mut self, line: &str) -> Option<()> {
        let content = line.trim_start_matches(' ');
        let indent = line.len() - content.len();
        let content = without_comment(content).trim_end();
        if content.is_empty() || content == "---" {
            return Some(());
        }
        if self.block.is_some_and(|block| indent > block) {
            return Some(());
        }
        self.block = None;
        if content.starts_with(['\t', '%', '?']) {
            return None;
        }
        self.content(content, indent)
    }

    fn content(&mut self, content: &str, indent: usize) -> Option<()> {
        if content == "-" || content.starts_with("- ") {
            return self.item(content[1..].trim_start(), indent, content.len());
        }
        self.close(|open| open.indent >= indent);
        let (key, value) = key_and_value(content)?;
        let path = below(self.open.last().map_or("", |open| &open.path), &key);
        self.value(value, &path, indent)
    }

    fn item(&mut self, content: &str, indent: usize, length: usize) -> Option<()> {
        // The items of a list may stand as far to the left as its key.
        self.close(|open| open.indent > indent || (open.indent == indent && open.is_item));
        let list = self.open.last().map_or(String::new(), |open| open.path.clone());
        let count = self.counts.entry(list.clone()).or_insert(0);
        let path = format!("{list}[{count}]");
        *count += 1;
        self.open.push(Open { indent, path: path.clone(), is_item: true });
        if content.is_empty() {
            return Some(());
        }
        if key_and_value(content).is_some() && !content.starts_with(['{', '[', '"', '\'']) {
            return self.content(content, indent + length - content.len());
        }
        self.value(content, &path, indent)
    }

    fn value(&mut self, value: &str, path: &str, indent: usize) -> Option<()> {
        match value.chars().next() {
            None => self.open.push(Open { indent, path: path.to_owned(), is_item: false }),
            Some('|' | '>') => self.block = Some(indent),
            Some('&' | '*' | '!' | '@' | '`') => return None,
            Some('{' | '[') => flatten(&serde_json::from_str(value).ok()?, path, &mut self.scalars),
            Some(_) => {
                self.scalars.insert(path.to_owned(), unquoted(value)?);
            }
        }
        Some(())
    }

    fn close(&mut self, is_closed: impl Fn(&Open) -> bool) {
        while self.open.last().is_some_and(&is_closed) {
            self.open.pop();
        }
    }
}

/// The parts of `key: value`; none where it is no such thing.
fn key_and_value(content: &str) -> Option<(String, &str)> {
    let end = match content.chars().next()? {
        quote @ ('"' | '\'') => content[1..].find(quote)? + 2,
        _ => content.find(": ").or_else(|| content.ends_with(':').then(|| content.len() - 1))?,
    };
    let value = content[end..].trim_start().strip_prefix(':')?;
    Some((unquoted(&content[..end])?, value.trim()))
}

fn unquoted(text: &str) -> Option<String> {
    match text.chars().next() {
        Some('"') => serde_json::from_str(text).ok(),
        Some('\'') => Some(text.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'")),
        _ => Some(text.to_owned()),
    }
}

/// A line without the comment behind it.
fn without_comment(content: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in content.char_indices() {
        match (quote, c) {
            (None, '#') if before.is_whitespace() => return &content[..at],
            // An apostrophe inside of a word quotes nothing.
            (None, '"' | '\'') if !before.is_alphanumeric() => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
        before = c;
    }
    content
}
