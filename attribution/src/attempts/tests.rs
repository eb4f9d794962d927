use super::*;

const LEVEL: &str = r#"
schema = 1
id = "heal-the-gateway"
tier = "resilience"
objective = "Keep the gateway answering."
acceptance = ["gateway answers", "no errors for 5 minutes"]
reviewers = 1
minutes = 60
failures = 1
cluster = { machines = 3, memory_gb = 16, disk_gb = 256, state = "a gateway and two services" }
"#;

fn level() -> Level {
    Level::read(LEVEL).expect("it is one")
}

fn subject() -> Subject {
    Subject { name: "an agent".to_owned(), version: Some("2".to_owned()), kind: SubjectKind::Agent }
}

/// A log of lines, each with its minute.
fn log(lines: &[(u32, &str)]) -> Vec<Line> {
    let text: Vec<String> = lines
        .iter()
        .map(|(minute, event)| {
            format!("{{\"at\":\"2026-03-02T{:02}:{:02}:00Z\",{event}}}", 9 + minute / 60, minute % 60)
        })
        .collect();
    read_log(&text.join("\n")).expect("lines of a log")
}

fn judged(lines: &[(u32, &str)]) -> attempts::Row {
    judge(&level(), &log(lines), "1", &subject()).expect("an attempt")
}

const GIVEN: (u32, &str) = (0, r#""event":"objective_given""#);
const BOTH: [(u32, &str); 2] = [
    (20, r#""event":"checked","check":"gateway answers","passed":true"#),
    (21, r#""event":"checked","check":"no errors for 5 minutes","passed":true"#),
];

#[test]
fn an_attempt_by_hand() {
    let row = judged(&[
        GIVEN,
        (5, r#""event":"intervention","id":"a""#),
        (6, r#""event":"regressed","id":"a""#),
        (7, r#""event":"rolled_back","id":"a""#),
        (10, r#""event":"failure_injected","id":"f""#),
        (12, r#""event":"intervention","id":"b""#),
        (18, r#""event":"recovered","id":"f""#),
        BOTH[0],
        BOTH[1],
        (30, r#""event":"reviewed","reviewer":"r","passed":true"#),
        (40, r#""event":"intervention","id":"too late""#),
    ]);
    assert_eq!(row.verified_at, Some(Instant::parse("2026-03-02T09:30:00Z").expect("a time")));
    assert_eq!((row.intervention_count, row.failed_count), (2, 1));
    assert_eq!((row.injected_count, row.recovered_count), (1, 1));
    assert!((row.recovery_seconds - 480.0).abs() < 1e-9);
    assert_eq!(row.doubts, Vec::<String>::new());
}

#[test]
fn nobody_is_believed_to_be_done() {
    let is_verified = |lines: &[(u32, &str)]| judged(lines).verified_at.is_some();
    let healed = [GIVEN, (10, r#""event":"failure_injected","id":"f""#), (12, r#""event":"recovered","id":"f""#)];
    let review = (30, r#""event":"reviewed","reviewer":"r","passed":true"#);
    let with = |more: &[(u32, &'static str)]| [&healed[..], more].concat();
    assert!(is_verified(&with(&[BOTH[0], BOTH[1], review])));
    // A check is missing, failed again, or was before the last change; nobody reviewed; nothing had been injected.
    assert!(!is_verified(&with(&[BOTH[0], review])));
    let failed = (25, r#""event":"checked","check":"gateway answers","passed":false"#);
    assert!(!is_verified(&with(&[BOTH[0], BOTH[1], failed, review])));
    assert!(!is_verified(&with(&[BOTH[0], BOTH[1], (25, r#""event":"intervention","id":"x""#), review])));
    assert!(!is_verified(&with(&BOTH)));
    assert!(!is_verified(&[GIVEN, BOTH[0], BOTH[1], review]));
    // A failure that is open.
    assert!(!is_verified(&with(&[(15, r#""event":"failure_injected","id":"g""#), BOTH[0], BOTH[1], review])));
    // Out of time.
    let late = (61, r#""event":"reviewed","reviewer":"r","passed":true"#);
    let row = judged(&with(&[BOTH[0], BOTH[1], late]));
    assert_eq!((row.verified_at, row.ended_at), (None, Instant::parse("2026-03-02T10:00:00Z").expect("a time")));
}

#[test]
fn order_of_the_file_changes_nothing_and_what_is_doubtful_is_told() {
    let lines = [
        GIVEN,
        (5, r#""event":"intervention","id":"a""#),
        (10, r#""event":"failure_injected","id":"f""#),
        (12, r#""event":"recovered","id":"f""#),
        BOTH[0],
        BOTH[1],
    ];
    let mut turned = lines;
    turned.reverse();
    assert_eq!(judged(&lines), judged(&turned));
    let row = judged(&[
        GIVEN,
        (5, r#""event":"regressed","id":"never""#),
        (6, r#""event":"recovered","id":"never""#),
        (7, r#""event":"checked","check":"another","passed":true"#),
    ]);
    assert_eq!(row.doubts.len(), 4, "{:?}", row.doubts);
    let refused =
        |lines: &[(u32, &str)]| judge(&level(), &log(lines), "1", &subject()).expect_err("refused").to_string();
    assert!(refused(&[(5, r#""event":"gave_up""#)]).contains("no objective"));
    assert!(refused(&[GIVEN, (9, r#""event":"objective_given""#)]).contains("given twice"));
    assert!(read_log("{}").is_err() && read_log("{\"at\":\"2026-03-02T09:00:00Z\",\"event\":\"won\"}").is_err());
    assert!(
        Level::read(
            &LEVEL.replace("acceptance = [\"gateway answers\", ", "acceptance = [\"no errors for 5 minutes\", ")
        )
        .is_err()
    );
}

#[test]
fn scores_allow_for_attempts_that_never_came_to_an_end() {
    let attempt = |id: &str, minutes: i64, is_verified: bool| attempts::Row {
        attempt_id: id.to_owned(),
        level: "one".to_owned(),
        subject: "an agent".to_owned(),
        subject_version: None,
        subject_kind: "agent".to_owned(),
        given_at: Instant(0),
        ended_at: Instant(minutes * 60 * Instant::MICROS),
        verified_at: is_verified.then(|| Instant(minutes * 60 * Instant::MICROS)),
        intervention_count: 4,
        failed_count: 1,
        injected_count: 1,
        recovered_count: i64::from(is_verified),
        recovery_seconds: 300.0,
        doubts: Vec::new(),
    };
    let rows = [attempt("1", 20, true), attempt("2", 30, true), attempt("3", 40, true), attempt("4", 60, false)];
    let found = score(&rows);
    assert_eq!(found.len(), 1);
    // The curve of four: a half is left from 30 to 40 minutes on, and their middle is the median.
    assert_eq!(found[0].lead_time_median, Some(35.0 * 60.0));
    assert_eq!((found[0].attempts, found[0].verified), (4, 3));
    let rate = found[0].change_fail_rate.expect("there are interventions");
    assert!((rate[0] - 0.25).abs() < 1e-12 && rate[1] > 0.0 && rate[2] < 1.0);
    // Twenty minutes of failures, of which three ended.
    assert_eq!(found[0].recovery_seconds, Some(400.0));
    assert!((found[0].interventions_per_hour.expect("time passed") - 16.0 / 2.5).abs() < 1e-12);
}
