//! How often alerts are evaluated and how long they wait, as the server's rules say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::Alerts;
use super::intervals::{Keep, Pace};
use super::timeline::Identity;
use super::wire::RulesData;
use super::windows::SECOND;

/// Longer waits and intervals than a hundred years are none.
const LONGEST_SECONDS: f64 = 3.2e9;

/// The pace of every alert.
#[derive(Clone, Debug)]
pub(super) struct Evaluations {
    by_name: BTreeMap<String, Rule>,
    usual: Pace,
}

/// What the server's rules of one name agree on.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Rule {
    evaluation: i64,
    hold: Option<i64>,
    keep: Keep,
}

impl Rule {
    /// Where several rules have one name, the slower evaluation counts, and the waiting time only if they agree on it.
    fn or(self, other: Self) -> Self {
        Self {
            evaluation: self.evaluation.max(other.evaluation),
            hold: self.hold.filter(|_| self.hold == other.hold),
            keep: self.keep.or(other.keep),
        }
    }
}

impl Evaluations {
    /// What is configured, before anything is known of the rules.
    pub(super) fn configured(alerts: &Alerts) -> Self {
        let usual = Pace {
            evaluation: i64::from(alerts.evaluation_seconds) * SECOND,
            hold: None,
            keep: alerts.keep_firing_seconds.map_or(Keep::Unknown, |seconds| Keep::For(i64::from(seconds) * SECOND)),
            step: None,
            flapping: i64::from(alerts.flapping_seconds) * SECOND,
        };
        Self { by_name: BTreeMap::new(), usual }
    }

    /// With what the server says.
    pub(super) fn learn(&mut self, rules: RulesData) {
        for group in rules.groups.unwrap_or_default() {
            let interval = group.interval.and_then(length).filter(|interval| *interval > 0);
            let alerts = group.rules.unwrap_or_default().into_iter().filter(|rule| rule.kind.as_deref() == Some("alerting"));
            for rule in alerts {
                let (Some(name), evaluation) = (rule.name, interval.unwrap_or(self.usual.evaluation)) else { continue };
                let keep = length(rule.keep.unwrap_or(0.0)).map_or(Keep::Unknown, Keep::For);
                let rule = Rule { evaluation, hold: rule.duration.and_then(length), keep };
                self.by_name.entry(name).and_modify(|known| *known = known.or(rule)).or_insert(rule);
            }
        }
    }

    /// With what was learned before, where the server says nothing at the moment; whether there is anything.
    pub(super) fn recall(&mut self, memory: Option<&Value>) -> bool {
        let known = memory.and_then(|memory| serde_json::from_value(memory.clone()).ok());
        let is_known = known.is_some();
        self.by_name = known.unwrap_or_default();
        is_known
    }

    /// What was learned, for a later reading.
    pub(super) fn to_memory(&self) -> Value {
        serde_json::to_value(&self.by_name).unwrap_or_default()
    }

    /// Samples come only at these steps.
    pub(super) fn by_steps_of(&mut self, step: Option<i64>) {
        self.usual.step = step;
    }

    /// The pace of an alert.
    pub(super) fn pace(&self, identity: &Identity) -> Pace {
        let known = identity.get("alertname").and_then(|name| self.by_name.get(name));
        known.map_or(self.usual, |rule| Pace { evaluation: rule.evaluation, hold: rule.hold, keep: rule.keep, ..self.usual })
    }

    /// The shortest time between two evaluations.
    pub(super) fn fastest(&self) -> i64 {
        self.by_name.values().map(|rule| rule.evaluation).min().unwrap_or(self.usual.evaluation)
    }
}

fn length(seconds: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "its size was looked at")]
    (0.0..LONGEST_SECONDS).contains(&seconds).then(|| (seconds * SECOND as f64).round() as i64)
}

/// Microseconds of a duration as Prometheus writes it, such as `15d`, `1h30m` or `15d or 10GiB`.
pub(super) fn duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 7] = [
        ("ms", SECOND / 1000),
        ("y", 365 * 86400 * SECOND),
        ("w", 7 * 86400 * SECOND),
        ("d", 86400 * SECOND),
        ("h", 3600 * SECOND),
        ("m", 60 * SECOND),
        ("s", SECOND),
    ];
    let mut rest = text.split_whitespace().next()?;
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, length) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
        total = total.checked_add(number.checked_mul(*length)?)?;
        rest = &rest[unit.len()..];
    }
    (total > 0).then_some(total)
}
