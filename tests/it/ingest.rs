//! What `doracle ingest` says and does while it speaks to servers.

use std::path::Path;
use std::sync::Mutex;

use crate::server::{Asked, Reply, Server};
use crate::support::{doracle, run};

const TOKEN: &str = "sesame-is-the-word";

/// A server of metrics that has seen nothing; whoever asks for alerts first is told to come again in two seconds.
fn metrics() -> Server {
    let is_limited = Mutex::new(true);
    Server::start(move |asked: &Asked| {
        let is_about_alerts = asked.target.contains("ALERTS");
        if is_about_alerts && std::mem::take(&mut *is_limited.lock().expect("nobody panics with it")) {
            return Reply::later(2);
        }
        match asked.target.split('?').next().unwrap_or_default() {
            "/api/v1/rules" => Reply::json(r#"{"status":"success","data":{"groups":[]}}"#),
            "/api/v1/status/runtimeinfo" => Reply::json(r#"{"status":"success","data":{"storageRetention":"400d"}}"#),
            _ => Reply::json(r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#),
        }
    })
}

/// A folder whose configuration reads six hours of a server.
fn project(server: &Server) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = format!(
        "[[sources]]\ntype = 'prometheus'\nurl = '{}'\nauth = {{ bearer = {{ env = 'METRICS_TOKEN' }} }}\n\
         since = '2026-01-05T00:00:00Z'\nretention_days = 4000\nalerts = {{ presence = '' }}\n",
        server.base()
    );
    std::fs::write(folder.path().join("doracle.toml"), text).expect("it can be written");
    folder
}

const UNTIL: [&str; 3] = ["ingest", "--until", "2026-01-05T06:00:00Z"];

/// Runs with the token and gives exit code and standard error; data are none.
fn ingest(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = doracle(folder).env("METRICS_TOKEN", TOKEN).args(arguments).output().expect("the command starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_dry_run_prints_the_requests_and_opens_no_socket() {
    let server = Server::start(|_| Reply::json("[]"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let base = server.base();
    let text = format!(
        "[[sources]]\ntype = 'github'\nurl = '{base}'\norganisation = 'acme'\ntoken = {{ env = 'UNSET' }}\n\
         [[sources]]\ntype = 'argocd'\nname = 'shop'\nurl = '{base}'\ntoken = {{ file = 'nowhere' }}\n\
         [[sources]]\ntype = 'prometheus'\nurl = '{base}'\nseries = [{{ name = 'up', query = 'up' }}]\n\
         alertmanager = {{ url = '{base}' }}\n"
    );
    std::fs::write(folder.path().join("doracle.toml"), text).expect("it can be written");
    let (code, out, words) = run(folder.path(), &["ingest", "--dry-run"]);
    assert_eq!((code, out.as_str()), (0, ""), "{words}");
    for stream in ["github:acme", "argocd:shop", "prometheus:main"] {
        let told = words.split(&format!("would read `{stream}` into ")).nth(1).expect("it is told");
        let first = told.lines().nth(1).expect("a request follows");
        assert!(first.starts_with("  GET ") || first.starts_with("  POST "), "{stream}: {first}");
        assert!(first.contains(&base), "{stream}: {first}");
    }
    assert_eq!(server.connections(), 0);
    assert!(!folder.path().join(".doracle").exists(), "no lake was made");
}

#[test]
fn a_wait_is_said_with_its_seconds_and_the_summary_says_what_is_covered() {
    let server = metrics();
    let folder = project(&server);
    let (code, words) = ingest(folder.path(), &UNTIL);
    assert_eq!(code, 0, "{words}");
    assert_eq!(words.matches("waiting 2 s: too many requests").count(), 1, "{words}");
    assert!(words.contains("read `prometheus:main`: "), "{words}");
    let covered = "  covered: alerts from 2026-01-05T00:00:00Z to 2026-01-05T06:00:00Z\n";
    assert!(words.contains(covered), "{words}");
    // A range in another place is told beside it.
    let later = ["ingest", "--since", "2026-01-07T00:00:00Z", "--until", "2026-01-07T06:00:00Z"];
    let (code, words) = ingest(folder.path(), &later);
    let covered = "  covered: alerts in 2 ranges between 2026-01-05T00:00:00Z and 2026-01-07T06:00:00Z\n";
    assert!(code == 0 && words.contains(covered), "{words}");
}

#[test]
fn who_wants_it_quiet_hears_nothing() {
    let server = metrics();
    let folder = project(&server);
    assert_eq!(ingest(folder.path(), &[&UNTIL[..], &["-q"]].concat()), (0, String::new()));
    assert!(!server.asked().is_empty());
}

#[test]
fn what_could_not_be_read_stands_in_the_summary() {
    let server = Server::start(|asked| match asked.target.split('?').next().unwrap_or_default() {
        "/api/v1/rules" => Reply::json(r#"{"status":"success","data":{"groups":[]}}"#),
        _ if asked.target.contains("ALERTS") => Reply { status: 404, ..Reply::json("{}") },
        _ => Reply::json(r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#),
    });
    let folder = project(&server);
    let (code, words) = ingest(folder.path(), &UNTIL);
    assert_eq!(code, 5, "{words}");
    assert!(words.contains("\n  gap: `alerts`: ") && words.contains("404"), "{words}");
    let mut covered = words.lines().filter(|line| line.contains("covered: alerts"));
    assert!(covered.all(|line| line.ends_with(", but for the gaps below")), "{words}");
}

#[test]
fn a_gap_of_an_earlier_run_stays_in_the_report_and_leaves_the_exit_code() {
    let is_partial = Mutex::new(true);
    let server = Server::start(move |asked| match asked.target.split('?').next().unwrap_or_default() {
        "/api/v1/rules" => Reply::json(r#"{"status":"success","data":{"groups":[]}}"#),
        "/api/v1/query_range" if std::mem::take(&mut *is_partial.lock().expect("nobody panics with it")) => {
            Reply::json(
                r#"{"status":"success","data":{"resultType":"matrix","result":[]},"warnings":["a store did not answer"]}"#,
            )
        }
        _ => Reply::json(r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#),
    });
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(folder.path().join("events")).expect("it can be made");
    let events = "deployment_id,attempt,target,service,environment,revisions,status,started_at,finished_at,evidence\n\
                  d1,1,,api,production,\"[\"\"api@1\"\"]\",success,2026-01-05T08:00:00Z,2026-01-05T08:10:00Z,record\n";
    std::fs::write(folder.path().join("events/deployments.csv"), events).expect("it can be written");
    let since = (chrono::Utc::now() - chrono::TimeDelta::hours(6)).to_rfc3339();
    let text = format!(
        "[[sources]]\ntype = 'files'\nname = 'events'\npath = 'events'\n\
         [[sources]]\ntype = 'prometheus'\nurl = '{}'\nsince = '{since}'\nalerts = {{ presence = '' }}\n\
         series = [{{ name = 'up', query = 'up' }}]\n",
        server.base()
    );
    std::fs::write(folder.path().join("doracle.toml"), text).expect("it can be written");
    let told = "a store did not answer";
    let (code, _, words) = run(folder.path(), &["run"]);
    assert!(code == 5 && words.contains(told), "{code}: {words}");
    let (code, _, words) = run(folder.path(), &["run"]);
    assert_eq!(code, 0, "nothing of this run is missing: {words}");
    assert!(words.contains(told), "it is still told: {words}");
    let report = std::fs::read_to_string(folder.path().join("reports/latest/report.html")).expect("it was written");
    assert!(report.contains(told), "the report still shows it");
    assert_eq!(run(folder.path(), &["ingest", "-q"]).0, 0);
    assert_eq!(run(folder.path(), &["report", "--out", "again", "-q"]).0, 5, "what is reported on has a gap");
    // Whoever asks for its time reads it again, and now it is filled.
    assert_eq!(run(folder.path(), &["ingest", "prometheus:main", "--since", &since, "-q"]).0, 0);
    assert_eq!(run(folder.path(), &["report", "--out", "filled", "-q"]).0, 0);
}

#[test]
fn logs_are_fields_and_hold_no_secret() {
    for (verbose, expected) in [
        ("-v", vec!["waiting seconds=2 why=\"too many requests\"", "read stream=\"prometheus:main\" rows="]),
        ("-vvv", vec!["answered url=http://127.0.0.1:", " status=429", "waiting seconds=2"]),
    ] {
        let server = metrics();
        let folder = project(&server);
        let (code, words) = ingest(folder.path(), &[&UNTIL[..], &[verbose]].concat());
        assert_eq!(code, 0, "{words}");
        for told in expected {
            assert!(words.contains(told), "`{told}` is missing with {verbose}: {words}");
        }
        assert!(!words.contains(TOKEN), "{verbose} shows the token");
        let sent = format!("Bearer {TOKEN}");
        assert!(server.asked().iter().all(|asked| asked.headers.get("authorization") == Some(&sent)));
    }
}

/// On a terminal the bar says it, too, until the work goes on.
#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped has to say so")]
fn a_bar_says_for_what_it_waits() {
    let server = metrics();
    let folder = project(&server);
    let command = format!("stty cols 120; '{}' {}", env!("CARGO_BIN_EXE_doracle"), UNTIL.join(" "));
    let mut on_a_terminal = std::process::Command::new("script");
    on_a_terminal.args(["-q", "-e", "-c", &command, "/dev/null"]).current_dir(folder.path());
    on_a_terminal.env("METRICS_TOKEN", TOKEN).env("HOME", folder.path()).env("TERM", "xterm").env("NO_COLOR", "1");
    on_a_terminal.env("XDG_CONFIG_HOME", folder.path().join("none")).env_remove("DORACLE_LAKE");
    let Ok(output) = on_a_terminal.stdin(std::process::Stdio::null()).output() else {
        eprintln!("skipped `a_bar_says_for_what_it_waits`: `script` is not installed");
        return;
    };
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}");
    for told in ["waiting 2 s: too many requests", "reading alerts of `main` (waiting 2 s: too many requests)"] {
        assert!(shown.contains(told), "`{told}` is missing: {shown}");
    }
}
