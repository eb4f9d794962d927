//! Small, seeded simulations of what combined intervals claim, with and without liars.

use stats::{Interval, Philox, PooledMethod, PredictionFreedom, Tau2Method, TrimmedError};

const TRUTH: f64 = 0.1;
const SPREAD: f64 = 0.1;

/// A standard normal draw, near enough: twelve uniform ones.
fn normal(random: &mut Philox) -> f64 {
    (0..12).map(|_| random.unit() - 0.5).sum()
}

/// Honest effects of so many places, with standard errors from 0.05 to 0.2.
fn honest(random: &mut Philox, count: usize) -> (Vec<f64>, Vec<f64>) {
    let place = |random: &mut Philox| {
        let error = 0.05 + 0.15 * random.unit();
        (TRUTH + SPREAD * normal(random) + error * normal(random), error * error)
    };
    (0..count).map(|_| place(random)).unzip()
}

/// The share of runs in which something holds.
fn share(runs: u64, seed: u64, holds: impl Fn(&mut Philox) -> bool) -> f64 {
    (0..runs).filter(|run| holds(&mut Philox::new(seed, *run))).count() as f64 / runs as f64
}

fn covers(low: f64, high: f64) -> bool {
    low <= TRUTH && TRUTH <= high
}

fn pooled(effects: &(Vec<f64>, Vec<f64>), method: PooledMethod) -> Interval {
    let pooled = stats::pool(&effects.0, &effects.1, Tau2Method::RestrictedLikelihood).expect("enough effects");
    pooled.interval(method, 0.95).expect("enough effects")
}

/// Adds liars that agree on a shift of two spreads upwards and claim the best precision.
fn with_liars(mut effects: (Vec<f64>, Vec<f64>), liars: usize) -> (Vec<f64>, Vec<f64>) {
    effects.0.extend(std::iter::repeat_n(TRUTH + 2.5 * SPREAD, liars));
    effects.1.extend(std::iter::repeat_n(0.0025, liars));
    effects
}

// 1,500 runs at 95 %: three standard errors are 0.017, the goal is two points.
#[test]
fn without_liars_intervals_cover_as_they_claim() {
    for count in [7, 13] {
        let covered = share(1_500, 1, |random| {
            let interval = pooled(&honest(random, count), PooledMethod::HartungKnappAdHoc);
            covers(interval.low, interval.high)
        });
        assert!((0.933..=0.985).contains(&covered), "{count}: {covered}");
        let faults = stats::quorum(count).faults;
        let covered = share(1_500, 2, |random| {
            let effects = honest(random, count).0;
            let trimmed = stats::trimmed_mean_interval(&effects, faults, TrimmedError::Yuen, 0.95).expect("enough");
            covers(trimmed.interval.low, trimmed.interval.high)
        });
        assert!((0.90..=0.985).contains(&covered), "{count}: {covered}");
    }
}

// The usual interval takes the variance between places as known, which costs it several points here.
#[test]
fn predictions_cover_one_more_place() {
    for count in [7, 25] {
        let covered = |interval: &dyn Fn(&[f64], &[f64]) -> Interval| {
            share(400, 3, |random| {
                let (estimates, variances) = honest(random, count);
                let next = TRUTH + SPREAD * normal(random);
                let predicted = interval(&estimates, &variances);
                predicted.low <= next && next <= predicted.high
            })
        };
        let usual = covered(&|estimates, variances| {
            let pooled = stats::pool(estimates, variances, Tau2Method::RestrictedLikelihood).expect("enough effects");
            let method = PooledMethod::HartungKnappAdHoc;
            pooled.prediction_interval(method, PredictionFreedom::AsPooled, 0.95).expect("enough effects")
        });
        let pivotal = covered(&|estimates, variances| {
            stats::pivotal_prediction_interval(estimates, variances, 0.95).expect("enough effects")
        });
        // Three standard errors are 0.033.
        assert!((0.917..=0.983).contains(&pivotal) && usual < pivotal, "{count}: {pivotal} {usual}");
    }
}

// Four of thirteen lie in concert: the weighted interval loses the truth, the hull does not.
#[test]
fn with_liars_only_the_hull_covers() {
    let (count, faults) = (13, 4);
    let attacked = |random: &mut Philox| with_liars(honest(random, count - faults), faults);
    let hull = share(1_000, 4, |random| {
        let hull = stats::leave_out_hull(&attacked(random).0, faults, 0.95).expect("enough effects");
        covers(hull.low, hull.high)
    });
    let weighted = share(1_000, 4, |random| {
        let interval = pooled(&attacked(random), PooledMethod::HartungKnappAdHoc);
        covers(interval.low, interval.high)
    });
    assert!(hull >= 0.95, "{hull}");
    assert!(weighted < 0.75, "{weighted}");
}

// In a world without an effect the hull concludes that there is one in at most 2.5 %, whatever the liars say.
#[test]
fn liars_cannot_buy_a_conclusion() {
    for (count, faults) in [(7, 2), (13, 4)] {
        let bought = share(1_000, 5, |random| {
            let (mut estimates, variances) = honest(random, count - faults);
            for estimate in &mut estimates {
                *estimate -= TRUTH;
            }
            let (estimates, _) = with_liars((estimates, variances), faults);
            stats::leave_out_hull(&estimates, faults, 0.95).expect("enough effects").low > 0.0
        });
        assert!(bought <= 0.025 + 0.015, "{count}: {bought}");
    }
}
