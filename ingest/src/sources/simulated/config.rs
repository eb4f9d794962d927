//! Settings of the simulated organisation.

use std::fmt;

use chrono::NaiveDate;
use lake::Instant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calendar::WEEK;

/// A small simulated organisation whose true numbers are known. Everything it says is invented.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which of the possible organisations it is: the same seed gives the same bytes. Example: `2026`.
    pub seed: u64,
    /// How many services it has, each with a repository of its own. Example: `6`.
    #[schemars(range(min = 1, max = 200))]
    pub services: u16,
    /// For how many weeks it is watched. Example: `26`.
    #[schemars(range(min = 1, max = 520))]
    pub weeks: u16,
    /// First day of the first week, a Monday. Example: `"2026-01-05"`.
    pub start: StartDay,
    /// Week, from 0, at whose start half of the services adopt the simulated practice; from `weeks` on nobody does.
    /// Example: `13`.
    pub intervention_week: u16,
    /// Weeks from one adopting service to the next; 0 means all at once. Example: `2`.
    pub stagger_weeks: u16,
    /// What the practice does to those who adopt it.
    pub effects: Effects,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 2026,
            services: 6,
            weeks: 26,
            start: StartDay::default(),
            intervention_week: 13,
            stagger_weeks: 0,
            effects: Effects::default(),
        }
    }
}

/// By what adoption multiplies the numbers of a service; 1 means no effect.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Effects {
    /// Change lead time. Example: `0.65`.
    pub lead_time_factor: f64,
    /// Rate of forward rollouts. Example: `1.3`.
    pub deployment_rate_factor: f64,
    /// Probability that a rollout fails. Example: `1.0`.
    pub change_fail_factor: f64,
    /// Recovery time. Example: `1.0`.
    pub recovery_time_factor: f64,
}

impl Effects {
    /// A practice that changes nothing.
    pub const NONE: Self =
        Self { lead_time_factor: 1.0, deployment_rate_factor: 1.0, change_fail_factor: 1.0, recovery_time_factor: 1.0 };
}

impl Default for Effects {
    fn default() -> Self {
        Self { lead_time_factor: 0.65, deployment_rate_factor: 1.3, ..Self::NONE }
    }
}

impl Config {
    /// Start of the first week.
    #[must_use]
    pub fn start(&self) -> Instant {
        let midnight = self.start.0.and_time(chrono::NaiveTime::MIN);
        Instant(midnight.and_utc().timestamp_micros())
    }

    /// End of the last week: nothing is known of what happens then or later.
    #[must_use]
    pub fn as_of(&self) -> Instant {
        Instant(self.start().0 + i64::from(self.weeks) * WEEK)
    }

    /// What is wrong with the settings, if anything is.
    pub(crate) fn problem(&self) -> Option<String> {
        let factors = [
            ("lead_time_factor", self.effects.lead_time_factor),
            ("deployment_rate_factor", self.effects.deployment_rate_factor),
            ("change_fail_factor", self.effects.change_fail_factor),
            ("recovery_time_factor", self.effects.recovery_time_factor),
        ];
        if !(1..=200).contains(&self.services) {
            return Some(format!("`services` is from 1 to 200, not {}", self.services));
        }
        if !(1..=520).contains(&self.weeks) {
            return Some(format!("`weeks` is from 1 to 520, not {}", self.weeks));
        }
        let wrong = factors.into_iter().find(|(_, factor)| !(0.1..=5.0).contains(factor));
        wrong.map(|(name, factor)| format!("`effects.{name}` is from 0.1 to 5, not {factor}"))
    }
}

/// A Monday.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct StartDay(NaiveDate);

impl Default for StartDay {
    fn default() -> Self {
        Self(NaiveDate::from_ymd_opt(2026, 1, 5).expect("it is a day"))
    }
}

impl fmt::Display for StartDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl From<StartDay> for String {
    fn from(day: StartDay) -> Self {
        day.to_string()
    }
}

impl TryFrom<String> for StartDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        use chrono::{Datelike, Weekday};
        let day: NaiveDate =
            text.parse().map_err(|error| format!("`{text}` is not a day such as `2026-01-05`: {error}"))?;
        if day.weekday() != Weekday::Mon || !(1970..=2200).contains(&day.year()) {
            return Err(format!("`{text}` is not a Monday between 1970 and 2200"));
        }
        Ok(Self(day))
    }
}

impl JsonSchema for StartDay {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StartDay".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "format": "date", "description": "A Monday."})
    }
}
