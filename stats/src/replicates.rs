//! Replicates on several threads, in the order of their numbers: which thread draws which makes no difference to any.

use std::num::NonZeroUsize;

#[cfg(test)]
mod tests;

/// Draws replicates `0 .. count`. `room` is what a thread keeps between its replicates.
pub(crate) fn numbered<S, T: Send>(
    threads: NonZeroUsize,
    count: usize,
    room: impl Fn() -> S + Sync,
    replicate: impl Fn(&mut S, usize) -> T + Sync,
) -> Vec<T> {
    let threads = threads.get().min(count.max(1));
    let (each, rest) = (count / threads, count % threads);
    let bound = |place: usize| place * each + place.min(rest);
    let part = |place: usize| {
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
