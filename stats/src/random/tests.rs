use super::*;

// The second and third vectors of the reference implementation's `kat_vectors`.
#[test]
fn example_salmon2011() {
    assert_eq!(philox([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
    let pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
    let more_pi = [0xa409_3822, 0x299f_31d0];
    assert_eq!(philox(pi, more_pi), [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
}

#[test]
fn streams_do_not_depend_on_one_another() {
    let mut first = Philox::new(5, 1);
    let mut second = Philox::new(5, 2);
    let interleaved: Vec<_> = (0..6).map(|_| (first.next_u64(), second.next_u64())).collect();
    let mut alone = Philox::new(5, 2);
    assert!(interleaved.iter().all(|(_, drawn)| *drawn == alone.next_u64()));
    assert!(interleaved.iter().all(|(one, other)| one != other));
}

#[test]
fn numbers_below_a_bound_are_equally_likely() {
    let mut random = Philox::new(11, 0);
    let bound = NonZeroU64::new(6).expect("six is not zero");
    let mut counts = [0_u32; 6];
    for _ in 0..60_000 {
        counts[usize::try_from(random.below(bound)).expect("below six")] += 1;
    }
    // Five standard errors of a count of 10,000 are about 460.
    assert!(counts.iter().all(|count| count.abs_diff(10_000) < 460), "{counts:?}");
}

#[test]
fn unit_draws_stay_below_one() {
    let mut random = Philox::new(3, 9);
    let draws: Vec<f64> = (0..10_000).map(|_| random.unit()).collect();
    assert!(draws.iter().all(|draw| (0.0..1.0).contains(draw)));
    let mean = draws.iter().sum::<f64>() / 10_000.0;
    // Five standard errors of the mean are 0.0144.
    assert!((mean - 0.5).abs() < 0.0144);
}
