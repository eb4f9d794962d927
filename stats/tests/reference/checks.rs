//! Comparing figures, and keeping count of what was compared.

use std::collections::BTreeSet;

use serde_json::Value;

use super::schema::{Case, Tolerance};

/// The comparisons made for one case.
pub(crate) struct Checks<'a> {
    expected: &'a Value,
    tolerance: Tolerance,
    compared: BTreeSet<String>,
    /// One sentence for each figure that differs.
    pub(crate) failures: Vec<String>,
}

impl<'a> Checks<'a> {
    pub(crate) fn new(case: &'a Case) -> Self {
        Self { expected: &case.expected, tolerance: case.tolerance, compared: BTreeSet::new(), failures: Vec::new() }
    }

    /// Compares a figure with the one at `pointer`, where `null` stands for no figure. Passes over what is not
    /// expected.
    pub(crate) fn figure(&mut self, pointer: &str, actual: Option<f64>) {
        self.figure_within(self.tolerance, pointer, actual);
    }

    /// Does what [`Checks::figure`] does with a tolerance that a note of the case gives for this figure.
    pub(crate) fn figure_within(&mut self, tolerance: Tolerance, pointer: &str, actual: Option<f64>) {
        let Some(expected) = self.expected.pointer(pointer) else { return };
        self.compared.insert(pointer.to_owned());
        let Tolerance { rel, abs } = tolerance;
        let agrees = match (expected.as_f64(), actual) {
            (Some(expected), Some(actual)) => (actual - expected).abs() <= abs + rel * expected.abs(),
            (None, None) => expected.is_null(),
            _ => false,
        };
        if !agrees {
            self.failures.push(format!("`{pointer}` is {actual:?}, expected {expected}"));
        }
    }

    /// Compares a figure that the reference itself searched only to within `resolution`, on the scale of `scale`.
    pub(crate) fn searched(&mut self, pointer: &str, actual: Option<f64>, resolution: f64, scale: impl Fn(f64) -> f64) {
        let Some(expected) = self.expected.pointer(pointer) else { return };
        match (expected.as_f64(), actual) {
            (Some(expected), Some(actual)) if (scale(actual) - scale(expected)).abs() <= resolution => {
                self.compared.insert(pointer.to_owned());
            }
            _ => self.figure(pointer, actual),
        }
    }

    /// Compares a vector, which the schema writes as a number where it has one entry.
    pub(crate) fn vector(&mut self, pointer: &str, actual: &[Option<f64>]) {
        let Some(expected) = self.expected.pointer(pointer) else { return };
        match expected.as_array() {
            Some(entries) if entries.len() == actual.len() => {
                for (index, figure) in actual.iter().enumerate() {
                    self.figure(&format!("{pointer}/{index}"), *figure);
                }
            }
            None if actual.len() == 1 => self.figure(pointer, actual[0]),
            _ => self.failures.push(format!("`{pointer}` has another length than {}", actual.len())),
        }
    }

    /// Compares words, such as the names of groups.
    pub(crate) fn words(&mut self, pointer: &str, actual: &[String]) {
        for (index, word) in actual.iter().enumerate() {
            let pointer = format!("{pointer}/{index}");
            if self.expected.pointer(&pointer).and_then(Value::as_str) != Some(word) {
                self.failures.push(format!("`{pointer}` is not `{word}`"));
            }
            self.compared.insert(pointer);
        }
    }

    /// Compares a value that is not a figure, such as a word or a flag. Passes over what is not expected.
    pub(crate) fn value(&mut self, pointer: &str, actual: impl Into<Value>) {
        let Some(expected) = self.expected.pointer(pointer) else { return };
        self.compared.insert(pointer.to_owned());
        let actual = actual.into();
        if *expected != actual {
            self.failures.push(format!("`{pointer}` is {actual}, expected {expected}"));
        }
    }

    /// Whether the case has anything at `pointer`.
    pub(crate) fn expects(&self, pointer: &str) -> bool {
        self.expected.pointer(pointer).is_some()
    }

    /// How many entries the case has at `pointer`, if it has any.
    pub(crate) fn length(&self, pointer: &str) -> Option<usize> {
        self.expected.pointer(pointer)?.as_array().map(Vec::len)
    }

    /// Whether any figure was compared.
    pub(crate) fn any(&self) -> bool {
        !self.compared.is_empty() || !self.failures.is_empty()
    }

    /// How many figures were compared, and below which keys some were not.
    pub(crate) fn summary(&self, case: &Case) -> String {
        let mut leaves = Vec::new();
        collect_leaves(&case.expected, String::new(), &mut leaves);
        let left: Vec<_> = leaves.iter().filter(|leaf| !self.compared.contains(*leaf)).collect();
        let keys: BTreeSet<_> = left.iter().filter_map(|leaf| leaf.split('/').nth(1)).collect();
        let keys: Vec<_> = keys.into_iter().collect();
        let compared = leaves.len() - left.len();
        let rest = if keys.is_empty() { String::new() } else { format!("; not covered: {}", keys.join(", ")) };
        format!("{compared} of {} figures{rest}", leaves.len())
    }
}

fn collect_leaves(value: &Value, pointer: String, leaves: &mut Vec<String>) {
    match value {
        Value::Array(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                collect_leaves(entry, format!("{pointer}/{index}"), leaves);
            }
        }
        Value::Object(entries) => {
            for (key, entry) in entries {
                collect_leaves(entry, format!("{pointer}/{key}"), leaves);
            }
        }
        _ => leaves.push(pointer),
    }
}
