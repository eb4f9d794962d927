//! The report as a whole.

use chrono_tz::Tz;
use derive::Derived;
use lake::{Table, TableRow, canonical};
use serde_json::{Value, json};

use crate::model::Model;
use crate::{Document, DocumentError, Fact, Notice, NoticeLevel, format, sections};

/// What a report has to know beside the numbers.
#[derive(Clone, Debug)]
pub struct ReportContext {
    /// Title.
    pub title: String,
    /// The command that makes the same report again.
    pub command: String,
    /// Version of this program.
    pub version: String,
    /// For simulated data: the sentence that says so.
    pub simulated: Option<String>,
    /// Show the published clusters of this year beside the numbers; none if not given.
    pub benchmarks: Option<u16>,
    /// Show this group of services only.
    pub group: Option<String>,
    /// Zone of dates.
    pub zone: Tz,
    /// What the sources are, in words.
    pub sources: Vec<String>,
    /// What changes of working did, each in short; the whole of each is a page of its own, see
    /// [`finding`](crate::finding()).
    pub findings: Vec<attribution::Finding>,
}

/// A report in its three forms.
#[derive(Clone, Debug)]
pub struct Report {
    /// A page that needs nothing else.
    pub html: String,
    /// The numbers and the page as data.
    pub json: String,
    /// The page as text.
    pub markdown: String,
}

/// A report that could not be laid out.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The document contradicts itself.
    #[error("could not lay out the page")]
    Document(#[from] DocumentError),
    /// Rows could not be written as JSON.
    #[error("could not write `{table}` as JSON")]
    Rows {
        /// Which table.
        table: &'static str,
        /// Why.
        #[source]
        source: arrow::error::ArrowError,
    },
    /// A claim could not be written as JSON.
    #[error("could not write a claim as JSON")]
    Json(#[source] serde_json::Error),
    /// No such group.
    #[error("there is no group `{group}`; there are {known}")]
    NoGroup {
        /// The group asked for.
        group: String,
        /// Those that exist.
        known: String,
    },
}

/// Lays out the report of what was derived.
///
/// # Errors
/// [`ReportError`] where the group is unknown, or the numbers do not make a page, which would be a defect.
pub fn report(derived: &Derived, context: &ReportContext) -> Result<Report, ReportError> {
    let model = Model::new(derived, context);
    if let Some(group) = context.group.as_ref().filter(|group| !model.has_group(group)) {
        return Err(ReportError::NoGroup { group: group.clone(), known: model.group_names() });
    }
    let document = document(&model);
    Ok(Report { html: document.to_html()?, markdown: document.to_markdown()?, json: json(&model, &document)? })
}

fn document(model: &Model<'_>) -> Document {
    let (derived, context) = (model.derived, model.context);
    let zone = context.zone;
    let fact = |label: &str, value: String| Fact { label: label.to_owned(), value };
    Document {
        site: None,
        title: context.title.clone(),
        subtitle: format!(
            "{} · {}",
            model.scope(),
            format::window(derived.period.start.to_utc(), derived.period.end.to_utc(), zone)
        ),
        simulated: context.simulated.clone(),
        notices: notices(model),
        facts: vec![
            fact("As of", format::date_time(derived.as_of.to_utc(), zone)),
            fact("Read from", context.sources.join(", ")),
            fact("Definitions", "profile `core-1`".to_owned()),
            fact("Lake version", derived.lake_version.to_string()),
            fact("Digest of the input", format!("`{}`", derived.input_digest)),
            fact("Made with", format!("`doracle {}`", context.version)),
        ],
        zone,
        sections: sections::all(model),
    }
}

fn notices(model: &Model<'_>) -> Vec<Notice> {
    let mut notices = Vec::new();
    let mut add = |level, text: String| notices.push(Notice { level, text });
    if model.is_stand_in() {
        add(
            NoticeLevel::Warning,
            "No deployments were recorded: releases (tags) stand in for them. A release is not a deployment; when users \
             got it, and whether it failed, is not known here."
                .to_owned(),
        );
    }
    let count = |finding: &str| -> i64 {
        let found = model.derived.data_quality.iter().filter(|row| row.finding == finding);
        found.map(|row| row.record_count).sum()
    };
    let timeless = count("release_without_time");
    if timeless > 0 {
        add(
            NoticeLevel::Warning,
            format!(
                "{} no time of its own, so that the time of the tagged commit stands for it: lead times are lower bounds, \
                 down to 0 s.",
                format::counted(timeless, "release tag has", "release tags have each")
            ),
        );
    }
    if count("coverage_assumed") > 0 {
        add(
            NoticeLevel::Warning,
            "No source stated what it read: the time from the first to the last record is taken for read. Frequency may be \
             too high, as quiet time before and after is not in it, and nothing can be told of what is missing; a table \
             `coverage` would say."
                .to_owned(),
        );
    }
    let gaps = model.derived.coverage.iter().filter(|row| !row.is_complete).count();
    if gaps > 0 {
        add(
            NoticeLevel::Problem,
            format!(
                "What was read has {gaps} known gaps; see [what was read](#coverage). Rates there are lower bounds."
            ),
        );
    }
    notices
}

fn json(model: &Model<'_>, document: &Document) -> Result<String, ReportError> {
    let derived = model.derived;
    let page: Value = serde_json::from_str(&document.to_json()?).unwrap_or(Value::Null);
    let metrics: Vec<_> = model.shown_metrics().cloned().collect();
    let whole = json!({
        "format_version": 1,
        "kind": "doracle-report",
        "simulated": model.context.simulated.is_some(),
        "doracle_version": model.context.version,
        "command": model.context.command,
        "as_of_at": derived.as_of,
        "period": {"start_at": derived.period.start, "end_at": derived.period.end},
        "zone": model.context.zone.name(),
        "lake_version": derived.lake_version,
        "input_digest": derived.input_digest,
        "definitions": derive::definitions(),
        "metrics": rows(metrics)?,
        "coverage": rows(derived.coverage.clone())?,
        "data_quality": rows(derived.data_quality.clone())?,
        "interventions": rows(derived.interventions.clone())?,
        "findings": model.context.findings,
        "page": page,
    });
    let mut text = serde_json::to_string_pretty(&whole).unwrap_or_default();
    text.push('\n');
    Ok(text)
}

fn rows<R: TableRow>(rows: Vec<R>) -> Result<Value, ReportError> {
    let table: &'static Table = R::table();
    let batch = R::batch(rows);
    let rows = canonical::json_rows(table, &batch).map_err(|source| ReportError::Rows { table: table.name, source })?;
    Ok(Value::from(rows.into_iter().map(Value::Object).collect::<Vec<_>>()))
}
