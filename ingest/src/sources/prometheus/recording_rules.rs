//! A rule file for what is worth keeping longer than a server keeps samples.

use super::config::Config;
use super::rules::Rules;
use super::timeline::Identifying;

/// The name of the series that is always there while rules are evaluated.
const PRESENCE: &str = "doracle:presence";

impl Config {
    /// A rule file (YAML) for the server: a series that is always there while it evaluates rules, for `alerts.presence`;
    /// how many series of each alert fire, without the labels that come and go; each configured series under a name of
    /// its own; and an alert for when nobody would see an alert. What it records is small enough to be kept for years.
    ///
    /// ```
    /// let config: ingest::sources::prometheus::Config =
    ///     serde_json::from_value(serde_json::json!({ "url": "https://metrics.example" }))?;
    /// assert!(config.recording_rules().contains("record: \"doracle:presence\""));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn recording_rules(&self) -> String {
        let labels = Rules::new(&self.rules).map_or_else(|_unusable| self.alerts.identity.clone(), |rules| {
            let Identifying { names, .. } = super::identifying(self, &rules);
            names.into_iter().filter(|name| name != "alertname").collect()
        });
        let mut by = vec!["alertname".to_owned()];
        by.extend(labels.into_iter().filter(|label| is_label(label)));
        by.sort();
        by.dedup();
        let mut firing = vec!["alertstate=\"firing\"".to_owned()];
        firing.extend(self.alerts.matching.iter().cloned());
        let mut rules = vec![
            record(PRESENCE, "vector(1)"),
            record("doracle:alerts_firing:count", &format!("count by ({}) (ALERTS{{{}}})", by.join(", "), firing.join(","))),
        ];
        rules.extend(self.series.iter().map(|series| record(&recorded_name(&series.name), &series.query)));
        rules.push(format!(
            "      - alert: \"DoraclePresenceMissing\"\n        expr: {}\n        for: \"10m\"\n        labels:\n          \
             severity: \"info\"\n        annotations:\n          summary: \"Rules were not evaluated: quiet alerts of this time are no evidence\"\n",
            text(&format!("count_over_time({PRESENCE}[15m]) < 2 or absent({PRESENCE})")),
        ));
        format!("groups:\n  - name: {}\n    rules:\n{}", text(&format!("doracle-{}", self.name)), rules.concat())
    }
}

fn record(name: &str, query: &str) -> String {
    format!("      - record: {}\n        expr: {}\n", text(name), text(query))
}

/// A name that Prometheus takes for a series.
fn recorded_name(name: &str) -> String {
    let plain: String =
        name.chars().map(|letter| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '_' }).collect();
    format!("doracle:series:{plain}")
}

fn is_label(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// A text in YAML: what JSON writes is YAML, too.
fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
