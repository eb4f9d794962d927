use proptest::prelude::*;

use super::*;

const REML: Tau2Method = Tau2Method::RestrictedLikelihood;
const METHODS: [Tau2Method; 8] = [
    Tau2Method::EqualEffects,
    Tau2Method::DerSimonianLaird,
    Tau2Method::Hedges,
    Tau2Method::HunterSchmidt,
    Tau2Method::SidikJonkman,
    Tau2Method::MaximumLikelihood,
    REML,
    Tau2Method::PauleMandel,
];
const INTERVALS: [PooledMethod; 3] = [PooledMethod::Wald, PooledMethod::HartungKnapp, PooledMethod::HartungKnappAdHoc];

/// Thirteen trials of the vaccine against tuberculosis, log risk ratios (Colditz et al. 1994, JAMA 271, 698-702).
fn vaccine() -> (Vec<f64>, Vec<f64>) {
    let groups = [
        [4, 123, 11, 139],
        [6, 306, 29, 303],
        [3, 231, 11, 220],
        [62, 13_598, 248, 12_867],
        [33, 5_069, 47, 5_808],
        [180, 1_541, 372, 1_451],
        [8, 2_545, 10, 629],
        [505, 88_391, 499, 88_391],
        [29, 7_499, 45, 7_277],
        [17, 1_716, 65, 1_665],
        [186, 50_634, 141, 27_338],
        [5, 2_498, 3, 2_341],
        [27, 16_913, 29, 17_854],
    ];
    let effects = groups.map(|[a, n1, c, n2]| {
        let group = |events, subjects| crate::effect_sizes::Proportion { events, subjects };
        crate::effect_sizes::log_risk_ratio(group(a, n1), group(c, n2)).expect("all groups have events")
    });
    effects.iter().map(|effect| (effect.estimate, effect.variance)).unzip()
}

/// Eight published trials of assistance by AI, log ratios.
const ASSISTED: [f64; 8] = [0.816_445, 0.24, 0.242_005, 0.165_006, 0.431_977, -0.172_608, 0.198_451, 0.040_822];
const ASSISTED_VARIANCES: [f64; 8] = [
    0.154_034_270_784,
    0.018_977_266_564,
    0.010_224_243_225,
    0.025_193_625_625,
    0.076_598_311_696,
    0.006_369_476_481,
    0.020_717_284_225,
    0.004_025_141_136,
];

fn assisted() -> Effects {
    Effects::of(&ASSISTED, &ASSISTED_VARIANCES).expect("eight effects")
}

fn effects(least: usize, most: usize) -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    let effect = (-2.0..2.0_f64, prop_oneof![0.001..0.5_f64, Just(0.04), 1e-6..1e-5_f64]);
    prop::collection::vec(effect, least..most).prop_map(|effects| effects.into_iter().unzip())
}

/// The restricted log likelihood, up to a constant, by its definition.
fn restricted(y: &[f64], v: &[f64], tau2: f64) -> f64 {
    let weights: Vec<f64> = v.iter().map(|v| 1.0 / (v + tau2)).collect();
    let sum: f64 = weights.iter().sum();
    let mean = weights.iter().zip(y).map(|(w, y)| w * y).sum::<f64>() / sum;
    let squares: f64 = weights.iter().zip(y).map(|(w, y)| w * (y - mean).powi(2)).sum();
    0.5 * (weights.iter().map(|w| w.ln()).sum::<f64>() - sum.ln() - squares)
}

fn close(one: f64, other: f64, tolerance: f64) -> bool {
    (one - other).abs() <= tolerance * (1.0 + other.abs())
}

// Viechtbauer (2010), Journal of Statistical Software 36 (3), section 3.2: the random-effects model of the vaccine
// trials.
#[test]
fn example_viechtbauer2010() {
    let (y, v) = vaccine();
    let pooled = pool(&y, &v, REML).expect("thirteen trials");
    let wald = pooled.interval(PooledMethod::Wald, 0.95).expect("thirteen trials");
    assert!((pooled.estimate + 0.7145).abs() < 5e-5 && (pooled.standard_error - 0.1798).abs() < 5e-5);
    assert!((wald.low + 1.0669).abs() < 5e-5 && (wald.high + 0.3622).abs() < 5e-5);
    assert!((pooled.tau2 - 0.3132).abs() < 5e-5);
    assert!(pooled.tau2_standard_error.is_some_and(|error| (error - 0.1664).abs() < 5e-5));
    assert!((100.0 * pooled.i_squared - 92.22).abs() < 5e-3 && (pooled.h_squared - 12.86).abs() < 5e-3);
    assert!((pooled.heterogeneity.statistic - 152.2330).abs() < 5e-5);
    let interval = tau2_interval(&y, &v, REML, 0.95).expect("thirteen trials");
    assert!((interval.tau2.low - 0.1197).abs() < 5e-5 && (interval.tau2.high - 1.1115).abs() < 5e-5);
    let moments = tau2_dersimonian_laird(&y, &v).expect("thirteen trials");
    assert!((moments - 0.3088).abs() < 5e-5);
}

// Some software returns a negative estimate, and no standard error, where Q is below its degrees of freedom.
#[test]
fn a_variance_between_effects_is_never_negative() {
    let (y, v) = ([0.1, 0.11, 0.12], [0.1, 0.2, 0.1]);
    for method in METHODS.into_iter().filter(|method| *method != Tau2Method::SidikJonkman) {
        let pooled = pool(&y, &v, method).expect("three effects");
        assert!(pooled.tau2.abs() <= 0.0 && pooled.standard_error > 0.0, "{method:?}: {pooled:?}");
        assert!(pooled.heterogeneity.statistic < 2.0 && pooled.i_squared_of_q.abs() <= 0.0);
    }
    assert!(pool(&y, &v, Tau2Method::SidikJonkman).expect("three effects").tau2 > 0.0);
}

// Without a variance between effects the plain method of Hartung and Knapp can be narrower than that for equal effects,
// as for three published trials of an assistant; the ad hoc one cannot.
#[test]
fn only_the_ad_hoc_interval_is_never_narrower_than_equal_effects() {
    let (y, errors) = ([0.242_005, 0.165_006, 0.431_977], [0.101_115_f64, 0.158_725, 0.276_764]);
    let v = errors.map(|error| error * error);
    let pooled = pool(&y, &v, REML).expect("three trials");
    assert!(pooled.tau2.abs() <= 0.0);
    let [wald, plain, ad_hoc] = INTERVALS.map(|method| pooled.test(method).expect("three trials").standard_error);
    assert!(plain < 0.6 * wald && close(ad_hoc, wald, 1e-15));
    assert!(pooled.test(PooledMethod::HartungKnapp).is_ok_and(|test| test.p_value < 0.05));
    assert!(pooled.test(PooledMethod::HartungKnappAdHoc).is_ok_and(|test| test.p_value > 0.05));
}

#[test]
fn both_shares_of_variance_agree_for_moments_only() {
    let (y, v) = vaccine();
    for method in METHODS {
        let pooled = pool(&y, &v, method).expect("thirteen trials");
        let agree = close(pooled.i_squared, pooled.i_squared_of_q, 1e-12);
        assert_eq!(agree, matches!(method, Tau2Method::DerSimonianLaird | Tau2Method::EqualEffects), "{method:?}");
    }
}

#[test]
fn two_effects_have_a_mean_and_no_interval() {
    let pooled = pool(&[0.1, 0.5], &[0.01, 0.02], REML).expect("two effects");
    assert!(pooled.estimate > 0.1 && pooled.estimate < 0.5);
    for method in INTERVALS {
        assert_eq!(pooled.interval(method, 0.95), Err(CombineError::TooFew { effects: 2, needed: 3 }));
        assert_eq!(pooled.test(method), Err(CombineError::TooFew { effects: 2, needed: 3 }));
        let predicted = pooled.prediction_interval(method, PredictionFreedom::AsPooled, 0.95);
        assert_eq!(predicted, Err(CombineError::TooFew { effects: 2, needed: 3 }));
    }
}

#[test]
fn equal_effects_predict_nothing() {
    let pooled = pool(&[0.1, 0.5, 0.2], &[0.01; 3], Tau2Method::EqualEffects).expect("three effects");
    let predicted = pooled.prediction_interval(PooledMethod::Wald, PredictionFreedom::AsPooled, 0.95);
    assert_eq!(predicted, Err(CombineError::NoSpread));
}

// With equal variances everything has a closed form: the mean, and the sample variance less the common one.
#[test]
fn equal_variances_have_a_closed_form() {
    let y = [0.3, -0.5, 1.1, 0.2, 0.9];
    let mean = 0.4;
    let variance = y.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / 4.0;
    for method in [REML, Tau2Method::PauleMandel, Tau2Method::DerSimonianLaird, Tau2Method::Hedges] {
        let pooled = pool(&y, &[0.05; 5], method).expect("five effects");
        assert!(close(pooled.estimate, mean, 1e-14) && close(pooled.tau2, variance - 0.05, 1e-13), "{method:?}");
    }
    let likelihood = pool(&y, &[0.05; 5], Tau2Method::MaximumLikelihood).expect("five effects");
    assert!(close(likelihood.tau2, 0.8 * variance - 0.05, 1e-13));
    // Hartung and Knapp is then Student.
    let pooled = pool(&y, &[0.05; 5], REML).expect("five effects");
    let test = pooled.test(PooledMethod::HartungKnapp).expect("five effects");
    assert!(close(test.standard_error, (variance / 5.0).sqrt(), 1e-13));
}

// Two effects apart and twelve that agree: the likelihood has a maximum at 0 and one beyond, and which is higher
// depends on how far apart the two are. Only the higher counts, wherever a search would have started.
#[test]
fn the_highest_of_several_maxima_is_taken() {
    let (mut at_nothing, mut beyond) = (0, 0);
    for far in 0..40 {
        let apart = 1.9 + 0.005 * f64::from(far);
        let y = [&[0.0, apart][..], &[0.5 * apart; 12]].concat();
        let v = [&[0.0483; 2][..], &[0.0105; 12]].concat();
        let tau2 = tau2_restricted_likelihood(&y, &v).expect("fourteen effects");
        let grid = std::iter::once(0.0).chain((0..3_000).map(|step| 1e-6 * 1.005_f64.powi(step)));
        let heights: Vec<f64> = grid.map(|tau2| restricted(&y, &v, tau2)).collect();
        let has_two =
            heights[0] > heights[1] && heights.windows(3).any(|three| three[1] > three[0] && three[1] > three[2]);
        let best = heights.iter().fold(f64::NEG_INFINITY, |best, height| best.max(*height));
        assert!(restricted(&y, &v, tau2) >= best - 1e-9, "{apart}");
        at_nothing += usize::from(has_two && tau2 <= 0.0);
        beyond += usize::from(has_two && tau2 > 0.0);
    }
    assert!(at_nothing > 0 && beyond > 0, "{at_nothing} {beyond}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn order_does_not_matter((y, v) in effects(3, 12)) {
        let turned = |values: &[f64]| values.iter().rev().copied().collect::<Vec<_>>();
        for method in METHODS {
            prop_assert_eq!(pool(&y, &v, method), pool(&turned(&y), &turned(&v), method));
        }
        let mut without = leave_one_out(&turned(&y), &turned(&v), REML).expect("three effects");
        without.reverse();
        prop_assert_eq!(leave_one_out(&y, &v, REML), Ok(without));
    }

    // Shifting shifts, changing the unit changes the unit, changing the sign the sign.
    #[test]
    fn shift_scale_and_sign_carry_over((y, v) in effects(3, 12), shift in -9.0..9.0_f64, scale in 0.01..50.0_f64) {
        let changed: Vec<f64> = y.iter().map(|y| shift - scale * y).collect();
        let scaled: Vec<f64> = v.iter().map(|v| scale * scale * v).collect();
        for method in METHODS {
            let (one, other) = (pool(&y, &v, method), pool(&changed, &scaled, method));
            let (one, other) = (one.expect("three effects"), other.expect("three effects"));
            prop_assert!((other.tau2 / (scale * scale) - one.tau2).abs() < 1e-7 * (1e-3 + one.tau2), "{method:?}");
            prop_assert!((other.estimate - shift + scale * one.estimate).abs() < 1e-6 * (1.0 + scale));
            prop_assert!((other.i_squared - one.i_squared).abs() < 1e-6);
        }
    }

    // The oracle is the likelihood by its definition on a fine grid.
    #[test]
    fn no_other_variance_is_likelier((y, v) in effects(3, 10)) {
        let best = tau2_restricted_likelihood(&y, &v).expect("three effects");
        let height = restricted(&y, &v, best);
        let grid = std::iter::once(0.0).chain((0..400).map(|step| 1e-7 * 1.06_f64.powi(step)));
        for tau2 in grid.chain([best * 0.999, best * 1.001]) {
            prop_assert!(height >= restricted(&y, &v, tau2) - 1e-8 * (1.0 + height.abs()), "{best} {tau2}");
        }
    }

    #[test]
    fn paule_and_mandel_solve_their_equation((y, v) in effects(3, 12)) {
        let tau2 = tau2_paule_mandel(&y, &v).expect("three effects");
        let weights: Vec<f64> = v.iter().map(|v| 1.0 / (v + tau2)).collect();
        let sum: f64 = weights.iter().sum();
        let mean = weights.iter().zip(&y).map(|(w, y)| w * y).sum::<f64>() / sum;
        let q: f64 = weights.iter().zip(&y).map(|(w, y)| w * (y - mean).powi(2)).sum();
        let freedom = (y.len() - 1) as f64;
        let solves = if tau2 > 0.0 { (q / freedom - 1.0).abs() < 1e-8 } else { q <= freedom * (1.0 + 1e-9) };
        prop_assert!(solves);
        let limits = tau2_interval(&y, &v, Tau2Method::PauleMandel, 0.95).expect("three effects").tau2;
        prop_assert!(limits.low <= limits.high);
    }

    #[test]
    fn intervals_nest((y, v) in effects(3, 12)) {
        let pooled = pool(&y, &v, REML).expect("three effects");
        for method in INTERVALS {
            let Ok(interval) = pooled.interval(method, 0.95) else { continue };
            let predicted = pooled.prediction_interval(method, PredictionFreedom::AsPooled, 0.95);
            let predicted = predicted.expect("three effects");
            prop_assert!(predicted.low <= interval.low && interval.high <= predicted.high);
        }
        let [wald, plain, ad_hoc] = INTERVALS.map(|method| pooled.interval(method, 0.95).expect("three effects"));
        prop_assert!(ad_hoc.low <= wald.low && ad_hoc.low <= plain.low + 1e-12);
    }

    // Leaving out by hand, with the definitions of the measures.
    #[test]
    fn influence_is_what_leaving_out_does((y, v) in effects(4, 9)) {
        let all = pool(&y, &v, REML).expect("four effects");
        let influence = influence(&y, &v, REML).expect("four effects");
        for (place, own) in influence.iter().enumerate() {
            let kept = |values: &[f64]| [&values[..place], &values[place + 1..]].concat();
            let without = pool(&kept(&y), &kept(&v), REML).expect("three effects");
            let moved = all.estimate - without.estimate;
            prop_assert!(close(own.cook_distance, (moved / all.standard_error).powi(2), 1e-9));
            prop_assert!(close(own.tau2_without, without.tau2, 1e-12));
            let spread = v[place] + without.tau2 + without.standard_error.powi(2);
            prop_assert!(close(own.studentised_residual, (y[place] - without.estimate) / spread.sqrt(), 1e-9));
        }
        prop_assert!(close(influence.iter().map(|own| own.weight).sum(), 1.0, 1e-12));
    }

    #[test]
    fn shrunken_effects_lie_between((y, v) in effects(3, 9)) {
        let pooled = pool(&y, &v, REML).expect("three effects");
        for (own, y) in shrunken_effects(&y, &v, REML, 0.95).expect("three effects").iter().zip(&y) {
            let (low, high) = (y.min(pooled.estimate), y.max(pooled.estimate));
            prop_assert!((low - 1e-12..=high + 1e-12).contains(&own.interval.estimate));
        }
    }

    // Without moderators a regression is a mean; with one that is constant within two groups, two means.
    #[test]
    fn a_regression_without_moderators_is_a_mean((y, v) in effects(4, 12)) {
        for method in [REML, Tau2Method::PauleMandel, Tau2Method::DerSimonianLaird, Tau2Method::Hedges] {
            let (mean, regression) = (pool(&y, &v, method), meta_regression(&y, &v, &[], method, PooledMethod::Wald));
            let (mean, regression) = (mean.expect("four effects"), regression.expect("four effects"));
            prop_assert!((mean.tau2 - regression.tau2).abs() < 1e-6 * (1e-3 + mean.tau2), "{method:?}");
            prop_assert!(close(mean.estimate, regression.coefficients[0].estimate, 1e-6));
            prop_assert!(close(mean.standard_error, regression.coefficients[0].test.standard_error, 1e-5));
        }
        let groups: Vec<f64> = (0..y.len()).map(|place| f64::from(place % 2 == 0)).collect();
        let equal = Tau2Method::EqualEffects;
        let split = meta_regression(&y, &v, std::slice::from_ref(&groups), equal, PooledMethod::Wald);
        let split = split.expect("two groups");
        let group = |first: usize| {
            let of = |values: &[f64]| values.iter().skip(first).step_by(2).copied().collect::<Vec<_>>();
            pool(&of(&y), &of(&v), equal).expect("two effects").estimate
        };
        prop_assert!(close(split.coefficients[0].estimate, group(1), 1e-9));
        prop_assert!(close(split.coefficients[1].estimate, group(0) - group(1), 1e-9));
    }

    // The oracle inverts the equicorrelation matrix.
    #[test]
    fn a_collapsed_effect_has_the_least_variance((y, v) in effects(1, 6), correlation in 0.0..0.95_f64) {
        let units = vec!["one"; y.len()];
        let one = collapse(&y, &v, &units, correlation, CollapseWeights::LeastVariance).expect("a unit").remove(0);
        let covariance = nalgebra::DMatrix::from_fn(y.len(), y.len(), |row, column| {
            if row == column { v[row] } else { correlation * (v[row] * v[column]).sqrt() }
        });
        let inverse = covariance.try_inverse().expect("positive definite");
        let ones = nalgebra::DVector::from_element(y.len(), 1.0);
        let weights = &inverse * &ones;
        let estimate = weights.iter().zip(&y).map(|(weight, y)| weight * y).sum::<f64>() / weights.sum();
        prop_assert!((one.estimate - estimate).abs() < 1e-6, "{} {estimate}", one.estimate);
        prop_assert!((one.variance * weights.sum() - 1.0).abs() < 1e-6);
        let equal = collapse(&y, &v, &units, correlation, CollapseWeights::Equal).expect("a unit").remove(0);
        prop_assert!(equal.variance >= one.variance * (1.0 - 1e-9));
    }

    // The oracle fits each set of signs anew.
    #[test]
    fn flipping_signs_is_exact((y, v) in effects(2, 7)) {
        let z = |y: &[f64]| {
            let pooled = pool(y, &v, Tau2Method::DerSimonianLaird).expect("two effects");
            (pooled.estimate / pooled.standard_error).abs()
        };
        let observed = z(&y);
        let sets = 1_u32 << y.len();
        let as_large = (0..sets).filter(|set| {
            let sign = |place: usize| if set >> place & 1 == 1 { -1.0 } else { 1.0 };
            let flipped: Vec<f64> = y.iter().enumerate().map(|(place, y)| sign(place) * y).collect();
            z(&flipped) >= observed * (1.0 - 1e-9)
        });
        let p = as_large.count() as f64 / f64::from(sets);
        prop_assert_eq!(sign_flip_test(&y, &v).expect("few effects").to_bits(), p.to_bits());
    }
}

// Whoever claims an absurd precision owns the mean, but costs no digits: what the others add stays right.
#[test]
fn an_absurd_precision_costs_no_digits() {
    let y = [0.3, 0.1, 0.2, 0.4];
    for precise in [1e-20, 1e-100, 1e-290] {
        let v = [precise, 0.04, 0.04, 0.04];
        let fixed = pool(&y, &v, Tau2Method::EqualEffects).expect("four effects");
        assert!(close(fixed.estimate, 0.3, 1e-15) && close(fixed.standard_error, precise.sqrt(), 1e-15));
        // Q about the first effect: (0.04 + 0.01 + 0.01) / 0.04.
        assert!(close(fixed.heterogeneity.statistic, 1.5, 1e-12), "{:?}", fixed.heterogeneity);
        for method in [Tau2Method::DerSimonianLaird, REML, Tau2Method::PauleMandel] {
            let pooled = pool(&y, &v, method).expect("four effects");
            assert!(pooled.tau2.abs() <= 0.0 && close(pooled.estimate, 0.3, 1e-15), "{method:?} {pooled:?}");
        }
        let apart = pool(&[5.0, 0.1, 0.2, 0.4], &v, Tau2Method::PauleMandel).expect("four effects");
        // About equal weights once the variance between effects dwarfs all others: the sample variance less the mean
        // own one.
        let squares = [5.0, 0.1, 0.2, 0.4].map(|y: f64| (y - 1.425).powi(2)).iter().sum::<f64>() / 3.0;
        assert!((apart.tau2 - squares).abs() < 0.06, "{}", apart.tau2);
    }
    assert!(matches!(pool(&y, &[1e-320, 0.1, 0.1, 0.1], REML), Err(CombineError::Variance { .. })));
}

#[test]
fn a_common_value_costs_no_digits() {
    let (y, v) = vaccine();
    let near = pool(&y, &v, REML).expect("thirteen trials");
    let far: Vec<f64> = y.iter().map(|y| y + 1e8).collect();
    let far = pool(&far, &v, REML).expect("thirteen trials");
    // 1e8 itself holds eight digits after the point.
    assert!((far.estimate - 1e8 - near.estimate).abs() < 1e-7 && (far.tau2 - near.tau2).abs() < 1e-7);
}

#[test]
fn ten_thousand_effects_are_one_pass_a_step() {
    let mut random = crate::random::Philox::new(3, 0);
    let (y, v): (Vec<f64>, Vec<f64>) = (0..10_000)
        .map(|_| {
            let v = 0.01 + 0.05 * random.unit();
            let sum: f64 = (0..12).map(|_| random.unit() - 0.5).sum();
            (0.1 + (v + 0.02).sqrt() * sum, v)
        })
        .unzip();
    let pooled = pool(&y, &v, REML).expect("many effects");
    assert!((pooled.estimate - 0.1).abs() < 0.01 && (pooled.tau2 - 0.02).abs() < 0.004, "{pooled:?}");
    let interval = tau2_interval(&y, &v, REML, 0.95).expect("many effects").tau2;
    assert!(interval.low < pooled.tau2 && pooled.tau2 < interval.high);
}

#[test]
fn effects_that_agree_too_well_have_limits_of_nothing() {
    let limits = tau2_interval(&[0.1; 9], &[0.1; 9], REML, 0.95).expect("nine effects");
    assert!(limits.tau2.low.abs() <= 0.0 && limits.tau2.high.abs() <= 0.0 && limits.i_squared.high.abs() <= 0.0);
}

#[test]
fn cumulative_pooling_ends_with_all() {
    let (y, v) = vaccine();
    let order: Vec<usize> = (0..13).rev().collect();
    let steps = cumulative_pool(&y, &v, &order, REML).expect("thirteen trials");
    assert_eq!(steps.len(), 12);
    assert_eq!(steps[11], pool(&y, &v, REML).expect("thirteen trials"));
    assert_eq!(steps[0], pool(&y[11..], &v[11..], REML).expect("two trials"));
    for order in [vec![0; 13], (1..14).collect(), vec![0, 1]] {
        assert_eq!(cumulative_pool(&y, &v, &order, REML), Err(CombineError::Order { effects: 13 }));
    }
}

// Balanced, with equal variances: the mean squares of a one-way layout are the restricted likelihood's answer.
#[test]
fn a_balanced_layout_has_the_variances_of_its_mean_squares() {
    let y = [0.1, 0.3, 0.2, 0.9, 1.3, 0.8, -0.6, -0.2, -0.1, 0.5, 0.4, 0.9];
    let units: Vec<usize> = (0..12).map(|place| place / 3).collect();
    let v = 0.01;
    let fit = three_level(&y, &[v; 12], &units).expect("four units");
    let means: Vec<f64> = y.chunks(3).map(|own| own.iter().sum::<f64>() / 3.0).collect();
    let mean = means.iter().sum::<f64>() / 4.0;
    let within: f64 = y.iter().zip(&units).map(|(y, unit)| (y - means[*unit]).powi(2)).sum::<f64>() / 8.0;
    let between = 3.0 * means.iter().map(|own| (own - mean).powi(2)).sum::<f64>() / 3.0;
    assert!(close(fit.within_units, within - v, 1e-10), "{} {}", fit.within_units, within - v);
    assert!(close(fit.between_units, (between - within) / 3.0, 1e-10));
    assert!(close(fit.estimate, mean, 1e-12) && close(fit.standard_error, (between / 12.0).sqrt(), 1e-10));
    // All units weigh alike: both sandwiches are the standard error of their means, with m - 1 degrees of freedom.
    let error = (means.iter().map(|own| (own - mean).powi(2)).sum::<f64>() / 12.0).sqrt();
    for robust in [fit.cr1, fit.cr2] {
        assert!(close(robust.standard_error, error, 1e-9) && close(robust.degrees_of_freedom, 3.0, 1e-9), "{robust:?}");
    }
    let mut turned: Vec<(usize, f64)> = units.iter().copied().zip(y).collect();
    turned.reverse();
    let (units, y): (Vec<usize>, Vec<f64>) = turned.into_iter().unzip();
    assert_eq!(three_level(&y, &[v; 12], &units), Ok(fit));
}

#[test]
fn units_with_one_effect_each_are_pooled_as_they_are() {
    let (y, v) = vaccine();
    let units: Vec<usize> = (0..13).collect();
    let (fit, pooled) = (three_level(&y, &v, &units).expect("units"), pool(&y, &v, REML).expect("thirteen trials"));
    assert!(close(fit.estimate, pooled.estimate, 1e-12) && close(fit.between_units, pooled.tau2, 1e-12));
    assert!(fit.within_units.abs() <= 0.0 && close(fit.log_likelihood, pooled.log_likelihood.unwrap_or(0.0), 1e-12));
}

// The oracle is the restricted likelihood with the whole covariance matrix.
#[test]
fn no_other_pair_of_variances_is_likelier() {
    let y = [0.1, 0.5, 0.4, 0.2, -0.3, 0.8, 1.0, 0.1];
    let v = [0.02, 0.05, 0.01, 0.04, 0.03, 0.06, 0.02, 0.01];
    let units = ["a", "a", "b", "c", "c", "d", "d", "e"];
    let height = |between: f64, within: f64| {
        let covariance = nalgebra::DMatrix::from_fn(8, 8, |row, column| {
            let own = if row == column { v[row] + within } else { 0.0 };
            own + if units[row] == units[column] { between } else { 0.0 }
        });
        let inverse = covariance.clone().try_inverse().expect("positive definite");
        let ones = nalgebra::DVector::from_element(8, 1.0);
        let information = (ones.transpose() * &inverse * &ones)[(0, 0)];
        let values = nalgebra::DVector::from_row_slice(&y);
        let mean = (ones.transpose() * &inverse * &values)[(0, 0)] / information;
        let residuals = values.add_scalar(-mean);
        let squares = (residuals.transpose() * &inverse * &residuals)[(0, 0)];
        let constant = 8.0_f64.ln() - 7.0 * std::f64::consts::TAU.ln();
        0.5 * (constant - covariance.determinant().ln() - information.ln() - squares)
    };
    let fit = three_level(&y, &v, &units).expect("five units");
    let best = height(fit.between_units, fit.within_units);
    assert!(close(fit.log_likelihood, best, 1e-10), "{} {best}", fit.log_likelihood);
    for between in 0..40 {
        for within in 0..40 {
            assert!(height(f64::from(between) * 0.01, f64::from(within) * 0.01) <= best + 1e-9);
        }
    }
}

// With a high correlation the weights of least variance are negative for the imprecise ones, and the answer can lie
// outside the effects it came from: 0.146 from effects between 0.165 and 0.816. The plain mean never does.
#[test]
fn least_variance_can_leave_the_effects_it_came_from() {
    let units = ["m", "g", "m", "m", "m", "t", "t", "t"];
    let of = |weights| collapse(&ASSISTED, &ASSISTED_VARIANCES, &units, 0.6, weights).expect("three units").remove(1);
    let (least, equal) = (of(CollapseWeights::LeastVariance), of(CollapseWeights::Equal));
    assert_eq!((least.unit, least.count), ("m", 4));
    assert!((least.estimate - 0.145_573_860_017).abs() < 1e-11 && least.estimate < 0.165);
    assert!((equal.estimate - 0.413_858_25).abs() < 1e-12);
}

#[test]
fn collapsing_with_equal_weights_averages() {
    let (y, v, units) = ([0.2, 0.4, 0.9], [0.01, 0.09, 0.04], [7, 7, 3]);
    let errors = |correlation| {
        let own = collapse(&y, &v, &units, correlation, CollapseWeights::Equal).expect("two units");
        assert_eq!(own.iter().map(|own| own.unit).collect::<Vec<_>>(), [3, 7]);
        own[1].variance.sqrt()
    };
    // Fully correlated the standard errors average, independent their squares add up.
    assert!(close(errors(1.0), 0.2, 1e-15) && close(errors(0.0), 0.1_f64.sqrt() / 2.0, 1e-15));
    assert!(errors(0.0) < errors(0.3) && errors(0.3) < errors(0.9));
    for correlation in [-0.1, 1.1, f64::NAN] {
        let refused = collapse(&y, &v, &units, correlation, CollapseWeights::Equal);
        assert!(matches!(refused, Err(CombineError::Correlation { .. })));
    }
    assert!(collapse(&y, &v, &units, 1.0, CollapseWeights::LeastVariance).is_err());
}

// Figures of metafor 5.1-12 for eight effects. The public functions refuse fewer than ten, so the steps behind them are
// compared here.
#[test]
fn checks_of_small_studies_are_those_of_the_reference() {
    let effects = assisted();
    let egger = small_study::regression(&effects, f64::sqrt, 0.95).expect("eight effects");
    assert!((egger.statistic - 2.480_900_328_213).abs() < 1e-9 && (egger.p_value - 0.047_747_062_707).abs() < 1e-10);
    assert!(
        (egger.limit.estimate + 0.173_478_294_670).abs() < 1e-10 && (egger.limit.low + 0.443_235_266_649).abs() < 1e-9
    );
    let mixed = small_study::mixed(&effects, 0.95).expect("eight effects");
    assert!((mixed.statistic - 2.597_375_126_765).abs() < 1e-6 && (mixed.limit.high - 0.076_813_467_633).abs() < 1e-6);
    let peese = small_study::regression(&effects, |variance| variance, 0.95).expect("eight effects");
    assert!((peese.statistic - 2.170_514_552_892).abs() < 1e-9);
    let ranks = small_study::ranks(&effects).expect("eight effects");
    assert!(
        (ranks.tau - 3.0 / 7.0).abs() < 1e-12 && (ranks.p_value - 0.178_869_047_619).abs() < 1e-11 && ranks.is_exact
    );
    let filled = trim_and_fill::filled(&effects, REML, TrimEstimator::L0).expect("eight effects");
    assert_eq!((filled.side, filled.filled.len()), (MissingSide::Left, 3));
    assert!(
        (filled.filled[2] + 0.687_621_803_566).abs() < 1e-6
            && (filled.pooled.estimate - 0.067_551_869_925).abs() < 1e-6
    );
    let none = trim_and_fill::filled(&effects, REML, TrimEstimator::R0).expect("eight effects");
    assert!(none.filled.is_empty() && (none.pooled.estimate - 0.141_473_340_674).abs() < 1e-8);
    let selection = selection::fitted(&effects, ReportedSide::Greater, 0.95).expect("eight effects");
    assert!((selection.interval.estimate - 0.172_258_225_919).abs() < 1e-5);
    assert!((selection.standard_error - 0.171_359_271_255).abs() < 3e-4);
    assert!((selection.relative_chance - 1.606_509_173_763).abs() < 1e-3);
    assert!((selection.log_likelihood - 0.772_164_134_142).abs() < 1e-7);
}

// Figures of metafor 5.1-12 again: nine trials of specialist care after a stroke, days in hospital (Normand 1999,
// Statistics in Medicine 18, 321-359), and six of anticoagulants (Hart 1999, Annals of Internal Medicine 131, 492-501).
#[test]
fn checks_of_six_and_nine_trials_are_those_of_the_reference() {
    let days = Effects::of(
        &[-20.0, -2.0, -55.0, -71.0, -4.0, 1.0, 11.0, -10.0, 7.0],
        &[
            40.508_023_159_636_1,
            2.080_645_161_290_32,
            15.698_403_755_868_5,
            150.222_222_222_222,
            17.307_692_307_692_3,
            1.167_341_430_499_33,
            94.589_126_559_714_8,
            6.310_879_284_649_78,
            19.842_307_692_307_7,
        ],
    )
    .expect("nine trials");
    let filled = trim_and_fill::filled(&days, Tau2Method::DerSimonianLaird, TrimEstimator::R0).expect("nine trials");
    assert_eq!((filled.side, filled.filled.len()), (MissingSide::Right, 1));
    assert!(
        (filled.filled[0] - 52.074_313_704_105).abs() < 1e-8
            && (filled.pooled.estimate + 9.420_482_536_339).abs() < 1e-8
    );
    let none = trim_and_fill::filled(&days, REML, TrimEstimator::L0).expect("nine trials");
    assert!(none.filled.is_empty() && (none.pooled.tau2 - 684.646_151_930).abs() < 1e-4);
    let mixed = small_study::mixed(&days, 0.95).expect("nine trials");
    assert!((mixed.statistic + 1.308_246_974_922).abs() < 1e-6 && (mixed.limit.low + 28.420_466_683).abs() < 1e-4);
    let ranks = small_study::ranks(&days).expect("nine trials");
    assert!((ranks.tau + 2.0 / 9.0).abs() < 1e-12 && (ranks.p_value - 0.476_708_553_792).abs() < 1e-11);
    let selection = selection::fitted(&days, ReportedSide::Less, 0.95).expect("nine trials");
    // The reference stopped a little below the top, at -41.136573076: this is higher, and near.
    assert!(selection.log_likelihood > -41.136_573 && selection.log_likelihood < -41.136_5);
    assert!((selection.interval.estimate + 28.726_406_133).abs() < 0.1, "{selection:?}");
    assert!((selection.standard_error - 12.791_263_753).abs() < 0.02);
    let strokes = Effects::of(
        &[
            -0.784_209_989_507,
            -0.935_893_259_120,
            -1.579_255_160_787,
            -0.388_728_315_753,
            -1.201_929_902_696,
            -1.140_914_668_359,
        ],
        &[0.163_742_690_058, 0.177_631_578_947, 0.410_256_410_256, 0.277_777_777_778, 0.186_335_403_727, 0.07],
    )
    .expect("six trials");
    let mixed = small_study::mixed(&strokes, 0.95).expect("six trials");
    assert!(
        (mixed.statistic - 0.269_017_041_558).abs() < 1e-8 && (mixed.limit.estimate + 1.169_334_174_403).abs() < 1e-8
    );
    assert!((small_study::ranks(&strokes).expect("six trials").p_value - 1.0).abs() < 1e-12);
    // The variance between trials is at its bound.
    let selection = selection::fitted(&strokes, ReportedSide::Less, 0.95).expect("six trials");
    assert!(selection.tau2 < 1e-4 && (selection.interval.estimate + 0.993_093_926_878).abs() < 2e-3);
    assert!((selection.standard_error - 0.212_366_170_297).abs() < 1e-3, "{selection:?}");
    // The reference stops short of the bound, at a likelihood that is no higher.
    assert!(selection.log_likelihood > -1.954_59 && selection.log_likelihood < -1.954, "{selection:?}");
}

// 30-digit arithmetic gives t = 0.36533856431659 and these limits; a root to 1e-4 only would show in the fourth digit.
#[test]
fn henmi_and_copas_to_all_digits() {
    let (y, v) = vaccine();
    let robust = henmi_copas_interval(&y, &v, 0.95).expect("thirteen trials").interval;
    assert!(
        (robust.low + 1.155_548_761_972).abs() < 1e-9 && (robust.high - 0.294_978_434_664).abs() < 1e-9,
        "{robust:?}"
    );
}

// Kendall (1970), Rank Correlation Methods, table 1: of the 120 orders of five, 1, 4, 9, 15, 20, 22, … have 0, 1, 2, 3,
// 4, 5, … inversions.
#[test]
fn ranks_without_association_are_counted() {
    for (rarer, orders) in [1.0, 5.0, 14.0, 29.0, 49.0].into_iter().zip(0..).map(|(orders, rarer)| (rarer, orders)) {
        assert!(close(small_study::exact_kendall(5, rarer), 2.0 * orders / 120.0, 1e-12));
    }
}

// By differences of the likelihood itself.
#[test]
fn the_selection_model_is_at_the_top_of_its_likelihood() {
    let (y, v) = vaccine();
    let fit = selection_model(&y, &v, ReportedSide::Less, 0.95).expect("thirteen trials");
    let height = |mean: f64, tau2: f64, chance: f64| {
        let terms = y.iter().zip(&v).map(|(y, v)| {
            let z = 1.959_963_984_540_054;
            let is_significant = y / v.sqrt() <= -z;
            let total = v + tau2;
            let missed = crate::normal_upper_tail((-z * v.sqrt() - mean) / total.sqrt()).expect("a number");
            let density = -0.5 * ((std::f64::consts::TAU * total).ln() + (y - mean).powi(2) / total);
            density + if is_significant { 0.0 } else { chance.ln() } - (1.0 - missed + chance * missed).ln()
        });
        terms.sum::<f64>()
    };
    let (mean, tau2, chance) = (fit.interval.estimate, fit.tau2, fit.relative_chance);
    let top = height(mean, tau2, chance);
    assert!((top - fit.log_likelihood).abs() < 1e-10);
    for step in [-0.05, -1e-3, 1e-3, 0.05] {
        assert!(height(mean + step, tau2, chance) < top);
        assert!(height(mean, tau2 + step, chance) < top);
        assert!(height(mean, tau2, chance + step) < top);
    }
    assert!(fit.likelihood_ratio > 0.0 && fit.p_value < 1.0);
    // Mirrored, the other way round.
    let mirrored: Vec<f64> = y.iter().map(|y| -y).collect();
    let mirror = selection_model(&mirrored, &v, ReportedSide::Greater, 0.95).expect("thirteen trials");
    assert!((mirror.interval.estimate + mean).abs() < 1e-9);
    let all = [0.5; 10];
    assert_eq!(selection_model(&all, &[0.01; 10], ReportedSide::Greater, 0.95), Err(CombineError::OneSided));
}

#[test]
fn checks_of_small_studies_need_ten() {
    let (y, v) = vaccine();
    let (nine, v9) = (&y[..9], &v[..9]);
    let refused = CombineError::TooFew { effects: 9, needed: 10 };
    assert_eq!(egger_test(nine, v9, 0.95), Err(refused));
    assert_eq!(peese_test(nine, v9, 0.95), Err(refused));
    assert_eq!(egger_mixed_test(nine, v9, 0.95), Err(refused));
    assert_eq!(begg_rank_test(nine, v9), Err(refused));
    assert_eq!(trim_and_fill(nine, v9, REML, TrimEstimator::L0), Err(refused));
    assert_eq!(selection_model(nine, v9, ReportedSide::Less, 0.95), Err(refused));
    // All equally precise: there is no slope to fit.
    assert!(matches!(egger_test(&y, &[0.1; 13], 0.95), Err(CombineError::Linear(_))));
    assert_eq!(begg_rank_test(&y, &[0.1; 13]), Err(CombineError::NoSpread));
}

#[test]
fn bad_effects_are_errors() {
    assert_eq!(pool(&[], &[], REML), Err(CombineError::TooFew { effects: 0, needed: 2 }));
    assert_eq!(pool(&[0.1], &[0.1], REML), Err(CombineError::TooFew { effects: 1, needed: 2 }));
    assert_eq!(pool(&[0.1; 2], &[0.1], REML), Err(CombineError::LengthMismatch { estimates: 2, others: 1 }));
    assert!(matches!(pool(&[0.1, f64::NAN], &[0.1; 2], REML), Err(CombineError::Estimate { .. })));
    for variance in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(pool(&[0.1, 0.2], &[0.1, variance], REML), Err(CombineError::Variance { .. })));
    }
    for method in METHODS {
        let huge = pool(&[1e300, -1e300, 0.0], &[1.0; 3], method);
        assert_eq!(huge, Err(CombineError::OutOfRange), "{method:?}");
    }
    let pooled = pool(&[0.1; 3], &[0.1; 3], REML).expect("three effects");
    assert!(matches!(pooled.interval(PooledMethod::Wald, 1.0), Err(CombineError::Confidence(_))));
    // Effects that are all equal leave the plain method nothing to divide by.
    assert_eq!(pooled.test(PooledMethod::HartungKnapp), Err(CombineError::NoSpread));
    assert!(pooled.test(PooledMethod::HartungKnappAdHoc).is_ok());
    assert_eq!(sign_flip_test(&[0.1; 21], &[0.1; 21]), Err(CombineError::TooMany { effects: 21, most: 20 }));
    let short = meta_regression(&[0.1, 0.2, 0.3], &[0.1; 3], &[vec![1.0]], REML, PooledMethod::Wald);
    assert_eq!(short, Err(CombineError::LengthMismatch { estimates: 3, others: 1 }));
    let constant = meta_regression(&[0.1, 0.2, 0.3], &[0.1; 3], &[vec![2.0; 3]], REML, PooledMethod::Wald);
    assert_eq!(constant, Err(CombineError::Linear(LinearError::Collinear { column: 1 })));
    let too_few = meta_regression(&[0.1, 0.2], &[0.1; 2], &[vec![1.0, 2.0]], REML, PooledMethod::Wald);
    assert!(matches!(too_few, Err(CombineError::Linear(LinearError::TooFewObservations { .. }))));
    assert_eq!(three_level(&[0.1; 3], &[0.1; 3], &["a"; 3]), Err(CombineError::TooFew { effects: 1, needed: 2 }));
}
