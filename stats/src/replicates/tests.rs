use super::*;

#[test]
fn every_number_comes_once_and_in_order_on_any_number_of_threads() {
    for count in [0, 1, 2, 7, 100] {
        for threads in [1, 2, 3, 8, 200] {
            let threads = NonZeroUsize::new(threads).expect("not 0");
            let found = numbered(
                threads,
                count,
                || 0_u64,
                |seen, number| {
                    *seen += 1;
                    (number, *seen > 0)
                },
            );
            assert_eq!(found, (0..count).map(|number| (number, true)).collect::<Vec<_>>());
        }
    }
}
