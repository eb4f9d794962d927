use super::*;
use crate::random::Philox;
use crate::survival::KaplanMeier;
use EndKind::{Censored, Competing, Event};

/// Constant hazards of 0.1 and 0.05; whole numbers of `step`, so that times tie.
fn draw(seed: u64, count: usize, step: f64, is_censored: bool) -> (Vec<f64>, Vec<EndKind>) {
    let mut random = Philox::new(seed, 0);
    (0..count)
        .map(|_| {
            let time = -libm::log1p(-random.unit()) / 0.15;
            let end = if random.unit() < 2.0 / 3.0 { Event } else { Competing };
            let censoring = if is_censored { 25.0 * random.unit() } else { f64::INFINITY };
            if time <= censoring {
                ((time / step).ceil() * step, end)
            } else {
                ((censoring / step).ceil() * step, Censored)
            }
        })
        .unzip()
}

fn fit(subjects: &(Vec<f64>, Vec<EndKind>)) -> CumulativeIncidence {
    CumulativeIncidence::fit(&subjects.0, &subjects.1).expect("the subjects are possible")
}

#[test]
fn without_censoring_shares_are_counts() {
    let subjects = draw(1, 70, 1.0, false);
    for step in fit(&subjects).steps() {
        let share = |wanted: EndKind| {
            let ended = subjects.0.iter().zip(&subjects.1).filter(|(time, end)| **time <= step.time && **end == wanted);
            ended.count() as f64 / 70.0
        };
        for (estimate, error, wanted) in [
            (step.incidence, step.standard_error, Event),
            (step.competing_incidence, step.competing_standard_error, Competing),
        ] {
            assert!((estimate - share(wanted)).abs() < 1e-12);
            assert!((error - (share(wanted) * (1.0 - share(wanted)) / 70.0).sqrt()).abs() < 1e-12);
        }
    }
}

#[test]
fn without_competing_events_it_is_the_product_limit_curve() {
    let (times, ends) = draw(2, 80, 1.0, true);
    let merged: Vec<EndKind> = ends.iter().map(|end| if *end == Competing { Event } else { *end }).collect();
    let observed: Vec<bool> = merged.iter().map(|end| *end == Event).collect();
    let curve = KaplanMeier::fit(&times, &observed).expect("possible");
    let incidence = CumulativeIncidence::fit(&times, &merged).expect("possible");
    for (step, other) in incidence.steps().iter().zip(curve.steps()) {
        assert!((1.0 - step.incidence - other.survival).abs() < 1e-12);
        let error = other.standard_error.unwrap_or(0.0);
        assert!((step.standard_error - error).abs() < 1e-12, "{step:?} {other:?}");
        assert_eq!((step.competing_incidence, step.competing_standard_error), (0.0, 0.0));
    }
}

// The delta method on the counts themselves: the derivative of I by each count by differences, the counts of one time
// multinomial.
#[test]
fn the_variance_is_that_of_the_delta_method() {
    let subjects = draw(3, 60, 2.0, true);
    let curve = fit(&subjects);
    let counts: Vec<[f64; 3]> =
        curve.steps().iter().map(|step| [step.at_risk as f64, step.events as f64, step.competing as f64]).collect();
    for upto in 1..=counts.len() {
        let incidence = |shares: &[[f64; 2]]| {
            let (mut survival, mut sum) = (1.0, 0.0);
            for [event, competing] in shares {
                sum += survival * event;
                survival *= 1.0 - event - competing;
            }
            sum
        };
        let shares: Vec<[f64; 2]> = counts[..upto].iter().map(|[n, e, c]| [e / n, c / n]).collect();
        let slope = |time: usize, kind: usize| {
            let moved = |by: f64| {
                let mut moved = shares.clone();
                moved[time][kind] += by;
                incidence(&moved)
            };
            (moved(1e-4) - moved(-1e-4)) / 2e-4
        };
        let variance: f64 = (0..upto)
            .map(|time| {
                let [p, q] = shares[time];
                let (one, other) = (slope(time, 0), slope(time, 1));
                (one * one * p + other * other * q - (one * p + other * q).powi(2)) / counts[time][0]
            })
            .sum();
        let step = curve.steps()[upto - 1];
        assert!((step.incidence - incidence(&shares)).abs() < 1e-12);
        assert!((step.standard_error * step.standard_error - variance).abs() < 1e-10, "{upto}");
    }
}

#[test]
fn shares_add_up_in_any_order_and_unit() {
    let subjects = draw(4, 90, 1.0, true);
    let curve = fit(&subjects);
    for step in curve.steps() {
        assert!((step.incidence + step.competing_incidence + step.survival - 1.0).abs() < 1e-12);
    }
    let backwards = (subjects.0.iter().rev().copied().collect(), subjects.1.iter().rev().copied().collect());
    assert_eq!(curve, fit(&backwards));
    let minutes = fit(&(subjects.0.iter().map(|time| 60.0 * time).collect(), subjects.1.clone()));
    assert_eq!(curve.at(7.5), minutes.at(450.0));
    let swapped: Vec<EndKind> = subjects
        .1
        .iter()
        .map(|end| match end {
            Event => Competing,
            Competing => Event,
            Censored => Censored,
        })
        .collect();
    let (event, competing) = curve.at(9.0).expect("followed");
    assert_eq!(fit(&(subjects.0.clone(), swapped)).at(9.0), Ok((competing, event)));
    // Counting competing events as censored claims more.
    let observed: Vec<bool> = subjects.1.iter().map(|end| *end == Event).collect();
    let naive = KaplanMeier::fit(&subjects.0, &observed).expect("possible");
    let last = naive.steps().iter().rfind(|step| step.time <= 9.0).expect("there are times");
    assert!(1.0 - last.survival > event.estimate + 0.02);
}

#[test]
fn what_is_not_known_is_refused() {
    assert_eq!(CumulativeIncidence::fit(&[], &[]), Err(IncidenceError::NoDurations));
    let lengths = IncidenceError::LengthMismatch { durations: 1, ends: 0 };
    assert_eq!(CumulativeIncidence::fit(&[1.0], &[]), Err(lengths));
    for duration in [-1.0, f64::INFINITY] {
        assert_eq!(CumulativeIncidence::fit(&[duration], &[Event]), Err(IncidenceError::Duration { duration }));
    }
    assert!(CumulativeIncidence::fit(&[f64::NAN], &[Event]).is_err());
    let open = CumulativeIncidence::fit(&[1.0, 2.0], &[Event, Censored]).expect("possible");
    assert_eq!(open.at(2.1), Err(IncidenceError::Time { time: 2.1, longest: 2.0 }));
    assert!(open.at(-0.1).is_err() && open.at(f64::NAN).is_err());
    let over = CumulativeIncidence::fit(&[1.0, 2.0], &[Event, Competing]).expect("possible");
    assert_eq!(over.at(99.0).map(|(event, _)| event.estimate), Ok(0.5));
    let nothing = CumulativeIncidence::fit(&[1.0, 2.0], &[Censored; 2]).expect("possible");
    let share = nothing.at(2.0).expect("followed").0;
    assert_eq!((share.estimate, share.interval(0.95)), (0.0, Ok(None)));
    assert!(share.interval(1.0).is_err());
    assert_eq!(incidence_difference(&nothing, &nothing, 1.0), Err(IncidenceError::NoSpread { time: 1.0 }));
}

// With constant hazards a and b the share is a/(a + b) (1 − exp(−(a + b) t)).
#[test]
fn intervals_hold_the_planted_share() {
    let truth = 2.0 / 3.0 * -libm::expm1(-1.5);
    let (mut held, mut held_difference) = (0, 0);
    for seed in 0..300 {
        let (one, other) = (fit(&draw(50 + seed, 100, 0.01, true)), fit(&draw(900 + seed, 100, 0.01, true)));
        let interval = one.at(10.0).expect("followed").0.interval(0.95).expect("the level is right").expect("varies");
        held += u32::from(interval.low < truth && truth < interval.high);
        let difference = incidence_difference(&one, &other, 10.0).expect("followed");
        held_difference += u32::from(difference.p_two_sided().expect("a tail") > 0.05);
    }
    // Of 300, 285 are expected; three standard deviations are 11.
    assert!((272..=297).contains(&held), "{held}");
    assert!((272..=297).contains(&held_difference), "{held_difference}");
}
