use super::{EffectTable, read_effects};

fn read(rows: &[&str]) -> EffectTable {
    read_effects(rows.join("\n").as_bytes()).expect("a sound table")
}

fn refusal(rows: &[&str]) -> String {
    let error = read_effects(rows.join("\n").as_bytes()).expect_err("it is refused");
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    format!("{error}: {cause}")
}

const HEADER: &str = "effect,metric,organisation,estimate,scale,std_error,ci_low,ci_high,better,overlaps";

/// A lead time that fell to 80 % is an improvement of log 1.25, whichever way it is told.
#[test]
fn better_says_which_direction_of_the_estimate_as_given_is_good() {
    let table = read(&[
        HEADER,
        "a,change_lead_time,one,0.8,ratio,0.08,,,lower,",
        "b,change_lead_time,two,-20,percent,8,,,lower,",
        "c,change_lead_time,three,0.22314355131420976,log_ratio,0.1,,,higher,",
        "d,change_fail_rate,four,0.02,difference,0.01,,,lower,",
    ]);
    let by_name = |name: &str| table.effects.iter().find(|effect| effect.name == name).expect("it was read");
    for name in ["a", "b", "c"] {
        let effect = by_name(name);
        assert!((effect.estimate - 1.25_f64.ln()).abs() < 1e-12, "{name}: {}", effect.estimate);
        assert!((effect.standard_error - 0.1).abs() < 1e-12, "{name}: {}", effect.standard_error);
    }
    assert!((by_name("d").estimate + 0.02).abs() < 1e-15);
}

#[test]
fn an_interval_gives_the_standard_error_on_the_scale_compared_on() {
    let z = stats::normal_quantile(0.975).expect("a level");
    let (low, high) = ((0.1 - 0.3 * z).exp(), (0.1 + 0.3 * z).exp());
    let row = format!("a,change_lead_time,one,{},ratio,,{low},{high},higher,", 0.1_f64.exp());
    let table = read(&[HEADER, &row]);
    assert!((table.effects[0].standard_error - 0.3).abs() < 1e-12);
}

/// The pooled row goes, its parts stay, and the drop is told, whoever names whom.
#[test]
fn of_rows_that_overlap_the_wider_one_is_dropped() {
    for rows in [
        [
            "part 1,change_lead_time,one,0.1,log_ratio,0.2,,,higher,",
            "pooled,change_lead_time,all,0.1,log_ratio,0.1,,,higher,part 1;part 2",
        ],
        [
            "part 1,change_lead_time,one,0.1,log_ratio,0.2,,,higher,pooled",
            "pooled,change_lead_time,all,0.1,log_ratio,0.1,,,higher,part 2",
        ],
    ] {
        let table = read(&[HEADER, rows[0], "part 2,change_lead_time,two,0.1,log_ratio,0.2,,,higher,", rows[1]]);
        let names: Vec<&str> = table.effects.iter().map(|effect| effect.name.as_str()).collect();
        assert_eq!(names, ["part 1", "part 2"]);
        assert_eq!(table.dropped.len(), 1);
        assert!(table.dropped[0].1.contains("`part 1`, `part 2`"), "{:?}", table.dropped);
    }
    // Two that name each other: the one with the smaller standard error holds more.
    let table = read(&[
        HEADER,
        "narrow,change_lead_time,one,0.1,log_ratio,0.2,,,higher,wide",
        "wide,change_lead_time,one,0.1,log_ratio,0.1,,,higher,narrow",
    ]);
    assert_eq!((table.effects.len(), table.dropped[0].0.as_str()), (1, "wide"));
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let rows = [
        "a,change_lead_time,one,0.1,log_ratio,0.2,,,higher,",
        "b,change_lead_time,two,0.2,log_ratio,0.2,,,higher,c",
        "c,change_fail_rate,one,0.1,difference,0.2,,,higher,",
    ];
    assert_eq!(read(&[HEADER, rows[0], rows[1], rows[2]]), read(&[HEADER, rows[2], rows[1], rows[0]]));
}

#[test]
fn what_cannot_be_is_refused_by_line() {
    let row = |row: &str| refusal(&[HEADER, "fine,change_lead_time,one,0.1,log_ratio,0.2,,,higher,", row]);
    for (text, what) in [
        ("a,change_lead_time,one,NaN,log_ratio,0.2,,,higher,", "line 3: every number must be finite"),
        ("a,change_lead_time,one,0.1,log_ratio,0,,,higher,", "line 3: a standard error is positive"),
        ("a,change_lead_time,one,0.1,log_ratio,-1,,,higher,", "line 3: a standard error is positive"),
        ("a,change_lead_time,one,0.1,log_ratio,,,,higher,", "a std_error, or ci_low and ci_high"),
        ("a,change_lead_time,one,0.1,log_ratio,0.1,0,1,higher,", "a std_error, or ci_low and ci_high"),
        ("a,change_lead_time,one,0.1,log_ratio,,0.2,0.3,higher,", "the interval must hold its estimate"),
        ("a,change_lead_time,one,-1,ratio,0.1,,,higher,", "a ratio is positive"),
        ("a,change_lead_time,one,-100,percent,0.1,,,higher,", "leaves nothing"),
        ("a,change_lead_time,one,0.1,seconds,0.1,,,higher,", "no scale is called `seconds`"),
        ("a,change_fail_rate,one,0.1,log_ratio,0.1,,,higher,", "is compared as a difference"),
        ("a,change_lead_time,one,0.1,difference,0.1,,,higher,", "is compared as a log_ratio, ratio or percent"),
        ("a,change_lead_time,one,0.1,log_ratio,0.1,,,up,", "better is `higher` or `lower`"),
        ("fine,change_lead_time,one,0.1,log_ratio,0.1,,,higher,", "stands there twice"),
        ("a,change_lead_time,one,0.1,log_ratio,0.1,,,higher,nobody", "overlaps `nobody`"),
        ("a,change_lead_time,,0.1,log_ratio,0.1,,,higher,", "belongs to an organisation"),
        ("a,change_lead_time,one,lots,log_ratio,0.1,,,higher,", "line: 3"),
    ] {
        assert!(row(text).contains(what), "{text}: {}", row(text));
    }
    assert!(
        refusal(&["metric,organisation", "a,b"]).contains("missing field"),
        "{}",
        refusal(&["metric,organisation", "a,b"])
    );
}
