//! Environments whose names differ only in capital letters are one environment.

use std::collections::BTreeMap;

/// The one spelling of each environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spellings(BTreeMap<String, String>);

impl Spellings {
    /// Of several spellings the last in byte order, such as `production` before `Production`: one that the data know,
    /// whichever order they come in and however often each is used.
    pub(crate) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut spellings: BTreeMap<String, String> = BTreeMap::new();
        for name in names {
            let spelling = spellings.entry(name.to_lowercase()).or_default();
            if spelling.as_str() < name {
                name.clone_into(spelling);
            }
        }
        Self(spellings)
    }

    /// The spelling of this environment.
    pub(crate) fn spell(&self, name: &str) -> String {
        self.0.get(&name.to_lowercase()).map_or_else(|| name.to_owned(), Clone::clone)
    }
}
