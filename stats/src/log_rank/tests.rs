use super::*;
use crate::random::Philox;
use LogRankWeight::{Equal, Survival};

/// Whole durations, so that they tie; groups with the given means.
fn draw(seed: u64, count: usize, means: &[f64]) -> (Vec<f64>, Vec<bool>, Vec<usize>) {
    let mut random = Philox::new(seed, 0);
    let mut exponential = |mean: f64| -mean * libm::log1p(-random.unit());
    let mut columns = (Vec::new(), Vec::new(), Vec::new());
    for subject in 0..count {
        let group = subject % means.len();
        let (event, censoring) = (exponential(means[group]).ceil(), exponential(30.0).ceil());
        columns.0.push(event.min(censoring));
        columns.1.push(event <= censoring);
        columns.2.push(group);
    }
    columns
}

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-10 * other.abs().max(1.0)
}

// Freireich et al. (1963): weeks of remission, chi-squared 16.79 as printed in most textbooks since.
#[test]
fn example_freireich1963() {
    let drug = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35];
    let placebo = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23];
    let weeks: Vec<f64> = drug.into_iter().chain(placebo).map(f64::from).collect();
    let observed: Vec<bool> = (0..42).map(|place| !(9..21).contains(&place)).collect();
    let groups: Vec<bool> = (0..42).map(|place| place >= 21).collect();
    let found = log_rank(&weeks, &observed, &groups, Equal).expect("two groups");
    assert!((found.test.statistic - 16.79).abs() < 0.005, "{found:?}");
    assert!((found.groups[0].expected - 19.25).abs() < 0.005 && (found.groups[1].expected - 10.75).abs() < 0.005);
    assert!(close(found.groups[0].observed, 9.0) && close(found.groups[1].observed, 21.0));
}

// The sums of the definition, group by group and time by time, without any running count.
#[test]
fn sums_are_those_of_the_definition() {
    let (times, observed, groups) = draw(1, 90, &[5.0, 8.0, 12.0]);
    for weight in [Equal, Survival] {
        let found = log_rank(&times, &observed, &groups, weight).expect("three groups");
        let mut distinct: Vec<f64> = times.clone();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        let mut survival = 1.0;
        let (mut expected, mut variance) = ([0.0; 3], [[0.0; 3]; 3]);
        for time in distinct {
            let at_risk = |wanted: usize| (0..90).filter(|i| times[*i] >= time && groups[*i] == wanted).count() as f64;
            let events = (0..90).filter(|i| close(times[*i], time) && observed[*i]).count() as f64;
            let all = at_risk(0) + at_risk(1) + at_risk(2);
            let w = if weight == Equal { 1.0 } else { survival };
            for g in 0..3 {
                expected[g] += w * events * at_risk(g) / all;
                for (h, entry) in variance[g].iter_mut().enumerate() {
                    let same = f64::from(u8::from(g == h));
                    let of_one = at_risk(g) / all * (same - at_risk(h) / all);
                    *entry += w * w * events * of_one * if all > 1.0 { (all - events) / (all - 1.0) } else { 0.0 };
                }
            }
            survival *= 1.0 - events / all;
        }
        let excess: Vec<f64> = (0..3).map(|g| found.groups[g].observed - expected[g]).collect();
        let determinant = variance[0][0] * variance[1][1] - variance[0][1] * variance[1][0];
        let statistic = (excess[0] * excess[0] * variance[1][1] - 2.0 * excess[0] * excess[1] * variance[0][1]
            + excess[1] * excess[1] * variance[0][0])
            / determinant;
        assert!(close(found.test.statistic, statistic) && found.test.degrees_of_freedom == 2);
        for g in 0..3 {
            assert!(close(found.groups[g].expected, expected[g]) && close(found.groups[g].variance, variance[g][g]));
        }
        assert!(excess.iter().sum::<f64>().abs() < 1e-10);
    }
}

#[test]
fn names_order_and_units_do_not_matter() {
    let (times, observed, groups) = draw(2, 80, &[5.0, 8.0, 6.0]);
    let found = log_rank(&times, &observed, &groups, Survival).expect("three groups");
    let reverse = |values: &[f64]| values.iter().rev().copied().collect::<Vec<_>>();
    let flags: Vec<bool> = observed.iter().rev().copied().collect();
    let names: Vec<usize> = groups.iter().rev().copied().collect();
    assert_eq!(log_rank(&reverse(&times), &flags, &names, Survival), Ok(found.clone()));
    // Only the order of times matters, and which group is left out of the inverse does not.
    let squares: Vec<f64> = times.iter().map(|time| time * time).collect();
    let renamed: Vec<usize> = groups.iter().map(|group| (group + 1) % 3).collect();
    let again = log_rank(&squares, &observed, &renamed, Survival).expect("three groups");
    assert!(close(again.test.statistic, found.test.statistic));
    assert!(close(again.groups[1].expected, found.groups[0].expected));
}

#[test]
fn strata_are_added() {
    let (times, observed, groups) = draw(3, 120, &[5.0, 8.0]);
    let strata: Vec<u8> = (0..120).map(|place| u8::from(place >= 50)).collect();
    let found = log_rank_stratified(&times, &observed, &groups, &strata, Equal).expect("two groups");
    let part = |range: std::ops::Range<usize>| {
        log_rank(&times[range.clone()], &observed[range.clone()], &groups[range], Equal).expect("two groups").groups[0]
    };
    let (first, second) = (part(0..50), part(50..120));
    let excess = found.groups[0].observed - first.expected - second.expected;
    assert!(close(found.groups[0].expected, first.expected + second.expected));
    assert!(close(found.test.statistic, excess * excess / (first.variance + second.variance)));
    // A stratum of one group says nothing.
    let more = |values: &[f64]| [values, &[0.5, 0.7]].concat();
    let (flags, names) = ([&observed[..], &[true; 2]].concat(), [&groups[..], &[0; 2]].concat());
    let wider = log_rank_stratified(&more(&times), &flags, &names, &[&strata[..], &[7; 2]].concat(), Equal);
    assert!(close(wider.expect("two groups").test.statistic, found.test.statistic));
}

#[test]
fn what_has_no_answer_is_refused() {
    let test = |times: &[f64], flags: &[bool], groups: &[u8]| log_rank(times, flags, groups, Equal);
    assert_eq!(test(&[], &[], &[]), Err(SurvivalError::NoDurations.into()));
    assert_eq!(test(&[1.0], &[true], &[]), Err(LogRankError::LengthMismatch { durations: 1, beside: 0 }));
    assert_eq!(test(&[1.0; 3], &[false; 3], &[0, 1, 1]), Err(LogRankError::TooFewGroups { groups: 0 }));
    assert_eq!(test(&[1.0; 3], &[true; 3], &[1; 3]), Err(LogRankError::TooFewGroups { groups: 1 }));
    // All end at once: nothing could have been otherwise.
    assert_eq!(test(&[1.0; 4], &[true; 4], &[0, 0, 1, 1]), Err(LogRankError::Unconnected));
    assert!(matches!(test(&[f64::INFINITY; 2], &[true; 2], &[0, 1]), Err(LogRankError::Survival(_))));
    // Two pairs of groups, each in a stratum of its own.
    let times = [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0];
    let strata = [0, 0, 0, 0, 1, 1, 1, 1];
    let apart = log_rank_stratified(&times, &[true; 8], &[0, 1, 0, 1, 2, 3, 2, 3], &strata, Equal);
    assert_eq!(apart, Err(LogRankError::Unconnected));
    // A group that is gone before the first event is left out of the degrees of freedom.
    let gone =
        test(&[0.5, 1.0, 2.0, 3.0, 4.0], &[false, true, true, true, true], &[9, 0, 1, 0, 1]).expect("two remain");
    assert_eq!((gone.test.degrees_of_freedom, gone.groups.len()), (1, 3));
}

#[test]
fn the_level_is_kept_without_a_difference() {
    let rejected = |means: &[f64], seed: u64| {
        let runs = (0..300).filter(|run| {
            let (times, observed, groups) = draw(seed + run, 60, means);
            log_rank(&times, &observed, &groups, Equal).expect("groups meet").test.p < 0.05
        });
        runs.count()
    };
    // Of 300 tests at 5 % 15 are expected; three standard deviations are 11.
    let (two, three) = (rejected(&[8.0, 8.0], 5_000), rejected(&[8.0, 8.0, 8.0], 6_000));
    assert!((4..=26).contains(&two) && (4..=26).contains(&three), "{two} {three}");
    assert!(rejected(&[4.0, 12.0], 7_000) > 250);
}
