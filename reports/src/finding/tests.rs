use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use attribution::{BaselineCheck, Class, DesignGrade, FindingTerms, Limits, MetricEffect, Scale, Verdict};
use derive::windows::Window;
use derive::{Observation, Observations, ObservedWeek, ServiceObservations};
use lake::Instant;
use lake::tables::interventions;

use super::*;
use crate::html::tests::{HOSTILE, assert_balanced, tags};

const WEEK: i64 = 604_800 * Instant::MICROS;
const HOUR: f64 = 3600.0;
/// Monday 2026-01-05, midnight.
const MONDAY: i64 = 1_767_571_200 * Instant::MICROS;
const PRACTICE: &str = "pairing";

/// A made-up organisation: in the week `began`, those of `services` of which it is said take up a practice, and from then
/// on are `speed` times as fast.
struct World {
    weeks: i64,
    services: usize,
    /// The week in which a service begins, if it does.
    began: fn(usize) -> Option<i64>,
    speed: f64,
    /// Rollouts a week.
    rollouts: u64,
}

impl World {
    fn observations(&self) -> Observations {
        let name = |service: usize| format!("svc-{service:02}");
        let end = Instant(MONDAY + self.weeks * WEEK);
        let begun = (0..self.services).filter_map(|service| Some((service, (self.began)(service)?)));
        Observations {
            as_of: Instant(end.0 + 30 * WEEK),
            mature_until: end,
            period: Window { start: Instant(MONDAY), end },
            lake_version: 7,
            input_digest: "0f1e2d3c".repeat(8),
            services: (0..self.services).map(|service| (name(service), self.service(service))).collect(),
            interventions: begun
                .map(|(service, week)| interventions::Row {
                    intervention_id: format!("i{service}"),
                    service: Some(name(service)),
                    practice: PRACTICE.to_owned(),
                    practice_version: Some("v1".to_owned()),
                    started_at: Instant(MONDAY + week * WEEK),
                    ended_at: None,
                    evidence: "test".to_owned(),
                })
                .collect(),
            attributes: Vec::new(),
        }
    }

    fn service(&self, service: usize) -> ServiceObservations {
        let mut state = 1 + service as u64;
        let mut metrics: BTreeMap<String, Vec<Observation>> = BTreeMap::new();
        for week in 0..self.weeks {
            let speed = (self.began)(service).filter(|began| week >= *began).map_or(1.0, |_| self.speed);
            for rollout in 0..self.rollouts + draw(&mut state) % 4 + if speed > 1.0 { 2 } else { 0 } {
                let at = Instant(MONDAY + week * WEEK + i64::try_from(rollout).unwrap() * 3600 * Instant::MICROS);
                let mut add = |metric: &str, is_counted: bool, seconds: Option<f64>| {
                    metrics.entry(metric.to_owned()).or_default().push(Observation {
                        subject_id: format!("{service}-{week}-{rollout}"),
                        at,
                        is_counted: Some(is_counted),
                        total_seconds: seconds,
                        delay_seconds: seconds.map(|seconds| seconds / 2.0),
                    });
                };
                let mut hours = |mean: f64| Some(mean * HOUR / speed * (0.5 + (draw(&mut state) % 100) as f64 / 100.0));
                add("forward_deployment_frequency", true, None);
                add("deployment_frequency", true, None);
                add("change_lead_time", true, hours(30.0));
                let has_failed = hours(1.0).is_some_and(|seconds| seconds * speed < 0.7 * HOUR / speed.sqrt());
                add("change_fail_rate", has_failed, None);
                if has_failed {
                    add("failed_deployment_recovery_time", true, hours(2.0));
                }
            }
        }
        let window =
            |week: i64| Window { start: Instant(MONDAY + week * WEEK), end: Instant(MONDAY + (week + 1) * WEEK) };
        let weeks =
            (0..self.weeks).map(|week| ObservedWeek { window: window(week), deployment_days: 7.0, incident_days: 7.0 });
        ServiceObservations { environment: "production".to_owned(), weeks: weeks.collect(), metrics }
    }
}

fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

fn found(world: &World, terms: &FindingTerms) -> Finding {
    attribution::find(&world.observations(), PRACTICE, terms).expect("the practice is on record")
}

fn context() -> ReportContext {
    ReportContext {
        title: "Delivery".to_owned(),
        command: "doracle compare --practice pairing".to_owned(),
        version: "0.1.0".to_owned(),
        simulated: None,
        benchmarks: None,
        group: None,
        zone: chrono_tz::UTC,
        sources: Vec::new(),
        findings: Vec::new(),
    }
}

const HALF: World =
    World { weeks: 60, services: 14, began: |service| (service % 2 == 0).then_some(30), speed: 1.5, rollouts: 4 };

/// Verbs that speak of a cause, or as if there were one.
const CAUSAL: [&str; 12] = [
    "caus",
    "improved",
    "worsened",
    "brought about",
    "led to",
    "leads to",
    "resulted in",
    "because of",
    "due to",
    "thanks to",
    "did no harm",
    "helped",
];
const GRADES: [DesignGrade; 5] = [DesignGrade::A, DesignGrade::B, DesignGrade::C, DesignGrade::D, DesignGrade::E];
const VERDICTS: [Verdict; 6] = [
    Verdict::Improves,
    Verdict::KeepsUp,
    Verdict::Worsens,
    Verdict::Inconclusive,
    Verdict::InsufficientData,
    Verdict::Disputed,
];

fn usual() -> FindingTerms {
    FindingTerms { replicates: 99, ..FindingTerms::default() }
}

fn wide() -> FindingTerms {
    FindingTerms { margin_ratio: 1.5, margin_difference: 0.1, ..usual() }
}

fn page(found: &Finding) -> Report {
    finding(found, &context()).expect("a finding makes a page")
}

/// The finding of [`HALF`] in the usual terms, made once.
fn half() -> Finding {
    static FOUND: LazyLock<Finding> = LazyLock::new(|| found(&HALF, &usual()));
    FOUND.clone()
}

/// The same organisation, where those that began got slower.
fn found_worse() -> Finding {
    found(&World { speed: 0.6, ..HALF }, &usual())
}

fn effect(found: &mut Finding, place: usize) -> &mut MetricEffect {
    let MetricOutcome::Found(effect) = &mut found.metrics[place] else { panic!("the metric has an effect") };
    effect
}

/// The same finding with one metric in each class, and one with too little.
fn mixed() -> Finding {
    let mut mixed = half();
    for (place, class) in [Class::Superior, Class::NonInferior, Class::Inferior].into_iter().enumerate() {
        effect(&mut mixed, place).class = class;
    }
    mixed.metrics[3] =
        MetricOutcome::Insufficient { metric: "change_fail_rate".to_owned(), insufficient: "nobody looked".to_owned() };
    mixed
}

#[test]
fn the_design_and_the_verdict_choose_the_words() {
    let mut mixed = mixed();
    let mut lines = Vec::new();
    for grade in GRADES {
        for verdict in VERDICTS {
            (mixed.grade, mixed.verdict, mixed.by_the_numbers) = (grade, verdict, verdict);
            lines.push(format!("{} {verdict}: {}", grade.letter(), words::whole(&mixed)));
        }
        lines.extend(mixed.metrics.iter().map(|one| format!("  {}", words::single(&mixed, one))));
        lines.extend(words::caveat(&mixed).map(|caveat| format!("  {caveat}")));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn no_verb_of_a_cause_below_grade_a() {
    let mut mixed = mixed();
    for grade in GRADES {
        for verdict in VERDICTS {
            let weak = matches!(grade, DesignGrade::D | DesignGrade::E).then(|| "it is weak".to_owned());
            for held_back in [None].into_iter().chain(weak.map(Some)) {
                (mixed.grade, mixed.verdict, mixed.by_the_numbers) = (grade, verdict, verdict);
                mixed.held_back = held_back;
                let Report { markdown, html, .. } = page(&mixed);
                let html = html.split_once("</style>").expect("a page has a style sheet").1.to_lowercase();
                let found: Vec<&str> = CAUSAL
                    .into_iter()
                    .filter(|verb| markdown.to_lowercase().contains(verb) || html.contains(verb))
                    // "Because" gives the reason of a missing number.
                    .filter(|verb| *verb != "caus" || markdown.replace("because", "").contains("caus"))
                    .collect();
                assert!(grade == DesignGrade::A || found.is_empty(), "{grade:?} {verdict} says {found:?}");
            }
        }
    }
    (mixed.grade, mixed.verdict, mixed.held_back) = (DesignGrade::A, Verdict::Improves, None);
    assert!(page(&mixed).markdown.contains("`pairing` improved delivery"));
}

#[test]
fn a_verdict_that_is_held_back_says_why_and_only_the_direction() {
    let world = World { weeks: 60, services: 1, began: |_| Some(30), speed: 1.5, rollouts: 30 };
    let found = found(&world, &wide());
    assert_eq!(
        (found.grade, found.by_the_numbers, found.verdict),
        (DesignGrade::D, Verdict::Improves, Verdict::Inconclusive)
    );
    let Report { markdown, html, .. } = page(&found);
    assert!(markdown.contains("Nothing is concluded: the design cannot carry what the numbers say."));
    assert!(
        markdown.contains("> By the numbers alone it would be `improves`. The verdict is held back: without a control")
    );
    assert!(!markdown.contains("changed for the better at the date"));
    assert!(html.contains("class=\"notice warning\""));
}

#[test]
fn a_metric_that_stands_out_only_by_itself_says_so() {
    let mut found = half();
    effect(&mut found, 1).p_holm = Some(0.03);
    let told = words::single(&found, &found.metrics[1]);
    assert!(told.ends_with("adjusted for that, p is 0.0300, and it does not stand out."), "{told}");
    effect(&mut found, 1).p_holm = Some(0.02);
    assert!(words::single(&found, &found.metrics[1]).ends_with("shorter)."));
}

#[test]
fn hostile_names_are_only_words() {
    let safe = page(&hostile("name"));
    let kinds = |page: &str| -> BTreeSet<String> {
        tags(page).iter().filter_map(|tag| tag.split(' ').next()).map(str::to_owned).collect()
    };
    let columns = |page: &str| -> Vec<usize> {
        let cells = |line: &str| line.matches('|').count() - line.matches("\\|").count();
        page.lines().filter(|line| line.starts_with('|')).map(cells).collect()
    };
    let long = "x".repeat(3000);
    let lines = "a | b\n| c |\r\n# d";
    for name in HOSTILE.into_iter().chain([lines, long.as_str()]) {
        let Report { html, markdown, json } = page(&hostile(name));
        assert_balanced(&html);
        assert_eq!(kinds(&html), kinds(&safe.html), "{name}");
        for tag in tags(&html) {
            let outside_quotes: String = tag.split('"').step_by(2).collect();
            assert!(!outside_quotes.contains("onload") && !outside_quotes.contains("onclick"), "{tag}");
        }
        assert_eq!(columns(&markdown), columns(&safe.markdown), "{name}");
        let outside: String = markdown.split("```").step_by(2).collect();
        let known = ["a id=\"", "/a>", "details>", "summary>", "/summary>", "/details>", "code>", "/code>"];
        assert!(outside.split('<').skip(1).all(|tag| known.iter().any(|known| tag.starts_with(known))), "{name}");
        assert!(serde_json::from_str::<Value>(&json).is_ok());
        assert_balanced(&in_a_report(&hostile(name)).html);
    }
}

/// A report of nothing but a finding.
fn in_a_report(found: &Finding) -> Report {
    let context = ReportContext { findings: vec![found.clone()], ..context() };
    crate::report(&derived(found.period()), &context).expect("it makes a page")
}

/// What is derived from an empty lake.
fn derived(period: Window) -> derive::Derived {
    derive::Derived {
        as_of: period.end,
        period,
        calendar: derive::Calendar::Week,
        input_digest: "00".repeat(32),
        lake_version: 7,
        rollouts: Vec::new(),
        rollout_changes: Vec::new(),
        rollout_failures: Vec::new(),
        recovery_episodes: Vec::new(),
        data_quality: Vec::new(),
        metrics: Vec::new(),
        coverage: Vec::new(),
        interventions: Vec::new(),
        adoptions: Vec::new(),
        groups: BTreeMap::new(),
    }
}

#[test]
fn a_report_has_the_short_form_of_its_findings() {
    let found = mixed();
    let Report { html, markdown, json } = in_a_report(&found);
    assert_balanced(&html);
    assert!(markdown.contains("## What the change of working did"));
    assert!(markdown.contains(&words::whole(&found)));
    assert!(
        markdown.contains("`pairing`: verdict `improves`, design C (services began at one date, beside others that")
    );
    assert!(markdown.contains("**Effects as ratios**") && markdown.contains("**Effects, positive is better**"));
    assert!(!markdown.contains("What a sceptic asks"), "the checks stand on a page of their own");
    let json: Value = serde_json::from_str(&json).expect("the JSON can be read");
    assert_eq!(json["findings"][0]["practice"], "pairing");
    let without = crate::report(&derived(found.period()), &context()).expect("it makes a page");
    assert!(!without.markdown.contains("What the change of working did"));
    assert!(without.json.contains("\"findings\": []"));
}

/// A finding that says a name wherever a name can stand.
fn hostile(name: &str) -> Finding {
    let mut found = half();
    found.practice = name.to_owned();
    found.versions = vec![name.to_owned()];
    found.terms.services = vec![name.to_owned()];
    found.remarks = vec![name.to_owned()];
    found.design.left_out = vec![(name.to_owned(), format!("it took up `{name}`"))];
    found.baseline = Some(BaselineCheck {
        name: name.to_owned(),
        frozen_at: MONDAY,
        is_before: true,
        is_as_planned: true,
        changed: vec![name.to_owned()],
    });
    found.design.cohorts[0].places[0].name = name.to_owned();
    let effect = effect(&mut found, 0);
    effect.rows[0].service = name.to_owned();
    for left_out in effect.left_out.iter_mut().flatten() {
        (left_out.service, left_out.class) = (name.to_owned(), Class::Inferior);
    }
    found
}

#[test]
fn html_markdown_and_json_have_the_same_numbers() {
    let found = half();
    let Report { html, markdown, json } = page(&found);
    let html = html.replace('\u{a0}', " ").replace("&lt;", "<");
    let markdown = markdown.replace("&lt;", "<");
    let json: Value = serde_json::from_str(&json).expect("the JSON can be read");
    assert_eq!(json["kind"], "doracle-finding");
    assert_eq!(json["finding"]["verdict"], "improves");
    let metrics = json["finding"]["metrics"].as_array().expect("there are metrics");
    assert_eq!(metrics.len(), 4);
    for metric in metrics {
        let number = |path: &str| metric.pointer(path).and_then(Value::as_f64).expect("there is a number");
        let scale = if metric["scale"] == "difference" { Scale::Difference } else { Scale::LogRatio };
        let gain = |path: &str| words::gain(scale, number(path));
        let effect = format!("{} ({} to {})", gain("/effect/estimate"), gain("/effect/low"), gain("/effect/high"));
        let class = metric["class"].as_str().expect("there is a class").replace('_', "-");
        let tests = [format::probability(number("/p_two_sided")), format::probability(number("/p_holm"))];
        let row = format!("| {effect} | {class} | {} | {} |", tests[0], tests[1]);
        assert!(markdown.contains(&row), "{row}");
        assert!(html.contains(&format!(">{effect}</td>")), "{effect}");
        assert!(tests.iter().all(|test| html.contains(&format!(">{test}</td>"))), "{tests:?}");
        assert!(json["page"].to_string().contains(&effect), "{effect}");
    }
}

#[test]
fn a_metric_with_too_little_is_named_with_the_reason() {
    let mut found = mixed();
    found.verdict = Verdict::InsufficientData;
    let Report { html, markdown, .. } = page(&found);
    assert!(markdown.contains("Nothing can be concluded: there is too little behind change fail rate."));
    assert!(markdown.contains("- Change fail rate: insufficient data, because nobody looked."));
    assert!(html.contains("Change fail rate: insufficient data, because nobody looked."));
    assert!(markdown.contains("- Change fail rate: enough data."));
    found.metrics.swap(0, 3);
    found.metrics[0] = MetricOutcome::Insufficient {
        metric: "forward_deployment_frequency".to_owned(),
        insufficient: "nobody counted".to_owned(),
    };
    let html = page(&found).html;
    assert!(html.contains(">Forward deployment frequency</text>"), "the drawing has its row");
    assert!(html.contains(">insufficient data</text>"));
}

#[test]
fn a_finding_without_anybody_who_began_is_a_page() {
    let found = found(&World { began: |_| Some(90), ..HALF }, &usual());
    assert!(found.design.cohorts.is_empty());
    let Report { html, markdown, .. } = page(&found);
    assert!(markdown.contains("Nothing can be said: no service is known to have begun with `pairing`"));
    assert!(markdown.contains("verdict insufficient data · design E · no service began"));
    assert!(!markdown.contains("is left out"), "who is left out stands in the table alone");
    assert!(markdown.contains("| svc-00 | it begins after the last week |"));
    assert!(!html.contains("<svg"), "there is nothing to draw");
    assert_balanced(&html);
}

#[test]
fn no_number_breaks_a_drawing_or_a_page() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 0.0] {
        let mut found = half();
        for place in 0..4 {
            let effect = effect(&mut found, place);
            effect.effect = Limits { estimate: Some(number), low: number, high: number };
            (effect.detectable, effect.data_needed, effect.smallest_margin) = (number, number, number);
            (effect.harm_high, effect.p_two_sided, effect.p_holm) = (number, number, Some(number));
            effect.values = [[Some(number); 2]; 2];
            effect.e_value = Some([number; 2]);
            for point in &mut effect.event_study {
                (point.estimate, point.low, point.high) = (number, number, number);
            }
            for way in &mut effect.specifications {
                (way.estimate, way.limits) = (number, Some([number; 2]));
            }
            for point in effect.series.iter_mut().flat_map(|view| &mut view.points) {
                (point.treated, point.others) = (Some(number), Some(number));
                point.counterfactual = point.counterfactual.map(|_| [number; 3]);
            }
        }
        let Report { html, markdown, .. } = page(&found);
        for drawing in html.split("<svg").skip(1) {
            let drawing = drawing.split("</svg>").next().unwrap_or_default();
            let numbers =
                drawing.split("=\"").filter(|value| value.starts_with(|c: char| c.is_ascii_digit() || c == '-'));
            for value in numbers.map(|value| value.split('"').next().unwrap_or_default()) {
                assert!(!value.contains("NaN") && !value.contains("inf"), "{value}");
            }
            assert!(!drawing.contains("NaN"));
        }
        for word in ["NaN", " inf ", " inf)", "inf %"] {
            assert!(!markdown.contains(word), "{number} gives {word}");
        }
    }
}

#[test]
fn a_plan_that_was_kept_is_told_and_one_that_was_not_too() {
    let mut found = half();
    assert!(page(&found).markdown.contains("This comparison is exploratory: nothing was fixed before looking."));
    let kept = BaselineCheck {
        name: "spring".to_owned(),
        frozen_at: MONDAY,
        is_before: true,
        is_as_planned: true,
        changed: Vec::new(),
    };
    found.baseline = Some(kept.clone());
    let told = page(&found).markdown;
    assert!(told.contains("planned: baseline `spring` fixed the question before anybody began"));
    assert!(!told.contains("exploratory:"));
    found.baseline = Some(BaselineCheck { is_before: false, is_as_planned: false, ..kept });
    assert!(page(&found).markdown.contains(
        "exploratory in spite of baseline `spring`: it was frozen after the first service began; it fixed other terms, \
         or none"
    ));
}

#[test]
fn simulated_data_are_said_to_be_everywhere() {
    let simulated = Some("Nothing here is real.".to_owned());
    let context = ReportContext { simulated, ..context() };
    let Report { html, markdown, json } = finding(&half(), &context).expect("it makes a page");
    assert!(html.contains("<title>SIMULATED") && html.contains("<aside class=\"simulated\""));
    assert_eq!(html.matches("class=\"badge\"").count(), html.matches("<figcaption").count());
    assert_eq!(html.matches(">Simulated data: ").count(), html.matches("<title id=").count());
    assert!(markdown.starts_with("> [!CAUTION]\n> **SIMULATED DATA** Nothing here is real."));
    assert!(json.contains("\"simulated\": true"));
}

#[test]
fn what_would_change_the_verdict_is_read_from_the_numbers() {
    let mut found = half();
    let one = effect(&mut found, 0);
    one.effect = Limits { estimate: Some(0.05), low: -0.3, high: 0.4 };
    (one.class, one.smallest_margin) = (Class::Inconclusive, 0.3);
    for left_out in one.left_out.iter_mut().flatten() {
        (left_out.service, left_out.class) = ("gale".to_owned(), Class::NonInferior);
    }
    (found.verdict, found.by_the_numbers) = (Verdict::Inconclusive, Verdict::Inconclusive);
    let markdown = page(&found).markdown;
    let told = [
        "Forward deployment frequency: a lower limit that rises by more than a factor of 1.23; it is \u{2212}26 % with the \
         margin at \u{2212}9.1 %, and this leaves \"not worse\" open.",
        "Forward deployment frequency: without `gale` it would be non-inferior and not inconclusive.",
        "forward deployment frequency may be worse by more than the margin.",
        "| a ratio of 1.35 |",
    ];
    for text in told {
        assert!(markdown.contains(text), "{text}");
    }
    assert!(!markdown.contains("a lower limit that falls"), "what is not open does not hold an open verdict");
    assert!(page(&half()).markdown.contains("Change lead time: a lower limit that falls by a factor of"));
    let slow = found_worse();
    let markdown = page(&slow).markdown;
    assert!(markdown.contains("Change lead time: the upper limit that harm is judged by, "), "{markdown}");
    assert!(
        markdown.contains("Services that began with `pairing` fell behind the others: by the limits change lead time")
    );
}
