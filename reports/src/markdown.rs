//! The document as GitHub-flavoured Markdown.

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono_tz::Tz;

use crate::chart;
use crate::document::{
    Block, Chart, Document, EffectPlot, Figure, Note, Notice, NoticeLevel, Section, Series, Table, TableColumn,
};
use crate::format::point_in_time;
use crate::html;
use crate::inline::{Inline, clean, parse};

/// The rows of data shown beneath a chart; the whole of them is in the other formats.
const CHART_ROWS: usize = 12;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Stands in a line of bars where there is no value.
const GAP: char = '\u{b7}';

/// Renders a checked document.
pub(crate) fn page(document: &Document) -> String {
    let mut page = Page {
        paragraphs: Vec::new(),
        anchors: document.anchors(),
        zone: document.zone,
        simulated: document.simulated.is_some(),
    };
    page.head(document);
    for section in &document.sections {
        page.section(section);
    }
    page.paragraphs.join("\n\n") + "\n"
}

/// A page being written, as the blocks that empty lines will set apart.
struct Page<'a> {
    paragraphs: Vec<String>,
    anchors: BTreeSet<&'a str>,
    zone: Tz,
    simulated: bool,
}

impl Page<'_> {
    fn push(&mut self, block: impl Into<String>) {
        self.paragraphs.push(block.into());
    }

    fn head(&mut self, document: &Document) {
        if let Some(reason) = &document.simulated {
            let reason = self.inline(reason);
            self.push(format!("> [!CAUTION]\n> **SIMULATED DATA** {reason}"));
        }
        let mark = if self.simulated { "SIMULATED: " } else { "" };
        self.push(format!("# {mark}{}", escape(&document.title)));
        if !document.subtitle.is_empty() {
            self.push(protect(&escape(&document.subtitle)));
        }
        for notice in &document.notices {
            self.notice(notice);
        }
        if !document.facts.is_empty() {
            let facts =
                document.facts.iter().map(|fact| format!("| {} | {} |", escape(&fact.label), self.inline(&fact.value)));
            let rows = facts.collect::<Vec<_>>().join("\n");
            self.push(format!("| About this report | |\n| --- | --- |\n{rows}"));
        }
    }

    fn notice(&mut self, notice: &Notice) {
        let kind = match notice.level {
            NoticeLevel::Info => "NOTE",
            NoticeLevel::Warning => "WARNING",
            NoticeLevel::Problem => "CAUTION",
        };
        let text = protect(&self.inline(&notice.text)).into_owned();
        self.push(format!("> [!{kind}]\n> {text}"));
    }

    fn section(&mut self, section: &Section) {
        self.push(format!("<a id=\"{}\"></a>\n\n## {}", section.id, escape(&section.title)));
        if let Some(lead) = &section.lead {
            self.flowing(lead);
        }
        self.blocks(&section.blocks);
    }

    fn blocks(&mut self, blocks: &[Block]) {
        for block in blocks {
            match block {
                Block::Paragraph(text) => self.flowing(text),
                Block::Figures(figures) => self.figures(figures),
                Block::Table(table) => self.table(table),
                Block::Chart(chart) => self.chart(chart),
                Block::Effects(plot) => self.effects(plot),
                Block::List(items) => self.list(items),
                Block::Command(command) => self.push(fenced(command)),
                Block::Notes(notes) => self.notes(notes),
                Block::Details { summary, blocks } => {
                    // GitHub reads this line as HTML, in which Markdown's backslashes would be seen.
                    self.push(format!("<details><summary>{}</summary>", html::escape(summary)));
                    self.blocks(blocks);
                    self.push("</details>");
                }
            }
        }
    }

    fn flowing(&mut self, text: &str) {
        let text = protect(&self.inline(text)).into_owned();
        self.push(text);
    }

    fn list(&mut self, items: &[String]) {
        let items: Vec<String> = items.iter().map(|item| format!("- {}", protect(&self.inline(item)))).collect();
        self.push(items.join("\n"));
    }

    fn notes(&mut self, notes: &[Note]) {
        for note in notes {
            let text = self.inline(&note.text);
            self.push(format!("<a id=\"{}\"></a>**{}**: {text}", note.id, escape(&note.term)));
        }
    }

    fn figures(&mut self, figures: &[Figure]) {
        let mut lines = vec!["| Figure | Value | Interval | n | Note |".to_owned()];
        lines.push("| --- | --- | --- | --- | --- |".to_owned());
        for figure in figures {
            let label = match &figure.definition_id {
                Some(id) => self.link(&figure.label, id),
                None => escape(&figure.label),
            };
            let interval = escape(figure.interval.as_deref().unwrap_or_default());
            let n = escape(figure.n.as_deref().unwrap_or_default());
            let note = self.inline(figure.note.as_deref().unwrap_or_default());
            lines.push(format!("| {label} | **{}** | {interval} | {n} | {note} |", escape(&figure.value)));
        }
        self.push(lines.join("\n"));
    }

    fn table(&mut self, table: &Table) {
        if !table.caption.is_empty() {
            self.push(format!("**{}**", escape(&table.caption)));
        }
        let mut lines = vec![row(table.columns.iter().map(heading))];
        lines.push(row(table.columns.iter().map(|column| if column.numeric { "---:" } else { "---" }.to_owned())));
        lines.extend(table.rows.iter().map(|cells| row(cells.iter().map(|cell| escape(&cell.text)))));
        self.push(if table.columns.is_empty() { "no columns".to_owned() } else { lines.join("\n") });
        if table.rows.is_empty() {
            self.push("no rows");
        }
    }

    fn chart(&mut self, chart: &Chart) {
        let mark = if self.simulated { " (SIMULATED DATA)" } else { "" };
        self.push(format!("**{}**{mark}: {}", escape(&chart.title), escape(&chart.y_label)));
        if !chart.description.is_empty() {
            self.push(protect(&escape(&chart.description)));
        }
        let bars = sparklines(chart);
        if bars.is_empty() {
            self.push("no data");
            return;
        }
        self.push(bars.join("\n"));
        self.marks(chart);
        let mut data = chart::data_table(chart, self.zone);
        let all = data.rows.len();
        if all > CHART_ROWS {
            data.rows.drain(..all - CHART_ROWS);
            data.caption = format!("The last {CHART_ROWS} of {all} dates");
        } else {
            data.caption.clear();
        }
        self.table(&data);
    }

    fn effects(&mut self, plot: &EffectPlot) {
        let mark = if self.simulated { " (SIMULATED DATA)" } else { "" };
        self.push(format!("**{}**{mark}: {}", escape(&plot.title), escape(&plot.axis_label)));
        if !plot.description.is_empty() {
            self.push(protect(&escape(&plot.description)));
        }
        self.table(&plot.table);
    }

    /// Lists the marks, with another bullet than the series above, so that the lists stay two.
    fn marks(&mut self, chart: &Chart) {
        let marks: Vec<String> = chart
            .marks
            .iter()
            .map(|mark| format!("* {}: {}", point_in_time(mark.at_seconds, self.zone), escape(&mark.label)))
            .collect();
        if !marks.is_empty() {
            self.push(marks.join("\n"));
        }
    }

    fn inline(&self, text: &str) -> String {
        parse(text).into_iter().fold(String::new(), |markdown, piece| match piece {
            Inline::Text(text) | Inline::Page { text, .. } => markdown + &escape(text),
            Inline::Code(code) => markdown + &code_span(code),
            Inline::Link { text, anchor } => markdown + &self.link(text, anchor),
        })
    }

    /// A link, or its words alone when it would lead nowhere.
    fn link(&self, text: &str, anchor: &str) -> String {
        if self.anchors.contains(anchor) { format!("[{}](#{anchor})", escape(text)) } else { escape(text) }
    }
}

fn row(cells: impl Iterator<Item = String>) -> String {
    cells.fold("|".to_owned(), |line, cell| format!("{line} {cell} |"))
}

fn heading(column: &TableColumn) -> String {
    match &column.unit {
        Some(unit) => format!("{} ({})", escape(&column.title), escape(unit)),
        None => escape(&column.title),
    }
}

/// A line of bars per series, all on the scale of the chart; nothing when there is no value at all.
fn sparklines(chart: &Chart) -> Vec<String> {
    let values = || chart.series.iter().flat_map(|series| &series.points).filter_map(|point| point.value);
    let zero = chart.y_from_zero.then_some(0.0);
    let low = values().chain(zero).fold(f64::INFINITY, f64::min);
    let high = values().chain(zero).fold(f64::NEG_INFINITY, f64::max);
    if values().next().is_none() {
        return Vec::new();
    }
    let instants: BTreeSet<i64> =
        chart.series.iter().flat_map(|series| &series.points).map(|point| point.at_seconds).collect();
    let line = |series: &Series| {
        let first = series.points.first().map_or(i64::MIN, |point| point.at_seconds);
        format!("- {}", sparkline(series, low, high, instants.range(..first).count()))
    };
    chart.series.iter().map(line).collect()
}

/// `later` is the number of instants of the chart that lie before the series.
fn sparkline(series: &Series, low: f64, high: f64, later: usize) -> String {
    let bar = |value: f64| {
        let range = high / 2.0 - low / 2.0;
        let share = if range > 0.0 { (value / 2.0 - low / 2.0) / range } else { 0.5 };
        // Eight bars share the range; the last also holds its upper end.
        let index = (1..BARS.len()).take_while(|&index| share * 8.0 >= index as f64).count();
        BARS[index]
    };
    let bars = series.points.iter().map(|point| point.value.map_or(GAP, bar));
    let bars: String = std::iter::repeat_n(GAP, later).chain(bars).collect();
    format!("{}: {bars}", escape(&series.name))
}

/// A code block whose fence is longer than any in it.
fn fenced(command: &str) -> String {
    let longest = command.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    let lines: Vec<Cow<str>> = command.lines().map(clean).collect();
    format!("{fence}sh\n{}\n{fence}", lines.join("\n"))
}

/// Code, as an HTML element where backticks would let something through or break a table.
fn code_span(code: &str) -> String {
    if code.contains(['<', '>', '&', '|', '\\']) || code.starts_with(' ') || code.ends_with(' ') {
        format!("<code>{}</code>", escape(code))
    } else {
        format!("`{}`", clean(code))
    }
}

/// Makes a text harmless inside a line of Markdown, and in a table's cell.
fn escape(text: &str) -> String {
    let text = clean(text);
    let mut escaped = String::with_capacity(text.len() + 8);
    let mut previous = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '[' | ']' | '|' | '~' | '$' => escaped.extend(['\\', c]),
            // Inside a word an underscore is only itself.
            '_' if within_word(previous, rest.peek().copied()) => escaped.push(c),
            '_' => escaped.push_str("\\_"),
            // What looks like an address would turn into a link.
            ':' if rest.peek() == Some(&'/') => escaped.push_str("\\:"),
            '.' if escaped.to_ascii_lowercase().ends_with("www") => escaped.push_str("\\."),
            c => escaped.push(c),
        }
        previous = Some(c);
    }
    escaped
}

fn within_word(before: Option<char>, after: Option<char>) -> bool {
    before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric)
}

/// Keeps the beginning of an escaped line from being read as a heading, a list, a rule or an indented block.
fn protect(line: &str) -> Cow<'_, str> {
    let line = line.trim_start();
    let digits = line.chars().take_while(char::is_ascii_digit).count();
    match line[digits..].chars().next() {
        Some('.' | ')') if digits > 0 => Cow::Owned(format!("{}\\{}", &line[..digits], &line[digits..])),
        Some('#' | '-' | '+' | '=') if digits == 0 => Cow::Owned(format!("\\{line}")),
        _ => Cow::Borrowed(line),
    }
}

#[cfg(test)]
mod tests;
