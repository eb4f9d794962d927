use super::bootstrap::quantiles_of_samples;
use super::*;
use crate::bootstrap::{
    BootstrapError, Numbered, ResamplePlace, cluster_bootstrap, cluster_bootstrap_bca, multiplicity_replicates,
};
use crate::distributions::{normal_quantile, normal_upper_tail};
use crate::random::Philox;
use crate::survival::KaplanMeier;
use QuantileEstimate::{At, GreaterThan};

fn complete(censoring_time: f64, total: f64, delay: f64) -> Subject {
    Subject { censoring_time, completion: Some(Completion { total, delay }) }
}

fn waiting(censoring_time: f64) -> Subject {
    Subject { censoring_time, completion: None }
}

fn fit(subjects: &[Subject]) -> CensoredQuantile {
    CensoredQuantile::fit(subjects).expect("the subjects are complete")
}

#[test]
fn without_censoring_it_is_the_empirical_distribution() {
    let totals = [5.0, 1.0, 3.0, 2.0, 4.0, 8.0];
    let distribution = fit(&totals.map(|total| complete(100.0, total, total / 2.0)));
    assert_eq!(distribution.quantile(0.5), Ok(At(3.5)));
    assert_eq!(distribution.quantile(0.51), Ok(At(4.0)));
    assert_eq!(distribution.quantile(1.0 / 3.0), Ok(At(2.5)));
    assert!((distribution.total_mass() - 1.0).abs() < 1e-15);
}

#[test]
fn long_delays_that_end_in_time_need_no_weight() {
    // Every censoring time is at least every delay: all weights are 1, however unequal the censoring times.
    let subjects = [complete(9.0, 20.0, 1.0), complete(1.5, 30.0, 1.5), complete(40.0, 40.0, 0.5)];
    assert_eq!(fit(&subjects).quantile(0.5), Ok(At(30.0)));
}

#[test]
fn a_delay_equal_to_its_censoring_time_is_seen() {
    let distribution = fit(&[complete(2.0, 7.0, 2.0), waiting(1.0)]);
    // One of two could have shown a delay of 2, and did.
    assert!((distribution.total_mass() - 1.0).abs() < 1e-15);
}

#[test]
fn ties_add_up() {
    let distribution = fit(&[complete(9.0, 3.0, 1.0), complete(9.0, 3.0, 2.0), complete(9.0, 8.0, 1.0), waiting(0.5)]);
    assert_eq!(distribution.quantile(0.3), Ok(At(3.0)));
}

#[test]
fn negative_delays_are_never_censored() {
    let distribution = fit(&[complete(9.0, 3.0, -1.0), waiting(4.0)]);
    assert!((distribution.total_mass() - 0.5).abs() < 1e-15);
}

#[test]
fn what_is_not_reached_is_bounded_from_below() {
    assert_eq!(fit(&[waiting(3.0), waiting(5.0)]).quantile(0.1), Ok(GreaterThan(5.0)));
    // A quarter is seen at 2; what is missing may lie anywhere beyond 6.
    let subjects = [complete(6.0, 2.0, 1.0), waiting(4.0), waiting(3.0), waiting(2.0)];
    assert_eq!(fit(&subjects).quantile(0.5), Ok(GreaterThan(6.0)));
    // Half is seen at 2, a quarter at 50; even if the missing quarter lies just beyond 6, nine tenths lie beyond 50.
    let subjects = [complete(6.0, 2.0, 1.0), complete(6.0, 2.0, 1.0), complete(6.0, 50.0, 1.0), waiting(5.0)];
    assert_eq!(fit(&subjects).quantile(0.9), Ok(GreaterThan(50.0)));
    assert_eq!(fit(&subjects).quantile(0.7), Ok(At(50.0)));
}

#[test]
fn bad_subjects_and_levels_are_errors() {
    assert_eq!(CensoredQuantile::fit(&[]), Err(CensoredQuantileError::NoSubjects));
    let beyond = CensoredQuantileError::DelayBeyondCensoring { delay: 2.0, censoring_time: 1.0 };
    assert_eq!(CensoredQuantile::fit(&[complete(1.0, 3.0, 2.0)]), Err(beyond));
    let beyond = CensoredQuantileError::DelayBeyondTotal { delay: 2.0, total: 1.0 };
    assert_eq!(CensoredQuantile::fit(&[complete(3.0, 1.0, 2.0)]), Err(beyond));
    for time in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(CensoredQuantile::fit(&[waiting(time)]), Err(CensoredQuantileError::Time { .. })));
        assert!(matches!(CensoredQuantile::fit(&[complete(9.0, time, -9.0)]), Err(CensoredQuantileError::Time { .. })));
    }
    for probability in [0.0, 1.0, f64::NAN] {
        let quantile = fit(&[complete(1.0, 1.0, 1.0)]).quantile(probability);
        assert!(matches!(quantile, Err(CensoredQuantileError::Probability { .. })));
    }
}

/// A week of subjects seen until its end: `M` log-normal, `D` uniform, and `C` uniform over the week, in hours.
mod planted {
    pub(super) const MEDIAN: f64 = 36.0;
    pub(super) const LOG_SPREAD: f64 = 1.6;
    pub(super) const LONGEST_DELAY: f64 = 150.0;
    pub(super) const WEEK: f64 = 168.0;
}

/// The true share of totals up to `total`, by the midpoint rule over the delay.
fn true_share(total: f64) -> f64 {
    let points = 4_000;
    let share = |delay: f64| {
        let before = total - delay;
        if before <= 0.0 {
            return 0.0;
        }
        normal_upper_tail(-libm::log(before / planted::MEDIAN) / planted::LOG_SPREAD).expect("a number")
    };
    let step = planted::LONGEST_DELAY / f64::from(points);
    (0..points).map(|point| share((f64::from(point) + 0.5) * step)).sum::<f64>() / f64::from(points)
}

fn true_quantile(probability: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1e5);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if true_share(middle) < probability { low = middle } else { high = middle }
    }
    low
}

/// Draws subjects, and for each the duration and the flag that a plain product-limit estimate of the total would use.
fn draw(count: u64, seed: u64) -> (Vec<Subject>, Vec<f64>, Vec<bool>) {
    let mut random = Philox::new(seed, 0);
    let (mut subjects, mut durations, mut observed) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..count {
        let z = normal_quantile(random.unit().max(f64::EPSILON)).expect("the draw is inside");
        let before = planted::MEDIAN * libm::exp(planted::LOG_SPREAD * z);
        let delay = planted::LONGEST_DELAY * random.unit();
        let censoring_time = planted::WEEK * random.unit();
        let seen = delay <= censoring_time;
        subjects.push(if seen { complete(censoring_time, before + delay, delay) } else { waiting(censoring_time) });
        durations.push(before + delay.min(censoring_time));
        observed.push(seen);
    }
    (subjects, durations, observed)
}

#[test]
fn planted_quantiles_are_recovered_where_the_product_limit_is_biased() {
    let (subjects, durations, observed) = draw(20_000, 20_260_105);
    let censored = observed.iter().filter(|seen| !**seen).count() as f64 / 20_000.0;
    assert!((0.4..0.5).contains(&censored), "{censored} are censored");
    let weighted = fit(&subjects);
    let product_limit = KaplanMeier::fit(&durations, &observed).expect("the subjects are complete");
    // Tolerances are some four standard errors of the weighted estimate, seen over a dozen seeds.
    for (probability, tolerance, bias) in [(0.5, 0.03, 0.12), (0.75, 0.06, 0.6), (0.9, 0.2, 1.2)] {
        let truth = true_quantile(probability);
        let error = |estimate: QuantileEstimate| estimate.reached().expect("it is reached") / truth - 1.0;
        let weighted = error(weighted.quantile(probability).expect("the level is right"));
        let naive = error(product_limit.quantile(probability).expect("the level is right"));
        assert!(weighted.abs() < tolerance, "weighted estimate of p{probability} is off by {weighted}");
        // It comes out about 18, 95 and 210 % too long.
        assert!(naive > bias, "the product-limit estimate of p{probability} is off by {naive} only");
    }
}

/// Four hundred planted subjects in a hundred clusters.
fn clustered() -> (Vec<Subject>, Vec<usize>) {
    let (subjects, ..) = draw(400, 7);
    (subjects, (0..400).map(|subject| subject * subject % 101).collect())
}

fn fitted(probability: f64) -> impl Fn(&mut [Subject]) -> Option<f64> {
    move |drawn| CensoredQuantile::fit(drawn).ok()?.quantile(probability).ok()?.reached()
}

#[test]
fn replicates_are_those_of_fits_to_the_last_bit() {
    let (subjects, clusters) = clustered();
    let numbered = Numbered::of(subjects.len(), &clusters).expect("there are clusters");
    let ordered = Ordered::of(&subjects, &numbered.clusters).expect("the subjects are complete");
    // Together, and not in order.
    let probabilities = [0.5, 0.1, 0.75];
    let mut statistics = quantiles_of_samples(&ordered, &probabilities);
    let counted = multiplicity_replicates(numbered.count, 3, &mut statistics, 300, 5);
    for (place, probability) in probabilities.into_iter().enumerate() {
        let oracle = cluster_bootstrap(&subjects, &clusters, fitted(probability), 300, 5).expect("all reach it");
        let counted = counted.of_statistic(place, ResamplePlace::Replicate).expect("all reach it");
        assert!(oracle.iter().map(|value| value.to_bits()).eq(counted.iter().map(|value| value.to_bits())));
    }
}

/// The intervals of several quantiles are those of each alone, and one that is not reached takes none of the others.
#[test]
fn several_intervals_are_those_of_each_alone() {
    let (subjects, clusters) = clustered();
    let probabilities = [0.5, 0.9999, 0.25];
    let together = censored_quantiles_bca(&subjects, &clusters, &probabilities, 400, 3, 0.95).expect("a sound plan");
    let alone = probabilities.map(|one| censored_quantile_bca(&subjects, &clusters, one, 400, 3, 0.95));
    assert!(alone[0].is_ok() && alone[1].is_err() && alone[2].is_ok(), "{alone:?}");
    for (together, alone) in together.into_iter().zip(alone) {
        assert_eq!(together.map_err(CensoredBootstrapError::from), alone);
    }
}

#[test]
fn heights_are_those_of_a_fit_to_the_last_bit() {
    let (subjects, clusters) = clustered();
    let numbered = Numbered::of(subjects.len(), &clusters).expect("there are clusters");
    let ordered = Ordered::of(&subjects, &numbered.clusters).expect("the subjects are complete");
    let multiplicities: Vec<usize> = (0..numbered.count).map(|cluster| cluster * 7 % 4).collect();
    let drawn: Vec<Subject> = subjects
        .iter()
        .zip(&numbered.clusters)
        .flat_map(|(subject, &cluster)| std::iter::repeat_n(*subject, multiplicities[cluster]))
        .collect();
    let mut observable = Vec::new();
    ordered.count_observable(&multiplicities, &mut observable);
    let mut counted: Vec<(f64, f64)> = ordered.steps(&multiplicities, &observable).collect();
    // A total that was not drawn repeats the height before it.
    counted.dedup_by_key(|step| step.1.to_bits());
    assert_eq!(counted, fit(&drawn).steps);
}

// Small samples meet the level exactly, also on the last flat piece, and hold only some of the times.
#[test]
fn every_small_sample_has_the_quantile_of_its_fit() {
    let subjects =
        [complete(6.0, 2.0, 1.0), complete(9.0, 3.0, 1.0), complete(4.0, 50.0, 2.0), waiting(5.0), waiting(70.0)];
    let ordered = Ordered::of(&subjects, &[0, 1, 2, 3, 4]).expect("the subjects are complete");
    let probabilities = [1e-9, 0.25, 1.0 / 3.0, 0.5, 0.75];
    let mut counted = quantiles_of_samples(&ordered, &probabilities);
    for sample in 1..243 {
        let multiplicities = [1, 3, 9, 27, 81].map(|place| sample / place % 3);
        let copies = |(subject, times): (&Subject, &usize)| std::iter::repeat_n(*subject, *times);
        let drawn: Vec<Subject> = subjects.iter().zip(&multiplicities).flat_map(copies).collect();
        let mut quantiles = [None; 5];
        counted(&multiplicities, &mut quantiles);
        let oracle = probabilities.map(|probability| fitted(probability)(&mut drawn.clone()));
        assert_eq!(quantiles, oracle, "{multiplicities:?}");
    }
}

#[test]
fn the_interval_is_that_of_fits_in_any_order() {
    let (mut subjects, mut clusters) = clustered();
    let counted = censored_quantile_bca(&subjects, &clusters, 0.5, 400, 3, 0.95);
    let oracle = cluster_bootstrap_bca(&subjects, &clusters, fitted(0.5), 400, 3, 0.95);
    assert_eq!(counted, oracle.map_err(CensoredBootstrapError::from));
    assert!(counted.is_ok(), "{counted:?}");
    subjects.reverse();
    clusters.reverse();
    assert_eq!(counted, censored_quantile_bca(&subjects, &clusters, 0.5, 400, 3, 0.95));
    assert_ne!(counted, censored_quantile_bca(&subjects, &clusters, 0.5, 400, 4, 0.95));
}

#[test]
fn an_interval_without_an_answer_says_why() {
    let plan = |subjects: &[Subject], clusters: &[u8], probability, replicates, confidence| {
        censored_quantile_bca(subjects, clusters, probability, replicates, 1, confidence).expect_err("it has no answer")
    };
    let undefined = |place| CensoredBootstrapError::from(BootstrapError::Undefined { place });
    let three = [complete(9.0, 3.0, 1.0), complete(9.0, 4.0, 2.0), complete(9.0, 8.0, 2.0)];
    let one = [complete(9.0, 3.0, 1.0), complete(9.0, 4.0, 2.0), waiting(9.0)];
    assert_eq!(plan(&three, &[1, 2], 0.5, 99, 0.9), BootstrapError::LengthMismatch { values: 3, clusters: 2 }.into());
    assert_eq!(plan(&three, &[1, 1, 1], 0.5, 99, 0.9), BootstrapError::TooFewClusters { clusters: 1 }.into());
    assert_eq!(plan(&[], &[], 0.5, 99, 0.9), BootstrapError::TooFewClusters { clusters: 0 }.into());
    let few = plan(&three, &[1, 2, 3], 0.5, 9, 0.9);
    assert!(matches!(few, CensoredBootstrapError::Bootstrap(BootstrapError::TooFewReplicates { replicates: 9, .. })));
    let level = plan(&three, &[1, 2, 3], 0.5, 99, 1.0);
    assert!(matches!(level, CensoredBootstrapError::Bootstrap(BootstrapError::Confidence(_))));
    assert_eq!(plan(&three, &[1, 2, 3], 1.0, 99, 0.9), CensoredQuantileError::Probability { probability: 1.0 }.into());
    let beyond = CensoredQuantileError::DelayBeyondTotal { delay: 2.0, total: 1.0 };
    assert_eq!(plan(&[complete(3.0, 1.0, 2.0), waiting(1.0)], &[1, 2], 0.5, 99, 0.9), beyond.into());
    // Two of three are seen: nine tenths are not reached, two tenths not by a replicate of the third alone.
    assert_eq!(plan(&one, &[1, 2, 3], 0.9, 99, 0.9), undefined(ResamplePlace::Data));
    let replicate = plan(&one, &[1, 2, 3], 0.2, 99, 0.9);
    let place = cluster_bootstrap(&one, &[1, 2, 3], fitted(0.2), 99, 1).expect_err("one is of the third alone");
    assert_eq!(replicate, place.into());
    assert!(matches!(place, BootstrapError::Undefined { place: ResamplePlace::Replicate(_) }));
}
