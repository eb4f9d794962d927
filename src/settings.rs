//! Layered configuration: flag over environment over project file over user file over default.
//!
//! Every value remembers where it came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use derive::{Calendar, Plan, Train};
use ingest::sources;
use lake::Location;
use schemars::JsonSchema;
use serde::de::IntoDeserializer;
use serde::{Deserialize, Serialize};
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Value};

use self::interventions::Intervention;
use crate::cli::{Every, Global, PeriodArguments};

mod interventions;
pub(crate) mod paths;

/// The configuration of a project: `doracle.toml`. Relative paths in it start at the folder in which it is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where the tables are kept.
    pub(crate) lake: LakeSettings,
    /// What is measured, and how it is cut.
    pub(crate) derive: DeriveSettings,
    /// Where reports go.
    pub(crate) report: ReportSettings,
    /// Groups of services, pooled from rows, such as teams. Example: `payments = ["api", "ledger"]`.
    pub(crate) groups: BTreeMap<String, Vec<String>>,
    /// Paths of services that share a repository; a change counts in each whose paths it touches. `*` stands for a part of a
    /// name, `**` for any folders. Example: `api = ["services/api", "libraries/**/http"]`.
    pub(crate) paths: BTreeMap<String, Vec<String>>,
    /// Changes of working, beside those of the table `interventions`: dates, or what tells of them among what was recorded.
    pub(crate) interventions: Vec<Intervention>,
    /// What is read. Each has a `type` and the settings of that source.
    pub(crate) sources: Vec<sources::Config>,
}

/// Where the tables are kept.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LakeSettings {
    /// A folder or `s3://bucket/prefix`. Credentials come from `AWS_*` in the environment. Default: `.doracle` in the
    /// current folder.
    pub(crate) location: String,
}

impl Default for LakeSettings {
    fn default() -> Self {
        Self { location: ".doracle".to_owned() }
    }
}

/// What is measured, and how it is cut.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DeriveSettings {
    /// IANA zone whose days and weeks windows follow. Default: `UTC`.
    pub(crate) zone: String,
    /// Environments of the production tier, without regard to case.
    pub(crate) production: Vec<String>,
    /// Environments that are measured beside those of the production tier, without regard to case. Default: none.
    pub(crate) environments: Vec<String>,
    /// Release trains: windows of one length, laid end to end, for `--every train`. Example:
    /// `release_train = { anchor = "2026-01-05", days = 14 }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) release_train: Option<ReleaseTrain>,
    /// An incident may be due to a rollout that finished at most this many hours before it. Default: 24.
    #[schemars(range(min = 0, max = 8760))]
    pub(crate) incident_window_hours: u32,
    /// Records may come this many hours late: windows that end within these hours and the incident window of the as-of
    /// time are marked immature. Default: 24.
    #[schemars(range(min = 0, max = 8760))]
    pub(crate) reporting_lag_hours: u32,
    /// Labels that make a change a hotfix, without regard to case. Default: `hotfix`.
    pub(crate) hotfix_labels: Vec<String>,
    /// Branches whose changes are hotfixes: `*` stands for any part of a name. Default: `hotfix/*` and `hotfix-*`.
    pub(crate) hotfix_branches: Vec<String>,
    /// Let flips of feature flags count like releases. Default: `false`.
    pub(crate) counts_feature_flags: bool,
    /// Seed of the bootstrap. Default: 1.
    pub(crate) seed: u64,
}

impl Default for DeriveSettings {
    fn default() -> Self {
        let plan = Plan::default();
        Self {
            zone: "UTC".to_owned(),
            production: plan.production,
            environments: plan.environments,
            release_train: None,
            incident_window_hours: 24,
            reporting_lag_hours: 24,
            hotfix_labels: plan.hotfix_labels,
            hotfix_branches: plan.hotfix_branches,
            counts_feature_flags: plan.counts_feature_flags,
            seed: plan.seed,
        }
    }
}

/// Release trains: windows of one length, laid end to end.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReleaseTrain {
    /// A day on which a train starts, in the zone of the windows, such as `2026-01-05`.
    pub(crate) anchor: String,
    /// How many days a train has.
    #[schemars(range(min = 1, max = 366))]
    pub(crate) days: u32,
}

/// Where reports go.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ReportSettings {
    /// Folder in which `doracle run` makes one dated folder per run. Default: `reports`.
    pub(crate) out: PathBuf,
    /// Title of the report. Default: `Delivery report`.
    pub(crate) title: String,
    /// Year whose published clusters a report shows beside its numbers; none if not given. Example: `2024`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) benchmarks: Option<u16>,
}

impl Default for ReportSettings {
    fn default() -> Self {
        Self { out: "reports".into(), title: "Delivery report".to_owned(), benchmarks: None }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// The file cannot be read.
    #[error("could not read the configuration `{path}`")]
    Read {
        path: String,
        #[source]
        source: std::io::Error,
    },
    /// A file holds something that is no setting. Values are not repeated: any may be a secret in the wrong place.
    #[error("the configuration `{path}` is wrong{place}: {what}")]
    Wrong { path: String, place: String, what: String },
    /// A value is outside its range.
    #[error("`{key}` is `{value}`: {expected}")]
    Value { key: String, value: String, expected: String },
    /// An address says more than where something is.
    #[error("`{key}` is an address with a name, a password or a query, which may be a secret and do not belong there")]
    Telling { key: String },
    /// Two sources cannot be told apart.
    #[error(
        "the sources {first} and {second} both have the stream `{stream}`: the rows of one would replace the other's"
    )]
    Alike { first: usize, second: usize, stream: String },
}

impl SettingsError {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "config::read",
            Self::Wrong { .. } => "config::wrong",
            Self::Value { .. } | Self::Telling { .. } | Self::Alike { .. } => "config::value",
        }
    }

    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => "`--config` names the file",
            Self::Wrong { .. } => "`doracle config schema` lists every key",
            Self::Value { .. } => "`doracle config show --origin` says where the value comes from",
            Self::Telling { .. } => {
                "a secret is told by `{ env = \"NAME\" }` or `{ file = \"PATH\" }` of a setting for it"
            }
            Self::Alike { .. } => "give one of them another `name` (a clone: another `repository`)",
        }
    }
}

/// The configuration in force, and where each value came from.
#[derive(Clone, Debug)]
pub(crate) struct Layered {
    pub(crate) settings: Settings,
    /// Origin by dotted key.
    pub(crate) origins: BTreeMap<String, String>,
    s3_options: BTreeMap<String, String>,
}

const PROJECT_FILE: &str = "doracle.toml";

/// Environment variables that set one key each.
const VARIABLES: [(&str, &[&str]); 4] = [
    ("DORACLE_LAKE", &["lake", "location"]),
    ("DORACLE_ZONE", &["derive", "zone"]),
    ("DORACLE_REPORT_OUT", &["report", "out"]),
    ("DORACLE_REPORT_TITLE", &["report", "title"]),
];

impl Layered {
    /// Reads all layers.
    pub(crate) fn load(global: &Global) -> Result<Self, SettingsError> {
        let mut layers = Layers::default();
        let default = Value::try_from(Settings::default()).expect("defaults have a TOML form");
        layers.add(default, "default");
        if let Some(path) = user_file().filter(|path| path.is_file()) {
            layers.add_file(&path)?;
        }
        match &global.config {
            Some(path) => layers.add_file(path)?,
            None if Path::new(PROJECT_FILE).is_file() => layers.add_file(Path::new(PROJECT_FILE))?,
            None => {}
        }
        for (name, key) in VARIABLES {
            if let Ok(value) = std::env::var(name) {
                layers.set(key, Value::String(value), &format!("environment variable {name}"));
            }
        }
        if let Some(place) = &global.lake {
            layers.set(&["lake", "location"], Value::String(place.clone()), "flag --lake");
        }
        layers.finish()
    }

    /// Where the lake is.
    pub(crate) fn location(&self) -> Result<Location, SettingsError> {
        let place = &self.settings.lake.location;
        Location::parse(place, &self.s3_options).map_err(|error| SettingsError::Value {
            key: "lake.location".to_owned(),
            value: place.split('@').next_back().unwrap_or_default().to_owned(),
            expected: error.to_string(),
        })
    }

    /// The plan of a derivation.
    pub(crate) fn plan(&self, global: &Global, period: &PeriodArguments) -> Result<Plan, SettingsError> {
        let settings = &self.settings.derive;
        let zone = period.zone.as_ref().unwrap_or(&settings.zone);
        let zone = self::zone(if period.zone.is_some() { "--zone" } else { "derive.zone" }, zone)?;
        Ok(Plan {
            as_of: None,
            since: period.since,
            until: period.until,
            zone,
            calendar: period.every.map(|every| calendar(every, settings.release_train.as_ref())).transpose()?,
            groups: self.settings.groups.clone(),
            production: settings.production.iter().map(|name| name.to_lowercase()).collect(),
            environments: settings.environments.iter().map(|name| name.to_lowercase()).collect(),
            incident_window_seconds: i64::from(settings.incident_window_hours) * 3600,
            reporting_lag_seconds: i64::from(settings.reporting_lag_hours) * 3600,
            hotfix_labels: settings.hotfix_labels.iter().map(|label| label.to_lowercase()).collect(),
            hotfix_branches: settings.hotfix_branches.clone(),
            service_paths: self.settings.paths.clone(),
            practices: interventions::rules(&self.settings.interventions)?,
            counts_feature_flags: settings.counts_feature_flags,
            seed: settings.seed,
            threads: global.threads,
        })
    }
}

/// A zone by its name.
fn zone(key: &str, name: &str) -> Result<Tz, SettingsError> {
    name.parse().map_err(|error: chrono_tz::ParseError| SettingsError::Value {
        key: key.to_owned(),
        value: name.to_owned(),
        expected: format!("an IANA zone such as `Europe/Berlin` is expected ({error})"),
    })
}

/// The calendar that is asked for.
fn calendar(every: Every, train: Option<&ReleaseTrain>) -> Result<Calendar, SettingsError> {
    let wrong = |key: &str, value: String, expected: &str| SettingsError::Value {
        key: key.to_owned(),
        value,
        expected: expected.to_owned(),
    };
    Ok(match every {
        Every::Week => Calendar::Week,
        Every::Month => Calendar::Month,
        Every::Quarter => Calendar::Quarter,
        Every::Train => {
            let train = train.ok_or_else(|| {
                wrong("--every", "train".to_owned(), "set `derive.release_train` to say when trains start")
            })?;
            let anchor = train.anchor.parse().map_err(|error: chrono::ParseError| {
                let expected = format!("a day such as `2026-01-05` is expected ({error})");
                wrong("derive.release_train.anchor", train.anchor.clone(), &expected)
            })?;
            if !(1..=366).contains(&train.days) {
                let days = train.days.to_string();
                return Err(wrong("derive.release_train.days", days, "a train has 1 to 366 days"));
            }
            Calendar::Train(Train { anchor, days: train.days })
        }
    })
}

#[derive(Default)]
struct Layers {
    merged: toml::Table,
    origins: BTreeMap<String, String>,
}

impl Layers {
    fn add_file(&mut self, path: &Path) -> Result<(), SettingsError> {
        let name = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|source| SettingsError::Read { path: name.clone(), source })?;
        let wrong = |error: toml::de::Error| {
            // Of a source, only its own settings know where in them something is wrong.
            let (at, what) = source_error(&text)
                .unwrap_or_else(|| (error.span().map(|span| span.start), without_value(error.message())));
            let place = at.map_or_else(String::new, |at| place(&text, at));
            SettingsError::Wrong { path: name.clone(), place, what }
        };
        // Read as settings first, so that a misspelt key is told with its line.
        toml::from_str::<Settings>(&text).map_err(wrong)?;
        let mut table: toml::Table = toml::from_str(&text).map_err(wrong)?;
        paths::anchor(&mut table, path.parent().unwrap_or(Path::new("")));
        self.add(Value::Table(table), &name);
        Ok(())
    }

    fn add(&mut self, layer: Value, origin: &str) {
        if let Value::Table(layer) = layer {
            merge(&mut self.merged, layer, "", origin, &mut self.origins);
        }
    }

    fn set(&mut self, key: &[&str], value: Value, origin: &str) {
        let nested = key
            .iter()
            .rev()
            .fold(value, |value, part| Value::Table(toml::Table::from_iter([((*part).to_owned(), value)])));
        self.add(nested, origin);
    }

    fn finish(self) -> Result<Layered, SettingsError> {
        let merged = Value::Table(self.merged);
        if let Some(key) = telling_address(&merged, "") {
            return Err(SettingsError::Telling { key });
        }
        let settings: Settings = merged.try_into().map_err(|error: toml::de::Error| SettingsError::Wrong {
            path: "all layers together".to_owned(),
            place: String::new(),
            what: without_value(error.message()),
        })?;
        tell_apart(&settings.sources)?;
        interventions::rules(&settings.interventions)?;
        zone("derive.zone", &settings.derive.zone)?;
        for (key, hours) in [
            ("derive.incident_window_hours", settings.derive.incident_window_hours),
            ("derive.reporting_lag_hours", settings.derive.reporting_lag_hours),
        ] {
            if hours > MOST_HOURS {
                return Err(SettingsError::Value {
                    key: key.to_owned(),
                    value: hours.to_string(),
                    expected: format!("at most {MOST_HOURS} hours, a year, are expected"),
                });
            }
        }
        if let Some(year) = settings.report.benchmarks.filter(|year| reports::benchmarks::year(*year).is_none()) {
            return Err(SettingsError::Value {
                key: "report.benchmarks".to_owned(),
                value: year.to_string(),
                expected: "a year is expected that `doracle metrics benchmarks` lists".to_owned(),
            });
        }
        Ok(Layered { settings, origins: self.origins, s3_options: s3_options() })
    }
}

/// The value of a key.
fn found<'t, 'i>(table: &'t DeTable<'i>, key: &str) -> Option<&'t Spanned<DeValue<'i>>> {
    table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
}

/// What is wrong with the first source that is, and where.
fn source_error(text: &str) -> Option<(Option<usize>, String)> {
    let document = DeTable::parse(text).ok()?;
    let DeValue::Array(list) = found(document.get_ref(), "sources")?.get_ref() else { return None };
    list.iter().find_map(|source| {
        let DeValue::Table(table) = source.get_ref() else { return None };
        let start = Some(source.span().start);
        let kind = found(table, "type");
        let known: Vec<&str> = sources::all().into_iter().map(|source| source.name).collect();
        let known = known.join("`, `");
        let Some(kind) = kind else {
            return Some((start, format!("a source needs its `type`, one of `{known}`")));
        };
        let DeValue::String(name) = kind.get_ref() else {
            return Some((Some(kind.span().start), format!("`type` is one of `{known}`")));
        };
        let settings = table.iter().filter(|(name, _)| name.get_ref() != "type");
        let own: DeTable<'_> = settings.map(|(name, value)| (name.clone(), value.clone())).collect();
        let own = Spanned::new(source.span(), own);
        match sources::read(name, own.into_deserializer()) {
            Some(Ok(_)) => None,
            Some(Err(error)) => {
                Some((error.span().map_or(start, |span| Some(span.start)), without_value(error.message())))
            }
            None => {
                let meant = sources::nearest(name).map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
                Some((Some(kind.span().start), format!("there is no source of that type{meant} (types: `{known}`)")))
            }
        }
    })
}

/// Longest window around an incident, and longest delay of a record.
const MOST_HOURS: u32 = 8760;

/// The line of a byte of a file, with the key that stands there, but not its value.
fn place(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let number = before.matches('\n').count() + 1;
    match line.split_once('=') {
        Some((key, _)) if !key.contains(['"', '\'']) => format!(", line {number}, `{}`", key.trim()),
        _ => format!(", line {number}"),
    }
}

/// What the reader of TOML says, without the value that it repeats.
fn without_value(message: &str) -> String {
    for (before, after) in [("unknown variant `", "`, "), ("string \"", "\", expected")] {
        if let Some((start, rest)) = message.split_once(before)
            && let Some(end) = rest.rfind(after)
        {
            let (kind, expected) =
                (before.trim_end_matches([' ', '`', '"']), rest[end..].trim_start_matches(['`', '"']));
            return format!("{start}{kind}{expected}");
        }
    }
    message.to_owned()
}

/// The key of the first address that holds a name, a password or a query.
fn telling_address(value: &Value, key: &str) -> Option<String> {
    match value {
        Value::String(text) => {
            let url = url::Url::parse(text.trim()).ok().filter(url::Url::has_host)?;
            // A name alone is how Git writes addresses by SSH.
            let is_web = matches!(url.scheme(), "http" | "https" | "s3" | "s3a");
            let is_telling =
                url.password().is_some() || (is_web && (!url.username().is_empty() || url.query().is_some()));
            is_telling.then(|| key.to_owned())
        }
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(at, item)| telling_address(item, &format!("{key}[{}]", at + 1)))
        }
        Value::Table(table) => table.iter().find_map(|(name, item)| {
            telling_address(item, &if key.is_empty() { name.clone() } else { format!("{key}.{name}") })
        }),
        _ => None,
    }
}

/// Refuses two sources with one stream.
fn tell_apart(sources: &[sources::Config]) -> Result<(), SettingsError> {
    let mut streams = BTreeMap::new();
    for (at, source) in sources.iter().enumerate() {
        let stream = source.source().stream();
        if let Some(first) = streams.insert(stream.clone(), at + 1) {
            return Err(SettingsError::Alike { first, second: at + 1, stream });
        }
    }
    Ok(())
}

fn merge(
    into: &mut toml::Table,
    layer: toml::Table,
    prefix: &str,
    origin: &str,
    origins: &mut BTreeMap<String, String>,
) {
    for (key, value) in layer {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match (into.get_mut(&key), value) {
            (Some(Value::Table(place)), Value::Table(layer)) => merge(place, layer, &path, origin, origins),
            (_, Value::Table(layer)) => {
                let mut place = toml::Table::new();
                merge(&mut place, layer, &path, origin, origins);
                into.insert(key, Value::Table(place));
            }
            (_, value) => {
                origins.insert(path, origin.to_owned());
                into.insert(key, value);
            }
        }
    }
}

fn user_file() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".config")))?;
    Some(base.join("doracle").join("config.toml"))
}

/// The options of an S3 client, from the environment variables that its tools share.
fn s3_options() -> BTreeMap<String, String> {
    const NAMES: [&str; 9] = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ALLOW_HTTP",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    ];
    NAMES
        .iter()
        .filter_map(|name| Some((name.to_lowercase(), std::env::var(name).ok()?)))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

#[cfg(test)]
mod tests;
