//! Runs of a benchmark, from their log to their score.

use crate::support::run;

const LEVEL: &str = "schema = 1\nid = \"first-light\"\ntier = \"bootstrap\"\nobjective = \"Deploy the page.\"\n\
                     acceptance = [\"page answers\"]\nminutes = 30\n\
                     cluster = { machines = 1, memory_gb = 16, disk_gb = 256, state = \"empty\" }\n";

fn log(minutes: u32) -> String {
    let at = |minute: u32| format!("\"at\":\"2026-03-02T09:{minute:02}:00Z\"");
    [
        format!("{{{},\"event\":\"objective_given\"}}", at(0)),
        format!("{{{},\"event\":\"intervention\",\"id\":\"a\"}}", at(1)),
        format!("{{{},\"event\":\"checked\",\"check\":\"page answers\",\"passed\":true}}", at(minutes)),
    ]
    .join("\n")
}

#[test]
fn attempts_are_judged_brought_into_the_lake_and_scored() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = folder.path();
    std::fs::create_dir(place.join("events")).expect("it can be made");
    std::fs::write(place.join("level.toml"), LEVEL).expect("it can be written");
    std::fs::write(place.join("doracle.toml"), "[[sources]]\ntype = \"files\"\npath = \"events\"\n").expect("written");
    let mut rows = String::new();
    for (id, minutes) in [("1", 10), ("2", 20)] {
        std::fs::write(place.join("log.jsonl"), log(minutes)).expect("it can be written");
        let arguments = ["attempt", "judge", "--level", "level.toml", "--log", "log.jsonl", "--id", id];
        let more = ["--subject", "agents", "--kind", "agent", "--format", "jsonl"];
        let (code, out, words) = run(place, &[&arguments[..], &more].concat());
        assert_eq!(code, 0, "{words}");
        rows += &out;
    }
    std::fs::write(place.join("events/attempts.jsonl"), rows).expect("it can be written");
    let (code, _, words) = run(place, &["ingest"]);
    assert_eq!(code, 0, "{words}");
    let (code, out, words) = run(place, &["attempt", "score", "--format", "json"]);
    assert_eq!(code, 0, "{words}");
    let found: serde_json::Value = serde_json::from_str(&out).expect("a document");
    let row = &found["rows"][0];
    assert_eq!((&row["level"], &row["verified_count"]), (&"first-light".into(), &2.into()));
    // The middle of 10 and 20 minutes.
    assert_eq!(row["lead_time_p50_seconds"], 900.0);
    std::fs::write(place.join("log.jsonl"), "nothing").expect("it can be written");
    let arguments = ["attempt", "judge", "--level", "level.toml", "--log", "log.jsonl", "--id", "3"];
    let (code, _, words) = run(place, &[&arguments[..], &["--subject", "agents", "--kind", "agent"]].concat());
    assert_eq!(code, 2);
    assert!(words.contains("log.jsonl") && words.contains("line 1"), "{words}");
}
