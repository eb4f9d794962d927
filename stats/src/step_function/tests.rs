use super::*;

const STEPS: [(f64, f64); 3] = [(1.0, 0.25), (4.0, 0.5), (6.0, 0.75)];

#[test]
fn a_level_between_heights_is_reached_at_a_step() {
    assert_eq!(crossing(STEPS.into_iter(), 0.3, 9.0), Some(4.0));
}

#[test]
fn a_level_equal_to_a_height_gives_the_middle_of_the_flat_piece() {
    assert_eq!(crossing(STEPS.into_iter(), 0.5, 9.0), Some(5.0));
    assert_eq!(crossing(STEPS.into_iter(), 0.5 + 1e-12, 9.0), Some(5.0));
    assert_eq!(crossing(STEPS.into_iter(), 0.75, 9.0), Some(7.5));
}

#[test]
fn a_flat_piece_passes_through_steps_of_no_height() {
    let steps = [(1.0, 0.5), (2.0, 0.5), (5.0, 0.9)];
    assert_eq!(crossing(steps.into_iter(), 0.5, 9.0), Some(3.0));
}

#[test]
fn a_level_above_all_heights_is_not_reached() {
    assert_eq!(crossing(STEPS.into_iter(), 0.8, 9.0), None);
    assert_eq!(crossing(std::iter::empty(), 0.1, 9.0), None);
}
