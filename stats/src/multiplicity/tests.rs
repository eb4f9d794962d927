use proptest::prelude::*;

use super::*;

const ALL: [Adjust; 5] =
    [Adjust::Bonferroni, Adjust::Holm, Adjust::Hochberg, Adjust::BenjaminiHochberg, Adjust::BenjaminiYekutieli];

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Claims at a level are those of the procedures as their authors state them: step down until the first that fails,
    /// or step up to the last that holds.
    #[test]
    fn adjusted_probabilities_claim_what_the_procedures_claim(
        p in prop::collection::vec((0_u32..200).prop_map(|p| f64::from(p) / 400.0), 1..9),
        level in prop::sample::select(vec![0.011, 0.051, 0.203]),
    ) {
        let mut sorted = p.clone();
        sorted.sort_by(f64::total_cmp);
        let count = p.len();
        let k = count as f64;
        let holds = |adjust: Adjust, place: usize| {
            let rank = place as f64 + 1.0;
            let harmonic: f64 = (1..=count).map(|rank| 1.0 / rank as f64).sum();
            sorted[place] <= match adjust {
                Adjust::Bonferroni => level / k,
                Adjust::Holm | Adjust::Hochberg => level / (k - rank + 1.0),
                Adjust::BenjaminiHochberg => rank * level / k,
                Adjust::BenjaminiYekutieli => rank * level / k / harmonic,
            }
        };
        for adjust in ALL {
            let claims = match adjust {
                Adjust::Bonferroni | Adjust::Holm => (0..count).take_while(|place| holds(adjust, *place)).count(),
                _ => (0..count).rev().find(|place| holds(adjust, *place)).map_or(0, |place| place + 1),
            };
            let adjusted = adjusted_p_values(&p, adjust).expect("probabilities");
            prop_assert_eq!(adjusted.iter().filter(|p| **p <= level).count(), claims);
            let backwards: Vec<f64> = p.iter().rev().copied().collect();
            let mut mirrored = adjusted_p_values(&backwards, adjust).expect("probabilities");
            mirrored.reverse();
            prop_assert_eq!(mirrored, adjusted);
        }
    }
}

/// One test needs no adjustment and no combination.
#[test]
fn one_is_left_as_it_is() {
    for adjust in ALL {
        assert_eq!(adjusted_p_values(&[0.03], adjust), Ok(vec![0.03]));
    }
    for combination in [Combination::Fisher, Combination::Stouffer, Combination::Simes, Combination::Cauchy] {
        let p = combined_p_value(&[0.03], combination).expect("one probability");
        assert!((p - 0.03).abs() < 1e-12, "{combination:?} {p}");
    }
}

#[test]
fn what_has_no_answer_is_refused() {
    for adjust in ALL {
        assert_eq!(adjusted_p_values(&[], adjust), Err(MultiplicityError::None));
        assert_eq!(adjusted_p_values(&[0.2, 1.1], adjust), Err(MultiplicityError::Probability { p: 1.1 }));
        assert!(adjusted_p_values(&[f64::NAN], adjust).is_err());
    }
    let ends = [0.0, 1.0];
    assert_eq!(combined_p_value(&ends, Combination::Fisher), Err(MultiplicityError::AtTheEnd { p: 0.0 }));
    assert_eq!(combined_p_value(&ends, Combination::Stouffer), Err(MultiplicityError::AtTheEnd { p: 0.0 }));
    assert_eq!(combined_p_value(&ends, Combination::Cauchy), Err(MultiplicityError::AtTheEnd { p: 0.0 }));
    assert_eq!(combined_p_value(&ends, Combination::Simes), Ok(0.0));
    assert_eq!(combined_p_value(&[1.0, 1.0], Combination::Fisher), Ok(1.0));
}
