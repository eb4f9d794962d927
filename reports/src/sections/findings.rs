//! What dated changes of working did, as far as it can be told: the short form of every finding.

use crate::finding::{told, words};
use crate::model::Model;
use crate::{Block, Section, code};

/// Verdict, words, effects and their table of each finding; the checks stand on a page of their own.
pub(crate) fn section(model: &Model<'_>) -> Option<Section> {
    let findings = &model.context.findings;
    if findings.is_empty() {
        return None;
    }
    let mut blocks = Vec::new();
    for found in findings {
        blocks.push(Block::Paragraph(format!(
            "{}: verdict `{}`, design {} ({}), {}.",
            code(&found.practice),
            found.verdict,
            found.grade.letter(),
            found.grade.words(),
            words::planned(found)
        )));
        blocks.push(Block::Paragraph(words::whole(found)));
        blocks.extend(told(found));
        if !found.remarks.is_empty() {
            let remarks = found.remarks.iter().map(|remark| format!("{}.", words::sentence(remark)));
            blocks.push(Block::List(remarks.collect()));
        }
    }
    Some(Section {
        id: "findings".into(),
        title: "What the change of working did".into(),
        lead: Some(
            "As far as these data can tell, and no verb here says more than the design can carry. The checks of each finding \
             stand on a page of its own, in the folder `findings` beside this report."
                .into(),
        ),
        blocks,
    })
}
