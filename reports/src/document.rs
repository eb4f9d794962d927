//! The report as data: what every renderer shows and none of them changes.
//!
//! Sections are functions from findings to a [`Section`]. Texts that flow ([`Block::Paragraph`], list items, leads,
//! notes, notices and the values of facts) may carry `` `code` ``, `[text](#anchor)` and, on a page of a site, `[text](file)`;
//! everything else is plain. The
//! renderers escape all of it, so that a name taken from a vendor's API can go in as it came; [`code`] puts such a name
//! between backticks.

use std::collections::BTreeSet;

use chrono::DateTime;
use chrono_tz::Tz;
use serde::{Serialize, Serializer};

pub use crate::format::ValueFormat;
use crate::inline::is_identifier;

/// The version of the JSON form of a [`Document`].
pub const FORMAT_VERSION: u32 = 1;

/// The most series one chart can tell apart without colour.
pub const MAX_SERIES: usize = 4;

/// A whole report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Document {
    /// What the report is about.
    pub title: String,
    /// One line under the title; may be empty.
    pub subtitle: String,
    /// Why the data are not real. When set, no reader can miss it: not on the page, in a chart or on paper.
    pub simulated: Option<String>,
    /// What a reader should know before the first number.
    pub notices: Vec<Notice>,
    /// Where the report comes from: as-of, window, lake version, digests, command line.
    pub facts: Vec<Fact>,
    /// The zone in which charts write their dates.
    #[serde(serialize_with = "zone_name")]
    pub zone: Tz,
    /// The body, in order.
    pub sections: Vec<Section>,
    /// The pages beside it, where it is one of a site.
    #[serde(skip)]
    pub site: Option<Site>,
}

/// The pages of a site that a page is one of. Such a page carries the script that sorts and searches tables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Site {
    /// The pages that every page leads to, in order.
    pub pages: Vec<SitePage>,
    /// Every file that a text or a cell may lead to.
    pub files: BTreeSet<String>,
    /// The file of this page.
    pub current: String,
}

/// A page of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitePage {
    /// What it is called.
    pub title: String,
    /// Its file.
    pub file: String,
}

/// Something a reader should know before the first number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// How grave it is.
    pub level: NoticeLevel,
    /// The text, with inline markup.
    pub text: String,
}

/// How grave a [`Notice`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeLevel {
    /// Good to know.
    Info,
    /// Some numbers mean less than they seem to.
    Warning,
    /// Some numbers are missing or wrong.
    Problem,
}

/// A labelled value about the report itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What it is.
    pub label: String,
    /// The value, with inline markup (digests and commands read best in backticks).
    pub value: String,
}

/// A part of the report with a heading.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Section {
    /// The anchor, unique in the document; see [`anchor`].
    pub id: String,
    /// The heading.
    pub title: String,
    /// What the section says, in a sentence.
    pub lead: Option<String>,
    /// The content, in order.
    pub blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", content = "content", rename_all = "snake_case")]
pub enum Block {
    /// Flowing text.
    Paragraph(String),
    /// Headline numbers, side by side.
    Figures(Vec<Figure>),
    /// Rows and columns.
    Table(Table),
    /// Values over time.
    Chart(Chart),
    /// Estimates beside the line at which there is no effect.
    Effects(EffectPlot),
    /// Items of flowing text.
    List(Vec<String>),
    /// A command for a shell, which may have several lines.
    Command(String),
    /// Definitions that figures and texts link to.
    Notes(Vec<Note>),
    /// Blocks a reader may open.
    Details {
        /// What is inside.
        summary: String,
        /// The content, in order.
        blocks: Vec<Block>,
    },
}

/// A headline number. All its parts are text: who builds it has the number and its format.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Figure {
    /// What was measured.
    pub label: String,
    /// The formatted value, or [`format::NO_DATA`](crate::format::NO_DATA).
    pub value: String,
    /// The formatted interval with its level: `95 % interval 2 h to 5 h`.
    pub interval: Option<String>,
    /// What was counted: `n = 132 rollouts`.
    pub n: Option<String>,
    /// A remark, with inline markup.
    pub note: Option<String>,
    /// The [`Note`] that defines it.
    pub definition_id: Option<String>,
}

/// Rows and columns.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Table {
    /// What the table shows.
    pub caption: String,
    /// The columns, of which the first names the row unless it is numeric.
    pub columns: Vec<TableColumn>,
    /// The rows, each with one cell per column.
    pub rows: Vec<Vec<TableCell>>,
}

/// A column of a [`Table`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct TableColumn {
    /// The heading.
    pub title: String,
    /// The unit, when the cells do not carry it.
    pub unit: Option<String>,
    /// Whether the cells are numbers, to be aligned as such.
    pub numeric: bool,
    /// Whether the cells are dates, which are never broken.
    pub date: bool,
}

impl TableColumn {
    /// A column of words.
    pub fn text(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// A column of numbers.
    pub fn numeric(title: impl Into<String>) -> Self {
        Self { title: title.into(), numeric: true, ..Self::default() }
    }

    /// A column of dates.
    pub fn date(title: impl Into<String>) -> Self {
        Self { title: title.into(), date: true, ..Self::default() }
    }

    /// The same column with a unit.
    #[must_use]
    pub fn with_unit(self, unit: impl Into<String>) -> Self {
        Self { unit: Some(unit.into()), ..self }
    }
}

/// A cell of a [`Table`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct TableCell {
    /// What is shown.
    pub text: String,
    /// More, shown on hovering; nothing a reader needs may be only here.
    pub title: Option<String>,
    /// Whether the cell should recede: no data, immature, not counted.
    pub muted: bool,
    /// The file of the site that it leads to; words alone where there is none of that name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The number by which it is sorted, where that is not its words.
    #[serde(skip)]
    pub sort: Option<String>,
}

impl TableCell {
    /// The same cell, receding.
    #[must_use]
    pub fn muted(self) -> Self {
        Self { muted: true, ..self }
    }

    /// The same cell with more on hovering.
    #[must_use]
    pub fn with_title(self, title: impl Into<String>) -> Self {
        Self { title: Some(title.into()), ..self }
    }
}

impl<T: Into<String>> From<T> for TableCell {
    fn from(text: T) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// Values over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chart {
    /// What the chart shows.
    pub title: String,
    /// What a reader sees in it, for one who cannot see it.
    pub description: String,
    /// What the vertical axis measures, with its unit or statistic.
    pub y_label: String,
    /// What `low` and `high` are: `95 % interval`. Required as soon as a point has one of them.
    pub interval_label: Option<String>,
    /// At most [`MAX_SERIES`].
    pub series: Vec<Series>,
    /// Dated interventions.
    pub marks: Vec<Mark>,
    /// Whether the vertical axis must contain zero.
    pub y_from_zero: bool,
    /// How values are written.
    pub value_format: ValueFormat,
}

/// A line of a [`Chart`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    /// The name in the legend.
    pub name: String,
    /// The points, strictly in order of time.
    pub points: Vec<Point>,
}

/// A value at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Point {
    /// Unix time.
    pub at_seconds: i64,
    /// The value. `None` is a gap that is never bridged.
    pub value: Option<f64>,
    /// The lower end of the interval; `None` beside a `high` is an open end.
    pub low: Option<f64>,
    /// The upper end of the interval; `None` beside a `low` is an open end.
    pub high: Option<f64>,
    /// Whether the value can still change.
    pub immature: bool,
}

/// A dated intervention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// Unix time.
    pub at_seconds: i64,
    /// What happened.
    pub label: String,
}

/// Estimates with their limits, on a scale on which positive is better, beside the line at which there is no effect.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EffectPlot {
    /// What the plot shows.
    pub title: String,
    /// What a reader sees in it, for one who cannot see it.
    pub description: String,
    /// What the axis of the estimates measures, with its unit.
    pub axis_label: String,
    /// What `low` and `high` are: `95 % interval`.
    pub interval_label: String,
    /// How the estimates stand.
    pub layout: EffectLayout,
    /// How much worse still counts as not worse, on the scale; drawn as a line at minus this.
    pub margin: Option<f64>,
    /// How values are written: [`ValueFormat::Change`] or [`ValueFormat::Points`].
    pub value_format: ValueFormat,
    /// The estimates.
    pub estimates: Vec<Estimate>,
    /// What is drawn, with as many columns more as a reader needs.
    pub table: Table,
}

/// How the estimates of an [`EffectPlot`] stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectLayout {
    /// One below the other, each with its label; better is to the right.
    Rows,
    /// Along the weeks before and after a date at 0, strictly in order; better is upwards.
    Weeks,
    /// Along their ranks, strictly in order; better is upwards.
    Ranks,
}

/// One estimate of an [`EffectPlot`].
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Estimate {
    /// What was estimated, or in which way. Only rows are labelled in the drawing, cut to what fits.
    pub label: String,
    /// The week or rank at which it stands; rows do not look at it.
    pub at: i64,
    /// The value, positive for better. `None` where there is too little.
    pub value: Option<f64>,
    /// The lower limit.
    pub low: Option<f64>,
    /// The upper limit.
    pub high: Option<f64>,
    /// Whether it is drawn apart from the others, and how.
    pub role: EstimateRole,
}

/// What an [`Estimate`] is among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EstimateRole {
    /// One of them.
    #[default]
    Usual,
    /// The main analysis.
    Main,
    /// No estimate but what the others are compared with: zero by definition.
    Reference,
}

/// A definition other parts link to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What is defined.
    pub term: String,
    /// The anchor, unique in the document; see [`anchor`].
    pub id: String,
    /// The definition, with inline markup.
    pub text: String,
}

/// A document could not be rendered, because a part of it contradicts itself.
#[derive(Debug, thiserror::Error)]
#[error("could not render {place}")]
pub struct DocumentError {
    place: String,
    #[source]
    kind: DocumentErrorKind,
}

/// Why a document could not be rendered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentErrorKind {
    /// An anchor has characters a link cannot carry.
    #[error("`{0}` is no identifier: it needs an ASCII letter, then letters, digits, `-`, `_`, `.` or `@`")]
    BadId(String),
    /// The prefix `doc-` belongs to the renderer.
    #[error("the identifier `{0}` begins with `doc-`, which the renderer keeps for itself")]
    ReservedId(String),
    /// Two parts have the same anchor.
    #[error("the identifier `{0}` is used twice")]
    DuplicateId(String),
    /// A row does not fit its table.
    #[error("row {row} has {cells} cells under {columns} columns")]
    RaggedRow {
        /// The row, counted from 1.
        row: usize,
        /// Its cells.
        cells: usize,
        /// The columns of the table.
        columns: usize,
    },
    /// A chart has more lines than can be told apart.
    #[error("{0} series are more than {MAX_SERIES}")]
    TooManySeries(usize),
    /// A point has a number that cannot be drawn.
    #[error("series `{0}` has a number that is not finite")]
    NotFinite(String),
    /// The points of a series are not in order, or two share an instant.
    #[error("series `{0}` is not strictly in order of time")]
    OutOfOrder(String),
    /// An interval is upside down.
    #[error("series `{0}` has an interval whose lower end is above its upper end")]
    InvertedInterval(String),
    /// An interval of which the reader would not know what it is.
    #[error("there are intervals, and no label says what they are")]
    UnlabelledInterval,
    /// An instant is outside what a date can be written for.
    #[error("the instant {0} is outside the years 1 to 9999")]
    InstantOutOfRange(i64),
    /// The document cannot be written as JSON.
    #[error("the JSON could not be written")]
    Json(#[source] serde_json::Error),
}

impl DocumentError {
    /// Why the document could not be rendered.
    #[must_use]
    pub fn kind(&self) -> &DocumentErrorKind {
        &self.kind
    }
}

impl Document {
    /// Renders one self-contained HTML page, which needs neither a network nor JavaScript.
    ///
    /// # Errors
    /// [`DocumentError`] when [`Document::check`] refuses the document.
    pub fn to_html(&self) -> Result<String, DocumentError> {
        self.check()?;
        Ok(crate::html::page(self))
    }

    /// Renders GitHub-flavoured Markdown.
    ///
    /// # Errors
    /// [`DocumentError`] when [`Document::check`] refuses the document.
    pub fn to_markdown(&self) -> Result<String, DocumentError> {
        self.check()?;
        Ok(crate::markdown::page(self))
    }

    /// Renders JSON: the fields of the document beside `format_version`.
    ///
    /// # Errors
    /// [`DocumentError`] when [`Document::check`] refuses the document; a number that is not finite never becomes null.
    pub fn to_json(&self) -> Result<String, DocumentError> {
        #[derive(Serialize)]
        struct Versioned<'a> {
            format_version: u32,
            #[serde(flatten)]
            document: &'a Document,
        }
        self.check()?;
        let versioned = Versioned { format_version: FORMAT_VERSION, document: self };
        serde_json::to_string_pretty(&versioned)
            .map_err(|error| DocumentError { place: "the document".to_owned(), kind: DocumentErrorKind::Json(error) })
    }

    /// Checks that the parts fit together: identifiers, tables, charts.
    ///
    /// A link to an anchor that does not exist is no error: it is shown as plain text.
    ///
    /// # Errors
    /// [`DocumentError`] for the first part that contradicts itself.
    pub fn check(&self) -> Result<(), DocumentError> {
        let mut seen = BTreeSet::new();
        for section in &self.sections {
            check_id(&section.id, &mut seen).and_then(|()| check_blocks(&section.blocks, &mut seen)).map_err(
                |(part, kind)| {
                    let part = part.map_or_else(String::new, |part| format!("{part} in "));
                    DocumentError { place: format!("{part}section `{}`", section.id), kind }
                },
            )?;
        }
        Ok(())
    }

    /// The anchors a link may lead to.
    pub(crate) fn anchors(&self) -> BTreeSet<&str> {
        let mut anchors = BTreeSet::new();
        for section in &self.sections {
            anchors.insert(section.id.as_str());
            note_anchors(&section.blocks, &mut anchors);
        }
        anchors
    }
}

/// Turns any name into an identifier; two different names never give the same one.
///
/// ```
/// assert_eq!(reports::anchor("service", "acme/api"), "service-acme.2f.api");
/// ```
#[must_use]
pub fn anchor(prefix: &str, name: &str) -> String {
    let spelled = |c: char| match c {
        c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@') => c.to_string(),
        c => format!(".{:x}.", u32::from(c)),
    };
    format!("{prefix}-{}", name.chars().map(spelled).collect::<String>())
}

/// Puts a name between backticks, so that a text shows it as code and nothing in it is read as markup.
#[must_use]
pub fn code(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("`{}`", name.replace('`', "'")) }
}

type Refusal = (Option<String>, DocumentErrorKind);

fn check_id<'a>(id: &'a str, seen: &mut BTreeSet<&'a str>) -> Result<(), Refusal> {
    let kind = if !is_identifier(id) {
        DocumentErrorKind::BadId(id.to_owned())
    } else if id.starts_with("doc-") {
        DocumentErrorKind::ReservedId(id.to_owned())
    } else if !seen.insert(id) {
        DocumentErrorKind::DuplicateId(id.to_owned())
    } else {
        return Ok(());
    };
    Err((None, kind))
}

fn check_blocks<'a>(blocks: &'a [Block], seen: &mut BTreeSet<&'a str>) -> Result<(), Refusal> {
    for block in blocks {
        match block {
            Block::Table(table) => {
                check_table(table).map_err(|kind| (Some(format!("table `{}`", table.caption)), kind))?;
            }
            Block::Chart(chart) => {
                check_chart(chart).map_err(|kind| (Some(format!("chart `{}`", chart.title)), kind))?;
            }
            Block::Effects(plot) => {
                check_effects(plot).map_err(|kind| (Some(format!("plot `{}`", plot.title)), kind))?;
            }
            Block::Notes(notes) => notes.iter().try_for_each(|note| check_id(&note.id, seen))?,
            Block::Details { blocks, .. } => check_blocks(blocks, seen)?,
            Block::Paragraph(_) | Block::Figures(_) | Block::List(_) | Block::Command(_) => {}
        }
    }
    Ok(())
}

fn check_table(table: &Table) -> Result<(), DocumentErrorKind> {
    let columns = table.columns.len();
    match table.rows.iter().position(|row| row.len() != columns) {
        Some(index) => Err(DocumentErrorKind::RaggedRow { row: index + 1, cells: table.rows[index].len(), columns }),
        None => Ok(()),
    }
}

fn check_chart(chart: &Chart) -> Result<(), DocumentErrorKind> {
    if chart.series.len() > MAX_SERIES {
        return Err(DocumentErrorKind::TooManySeries(chart.series.len()));
    }
    chart.marks.iter().try_for_each(|mark| check_instant(mark.at_seconds))?;
    for series in &chart.series {
        for point in &series.points {
            check_instant(point.at_seconds)?;
            if [point.value, point.low, point.high].iter().flatten().any(|number| !number.is_finite()) {
                return Err(DocumentErrorKind::NotFinite(series.name.clone()));
            }
            if point.low.zip(point.high).is_some_and(|(low, high)| low > high) {
                return Err(DocumentErrorKind::InvertedInterval(series.name.clone()));
            }
            if chart.interval_label.is_none() && (point.low.is_some() || point.high.is_some()) {
                return Err(DocumentErrorKind::UnlabelledInterval);
            }
        }
        if !series.points.is_sorted_by(|a, b| a.at_seconds < b.at_seconds) {
            return Err(DocumentErrorKind::OutOfOrder(series.name.clone()));
        }
    }
    Ok(())
}

fn check_effects(plot: &EffectPlot) -> Result<(), DocumentErrorKind> {
    check_table(&plot.table)?;
    if plot.margin.is_some_and(|margin| !margin.is_finite()) {
        return Err(DocumentErrorKind::NotFinite(plot.title.clone()));
    }
    for estimate in &plot.estimates {
        if [estimate.value, estimate.low, estimate.high].iter().flatten().any(|number| !number.is_finite()) {
            return Err(DocumentErrorKind::NotFinite(estimate.label.clone()));
        }
        if estimate.low.zip(estimate.high).is_some_and(|(low, high)| low > high) {
            return Err(DocumentErrorKind::InvertedInterval(estimate.label.clone()));
        }
    }
    let is_ordered = plot.layout == EffectLayout::Rows || plot.estimates.is_sorted_by(|a, b| a.at < b.at);
    if is_ordered { Ok(()) } else { Err(DocumentErrorKind::OutOfOrder(plot.title.clone())) }
}

fn check_instant(at_seconds: i64) -> Result<(), DocumentErrorKind> {
    use chrono::Datelike as _;
    // A day is kept free at both ends, so that no zone can push a date out of the range.
    let inside = |at: &DateTime<_>| {
        let year = at.year();
        (1..=9999).contains(&year) && (year > 1 || at.ordinal() > 1) && (year < 9999 || at.ordinal() < 365)
    };
    match DateTime::from_timestamp(at_seconds, 0).filter(inside) {
        Some(_) => Ok(()),
        None => Err(DocumentErrorKind::InstantOutOfRange(at_seconds)),
    }
}

fn note_anchors<'a>(blocks: &'a [Block], anchors: &mut BTreeSet<&'a str>) {
    for block in blocks {
        match block {
            Block::Notes(notes) => anchors.extend(notes.iter().map(|note| note.id.as_str())),
            Block::Details { blocks, .. } => note_anchors(blocks, anchors),
            _ => {}
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn zone_name<S: Serializer>(zone: &Tz, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(zone.name())
}

#[cfg(test)]
pub(crate) mod tests;
