//! Planted truth, a null world in which units hang together, symmetries, and refusals.

use stats::Philox;

use super::{Cells, Comparison, ComparisonError, Question, compare};
use crate::Limits;
use crate::criterion::{Class, Scale};

/// Normal enough: the sum of twelve uniform numbers less six.
fn noise(random: &mut Philox) -> f64 {
    (0..12).map(|_| random.unit()).sum::<f64>() - 6.0
}

fn question(scale: Scale) -> Question {
    Question { unit: Some("unit".into()), replicates: 199, ..Question::new("hours", "arm", "single", "many", scale) }
}

fn cells(rows: &[(f64, &str, usize, f64)]) -> Cells {
    let columns = ["hours", "arm", "unit", "size"].map(str::to_owned).to_vec();
    let text = |(hours, arm, unit, size): &(f64, &str, usize, f64)| {
        vec![hours.to_string(), (*arm).to_owned(), format!("u{unit}"), size.to_string()]
    };
    Cells { columns, rows: rows.iter().map(text).collect() }
}

/// Units of six rows: arms within units, or whole units under an arm; `effect` is on the log scale.
fn world(seed: u64, units: usize, is_within: bool, effect: f64, spread: f64) -> Vec<(f64, &'static str, usize, f64)> {
    let mut random = Philox::new(seed, 0);
    let mut rows = Vec::new();
    for unit in 0..units {
        let own = spread * noise(&mut random);
        for place in 0..6 {
            let is_treated = if is_within { place % 2 == 0 } else { unit % 2 == 0 };
            // Larger work goes to the treated, and takes longer.
            let size = noise(&mut random) + if is_treated { 0.5 } else { 0.0 };
            let log = 3.0 + own + 0.7 * size + if is_treated { effect } else { 0.0 } + 0.3 * noise(&mut random);
            rows.push((log.exp(), if is_treated { "many" } else { "single" }, unit, size.exp()));
        }
    }
    rows
}

fn found(rows: &[(f64, &str, usize, f64)], question: &Question) -> Comparison {
    compare(&cells(rows), question).expect("it can be compared")
}

#[test]
fn a_planted_effect_is_found_once_the_confounder_enters() {
    let rows = world(1, 40, true, 0.8_f64.ln(), 0.5);
    let adjusted = Question { log_covariates: vec!["size".into()], is_randomised: true, ..question(Scale::LogRatio) };
    let with = found(&rows, &adjusted);
    // Less is better: a fifth off is positive.
    assert!(with.effect.low < -(0.8_f64.ln()) && -(0.8_f64.ln()) < with.effect.high, "{:?}", with.effect);
    assert_eq!((with.class, with.is_conclusive), (Class::Superior, true));
    let without = found(&rows, &question(Scale::LogRatio));
    assert!(without.effect.high < -(0.8_f64.ln()), "{:?}", without.effect);
    assert!(!without.is_conclusive && without.e_value.is_some() && with.e_value.is_none());
}

#[test]
fn where_nothing_is_to_be_found_units_that_hang_together_find_nothing() {
    const WORLDS: u64 = 300;
    let (mut robust, mut naive) = (0, 0);
    for seed in 0..WORLDS {
        let adjusted = Question { log_covariates: vec!["size".into()], ..question(Scale::LogRatio) };
        let comparison = found(&world(seed + 100, 12, false, 0.0, 0.5), &adjusted);
        robust += usize::from(comparison.p_value < 0.05);
        let rows_alone = Question { unit: None, ..adjusted };
        naive += usize::from(found(&world(seed + 100, 12, false, 0.0, 0.5), &rows_alone).p_value < 0.05);
    }
    // Of 300, 15 at the nominal level; 27 is three standard errors above.
    assert!(robust <= 27, "{robust} of {WORLDS}");
    assert!(naive > 90, "rows that are taken for units find {naive} of {WORLDS}: the worlds are no test");
}

#[test]
fn order_direction_and_unit_of_measure_change_nothing_that_they_should_not() {
    let rows = world(3, 14, true, 0.1, 0.3);
    let asked = Question { covariates: vec!["size".into()], ..question(Scale::LogRatio) };
    let whole = found(&rows, &asked);
    let mut backwards = rows.clone();
    backwards.reverse();
    assert_eq!(found(&backwards, &asked), whole);
    let minutes: Vec<_> = rows.iter().map(|(hours, arm, unit, size)| (hours * 60.0, *arm, *unit, *size)).collect();
    assert!((found(&minutes, &asked).effect.low - whole.effect.low).abs() < 1e-12);
    let swapped = found(&rows, &Question { control: "many".into(), treatment: "single".into(), ..asked.clone() });
    assert!((swapped.effect.low + whole.effect.high).abs() < 1e-12);
    let higher = found(&rows, &Question { is_higher_better: true, ..asked });
    assert!((higher.effect.low + whole.effect.high).abs() < 1e-15);
    for (one, other) in whole.views.iter().zip(&higher.views) {
        let (Some(one), Some(other)) = (one.limits, other.limits) else { continue };
        assert!((one.low + other.high).abs() < 1e-12 && (one.high + other.low).abs() < 1e-12, "{one:?} {other:?}");
    }
}

#[test]
fn the_smallest_margin_is_where_the_class_turns() {
    let rows = world(5, 14, true, 0.02, 0.3);
    let asked = Question { log_covariates: vec!["size".into()], ..question(Scale::LogRatio) };
    let least = found(&rows, &asked).smallest_margin;
    assert!(least > 0.0);
    let at = |margin: f64| found(&rows, &Question { margin, ..asked.clone() }).class;
    assert_eq!((at(least * 1.001), at(least * 0.999)), (Class::NonInferior, Class::Inconclusive));
}

#[test]
fn units_left_out_are_those_that_move_it_farthest() {
    let rows = world(7, 9, true, 0.0, 0.4);
    let asked = question(Scale::LogRatio);
    let [lowest, highest] = found(&rows, &asked).left_out.expect("there are units");
    let without = |gone: usize| {
        let rest: Vec<_> = rows.iter().copied().filter(|row| row.2 != gone).collect();
        found(&rest, &asked).effect.estimate.expect("an estimate")
    };
    let all: Vec<f64> = (0..9).map(without).collect();
    let least = all.iter().copied().fold(f64::INFINITY, f64::min);
    let most = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert!((lowest.estimate - least).abs() < 1e-12 && (highest.estimate - most).abs() < 1e-12);
}

/// By the published formula, with the limits by the t distribution at the level that is asked for: a lower level has wider
/// ones.
#[test]
fn the_e_value_follows_the_limits_of_the_effect() {
    // Twice as long under the treatment, in nine units that differ.
    let rows = world(11, 9, true, 2.0_f64.ln(), 0.2);
    let logs = |arm: &str| -> Vec<f64> { rows.iter().filter(|row| row.1 == arm).map(|row| row.0.ln()).collect() };
    let arms = [logs("single"), logs("many")];
    let squares = arms.iter().map(|own| {
        let (sum, count) = (own.iter().sum::<f64>(), own.len() as f64);
        own.iter().map(|value| value * value).sum::<f64>() - sum * sum / count
    });
    let deviation = (squares.sum::<f64>() / (rows.len() as f64 - 2.0)).sqrt();
    let expected = |effect: f64| {
        let ratio = (0.91 * effect.abs() / deviation).exp();
        ratio + (ratio * (ratio - 1.0)).sqrt()
    };
    let mut limits = Vec::new();
    for alpha in [0.2, 0.05, 0.001] {
        let comparison = found(&rows, &Question { alpha, ..question(Scale::LogRatio) });
        let [of_estimate, of_limit] = comparison.e_value.expect("chance did not decide");
        let Limits { estimate, high, .. } = comparison.effect;
        assert!(high < 0.0, "all of it is harm: {high}");
        assert!((of_estimate - expected(estimate.expect("an estimate"))).abs() < 1e-9);
        assert!((of_limit - expected(high)).abs() < 1e-9, "{of_limit} at {alpha}");
        limits.push(of_limit);
    }
    assert!(limits[0] > limits[1] && limits[1] > limits[2], "{limits:?}");
    // An interval that holds nothing needs nothing unseen.
    let nothing = found(&world(12, 9, true, -0.35, 0.2), &question(Scale::LogRatio));
    assert!(nothing.effect.low < 0.0 && 0.0 < nothing.effect.high);
    assert!((nothing.e_value.expect("chance did not decide")[1] - 1.0).abs() < 1e-12);
}

#[test]
fn shares_differ_by_their_difference() {
    let share = |unit: usize, arm: &'static str, failed: usize| {
        (0..10).map(move |place| (f64::from(u8::from(place < failed)), arm, unit, 1.0))
    };
    let rows: Vec<_> =
        (0..6).flat_map(|unit| share(unit, "many", 1 + unit % 2).chain(share(unit, "single", 3 + unit % 3))).collect();
    let comparison = found(&rows, &question(Scale::Difference));
    // 9 of 60 against 24 of 60, and fewer failures are better.
    assert!((comparison.effect.estimate.expect("an estimate") - 0.25).abs() < 1e-12);
    assert_eq!((comparison.class, comparison.at_margins.len()), (Class::Superior, 3));
}

#[test]
fn what_cannot_be_compared_is_named() {
    let rows = world(9, 8, true, 0.0, 0.3);
    let asked = question(Scale::LogRatio);
    let refused = |cells: &Cells, question: &Question| compare(cells, question).expect_err("it is refused").to_string();
    let table = cells(&rows);
    let said = refused(&table, &Question { outcome: "days".into(), ..asked.clone() });
    assert_eq!(said, "there is no column `days`; there are `arm`, `hours`, `size`, `unit`");
    let said = refused(&table, &Question { treatment: "lots".into(), ..asked.clone() });
    assert_eq!(said, "no row has `lots` in `arm`; there are `many`, `single`");
    let with = |at: usize, text: &str| {
        let mut table = table.clone();
        table.rows[3][at] = text.to_owned();
        table
    };
    let sized = Question { covariates: vec!["size".into()], ..asked.clone() };
    assert_eq!(refused(&with(3, "NaN"), &sized), "row 4, column `size`: `NaN` is not finite");
    assert_eq!(refused(&with(3, "large"), &sized), "row 4, column `size`: `large` is no number");
    assert!(refused(&with(0, "0"), &asked).contains("row 4, column `hours`: `0` has no logarithm"));
    assert!(refused(&with(0, "1.5"), &question(Scale::Difference)).contains("is no share"));
    // An empty cell of a column that is used leaves its row out, and is counted.
    let some = compare(&with(3, ""), &sized).expect("it can be compared");
    assert_eq!(some.left_out_rows, 1);
    assert_eq!(compare(&with(3, ""), &asked).expect("it can be compared").left_out_rows, 0);
    for (terms, words) in [
        (Question { alpha: 0.0, ..asked.clone() }, "alpha: it lies"),
        (Question { alpha: f64::NAN, ..asked.clone() }, "alpha: it lies"),
        (Question { alpha: 0.5, ..asked.clone() }, "alpha: it lies"),
        (Question { margin: 0.0, ..asked.clone() }, "a margin is"),
        (Question { margin: 0.7, ..asked.clone() }, "a margin is"),
        (Question { margin: 0.3, scale: Scale::Difference, ..asked.clone() }, "a margin of shares"),
        (Question { unit: Some("hours".into()), ..asked.clone() }, "`hours` is the outcome"),
        (Question { unit: Some("arm".into()), ..asked.clone() }, "`arm` is the outcome"),
        (Question { covariates: vec!["hours".into()], ..asked.clone() }, "`hours` is the outcome"),
        (Question { log_covariates: vec!["hours".into()], ..asked.clone() }, "`hours` is the outcome"),
        (Question { factors: vec!["arm".into()], ..asked.clone() }, "`arm` is the outcome"),
        (Question { replicates: 5, ..asked.clone() }, "at least 99"),
        (Question { treatment: "single".into(), ..asked.clone() }, "control and treatment"),
    ] {
        assert!(refused(&table, &terms).starts_with(words), "{words}");
    }
    // Three units leave too little to say how sure it is, and constant outcomes leave nothing.
    let few = compare(&cells(&world(9, 3, false, 0.0, 0.3)), &asked);
    assert!(matches!(few, Err(ComparisonError::Insufficient(_) | ComparisonError::Regression(_))), "{few:?}");
    let constant: Vec<_> = rows.iter().map(|row| (5.0, row.1, row.2, row.3)).collect();
    let constant = compare(&cells(&constant), &asked);
    assert!(matches!(constant, Err(ComparisonError::Regression(_))), "{constant:?}");
}
