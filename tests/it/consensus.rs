//! Combining effects from a table.

use std::path::Path;

use crate::support::run;

/// Nine organisations that agree on everything but for the last two, which report what `lie` says of lead time.
fn write(folder: &Path, lie: &str) {
    let mut rows = vec!["effect,metric,organisation,estimate,scale,std_error,better,overlaps".to_owned()];
    for place in 0..9 {
        let more = f64::from(place) / 1000.0;
        let lead = if place < 7 { format!("{}", -20.0 - 100.0 * more) } else { lie.to_owned() };
        rows.push(format!("f{place},forward_deployment_frequency,org {place},{},ratio,0.05,higher,", 1.2 + more));
        rows.push(format!("l{place},change_lead_time,org {place},{lead},percent,3,lower,"));
        rows.push(format!(
            "r{place},failed_deployment_recovery_time,org {place},{},log_ratio,0.05,lower,",
            -0.1 - more
        ));
        rows.push(format!("c{place},change_fail_rate,org {place},{},difference,0.01,lower,", -0.01 - more / 10.0));
    }
    rows.push("pooled,change_lead_time,everyone,-21,percent,1,lower,l0;l1".to_owned());
    std::fs::write(folder.join("effects.csv"), rows.join("\n")).expect("it can be written");
}

fn verdict(folder: &Path, terms: &[&str]) -> serde_json::Value {
    let arguments = [&["consensus", "--effects", "effects.csv", "--format", "json"], terms].concat();
    let (code, out, words) = run(folder, &arguments);
    assert_eq!(code, 0, "{words}");
    serde_json::from_str(&out).expect("a document")
}

#[test]
fn organisations_that_agree_improve_and_two_liars_change_nothing_but_the_width() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "-20.5");
    let agreed = verdict(folder.path(), &[]);
    assert_eq!(agreed["consensus"]["verdict"], "improves");
    assert_eq!((&agreed["consensus"]["enrolled"], &agreed["consensus"]["faults"]), (&9.into(), &2.into()));
    assert_eq!(agreed["dropped"][0][0], "pooled");
    // A lie that pulls the mean does not buy a worse verdict, nor hide that something is disputed.
    write(folder.path(), "300");
    assert_eq!(verdict(folder.path(), &[])["consensus"]["verdict"], "disputed");
    // Silence counts: of twelve enrolled at most one of whom lies, eleven have to speak.
    assert_eq!(
        verdict(folder.path(), &["--enrolled", "12", "--faults", "1"])["consensus"]["verdict"],
        "insufficient_data"
    );
}

#[test]
fn people_read_verdict_assumptions_and_what_was_left_out() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "-20.5");
    let (code, out, words) = run(folder.path(), &["consensus", "--effects", "effects.csv"]);
    assert_eq!(code, 0, "{words}");
    for told in
        ["verdict: improves", "at most 2 of them lie", "pooled: it shares data with `l0`, `l1`", "superior", "any 3"]
    {
        assert!(out.contains(told), "`{told}` is missing in {out}");
    }
    let (code, out, _) = run(folder.path(), &["consensus", "--effects", "effects.csv", "--format", "csv"]);
    assert_eq!((code, out.lines().count()), (0, 5), "{out}");
}

/// The one object of a line of JSON.
fn row(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("an object a line")
}

#[test]
fn programs_get_numbers_in_columns_of_their_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "-20.5");
    let whole = verdict(folder.path(), &[]);
    let (code, out, _) = run(folder.path(), &["consensus", "--effects", "effects.csv", "--format", "jsonl"]);
    assert_eq!((code, out.lines().count()), (0, 4), "{out}");
    for (line, metric) in out.lines().zip(whole["consensus"]["metrics"].as_array().expect("a list")) {
        let row = row(line);
        assert_eq!(row["metric"], metric["metric"]);
        assert!(row["hull_low"].is_f64() && row["organisation_count"].is_i64(), "{row}");
        assert_eq!(row["hull_high"], metric["hull"]["high"]);
        assert_eq!(row["random_effects_estimate"], metric["random_effects"]["estimate"]);
    }
}

#[test]
fn a_metric_that_the_table_lacks_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "-20.5");
    let path = folder.path().join("effects.csv");
    let text = std::fs::read_to_string(&path).expect("it was written");
    let some: Vec<&str> = text.lines().filter(|line| !line.contains("recovery") && !line.contains("fail")).collect();
    std::fs::write(&path, some.join("\n")).expect("it can be written");
    let (code, out, words) = run(folder.path(), &["consensus", "--effects", "effects.csv"]);
    assert_eq!(code, 0, "{words}");
    let told = "verdict: none, since the table lacks `failed_deployment_recovery_time` and `change_fail_rate`";
    assert!(out.contains(told), "{out}");
}

#[test]
fn a_table_that_cannot_be_is_refused_by_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let header = "metric,organisation,estimate,scale,std_error,better";
    for (row, what) in [
        ("change_lead_time,a\u{1b}[31m,NaN,ratio,0.1,lower", "line 2: every number must be finite"),
        ("change_lead_time,a,0.8,ratio,0.1,sideways", "better is `higher` or `lower`"),
        ("change_lead_time,a,0.8,ratio,0.1", "CSV error"),
    ] {
        std::fs::write(folder.path().join("effects.csv"), format!("{header}\n{row}\n")).expect("it can be written");
        let (code, out, words) = run(folder.path(), &["consensus", "--effects", "effects.csv"]);
        assert_eq!((code, out.as_str()), (2, ""), "{words}");
        assert!(words.contains(what) && !words.contains('\u{1b}'), "{words}");
    }
    std::fs::write(folder.path().join("effects.csv"), format!("{header}\nchange_lead_time,a,0.8,ratio,0.1,lower\n"))
        .expect("it can be written");
    let (code, _, words) = run(folder.path(), &["consensus", "--effects", "effects.csv", "--faults", "1"]);
    assert_eq!(code, 2, "{words}");
    assert!(words.contains("at most `0` may lie"), "{words}");
}

const CLAIM: &str = r#"
schema = 1
id = "orchestration"
claim = "Several agents at once keep delivery up."
protocol = "1"
organisations = ["org 0", "org 1", "org 2", "org 3", "org 4", "org 5", "org 6", "org 7", "org 8", "everyone"]
enrolment = "by hand"
faults = 1
"#;

#[test]
fn a_claim_fixes_who_and_when_and_between_looks_nothing_is_concluded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "-20.5");
    let with = |more: &str| {
        std::fs::write(folder.path().join("claim.toml"), format!("{CLAIM}{more}")).expect("it can be written");
        verdict(folder.path(), &["--claim", "claim.toml"])
    };
    let found = with("");
    assert_eq!((&found["consensus"]["verdict"], &found["consensus"]["enrolled"]), (&"improves".into(), &10.into()));
    assert_eq!(found["claim"]["id"], "orchestration");
    assert!(found["consensus"]["assumptions"].to_string().contains("by hand"));
    let look = with("looks = [{ count = 9, alpha = 0.02 }]");
    assert_eq!((&look["consensus"]["verdict"], &look["consensus"]["alpha"]), (&"improves".into(), &0.02.into()));
    let between = with("looks = [{ count = 7, alpha = 0.02 }, { count = 10, alpha = 0.03 }]");
    assert_eq!(between["consensus"]["verdict"], serde_json::Value::Null);
    assert_eq!(between["consensus"]["between_looks"]["next"], 10);
    let (code, out, _) = run(folder.path(), &["consensus", "--effects", "effects.csv", "--claim", "claim.toml"]);
    assert_eq!(code, 0);
    assert!(out.contains("none at 9 organisations, where no look was declared; the next is at 10"), "{out}");
    // A claim on one metric has a class and no verdict, and the rest is left aside by name.
    let one = with("metrics = [\"change_lead_time\"]");
    assert_eq!(one["consensus"]["metrics"].as_array().map(Vec::len), Some(1));
    assert_eq!(one["consensus"]["verdict"], serde_json::Value::Null);
    assert!(one["dropped"].to_string().contains("the claim is not about"));
    // Who is not enrolled has no vote.
    std::fs::write(folder.path().join("claim.toml"), CLAIM.replace("\"org 3\", ", "")).expect("it can be written");
    let arguments = ["consensus", "--effects", "effects.csv", "--claim", "claim.toml"];
    let (code, _, words) = run(folder.path(), &arguments);
    assert_eq!(code, 2);
    assert!(words.contains("`org 3`, which the claim does not enrol"), "{words}");
}

#[test]
fn an_original_and_ones_own_finding_stand_beside_the_others() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "-20.5");
    let own = serde_json::json!({"grade": "C", "metrics": [
        {"metric": "change_lead_time", "effect": {"estimate": 0.23, "low": 0.1, "high": 0.3}},
        {"metric": "change_fail_rate", "effect": {"estimate": 0.5, "low": 0.4, "high": 0.6}},
        {"metric": "failed_deployment_recovery_time", "insufficient": "nothing"},
    ]});
    std::fs::write(folder.path().join("finding.json"), own.to_string()).expect("it can be written");
    let plain = verdict(folder.path(), &[]);
    let found = verdict(folder.path(), &["--original", "org 0", "--internal", "finding.json"]);
    assert_eq!(found["consensus"], plain["consensus"], "neither is put together with the others");
    let pairs = found["replications"].as_array().expect("a list");
    assert_eq!(pairs.len(), 32);
    assert!(pairs.iter().all(|pair| pair["original"] == "org 0" && pair["replication"] != "org 0"));
    let inside = |metric: &str| {
        let rows = found["internal"].as_array().expect("a list");
        rows.iter().find(|row| row["metric"] == metric).map(|row| row["is_inside"].clone())
    };
    assert_eq!(inside("change_lead_time"), Some(true.into()));
    assert_eq!(inside("change_fail_rate"), Some(false.into()));
    assert_eq!(inside("failed_deployment_recovery_time"), None);
    let (code, _, words) = run(folder.path(), &["consensus", "--effects", "effects.csv", "--original", "nobody"]);
    assert_eq!(code, 2);
    assert!(words.contains("`nobody`"), "{words}");
}
