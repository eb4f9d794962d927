//! What the command does not do, and says so.

use serde_json::Value;

use crate::support::run;

#[test]
fn run_is_always_about_now() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(folder.path().join("events")).expect("it can be made");
    std::fs::write(
        folder.path().join("events/deployments.csv"),
        "deployment_id,attempt,target,service,environment,revisions,status,started_at,finished_at,evidence\n\
         d1,1,,api,production,\"[\"\"api@1\"\"]\",success,2026-01-05T08:00:00Z,2026-01-05T08:10:00Z,record\n\
         d2,1,,api,production,\"[\"\"api@2\"\"]\",success,2026-01-08T08:00:00Z,2026-01-08T08:10:00Z,record\n",
    )
    .expect("it can be written");
    std::fs::write(
        folder.path().join("doracle.toml"),
        "[[sources]]\ntype = 'files'\nname = 'events'\npath = 'events'\n",
    )
    .expect("it can be written");
    assert_eq!(run(folder.path(), &["ingest", "-q"]).0, 0);
    for earlier in ["1", "2026-01-06T00:00:00Z"] {
        let (code, out, words) = run(folder.path(), &["run", "--as-of", earlier]);
        assert_eq!((code, out.as_str()), (2, ""), "{words}");
        assert!(words.contains("--as-of") && words.contains("doracle report --as-of"), "{words}");
        assert!(!folder.path().join("reports").exists(), "nothing was written");
    }
    // What the hint names does it.
    let (code, _, words) = run(folder.path(), &["report", "--as-of", "1", "--out", "out"]);
    assert_eq!(code, 0, "{words}");
}

#[test]
fn what_a_source_recorded_moves_no_cursor() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(folder.path().join("events")).expect("it is made");
    let rows = "deployment_id,attempt,target,service,environment,revisions,status,started_at,finished_at,evidence\n\
        d1,1,,a\u{1b}[31mred,production,\"[\"\"api@1f0c\"\"]\",success,2026-01-05T08:00:00Z,2026-01-05T08:10:00Z,log\n";
    std::fs::write(folder.path().join("events/deployments.csv"), rows).expect("it can be written");
    std::fs::write(folder.path().join("doracle.toml"), "[[sources]]\ntype = \"files\"\npath = \"events\"\n")
        .expect("it can be written");
    let (code, _, words) = run(folder.path(), &["ingest", "-q"]);
    assert_eq!(code, 0, "{words}");
    for arguments in [
        &["sql", "SELECT service FROM deployments"][..],
        &["explain", "deployment_frequency"],
        &["explain", "deployment_frequency", "--service", "nobody"],
    ] {
        let (_, out, words) = run(folder.path(), arguments);
        assert!(!format!("{out}{words}").contains('\u{1b}'), "{arguments:?}: {out}{words}");
        assert!(format!("{out}{words}").contains("a\\u{1b}[31mred"), "{arguments:?}: {out}{words}");
    }
}

#[test]
fn a_lake_is_not_passed_over_in_silence() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for arguments in [&["demo", "--out", "out"][..], &["report", "--git", ".", "--releases", "^v", "--out", "out"]] {
        let (code, out, words) = run(folder.path(), &[&["--lake", "mine"], arguments].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{words}");
        assert!(words.contains("keeps a lake of its own"), "{words}");
        assert!(!folder.path().join("out").exists() && !folder.path().join("mine").exists(), "nothing was written");
    }
}

#[test]
fn a_period_before_all_records_and_too_many_threads_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(folder.path().join("events")).expect("it is made");
    let rows = "deployment_id,attempt,target,service,environment,revisions,status,started_at,finished_at,evidence\n\
        d1,1,,api,production,\"[\"\"api@1f0c\"\"]\",success,2026-01-05T08:00:00Z,2026-01-05T08:10:00Z,log\n";
    std::fs::write(folder.path().join("events/deployments.csv"), rows).expect("it can be written");
    std::fs::write(folder.path().join("doracle.toml"), "[[sources]]\ntype = \"files\"\npath = \"events\"\n")
        .expect("it can be written");
    assert_eq!(run(folder.path(), &["ingest", "-q"]).0, 0);
    for period in [&["--since", "0001-01-01T00:00:00Z"][..], &["--since", "1900-01-01T00:00:00Z", "--every", "week"]] {
        let (code, _, words) = run(folder.path(), &[&["report", "--out", "out"], period].concat());
        assert_eq!(code, 2, "{words}");
        assert!(words.contains("error[derive::long_period]") && words.contains("is longer than 21915 days"), "{words}");
    }
    let (code, _, words) = run(folder.path(), &["report", "--out", "out", "--threads", "100000"]);
    assert!(code == 2 && words.contains("1 to 1024 threads are expected"), "{words}");
    // All there ever was is a period like any other.
    let (code, _, words) = run(folder.path(), &["report", "--out", "out", "--since", "1970-01-01T00:00:00Z"]);
    assert_eq!(code, 0, "{words}");
}

#[test]
fn deployments_to_production_that_cannot_be_used_are_told_as_what_they_are() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(folder.path().join("events")).expect("it is made");
    let header = "deployment_id,attempt,target,service,environment,revisions,status,started_at,finished_at,evidence\n";
    let rows = "d1,1,,api,production,[],success,,,log\nd2,1,,api,production,[],running,2026-01-05T08:00:00Z,,log\n";
    std::fs::write(folder.path().join("events/deployments.csv"), format!("{header}{rows}")).expect("it can be written");
    let configuration = "[[sources]]\ntype = \"files\"\npath = \"events\"\n";
    std::fs::write(folder.path().join("doracle.toml"), configuration).expect("it can be written");
    assert_eq!(run(folder.path(), &["ingest", "-q"]).0, 0);
    let (code, _, words) = run(folder.path(), &["report", "--out", "out"]);
    assert_eq!(code, 3, "{words}");
    let told = "none of the 2 deployments to production can be used: 1 without a time, 1 that did not end in success or failure";
    assert!(words.contains(told), "{words}");
    std::fs::write(folder.path().join("doracle.toml"), format!("[derive]\nproduction = []\n{configuration}"))
        .expect("it can be written");
    let (_, _, words) = run(folder.path(), &["report", "--out", "out"]);
    assert!(words.contains("(production is called nothing; the data know `production`)"), "{words}");
}

#[test]
fn doctor_tells_what_is_missing_and_so_does_a_dry_run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let (code, out, _) = run(folder, &["doctor"]);
    assert_eq!(code, 1, "nothing is configured: {out}");
    assert!(out.contains("no source"), "{out}");

    std::fs::create_dir(folder.join("events")).expect("it can be made");
    let configuration = "[[sources]]\ntype = 'files'\npath = 'events'\n\
                         [[sources]]\ntype = 'git'\npath = 'nowhere/api'\nreleases = '^v('\n\
                         [[sources]]\ntype = 'github'\norganisation = 'acme'\n\
                         token = { env = 'NO_SUCH_TOKEN_OF_ANYBODY' }\n\
                         http = { ca_file = 'ca.pem' }\n";
    std::fs::create_dir(folder.join("project")).expect("it can be made");
    std::fs::rename(folder.join("events"), folder.join("project/events")).expect("it can be moved");
    std::fs::write(folder.join("project/doracle.toml"), configuration).expect("it can be written");
    let (code, out, words) = run(folder, &["doctor", "--config", "project/doracle.toml", "--format", "json"]);
    assert_eq!(code, 1, "{out}{words}");
    let found: Value = serde_json::from_str(&out).expect("a document");
    let said = |verdict: &str, parts: &[&str]| {
        found["rows"].as_array().expect("rows").iter().any(|row| {
            row["verdict"] == verdict
                && parts.iter().all(|part| row["what"].as_str().is_some_and(|text| text.contains(part)))
        })
    };
    assert!(said("good", &["`files:files`"]), "a path is meant from the folder of the file: {out}");
    assert!(said("bad", &["`git:api`", "`path`: there is no `project/nowhere/api`"]), "{out}");
    assert!(said("bad", &["`github:acme`", "`token`", "`NO_SUCH_TOKEN_OF_ANYBODY` is not set"]), "{out}");
    assert!(said("bad", &["`github:acme`", "`http.ca_file`: there is no `project/ca.pem`"]), "{out}");

    let dry = ["ingest", "--dry-run", "github:acme", "--config", "project/doracle.toml"];
    let (_, _, words) = run(folder, &dry);
    assert!(words.contains("cannot be read as it is: `token`"), "{words}");
}

#[test]
fn a_clone_has_no_state_of_a_lake_to_go_back_to() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let arguments = ["report", "--git", "api", "--releases", "^v", "--as-of", "3"];
    let (code, _, words) = run(folder.path(), &arguments);
    assert_eq!(code, 2, "{words}");
    assert!(words.contains("--read-until"), "{words}");
}

#[test]
fn an_empty_period_says_what_there_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let (code, _, words) = run(folder, &["demo", "--services", "1", "--weeks", "2", "--out", "demo"]);
    assert_eq!(code, 0, "{words}");
    for (arguments, expected) in [
        (["--since", "2030-01-01", "--until", "2031-01-01"], "what was read ends at 2026-01-19"),
        (["--since", "2026-01-12", "--until", "2026-01-06"], "its end is not after its start"),
    ] {
        let (code, _, words) = run(folder, &[&["derive", "--lake", "demo/lake-2026-1-2"][..], &arguments].concat());
        assert_eq!(code, 2, "{words}");
        assert!(words.contains(expected), "{words}");
    }
    let query = "SELECT null AS a, CAST(18446744073709551615 AS BIGINT UNSIGNED) AS b, CAST(7 AS BIGINT UNSIGNED) AS c";
    let (_, out, _) = run(folder, &["sql", query, "--format", "jsonl", "--lake", "demo/lake-2026-1-2"]);
    let row: Value = serde_json::from_str(&out).expect("an object");
    assert_eq!((&row["a"], &row["b"], &row["c"]), (&Value::Null, &"18446744073709551615".into(), &7.into()), "{out}");
    let explain = ["explain", "change_fail_rate", "--format", "jsonl", "--lake", "demo/lake-2026-1-2"];
    let (_, out, words) = run(folder, &explain);
    let row: Value = serde_json::from_str(out.lines().next().expect("a line")).expect("an object");
    assert!(row["n"].is_i64() && row["value"].is_f64(), "{out}{words}");
    let (code, _, words) = run(folder, &["sql", "SELECT 1", "--threads", "0", "--lake", "demo/lake-2026-1-2"]);
    assert_eq!(code, 2, "{words}");
}
