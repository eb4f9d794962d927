//! Cases of two shares or two rates.

use stats::{EffectSize, Interval, Proportion, Rate, RatioInterval, ScoreMethod, Wald};

use super::checks::Checks;
use super::schema::Case;

const CONFIDENCE: f64 = 0.95;

pub(crate) fn shares(checks: &mut Checks, case: &Case) {
    let number = |name: &str| case.input[name].as_u64();
    let (Some(x1), Some(n1), Some(x2), Some(n2)) = (number("x1"), number("n1"), number("x2"), number("n2")) else {
        return;
    };
    let (first, second) = (Proportion { events: x1, subjects: n1 }, Proportion { events: x2, subjects: n2 });
    let newcombe = stats::newcombe_interval(first, second, CONFIDENCE).expect("the groups have subjects");
    checks.figure("/diff", Some(newcombe.estimate));
    checks.figure("/newcombe/lb", Some(newcombe.low));
    checks.figure("/newcombe/ub", Some(newcombe.high));
    let methods = [ScoreMethod::MiettinenNurminen, ScoreMethod::Plain, ScoreMethod::SkewnessCorrected];
    for (method, name) in methods.into_iter().zip(["miettinen_nurminen_rd", "mee_rd", "scas_rd"]) {
        let interval = stats::risk_difference_interval(first, second, method, CONFIDENCE).expect("there are subjects");
        figures(checks, name, &interval);
    }
    for (method, name) in methods.into_iter().zip(["miettinen_nurminen_rr", "koopman_rr"]) {
        let interval = stats::risk_ratio_interval(first, second, method, CONFIDENCE).expect("there are subjects");
        ratio(checks, name, &interval);
    }
    let odds = stats::odds_ratio_interval(first, second, ScoreMethod::MiettinenNurminen, CONFIDENCE);
    ratio(checks, "miettinen_nurminen_or", &odds.expect("there are subjects"));
    let fisher = stats::fisher_exact_test(first, second, CONFIDENCE).expect("there are subjects");
    checks.figure("/fisher/p", Some(fisher.p_two_sided));
    // R looks for these roots only to a distance of 1.2e-4, below 1 and by their inverses above; our tests hold them
    // against 60-digit arithmetic.
    let below_one = |ratio: f64| if ratio > 1.0 { 1.0 / ratio } else { ratio };
    let mut odds = |name: &str, figure| checks.searched(&format!("/fisher/{name}"), figure, 1.3e-4, below_one);
    // Where nobody has the event every ratio fits, and the 0 of the case is only where its search begins.
    if x1 + x2 > 0 {
        odds("or_cond_mle", fisher.odds_ratio.estimate);
    }
    odds("or_lb", Some(fisher.odds_ratio.low));
    odds("or_ub", fisher.odds_ratio.high);
    margins(checks, case, first, second);
}

pub(crate) fn rates(checks: &mut Checks, first: Rate, second: Rate) {
    let exact = stats::rate_ratio_exact_interval(first, second, CONFIDENCE).expect("there is exposure");
    checks.figure("/exact_conditional/ratio", exact.estimate);
    checks.figure("/exact_conditional/lb", Some(exact.low));
    checks.figure("/exact_conditional/ub", exact.high);
    let test = stats::rate_ratio_exact_test(first, second, 1.0).expect("there is exposure");
    checks.figure("/exact_conditional/p_two_sided", Some(test.p_two_sided));
    for (method, name) in [(ScoreMethod::Plain, "score_rr"), (ScoreMethod::SkewnessCorrected, "scas_rr")] {
        let interval = stats::rate_ratio_score_interval(first, second, method, CONFIDENCE);
        ratio(checks, name, &interval.expect("there is exposure"));
    }
    let interval = stats::rate_difference_score_interval(first, second, ScoreMethod::Plain, CONFIDENCE);
    figures(checks, "score_rd", &interval.expect("there is exposure"));
    if let Ok(EffectSize { estimate, variance }) =
        stats::log_rate_ratio(first.events, first.exposure, second.events, second.exposure)
    {
        let wald = Wald { estimate, standard_error: variance.sqrt(), degrees_of_freedom: None };
        let limits = wald.interval(CONFIDENCE).expect("the level is between 0 and 1");
        checks.figure("/wald_log/ratio", Some(libm::exp(estimate)));
        checks.figure("/wald_log/se_log", Some(wald.standard_error));
        checks.figure("/wald_log/lb", Some(libm::exp(limits.low)));
        checks.figure("/wald_log/ub", Some(libm::exp(limits.high)));
        checks.figure("/wald_log/p", wald.p_two_sided().ok());
    }
}

fn margins(checks: &mut Checks, case: &Case, first: Proportion, second: Proportion) {
    for (name, figures) in case.expected.as_object().expect("the case has figures") {
        let Some(margin) = figures["theta0"].as_f64() else { continue };
        let test = stats::risk_difference_test(first, second, margin, ScoreMethod::MiettinenNurminen)
            .expect("the margin is between -1 and 1");
        checks.figure(&format!("/{name}/theta0"), Some(margin));
        checks.figure(&format!("/{name}/z"), Some(test.z));
        checks.figure(&format!("/{name}/p_left"), Some(test.p_below));
        checks.figure(&format!("/{name}/p_right"), Some(test.p_above));
    }
    // Where nobody has the event, Pearson's statistic is 0 over 0, and ours is 0: nothing speaks against equality.
    if !case.expected["pearson_chisq"]["stat"].is_null() {
        let test = stats::risk_difference_test(first, second, 0.0, ScoreMethod::Plain).expect("there are subjects");
        checks.figure("/pearson_chisq/stat", Some(test.z * test.z));
        checks.figure("/pearson_chisq/p", Some(test.p_two_sided()));
    }
}

fn figures(checks: &mut Checks, name: &str, interval: &Interval) {
    checks.figure(&format!("/{name}/est"), Some(interval.estimate));
    checks.figure(&format!("/{name}/lb"), Some(interval.low));
    checks.figure(&format!("/{name}/ub"), Some(interval.high));
}

fn ratio(checks: &mut Checks, name: &str, interval: &RatioInterval) {
    checks.figure(&format!("/{name}/est"), interval.estimate);
    checks.figure(&format!("/{name}/lb"), Some(interval.low));
    checks.figure(&format!("/{name}/ub"), interval.high);
}
