//! The leaderboard as a static site: a page for each claim and each report, one for the method, a feed, and the data.
//!
//! Claims and replications are listed, never teams: uncertainty comes before rank, ranks are ranges, and ties are ties.

mod claim;
mod feed;
mod index;
mod method;
mod replication;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use attribution::{Board, BoardClaim, Entry, Limits, Scale};

use crate::document::{Site, SitePage};
use crate::finding::words::{Named, gain};
use crate::{Document, Fact, ReportError, TableCell, format};

/// What a site has to know beside the board.
#[derive(Clone, Debug)]
pub struct SiteContext {
    /// Version of this program.
    pub version: String,
    /// The command that makes the same site again.
    pub command: String,
    /// Where it will stand, for the feed; without it addresses in the feed are relative.
    pub address: Option<String>,
}

/// The files of a site by their names, all in one folder but for `data/`.
pub type SiteFiles = BTreeMap<String, String>;

/// Lays out the site of a board. Parquet is written by who calls, under the names of [`DATA`].
///
/// # Errors
/// [`ReportError`] where a page contradicts itself, which would be a defect.
pub fn site(board: &Board, context: &SiteContext) -> Result<SiteFiles, ReportError> {
    let names = Names::of(board);
    let mut files = SiteFiles::new();
    let page = |file: &str, document: Document| -> Result<(String, String), ReportError> {
        Ok((file.to_owned(), with_frame(document, board, &names, file).to_html()?))
    };
    files
        .extend([page("index.html", index::page(board, context))?, page("method.html", method::page(board, context))?]);
    for claim in &board.claims {
        files.extend([page(&claim_file(claim), claim::page(board, claim, context))?]);
        for entry in &claim.entries {
            let file = entry_file(claim, &entry.name);
            files.extend([page(&file, replication::page(board, claim, entry, context))?]);
        }
        let json = serde_json::to_string_pretty(claim).map_err(ReportError::Json)?;
        files.insert(format!("data/{}.json", claim.claim.id), json + "\n");
    }
    files.insert("feed.xml".to_owned(), feed::feed(board, context));
    Ok(files)
}

/// Names of the Parquet files of a site.
pub const DATA: [&str; 3] = ["data/claims.parquet", "data/effects.parquet", "data/entries.parquet"];

fn claim_file(claim: &BoardClaim) -> String {
    format!("claim-{}.html", claim.claim.id)
}

fn entry_file(claim: &BoardClaim, name: &str) -> String {
    // No id has a dot, so that no two reports have one page.
    format!("report-{}.{name}.html", claim.claim.id)
}

/// Every file that a page may lead to.
struct Names(BTreeSet<String>);

impl Names {
    fn of(board: &Board) -> Self {
        let mut names: BTreeSet<String> = ["index.html", "method.html", "feed.xml"].map(str::to_owned).into();
        names.extend(DATA.map(str::to_owned));
        for claim in &board.claims {
            names.extend([claim_file(claim), format!("data/{}.json", claim.claim.id)]);
            names.extend(claim.entries.iter().map(|entry| entry_file(claim, &entry.name)));
        }
        Self(names)
    }
}

/// The document with the way to the other pages.
fn with_frame(document: Document, board: &Board, names: &Names, file: &str) -> Document {
    let mut pages = vec![SitePage { title: "All claims".to_owned(), file: "index.html".to_owned() }];
    // Of many claims the first page lists them all.
    pages.extend(
        board.claims.iter().take(8).map(|claim| SitePage { title: claim.claim.id.clone(), file: claim_file(claim) }),
    );
    pages.push(SitePage { title: "Method".to_owned(), file: "method.html".to_owned() });
    pages.push(SitePage { title: "Feed".to_owned(), file: "feed.xml".to_owned() });
    let site = Site { pages, files: names.0.clone(), current: file.to_owned() };
    Document { site: Some(site), simulated: board.about.simulated.clone().or(document.simulated), ..document }
}

/// What a page says where a source that simulates supplied some of the evidence that it tells of.
fn simulated<'e>(mut entries: impl Iterator<Item = &'e Entry>) -> Option<String> {
    entries
        .any(|entry| entry.is_simulated)
        .then(|| "Some of the evidence that is reported here is simulated.".to_owned())
}

/// A page without content.
fn empty(title: String, subtitle: String, context: &SiteContext) -> Document {
    Document {
        title,
        subtitle,
        simulated: None,
        notices: Vec::new(),
        facts: vec![Fact { label: "Program".into(), value: format!("`doracle {}`", context.version) }],
        zone: chrono_tz::Tz::UTC,
        sections: Vec::new(),
        site: None,
    }
}

/// A cell that leads to a page.
fn linked(text: impl Into<String>, file: String) -> TableCell {
    TableCell { link: Some(file), ..TableCell::from(text.into()) }
}

/// A cell that is sorted by a number.
fn sorted(text: impl Into<String>, by: f64) -> TableCell {
    TableCell { sort: Some(format!("{by}")), ..TableCell::from(text.into()) }
}

/// Limits in a cell, sorted by their middle.
fn limits(scale: Scale, limits: Option<Limits>) -> TableCell {
    let Some(found) = limits else { return TableCell::from("\u{2013}").muted() };
    let range = format!("{} to {}", gain(scale, found.low), gain(scale, found.high));
    match found.estimate {
        Some(estimate) => sorted(format!("{} ({range})", gain(scale, estimate)), estimate),
        None => sorted(range, f64::midpoint(found.low, found.high)),
    }
}

/// The title of a metric: its definition's, else its own words.
fn title(metric: &str) -> String {
    let named = Named::of(metric);
    if named.title == metric {
        let mut words = metric.replace('_', " ");
        if let Some(first) = words.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        return words;
    }
    named.title.to_owned()
}

fn whole(number: usize) -> String {
    format::count(number as u64)
}
