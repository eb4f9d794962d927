//! The name somebody probably meant.

/// The nearest of `names` by edit distance, if it is near enough to be a slip.
pub(crate) fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let longest_slip = (name.chars().count() / 3).max(2);
    names
        .into_iter()
        .map(|known| (distance(&name.to_lowercase(), known), known))
        .min()
        .filter(|(distance, _)| *distance <= longest_slip)
        .map(|(_, known)| known)
}

/// Insertions, deletions and replacements of characters that lead from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    // A word much longer than any name is no slip, and would only cost time.
    let from: Vec<char> = from.chars().take(100).collect();
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, character) in from.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (other, known) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(character != known);
            diagonal = row[other + 1];
            row[other + 1] = replaced.min(diagonal + 1).min(row[other] + 1);
        }
    }
    row[to.len()]
}
