//! The rule against enumeration of everything that a liar may say and of every subset, and its refusals.

use std::collections::BTreeMap;

use stats::{Look, Looks, Philox};

use super::{Consensus, ConsensusError, FEWEST, MetricConsensus, Terms, consensus, decide, replications};
use crate::criterion::{CRITERION, Class, Margins, Verdict};
use crate::effects::Effect;

fn effect(metric: &str, organisation: &str, estimate: f64) -> Effect {
    Effect {
        name: format!("{metric} of {organisation} {estimate}"),
        metric: metric.into(),
        organisation: organisation.into(),
        estimate,
        standard_error: 0.1,
        moderators: BTreeMap::new(),
    }
}

/// One effect on each metric of the criterion from each organisation.
fn table(votes: &[f64]) -> Vec<Effect> {
    let named = |place: usize| format!("organisation {place:02}");
    CRITERION
        .iter()
        .flat_map(|metric| votes.iter().enumerate().map(move |(place, vote)| effect(metric, &named(place), *vote)))
        .collect()
}

fn combined(effects: &[Effect], enrolled: usize, faults: usize) -> Consensus {
    let terms = Terms { enrolled: Some(enrolled), faults: Some(faults), ..Terms::default() };
    consensus(effects, &terms).expect("sound terms")
}

fn near(random: &mut Philox, centre: f64, width: f64) -> f64 {
    centre + width * (random.unit() - 0.5)
}

/// Whatever liars say, what is concluded with them is what the honest alone conclude.
#[test]
fn a_liar_cannot_buy_a_conclusion() {
    let mut random = Philox::new(7, 1);
    let (mut conclusions, mut runs) = (0, 0);
    for (count, faults) in [(7, 2), (10, 3), (13, 4)] {
        for round in 0..60 {
            let centre = [-0.4, -0.05, 0.0, 0.1, 0.5][round % 5];
            let honest: Vec<f64> = (0..count - faults).map(|_| near(&mut random, centre, 0.2)).collect();
            let lie = match round % 4 {
                0 => 1e9,
                1 => -1e9,
                2 => near(&mut random, centre + 0.3, 0.1),
                _ => near(&mut random, -centre, 0.1),
            };
            let votes: Vec<f64> = honest.iter().copied().chain((0..faults).map(|_| lie)).collect();
            let found = combined(&table(&votes), count, faults);
            let alone = stats::leave_out_hull(&honest, 0, 0.95).expect("enough of them");
            for metric in &found.metrics {
                runs += 1;
                let class = metric.class.expect("enough organisations");
                let honest_class = Class::of(alone.low, alone.high, metric.margin);
                let agrees = match class {
                    Class::Superior => honest_class == Class::Superior,
                    Class::NonInferior => matches!(honest_class, Class::Superior | Class::NonInferior),
                    Class::Inferior => honest_class == Class::Inferior,
                    Class::Inconclusive => true,
                };
                assert!(agrees, "{class} of {votes:?}, and the honest alone {honest_class}");
                conclusions += usize::from(class != Class::Inconclusive);
            }
        }
    }
    assert!(conclusions > runs / 10, "only {conclusions} of {runs} conclude anything, so little was tested");
}

/// The hull is that of every subset, gone through one by one.
#[test]
fn the_hull_is_that_of_every_subset() {
    let mut random = Philox::new(11, 2);
    for _ in 0..40 {
        let votes: Vec<f64> = (0..8).map(|_| near(&mut random, 0.1, 1.0)).collect();
        let found = combined(&table(&votes), 8, 2);
        let t = stats::student_t_quantile(0.975, 5.0).expect("a level");
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for first in 0..8 {
            for second in first + 1..8 {
                let kept: Vec<f64> =
                    (0..8).filter(|place| *place != first && *place != second).map(|place| votes[place]).collect();
                let mean = kept.iter().sum::<f64>() / 6.0;
                let deviation = (kept.iter().map(|vote| (vote - mean).powi(2)).sum::<f64>() / 5.0).sqrt();
                low = low.min(mean - t * deviation / 6.0_f64.sqrt());
                high = high.max(mean + t * deviation / 6.0_f64.sqrt());
            }
        }
        let hull = found.metrics[0].hull.expect("enough organisations");
        assert!((hull.low - low).abs() < 1e-12 && (hull.high - high).abs() < 1e-12);
    }
}

#[test]
fn the_order_in_which_effects_arrive_changes_nothing() {
    let effects = table(&[0.31, 0.2, 0.27, 0.22, 0.4, 0.1, 0.33]);
    let mut backwards = effects.clone();
    backwards.reverse();
    let text = |effects: &[Effect]| format!("{:?}", combined(effects, 7, 1));
    assert_eq!(text(&effects), text(&backwards));
}

/// Whoever reports ten times still has one vote, and stated errors have none.
#[test]
fn one_organisation_is_one_vote() {
    let votes = [0.31, 0.2, 0.27, 0.22, 0.4, 0.1, 0.33];
    let once = combined(&table(&votes), 7, 1);
    let mut often = table(&votes);
    for metric in CRITERION {
        often.extend((0..10).map(|_| effect(metric, "organisation 00", 0.31)));
    }
    for sure in often.iter_mut().filter(|effect| effect.organisation == "organisation 00") {
        sure.standard_error = 1e-9;
    }
    let often = combined(&often, 7, 1);
    assert_eq!(once.verdict, often.verdict);
    for (one, other) in once.metrics.iter().zip(&often.metrics) {
        let (one, other) = (one.hull.expect("a hull"), other.hull.expect("a hull"));
        assert!((one.low - other.low).abs() < 1e-12 && (one.high - other.high).abs() < 1e-12);
    }
}

#[test]
fn agreement_is_superior_and_its_certificate_says_how_far() {
    let found = combined(&table(&[0.31, 0.3, 0.29, 0.3, 0.3, 0.32, 0.28, 0.3]), 8, 2);
    assert_eq!(found.verdict, Some(Verdict::Improves));
    assert_eq!(found.sound_against, Some(3));
    let metric = &found.metrics[0];
    assert_eq!((metric.class, metric.sound_against), (Some(Class::Superior), Some(3)));
    // No bound gives way before too few are left: eight less two is below seven.
    assert_eq!(metric.blocked_by, Some(super::Blocking { count: 2, organisations: None }));
}

/// Of nine that agree and one that does not, whose withdrawal takes the conclusion?
#[test]
fn the_blocking_set_blocks_and_no_smaller_one_does() {
    let votes = [0.1, 0.101, 0.102, 0.099, -0.12, 0.098, 0.103, 0.097, 0.104, 0.1005];
    let found = combined(&table(&votes), 10, 3);
    let metric = &found.metrics[0];
    assert_eq!(metric.class, Some(Class::NonInferior));
    // With nobody left out it is superior, which is non-inferior too: the certificate begins at the three assumed.
    assert_eq!(combined(&table(&votes), 10, 0).metrics[0].class, Some(Class::Superior));
    assert_eq!(metric.sound_against, Some(4));
    // The verdict bears no more than the metric that bears least.
    let least = found.metrics.iter().map(|metric| metric.sound_against).min().flatten();
    assert_eq!((found.verdict, found.sound_against, least), (Some(Verdict::KeepsUp), Some(3), Some(3)));
    let blocked = metric.blocked_by.clone().and_then(|found| found.organisations).expect("a bound gives way");
    let without = |gone: &[String]| {
        let kept: Vec<Effect> =
            table(&votes).into_iter().filter(|effect| !gone.contains(&effect.organisation)).collect();
        let class = combined(&kept, 10, 3).metrics[0].class;
        class.is_none() || class == Some(Class::Inconclusive)
    };
    assert_eq!(blocked.len(), 3, "fewer than the four that would leave too few");
    assert!(without(&blocked), "{blocked:?}");
    for place in 0..blocked.len() {
        let mut fewer = blocked.clone();
        fewer.remove(place);
        assert!(!without(&fewer), "{fewer:?} is enough");
    }
}

/// A loud liar cannot make it wrong, only wide, and then the trimmed view says so.
#[test]
fn a_loud_liar_makes_it_disputed() {
    for (liars, faults) in [([-50.0, -50.0], 2), ([-50.0, 50.0], 1)] {
        let votes: Vec<f64> = [0.31, 0.3, 0.29, 0.3, 0.3, 0.32, 0.28, 0.3].into_iter().chain(liars).collect();
        let found = combined(&table(&votes), 10, faults);
        assert_eq!(found.verdict, Some(Verdict::Disputed));
        assert_eq!(found.sound_against, None);
        assert!(found.metrics.iter().all(|metric| metric.is_disputed && metric.blocked_by.is_none()));
    }
}

#[test]
fn too_few_conclude_nothing() {
    let votes = [0.3; FEWEST];
    assert_eq!(combined(&table(&votes[..6]), 6, 1).verdict, Some(Verdict::InsufficientData));
    // Seven report of ten, and one may lie: nine are needed.
    assert_eq!(combined(&table(&votes), 10, 1).verdict, Some(Verdict::InsufficientData));
    let found = combined(&table(&votes), 7, 1);
    assert_eq!(found.verdict, Some(Verdict::Improves));
    assert!(found.metrics[0].has_constant_subset, "that nothing differs is flagged");
}

/// Harm in one metric is told even where another is missing from too many.
#[test]
fn harm_is_not_hidden_by_what_is_missing() {
    let mut effects = table(&[0.31, 0.3, 0.29, 0.3, 0.3, 0.32, 0.28]);
    for harmed in effects.iter_mut().filter(|effect| effect.metric == "change_lead_time") {
        harmed.estimate = -harmed.estimate;
    }
    effects.retain(|effect| effect.metric != "change_fail_rate" || effect.organisation.as_str() < "organisation 03");
    assert_eq!(combined(&effects, 7, 1).verdict, Some(Verdict::Worsens));
}

#[test]
fn a_table_without_all_four_has_classes_and_no_verdict() {
    let effects: Vec<Effect> = table(&[0.31, 0.3, 0.29, 0.3, 0.3, 0.32, 0.28])
        .into_iter()
        .filter(|one| one.metric == "change_lead_time")
        .collect();
    let found = combined(&effects, 7, 1);
    assert_eq!((found.verdict, found.metrics[0].class), (None, Some(Class::Superior)));
}

#[test]
fn terms_that_cannot_be_are_refused() {
    let effects = table(&[0.1; 7]);
    let asked = |enrolled, faults, alpha| {
        consensus(&effects, &Terms { enrolled, faults, alpha, ..Terms::default() })
            .map(|found| (found.enrolled, found.faults))
    };
    assert_eq!(asked(None, None, 0.05), Ok((7, 2)));
    assert_eq!(asked(Some(22), None, 0.05), Ok((22, 7)));
    assert_eq!(asked(Some(7), Some(3), 0.05), Err(ConsensusError::TooManyFaults { enrolled: 7, faults: 3, most: 2 }));
    assert_eq!(asked(Some(6), None, 0.05), Err(ConsensusError::MoreThanEnrolled { present: 7, enrolled: 6 }));
    for alpha in [1.0, 0.3, 0.0, -0.1, 1e-17] {
        let what = "it lies above 0, not too near to it, and is at most 0.2";
        assert_eq!(asked(None, None, alpha), Err(ConsensusError::Alpha { alpha, what }));
    }
    let margins = Margins { log_ratio: 1.0, ..Margins::default() };
    let refused = consensus(&effects, &Terms { margins, ..Terms::default() }).map(|_| ());
    assert_eq!(refused, Err(ConsensusError::Margin { what: "a margin is a ratio above 1 and at most 2" }));
    assert!(asked(None, None, f64::NAN).is_err());
    assert_eq!(consensus(&[], &Terms::default()).map(|_| ()), Err(ConsensusError::NoEffects));
}

#[test]
fn between_declared_looks_there_are_estimates_and_no_verdict() {
    let votes = [0.30, 0.32, 0.28, 0.31, 0.29, 0.33, 0.27, 0.30];
    let looks = Looks::new(vec![Look { count: 7, alpha: 0.01 }, Look { count: 9, alpha: 0.04 }], 0.05).expect("sound");
    let at = |count: usize| {
        let terms = Terms { enrolled: Some(9), faults: Some(2), looks: Some(looks.clone()), ..Terms::default() };
        consensus(&table(&votes[..count]), &terms).expect("sound terms")
    };
    let (look, between) = (at(7), at(8));
    assert_eq!((look.alpha, look.verdict, &look.between_looks), (0.01, Some(Verdict::Improves), &None));
    let told = between.between_looks.clone().expect("no look was declared there");
    assert_eq!((told.admitted, told.next, between.verdict, between.sound_against), (8, Some(9), None, None));
    for metric in &between.metrics {
        assert!(metric.class.is_none() && metric.blocked_by.is_none() && !metric.is_disputed);
        assert!(metric.hull.is_some() && metric.random_effects.is_some());
    }
    // The level of a look is smaller than that of all of them, and its hull wider.
    let terms = Terms { enrolled: Some(9), faults: Some(2), ..Terms::default() };
    let plain = consensus(&table(&votes[..7]), &terms).expect("sound terms");
    let low = |found: &Consensus| found.metrics[0].hull.expect("there are enough").low;
    assert!(low(&look) < low(&plain));
}

/// Organisations of two classes of machines, the second half as fast again; the number of people explains nothing.
fn of_two_classes() -> Consensus {
    let mut effects = table(&[0.10, 0.12, 0.08, 0.11, 0.09, 0.10, 0.52, 0.48, 0.50, 0.51, 0.49, 0.50]);
    for (place, effect) in effects.iter_mut().enumerate() {
        let organisation = place % 12;
        effect.standard_error = 0.02 + 0.002 * organisation as f64;
        let class = if organisation < 6 { "large" } else { "small" };
        effect.moderators.insert("hardware".to_owned(), class.to_owned());
        effect.moderators.insert("people".to_owned(), (organisation % 3).to_string());
    }
    let moderators = ["hardware".to_owned(), "people".to_owned()].to_vec();
    let terms = Terms { enrolled: Some(12), faults: Some(3), moderators, ..Terms::default() };
    consensus(&effects, &terms).expect("sound terms")
}

#[test]
fn strata_and_slopes_say_where_organisations_differ() {
    let found = of_two_classes();
    let beside = &found.metrics[0].beside;
    let pooled = |level: &str| {
        let stratum = beside.strata.iter().find(|stratum| stratum.level == level).expect("it is there");
        assert_eq!(stratum.count, 6);
        stratum.pooled.expect("six are enough").estimate.expect("a mean")
    };
    assert!((pooled("large") - 0.1).abs() < 0.005 && (pooled("small") - 0.5).abs() < 0.005);
    let slope = |name: &str| beside.slopes.iter().find(|slope| slope.moderator == name).expect("it is there");
    assert!(slope("hardware: small").p_value < 1e-6 && slope("people").p_value > 0.1);
    assert!((slope("hardware: small").slope.estimate.expect("a slope") - 0.4).abs() < 0.01);
    let heterogeneity = beside.heterogeneity.expect("twelve are enough");
    assert!(heterogeneity.q_p_value < 1e-6 && heterogeneity.tau.low > 0.1);
    assert!(beside.small_studies.is_some());
    let geometric: BTreeMap<String, f64> = found.geometric_median.into_iter().collect();
    assert_eq!(geometric.len(), 4);
}

#[test]
fn what_stands_beside_says_how_far_a_lie_reaches() {
    let votes = [0.30, 0.32, 0.28, 0.31, 0.29, 0.33, 5.0];
    let found = combined(&table(&votes), 7, 2);
    let metric: &MetricConsensus = &found.metrics[0];
    let beside = &metric.beside;
    // Left out in turn, the liar moves the pooled effect most.
    assert_eq!(beside.without_one[0].organisation, "organisation 06");
    assert_eq!(beside.without_one.len(), 7);
    // By hand: those of all but two that are left share the middle of their intervals.
    let common = beside.intersection.expect("five intervals meet");
    assert!(common.low < 0.3 && 0.3 < common.high && common.high < 0.6);
    assert_eq!(beside.reach.iter().map(|reach| reach.faults).collect::<Vec<_>>(), [0, 1, 2]);
    let widths: Vec<f64> = beside.reach.iter().map(|reach| reach.trimmed_mean.high - reach.trimmed_mean.low).collect();
    assert!(widths[0] <= widths[1] && widths[1] < widths[2], "{widths:?}");
    // A robust spread does not follow the liar, and the interval is wider than one for a single look.
    let any_time = beside.any_time.expect("seven are enough");
    assert!(any_time.assumed_deviation < 0.05, "{any_time:?}");
    assert!(beside.small_studies.is_none(), "seven are too few");
}

#[test]
fn a_replication_is_held_against_its_original() {
    let mut effects = table(&[0.40, 0.38, 0.02]);
    for effect in &mut effects {
        effect.standard_error = 0.12;
    }
    let found = consensus(&effects, &Terms { enrolled: Some(3), ..Terms::default() }).expect("sound terms");
    let pairs = replications(&found, "organisation 00");
    assert_eq!(pairs.len(), 8);
    let of = |organisation: &str| {
        let pair = pairs.iter().find(|pair| pair.metric == CRITERION[0] && pair.replication == organisation);
        pair.expect("it is there")
    };
    let (alike, none) = (of("organisation 01"), of("organisation 02"));
    assert!(alike.sceptical_p_value < Some(0.025) && none.sceptical_p_value > Some(0.1), "{alike:?} {none:?}");
    assert!(alike.log_bayes_factor < 0.0 && none.log_bayes_factor > 0.0);
    // The difference by hand: 0.38 over 0.12 √2.
    let z = 0.38 / (0.12 * 2.0_f64.sqrt());
    let p_value = 2.0 * stats::normal_upper_tail(z).expect("finite");
    assert!((none.difference_p_value.expect("finite") - p_value).abs() < 1e-9);
    assert_eq!((alike.is_predicted, none.is_predicted), (Some(true), Some(false)));
    assert!(replications(&found, "nobody").is_empty());
}

#[test]
fn places_are_ranges_and_what_overlaps_is_a_tie() {
    let found = combined(&table(&[0.9, 0.5, 0.45, 0.4, -0.3]), 5, 1);
    let places: Vec<[usize; 2]> = found.metrics[0].votes.iter().map(|vote| vote.places).collect();
    // Every interval is 0.196 wide on either side: by brute force over all pairs.
    let values = [0.9, 0.5, 0.45, 0.4, -0.3];
    let by_pairs: Vec<[usize; 2]> = values
        .iter()
        .map(|own: &f64| {
            let above = values.iter().filter(|other| **other - own > 2.0 * 0.1 * 1.959_964).count();
            let below = values.iter().filter(|other| own - **other > 2.0 * 0.1 * 1.959_964).count();
            [above + 1, values.len() - below]
        })
        .collect();
    assert_eq!(places, by_pairs);
    assert_eq!(places, [[1, 1], [2, 4], [2, 4], [2, 4], [5, 5]]);
}

#[test]
fn what_decides_is_the_same_without_what_stands_beside_it() {
    let mut random = Philox::new(31, 0);
    for round in 0..40 {
        let votes: Vec<f64> = (0..7 + round % 9).map(|_| near(&mut random, 0.2, 0.8)).collect();
        let terms = Terms { enrolled: Some(votes.len()), ..Terms::default() };
        let whole = consensus(&table(&votes), &terms).expect("sound terms");
        let plain = decide(&table(&votes), &terms).expect("sound terms");
        assert_eq!(plain.verdict, whole.verdict);
        for (one, other) in plain.metrics.iter().zip(&whole.metrics) {
            assert_eq!(
                (one.class, one.hull, one.trimmed, one.is_disputed),
                (other.class, other.hull, other.trimmed, other.is_disputed)
            );
        }
    }
}

#[test]
fn between_looks_nothing_is_concluded_so_that_anybody_can_block() {
    let votes = [0.30, 0.32, 0.28, 0.31, 0.29, 0.33, 0.27, 0.30, 0.31];
    let looks = Looks::new(vec![Look { count: 7, alpha: 0.01 }, Look { count: 9, alpha: 0.04 }], 0.05).expect("sound");
    let terms = Terms { enrolled: Some(9), faults: Some(2), looks: Some(looks), ..Terms::default() };
    let found = consensus(&table(&votes), &terms).expect("sound terms");
    assert_eq!(found.verdict, Some(Verdict::Improves));
    for metric in &found.metrics {
        let blocking = metric.blocked_by.as_ref().expect("it concludes");
        assert_eq!((blocking.count, &blocking.organisations), (1, &None));
    }
}
