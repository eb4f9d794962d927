//! The page of one report: what it says, how far it can be followed, and what became of it.

use attribution::{Board, BoardClaim, Effect, Entry, Scale};

use super::{SiteContext, claim_file, empty, limits, simulated, title};
use crate::{Block, Document, Fact, Notice, NoticeLevel, Section, Table, TableColumn, code};

pub(super) fn page(_: &Board, claim: &BoardClaim, entry: &Entry, context: &SiteContext) -> Document {
    let report = &entry.report;
    let mut page = empty(report.title.clone(), format!("{} on {}", report.organisation, claim.claim.id), context);
    page.simulated = simulated(std::iter::once(entry));
    let fact = |label: &str, value: String| Fact { label: label.into(), value };
    page.facts.extend([
        fact("Standing", entry.standing.to_string()),
        fact("Evidence", entry.grade.to_string()),
        fact("Reported", report.reported.clone()),
        fact("Protocol", code(&report.protocol)),
        fact("Source", report.source.clone()),
    ]);
    page.facts.extend(report.operator.as_ref().map(|operator| fact("Operator", code(operator))));
    page.facts.extend(report.moderators.iter().map(|(name, value)| fact(name, value.clone())));
    if !entry.standing.is_admitted() {
        page.notices.push(Notice { level: NoticeLevel::Warning, text: format!("It has no vote: {}.", entry.standing) });
    }
    page.notices.extend(report.note.as_ref().map(|note| Notice { level: NoticeLevel::Info, text: note.clone() }));
    page.sections = vec![
        Section {
            id: "effects".into(),
            title: "What it says".into(),
            lead: Some("On the scale on which positive is better; limits are of a normal distribution.".into()),
            blocks: vec![Block::Table(effects(claim, entry))],
        },
        checks(entry),
        Section {
            id: "again".into(),
            title: "Look it up".into(),
            lead: None,
            blocks: vec![Block::List(vec![
                format!("the claim with all its reports: [{}]({})", claim.claim.id, claim_file(claim)),
                match &entry.digest {
                    Some(_) => format!(
                        "the same checks again: `doracle submission verify entries/{}/{}.tar --registry registry.toml`",
                        claim.claim.id, entry.name
                    ),
                    None => format!("its file on the board: `entries/{}/{}.toml`", claim.claim.id, entry.name),
                },
            ])],
        },
    ];
    page
}

/// What was checked of a submission; a summary brings nothing that could be.
fn checks(entry: &Entry) -> Section {
    let rows = entry
        .checks
        .iter()
        .map(|check| vec![check.name.into(), check.outcome.to_string().into(), check.told.as_str().into()]);
    let blocks = if entry.checks.is_empty() {
        vec![Block::Paragraph("It is a summary: it brings no evidence that could be derived again.".into())]
    } else {
        vec![Block::Table(Table {
            caption: "Checks".into(),
            columns: vec![
                TableColumn::text("Check"),
                TableColumn::text("Outcome"),
                TableColumn::text("What was found"),
            ],
            rows: rows.collect(),
        })]
    };
    Section { id: "checks".into(), title: "What was checked".into(), lead: None, blocks }
}

fn effects(claim: &BoardClaim, entry: &Entry) -> Table {
    let metrics = claim.claim.metrics();
    let row = |effect: &Effect| {
        let is_claimed = metrics.contains(&effect.metric.as_str());
        vec![
            title(&effect.metric).into(),
            limits(Scale::of(&effect.metric), Some(effect.limits())),
            if is_claimed { "yes".into() } else { "no: the claim is not about it".into() },
        ]
    };
    Table {
        caption: "Effects".into(),
        columns: vec![
            TableColumn::text("Metric"),
            TableColumn::numeric("Effect (95 % interval)"),
            TableColumn::text("Part of the claim"),
        ],
        rows: entry.effects.iter().map(row).collect(),
    }
}
