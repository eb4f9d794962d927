//! The command as a user meets it: streams, formats, exit codes, and errors that help.

use std::path::Path;

use serde_json::Value;

use crate::support::{doracle, git, run};

/// A folder with a configured `files` source: two deployments and one incident.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("it can be written");
    std::fs::create_dir(folder.path().join("events")).expect("it can be made");
    write(
        "events/deployments.csv",
        "deployment_id,attempt,target,service,environment,revisions,status,started_at,finished_at,evidence\n\
         d1,1,,api,production,\"[\"\"api@1\"\"]\",success,2026-01-05T08:00:00Z,2026-01-05T08:10:00Z,record\n\
         d2,1,,api,production,\"[\"\"api@2\"\"]\",success,2026-01-06T08:00:00Z,2026-01-06T08:10:00Z,record\n\
         d3,1,,web,production,\"[\"\"web@1\"\"]\",success,2026-01-07T08:00:00Z,2026-01-07T08:10:00Z,record\n",
    );
    write(
        "events/incidents.jsonl",
        "{\"incident_id\":\"i1\",\"service\":\"api\",\"opened_at\":\"2026-01-06T09:00:00Z\",\
         \"resolved_at\":\"2026-01-06T10:00:00Z\",\"cause\":\"unknown\",\"evidence\":\"incident_record\"}\n",
    );
    write(
        "doracle.toml",
        "[groups]\npayments = ['api']\n\n[[sources]]\ntype = 'files'\nname = 'events'\npath = 'events'\n",
    );
    folder
}

#[test]
fn run_writes_a_dated_folder_once_and_points_latest_at_it() {
    let folder = project();
    let (code, out, words) = run(folder.path(), &["run"]);
    assert_eq!((code, out.as_str()), (0, ""), "{words}");
    let latest = folder.path().join("reports/latest");
    for name in ["report.html", "report.json", "report.md", "parquet/metrics.parquet", "groups/payments/report.html"] {
        assert!(latest.join(name).is_file(), "`{name}` is missing");
    }
    let first = std::fs::read_link(&latest).expect("it is a link");
    assert_eq!(run(folder.path(), &["run", "-q"]).0, 0);
    let second = std::fs::read_link(&latest).expect("it is a link");
    assert_ne!(first, second, "a published folder is never written again");
    assert!(folder.path().join("reports").join(first).join("report.html").is_file());
}

#[test]
fn a_second_run_at_the_same_time_is_refused() {
    let folder = project();
    std::fs::create_dir(folder.path().join("reports")).expect("it can be made");
    let held = std::fs::File::create(folder.path().join("reports/.lock")).expect("it can be made");
    held.lock().expect("it can be locked");
    let (code, _, words) = run(folder.path(), &["run"]);
    assert_eq!(code, 3);
    assert!(words.contains("error[command::locked]"), "{words}");
}

#[test]
fn a_failed_source_gives_partial_data_and_says_which() {
    let folder = project();
    let path = folder.path().join("doracle.toml");
    let text = std::fs::read_to_string(&path).expect("it can be read");
    std::fs::write(&path, text + "\n[[sources]]\ntype = 'git'\npath = 'nowhere'\nreleases = '^v'\n").expect("written");
    let (code, _, words) = run(folder.path(), &["run"]);
    assert_eq!(code, 5, "{words}");
    assert!(words.contains("nowhere"), "{words}");
}

#[test]
fn numbers_come_in_every_format_on_standard_output() {
    let folder = project();
    assert_eq!(run(folder.path(), &["run", "-q"]).0, 0);
    let query = "SELECT service, n, value FROM metrics WHERE metric = 'deployment_frequency' \
                 AND statistic = 'per_day' AND dimension IS NULL AND window_kind = 'period' AND service IS NOT NULL \
                 ORDER BY service";
    let (_, table, _) = run(folder.path(), &["sql", query]);
    assert!(table.starts_with("service"), "{table}");
    let (_, csv, _) = run(folder.path(), &["--format", "csv", "sql", query]);
    assert!(csv.starts_with("service,n,value\napi,2,"), "{csv}");
    let (_, jsonl, _) = run(folder.path(), &["--format", "jsonl", "sql", query]);
    let rows: Vec<Value> = jsonl.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(rows[1]["service"], "web");
    let (_, json, _) = run(folder.path(), &["--format", "json", "sql", query]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["format_version"], 1);
    let (_, lists, _) = run(folder.path(), &["--format", "csv", "sql", "SELECT revisions FROM deployments LIMIT 1"]);
    assert!(lists.starts_with("revisions\n\"[\"\"api@"), "a list comes as the `files` source takes it: {lists}");
    for list in [&["metrics"][..], &["sources"], &["schema"], &["lake", "versions"]] {
        let (code, csv, words) = run(folder.path(), &[&["--format", "csv"], list].concat());
        assert!(code == 0 && csv.lines().next().is_some_and(|line| line.contains(',')), "{list:?}: {csv} {words}");
    }
    let parquet = doracle(folder.path()).args(["--format", "parquet", "sql", query]).output().expect("it runs").stdout;
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
}

#[test]
fn a_question_cannot_change_or_leak_anything() {
    let folder = project();
    assert_eq!(run(folder.path(), &["ingest", "-q"]).0, 0);
    for query in [
        "DROP TABLE metrics",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "COPY metrics TO 'x.csv'",
    ] {
        let (code, out, _) = run(folder.path(), &["sql", query]);
        assert_ne!(code, 0, "{query}");
        assert_eq!(out, "");
    }
}

#[test]
fn time_travel_reads_what_was_there_then() {
    let folder = project();
    assert_eq!(run(folder.path(), &["ingest", "-q"]).0, 0);
    let count =
        |arguments: &[&str]| run(folder.path(), arguments).1.lines().last().unwrap_or_default().trim().to_owned();
    let query = "SELECT count(*) AS n FROM deployments";
    assert_eq!(count(&["sql", query]), "3");
    let events = folder.path().join("events/deployments.csv");
    let text = std::fs::read_to_string(&events).expect("it can be read");
    let shorter = text.lines().take(3).collect::<Vec<_>>().join("\n");
    std::fs::write(&events, shorter).expect("it can be written");
    assert_eq!(run(folder.path(), &["ingest", "-q"]).0, 0);
    assert_eq!(count(&["sql", query]), "2");
    assert_eq!(count(&["sql", query, "--as-of", "1"]), "3");
    assert_eq!(run(folder.path(), &["sql", query, "--as-of", "99"]).0, 3);
}

/// Runs, and returns exit code and error text with a check that data went nowhere.
fn fails(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let (code, out, words) = run(folder, arguments);
    assert_eq!(out, "", "an error writes no data");
    assert!(words.contains("error["), "{words}");
    assert!(words.contains("hint:"), "{words}");
    (code, words)
}

#[test]
fn bad_input_is_told_with_a_hint_and_the_right_code() {
    let folder = project();
    let own = folder.path();
    std::fs::create_dir(own.join("plain")).expect("it can be made");
    let (code, words) = fails(own, &["report", "--git", "plain", "--releases", "^v"]);
    assert_eq!(code, 3, "not a repository: {words}");

    std::fs::create_dir(own.join("repo")).expect("it can be made");
    git(&own.join("repo"), "2026-01-05T08:00:00Z", &["init", "-q"]);
    git(&own.join("repo"), "2026-01-05T08:00:00Z", &["commit", "-q", "--allow-empty", "-m", "one"]);
    git(&own.join("repo"), "2026-01-05T08:00:00Z", &["tag", "release-1"]);
    let (code, words) = fails(own, &["report", "--git", "repo", "--releases", "^v"]);
    assert_eq!(code, 2, "no tag matches: {words}");
    assert!(words.contains("release-1"), "the hint names a tag that exists: {words}");
    let (code, words) = fails(own, &["report", "--git", "repo", "--releases", "("]);
    assert_eq!(code, 2, "a broken rule: {words}");

    std::fs::write(own.join("bad.toml"), "[lake]\nlocatoin = 'x'\n").expect("it can be written");
    let (code, words) = fails(own, &["--config", "bad.toml", "ingest"]);
    assert_eq!(code, 2, "{words}");
    assert!(words.contains("line 2") && words.contains("locatoin"), "{words}");

    let (code, words) = fails(own, &["--lake", "events", "ingest"]);
    assert_eq!(code, 3, "a folder that holds other things: {words}");
    let (code, words) = fails(own, &["--lake", "nowhere", "report"]);
    assert_eq!(code, 3, "no lake: {words}");
}

#[test]
fn a_bad_file_is_told_with_line_and_column_and_nothing_stored_is_lost() {
    let folder = project();
    assert_eq!(run(folder.path(), &["ingest", "-q"]).0, 0);
    for (name, text, expected) in [
        (
            "incidents.csv",
            "incident_id,service,opened_at,cause,evidence\ni9,api,2026-01-06 09:00:00,unknown,x\n",
            "opened_at",
        ),
        ("incidents.csv", "incident_id,sevrice,opened_at,cause,evidence\n", "sevrice"),
        ("incidents.parquet", "PAR1 this is no Parquet file", "incidents.parquet"),
    ] {
        let bad = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(bad.path().join(name), text).expect("it can be written");
        let config = format!(
            "[lake]\nlocation = '{}'\n[[sources]]\ntype = 'files'\nname = 'bad'\npath = '{}'\n",
            folder.path().join(".doracle").display(),
            bad.path().display()
        );
        let path = folder.path().join("bad.toml");
        std::fs::write(&path, config).expect("it can be written");
        let (code, words) = fails(folder.path(), &["--config", "bad.toml", "ingest"]);
        assert_eq!(code, 3, "{words}");
        assert!(words.contains(expected), "{words}");
    }
    let (_, count, _) = run(folder.path(), &["sql", "SELECT count(*) AS n FROM incidents"]);
    assert_eq!(count.lines().last().map(str::trim), Some("1"));
}

#[test]
fn a_newer_lake_is_refused_and_left_alone() {
    let folder = project();
    assert_eq!(run(folder.path(), &["ingest", "-q"]).0, 0);
    let layout = folder.path().join(".doracle/lake.json");
    let text = std::fs::read_to_string(&layout).expect("it can be read");
    let newer = text.replace("\"layout_version\": 1", "\"layout_version\": 99");
    assert_ne!(text, newer);
    std::fs::write(&layout, &newer).expect("it can be written");
    let (code, words) = fails(folder.path(), &["ingest"]);
    assert_eq!(code, 3);
    assert!(words.contains("99") && words.contains("lake::newer"), "{words}");
    assert_eq!(std::fs::read_to_string(&layout).expect("it can be read"), newer);
}

#[test]
fn an_output_folder_that_cannot_be_written_is_told() {
    let folder = project();
    std::fs::write(folder.path().join("file"), "").expect("it can be written");
    let (code, words) = fails(folder.path(), &["run", "--out", "file/below"]);
    assert_eq!(code, 3);
    assert!(words.contains("file/below"), "{words}");
}

#[test]
fn settings_say_where_they_come_from() {
    let folder = project();
    let mut command = doracle(folder.path());
    command.env("DORACLE_ZONE", "Europe/Berlin").args(["--lake", "other", "config", "show", "--origin"]);
    let text = String::from_utf8_lossy(&command.output().expect("it runs").stdout).into_owned();
    let line = |key: &str| text.lines().find(|line| line.starts_with(key)).unwrap_or_default().to_owned();
    assert!(line("lake.location").contains("flag --lake"), "{text}");
    assert!(line("derive.zone").contains("DORACLE_ZONE"), "{text}");
    assert!(line("groups.payments").contains("doracle.toml"), "{text}");
    assert!(line("report.title").contains("default"), "{text}");
}

#[test]
fn every_error_code_has_its_page_and_every_table_its_schema() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (_, codes, _) = run(folder.path(), &["explain"]);
    assert!(codes.lines().count() > 20);
    for code in codes.lines() {
        assert_eq!(run(folder.path(), &["explain", code]).0, 0, "{code}");
    }
    let (code, schema, _) = run(folder.path(), &["schema", "--json-schema"]);
    assert_eq!(code, 0);
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    assert!(schema["tables"]["deployments"]["properties"]["started_at"]["format"] == "date-time");
    for arguments in [
        &["schema"][..],
        &["metrics"],
        &["metrics", "change_lead_time"],
        &["sources"],
        &["config", "schema"],
        &["completions", "bash"],
    ] {
        let (code, out, words) = run(folder.path(), arguments);
        assert!(code == 0 && !out.is_empty(), "{arguments:?}: {words}");
    }
}

#[test]
fn doctor_tells_good_from_bad() {
    let folder = project();
    let (code, out, _) = run(folder.path(), &["doctor"]);
    assert_eq!(code, 0, "{out}");
    std::fs::write(folder.path().join("doracle.toml"), "nonsense = 1\n").expect("it can be written");
    let (code, out, _) = run(folder.path(), &["doctor"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("bad"), "{out}");
}

#[test]
fn doctor_misses_data_files_and_says_what_helps() {
    let folder = project();
    assert_eq!(run(folder.path(), &["run", "-q"]).0, 0);
    let (code, out, _) = run(folder.path(), &["doctor"]);
    assert!(code == 0 && out.contains("every data file in its length"), "{out}");
    let deployments = folder.path().join(".doracle/tables/deployments");
    let files =
        std::fs::read_dir(&deployments).expect("it can be read").map(|entry| entry.expect("it can be read").path());
    for file in files.filter(|path| path.extension().is_some_and(|ending| ending == "parquet")) {
        std::fs::write(&file, "").expect("it can be written");
    }
    let (code, out, _) = run(folder.path(), &["doctor"]);
    assert!(code == 1 && out.contains("it has 0 bytes, and was written with"), "{out}");
    assert!(out.contains("read the sources again into a new lake"), "{out}");
    std::fs::remove_dir_all(folder.path().join(".doracle/tables/lake_versions")).expect("it is there");
    let (code, out, _) = run(folder.path(), &["doctor"]);
    assert!(code == 1 && out.contains("tables/lake_versions` cannot be read back: it is missing"), "{out}");
    let (code, _, words) = run(folder.path(), &["sql", "SELECT count(*) FROM deployments"]);
    assert_eq!(code, 3, "{words}");
}

#[test]
fn doctor_and_report_warn_of_a_group_with_a_service_that_was_never_deployed() {
    let folder = project();
    let path = folder.path().join("doracle.toml");
    let text = std::fs::read_to_string(&path).expect("it can be read");
    std::fs::write(&path, text.replace("['api']", "['api', 'ledger']")).expect("it can be written");
    let (_, out, _) = run(folder.path(), &["doctor"]);
    assert!(!out.contains("ledger"), "nothing was read yet, so nothing is known of any service: {out}");
    let warning = "group `payments` names the service `ledger`, of which no deployment is known";
    let (code, _, words) = run(folder.path(), &["run"]);
    assert_eq!((code, words.matches(warning).count()), (0, 1), "{words}");
    let (code, out, _) = run(folder.path(), &["doctor"]);
    assert_eq!((code, out.matches(warning).count()), (0, 1), "{out}");
    assert!(!out.contains("service `api`"), "{out}");
}

#[test]
fn a_damaged_batch_stops_writers_until_it_is_set_aside() {
    let folder = project();
    assert_eq!(run(folder.path(), &["run", "-q"]).0, 0);
    let batch = folder.path().join(".doracle/pending/files-0123/000000000007");
    std::fs::create_dir_all(&batch).expect("it can be made");
    std::fs::write(batch.join("manifest.json"), "{\"stream\": \"files:ev").expect("it can be written");

    let (code, _, words) = run(folder.path(), &["ingest"]);
    assert_eq!(code, 3, "{words}");
    for told in
        ["error[lake::unfinishable]", "pending/files-0123/000000000007`", "manifest.json", "doracle lake set-aside"]
    {
        assert!(words.contains(told), "`{told}` is missing: {words}");
    }
    assert_eq!(run(folder.path(), &["sql", "SELECT 1 AS one"]).0, 0, "reading goes on");
    let (code, out, _) = run(folder.path(), &["doctor"]);
    assert!(code == 1 && out.contains("000000000007` is damaged"), "{out}");

    let (code, _, words) = run(folder.path(), &["lake", "set-aside"]);
    assert!(code == 0 && words.contains("aside/files-0123/000000000007`"), "{words}");
    let kept = folder.path().join(".doracle/aside/files-0123/000000000007/manifest.json");
    assert_eq!(std::fs::read_to_string(kept).expect("it is kept"), "{\"stream\": \"files:ev");
    assert_eq!(run(folder.path(), &["doctor"]).0, 0);
    assert_eq!(run(folder.path(), &["ingest"]).0, 0);
    let (code, _, words) = run(folder.path(), &["lake", "set-aside"]);
    assert!(code == 0 && words.contains("no pending batch is damaged"), "{words}");
}
