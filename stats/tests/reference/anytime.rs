//! Family `anytime`: boundaries and tests that hold at every look.

use stats::{MixtureTest, NormalMixture, RatioDecision, RatioTest};

use super::checks::Checks;
use super::meta::numbers;
use super::schema::Case;

/// Compares a case of a sequential method.
pub(crate) fn compare(checks: &mut Checks, case: &Case) {
    match case.id.as_str() {
        "shared/uniform_boundaries" => boundaries(checks, case),
        "shared/msprt_normal" => mixture_test(checks, case),
        "shared/sprt_bernoulli" => ratio_test(checks, case),
        _ => {}
    }
}

fn input(case: &Case, name: &str) -> f64 {
    case.input[name].as_f64().unwrap_or_else(|| panic!("the case has no `{name}`"))
}

fn boundaries(checks: &mut Checks, case: &Case) {
    let (best_at, best_alpha) = (input(case, "v_opt"), input(case, "alpha_opt"));
    let two_sided = NormalMixture::narrowest_at(best_at, best_alpha).expect("a variance");
    let one_sided = NormalMixture::narrowest_one_sided_at(best_at, best_alpha).expect("a variance");
    let variances = numbers(&case.input["v"]).expect("variances");
    let mut row = 0;
    for alpha in numbers(&case.input["alpha"]).expect("levels") {
        for v in &variances {
            let mut figure = |key: &str, bound: Result<f64, stats::SequentialError>| {
                checks.figure(&format!("/{key}/{row}"), bound.ok());
            };
            figure("normal_mixture_two_sided", two_sided.two_sided(*v, alpha));
            figure("normal_mixture_one_sided", one_sided.one_sided(*v, alpha));
            figure("poly_stitching_vmin_vopt_c0", stats::stitched_boundary(*v, alpha, best_at, 0.0));
            figure("gamma_exponential_c1", stats::gamma_exponential_boundary(*v, alpha, one_sided, 1.0));
            row += 1;
        }
    }
}

fn mixture_test(checks: &mut Checks, case: &Case) {
    let x = numbers(&case.input["x"]).expect("values");
    let (sigma, alpha) = (input(case, "sigma"), input(case, "alpha"));
    let test = MixtureTest::new(sigma * sigma, input(case, "theta0"), input(case, "tau2")).expect("variances");
    let some = |values: Vec<f64>| values.into_iter().map(Some).collect::<Vec<_>>();
    let evidence = test.log_e_values(&x).expect("values");
    checks.vector("/lambda_n", &some(evidence.iter().map(|log| log.exp()).collect()));
    let p_values = test.p_values(&x).expect("values");
    let first = p_values.iter().position(|p| *p <= alpha);
    checks.figure("/first_reject_n", first.map(|place| (place + 1) as f64));
    checks.vector("/always_valid_p", &some(p_values));
    let intervals = test.intervals(&x, alpha).expect("values");
    checks.vector("/cs_lower", &some(intervals.iter().map(|bounds| bounds.low).collect()));
    checks.vector("/cs_upper", &some(intervals.iter().map(|bounds| bounds.high).collect()));
}

fn ratio_test(checks: &mut Checks, case: &Case) {
    let own = |name| input(case, name);
    let test = RatioTest::new(own("p0"), own("p1"), own("alpha"), own("beta")).expect("probabilities");
    let trials: Vec<bool> = numbers(&case.input["x"]).expect("trials").iter().map(|trial| *trial > 0.5).collect();
    let outcome = test.run(&trials);
    let (upper, lower) = test.bounds();
    checks.figure("/log_A", Some(upper));
    checks.figure("/log_B", Some(lower));
    checks.vector("/llr", &outcome.log_ratios.iter().copied().map(Some).collect::<Vec<_>>());
    let (word, at) = match outcome.decision {
        RatioDecision::Alternative(at) => ("accept_H1", Some(at as f64)),
        RatioDecision::Null(at) => ("accept_H0", Some(at as f64)),
        RatioDecision::Undecided => ("continue", None),
    };
    checks.value("/decision", word);
    checks.figure("/at", at);
}
