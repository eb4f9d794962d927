//! An explanation for people.

use std::fmt::Write;

use ::derive::{Evidence, Link};
use reports::format;

use super::{PageState, Shown};
use crate::numbers;

/// The most examples of one reason.
const EXAMPLES: usize = 3;
/// The most links of one row that are told one by one.
const LINKS: usize = 6;
/// So many digits of a hash tell pages apart for the eye.
const SHORT: usize = 12;

pub(super) fn text(shown: &Shown) -> String {
    let mut text = Text(String::new());
    head(&mut text, shown);
    entered(&mut text, shown);
    excluded(&mut text, shown);
    pages(&mut text, shown);
    text.0
}

/// Lines one after the other.
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        writeln!(self.0, "{}", line.trim_end()).expect("writing to a text never fails");
    }
}

fn head(text: &mut Text, shown: &Shown) {
    let whole = &shown.whole;
    let Some(first) = whole.numbers.first() else { return };
    let whose = match (&first.service, &first.service_group) {
        (Some(service), _) => format!("service `{service}`"),
        (None, group) => format!("group `{}`", group.as_deref().unwrap_or_default()),
    };
    let window = format::window(first.window_start_at.to_utc(), first.window_end_at.to_utc(), shown.zone);
    text.line(&format!("{} of {whose} in {}, {window}", whole.definition.title, first.environment));
    text.line("");
    let width = whole.numbers.iter().map(|row| row.statistic.len()).max().unwrap_or(0).max(10) + 2;
    for row in &whole.numbers {
        let immature = if row.is_immature { "; may still change when late records come in" } else { "" };
        text.line(&format!(
            "{:<width$}{}, {}, n = {}{immature}",
            row.statistic,
            numbers::value(row),
            numbers::interval(row),
            row.n
        ));
    }
    text.line(&format!("{:<width$}{}: {}", "definition", first.definition, whole.definition.statistic));
    let days = format::number(whole.exposure_days);
    text.line(&format!("{:<width$}{} of the window; {days} days count", "read", format::percent(first.coverage_rate)));
    text.line(&format!(
        "{:<width$}{}; lake version {}; input {}",
        "as of", first.as_of_at, whole.lake_version, first.input_digest
    ));
}

fn entered(text: &mut Text, shown: &Shown) {
    let whole = &shown.whole;
    text.line("");
    if !whole.is_complete() {
        text.line(&format!(
            "The number rests on {} rows and {} are listed, which is a defect of this program: please report it.",
            whole.rests_on,
            whole.entered.len()
        ));
    }
    let counted = whole.entered.iter().filter(|row| row.is_counted == Some(true)).count();
    let subject = whole.entered.first().map_or("row", |row| &row.subject);
    let told = if whole.entered.iter().any(|row| row.is_counted.is_some()) {
        format!(", of which {counted} {}", whole.counted)
    } else {
        String::new()
    };
    let colon = if whole.entered.is_empty() { "" } else { ":" };
    text.line(&format!("{} entered{told}{colon}", numbers::count(whole.entered.len(), subject)));
    for row in shown.entered() {
        evidence(text, shown, row);
    }
    let (left, _) = shown.not_shown();
    if left > 0 {
        text.line("");
        text.line(&format!("… and {left} more; `--limit {}` lists all", whole.entered.len()));
    }
}

fn evidence(text: &mut Text, shown: &Shown, row: &Evidence) {
    let counted = match row.is_counted {
        Some(true) => format!(": {}", shown.whole.counted),
        Some(false) => format!(": not {}", shown.whole.counted),
        None => String::new(),
    };
    let length = row.total_seconds.map_or_else(String::new, |seconds| format!(" after {}", format::duration(seconds)));
    let place = row.repository.as_ref().map_or_else(String::new, |repository| format!(" in {repository}"));
    text.line("");
    text.line(&format!("{} {}{place}{counted}{length}", row.subject, row.subject_id));
    if let Some(remark) = &row.remark {
        text.line(&format!("  {remark}"));
    }
    // A failure of several rollouts tells each of them on a line of its own.
    let starts = |at: usize| at == 0 || row.facts[at].name == "rollout_id";
    let mut line = String::new();
    for (at, fact) in row.facts.iter().enumerate() {
        if starts(at) && !line.is_empty() {
            text.line(&format!("  {line}"));
            line.clear();
        }
        let value = if fact.name == "revisions" { shortened(&fact.value) } else { fact.value.clone() };
        let gap = if line.is_empty() { "" } else { "  " };
        write!(line, "{gap}{} {value}", fact.name.trim_end_matches("_at")).expect("writing to a text never fails");
    }
    if !line.is_empty() {
        text.line(&format!("  {line}"));
    }
    for link in row.links.iter().take(LINKS) {
        text.line(&format!("  {}", link_in_words(link)));
    }
    if row.links.len() > LINKS {
        text.line(&format!("  … and {} more links", row.links.len() - LINKS));
    }
    for event in &row.events {
        let page = match &event.page_sha {
            Some(sha) => format!("page {}", &sha[..sha.len().min(SHORT)]),
            None => "no page: its source keeps none".to_owned(),
        };
        text.line(&format!("    {} {} from {}, {page}", event.table, event.event_id, event.source));
    }
}

/// Hashes of 40 digits and more, cut to what tells them apart.
fn shortened(revisions: &str) -> String {
    let parts = revisions.split(' ').map(|part| match part.rsplit_once('@') {
        Some((name, revision)) if revision.len() >= 40 && revision.is_char_boundary(SHORT) => {
            let digits = revision.strip_prefix("sha256:").map_or(SHORT, |_| SHORT + 7);
            format!("{name}@{}", &revision[..digits])
        }
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join(" ")
}

fn link_in_words(link: &Link) -> String {
    let verdict = if link.is_accepted { "accepted" } else { "rejected" };
    format!(
        "{verdict} link {} with rollout {} by {}, confidence {:.1}: {}",
        link.evidence_id, link.rollout_id, link.method, link.confidence, link.reason
    )
}

fn excluded(text: &mut Text, shown: &Shown) {
    text.line("");
    if shown.whole.excluded.is_empty() {
        text.line("nothing was left out");
        return;
    }
    text.line(&format!("left out: {}", shown.whole.excluded.len()));
    for ((subject, reason), rows) in shown.reasons() {
        let examples: Vec<&str> = rows.iter().take(EXAMPLES).map(|row| row.subject_id.as_str()).collect();
        let more = if rows.len() > EXAMPLES { ", …" } else { "" };
        text.line(&format!("  {:>5}  {reason}: {}{more}", numbers::count(rows.len(), subject), examples.join(", ")));
    }
}

fn pages(text: &mut Text, shown: &Shown) {
    if shown.pages.is_empty() {
        return;
    }
    let kept = shown.pages.values().filter(|state| matches!(state, PageState::Kept(_))).count();
    text.line("");
    text.line(&format!("raw pages of what is listed: {}, {kept} of them in the lake", shown.pages.len()));
    for (sha, state) in &shown.pages {
        text.line(&format!("  {}  {:<7}  {}", &sha[..sha.len().min(SHORT)], state.word(), state.place()));
    }
}
