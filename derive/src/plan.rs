//! What a derivation is asked to do. Everything that could change a number is here or in the event tables.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;
use lake::Instant;

use crate::PracticeRule;

/// The windows a period is cut into, beside its weeks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calendar {
    /// ISO weeks, from Monday.
    Week,
    /// Calendar months.
    Month,
    /// Calendar quarters.
    Quarter,
    /// Release trains of a fixed length.
    Train(Train),
}

/// A train of windows of one length, laid end to end in both directions from a day on which one of them starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Train {
    /// A day on which a window starts.
    pub anchor: NaiveDate,
    /// How many days a window has; 0 counts as 1.
    pub days: u32,
}

impl Calendar {
    /// The word that stands in `metrics.window_kind`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Train(_) => "train",
        }
    }
}

/// The parameters of a derivation.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Until when the data are looked at; the end of what was read, if not given.
    pub as_of: Option<Instant>,
    /// Start of the period; a year before its end, or the start of what was read, if not given.
    pub since: Option<Instant>,
    /// End of the period, excluded; the as-of time, if not given.
    pub until: Option<Instant>,
    /// The zone whose days and weeks windows follow.
    pub zone: Tz,
    /// The windows trends are shown in; chosen by the number of rollouts, if not given.
    pub calendar: Option<Calendar>,
    /// Groups of services, pooled from rows. The group `all` always exists.
    pub groups: BTreeMap<String, Vec<String>>,
    /// Environments of the production tier, in lower case.
    pub production: Vec<String>,
    /// Environments that are measured beside those of the production tier, in lower case.
    pub environments: Vec<String>,
    /// An incident may be due to a rollout that finished at most this long before it.
    pub incident_window_seconds: i64,
    /// Records may come this late: windows that end within this and the incident window of the as-of time are immature.
    pub reporting_lag_seconds: i64,
    /// Labels that make a change a hotfix, in lower case.
    pub hotfix_labels: Vec<String>,
    /// Branches whose changes are hotfixes, as patterns: `*` for any part of a name, and what lies below it.
    pub hotfix_branches: Vec<String>,
    /// Paths of the services that share a repository: patterns by service.
    pub service_paths: BTreeMap<String, Vec<String>>,
    /// Changes of working that are said here, or found among what was recorded, beside those of the table.
    pub practices: Vec<PracticeRule>,
    /// Flips of feature flags count like releases.
    pub counts_feature_flags: bool,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// Threads a query may use; the machine's, if not given. Never changes a number.
    pub threads: Option<usize>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            as_of: None,
            since: None,
            until: None,
            zone: Tz::UTC,
            calendar: None,
            groups: BTreeMap::new(),
            production: ["production", "prod", "live"].map(str::to_owned).to_vec(),
            environments: Vec::new(),
            incident_window_seconds: 24 * 3600,
            reporting_lag_seconds: 24 * 3600,
            hotfix_labels: vec!["hotfix".to_owned()],
            hotfix_branches: ["hotfix/*", "hotfix-*"].map(str::to_owned).to_vec(),
            service_paths: BTreeMap::new(),
            practices: Vec::new(),
            counts_feature_flags: false,
            seed: 1,
            threads: None,
        }
    }
}

impl Plan {
    /// Whether an environment is of the production tier.
    #[must_use]
    pub fn is_production(&self, environment: &str) -> bool {
        self.production.contains(&environment.to_lowercase())
    }

    /// Whether an environment gets numbers.
    #[must_use]
    pub fn measures(&self, environment: &str) -> bool {
        self.is_production(environment) || self.environments.contains(&environment.to_lowercase())
    }
}
