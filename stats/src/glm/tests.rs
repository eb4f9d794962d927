use super::*;

fn design(columns: &[&[f64]]) -> DMatrix<f64> {
    DMatrix::from_fn(
        columns[0].len(),
        columns.len() + 1,
        |row, column| {
            if column == 0 { 1.0 } else { columns[column - 1][row] }
        },
    )
}

fn downs(counts: &[u32]) -> Vec<Pull> {
    counts.iter().map(|count| if *count == 0 { Pull::Down } else { Pull::None }).collect()
}

#[test]
fn an_arm_without_events_is_separated() {
    let arm = design(&[&[0.0, 0.0, 0.0, 1.0, 1.0]]);
    assert_eq!(separated_rows(&arm, &downs(&[3, 0, 2, 0, 0])), 2);
    assert_eq!(separated_rows(&arm, &downs(&[3, 0, 2, 0, 1])), 0);
    assert_eq!(separated_rows(&arm, &downs(&[0, 0, 0, 0, 0])), 5);
}

// A covariate that is smallest at the only rows with events: the slope has no end. In their middle it has one.
#[test]
fn a_covariate_can_separate_too() {
    let slope = design(&[&[1.0, 1.0, 2.0, 3.0, 4.0]]);
    assert_eq!(separated_rows(&slope, &downs(&[3, 1, 0, 0, 0])), 3);
    assert_eq!(separated_rows(&slope, &downs(&[0, 0, 2, 0, 0])), 0);
    assert_eq!(separated_rows(&slope, &downs(&[3, 1, 0, 0, 2])), 0);
}

// Only together do the two columns separate: rows with events lie on a line, all others on one side of it.
#[test]
fn two_covariates_can_separate_together() {
    let first = [0.0, 1.0, 2.0, 0.0, 1.0, 3.0];
    let second = [0.0, 1.0, 2.0, 1.0, 2.0, 3.5];
    let plane = design(&[&first, &second]);
    assert_eq!(separated_rows(&plane, &downs(&[3, 1, 5, 0, 0, 0])), 3);
    let other_side = [0.0, 1.0, 2.0, 1.0, 2.0, 2.5];
    assert_eq!(separated_rows(&design(&[&first, &other_side]), &downs(&[3, 1, 5, 0, 0, 0])), 0);
}

#[test]
fn rows_with_nothing_but_events_pull_up() {
    let arm = design(&[&[0.0, 0.0, 1.0, 1.0]]);
    assert_eq!(separated_rows(&arm, &[Pull::None, Pull::None, Pull::Up, Pull::Up]), 2);
    assert_eq!(separated_rows(&arm, &[Pull::None, Pull::None, Pull::Up, Pull::Down]), 0);
    assert_eq!(separated_rows(&arm, &[Pull::Down, Pull::Down, Pull::Up, Pull::Up]), 4);
}
