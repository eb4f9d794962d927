//! Reports as they came, for readers of feeds (Atom, RFC 4287).

use attribution::{Board, BoardClaim, Entry};

use super::{SiteContext, claim_file, entry_file};
use crate::html::escape;

/// The newest so many are in the feed.
const MOST: usize = 100;

pub(super) fn feed(board: &Board, context: &SiteContext) -> String {
    let base =
        context.address.as_deref().map_or_else(String::new, |address| format!("{}/", address.trim_end_matches('/')));
    let mut entries: Vec<(&BoardClaim, &Entry)> =
        board.claims.iter().flat_map(|claim| claim.entries.iter().map(move |entry| (claim, entry))).collect();
    entries.sort_by(|(one, a), (other, b)| {
        b.report
            .reported
            .cmp(&a.report.reported)
            .then_with(|| (&one.claim.id, &a.name).cmp(&(&other.claim.id, &b.name)))
    });
    let updated = entries.first().map_or("1970-01-01", |(_, entry)| entry.report.reported.as_str());
    let mark = if board.about.simulated.is_some() { "SIMULATED: " } else { "" };
    let mut feed = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n<title>{mark}{}</title>\n\
         <id>urn:doracle:board:{}</id>\n<updated>{updated}T00:00:00Z</updated>\n<link rel=\"self\" href=\"{}feed.xml\"/>\n\
         <author><name>doracle {}</name></author>\n",
        escape(&board.about.title),
        escape(&crate::anchor("b", &board.about.title)),
        escape(&base),
        escape(&context.version),
    );
    let told = entries.into_iter().take(MOST).map(|(claim, entry)| {
        let what = format!("{} \u{b7} {}", entry.standing, claim.verdict);
        format!(
            "<entry>\n<title>{mark}{}</title>\n<id>urn:doracle:report:{}:{}</id>\n<updated>{}T00:00:00Z</updated>\n\
             <link href=\"{}{}\"/>\n<link rel=\"related\" href=\"{}{}\"/>\n<summary>{}</summary>\n</entry>\n",
            escape(&entry.report.title),
            claim.claim.id,
            entry.name,
            entry.report.reported,
            escape(&base),
            entry_file(claim, &entry.name),
            escape(&base),
            claim_file(claim),
            escape(&what),
        )
    });
    feed.extend(told);
    feed + "</feed>\n"
}
