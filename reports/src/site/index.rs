//! The first page: every claim with its verdict, and how to take part.

use attribution::{Board, BoardClaim, BoardVerdict, Verdict};

use super::{SiteContext, claim_file, empty, linked, simulated, sorted, whole};
use crate::{Block, Document, Figure, Section, Table, TableCell, TableColumn};

pub(super) fn page(board: &Board, context: &SiteContext) -> Document {
    let entries = board.claims.iter().map(|claim| claim.entries.len()).sum::<usize>();
    let admitted = board.claims.iter().map(|claim| claim.admitted().count()).sum::<usize>();
    let figure = |label: &str, value: usize, note: &str| Figure {
        label: label.into(),
        value: whole(value),
        note: Some(note.into()),
        ..Figure::default()
    };
    let concluded = board.claims.iter().filter(|claim| is_conclusive(claim.verdict)).count();
    Document {
        simulated: simulated(board.claims.iter().flat_map(|claim| &claim.entries)),
        sections: vec![
            Section {
                id: "claims".into(),
                title: "Claims".into(),
                lead: Some(board.about.about.clone()),
                blocks: vec![
                    Block::Figures(vec![
                        figure("Claims", board.claims.len(), "each with its own rule, written down before"),
                        figure("Concluded", concluded, "whichever of the enrolled lie, as many as the rule allows"),
                        figure("Reports", entries, &format!("{} have a vote; the rest is listed with the reason", whole(admitted))),
                    ]),
                    Block::Table(claims(board)),
                    Block::Paragraph(
                        "Claims stand in the order of their names. A verdict is no rank: two that are the same are ties, and one \
                         that is open is no worse than one that is concluded."
                            .into(),
                    ),
                ],
            },
            Section {
                id: "again".into(),
                title: "The same again".into(),
                lead: Some(
                    "Every figure here is a function of the files of the board, whatever their order. Whoever has them gets \
                     the same pages."
                        .into(),
                ),
                blocks: vec![
                    Block::Command(context.command.clone()),
                    Block::List(vec![
                        "every claim with its hull, metric by metric: [claims.parquet](data/claims.parquet)".into(),
                        "every effect: [effects.parquet](data/effects.parquet)".into(),
                        "every report with its standing: [entries.parquet](data/entries.parquet)".into(),
                        "how it is decided: [the method](method.html)".into(),
                    ]),
                ],
            },
        ],
        ..empty(board.about.title.clone(), "Claims and replications, never teams".into(), context)
    }
}

fn is_conclusive(verdict: BoardVerdict) -> bool {
    matches!(verdict, BoardVerdict::Criterion(verdict) if verdict.is_conclusive())
}

fn claims(board: &Board) -> Table {
    let row = |claim: &BoardClaim| {
        let consensus = claim.consensus.as_ref();
        let most = consensus.and_then(|found| found.metrics.iter().map(|metric| metric.votes.len()).max()).unwrap_or(0);
        let enrolled = claim.claim.organisations.len();
        let none = || TableCell::from("\u{2013}").muted();
        let sound = consensus.and_then(|found| found.sound_against);
        vec![
            linked(claim.claim.id.clone(), claim_file(claim)),
            claim.claim.claim.as_str().into(),
            verdict_cell(claim.verdict),
            sorted(format!("{most} of {enrolled}"), most as f64),
            consensus.map_or_else(none, |found| sorted(found.faults.to_string(), found.faults as f64)),
            sound.map_or_else(none, |liars| sorted(liars.to_string(), liars as f64)),
            claim.admitted().map(|entry| entry.report.reported.as_str()).max().map_or_else(none, TableCell::from),
        ]
    };
    Table {
        caption: "Claims".into(),
        columns: vec![
            TableColumn::text("Claim"),
            TableColumn::text("In a sentence"),
            TableColumn::text("Verdict"),
            TableColumn::numeric("Organisations"),
            TableColumn::numeric("May lie"),
            TableColumn::numeric("Holds with so many liars"),
            TableColumn::date("Last report"),
        ],
        rows: board.claims.iter().map(row).collect(),
    }
}

/// What is open recedes.
pub(super) fn verdict_cell(verdict: BoardVerdict) -> TableCell {
    let cell = TableCell::from(verdict.to_string());
    match verdict {
        BoardVerdict::Criterion(Verdict::Improves | Verdict::KeepsUp | Verdict::Worsens | Verdict::Disputed) => cell,
        _ => cell.muted(),
    }
}
