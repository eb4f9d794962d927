//! What charts of monitoring components and of Argo CD itself are set to provide.

use super::values::Values;
use super::wire::Source;

/// Incidents of a quarter can be looked up where samples are kept for this many days; a month is the least with which
/// a report that is made once a month loses nothing.
const LEAST_RETENTION_DAYS: f64 = 31.0;

/// Metrics that rest on alerts.
const OF_ALERTS: &[&str] = &["change_fail_rate", "failed_deployment_recovery_time"];
/// Metrics that rest on failed syncs.
pub(super) const OF_FAILURES: &[&str] = &["attempt_failure_rate"];

/// Whether something that a metric needs is provided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) input: &'static str,
    pub(super) metrics: &'static [&'static str],
    pub(super) is_provided: Option<bool>,
    pub(super) evidence: String,
    pub(super) remedy: Option<String>,
}

/// What a source that is a chart we know is set to provide.
pub(super) fn findings(source: &Source) -> Vec<Finding> {
    let seen = super::values::values(source.helm.as_ref());
    match name(source) {
        "kube-prometheus-stack" => {
            let stack = Chart { values: &seen, name: "kube-prometheus-stack" };
            let mut findings = Vec::new();
            if stack.is_on("prometheus.enabled", true) {
                findings.push(stack.retention("prometheus.prometheusSpec.retention", "10d", "prometheus.prometheusSpec.remoteWrite"));
                findings.push(stack.scrape());
            }
            if stack.is_on("alertmanager.enabled", true) {
                findings.push(stack.routes("alertmanager.config", Some("alertmanager.alertmanagerSpec.configSecret")));
            }
            findings
        }
        "prometheus" => {
            let chart = Chart { values: &seen, name: "prometheus" };
            let mut findings = vec![chart.retention("server.retention", "15d", "server.remoteWrite"), chart.jobs()];
            if chart.is_on("alertmanager.enabled", true) {
                findings.push(chart.routes("alertmanager.config", None));
            }
            findings
        }
        "alertmanager" => vec![Chart { values: &seen, name: "alertmanager" }.routes("config", None)],
        "argo-cd" => {
            let chart = Chart { values: &seen, name: "argo-cd" };
            vec![chart.notifications(), chart.own_metrics()]
        }
        _ => Vec::new(),
    }
}

/// The name of a chart: of a repository of charts, or of a folder.
fn name(source: &Source) -> &str {
    let last = |path: &'_ str| -> usize { path.trim_end_matches('/').rfind('/').map_or(0, |at| at + 1) };
    if !source.chart.is_empty() {
        return &source.chart[last(&source.chart)..];
    }
    let path = if matches!(source.path.as_str(), "" | ".") { source.repository_url.as_str() } else { source.path.as_str() };
    path[last(path)..].trim_end_matches('/')
}

/// A chart with the values that show.
struct Chart<'a> {
    values: &'a Values,
    name: &'static str,
}

impl Chart<'_> {
    fn value(&self, path: &str) -> Option<&str> {
        self.values.scalars.get(path).map(String::as_str)
    }

    /// Whether anything is set at or below a path.
    fn sets(&self, path: &str) -> bool {
        self.values.scalars.keys().any(|key| {
            key.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    fn is_on(&self, path: &str, usual: bool) -> bool {
        self.value(path).map_or(usual, |value| value == "true")
    }

    /// What to conclude where only defaults show: nothing, if values may come from files that do not show.
    fn by_default(&self, is_provided: bool) -> Option<bool> {
        (!self.values.may_hide_some).then_some(is_provided)
    }

    /// How a value is set, in words.
    fn said(&self, path: &str, usual: &str) -> String {
        match self.value(path) {
            Some(value) => format!("`{path}` is `{value}`"),
            None if self.values.may_hide_some => format!("`{path}` is not set here, and values of files do not show"),
            None => format!("`{path}` is not set, and `{}` takes `{usual}`", self.name),
        }
    }

    /// Whether samples are kept long enough.
    fn retention(&self, path: &str, usual: &str, elsewhere: &str) -> Finding {
        let kept = |text: &str| days(text).map(|days| days >= LEAST_RETENTION_DAYS);
        let is_sent_on = self.sets(elsewhere) && self.value(elsewhere) != Some("[]");
        let is_provided = match self.value(path) {
            _ if is_sent_on => Some(true),
            Some(value) => kept(value),
            None => kept(usual).and_then(|kept| self.by_default(kept)),
        };
        let told = if is_sent_on { format!("`{elsewhere}` keeps samples elsewhere") } else { self.said(path, usual) };
        self.finding("retention", OF_ALERTS, is_provided, &told, format!("set `{path}` to `{LEAST_RETENTION_DAYS}d` or more, or read alerts before they are dropped"))
    }

    /// Whether the stack looks at monitors that others brought.
    fn scrape(&self) -> Finding {
        let path = "prometheus.prometheusSpec.serviceMonitorSelectorNilUsesHelmValues";
        let is_open = self.value(path) == Some("false");
        let has_own = ["serviceMonitorSelector", "additionalScrapeConfigs"]
            .iter()
            .any(|name| self.sets(&format!("prometheus.prometheusSpec.{name}")));
        let is_provided = if is_open || has_own { Some(true) } else { self.by_default(false) };
        let told = if has_own { "selectors or scrape configurations are set".to_owned() } else { self.said(path, "true") };
        let remedy = format!("set `{path}` to `false`: otherwise only monitors with the label of this release are scraped");
        self.finding("scrape", OF_ALERTS, is_provided, &told, remedy)
    }

    /// Whether there is anything to scrape.
    fn jobs(&self) -> Finding {
        let path = "serverFiles.prometheus.yml.scrape_configs";
        let is_provided = match self.value(path) {
            Some("[]" | "null") => Some(false),
            _ if self.sets(path) => Some(true),
            _ => self.by_default(true),
        };
        let told = if self.value(path).is_none() && self.sets(path) { format!("`{path}` has jobs") } else { self.said(path, "the jobs of Kubernetes") };
        self.finding("scrape", OF_ALERTS, is_provided, &told, format!("give `{path}` a job for the services"))
    }

    /// Whether alerts go anywhere: some receiver that a route names has to do something.
    fn routes(&self, path: &str, secret: Option<&str>) -> Finding {
        let receivers = format!("{path}.receivers[");
        let name_of = |key: &str| {
            let at = key.strip_prefix(&receivers)?.split(']').next()?;
            self.value(&format!("{receivers}{at}].name")).map(str::to_owned)
        };
        let acting: Vec<String> =
            self.values.scalars.keys().filter(|key| key.contains("_configs")).filter_map(|key| name_of(key)).collect();
        let route = format!("{path}.route.");
        let named: Vec<&String> = self
            .values
            .scalars
            .iter()
            .filter(|(key, _)| key.starts_with(&route) && key.ends_with("receiver"))
            .map(|(_, name)| name)
            .collect();
        let switch = format!("{path}.enabled");
        let elsewhere = match secret.filter(|secret| self.sets(secret)) {
            Some(secret) => Some(format!("`{secret}`")),
            None => (self.value(&switch) == Some("false")).then(|| format!("`{switch}` is `false`: something else")),
        };
        let goes = named.iter().any(|name| acting.contains(name));
        let (is_provided, told) = if goes {
            (Some(true), "a route leads to a receiver that sends".to_owned())
        } else if let Some(elsewhere) = elsewhere {
            (None, format!("{elsewhere} holds the routes, which do not show"))
        } else if named.is_empty() {
            (self.by_default(false), self.said(path, "a route to nobody"))
        } else {
            (Some(false), format!("routes lead to `{}`, which send nothing", named.iter().map(|name| name.as_str()).collect::<Vec<_>>().join("`, `")))
        };
        self.finding("alerts", OF_ALERTS, is_provided, &told, format!("give `{path}` a receiver with a webhook, and a route to it"))
    }

    /// Whether Argo CD tells of failed syncs.
    fn notifications(&self) -> Finding {
        let path = "notifications.enabled";
        let has_any = self.sets("notifications.notifiers");
        let is_provided = if self.is_on(path, true) {
            if has_any { Some(true) } else { self.by_default(false) }
        } else {
            Some(false)
        };
        let told = if has_any { "`notifications.notifiers` is set".to_owned() } else { format!("{}; `notifications.notifiers` is not set", self.said(path, "true")) };
        self.finding("notifications", OF_FAILURES, is_provided, &told, "set `notifications.enabled` and a webhook in `notifications.notifiers`".to_owned())
    }

    /// Whether the counter of syncs can be scraped, against which what was read can be checked.
    fn own_metrics(&self) -> Finding {
        let paths = ["controller.metrics.enabled", "controller.metrics.serviceMonitor.enabled"];
        let is_provided = match paths.map(|path| self.value(path)) {
            [Some("true"), Some("true")] => Some(true),
            [None, _] | [_, None] => self.by_default(false),
            _ => Some(false),
        };
        let told = paths.map(|path| self.said(path, "false")).join("; ");
        self.finding("sync_counter", OF_FAILURES, is_provided, &told, format!("set `{}` and `{}`", paths[0], paths[1]))
    }

    fn finding(
        &self,
        input: &'static str,
        metrics: &'static [&'static str],
        is_provided: Option<bool>,
        told: &str,
        remedy: String,
    ) -> Finding {
        let remedy = (is_provided != Some(true)).then_some(remedy);
        Finding { input, metrics, is_provided, evidence: format!("chart `{}`: {told}", self.name), remedy }
    }
}

/// The days of a duration as Prometheus writes it, such as `10d`, `2w`, `1y` or `36h`.
fn days(text: &str) -> Option<f64> {
    let mut days = 0.0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        days += number
            * match &rest[digits..unit_end] {
                "y" => 365.0,
                "w" => 7.0,
                "d" => 1.0,
                "h" => 1.0 / 24.0,
                "m" => 1.0 / 1440.0,
                "s" => 1.0 / 86_400.0,
                "ms" => 1.0 / 86_400_000.0,
                _ => return None,
            };
        rest = &rest[unit_end..];
    }
    Some(days)
}
