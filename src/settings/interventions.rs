//! Changes of working as a configuration tells of them.

use derive::{PracticeRule, Sign};
use lake::Instant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SettingsError;

/// A change of working: dates, or what tells of it among what was recorded. Exactly one of `from`, `chart`, `image`,
/// `label`, `file` and `change` is given.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Intervention {
    /// What was rolled out, such as `multi-agent orchestration`.
    pub(crate) practice: String,
    /// In which version, where nothing on record tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// The services that it was rolled out to. Default: for dates all, else those that what was recorded belongs to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) services: Vec<String>,
    /// From when, as RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", example = &"2026-03-02T00:00:00Z")]
    pub(crate) from: Option<Instant>,
    /// Until when, beside `from`. Default: it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) until: Option<Instant>,
    /// A chart in the inventory: it began when the chart was first seen, and ended when its application no longer had it;
    /// every version is a row. `*` stands for any letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"agent-orchestrator")]
    pub(crate) chart: Option<String>,
    /// An image in the inventory, as for a chart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image: Option<String>,
    /// A label of changes: it began when the first change of a service with it was merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"agent-orchestrated")]
    pub(crate) label: Option<String>,
    /// A file, as a pattern of paths: it began when a change was merged that added it, and ended with the last one deleted.
    /// Paths are recorded by the `git` source and by sources that are set to read them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &".agents/*.toml")]
    pub(crate) file: Option<String>,
    /// One change, as `repository#id`: it began when that was merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"acme/platform#12")]
    pub(crate) change: Option<String>,
}

/// What the derivation is to look for.
pub(super) fn rules(interventions: &[Intervention]) -> Result<Vec<PracticeRule>, SettingsError> {
    interventions.iter().enumerate().map(|(at, one)| rule(at + 1, one)).collect()
}

fn rule(place: usize, one: &Intervention) -> Result<PracticeRule, SettingsError> {
    let wrong = |key: &str, value: &str, expected: &str| SettingsError::Value {
        key: format!("interventions[{place}].{key}"),
        value: value.to_owned(),
        expected: expected.to_owned(),
    };
    if one.practice.trim().is_empty() {
        return Err(wrong("practice", &one.practice, "a name of what was rolled out is expected"));
    }
    let dates = one.from.map(|from| Sign::Dates { from, until: one.until });
    let change = match &one.change {
        None => None,
        Some(text) => {
            let parts = text.rsplit_once('#').filter(|(repository, id)| !repository.is_empty() && !id.is_empty());
            let (repository, id) = parts.ok_or_else(|| wrong("change", text, "a change is written `repository#id`"))?;
            Some(Sign::Change { repository: repository.to_owned(), change_id: id.to_owned() })
        }
    };
    let signs = [
        dates,
        one.chart.clone().map(Sign::Chart),
        one.image.clone().map(Sign::Image),
        one.label.clone().map(Sign::Label),
        one.file.clone().map(Sign::File),
        change,
    ];
    let mut given = signs.into_iter().flatten();
    let (Some(sign), None) = (given.next(), given.next()) else {
        let expected = "exactly one of `from`, `chart`, `image`, `label`, `file` and `change` is expected";
        return Err(wrong("practice", &one.practice, expected));
    };
    match (one.from, one.until) {
        (None, Some(until)) => return Err(wrong("until", &until.to_string(), "it goes with `from` alone")),
        (Some(from), Some(until)) if until <= from => {
            return Err(wrong("until", &until.to_string(), "a time after `from` is expected"));
        }
        _ => {}
    }
    Ok(PracticeRule {
        practice: one.practice.clone(),
        version: one.version.clone(),
        services: one.services.clone(),
        sign,
    })
}

#[cfg(test)]
mod tests {
    use super::{Intervention, SettingsError, rules};
    use derive::Sign;

    fn read(text: &str) -> Result<Vec<derive::PracticeRule>, SettingsError> {
        let one: Intervention = toml::from_str(text).expect("it is written as the settings are");
        rules(&[one])
    }

    #[test]
    fn exactly_one_sign_is_taken() {
        let file = read("practice = \"crew\"\nfile = \".agents\"\nservices = [\"api\"]").expect("one sign");
        assert_eq!((file[0].sign.clone(), file[0].services.len()), (Sign::File(".agents".into()), 1));
        let change = read("practice = \"crew\"\nchange = \"acme/web#app#12\"").expect("one sign");
        let parts = Sign::Change { repository: "acme/web#app".into(), change_id: "12".into() };
        assert_eq!(change[0].sign, parts);
        for (text, key) in [
            ("practice = \"crew\"", "interventions[1].practice"),
            ("practice = \" \"\nlabel = \"x\"", "interventions[1].practice"),
            ("practice = \"crew\"\nlabel = \"x\"\nchart = \"y\"", "interventions[1].practice"),
            ("practice = \"crew\"\nchange = \"12\"", "interventions[1].change"),
            ("practice = \"crew\"\nlabel = \"x\"\nuntil = \"2026-01-05T00:00:00Z\"", "interventions[1].until"),
            (
                "practice = \"crew\"\nfrom = \"2026-01-05T00:00:00Z\"\nuntil = \"2026-01-05T00:00:00Z\"",
                "interventions[1].until",
            ),
        ] {
            let told = read(text).expect_err(text).to_string();
            assert!(told.contains(key), "{told}");
        }
    }
}
