//! The `prometheus` source against Prometheus and Alertmanager.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use ingest::receive::{Limits, Surroundings, serve};
use ingest::sources::prometheus::{Config, open};
use ingest::{NoVariables, Reading, Silent, Source, Summary, ingest};
use lake::tables::{alerts, incidents};
use lake::{AsOf, Instant, Lake, Location, TableRow};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use crate::servers::{Running, are_installed, free_port, page, ran, until};

fn now() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    Instant(i64::try_from(since.as_micros()).expect("a clock before the year 294,000"))
}

fn path(path: &Path) -> String {
    path.to_str().expect("a path of text").to_owned()
}

/// A Prometheus over the data in a folder.
fn prometheus(folder: &Path, port: u16, config: &str) -> Running {
    let file = folder.join("prometheus.yml");
    std::fs::write(&file, config).expect("a file");
    let arguments = [
        format!("--config.file={}", path(&file)),
        format!("--storage.tsdb.path={}", path(&folder.join("data"))),
        "--storage.tsdb.retention.time=10y".to_owned(),
        format!("--web.listen-address=127.0.0.1:{port}"),
    ];
    Running::start("prometheus", &arguments, &folder.join("prometheus.log"))
}

async fn is_ready(port: u16) {
    until("Prometheus to be ready", || async move { page(&format!("http://127.0.0.1:{port}/-/ready")).await }).await;
}

fn settings(value: Value) -> Config {
    serde_json::from_value(value).expect("the settings can be read")
}

async fn lake(folder: &Path) -> Lake {
    Lake::open_or_create(&Location::Folder(folder.join("lake"))).await.expect("a lake")
}

async fn rows<R: TableRow>(lake: &Lake) -> Vec<R> {
    lake.snapshot(AsOf::Latest).await.expect("a snapshot").rows().await.expect("rows")
}

async fn read(config: &Config, lake: &Lake) -> Summary {
    ingest(&open(config.clone()), lake, &Reading::at(now(), &NoVariables), &Silent).await.expect("it is read")
}

/// What a rule that is evaluated every 30 seconds and waits for 60 writes while its condition holds.
fn planted(text: &mut [String; 3], name: &str, on: &[(i64, i64)]) {
    for (start, end) in on {
        for at in (*start..*end).step_by(30) {
            let state = if at - start >= 60 { "firing" } else { "pending" };
            let labels = format!("alertname=\"{name}\",service=\"api\"");
            writeln!(text[1], "ALERTS{{{labels},alertstate=\"{state}\"}} 1 {at}").expect("a text takes all");
            writeln!(text[2], "ALERTS_FOR_STATE{{{labels}}} {start} {at}").expect("a text takes all");
        }
    }
}

#[tokio::test]
async fn a_backfilled_history_comes_out_as_it_was_planted() {
    if !are_installed("a_backfilled_history_comes_out_as_it_was_planted", &["prometheus", "promtool"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    // Ten days, a month ago, on whole hours.
    let start = now().0 / 1_000_000 / 3600 * 3600 - 30 * 86_400;
    let day = 86_400;
    let mut text = [String::new(), String::new(), String::new()];
    for at in (start..start + 10 * day).step_by(60) {
        writeln!(text[0], "up{{job=\"api\"}} {} {at}", i32::from(at % 7200 != 0)).expect("a text takes all");
    }
    let long = (start + day, start + day + 9000);
    let flapping = [(start + 3 * day, start + 3 * day + 300), (start + 3 * day + 600, start + 3 * day + 900)];
    let waiting = (start + 4 * day, start + 4 * day + 60);
    planted(&mut text, "Long", &[long]);
    planted(&mut text, "Flapping", &flapping);
    planted(&mut text, "Waiting", &[waiting]);
    let metrics = folder.path().join("history.om");
    let headed = ["up", "ALERTS", "ALERTS_FOR_STATE"]
        .iter()
        .zip(&text)
        .map(|(name, text)| format!("# TYPE {name} gauge\n{text}"));
    std::fs::write(&metrics, headed.collect::<String>() + "# EOF\n").expect("a file");
    let data = folder.path().join("data");
    let arguments = ["tsdb", "create-blocks-from", "openmetrics", "-q", "--max-block-duration=240h"].map(str::to_owned);
    ran("promtool", &[arguments.to_vec(), vec![path(&metrics), path(&data)]].concat());
    let port = free_port();
    let _server = prometheus(folder.path(), port, "global: {scrape_interval: 15s}\n");
    is_ready(port).await;

    let since = Instant::from_seconds(start - day).to_string();
    for (name, method) in [("samples", "samples"), ("ranges", "range_query")] {
        let config = settings(json!({
            "name": name, "url": format!("http://127.0.0.1:{port}"), "since": since,
            "alerts": { "method": method, "evaluation_seconds": 30, "lag_seconds": 18 * day },
            "rules": [{ "service": { "label": "service" }, "minimum_seconds": 120 }],
            "series": [{ "name": "up", "query": "up{job=\"api\"}", "step_seconds": 3600, "lag_seconds": 0 }],
        }));
        let lake = lake(&folder.path().join(name)).await;
        read(&config, &lake).await;
        let mut rows: Vec<alerts::Row> = rows(&lake).await;
        rows.sort_by_key(|row| row.started_at);
        let told: Vec<_> = rows
            .iter()
            .map(|row| {
                let second = |at: Instant| at.0 / 1_000_000 - start;
                (
                    row.name.clone(),
                    row.pending_at.map(second),
                    second(row.started_at),
                    row.ended_at.map(second),
                    row.merged_count,
                )
            })
            .collect();
        let expected = [
            ("Long".to_owned(), Some(day), day + 60, Some(day + 8970), 1),
            ("Flapping".to_owned(), Some(3 * day), 3 * day + 60, Some(3 * day + 870), 2),
        ];
        assert_eq!(told, expected, "{method}: no end is carried on, and what only waited is no alert");
        assert!(rows.iter().all(|row| row.end_basis == "resolved" && row.witness == method));
        let opened: Vec<incidents::Row> = self::rows(&lake).await;
        assert_eq!(opened.len(), 2);
        let samples: Vec<lake::tables::samples::Row> = self::rows(&lake).await;
        assert!(samples.iter().any(|sample| sample.value == Some(0.0)) && samples.len() >= 240, "{}", samples.len());
        let coverage: Vec<lake::tables::coverage::Row> = self::rows(&lake).await;
        let gaps = coverage.iter().filter(|row| !row.is_complete && row.covers == "alerts");
        let gap = gaps.min_by_key(|row| row.range_start_at).expect("a gap before the history");
        assert_eq!(gap.range_start_at, Some(Instant::from_seconds(start - day)));
        let until = gap.range_end_at.expect("an end").0 / 1_000_000 - start;
        assert!((-120..=0).contains(&until), "{gap:?}");
    }

    // The start of what is kept is not what the server calls `minTime`: that is the newest block's.
    let status = page(&format!("http://127.0.0.1:{port}/api/v1/status/tsdb")).await.expect("a page");
    let status: Value = serde_json::from_str(&status).expect("JSON");
    let oldest = status["data"]["headStats"]["minTime"].as_i64().expect("a number");
    assert!(oldest > start * 1000, "{oldest}");
}

/// Something to be watched: it answers while its switch is on.
async fn target(mut on: watch::Receiver<bool>, port: u16) {
    loop {
        if on.wait_for(|on| *on).await.is_err() {
            return;
        }
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("the port is ours");
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let Ok((mut stream, _)) = accepted else { continue };
                    drop(stream.read(&mut [0; 4096]).await);
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: 8\r\nconnection: close\r\n\r\nalive 1\n";
                    drop(stream.write_all(answer).await);
                }
                is_left = async { on.wait_for(|on| !*on).await.is_err() } => {
                    if is_left {
                        return;
                    }
                    break;
                }
            }
        }
    }
}

const RULES: &str = r#"
groups:
  - name: live
    interval: 1s
    rules:
      - alert: TargetDown
        expr: up{job="target"} == 0
        for: 2s
        labels: {service: api, severity: page}
"#;

fn live_config(target: u16, alertmanager: u16, rules: &Path, own: u16) -> String {
    format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s, external_labels: {{replica: a}}}}\n\
         rule_files: ['{}']\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{alertmanager}']}}]}}]}}\n\
         scrape_configs:\n\
         - {{job_name: target, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}\n\
         - {{job_name: own, static_configs: [{{targets: ['127.0.0.1:{own}']}}]}}\n",
        path(rules),
    )
}

#[expect(clippy::too_many_lines, reason = "one outage, told from its beginning to its end")]
#[tokio::test]
async fn a_real_outage_is_one_incident_whoever_tells_of_it() {
    let test = "a_real_outage_is_one_incident_whoever_tells_of_it";
    if !are_installed(test, &["prometheus", "prometheus-alertmanager"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (own, manager, watched) = (free_port(), free_port(), free_port());
    let hook = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let hook_port = hook.local_addr().expect("it is bound").port();
    let rules = folder.path().join("rules.yml");
    std::fs::write(&rules, RULES).expect("a file");
    let routes = folder.path().join("alertmanager.yml");
    std::fs::write(
        &routes,
        format!(
            "route: {{receiver: hook, group_wait: 1s, group_interval: 1s, repeat_interval: 1m}}\n\
             receivers:\n\
             - name: hook\n  webhook_configs:\n  - url: http://127.0.0.1:{hook_port}/prometheus/main\n    send_resolved: true\n    \
             http_config: {{basic_auth: {{username: ada, password: sesame}}}}\n"
        ),
    )
    .expect("a file");
    let (switch, switched) = watch::channel(true);
    let watched_target = tokio::spawn(target(switched, watched));
    let arguments = [
        format!("--config.file={}", path(&routes)),
        format!("--storage.path={}", path(&folder.path().join("manager"))),
        format!("--web.listen-address=127.0.0.1:{manager}"),
        "--cluster.listen-address=".to_owned(),
    ];
    let _manager = Running::start("prometheus-alertmanager", &arguments, &folder.path().join("manager.log"));
    let server = prometheus(folder.path(), own, &live_config(watched, manager, &rules, own));
    is_ready(own).await;

    let began = now();
    let config = settings(json!({
        "url": format!("http://127.0.0.1:{own}"), "since": Instant(began.0 - 60_000_000).to_string(),
        "alerts": { "evaluation_seconds": 1, "presence_seconds": 10, "external_labels": { "replica": "a" } },
        "rules": [{ "alert": "TargetDown", "service": { "label": "service" }, "minimum_seconds": 0 }],
        "alertmanager": { "url": format!("http://127.0.0.1:{manager}") },
        "receive": { "auth": { "basic": { "user": "ada", "password": { "env": "HOOK" } } } },
    }));
    let lake = lake(folder.path()).await;
    let variables = BTreeMap::from([("HOOK".to_owned(), "sesame".to_owned())]);
    let receivers = vec![open(config.clone()).receiver().expect("the settings fit").expect("it takes deliveries")];
    let (stop, stopped) = watch::channel(false);
    let story = async {
        let is_up = format!("http://127.0.0.1:{own}/api/v1/query?query=up%7Bjob%3D%22target%22%7D%20%3D%3D%201");
        until("the target to be seen", || async { page(&is_up).await.filter(|page| page.contains("\"target\"")) })
            .await;
        switch.send(false).expect("the target listens");
        let down = now();
        // A delivery says that it fires, and a reading says so, too.
        until("a delivery that it fires", || async {
            let told: Vec<alerts::Row> = rows(&lake).await;
            told.into_iter().find(|row| row.ended_at.is_none() && row.witness == "webhook")
        })
        .await;
        let open_incident = until("a reading that it fires", || async {
            read(&config, &lake).await;
            rows::<incidents::Row>(&lake).await.pop()
        })
        .await;
        assert_eq!((open_incident.resolved_at, open_incident.service.as_deref()), (None, Some("api")));
        switch.send(true).expect("the target listens");
        let up = now();
        let over = until("a delivery that it is over", || async {
            let told: Vec<alerts::Row> = rows(&lake).await;
            told.into_iter().find(|row| row.ended_at.is_some())
        })
        .await;
        assert_eq!((over.end_basis.as_str(), over.ended_at > Some(up)), ("resolved", true), "{over:?}");
        let row = until("a reading that it is over", || async {
            read(&config, &lake).await;
            rows::<alerts::Row>(&lake).await.into_iter().find(|row| row.ended_at.is_some() && row.pending_at.is_some())
        })
        .await;
        let seconds = |from: Instant, to: Instant| (to.0 - from.0) as f64 / 1e6;
        // Seen down by a scrape, then by an evaluation, then it waits for two seconds.
        let pending = row.pending_at.expect("it waited");
        assert!((-0.1..20.0).contains(&seconds(down, pending)), "{}", seconds(down, pending));
        assert!((1.0..=4.5).contains(&seconds(pending, row.started_at)), "{row:?}");
        let end = row.ended_at.expect("it is over");
        assert!(end > row.started_at && (-1.5..20.0).contains(&seconds(up, end)), "{row:?}");
        let all: Vec<alerts::Row> = rows(&lake).await;
        assert_eq!(all.len(), 1, "whoever tells of it, it is one: {all:?}");
        assert_eq!(rows::<incidents::Row>(&lake).await.len(), 1);
        stop.send(true).expect("the server listens");
        row
    };
    let limits = Limits::default();
    let surroundings = Surroundings { lake: &lake, variables: &variables, clock: &now, limits, reporter: &Silent };
    let (served, row) = tokio::join!(serve(hook, receivers, surroundings, stopped), story);
    served.expect("deliveries are taken until the end");

    // The server crashes while the target is down, and comes back: the same firing, of which nobody saw the middle.
    switch.send(false).expect("the target listens");
    let firing = format!("http://127.0.0.1:{own}/api/v1/query?query=ALERTS%7Balertstate%3D%22firing%22%7D");
    let fires = || async { page(&firing).await.filter(|page| page.contains("TargetDown")) };
    until("it to fire again", fires).await;
    server.crash();
    let _server = prometheus(folder.path(), own, &live_config(watched, manager, &rules, own));
    is_ready(own).await;
    let crashed = now();
    let again = until("a reading after the crash", || async {
        read(&config, &lake).await;
        let rows: Vec<alerts::Row> = rows(&lake).await;
        rows.into_iter().find(|row| row.ended_at.is_none() && row.updated_at > Some(crashed))
    })
    .await;
    // Both outages lie within ten minutes: one interval that began with the first.
    assert_eq!((again.started_at, again.end_basis.as_str()), (row.started_at, "firing"));
    assert!(again.merged_count >= 2, "{again:?}");
    assert_eq!(rows::<incidents::Row>(&lake).await.len(), 1);
    drop(switch);
    watched_target.await.expect("the target ends");
}

/// The same condition twice: for three seconds of every twelve. One of the alerts is kept firing.
const KEPT: &str = r"
groups:
  - name: kept
    interval: 1s
    rules:
      - {alert: Plain, expr: 'vector((time() % 12) < bool 3) == 1', labels: {service: api}}
      - {alert: Kept, expr: 'vector((time() % 12) < bool 3) == 1', keep_firing_for: 4s, labels: {service: api}}
";

#[tokio::test]
async fn what_a_real_server_keeps_firing_ends_when_its_condition_did() {
    if !are_installed("what_a_real_server_keeps_firing_ends_when_its_condition_did", &["prometheus"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let rules = folder.path().join("rules.yml");
    std::fs::write(&rules, KEPT).expect("a file");
    let port = free_port();
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\nrule_files: ['{}']\n\
         scrape_configs:\n- {{job_name: own, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n",
        path(&rules),
    );
    let _server = prometheus(folder.path(), port, &config);
    is_ready(port).await;
    let config = settings(json!({
        "url": format!("http://127.0.0.1:{port}"),
        "alerts": { "flapping_seconds": 0, "presence_seconds": 10 },
        "rules": [{ "service": { "label": "service" }, "minimum_seconds": 0 }],
    }));
    let lake = lake(folder.path()).await;
    let began = now();
    let (plain, kept) = until("both to be over", || async {
        read(&config, &lake).await;
        let rows: Vec<alerts::Row> = rows(&lake).await;
        let over = |name| rows.iter().filter(move |row| row.name == name && row.ended_at.is_some());
        over("Plain").find_map(|plain| {
            let kept = over("Kept").find(|kept| (kept.started_at.0 - plain.started_at.0).abs() < 500_000)?;
            Some((plain.clone(), kept.clone()))
        })
    })
    .await;
    let end = |row: &alerts::Row| row.ended_at.expect("it is over").0;
    assert!((end(&plain) - end(&kept)).abs() <= 1_100_000, "{plain:?} {kept:?}");
    assert_eq!((kept.end_error_seconds, kept.end_basis.as_str()), (Some(1.0), "resolved"));
    // The server itself showed it for four seconds more.
    let firing = |name: &str| {
        let query =
            format!("count_over_time(ALERTS%7Balertname%3D%22{name}%22%2Calertstate%3D%22firing%22%7D%5B1h%5D)");
        format!("http://127.0.0.1:{port}/api/v1/query?query={query}")
    };
    let count = async |name: &str| -> f64 {
        let page: Value = serde_json::from_str(&page(&firing(name)).await.expect("a page")).expect("JSON");
        page["data"]["result"][0]["value"][1].as_str().and_then(|count| count.parse().ok()).expect("a number")
    };
    let (plain, kept) = (count("Plain").await, count("Kept").await);
    assert!(kept >= plain + 3.0, "{plain} {kept}");
    // It was read as soon as it answered, perhaps before it had recorded anything: that is where the data begin.
    let stated: Vec<lake::tables::coverage::Row> = rows(&lake).await;
    let first =
        stated.iter().filter(|row| row.covers == "alerts").min_by_key(|row| row.range_start_at).expect("alerts");
    assert!(
        first.is_complete && first.reason.as_deref().is_some_and(|why| why.starts_with("it begins with")),
        "{stated:#?}"
    );
    let before = (began.0 - first.range_start_at.expect("a start").0) as f64 / 1e6;
    assert!((-60.0..60.0).contains(&before), "it begins {before} s before it was first read");
}

#[test]
fn the_rule_file_is_one() {
    if !are_installed("the_rule_file_is_one", &["promtool"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rules.yml");
    let config = settings(json!({
        "url": "http://127.0.0.1:9090", "alerts": { "matching": ["severity=~\"page|critical\""] },
        "series": [
            { "name": "API availability: 5 m", "query": "sum(rate(http_requests_total{code!~\"5..\"}[5m])) / sum(rate(http_requests_total[5m]))" },
            { "name": "up", "query": "avg by (job) (up)" },
        ],
    }));
    std::fs::write(&file, config.recording_rules()).expect("a file");
    let said = ran("promtool", &["check".to_owned(), "rules".to_owned(), path(&file)]);
    assert!(said.contains("5 rules found"), "{said}");
}
