use super::{Lies, METRICS, Placement, published, year};

const HOUR: f64 = 3_600.0;
const DAY: f64 = 86_400.0;

fn place(of: u16, metric: &str, value: f64) -> Placement {
    year(of).expect("the year is kept").place(metric, value).expect("it has clusters")
}

fn closest(of: u16, metric: &str, value: f64) -> String {
    place(of, metric, value).closest.join(" ")
}

#[test]
fn fourteen_percent_is_something_else_in_every_year() {
    let at = |of| place(of, "change_fail_rate", 0.14);
    assert_eq!(at(2019), Placement { closest: names("elite high medium"), lies: Lies::InSeveral });
    assert_eq!(at(2021), Placement { closest: names("elite"), lies: Lies::InOne });
    assert_eq!(at(2023), Placement { closest: names("medium"), lies: Lies::AmongNumbers });
    assert_eq!(at(2024), Placement { closest: names("medium"), lies: Lies::AmongNumbers });
}

fn names(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[test]
fn five_hours_in_2021_are_in_a_gap() {
    let found = place(2021, "change_lead_time", 5.0 * HOUR);
    assert_eq!(found.lies, Lies::InGap { below: names("elite"), above: names("high") });
    // A day is 4.8 times as long, an hour a fifth.
    assert_eq!(found.closest, names("high"));
    assert_eq!(closest(2021, "change_lead_time", 4.0 * HOUR), "elite");
}

#[test]
fn shared_cells_gaps_ties_and_ends_are_told() {
    for (of, metric, value, expected) in [
        // 2023: two groups with the same answer.
        (2023, "change_lead_time", 10.0 * DAY, "medium low: InSeveral"),
        (2023, "deployment_frequency", 1.0 / 14.0, "medium low: InSeveral"),
        // The border of two ranges belongs to both.
        (2023, "change_lead_time", 7.0 * DAY, "high medium low: InSeveral"),
        (2023, "change_lead_time", 6.9 * DAY, "high: InOne"),
        // 2024: 15 % is as far from 10 as from 20, and a larger rate is closer to a faster group.
        (2024, "change_fail_rate", 0.15, "high medium: AmongNumbers"),
        (2024, "change_fail_rate", 0.19, "high: AmongNumbers"),
        (2024, "failed_deployment_recovery_time", 3.0 * DAY, "low: InGap"),
        (2019, "change_fail_rate", 0.7, "low: Beyond"),
        (2019, "change_fail_rate", 0.155, "elite high medium: InGap"),
        (2022, "deployment_frequency", 0.5, "high: InGap"),
        (2022, "change_lead_time", HOUR, "high: Beyond"),
        (2021, "deployment_frequency", 0.0, "low: InOne"),
        (2019, "deployment_frequency", 0.0, "low: Beyond"),
        (2018, "deployment_frequency", 3.0, "elite high: InSeveral"),
        (2019, "failed_deployment_recovery_time", HOUR / 2.0, "elite: InOne"),
    ] {
        let found = place(of, metric, value);
        let lies = format!("{:?}", found.lies);
        let lies = lies.split([' ', '{']).next().unwrap_or_default();
        let told = format!("{}: {lies}", found.closest.join(" "));
        assert!(expected.starts_with(&told), "{of} {metric} {value}: {told}, not {expected}");
    }
}

#[test]
fn years_without_clusters_place_nothing() {
    for of in [2020, 2025] {
        let found = year(of).expect("the year is kept");
        assert!(found.clusters.is_empty() && !found.remarks.is_empty(), "{of}");
        assert_eq!(found.place("change_lead_time", 1.0), None);
    }
    assert!(year(2017).is_none());
    assert_eq!(year(2024).and_then(|year| year.place("deployment_rework_rate", 0.1)), None);
}

/// The remarks that name a gap are held against the ranges themselves.
#[test]
fn the_file_is_whole_and_its_gaps_are_there() {
    let file = published();
    assert!(file.version >= 1 && !file.conventions.is_empty() && file.caveats.len() >= 3);
    let years: Vec<u16> = file.years.iter().map(|year| year.year).collect();
    assert_eq!(years, (2018..=2025).collect::<Vec<_>>());
    for year in &file.years {
        for text in [&year.report, &year.report_version, &year.source, &year.change_fail_rate_asked_as] {
            assert!(!text.is_empty(), "{}", year.year);
        }
        let asked_as_number = year.clusters.iter().all(|cluster| cluster.change_fail_rate.is_point());
        assert_eq!(asked_as_number, year.year >= 2023 || year.clusters.is_empty(), "{}", year.year);
        for cluster in &year.clusters {
            for metric in METRICS {
                let range = cluster.range(metric).expect("it is asked for");
                assert!(range.from.is_some() || range.to.is_some(), "{} {metric}", year.year);
                assert!(range.from.zip(range.to).is_none_or(|(from, to)| from <= to), "{} {metric}", year.year);
            }
        }
    }
    let shares =
        |of: u16| year(of).expect("kept").clusters.iter().map(|cluster| cluster.share_percent).collect::<Vec<_>>();
    assert_eq!(shares(2018), [7, 48, 37, 15]);
    assert_eq!(shares(2019), [20, 23, 44, 12]);
    assert_eq!(shares(2021), [26, 40, 28, 7]);
    assert_eq!(shares(2022), [11, 69, 19]);
    assert_eq!(shares(2023), [18, 31, 33, 17]);
    assert_eq!(shares(2024), [19, 22, 35, 25]);
    for (of, metric, inside_the_gap) in [
        (2018, "change_lead_time", 12.0 * HOUR),
        (2018, "failed_deployment_recovery_time", 3.0 * DAY),
        (2018, "change_fail_rate", 0.3),
        (2019, "failed_deployment_recovery_time", 3.0 * DAY),
        (2021, "change_lead_time", 12.0 * HOUR),
        (2021, "change_lead_time", 14.0 * DAY),
        (2021, "deployment_frequency", 0.5),
        (2021, "failed_deployment_recovery_time", 60.0 * DAY),
        (2022, "change_fail_rate", 0.4),
        (2023, "failed_deployment_recovery_time", 14.0 * DAY),
        (2024, "failed_deployment_recovery_time", 3.0 * DAY),
    ] {
        let found = place(of, metric, inside_the_gap);
        assert!(matches!(found.lies, Lies::InGap { .. }), "{of} {metric}: {found:?}");
    }
}
