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

// Two arms and a slope that lies between the rows with events: only the arm separates, along an edge of what is
// possible.
#[test]
fn an_arm_separates_beside_a_slope_that_does_not() {
    let arm = [0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0];
    let slope = [1.5, 4.2, 6.2, 2.5, -2.9, -2.0, -0.2, 1.8, 2.1];
    let design = design(&[&arm, &slope]);
    assert_eq!(separated_rows(&design, &downs(&[11, 0, 0, 0, 0, 0, 0, 0, 0])), 4);
    assert_eq!(separated_rows(&design, &downs(&[11, 0, 0, 1, 0, 0, 0, 0, 0])), 0);
}

// Oracle for two columns: whether the rows without events lie in a half-plane through the one with events.
#[test]
fn separation_in_the_plane_is_that_of_angles() {
    for run in 0..2_000 {
        let mut random = crate::Philox::new(5, run);
        let rows = 3 + usize::try_from(random.next_u64() % 5).expect("it is small");
        // Few values, so that many points lie on one line.
        let mut column = || -> Vec<f64> { (0..rows).map(|_| (random.next_u64() % 5) as f64).collect() };
        let (first, second) = (column(), column());
        let from: Vec<(f64, f64)> = (1..rows).map(|row| (first[row] - first[0], second[row] - second[0])).collect();
        // An edge of the half-plane may be taken through one of the points or across it.
        let normals = from.iter().flat_map(|(x, y)| [(*x, *y), (-x, -y), (*y, -x), (-y, *x)]);
        let is_separated = normals.into_iter().any(|(x, y)| {
            let sides: Vec<f64> = from.iter().map(|(one, other)| x * one + y * other).collect();
            sides.iter().all(|side| *side <= 0.0) && sides.iter().any(|side| *side < 0.0)
        });
        let mut counts = vec![0; rows];
        counts[0] = 3;
        let found = separated_rows(&design(&[&first, &second]), &downs(&counts));
        assert_eq!(found > 0, is_separated, "{first:?} {second:?}");
    }
}
