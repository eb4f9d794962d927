use proptest::prelude::*;

use super::*;

const METHODS: [ScoreMethod; 3] = [ScoreMethod::Plain, ScoreMethod::MiettinenNurminen, ScoreMethod::SkewnessCorrected];

fn group(events: u64, subjects: u64) -> Proportion {
    Proportion { events, subjects }
}

fn close(one: f64, other: f64, absolute: f64) -> bool {
    (one - other).abs() <= absolute
}

// Newcombe (1998), table II: methods 10, 5 (Mee) and 6 (Miettinen and Nurminen).
#[test]
fn example_newcombe1998() {
    let printed = [
        ((56, 70, 48, 80), [0.0524, 0.3339], [0.0533, 0.3377], [0.0528, 0.3382]),
        ((6, 7, 2, 7), [0.0582, 0.8062], [0.0544, 0.8478], [0.0342, 0.8534]),
        ((0, 10, 0, 20), [-0.1611, 0.2775], [-0.1611, 0.2775], [-0.1658, 0.2844]),
        ((10, 10, 0, 20), [0.6791, 1.0], [0.7225, 1.0], [0.7156, 1.0]),
    ];
    for ((x1, n1, x2, n2), hybrid, mee, sample) in printed {
        let (first, second) = (group(x1, n1), group(x2, n2));
        let found = [
            newcombe_interval(first, second, 0.95).expect("there are subjects"),
            risk_difference_interval(first, second, ScoreMethod::Plain, 0.95).expect("there are subjects"),
            risk_difference_interval(first, second, ScoreMethod::MiettinenNurminen, 0.95).expect("there are subjects"),
        ];
        for (interval, [low, high]) in found.into_iter().zip([hybrid, mee, sample]) {
            assert!(close(interval.low, low, 6e-5) && close(interval.high, high, 6e-5), "{interval:?}");
        }
    }
}

// A widely used package gives limits that are not symmetric here, and none where a group has no events.
#[test]
fn equal_groups_have_symmetric_limits() {
    for (events, subjects) in [(12, 240), (0, 20), (20, 20), (1, 2), (3, 1_000_000)] {
        for method in METHODS {
            let same = group(events, subjects);
            let difference = risk_difference_interval(same, same, method, 0.95).expect("there are subjects");
            assert!(close(difference.low, -difference.high, 1e-13), "{events} of {subjects}: {difference:?}");
            assert!(close(difference.estimate, 0.0, 1e-13) && difference.high > 0.0);
            let ratio = risk_ratio_interval(same, same, method, 0.95).expect("there are subjects");
            if let Some(high) = ratio.high {
                assert!(close(ratio.low * high, 1.0, 1e-11), "{ratio:?}");
            }
        }
    }
}

// Oracle: the likelihood along the contrast, searched on a fine grid of the nuisance probability.
#[test]
fn probabilities_are_the_likeliest() {
    let log_likelihood = |groups: [Cells; 2], one: f64, other: f64| -> f64 {
        let term = |count: f64, probability: f64| if count > 0.0 { count * probability.ln() } else { 0.0 };
        let [first, second] = groups;
        term(first.events, one)
            + term(first.without(), 1.0 - one)
            + term(second.events, other)
            + term(second.without(), 1.0 - other)
    };
    for (first, second) in [((3, 12), (7, 15)), ((0, 9), (4, 5)), ((0, 6), (0, 9)), ((8, 8), (5, 5)), ((8, 8), (0, 5))]
    {
        let groups = [Cells::of(group(first.0, first.1)), Cells::of(group(second.0, second.1))]
            .map(|cells| cells.expect("there are subjects"));
        for difference in [-0.7, -0.2, 0.1, 0.5] {
            let parts = difference_parts(groups, difference);
            let variance = |one: f64, other: f64| {
                one * (1.0 - one) / groups[0].subjects + other * (1.0 - other) / groups[1].subjects
            };
            let (low, high) = (f64::max(0.0, -difference), f64::min(1.0, 1.0 - difference));
            let grid = (0..=200_000).map(|step| low + (high - low) * f64::from(step) / 200_000.0);
            let best = grid.fold((f64::NEG_INFINITY, 0.0), |best, other| {
                let height = log_likelihood(groups, other + difference, other);
                if height > best.0 { (height, variance(other + difference, other)) } else { best }
            });
            assert!(close(parts.variance, best.1, 2e-6), "{first:?} {second:?} {difference}: {parts:?} {best:?}");
        }
        for ratio in [0.2, 0.9, 1.7] {
            let parts = risk_ratio_parts(groups, ratio);
            let variance = |other: f64| {
                let one = ratio * other;
                let variance = one * (1.0 - one) / groups[0].subjects;
                let whole = variance + ratio * ratio * other * (1.0 - other) / groups[1].subjects;
                if ratio > 1.0 { whole / (ratio * ratio) } else { whole }
            };
            let high = f64::min(1.0, 1.0 / ratio);
            let grid = (0..=200_000).map(|step| high * f64::from(step) / 200_000.0);
            let best = grid.fold((f64::NEG_INFINITY, 0.0), |best, other| {
                let height = log_likelihood(groups, ratio * other, other);
                if height > best.0 { (height, variance(other)) } else { best }
            });
            assert!(close(parts.variance, best.1, 2e-6), "{first:?} {second:?} {ratio}: {parts:?} {best:?}");
        }
    }
}

// An interval is what its test does not reject.
#[test]
fn limits_are_where_the_test_turns() {
    for method in METHODS {
        let (first, second) = (group(3, 61), group(9, 55));
        let interval = risk_difference_interval(first, second, method, 0.95).expect("there are subjects");
        let at = |margin: f64| risk_difference_test(first, second, margin, method).expect("the margin is possible");
        assert!(close(at(interval.low).p_above, 0.025, 1e-12) && close(at(interval.high).p_below, 0.025, 1e-12));
        assert!(close(at(interval.estimate).z, 0.0, 1e-12));
    }
}

// Four subjects of which all probabilities can be written down: exact coverage by enumeration of all tables.
#[test]
fn score_limits_cover_on_average() {
    let subjects = 20_u64;
    let binomial = |probability: f64| -> Vec<f64> {
        let mut terms = vec![(1.0 - probability).powi(20)];
        for k in 0..20 {
            let last = terms[k];
            terms.push(last * (20.0 - k as f64) / (k as f64 + 1.0) * probability / (1.0 - probability));
        }
        terms
    };
    let intervals: Vec<Interval> = (0..=subjects)
        .flat_map(|x1| (0..=subjects).map(move |x2| (x1, x2)))
        .map(|(x1, x2)| {
            let (first, second) = (group(x1, subjects), group(x2, subjects));
            risk_difference_interval(first, second, ScoreMethod::MiettinenNurminen, 0.95).expect("there are subjects")
        })
        .collect();
    let mut mean = 0.0;
    let probabilities = [0.02, 0.05, 0.1, 0.2, 0.35, 0.5];
    for one in probabilities {
        for other in probabilities {
            let (first, second) = (binomial(one), binomial(other));
            let covered: f64 = intervals
                .iter()
                .enumerate()
                .filter(|(_, interval)| interval.low <= one - other && one - other <= interval.high)
                .map(|(place, _)| first[place / 21] * second[place % 21])
                .sum();
            assert!(covered > 0.92, "{one} {other}: {covered}");
            mean += covered / 36.0;
        }
    }
    assert!((0.945..0.975).contains(&mean), "{mean}");
}

// The same stratum twice has the variance of half of it, up to the factor for a sample.
#[test]
fn strata_add_up() {
    let (first, second) = (group(3, 61), group(9, 55));
    for margin in [-0.1, 0.0, 0.05] {
        let one = risk_difference_test(first, second, margin, ScoreMethod::Plain).expect("it is possible");
        let twice = [(first, second); 2];
        let two = stratified_risk_difference_test(&twice, margin, ScoreMethod::Plain).expect("it is possible");
        assert!(close(two.z, one.z * 2.0_f64.sqrt(), 1e-10));
    }
    let strata = [(group(3, 61), group(9, 55)), (group(0, 12), group(1, 20)), (group(0, 7), group(0, 9))];
    let turned = [strata[2], strata[0], strata[1]];
    let interval = stratified_risk_difference_interval(&strata, ScoreMethod::MiettinenNurminen, 0.95);
    assert_eq!(interval, stratified_risk_difference_interval(&turned, ScoreMethod::MiettinenNurminen, 0.95));
    let interval = interval.expect("there are strata");
    let weights = [61.0 * 55.0 / 116.0, 12.0 * 20.0 / 32.0, 7.0 * 9.0 / 16.0];
    let mean = (weights[0] * (3.0 / 61.0 - 9.0 / 55.0) - weights[1] / 20.0) / weights.iter().sum::<f64>();
    assert!(close(interval.estimate, mean, 1e-14) && interval.low < mean && mean < interval.high);
}

// Greenland and Robins's two limits: one large stratum has the unpooled binomial variance.
#[test]
fn the_variance_of_mantel_and_haenszel_is_right_for_one_large_stratum() {
    let (first, second) = (group(300, 4_000), group(420, 3_000));
    let wald = mantel_haenszel_risk_difference(&[(first, second)]).expect("there are events");
    let (one, other) = (0.075, 0.14);
    let variance: f64 = one * (1.0 - one) / 4_000.0 + other * (1.0 - other) / 3_000.0;
    assert!(close(wald.estimate, -0.065, 1e-14) && close(wald.standard_error / variance.sqrt(), 1.0, 1e-3));
}

// A thousand pairs, of which the spread over services is real: the error is that of a simulation by resampling.
#[test]
fn the_variance_of_mantel_and_haenszel_is_right_for_many_small_strata() {
    let mut sums = (0.0, 0.0, 0.0);
    for run in 0..300_u64 {
        let mut random = crate::Philox::new(11, run);
        let strata: Vec<_> = (0..40)
            .map(|place| {
                let base = 0.05 + 0.1 * f64::from(place % 5);
                let mut draw = |subjects: u64, probability: f64| {
                    group((0..subjects).filter(|_| random.unit() < probability).count() as u64, subjects)
                };
                (draw(3, base + 0.08), draw(4, base))
            })
            .collect();
        let wald = mantel_haenszel_risk_difference(&strata).expect("there are events");
        sums.0 += wald.estimate;
        sums.1 += wald.estimate * wald.estimate;
        sums.2 += wald.standard_error * wald.standard_error;
    }
    let mean = sums.0 / 300.0;
    let variance = sums.1 / 300.0 - mean * mean;
    // Four standard errors of the mean of 300, and of their variance.
    assert!(close(mean, 0.08, 4.0 * (variance / 300.0).sqrt()), "{mean}");
    assert!(close(sums.2 / 300.0 / variance, 1.0, 4.0 * (2.0_f64 / 300.0).sqrt()), "{sums:?} {variance}");
}

#[test]
fn impossible_groups_are_refused() {
    let method = ScoreMethod::MiettinenNurminen;
    let refused = |first, second| risk_difference_interval(first, second, method, 0.95).expect_err("impossible");
    assert_eq!(refused(group(0, 0), group(1, 2)), TwoProportionError::NoSubjects);
    let more = TwoProportionError::MoreEventsThanSubjects { events: 3, subjects: 2 };
    assert_eq!(refused(group(1, 2), group(3, 2)), more);
    assert_eq!(stratified_risk_difference_interval(&[], method, 0.95), Err(TwoProportionError::NoStrata));
    for confidence in [0.0, 1.0, f64::NAN, -3.0] {
        assert!(risk_difference_interval(group(1, 2), group(1, 2), method, confidence).is_err());
        assert!(risk_ratio_interval(group(1, 2), group(1, 2), method, confidence).is_err());
        assert!(odds_ratio_interval(group(1, 2), group(1, 2), method, confidence).is_err());
        assert!(newcombe_interval(group(1, 2), group(1, 2), confidence).is_err());
    }
    for margin in [-1.0, 1.0, f64::NAN, f64::INFINITY] {
        assert!(risk_difference_test(group(1, 2), group(1, 2), margin, method).is_err());
    }
    assert_eq!(mantel_haenszel_risk_difference(&[(group(0, 3), group(0, 4))]), Err(TwoProportionError::NoVariance));
}

/// Groups that are small, at the ends, or large.
fn groups() -> impl Strategy<Value = Proportion> {
    let small = (1_u64..40, 0.0..1.0_f64).prop_map(|(subjects, share)| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
        group((share * (subjects + 1) as f64) as u64, subjects)
    });
    let ends =
        (1_u64..1_000, any::<bool>()).prop_map(|(subjects, all)| group(if all { subjects } else { 0 }, subjects));
    let large = (0_u64..1_000_000, 1_u64..1_000_000).prop_map(|(events, more)| group(events, events + more));
    prop_oneof![small, ends, large]
}

proptest! {
    #[test]
    fn differences_change_sign_when_groups_are_swapped(first in groups(), second in groups(), level in 0.9..0.99) {
        for method in METHODS {
            let given = risk_difference_interval(first, second, method, level).expect("there are subjects");
            let swapped = risk_difference_interval(second, first, method, level).expect("there are subjects");
            prop_assert!(close(given.low, -swapped.high, 1e-12) && close(given.high, -swapped.low, 1e-12));
            prop_assert!(given.low <= given.estimate && given.estimate <= given.high);
            prop_assert!(-1.0 <= given.low && given.high <= 1.0);
            let others = [first, second].map(|group| Proportion { events: group.subjects - group.events, ..group });
            let mirrored = risk_difference_interval(others[0], others[1], method, level).expect("the same subjects");
            prop_assert!(close(given.low, -mirrored.high, 1e-11), "{} {}", given.low, mirrored.high);
            let wider = risk_difference_interval(first, second, method, level + 0.005).expect("there are subjects");
            prop_assert!(wider.low <= given.low && given.high <= wider.high);
        }
    }

    #[test]
    fn ratios_invert_when_groups_are_swapped(first in groups(), second in groups(), level in 0.9..0.99) {
        for interval in [risk_ratio_interval, odds_ratio_interval] {
            for method in METHODS {
                let given = interval(first, second, method, level).expect("there are subjects");
                let swapped = interval(second, first, method, level).expect("there are subjects");
                match swapped.high {
                    Some(high) => prop_assert!(close(given.low * high, 1.0, 1e-9), "{given:?} {swapped:?}"),
                    None => prop_assert!(given.low.abs() < f64::MIN_POSITIVE, "{given:?} {swapped:?}"),
                }
                let (estimate, high) = (given.estimate.unwrap_or(f64::MAX), given.high.unwrap_or(f64::MAX));
                prop_assert!(given.low <= estimate * (1.0 + 1e-12) && estimate <= high * (1.0 + 1e-12), "{given:?}");
            }
        }
    }

    // A ratio of 1 and a difference of 0 are one hypothesis, with one statistic.
    #[test]
    fn ratio_and_difference_agree_about_equality(first in groups(), second in groups(), level in 0.7..0.99) {
        let difference = risk_difference_interval(first, second, ScoreMethod::Plain, level).expect("in range");
        let ratio = risk_ratio_interval(first, second, ScoreMethod::Plain, level).expect("in range");
        let is_near = difference.low.abs().min(difference.high.abs()) < 1e-9;
        prop_assert!(is_near || (difference.low > 0.0) == (ratio.low > 1.0));
        prop_assert!(is_near || (difference.high < 0.0) == ratio.high.is_some_and(|high| high < 1.0));
    }
}
