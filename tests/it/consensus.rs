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
