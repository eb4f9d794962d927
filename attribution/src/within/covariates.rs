//! What comparisons consider of services beside what happened there.

use std::collections::{BTreeMap, BTreeSet};

use lake::tables::service_attributes;

/// Attributes as columns of numbers: one as it is for a number, one for each word but the first for words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns<'a> {
    names: &'a [String],
    /// The words of each attribute that has any, the first left out.
    words: BTreeMap<&'a str, Vec<&'a str>>,
    known: BTreeMap<(&'a str, &'a str), &'a service_attributes::Row>,
}

impl<'a> Columns<'a> {
    /// The columns for these names, by what is known of these services.
    pub(crate) fn of(
        names: &'a [String],
        rows: &'a [service_attributes::Row],
        services: impl Iterator<Item = &'a String>,
    ) -> Self {
        let services: BTreeSet<&str> = services.map(String::as_str).collect();
        let mut columns = Self { names, ..Self::default() };
        let mut words: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let is_asked =
            |row: &&service_attributes::Row| names.contains(&row.attribute) && services.contains(row.service.as_str());
        for row in rows.iter().filter(is_asked) {
            columns.known.insert((&row.service, &row.attribute), row);
            words.entry(&row.attribute).or_default().extend(row.word.as_deref());
        }
        columns.words = words.into_iter().map(|(name, words)| (name, words.into_iter().skip(1).collect())).collect();
        columns
    }

    /// The numbers of a service; `None` where an attribute of it is not known, or is no finite number.
    pub(crate) fn row(&self, service: &str) -> Option<Vec<f64>> {
        let mut numbers = Vec::new();
        for name in self.names {
            let row = self.known.get(&(service, name.as_str()))?;
            match (&row.number, &row.word) {
                (_, Some(word)) => {
                    let words = self.words.get(name.as_str())?;
                    numbers.extend(words.iter().map(|other| f64::from(u8::from(other == word))));
                }
                (Some(number), None) if number.is_finite() && self.words.get(name.as_str())?.is_empty() => {
                    numbers.push(*number);
                }
                _ => return None,
            }
        }
        Some(numbers)
    }
}
