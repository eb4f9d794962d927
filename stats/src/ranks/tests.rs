use std::num::NonZeroU64;

use proptest::prelude::*;

use super::*;
use crate::Philox;

const METHODS: [RankMethod; 3] = [RankMethod::Exact, RankMethod::Normal, RankMethod::NormalCorrected];

/// Every subset of so many of `count` places, as masks.
fn subsets(count: u32, size: u32) -> impl Iterator<Item = u32> {
    (0..1_u32 << count).filter(move |mask| mask.count_ones() == size)
}

fn share(holds: impl Iterator<Item = bool>) -> f64 {
    let (all, held) = holds.fold((0.0, 0.0), |(all, held), holds| (all + 1.0, held + f64::from(u8::from(holds))));
    held / all
}

/// Whether two figures are equal to the last bit, zeros of either sign included.
fn same(one: f64, other: f64) -> bool {
    (one + 0.0).to_bits() == (other + 0.0).to_bits()
}

/// Pairs won, equal pairs counted half, by going through all of them.
fn won(first: &[f64], second: &[f64]) -> f64 {
    let pairs = first.iter().flat_map(|one| second.iter().map(move |other| (one, other)));
    pairs.map(|(one, other)| if one > other { 1.0 } else { f64::from(u8::from(one >= other)) * 0.5 }).sum()
}

fn dealt(pooled: &[f64], mask: u32) -> (Vec<f64>, Vec<f64>) {
    let chosen = |wanted: bool| {
        let places = (0..pooled.len()).filter(move |place| (mask >> place & 1 == 1) == wanted);
        places.map(|place| pooled[place]).collect()
    };
    (chosen(true), chosen(false))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// The exact test is the share of all ways to deal the values out, ties or not, whichever sample is the smaller.
    #[test]
    fn the_exact_test_is_enumeration(
        first in prop::collection::vec(0..6_i32, 1..6),
        second in prop::collection::vec(0..6_i32, 1..6),
    ) {
        let first: Vec<f64> = first.into_iter().map(f64::from).collect();
        let second: Vec<f64> = second.into_iter().map(f64::from).collect();
        let comparison = RankComparison::new(&first, &second).expect("finite values");
        let test = comparison.mann_whitney(RankMethod::Exact);
        prop_assume!(test.is_ok());
        let test = test.expect("assumed");
        let observed = won(&first, &second);
        prop_assert!((test.statistic - observed).abs() < 1e-12);
        let pooled = [first.as_slice(), second.as_slice()].concat();
        let mean = 0.5 * (first.len() * second.len()) as f64;
        let counts = (u32::try_from(pooled.len()).expect("few"), u32::try_from(first.len()).expect("few"));
        let all: Vec<f64> = subsets(counts.0, counts.1)
            .map(|mask| dealt(&pooled, mask))
            .map(|(one, other)| won(&one, &other))
            .collect();
        let far = share(all.iter().map(|value| (value - mean).abs() >= (observed - mean).abs() - 1e-9));
        prop_assert!((test.p_two_sided - far).abs() < 1e-12);
        prop_assert!((test.p_greater - share(all.iter().map(|value| *value >= observed))).abs() < 1e-12);
        prop_assert!((test.p_less - share(all.iter().map(|value| *value <= observed))).abs() < 1e-12);
    }

    /// So is that of signs.
    #[test]
    fn the_exact_signed_test_is_enumeration(differences in prop::collection::vec(-4..5_i32, 1..9)) {
        let differences: Vec<f64> = differences.into_iter().map(f64::from).collect();
        let test = SignedRank::new(&differences).expect("finite").test(RankMethod::Exact);
        let nonzero: Vec<f64> = differences.iter().copied().filter(|value| value.abs() > 0.0).collect();
        if nonzero.is_empty() {
            prop_assert_eq!(test, Err(RankError::NoSpread));
            return Ok(());
        }
        let test = test.expect("some are not 0");
        let rank = |value: f64| {
            let sizes = nonzero.iter().map(|other| other.abs());
            let (below, equal) = sizes.fold((0.0, 0.0), |(below, equal), size| {
                if size < value { (below + 1.0, equal) } else if size > value { (below, equal) } else { (below, equal + 1.0) }
            });
            below + 0.5 * (equal + 1.0)
        };
        let ranks: Vec<f64> = nonzero.iter().map(|value| rank(value.abs())).collect();
        let sum = |mask: usize| -> f64 {
            ranks.iter().enumerate().filter(|(place, _)| mask >> place & 1 == 1).map(|(_, rank)| rank).sum()
        };
        let observed: f64 = ranks.iter().zip(&nonzero).filter(|(_, value)| **value > 0.0).map(|(rank, _)| rank).sum();
        let mean = 0.5 * ranks.iter().sum::<f64>();
        let all: Vec<f64> = (0..1_usize << ranks.len()).map(sum).collect();
        prop_assert!((test.statistic - observed).abs() < 1e-12);
        let far = share(all.iter().map(|value| (value - mean).abs() >= (observed - mean).abs()));
        prop_assert!((test.p_two_sided - far).abs() < 1e-12);
        prop_assert!((test.p_greater - share(all.iter().map(|value| *value >= observed))).abs() < 1e-12);
    }

    /// Estimate and limits are order statistics of all differences, and every limit is one of them to the last bit.
    #[test]
    fn the_shift_is_read_from_all_differences(
        first in prop::collection::vec(-50..50_i32, 6..40),
        second in prop::collection::vec(-50..50_i32, 6..40),
        scale in prop::sample::select(vec![1.0, 0.1, 1e-12, 1e9]),
    ) {
        let first: Vec<f64> = first.into_iter().map(|value| f64::from(value) * scale).collect();
        let second: Vec<f64> = second.into_iter().map(|value| f64::from(value) * scale + 0.3).collect();
        let comparison = RankComparison::new(&first, &second).expect("finite values");
        let found = comparison.hodges_lehmann(RankMethod::Normal, 0.9);
        prop_assume!(found.is_ok());
        let found = found.expect("assumed").interval;
        let mut all: Vec<f64> = first.iter().flat_map(|one| second.iter().map(move |other| one - other)).collect();
        all.sort_by(f64::total_cmp);
        let (n, m) = (first.len() as f64, second.len() as f64);
        let cubes = |values: &[f64]| -> f64 {
            let equal = |value: &f64| values.iter().filter(|other| (*other - value).abs() <= 0.0).count() as f64;
            values.iter().map(|value| equal(value) * equal(value) - 1.0).sum()
        };
        let ties = (cubes(&first) + cubes(&second)) / ((n + m) * (n + m - 1.0));
        let reach = 1.644_853_626_951_472_7 * (n * m / 12.0 * (n + m + 1.0 - ties)).sqrt();
        let place = (1..all.len()).find(|place| *place as f64 >= 0.5 * n * m - reach).expect("it is below half");
        prop_assert!(same(found.estimate, crate::quantile(&all, 0.5).expect("there are differences")));
        prop_assert!(same(found.low, all[place - 1]));
        prop_assert!(same(found.high, all[all.len() - place]));
    }

    #[test]
    fn the_centre_is_read_from_all_averages(differences in prop::collection::vec(-50..50_i32, 8..40)) {
        let differences: Vec<f64> = differences.into_iter().map(|value| f64::from(value) * 0.1).collect();
        let found = SignedRank::new(&differences).expect("finite").hodges_lehmann(RankMethod::NormalCorrected, 0.8);
        prop_assume!(found.is_ok());
        let found = found.expect("assumed").interval;
        let mut all = Vec::new();
        for (place, one) in differences.iter().enumerate() {
            all.extend(differences[place..].iter().map(|other| 0.5 * (one + other)));
        }
        all.sort_by(f64::total_cmp);
        let middle = all[all.len() / 2].midpoint(all[(all.len() - 1) / 2]);
        prop_assert!(same(found.estimate, middle));
        let place = all.iter().position(|value| *value >= found.low).expect("the limit is an average");
        prop_assert!(same(all[place], found.low));
        prop_assert!(all.contains(&found.high) && found.low <= middle && middle <= found.high);
    }

    /// Swapping the samples mirrors every answer, and order within a sample changes none.
    #[test]
    fn swapping_mirrors(first in prop::collection::vec(0..30_i32, 4..20), second in prop::collection::vec(0..30_i32, 4..20)) {
        let first: Vec<f64> = first.into_iter().map(f64::from).collect();
        let second: Vec<f64> = second.into_iter().map(f64::from).collect();
        let there = RankComparison::new(&first, &second).expect("finite values");
        let back = RankComparison::new(&second, &first).expect("finite values");
        let reversed: Vec<f64> = first.iter().rev().copied().collect();
        prop_assert_eq!(&RankComparison::new(&reversed, &second).expect("finite values"), &there);
        for method in METHODS {
            if let (Ok(one), Ok(other)) = (there.mann_whitney(method), back.mann_whitney(method)) {
                prop_assert!((one.p_two_sided - other.p_two_sided).abs() < 1e-12);
                prop_assert!((one.p_greater - other.p_less).abs() < 1e-12);
            }
            if let (Ok(one), Ok(other)) = (there.hodges_lehmann(method, 0.9), back.hodges_lehmann(method, 0.9)) {
                prop_assert!(same(one.interval.estimate, -other.interval.estimate));
                prop_assert!(same(one.interval.low, -other.interval.high));
            }
        }
        for figure in [RankComparison::log_win_odds, RankComparison::log_win_ratio, RankComparison::brunner_munzel] {
            match (figure(&there), figure(&back)) {
                (Ok(one), Ok(other)) => {
                    prop_assert!((one.estimate + other.estimate).abs() < 1e-12);
                    prop_assert!((one.standard_error - other.standard_error).abs() < 1e-12);
                }
                (one, other) => prop_assert!(one.is_err() && other.is_err()),
            }
        }
        prop_assert_eq!(there.kolmogorov_smirnov(), back.kolmogorov_smirnov());
    }
}

/// The statistic as Brunner and Munzel print it, by ranks: their data on pain after two treatments, where they find
/// t = 3.1375 with 17.683 degrees of freedom, p = 0.0057862 and a probability of 0.789.
#[test]
fn example_brunner_munzel_2000() {
    let yes = [1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 4.0, 1.0, 1.0];
    let no = [3.0, 3.0, 4.0, 3.0, 1.0, 2.0, 3.0, 1.0, 1.0, 5.0, 4.0];
    let comparison = RankComparison::new(&no, &yes).expect("finite values");
    let test = comparison.brunner_munzel().expect("they overlap");
    assert!((test.estimate / test.standard_error - 3.1375).abs() < 5e-5);
    assert!(test.degrees_of_freedom.is_some_and(|degrees| (degrees - 17.683).abs() < 5e-4));
    assert!((test.p_two_sided().expect("a tail") - 0.005_786_2).abs() < 5e-8);
    let probability = comparison.probability_larger().expect("they overlap");
    assert!((probability.estimate - 0.788_961).abs() < 5e-7);
    let limits = probability.interval(0.95).expect("a level");
    assert!((limits.low - 0.595_216_9).abs() < 5e-8 && (limits.high - 0.982_705_2).abs() < 5e-8);
}

/// What the win ratio's error says of a resample is what resamples show.
#[test]
fn the_errors_of_the_log_odds_are_those_of_resamples() {
    let mut random = Philox::new(3, 0);
    let mut draw = |count: usize, top: f64| -> Vec<f64> { (0..count).map(|_| (top * random.unit()).floor()).collect() };
    let (first, second) = (draw(60, 12.0), draw(50, 9.0));
    let comparison = RankComparison::new(&first, &second).expect("finite values");
    for figure in [RankComparison::log_win_odds, RankComparison::log_win_ratio, RankComparison::probability_larger] {
        let mut values: Vec<f64> = (0..2_000)
            .map(|replicate| {
                let mut random = Philox::new(5, replicate);
                let mut again = |values: &[f64]| -> Vec<f64> {
                    let bound = NonZeroU64::new(values.len() as u64).expect("there are values");
                    values.iter().map(|_| values[usize::try_from(random.below(bound)).expect("small")]).collect()
                };
                let (one, other) = (again(&first), again(&second));
                figure(&RankComparison::new(&one, &other).expect("finite values")).expect("they overlap").estimate
            })
            .collect();
        let spread = (squared_error_of(&mut values) * 2_000.0).sqrt();
        let claimed = figure(&comparison).expect("they overlap").standard_error;
        // 2,000 resamples know a standard deviation to 1.6 %; the rest is n / (n − 1).
        assert!((claimed / spread - 1.0).abs() < 0.06, "{claimed} {spread}");
    }
}

fn squared_error_of(values: &mut [f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    squares / (values.len() as f64 - 1.0) / values.len() as f64
}

#[test]
fn win_odds_and_win_ratio_differ_by_the_ties() {
    let comparison = RankComparison::new(&[1.0, 2.0, 3.0, 3.0], &[1.0, 2.0, 2.0]).expect("finite values");
    assert_eq!(comparison.pairs(), Pairs { first_larger: 7, equal: 3, second_larger: 2 });
    let odds = comparison.win_odds(0.95).expect("they overlap");
    let ratio = comparison.win_ratio(0.95).expect("they overlap");
    assert!((odds.estimate - 8.5 / 3.5).abs() < 1e-12 && (ratio.estimate - 3.5).abs() < 1e-12);
}

/// With 5 of each the smallest tail is 1/252, with 4 of each 1/70: an interval at 95 % needs 2/N at most 0.05.
#[test]
fn what_cannot_be_claimed_is_refused() {
    let low: Vec<f64> = (0..3).map(f64::from).collect();
    let high: Vec<f64> = (0..3).map(|value| f64::from(value) + 0.5).collect();
    let refused = hodges_lehmann_shift(&low, &high, 0.95);
    assert_eq!(refused, Err(RankError::Unreachable { first: 3, second: 3, confidence: 0.95 }));
    // 2/20 of all ways lie outside of the outermost differences.
    let widest = hodges_lehmann_shift(&low, &high, 0.899).expect("a lower level can be claimed").interval;
    assert_eq!((widest.low, widest.high), (-2.5, 1.5));
    assert_eq!(
        SignedRank::new(&[1.0, 2.5, -0.5]).and_then(|ranks| ranks.hodges_lehmann(RankMethod::Exact, 0.95)),
        Err(RankError::Unreachable { first: 3, second: 3, confidence: 0.95 })
    );
    let tied = RankComparison::new(&[1.0, 1.0, 2.0], &[3.0, 4.0]).expect("finite values");
    assert_eq!(tied.hodges_lehmann(RankMethod::Exact, 0.5), Err(RankError::Tied));
    assert_eq!(tied.log_win_odds(), Err(RankError::Separated));
    assert_eq!(tied.probability_larger(), Err(RankError::Separated));
    let equal = RankComparison::new(&[1.0; 4], &[1.0; 3]).expect("finite values");
    assert_eq!(equal.brunner_munzel(), Err(RankError::NoSpread));
    assert_eq!(equal.log_win_odds(), Err(RankError::NoSpread));
    assert_eq!(equal.hodges_lehmann(RankMethod::Normal, 0.9), Err(RankError::NoSpread));
    for method in METHODS {
        assert_eq!(equal.mann_whitney(method), Err(RankError::NoSpread));
        assert_eq!(SignedRank::new(&[0.0; 4]).and_then(|ranks| ranks.test(method)), Err(RankError::NoSpread));
        assert_eq!(
            SignedRank::new(&[2.0; 4]).and_then(|ranks| ranks.hodges_lehmann(method, 0.5)),
            Err(RankError::NoSpread)
        );
    }
    assert_eq!(RankComparison::new(&[], &[1.0]), Err(RankError::TooFew { first: 0, second: 1, needed: 1 }));
    assert!(matches!(RankComparison::new(&[f64::NAN], &[1.0]), Err(RankError::NotFinite { .. })));
    assert!(matches!(RankComparison::new(&[1.0], &[f64::INFINITY]), Err(RankError::NotFinite { .. })));
    assert_eq!(RankComparison::new(&[1e308], &[-1e308]), Err(RankError::OutOfRange));
    assert_eq!(hodges_lehmann_ratio(&[1.0, 0.0], &[1.0, 2.0], 0.9), Err(RankError::NotPositive { value: 0.0 }));
    assert_eq!(SignedRank::of_pairs(&[1.0], &[]), Err(RankError::LengthMismatch { first: 1, second: 0 }));
    assert_eq!(SignedRank::of_pairs(&[1e308], &[-1e308]), Err(RankError::OutOfRange));
    assert_eq!(SignedRank::new(&[1e308]), Err(RankError::OutOfRange));
    assert!(matches!(hodges_lehmann_shift(&low, &high, 1.0), Err(RankError::Confidence(_))));
    let many: Vec<f64> = (0..400).map(|value| f64::from(value) * 1.5).collect();
    let more: Vec<f64> = many.iter().map(|value| value + 0.25).collect();
    let large = RankComparison::new(&many, &more).expect("finite values");
    assert_eq!(large.mann_whitney(RankMethod::Exact), Err(RankError::TooMany { first: 400, second: 400 }));
}

/// The Cauchy distribution has no mean; ranks do not ask for one. 400 runs: three standard errors are 0.033.
#[test]
fn intervals_cover_a_planted_shift() {
    let covered = |size: usize, method: RankMethod| {
        let run = |run: u64| {
            let mut random = Philox::new(11, run);
            let mut draw = |shift: f64| -> Vec<f64> {
                (0..size).map(|_| libm::tan(3.0 * (random.unit() - 0.5)) + shift).collect()
            };
            let (first, second) = (draw(0.7), draw(0.0));
            let comparison = RankComparison::new(&first, &second).expect("finite values");
            let interval = comparison.hodges_lehmann(method, 0.95).expect("they are large enough").interval;
            interval.low <= 0.7 && 0.7 <= interval.high
        };
        share((0..400).map(run))
    };
    for covered in [covered(9, RankMethod::Exact), covered(30, RankMethod::NormalCorrected)] {
        assert!((0.92..=0.985).contains(&covered), "{covered}");
    }
}

/// 100,000 values each would be ten thousand million differences.
#[test]
fn large_samples_need_no_table_of_differences() {
    let first: Vec<f64> = (0..100_000).map(|value| f64::from(value * 7_919 % 100_003)).collect();
    let second: Vec<f64> = first.iter().map(|value| value - 250.0).collect();
    let found = hodges_lehmann_shift(&first, &second, 0.95).expect("finite values");
    assert_eq!((found.method, found.interval.estimate), (RankMethod::NormalCorrected, 250.0));
    assert!(found.interval.low < 250.0 && found.interval.high < 520.0);
    // A shift of a uniform sample of length L is known to about 1.96 L √(1 / 6n).
    assert!((found.interval.high - found.interval.low - 506.0).abs() < 10.0, "{:?}", found.interval);
}
