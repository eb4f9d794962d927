//! The dated changes of working, beside what was measured before and after them.

use attribution::{Contrast, DesignGrade, Sides};

use crate::model::{self, Model};
use crate::{Block, Section, Table, TableCell, TableColumn, format};

/// What the numbers did around each change of working: a description, never a verdict.
pub(crate) fn section(model: &Model<'_>) -> Option<Section> {
    let contrasts = attribution::before_after(model.derived);
    if contrasts.is_empty() {
        return None;
    }
    Some(Section {
        id: "interventions".into(),
        title: "Around dated changes of working".into(),
        lead: Some(format!(
            "Before and after, pooled, for the services that changed and for those that never did. Design grade {}: a \
             plain before and after cannot tell the change from everything else that happened, so there is no verdict \
             here.",
            DesignGrade::E.letter()
        )),
        blocks: vec![Block::Table(Table {
            caption: "Pooled before and after, 95 % intervals in parentheses".into(),
            columns: vec![
                TableColumn::text("Change"),
                TableColumn::date("Since"),
                TableColumn::text("Metric"),
                TableColumn::numeric("Changed, before"),
                TableColumn::numeric("Changed, after"),
                TableColumn::numeric("Others, before"),
                TableColumn::numeric("Others, after"),
            ],
            rows: contrasts.iter().map(|contrast| row(model, contrast)).collect(),
        })],
    })
}

fn row(model: &Model<'_>, contrast: &Contrast<'_>) -> Vec<TableCell> {
    let kind = model::statistic_name(contrast.statistic);
    let title = &contrast.definition.title;
    let mut cells: Vec<TableCell> = vec![
        contrast.practice.clone().into(),
        format::date(contrast.started_at.to_utc(), model.context.zone).into(),
        if kind.is_empty() { title.clone() } else { format!("{title}, {kind}") }.into(),
    ];
    for sides in [Some(contrast.adopters), contrast.others] {
        match sides {
            Some(Sides { before, after }) => cells.extend([model::cell(before), model::cell(after)]),
            None => cells.extend([TableCell::from("nobody").muted(), TableCell::from("nobody").muted()]),
        }
    }
    cells
}
