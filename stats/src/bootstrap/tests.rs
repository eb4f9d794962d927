use super::*;
use crate::quantiles::quantile_in_place;

fn median(values: &mut [f64]) -> Option<f64> {
    quantile_in_place(values, 0.5).ok()
}

/// Forty clusters of one to five values each, all in a cluster shifted alike.
fn clustered() -> (Vec<f64>, Vec<u64>) {
    let mut random = Philox::new(42, 0);
    let (mut values, mut clusters) = (Vec::new(), Vec::new());
    for cluster in 0..40 {
        let shift = random.unit();
        for _ in 0..=cluster % 5 {
            values.push(shift + 0.1 * random.unit());
            clusters.push(cluster);
        }
    }
    (values, clusters)
}

#[test]
fn one_seed_gives_one_answer_in_any_order() {
    let (mut values, mut clusters) = clustered();
    let first = cluster_bootstrap_bca(&values, &clusters, median, 500, 3, 0.95);
    values.reverse();
    clusters.reverse();
    assert_eq!(first, cluster_bootstrap_bca(&values, &clusters, median, 500, 3, 0.95));
    assert_ne!(first, cluster_bootstrap_bca(&values, &clusters, median, 500, 4, 0.95));
}

#[test]
fn a_replicate_does_not_depend_on_how_many_there_are() {
    let (values, clusters) = clustered();
    let few = cluster_bootstrap(&values, &clusters, median, 10, 3).expect("there are clusters");
    let many = cluster_bootstrap(&values, &clusters, median, 30, 3).expect("there are clusters");
    assert_eq!(few, many[..10]);
}

// For a mean over clusters of one value each the bootstrap variance is known: Σ(x − x̄)² / n².
#[test]
fn replicates_spread_as_they_should() {
    let values: Vec<f64> = (0..25).map(|i| f64::from(i * i)).collect();
    let names: Vec<usize> = (0..25).collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let replicates = cluster_bootstrap(&values, &names, |values| Some(mean(values)), 20_000, 1).expect("clusters");
    let centre = mean(&values);
    let expected = values.iter().map(|value| (value - centre) * (value - centre)).sum::<f64>() / 625.0;
    let middle = mean(&replicates);
    let variance = replicates.iter().map(|value| (value - middle) * (value - middle)).sum::<f64>() / 19_999.0;
    // Five standard errors of a variance from 20,000 replicates are 5 √(2 / 20,000) = 5 %.
    assert!((variance / expected - 1.0).abs() < 0.05, "{variance} for {expected}");
    assert!((middle - centre).abs() < 5.0 * (expected / 20_000.0).sqrt());
}

#[test]
fn values_of_a_cluster_stay_together() {
    let replicates = cluster_bootstrap(
        &[1.0, 1.0, 10.0, 10.0, 100.0, 100.0],
        &["a", "a", "b", "b", "c", "c"],
        |values| Some(values.iter().sum()),
        200,
        9,
    )
    .expect("there are clusters");
    // Sums of three numbers out of 2, 20 and 200.
    assert!(replicates.iter().all(|sum| (sum % 2.0).abs() < 1e-12));
    assert!(replicates.iter().any(|sum| (sum - 6.0).abs() < 1e-12));
}

#[test]
fn acceleration_is_a_sixth_of_the_skewness_of_the_jackknife() {
    let one_outlier = [0.0, 0.0, 0.0, -4.0];
    // Deviations −1, −1, −1, 3: cubes 24, squares 12.
    let expected = 24.0 / (6.0 * 12.0 * 12.0_f64.sqrt());
    assert!((acceleration(&[&one_outlier]).expect("two values") - expected).abs() < 1e-15);
    assert_eq!(acceleration(&[&[2.0, 2.0]]), Ok(0.0));
}

#[test]
fn degenerate_plans_are_errors() {
    let plan = |values: &[f64], names: &[u8], replicates| {
        cluster_bootstrap_bca(values, names, median, replicates, 1, 0.95).expect_err("the plan is degenerate")
    };
    assert_eq!(plan(&[], &[], 100), BootstrapError::TooFewClusters { clusters: 0 });
    assert_eq!(plan(&[1.0, 2.0], &[7, 7], 100), BootstrapError::TooFewClusters { clusters: 1 });
    assert_eq!(plan(&[1.0], &[7, 8], 100), BootstrapError::LengthMismatch { values: 1, clusters: 2 });
    assert_eq!(plan(&[5.0, 5.0], &[7, 8], 100), BootstrapError::NoSpread);
    assert!(matches!(plan(&[5.0, 6.0], &[7, 8], 39), BootstrapError::TooFewReplicates { replicates: 39, .. }));
}

#[test]
fn an_undefined_statistic_says_where() {
    let undefined = |statistic: fn(&mut [f64]) -> Option<f64>| {
        cluster_bootstrap_bca(&[1.0, 2.0, 3.0], &[1, 2, 3], statistic, 100, 1, 0.95).expect_err("it is undefined")
    };
    assert_eq!(undefined(|_| None), BootstrapError::Undefined { place: ResamplePlace::Data });
    assert_eq!(undefined(|_| Some(f64::INFINITY)), BootstrapError::Undefined { place: ResamplePlace::Data });
    let distinct = |values: &mut [f64]| (values.iter().sum::<f64>() <= 6.0).then(|| values[0]);
    assert!(matches!(undefined(distinct), BootstrapError::Undefined { place: ResamplePlace::Replicate(_) }));
}

#[test]
fn corrections_without_an_answer_are_errors() {
    let replicates: Vec<f64> = (0..100).map(f64::from).collect();
    let jackknife = [1.0, 2.0, 3.0];
    assert_eq!(bca_interval(-1.0, &replicates, &[&jackknife], 0.95), Err(BootstrapError::OneSided));
    assert_eq!(bca_interval(100.0, &replicates, &[&jackknife], 0.95), Err(BootstrapError::OneSided));
    let mut skewed = [0.0; 200];
    skewed[0] = -1.0;
    let error = bca_interval(50.0, &replicates, &[&skewed], 0.999_9).expect_err("a hundred are too few");
    assert!(matches!(error, BootstrapError::TooFewReplicates { .. }));
    let many: Vec<f64> = (0..100_000).map(f64::from).collect();
    let error = bca_interval(99_998.5, &many, &[&skewed], 0.999_9).expect_err("it is past the pole");
    assert!(matches!(error, BootstrapError::Acceleration { .. }), "{error}");
}
