//! One finding as a page: what came with a change of working, how sure that is, and everything a sceptic asks of it.

mod metric;
mod plots;
mod sceptic;
mod tables;
mod terms;
pub(crate) mod words;

use attribution::{Finding, MetricOutcome};
use lake::Instant;
use serde_json::{Value, json};

use self::words::Named;
use crate::{Block, Document, Fact, Notice, NoticeLevel, Report, ReportContext, ReportError, Section, code, format};

/// Lays out the page of one finding.
///
/// # Errors
/// [`ReportError`] where the parts of the finding do not make a page, which would be a defect.
pub fn finding(finding: &Finding, context: &ReportContext) -> Result<Report, ReportError> {
    let document = document(finding, context);
    Ok(Report {
        html: document.to_html()?,
        markdown: document.to_markdown()?,
        json: json(finding, context, &document)?,
    })
}

fn document(found: &Finding, context: &ReportContext) -> Document {
    let mut sections = vec![head(found)];
    sections.extend(tables::margins(found));
    sections.extend(found.metrics.iter().enumerate().map(|(place, one)| metric::section(found, one, place)));
    sections.extend([sceptic::section(found), terms::who(found, context), terms::asked(found), again(found, context)]);
    Document {
        site: None,
        title: format!("What came with {}", found.practice),
        subtitle: subtitle(found, context),
        simulated: context.simulated.clone(),
        notices: notices(found),
        facts: facts(found, context),
        zone: context.zone,
        sections,
    }
}

fn subtitle(found: &Finding, context: &ReportContext) -> String {
    let counted = |count: usize, one: &str, several: &str| {
        if count == 1 { format!("1 {one}") } else { format!("{count} {several}") }
    };
    let who = found.began().map_or_else(
        || "no service began".to_owned(),
        |at| {
            let began = counted(found.design.treated(), "service", "services");
            let others = counted(found.design.names(false).len(), "other", "others");
            format!("{began} from {} on, beside {others}", format::date(at.to_utc(), context.zone))
        },
    );
    format!("verdict {} \u{b7} design {} \u{b7} {who}", found.verdict, found.grade.letter())
}

fn facts(found: &Finding, context: &ReportContext) -> Vec<Fact> {
    let fact = |label: &str, value: String| Fact { label: label.to_owned(), value };
    let names = std::iter::once(&found.practice).chain(&found.versions).map(|name| code(name));
    let period = found.period();
    let mut facts = vec![
        fact("Change of working", names.collect::<Vec<_>>().join(" ")),
        fact("Verdict", format!("{}: {}", found.verdict, words::verdict_means(found.verdict))),
        fact("Design", format!("grade {}: {}", found.grade.letter(), found.grade.words())),
        fact("Planned or exploratory", words::planned(found)),
    ];
    if found.held_back.is_some() {
        let numbers = words::by_the_numbers(found.by_the_numbers);
        facts.push(fact("Held back", format!("yes: by the numbers alone it {numbers}; why stands below")));
    }
    facts.extend([
        fact("Report", context.title.clone()),
        fact("As of", format::date_time(Instant(found.as_of).to_utc(), context.zone)),
        fact("Period", format::window(period.start.to_utc(), period.end.to_utc(), context.zone)),
        fact("Made with", code(&format!("doracle {}", context.version))),
    ]);
    facts
}

/// What a reader should know before the first number.
fn notices(found: &Finding) -> Vec<Notice> {
    let mut notices = Vec::new();
    let mut add = |level, text: String| notices.push(Notice { level, text });
    if let Some(why) = &found.held_back {
        add(
            NoticeLevel::Warning,
            format!("By the numbers alone it {}. The verdict is held back: {why}.", {
                words::by_the_numbers(found.by_the_numbers)
            }),
        );
    }
    if found.baseline.as_ref().is_none_or(|check| !check.is_planned()) {
        add(NoticeLevel::Info, format!("This comparison is {}.", words::planned(found)));
    }
    // Who is left out stands beside who is compared.
    let is_left_out = |remark: &&String| {
        found.design.left_out.iter().any(|(service, why)| **remark == format!("`{service}` is left out: {why}"))
    };
    for remark in found.remarks.iter().filter(|remark| !is_left_out(remark)) {
        // What weakens a number is no mild remark.
        let is_grave =
            ["had moved away", "more often than promised", "are cut at"].iter().any(|words| remark.contains(words));
        let level = if is_grave { NoticeLevel::Warning } else { NoticeLevel::Info };
        add(level, format!("{}.", words::sentence(remark)));
    }
    notices
}

fn head(found: &Finding) -> Section {
    Section {
        id: "finding".into(),
        title: "What was found".into(),
        lead: Some(words::whole(found)),
        blocks: told(found),
    }
}

/// A finding in short: what may be said of each metric, the effects drawn, and their table.
pub(crate) fn told(found: &Finding) -> Vec<Block> {
    let mut blocks: Vec<Block> = words::caveat(found).map(Block::Paragraph).into_iter().collect();
    blocks.push(Block::List(found.metrics.iter().map(|one| words::single(found, one)).collect()));
    blocks.extend(plots::effects(found).into_iter().map(Block::Effects));
    blocks.extend(tables::effects(found));
    blocks
}

/// The metrics of a finding that have an effect.
fn effects(found: &Finding) -> impl Iterator<Item = &attribution::MetricEffect> {
    found.metrics.iter().filter_map(MetricOutcome::found)
}

fn again(found: &Finding, context: &ReportContext) -> Section {
    Section {
        id: "again".into(),
        title: "The same again".into(),
        lead: Some(
            "The same input and the same terms give the same finding. The JSON beside this page holds every number of \
             it unrounded."
                .into(),
        ),
        blocks: vec![
            Block::Command(context.command.clone()),
            Block::List(vec![
                format!("program {}", code(&format!("doracle {}", context.version))),
                format!("lake version {}", found.lake_version),
                format!("digest of the input tables {}", code(&found.input_digest)),
                format!("digest of the change of working and the terms {}", code(&found.terms_digest)),
            ]),
        ],
    }
}

fn json(found: &Finding, context: &ReportContext, document: &Document) -> Result<String, ReportError> {
    let page: Value = serde_json::from_str(&document.to_json()?).unwrap_or(Value::Null);
    let whole = json!({
        "format_version": 1,
        "kind": "doracle-finding",
        "simulated": context.simulated.is_some(),
        "doracle_version": context.version,
        "command": context.command,
        "zone": context.zone.name(),
        "metrics": effects(found).map(|effect| Named::of(&effect.metric).title).collect::<Vec<_>>(),
        "finding": found,
        "page": page,
    });
    let mut text = serde_json::to_string_pretty(&whole).unwrap_or_default();
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests;
