//! A server that speaks the API of Prometheus, as strict as the contract: what is not allowed is refused in its words.

use std::fmt::Write as _;

use regex::Regex;
use serde_json::{Value, json};

use super::planted::{Held, Sample};
use crate::loopback::{Asked, Reply};
use crate::sources::prometheus::wire::Labels;

/// For how long the newest sample is carried on.
const LOOKBACK: i64 = 300_000;

/// A server.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) held: Held,
    /// The present, in milliseconds.
    pub(super) now: i64,
    /// Whether ranges leave their left edge out, as since version 3.
    pub(super) is_left_open: bool,
    /// Whether samples themselves are refused.
    pub(super) refuses_samples: bool,
    /// Most samples a query may load.
    pub(super) max_samples: usize,
    /// Most milliseconds of a query.
    pub(super) max_range: i64,
    /// What `/api/v1/rules` says.
    pub(super) rules: Value,
    /// What the server says it keeps.
    pub(super) retention: String,
    /// Under which path everything lies.
    pub(super) prefix: &'static str,
    /// A warning beside every answer with anything in it, and a remark beside every answer.
    pub(super) warning: Option<&'static str>,
    pub(super) remark: Option<&'static str>,
}

impl World {
    pub(super) fn new(held: Held, now: i64) -> Self {
        Self {
            held,
            now,
            is_left_open: false,
            refuses_samples: false,
            max_samples: 50_000_000,
            max_range: i64::MAX,
            rules: json!({ "groups": [] }),
            retention: "400d".to_owned(),
            prefix: "",
            warning: None,
            remark: None,
        }
    }

    /// Rules by name, evaluated every so many seconds and waiting so long.
    pub(super) fn with_rule(mut self, name: &str, every: i64, hold: i64) -> Self {
        let groups = self.rules["groups"].as_array_mut().expect("groups are a list");
        groups.push(json!({
            "name": name, "file": "rules.yml", "interval": every, "limit": 0,
            "evaluationTime": 0.001, "lastEvaluation": "2026-01-05T00:00:00Z",
            "rules": [{
                "name": name, "type": "alerting", "duration": hold, "keepFiringFor": 0, "query": "up == 0",
                "health": "ok", "state": "inactive", "labels": {}, "annotations": {}, "alerts": []
            }]
        }));
        self
    }

    /// With `keep_firing_for` of every rule so far.
    pub(super) fn keeping(mut self, seconds: i64) -> Self {
        for group in self.rules["groups"].as_array_mut().expect("groups are a list") {
            group["rules"][0]["keepFiringFor"] = json!(seconds);
        }
        self
    }

    /// The answer to a request.
    pub(super) fn answer(&self, asked: &Asked) -> Reply {
        let Some(path) = asked.path().strip_prefix(self.prefix) else { return not_found() };
        let fields = fields(asked);
        let allowed: &[&str] = match path {
            "/api/v1/query" => &["query", "time", "timeout", "limit", "stats", "lookback_delta"],
            "/api/v1/query_range" => &["query", "start", "end", "step", "timeout", "limit", "stats", "lookback_delta"],
            "/api/v1/rules" => &["type"],
            "/api/v1/status/runtimeinfo" => &[],
            _ => return not_found(),
        };
        if let Some((unknown, _)) = fields.iter().find(|(name, _)| !allowed.contains(&name.as_str())) {
            return refused(400, "bad_data", &format!("unknown parameter \"{unknown}\""));
        }
        let field = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        match path {
            "/api/v1/rules" => success(&self.rules, self),
            "/api/v1/status/runtimeinfo" => {
                let began = "2026-01-05T00:00:00Z";
                let told = json!({
                    "startTime": began, "CWD": "/", "hostname": "metrics", "serverTime": began, "reloadConfigSuccess": true,
                    "lastConfigTime": began, "corruptionCount": 0, "goroutineCount": 40, "GOMAXPROCS": 2,
                    "GOMEMLIMIT": 1_073_741_824, "GOGC": "75", "GODEBUG": "", "storageRetention": self.retention,
                });
                success(&told, self)
            }
            "/api/v1/query" => self.query(field("query"), field("time")),
            _ => self.query_range(field("query"), field("start"), field("end"), field("step")),
        }
    }

    fn query(&self, query: Option<&str>, time: Option<&str>) -> Reply {
        let Some(query) = query else { return refused(400, "bad_data", "invalid parameter \"query\"") };
        let Some(time) = time.map_or(Some(self.now), milliseconds) else {
            return refused(400, "bad_data", "invalid parameter \"time\"");
        };
        if query == "vector(1)" {
            let result = json!([{ "metric": {}, "value": [seconds(time), "1"] }]);
            return success(&json!({ "resultType": "vector", "result": result }), self);
        }
        let Some((selector, range)) = query.strip_suffix("ms]").and_then(|query| query.rsplit_once('[')) else {
            return refused(400, "bad_data", "parse error: only range selectors are asked for here");
        };
        let (Some(selector), Ok(range)) = (Selector::parse(selector), range.parse::<i64>()) else {
            return refused(400, "bad_data", "1:1: parse error: unexpected character");
        };
        if self.refuses_samples {
            return refused(422, "execution", "range vectors are not served here");
        }
        if range > self.max_range {
            return refused(422, "execution", "the query time range exceeds the limit (query length: x, limit: y)");
        }
        let from = time - range + i64::from(self.is_left_open);
        let mut loaded = 0;
        let mut result = Vec::new();
        for (labels, samples) in self.held.0.iter().filter(|(labels, _)| selector.takes(labels)) {
            let found: Vec<_> = samples.range(from..=time).filter(|(_, sample)| **sample != Sample::Stale).collect();
            loaded += found.len();
            if !found.is_empty() {
                result.push(series(labels, found.into_iter().map(|(at, sample)| (*at, sample))));
            }
        }
        if loaded > self.max_samples {
            let told = "query processing would load too many samples into memory in query execution";
            return refused(422, "execution", told);
        }
        success(&json!({ "resultType": "matrix", "result": result }), self)
    }

    fn query_range(&self, query: Option<&str>, start: Option<&str>, end: Option<&str>, step: Option<&str>) -> Reply {
        let times = (start.and_then(milliseconds), end.and_then(milliseconds), step.and_then(milliseconds));
        let (Some(query), (Some(start), Some(end), Some(step))) = (query, times) else {
            return refused(400, "bad_data", "invalid parameter");
        };
        if end < start {
            return refused(400, "bad_data", "invalid parameter \"end\": end timestamp must not be before start time");
        }
        if step <= 0 {
            return refused(400, "bad_data", "zero or negative query resolution step widths are not accepted");
        }
        if (end - start) / step > 11_000 {
            let told = "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution";
            return refused(400, "bad_data", told);
        }
        if end - start > self.max_range {
            return refused(422, "execution", "the query time range exceeds the limit (query length: x, limit: y)");
        }
        let times = (start..=end).step_by(usize::try_from(step).expect("a positive step"));
        let result = match Query::parse(query) {
            None => return refused(400, "bad_data", "1:1: parse error: unexpected character"),
            Some(Query::Presence(selector, range)) => {
                let counts: Vec<(i64, Sample)> = times
                    .filter_map(|at| {
                        let from = at - range + i64::from(self.is_left_open);
                        let is_there = |samples: &std::collections::BTreeMap<i64, Sample>| {
                            samples.range(from..=at).any(|(_, sample)| *sample != Sample::Stale)
                        };
                        let count = self.held.0.iter().filter(|(l, s)| selector.takes(l) && is_there(s)).count();
                        (count > 0).then(|| (at, Sample::Value(count.to_string())))
                    })
                    .collect();
                let counts = counts.iter().map(|(at, sample)| (*at, sample));
                let one = series(&Labels::new(), counts);
                if one.get("values").is_some() { vec![one] } else { Vec::new() }
            }
            Some(Query::Plain(selector)) => self.instants(&selector, &times, |_, sample| sample.clone()),
            Some(Query::Times(selector)) => {
                let mut result = self.instants(&selector, &times, |at, _| Sample::Value(seconds(at).to_string()));
                for one in &mut result {
                    one["metric"].as_object_mut().expect("labels").remove("__name__");
                }
                result
            }
        };
        success(&json!({ "resultType": "matrix", "result": result }), self)
    }

    /// Instant vectors at these times: of each series the newest sample, for five minutes and not beyond its end.
    fn instants(
        &self,
        selector: &Selector,
        times: &(impl Iterator<Item = i64> + Clone),
        value: impl Fn(i64, &Sample) -> Sample,
    ) -> Vec<Value> {
        let mut result = Vec::new();
        for (labels, samples) in self.held.0.iter().filter(|(labels, _)| selector.takes(labels)) {
            let found: Vec<(i64, Sample)> = times
                .clone()
                .filter_map(|at| {
                    let from = at - LOOKBACK + i64::from(self.is_left_open);
                    let (seen_at, sample) = samples.range(from..=at).next_back()?;
                    (*sample != Sample::Stale).then(|| (at, value(*seen_at, sample)))
                })
                .collect();
            if !found.is_empty() {
                result.push(series(labels, found.iter().map(|(at, sample)| (*at, sample))));
            }
        }
        result
    }
}

/// The queries that a range query may hold here.
enum Query {
    Plain(Selector),
    Times(Selector),
    Presence(Selector, i64),
}

impl Query {
    fn parse(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix("timestamp(").and_then(|text| text.strip_suffix(')')) {
            return Selector::parse(inner).map(Self::Times);
        }
        if let Some(inner) = text.strip_prefix("count(count_over_time(").and_then(|text| text.strip_suffix("s]))")) {
            let (selector, range) = inner.rsplit_once('[')?;
            return Some(Self::Presence(Selector::parse(selector)?, range.parse::<i64>().ok()? * 1000));
        }
        Selector::parse(text).map(Self::Plain)
    }
}

/// A vector selector.
struct Selector {
    name: String,
    matchers: Vec<(String, String, Regex)>,
}

impl Selector {
    fn parse(text: &str) -> Option<Self> {
        let (name, rest) = match text.split_once('{') {
            Some((name, rest)) => (name, rest.strip_suffix('}')?),
            None => (text, ""),
        };
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
        let mut matchers = Vec::new();
        let one = Regex::new(r#"^([a-zA-Z_]\w*)(=~|!~|!=|=)"((?:[^"\\]|\\.)*)"(?:,|$)"#).expect("a pattern");
        let mut rest = rest;
        while !rest.is_empty() {
            let found = one.captures(rest)?;
            let plain = found[3].replace("\\\"", "\"").replace("\\\\", "\\");
            let pattern = if found[2].ends_with('~') { plain } else { regex::escape(&plain) };
            matchers.push((found[1].to_owned(), found[2].to_owned(), Regex::new(&format!("^(?:{pattern})$")).ok()?));
            rest = &rest[found[0].len()..];
        }
        is_name.then(|| Self { name: name.to_owned(), matchers })
    }

    fn takes(&self, labels: &Labels) -> bool {
        let value = |name: &str| labels.get(name).map_or("", String::as_str);
        value("__name__") == self.name
            && self
                .matchers
                .iter()
                .all(|(name, operator, pattern)| pattern.is_match(value(name)) != operator.starts_with('!'))
    }
}

fn fields(asked: &Asked) -> Vec<(String, String)> {
    let query = asked.line.split_once('?').map_or("", |(_, query)| query);
    let body = String::from_utf8_lossy(&asked.body).into_owned();
    let pairs = |text: &str| -> Vec<(String, String)> {
        url::form_urlencoded::parse(text.as_bytes()).map(|(name, value)| (name.into(), value.into())).collect()
    };
    [pairs(query), pairs(&body)].concat()
}

fn series<'a>(labels: &Labels, samples: impl Iterator<Item = (i64, &'a Sample)>) -> Value {
    let (mut values, mut histograms) = (Vec::new(), Vec::new());
    for (at, sample) in samples {
        match sample {
            Sample::Value(value) => values.push(json!([seconds(at), value])),
            Sample::Histogram => histograms.push(json!([
                seconds(at),
                { "count": "3", "sum": "4.5", "buckets": [[0, "0.5", "1", "2"], [0, "1", "2", "1"]] }
            ])),
            Sample::Stale => {}
        }
    }
    let mut one = json!({ "metric": labels });
    if !values.is_empty() {
        one["values"] = values.into();
    }
    if !histograms.is_empty() {
        one["histograms"] = histograms.into();
    }
    one
}

fn success(data: &Value, world: &World) -> Reply {
    let mut body = json!({ "status": "success", "data": data });
    let has_content = data.get("result").and_then(Value::as_array).is_some_and(|result| !result.is_empty());
    if let Some(warning) = world.warning.filter(|_| has_content) {
        body["warnings"] = json!([warning]);
    }
    if let Some(remark) = world.remark {
        body["infos"] = json!([remark]);
    }
    Reply::json(body.to_string())
}

fn refused(status: u16, kind: &str, told: &str) -> Reply {
    let body = json!({ "status": "error", "errorType": kind, "error": told });
    Reply::status(status, body.to_string()).with("content-type", "application/json")
}

fn not_found() -> Reply {
    Reply::status(404, "404 page not found\n").with("content-type", "text/plain; charset=utf-8")
}

fn milliseconds(text: &str) -> Option<i64> {
    let seconds: f64 = text.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "times in tests are small")]
    seconds.is_finite().then(|| (seconds * 1000.0).round() as i64)
}

fn seconds(milliseconds: i64) -> f64 {
    let mut text = String::new();
    write!(text, "{}.{:03}", milliseconds.div_euclid(1000), milliseconds.rem_euclid(1000)).expect("a text takes all");
    text.parse().expect("a number")
}
