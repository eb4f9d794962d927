//! Family `replication`, and the pairs of `published_ai`.

use stats::{HarmonicDirection, HarmonicMean, HarmonicWeights, Recalibration, ReplicationPair};

use super::checks::Checks;
use super::meta::numbers;
use super::schema::Case;

const RECALIBRATIONS: [(&str, Recalibration); 3] =
    [("nominal", Recalibration::Nominal), ("golden", Recalibration::Golden), ("controlled", Recalibration::Controlled)];

/// Rows of `eerp_sceptical` whose controlled p-values the reference has to 1.2e-4 absolute or relative only, the
/// tolerance of its integral, before it takes the root. The unit tests compare them with 30-digit arithmetic.
const ROUGH_ROWS: [usize; 8] = [2, 3, 5, 7, 9, 10, 13, 15];

/// Compares a case of originals and replications.
pub(crate) fn compare(checks: &mut Checks, case: &Case) {
    let input = |name: &str| case.input[name].as_f64();
    if let (Some(original), Some(original_error), Some(replication), Some(replication_error)) =
        (input("theta_o"), input("se_o"), input("theta_r"), input("se_r"))
    {
        let pair = ReplicationPair::new(original, original_error, replication, replication_error);
        return of_pair(checks, &pair.expect("the case has a pair"));
    }
    if let (Some(level), Some(ratio)) = (input("level"), input("c")) {
        // The controlled level of the reference ends at the tolerance of its root; the unit test has it.
        for (name, recalibration) in &RECALIBRATIONS[..2] {
            let recalibration = *recalibration;
            checks.figure(&format!("/{name}"), stats::sceptical_level(level, ratio, recalibration).ok());
        }
        return;
    }
    if let Some(originals) = numbers(&case.input["zo"]) {
        let (replications, ratios) = (numbers(&case.input["zr"]), numbers(&case.input["c"]));
        let rest = replications.expect("z-values").into_iter().zip(ratios.expect("ratios"));
        for (row, (original, (replication, ratio))) in originals.into_iter().zip(rest).enumerate() {
            let is_rough = case.id == "eerp_sceptical" && ROUGH_ROWS.contains(&row);
            let recalibrations = if is_rough { &RECALIBRATIONS[..2] } else { &RECALIBRATIONS[..] };
            sceptical(checks, &format!("/rows/{row}"), [original, replication, ratio], recalibrations);
        }
        return;
    }
    if let (Some(estimates), Some(errors)) = (numbers(&case.input["theta"]), numbers(&case.input["se"])) {
        harmonic_mean(checks, &estimates, &errors);
    }
}

fn sceptical(
    checks: &mut Checks,
    at: &str,
    [original, replication, ratio]: [f64; 3],
    recalibrations: &[(&str, Recalibration)],
) {
    checks.figure(&format!("{at}/z_sceptical"), stats::sceptical_z(original, replication, ratio).ok());
    for (name, recalibration) in recalibrations {
        let p = stats::sceptical_p_value(original, replication, ratio, *recalibration).expect("the case has z-values");
        checks.figure(&format!("{at}/one_sided/{name}"), Some(p));
        checks.figure(&format!("{at}/two_sided/{name}"), Some(2.0 * p.min(1.0 - p)));
    }
    checks.figure(&format!("{at}/edgington"), stats::edgington_p_value(original, replication).ok());
    let probability = stats::replication_probability(original, ratio).ok();
    checks.figure(&format!("{at}/replication_prob_two_sided"), probability);
}

fn of_pair(checks: &mut Checks, pair: &ReplicationPair) {
    checks.figure("/zo", Some(pair.original_z()));
    checks.figure("/zr", Some(pair.replication_z()));
    checks.figure("/c", Some(pair.variance_ratio()));
    checks.figure("/relative_effect", pair.relative_effect().ok());
    checks.figure("/p_sceptical_golden_one_sided", pair.sceptical_p_value(Recalibration::Golden).ok());
    checks.figure("/p_sceptical_nominal_one_sided", pair.sceptical_p_value(Recalibration::Nominal).ok());
    checks.figure("/Q_p", pair.q_p_value().ok());
    let predicted = pair.prediction_interval(0.95).expect("the level is right");
    checks.figure("/prediction_interval/lb", Some(predicted.low));
    checks.figure("/prediction_interval/ub", Some(predicted.high));
    checks.figure("/prediction_interval/mean", Some(predicted.estimate));
    checks.figure("/BF_sceptic_over_advocate", Some(pair.log_bayes_factor().exp()));
    checks.figure("/BF_truncated", pair.log_bayes_factor_one_sided().ok().map(f64::exp));
    checks.value("/two_trials_rule_025", pair.passes_two_trials_rule(0.025).expect("the level is right"));
}

fn harmonic_mean(checks: &mut Checks, estimates: &[f64], errors: &[f64]) {
    for (weighted, weights) in [("unweighted", HarmonicWeights::Equal), ("weighted", HarmonicWeights::Precision)] {
        let studies = HarmonicMean::new(estimates, errors, weights).expect("the case has studies");
        for (name, direction) in [
            ("greater", HarmonicDirection::Greater),
            ("less", HarmonicDirection::Less),
            ("two.sided", HarmonicDirection::Same),
            ("none", HarmonicDirection::Any),
        ] {
            checks.figure(&format!("/p/{name}/{weighted}"), studies.p_value(direction).ok());
        }
        if weights == HarmonicWeights::Precision {
            let interval = studies.interval(0.95).expect("the level is right");
            checks.figure("/ci_two_sided_weighted/lb", Some(interval.low));
            checks.figure("/ci_two_sided_weighted/ub", Some(interval.high));
        }
    }
}
