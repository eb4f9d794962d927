//! Which service a change belongs to, where several share a repository: the one whose paths it touches.

use std::collections::BTreeMap;

/// The paths of services that share a repository.
///
/// A pattern is a path from the root of the repository. In it `*` stands for any part of a name, `?` for one letter, and
/// `**` for any folders, none included. A pattern stands for what lies below it, too: `services/api` is all of that folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServicePaths(BTreeMap<String, Vec<Vec<String>>>);

impl ServicePaths {
    /// The patterns of each service. A service without any takes every change.
    #[must_use]
    pub fn new(patterns: &BTreeMap<String, Vec<String>>) -> Self {
        let split = |pattern: &String| {
            let names = pattern.split('/').filter(|name| !name.is_empty() && *name != ".");
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        let of_services = patterns.iter().filter(|(_, patterns)| !patterns.is_empty());
        Self(of_services.map(|(service, patterns)| (service.clone(), patterns.iter().map(split).collect())).collect())
    }

    /// Whether no service has paths.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this service has paths.
    #[must_use]
    pub fn knows(&self, service: &str) -> bool {
        self.0.contains_key(service)
    }

    /// Whether what touched these paths may be a change of this service. Where nobody knows what it touched, it may.
    #[must_use]
    pub fn may_touch(&self, service: &str, touched: &[&str]) -> bool {
        let Some(patterns) = self.0.get(service) else { return true };
        let matches = |path: &&str| {
            let names: Vec<&str> = path.split('/').collect();
            patterns.iter().any(|pattern| names_match(pattern, &names))
        };
        touched.is_empty() || touched.iter().any(matches)
    }
}

/// Whether a path, or what it lies in, matches one of these patterns.
pub(crate) fn matches_any(patterns: &[String], path: &str) -> bool {
    let all = BTreeMap::from([(String::new(), patterns.to_vec())]);
    !patterns.is_empty() && ServicePaths::new(&all).may_touch("", &[path])
}

/// Whether the names of a path, or the first of them, match a pattern.
fn names_match(pattern: &[String], names: &[&str]) -> bool {
    match (pattern.split_first(), names.split_first()) {
        (None, _) => true,
        (Some((first, rest)), _) if first == "**" => {
            (0..=names.len()).any(|skipped| names_match(rest, &names[skipped..]))
        }
        (Some(_), None) => false,
        (Some((first, rest)), Some((name, others))) => letters_match(first, name) && names_match(rest, others),
    }
}

/// Whether a name matches a pattern of one name: `*` stands for any letters, `?` for one.
pub(crate) fn letters_match(pattern: &str, name: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => name.is_empty(),
        Some('*') => {
            let mut ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.any(|at| letters_match(rest.as_str(), &name[at..]))
        }
        Some(letter) => {
            let mut letters = name.chars();
            let is_same = letters.next().is_some_and(|own| letter == '?' || letter == own);
            is_same && letters_match(rest.as_str(), letters.as_str())
        }
    }
}
