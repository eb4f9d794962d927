//! Replicates on several threads, in the order of their numbers: which thread draws which makes no difference to any.

use std::num::NonZeroUsize;

#[cfg(test)]
mod tests;

/// Draws replicates `0 .. count`. `room` is what a thread keeps between its replicates.
pub(crate) fn numbered<S, T: Send>(
    threads: NonZeroUsize,
    count: u64,
    room: impl Fn() -> S + Sync,
    replicate: impl Fn(&mut S, u64) -> T + Sync,
) -> Vec<T> {
    let threads = u64::try_from(threads.get()).unwrap_or(u64::MAX).min(count.max(1));
    // Wide enough for every product of a place and a count.
    let bound =
        |place: u64| u64::try_from(u128::from(count) * u128::from(place) / u128::from(threads)).unwrap_or(count);
    let part = |place: u64| {
        let mut own = room();
        (bound(place)..bound(place + 1)).map(|number| replicate(&mut own, number)).collect::<Vec<T>>()
    };
    if threads == 1 {
        return part(0);
    }
    std::thread::scope(|scope| {
        let part = &part;
        let parts: Vec<_> = (0..threads).map(|place| scope.spawn(move || part(place))).collect();
        let joined = parts.into_iter().map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.flatten().collect()
    })
}
