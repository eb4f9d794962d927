use super::*;

/// The template, filled in.
fn filled() -> String {
    TEMPLATE.replace("FILL-IN", "home-1").replace("FILL IN", "something")
}

#[test]
fn the_template_is_refused_until_it_is_filled_in() {
    let told = |text: &str| Manifest::parse(text).expect_err("it is not filled in").to_string();
    assert!(told(TEMPLATE).contains("operator"), "{}", told(TEMPLATE));
    let named = TEMPLATE.replace("FILL-IN", "home-1");
    assert!(told(&named).contains("`question.practice` is not filled in"), "{}", told(&named));
    let manifest = Manifest::parse(&filled()).expect("it is filled in");
    assert_eq!(Manifest::parse(&manifest.written().expect("it has a form")).expect("it is read again"), manifest);
}

#[test]
fn what_is_offered_in_comments_can_be_used() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let offered = filled().replace("sha256:…", &digest);
    let is_offer = |line: &str| line.contains(" = ") || line.starts_with("# [[");
    let open: Vec<&str> =
        offered.lines().map(|line| if is_offer(line) { line.trim_start_matches("# ") } else { line }).collect();
    let manifest = Manifest::parse(&open.join("\n")).expect("every offer is a field");
    assert_eq!((manifest.images.len(), manifest.charts.len()), (1, 1));
    assert!(manifest.organisation.is_some() && manifest.corrects.is_some() && manifest.question.baseline.is_some());
}

#[test]
fn what_cannot_be_is_refused_with_the_field() {
    for (from, to, told) in [
        ("format_version = 1", "format_version = 2", "format version 2"),
        ("run = \"live_system\"", "run = \"both\"", "unknown variant"),
        ("run = ", "runs = ", "unknown field `runs`"),
        ("home-1", "me@example.com", "`operator`"),
        ("window_weeks = 12", "window_weeks = 1", "window_weeks"),
        ("window_weeks = 12", "replicates = 1000000", "`replicates`"),
        ("memory_gb = 16", "memory_gb = -1", "line"),
        ("name = \"after\"", "name = \" \"", "`arms.name`"),
        ("cpu_cores = 4", "cpu_cores = 4\n[extra]\na = 1", "unknown field `extra`"),
    ] {
        let changed = filled().replacen(from, to, 1);
        assert_ne!(changed, filled(), "{from}");
        let error = Manifest::parse(&changed).expect_err("it cannot be").to_string();
        assert!(error.contains(told), "{to}: {error}");
    }
    let deep = format!("{}\nx = {}{}", filled(), "[".repeat(10_000), "]".repeat(10_000));
    assert!(Manifest::parse(&deep).is_err(), "depth is bounded");
}

#[test]
fn a_derivation_stays_within_bounds() {
    let derivation = Derivation {
        as_of: Instant::from_seconds(1_780_000_000),
        since: Instant::from_seconds(1_770_000_000),
        until: Instant::from_seconds(1_780_000_000),
        zone: "Europe/Berlin".to_owned(),
        production: vec!["n1".to_owned()],
        environments: Vec::new(),
        incident_window_seconds: 86_400,
        reporting_lag_seconds: 0,
        counts_feature_flags: false,
        seed: 1,
        service_paths: BTreeMap::from([("n2".to_owned(), "n3".to_owned())]),
    };
    let plan = derivation.plan(Some(1)).expect("it is a plan");
    assert_eq!(plan.service_paths["n2"], ["n3"]);
    for wrong in [
        Derivation { zone: "Mars/Base".to_owned(), ..derivation.clone() },
        Derivation { since: derivation.until, ..derivation.clone() },
        Derivation { since: Instant(i64::MIN), ..derivation.clone() },
        Derivation { until: Instant(i64::MAX), ..derivation.clone() },
        Derivation { incident_window_seconds: i64::MAX, ..derivation.clone() },
        Derivation { reporting_lag_seconds: -1, ..derivation.clone() },
    ] {
        assert!(wrong.plan(None).is_err(), "{wrong:?}");
    }
}
