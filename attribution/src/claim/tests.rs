use super::*;

const CLAIM: &str = r#"
schema = 1
id = "orchestration"
claim = "Several agents at once keep delivery up."
protocol = "1"
organisations = ["a", "b", "c", "d", "e", "f", "g", "h"]
enrolment = "the keeper knows each of them"
margin_ratio = 1.2
faults = 2
looks = [{ count = 7, alpha = 0.02 }, { count = 8, alpha = 0.03 }]
"#;

#[test]
fn a_claim_is_its_terms() {
    let claim = Claim::read(CLAIM).expect("it can be read");
    let terms = claim.terms().expect("it was checked");
    assert_eq!((terms.enrolled, terms.faults, terms.alpha), (Some(8), Some(2), 0.05));
    assert!((terms.margins.log_ratio - 1.2_f64.ln()).abs() < 1e-15);
    assert_eq!(terms.looks.expect("they are declared").alpha_at(8), Some(0.03));
    assert_eq!(claim.metrics(), CRITERION);
    assert_eq!(claim.setting, Setting::Live);
}

#[test]
fn what_cannot_be_claimed_is_refused_by_its_key() {
    let refused = |from: &str, to: &str| {
        assert!(CLAIM.contains(from), "{from}");
        Claim::read(&CLAIM.replace(from, to)).expect_err("refused").to_string()
    };
    assert!(refused("schema = 1", "schema = 2").contains("`schema`"));
    assert!(refused("orchestration", "../up").contains("`id`"));
    assert!(refused("faults = 2", "faults = 3").contains("at most 2 may lie"));
    assert!(refused("\"b\"", "\"a\"").contains("`organisations`"));
    assert!(refused("1.2", "0.9").contains("`margin_ratio`"));
    assert!(refused("0.03", "0.04").contains("`looks`"));
    assert!(refused("protocol", "protokoll").contains("protokoll"));
    assert!(refused("faults = 2", "metrics = [\"Speed!\"]").contains("`Speed!`"));
}
