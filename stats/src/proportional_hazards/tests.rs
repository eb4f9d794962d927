use super::*;
use crate::log_rank::{LogRankWeight, log_rank_stratified};
use crate::random::Philox;

/// Two covariates, the second a group; strata with other baselines; clusters of four. `step` is the unit of time in which
/// durations are rounded up, so that they tie.
fn draw(seed: u64, count: usize, beta: [f64; 2], step: f64) -> Vec<HazardSubject> {
    let mut random = Philox::new(seed, 0);
    (0..count)
        .map(|place| {
            let covariates = vec![2.0 * random.unit() - 1.0, f64::from(u8::from(random.unit() < 0.5))];
            let stratum = place as u64 % 2;
            let hazard = libm::exp(beta[0] * covariates[0] + beta[1] * covariates[1]) / (5.0 + 10.0 * stratum as f64);
            let event = -libm::log1p(-random.unit()) / hazard;
            let censoring = 10.0 + 30.0 * random.unit();
            HazardSubject {
                duration: (event.min(censoring) / step).ceil() * step,
                observed: event <= censoring,
                covariates,
                stratum,
                cluster: Some(place as u64 / 4),
            }
        })
        .collect()
}

/// The logarithm of the partial likelihood by its definition, where coefficients are `β + θ g(t)`.
fn log_likelihood(
    subjects: &[HazardSubject],
    ties: Ties,
    beta: &[f64],
    theta: &[f64],
    share: &dyn Fn(f64) -> f64,
) -> f64 {
    let mut times: Vec<(u64, f64)> =
        subjects.iter().filter(|subject| subject.observed).map(|subject| (subject.stratum, subject.duration)).collect();
    times.sort_by(|one, other| one.partial_cmp(other).expect("finite"));
    times.dedup();
    let mut total = 0.0;
    for (stratum, time) in times {
        let predictor = |subject: &HazardSubject| -> f64 {
            (0..beta.len()).map(|j| (beta[j] + theta[j] * share(time)) * subject.covariates[j]).sum()
        };
        let own = || subjects.iter().filter(|subject| subject.stratum == stratum);
        let sum: f64 = own().filter(|subject| subject.duration >= time).map(|subject| predictor(subject).exp()).sum();
        let leaving: Vec<f64> = own()
            .filter(|subject| subject.observed && subject.duration.total_cmp(&time).is_eq())
            .map(predictor)
            .collect();
        let gone: f64 = leaving.iter().map(|predictor| predictor.exp()).sum();
        for (place, predictor) in leaving.iter().enumerate() {
            let share = if ties == Ties::Efron { place as f64 / leaving.len() as f64 } else { 0.0 };
            total += predictor - (sum - share * gone).ln();
        }
    }
    total
}

fn close(one: f64, other: f64, tolerance: f64) -> bool {
    (one - other).abs() <= tolerance * other.abs().max(1.0)
}

/// Second derivatives by central differences.
fn curvature(function: &dyn Fn(&[f64]) -> f64, place: &[f64]) -> DMatrix<f64> {
    let step = 1e-3;
    DMatrix::from_fn(place.len(), place.len(), |row, column| {
        let at = |a: f64, b: f64| {
            let mut moved = place.to_vec();
            moved[row] += a * step;
            moved[column] += b * step;
            function(&moved)
        };
        (at(1.0, 1.0) - at(1.0, -1.0) - at(-1.0, 1.0) + at(-1.0, -1.0)) / (4.0 * step * step)
    })
}

#[test]
fn the_fit_is_the_top_of_the_likelihood() {
    let subjects = draw(1, 80, [0.8, -0.5], 2.0);
    for ties in [Ties::Efron, Ties::Breslow] {
        let fit = ProportionalHazards::fit(&subjects, ties).expect("there is a top");
        let height = |beta: &[f64]| log_likelihood(&subjects, ties, beta, &[0.0; 2], &|_| 0.0);
        let top = fit.coefficients().to_vec();
        assert!(close(height(&top), fit.log_likelihood(), 1e-12));
        assert!(close(height(&[0.0, 0.0]), fit.log_likelihood_at_zero(), 1e-12));
        for (row, moved) in [(0, 1e-4), (0, -1e-4), (1, 1e-4), (1, -1e-4)] {
            let mut beside = top.clone();
            beside[row] += moved;
            assert!(height(&beside) < height(&top));
        }
        let variance = (-curvature(&height, &top)).try_inverse().expect("it curves");
        for (column, effect) in fit.effects().expect("it curves").iter().enumerate() {
            assert!(close(effect.standard_error, variance[(column, column)].sqrt(), 1e-4));
        }
    }
}

#[test]
fn units_and_order_of_covariates_do_not_matter() {
    let subjects = draw(2, 100, [0.8, -0.5], 1.0);
    let fit = ProportionalHazards::fit(&subjects, Ties::Efron).expect("there is a top");
    let mut backwards = subjects.clone();
    backwards.reverse();
    let again = ProportionalHazards::fit(&backwards, Ties::Efron).expect("there is a top");
    assert_eq!(again, fit);
    assert_eq!(again.robust_effects(), fit.robust_effects());
    let turned: Vec<HazardSubject> = subjects
        .iter()
        .map(|subject| HazardSubject {
            duration: 60.0 * subject.duration,
            covariates: vec![1.0 - subject.covariates[1], 1e6 + 100.0 * subject.covariates[0]],
            ..subject.clone()
        })
        .collect();
    let turned = ProportionalHazards::fit(&turned, Ties::Efron).expect("there is a top");
    assert!(close(turned.coefficients()[0], -fit.coefficients()[1], 1e-8));
    assert!(close(turned.coefficients()[1] * 100.0, fit.coefficients()[0], 1e-7));
    let (one, other) = (turned.robust_effects().expect("clusters"), fit.robust_effects().expect("clusters"));
    assert!(close(one[1].standard_error * 100.0, other[0].standard_error, 1e-6));
    let (one, other) = (turned.proportionality().expect("events"), fit.proportionality().expect("events"));
    assert!(close(one.together.statistic, other.together.statistic, 1e-6));
    assert!(close(one.covariates[0].statistic, other.covariates[1].statistic, 1e-6));
}

#[test]
fn the_score_test_of_two_groups_without_ties_is_the_log_rank_test() {
    let subjects: Vec<HazardSubject> = draw(3, 90, [0.3, 0.4], 1e-9)
        .into_iter()
        .map(|subject| HazardSubject { covariates: vec![subject.covariates[1]], ..subject })
        .collect();
    let column = |value: fn(&HazardSubject) -> f64| -> Vec<f64> { subjects.iter().map(value).collect() };
    let observed: Vec<bool> = subjects.iter().map(|subject| subject.observed).collect();
    let groups: Vec<bool> = subjects.iter().map(|subject| subject.covariates[0] > 0.5).collect();
    let strata: Vec<u64> = subjects.iter().map(|subject| subject.stratum).collect();
    let test = log_rank_stratified(&column(|s| s.duration), &observed, &groups, &strata, LogRankWeight::Equal);
    let test = test.expect("two groups").test;
    for ties in [Ties::Efron, Ties::Breslow] {
        let score = ProportionalHazards::fit(&subjects, ties).and_then(|fit| fit.score_test()).expect("a top");
        assert!(close(score.statistic, test.statistic, 1e-10) && close(score.p, test.p, 1e-10));
    }
}

// Freireich et al. (1963): coefficients printed in Cox regression chapters, 1.572 (0.412) by Efron, 1.509 by Breslow.
#[test]
fn example_freireich1963() {
    let drug = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35];
    let placebo = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23];
    let weeks = drug.into_iter().chain(placebo).map(f64::from).enumerate();
    let subjects: Vec<HazardSubject> = weeks
        .map(|(place, weeks)| {
            HazardSubject::new(weeks, !(9..21).contains(&place), vec![f64::from(u8::from(place >= 21))])
        })
        .collect();
    let efron = ProportionalHazards::fit(&subjects, Ties::Efron).and_then(|fit| fit.effects()).expect("a top")[0];
    let breslow = ProportionalHazards::fit(&subjects, Ties::Breslow).expect("a top");
    assert!((efron.estimate - 1.572).abs() < 6e-4 && (efron.standard_error - 0.412).abs() < 6e-4, "{efron:?}");
    assert!((breslow.coefficients()[0] - 1.509).abs() < 6e-4);
}

#[test]
fn what_subjects_add_to_the_score_adds_up_to_nothing() {
    let subjects = draw(4, 80, [0.8, -0.5], 2.0);
    for ties in [Ties::Efron, Ties::Breslow] {
        let fit = ProportionalHazards::fit(&subjects, ties).expect("there is a top");
        let residuals = fit.problem.score_residuals(&fit.standard);
        assert!(residuals.row_sum().amax() < 1e-9, "{}", residuals.row_sum());
        // Away from the top their sum is the score.
        let elsewhere = &fit.standard * 0.5;
        let score = fit.problem.likelihood(&elsewhere).expect("finite").score;
        let residuals = fit.problem.score_residuals(&elsewhere);
        assert!((residuals.row_sum().transpose() - score).amax() < 1e-9);
    }
}

#[test]
fn the_robust_variance_is_that_of_clusters() {
    // Everybody twice, in one cluster: nothing is known that was not known before.
    let single: Vec<HazardSubject> = draw(5, 90, [0.8, -0.5], 1e-9)
        .into_iter()
        .enumerate()
        .map(|(place, subject)| HazardSubject { cluster: Some(place as u64), ..subject })
        .collect();
    let twice = [&single[..], &single[..]].concat();
    let robust = |subjects: &[HazardSubject]| {
        ProportionalHazards::fit(subjects, Ties::Breslow).and_then(|fit| fit.robust_effects()).expect("a top")
    };
    let model = |subjects: &[HazardSubject]| {
        ProportionalHazards::fit(subjects, Ties::Breslow).and_then(|fit| fit.effects()).expect("a top")
    };
    for column in 0..2 {
        assert!(close(robust(&twice)[column].standard_error, robust(&single)[column].standard_error, 1e-8));
        let (once, doubled) = (model(&single)[column].standard_error, model(&twice)[column].standard_error);
        assert!(close(doubled, once / 2.0_f64.sqrt(), 1e-8));
    }
    // The jackknife over clusters is near to it.
    let subjects = draw(6, 400, [0.8, -0.5], 0.5);
    let fit = ProportionalHazards::fit(&subjects, Ties::Efron).expect("a top");
    let mut squares = [0.0; 2];
    for left_out in 0..100 {
        let kept: Vec<_> = subjects.iter().filter(|subject| subject.cluster != Some(left_out)).cloned().collect();
        let without = ProportionalHazards::fit(&kept, Ties::Efron).expect("a top");
        for (square, (one, other)) in squares.iter_mut().zip(without.coefficients().iter().zip(fit.coefficients())) {
            *square += (one - other) * (one - other);
        }
    }
    for (effect, square) in fit.robust_effects().expect("clusters").iter().zip(squares) {
        assert!((effect.standard_error / square.sqrt() - 1.0).abs() < 0.05, "{effect:?} {}", square.sqrt());
    }
}

// The score test by central differences of the likelihood with coefficients that change.
#[test]
fn proportionality_is_the_score_test_of_a_change() {
    let subjects = draw(7, 70, [0.8, -0.5], 2.0);
    let fit = ProportionalHazards::fit(&subjects, Ties::Efron).expect("a top");
    let shares = fit.event_shares().expect("a curve");
    let share = |time: f64| {
        let found = shares.iter().find(|(known, _)| known.total_cmp(&time).is_eq());
        found.expect("a time of the curve").1
    };
    let height = |place: &[f64]| log_likelihood(&subjects, Ties::Efron, &place[..2], &place[2..], &share);
    let place = [fit.coefficients(), &[0.0; 2]].concat();
    let information = -curvature(&height, &place);
    let slope = |column: usize| {
        let (mut up, mut down) = (place.clone(), place.clone());
        up[column] += 1e-5;
        down[column] -= 1e-5;
        (height(&up) - height(&down)) / 2e-5
    };
    let statistic = |free: &[usize]| {
        let score = DVector::from_iterator(
            free.len(),
            free.iter().map(|column| if *column < 2 { 0.0 } else { slope(*column) }),
        );
        let part = information.select_rows(free).select_columns(free);
        score.dot(&(part.try_inverse().expect("it curves") * &score))
    };
    let test = fit.proportionality().expect("there are events");
    assert!(close(test.covariates[0].statistic, statistic(&[0, 1, 2]), 1e-3));
    assert!(close(test.covariates[1].statistic, statistic(&[0, 1, 3]), 1e-3));
    assert!(close(test.together.statistic, statistic(&[0, 1, 2, 3]), 1e-3));
    assert_eq!(test.together.degrees_of_freedom, 2);
}

#[test]
fn a_likelihood_without_a_top_is_refused() {
    let one = |times: &[f64], covariates: &[f64]| {
        let subjects: Vec<HazardSubject> = times
            .iter()
            .zip(covariates)
            .map(|(time, covariate)| HazardSubject::new(*time, true, vec![*covariate]))
            .collect();
        ProportionalHazards::fit(&subjects, Ties::Efron).map(|fit| fit.coefficients()[0])
    };
    let monotone = Err(HazardError::Monotone { covariate: 0 });
    assert_eq!(one(&[1.0, 2.0, 3.0, 4.0], &[1.0, 1.0, 0.0, 0.0]), monotone);
    assert_eq!(one(&[1.0, 2.0, 3.0, 4.0], &[0.0, 0.0, 1.0, 1.0]), monotone);
    assert_eq!(one(&[1.0, 2.0, 3.0, 4.0], &[9.0, 7.0, 5.0, 4.0]), monotone);
    // With one covariate the likelihood has no top exactly where the event always comes first, or always last, to those
    // with the largest covariate at risk.
    let mut random = Philox::new(8, 0);
    let (mut refused, mut found) = (0, 0);
    for _ in 0..400 {
        let covariates: Vec<f64> = (0..5).map(|_| (4.0 * random.unit()).floor()).collect();
        let times: Vec<f64> = (0..5).map(f64::from).collect();
        let first = |sign: f64| {
            (0..5).all(|event| (event..5).all(|other| sign * covariates[event] >= sign * covariates[other]))
        };
        match one(&times, &covariates) {
            Ok(_) => {
                found += 1;
                assert!(!first(1.0) && !first(-1.0), "{covariates:?}");
            }
            Err(HazardError::Monotone { .. }) => {
                refused += 1;
                assert!(first(1.0) || first(-1.0), "{covariates:?}");
            }
            Err(other) => assert!(covariates.iter().all(|value| value.total_cmp(&covariates[0]).is_eq()), "{other}"),
        }
    }
    assert!(refused > 20 && found > 200, "{refused} {found}");
    // One group without an event, beside a covariate with an estimate.
    let mut subjects = draw(9, 60, [0.5, 0.0], 1.0);
    for subject in &mut subjects {
        subject.observed &= subject.covariates[1] < 0.5;
    }
    assert_eq!(
        ProportionalHazards::fit(&subjects, Ties::Breslow).map(|_| ()),
        Err(HazardError::Monotone { covariate: 1 })
    );
}

#[test]
fn what_has_no_answer_is_refused() {
    let fit = |subjects: &[HazardSubject]| ProportionalHazards::fit(subjects, Ties::Efron).map(|_| ());
    let subject =
        |duration: f64, observed, covariates: &[f64]| HazardSubject::new(duration, observed, covariates.to_vec());
    assert_eq!(fit(&[]), Err(SurvivalError::NoDurations.into()));
    let censored = [subject(1.0, false, &[1.0]), subject(2.0, false, &[0.0])];
    assert_eq!(fit(&censored), Err(HazardError::NoEvents));
    let none = HazardError::Covariates { subject: 0, covariates: 0, expected: 0 };
    assert_eq!(fit(&[subject(1.0, true, &[])]), Err(none));
    let ragged = HazardError::Covariates { subject: 1, covariates: 2, expected: 1 };
    assert_eq!(fit(&[subject(1.0, true, &[1.0]), subject(1.0, true, &[1.0, 2.0])]), Err(ragged));
    for value in [f64::NAN, f64::INFINITY] {
        let refused = fit(&[subject(1.0, true, &[1.0]), subject(2.0, true, &[value])]);
        assert_eq!(refused, Err(HazardError::NotFinite { subject: 1 }));
        assert!(matches!(fit(&[subject(value, true, &[1.0])]), Err(HazardError::Survival(_))));
    }
    let constant = draw(10, 30, [0.0; 2], 1.0).into_iter().map(|s| HazardSubject { covariates: vec![3.1], ..s });
    assert_eq!(fit(&constant.collect::<Vec<_>>()), Err(HazardError::Collinear { covariate: 0 }));
    let doubled = draw(11, 30, [0.0; 2], 1.0).into_iter().map(|subject| {
        let covariates = vec![subject.covariates[0], 2.0 * subject.covariates[0] + 1.0];
        HazardSubject { covariates, ..subject }
    });
    assert_eq!(fit(&doubled.collect::<Vec<_>>()), Err(HazardError::Collinear { covariate: 1 }));
    // The covariate is that of the stratum.
    let between = draw(12, 30, [0.0; 2], 1.0).into_iter().map(|subject| {
        let covariates = vec![subject.stratum as f64];
        HazardSubject { covariates, ..subject }
    });
    assert_eq!(fit(&between.collect::<Vec<_>>()), Err(HazardError::Collinear { covariate: 0 }));
    let one_cluster: Vec<HazardSubject> =
        draw(13, 40, [0.0; 2], 1.0).into_iter().map(|s| HazardSubject { cluster: Some(1), ..s }).collect();
    let refused = ProportionalHazards::fit(&one_cluster, Ties::Efron).expect("a top").robust_effects();
    assert_eq!(refused, Err(HazardError::TooFewClusters { clusters: 1, coefficients: 2 }));
    // All events at one time: no change can be seen.
    let at_once: Vec<HazardSubject> = (0..20)
        .map(|place| subject(if place % 3 > 0 { 1.0 } else { 2.0 }, place % 3 > 0, &[f64::from(place % 2)]))
        .collect();
    let at_once = ProportionalHazards::fit(&at_once, Ties::Efron).expect("a top");
    assert_eq!(at_once.proportionality(), Err(HazardError::Collinear { covariate: 0 }));
}

#[test]
fn intervals_hold_the_planted_coefficients() {
    let beta = [0.8, -0.5];
    let (mut held, mut flagged) = ([0_u32; 2], 0_u32);
    for seed in 0..200 {
        let fit = ProportionalHazards::fit(&draw(100 + seed, 150, beta, 0.2), Ties::Efron).expect("a top");
        for (count, (effect, truth)) in held.iter_mut().zip(fit.effects().expect("it curves").iter().zip(beta)) {
            *count += u32::from((effect.estimate - truth).abs() < 1.959_964 * effect.standard_error);
        }
        flagged += u32::from(fit.proportionality().expect("events").together.p < 0.05);
    }
    // Of 200, 190 are expected; three standard deviations are 9.
    assert!(held.iter().all(|count| (180..=199).contains(count)), "{held:?}");
    assert!((1..=20).contains(&flagged), "{flagged}");
}

#[test]
fn an_effect_that_turns_is_seen() {
    let mut random = Philox::new(14, 0);
    let subjects: Vec<HazardSubject> = (0..200)
        .map(|place| {
            let (group, draw) = (f64::from(place % 2), -libm::log1p(-random.unit()));
            // The hazard of the second group is 3 up to time 0.3 and 1/3 after; that of the first is 1.
            let time = if group < 0.5 {
                draw
            } else if draw < 0.9 {
                draw / 3.0
            } else {
                0.3 + 3.0 * (draw - 0.9)
            };
            HazardSubject::new(time, true, vec![group])
        })
        .collect();
    let fit = ProportionalHazards::fit(&subjects, Ties::Efron).expect("a top");
    assert!(fit.proportionality().expect("events").together.p < 1e-4);
}
