//! The document as one HTML page that loads nothing, runs nothing and can be read, printed and listened to.

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine;
use chrono_tz::Tz;
use sha2::{Digest, Sha256};

use crate::chart::effects::{self, EffectDrawing};
use crate::chart::{self, Drawing};
use crate::document::{
    Block, Chart, Document, EffectPlot, EstimateRole, Fact, Figure, Note, Notice, NoticeLevel, Section, Site, Table,
    TableCell, TableColumn,
};
use crate::format::{NO_DATA, point_in_time};
use crate::inline::{Inline, clean, parse};

const STYLE: &str = include_str!("style.css");
/// Nothing may be loaded, run or sent from the page; only the styles it carries apply.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
/// What pages of a site have besides.
const SITE_STYLE: &str = include_str!("site/site.css");
const SCRIPT: &str = include_str!("site/site.js");
/// Browsers that know page margins repeat the warning on every printed page.
const SIMULATED_PRINT: &str =
    "@page { @top-center { content: \"SIMULATED DATA\"; font: bold 9pt sans-serif; color: #a1260d } }";

/// Renders a checked document.
pub(crate) fn page(document: &Document) -> String {
    let mut page = Page::new(document);
    page.head(document);
    page.push("<body>\n<a class=\"skip\" href=\"#doc-main\">Skip to the content</a>\n");
    page.banner(document);
    page.push("<div class=\"page\">\n");
    if let Some(site) = &document.site {
        page.pages(site);
    }
    page.header(document);
    page.contents(&document.sections);
    page.push("<main id=\"doc-main\" tabindex=\"-1\">\n");
    for notice in &document.notices {
        page.notice(notice);
    }
    for section in &document.sections {
        page.section(section);
    }
    page.push("</main>\n</div>\n");
    if document.site.is_some() {
        page.push(&format!("<script>{SCRIPT}</script>\n"));
    }
    page.push("</body>\n</html>\n");
    page.out
}

/// A page being written.
struct Page<'a> {
    out: String,
    anchors: BTreeSet<&'a str>,
    zone: Tz,
    simulated: bool,
    site: Option<&'a Site>,
    /// How many identifiers the renderer has given out.
    given: usize,
}

impl<'a> Page<'a> {
    fn new(document: &'a Document) -> Self {
        Self {
            out: String::new(),
            anchors: document.anchors(),
            zone: document.zone,
            simulated: document.simulated.is_some(),
            site: document.site.as_ref(),
            given: 0,
        }
    }

    fn push(&mut self, html: &str) {
        self.out.push_str(html);
    }

    /// Writes an element whose content is a plain text.
    fn element(&mut self, tag: &str, class: &str, text: &str) {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        self.push(&format!("<{tag}{class}>{}</{tag}>", escape(text)));
    }

    /// Writes an element whose content is a text with inline markup.
    fn flowing(&mut self, tag: &str, class: &str, text: &str) {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        let content = self.inline(text);
        self.push(&format!("<{tag}{class}>{content}</{tag}>"));
    }

    fn inline(&self, text: &str) -> String {
        parse(text).into_iter().fold(String::new(), |html, piece| match piece {
            Inline::Text(text) => html + &escape(text),
            Inline::Code(code) => format!("{html}<code>{}</code>", escape(code)),
            Inline::Link { text, anchor } => html + &self.link(text, anchor),
            Inline::Page { text, file } => html + &self.file_link(text, file),
        })
    }

    /// A link, or its words alone when it would lead nowhere.
    fn link(&self, text: &str, anchor: &str) -> String {
        if self.anchors.contains(anchor) {
            format!("<a href=\"#{}\">{}</a>", escape(anchor), escape(text))
        } else {
            escape(text).into_owned()
        }
    }

    /// A link to another file of the site, or its words alone where there is none.
    fn file_link(&self, text: &str, file: &str) -> String {
        if self.site.is_some_and(|site| site.files.contains(file)) {
            format!("<a href=\"{}\">{}</a>", escape(file), escape(text))
        } else {
            escape(text).into_owned()
        }
    }

    fn pages(&mut self, site: &Site) {
        self.push("<nav class=\"pages\" aria-label=\"Pages\">\n<ul>\n");
        for page in &site.pages {
            let mark = if page.file == site.current { " aria-current=\"page\"" } else { "" };
            self.push(&format!("<li><a href=\"{}\"{mark}>{}</a></li>\n", escape(&page.file), escape(&page.title)));
        }
        self.push("</ul>\n</nav>\n");
    }

    fn new_id(&mut self, kind: &str) -> String {
        self.given += 1;
        format!("doc-{kind}-{}", self.given)
    }

    fn head(&mut self, document: &Document) {
        let mark = if self.simulated { "SIMULATED \u{b7} " } else { "" };
        self.push("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        // Of scripts only the one that the page carries may run.
        let script = self.site.map_or_else(String::new, |_| format!("; script-src 'sha256-{}'", digest(SCRIPT)));
        self.push(&format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}{script}\">\n"));
        self.push("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        self.push("<meta name=\"color-scheme\" content=\"light dark\">\n");
        self.push("<meta name=\"referrer\" content=\"no-referrer\">\n");
        self.push(&format!("<title>{mark}{}</title>\n<style>\n{STYLE}", escape(&document.title)));
        self.push(if self.simulated { SIMULATED_PRINT } else { "" });
        self.push(if self.site.is_some() { SITE_STYLE } else { "" });
        self.push("</style>\n</head>\n");
    }

    fn banner(&mut self, document: &Document) {
        if let Some(reason) = &document.simulated {
            self.push("<aside class=\"simulated\" aria-label=\"Simulated data\"><strong>Simulated data</strong> ");
            self.flowing("span", "", reason);
            self.push("</aside>\n");
        }
    }

    fn header(&mut self, document: &Document) {
        self.push("<header>\n");
        self.element("h1", "", &document.title);
        if !document.subtitle.is_empty() {
            self.element("p", "subtitle", &document.subtitle);
        }
        self.facts(&document.facts);
        self.push("</header>\n");
    }

    fn facts(&mut self, facts: &[Fact]) {
        if facts.is_empty() {
            return;
        }
        self.push("\n<dl class=\"facts\">\n");
        for fact in facts {
            self.push("<div>");
            self.element("dt", "", &fact.label);
            self.flowing("dd", "", &fact.value);
            self.push("</div>\n");
        }
        self.push("</dl>\n");
    }

    fn contents(&mut self, sections: &[Section]) {
        if sections.is_empty() {
            return;
        }
        self.push("<nav aria-labelledby=\"doc-contents\">\n<h2 id=\"doc-contents\">Contents</h2>\n<ol>\n");
        for section in sections {
            let link = self.link(&section.title, &section.id);
            self.push(&format!("<li>{link}</li>\n"));
        }
        self.push("</ol>\n</nav>\n");
    }

    fn notice(&mut self, notice: &Notice) {
        let (class, word) = match notice.level {
            NoticeLevel::Info => ("info", "Note"),
            NoticeLevel::Warning => ("warning", "Warning"),
            NoticeLevel::Problem => ("problem", "Problem"),
        };
        self.push(&format!("<p class=\"notice {class}\"><strong>{word}</strong> "));
        self.flowing("span", "", &notice.text);
        self.push("</p>\n");
    }

    fn section(&mut self, section: &Section) {
        let id = escape(&section.id);
        self.push(&format!("<section id=\"{id}\" aria-labelledby=\"doc-title-{id}\">\n"));
        self.push(&format!("<h2 id=\"doc-title-{id}\">{}</h2>\n", escape(&section.title)));
        if let Some(lead) = &section.lead {
            self.flowing("p", "lead", lead);
        }
        self.blocks(&section.blocks);
        self.push("</section>\n");
    }

    /// Writes blocks; neighbouring charts share rows where the page is wide.
    fn blocks(&mut self, blocks: &[Block]) {
        for run in blocks.chunk_by(|a, b| is_drawn(a) && is_drawn(b)) {
            let together = run.first().is_some_and(is_drawn);
            self.push(if together { "<div class=\"charts\">\n" } else { "" });
            for block in run {
                self.block(block);
            }
            self.push(if together { "</div>\n" } else { "" });
        }
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Paragraph(text) => self.flowing("p", "", text),
            Block::Figures(figures) => self.figures(figures),
            Block::Table(table) => self.table(table),
            Block::Chart(chart) => self.chart(chart),
            Block::Effects(plot) => self.effects(plot),
            Block::List(items) => self.list(items),
            Block::Command(command) => self.command(command),
            Block::Notes(notes) => self.notes(notes),
            Block::Details { summary, blocks } => {
                self.push("<details class=\"more\">");
                self.element("summary", "", summary);
                self.push("\n");
                self.blocks(blocks);
                self.push("</details>");
            }
        }
        self.push("\n");
    }

    fn list(&mut self, items: &[String]) {
        self.push("<ul>\n");
        for item in items {
            self.flowing("li", "", item);
            self.push("\n");
        }
        self.push("</ul>");
    }

    fn command(&mut self, command: &str) {
        let lines: Vec<String> = command.lines().map(|line| escape(line).into_owned()).collect();
        self.push("<pre class=\"command\" tabindex=\"0\" role=\"region\" aria-label=\"Command\">");
        self.push(&format!("<code>{}</code></pre>", lines.join("\n")));
    }

    fn notes(&mut self, notes: &[Note]) {
        self.push("<dl class=\"notes\">\n");
        for note in notes {
            self.push(&format!("<div id=\"{}\">", escape(&note.id)));
            self.element("dt", "", &note.term);
            self.flowing("dd", "", &note.text);
            self.push("</div>\n");
        }
        self.push("</dl>");
    }

    fn figures(&mut self, figures: &[Figure]) {
        self.push("<ul class=\"figures\">\n");
        for figure in figures {
            self.push("<li>");
            self.figure(figure);
            self.push("</li>\n");
        }
        self.push("</ul>");
    }

    fn figure(&mut self, figure: &Figure) {
        let label = match &figure.definition_id {
            Some(id) => self.link(&figure.label, id),
            None => escape(&figure.label).into_owned(),
        };
        self.push(&format!("<p class=\"label\">{label}</p>"));
        self.element("p", if figure.value == NO_DATA { "value none" } else { "value" }, &figure.value);
        if let Some(interval) = &figure.interval {
            self.element("p", "interval", &unbroken(interval));
        }
        if let Some(n) = &figure.n {
            self.element("p", "n", n);
        }
        if let Some(note) = &figure.note {
            self.flowing("p", "remark", note);
        }
    }

    fn table(&mut self, table: &Table) {
        let id = self.new_id("table");
        self.push(&format!(
            "<div class=\"scroll\" role=\"region\" aria-labelledby=\"{id}\" tabindex=\"0\">\n<table>\n"
        ));
        self.push(&format!("<caption id=\"{id}\">{}</caption>\n<thead><tr>", escape(&table.caption)));
        for column in &table.columns {
            let class = if column.numeric { " class=\"number\"" } else { "" };
            self.push(&format!("<th scope=\"col\"{class}>{}", escape(&column.title)));
            if let Some(unit) = &column.unit {
                self.element("span", "unit", &format!(" ({unit})"));
            }
            self.push("</th>");
        }
        self.push("</tr></thead>\n<tbody>\n");
        if table.rows.is_empty() {
            self.push(&format!(
                "<tr><td class=\"muted\" colspan=\"{}\">no rows</td></tr>\n",
                table.columns.len().max(1)
            ));
        }
        for row in &table.rows {
            self.push("<tr>");
            for (index, (cell, column)) in row.iter().zip(&table.columns).enumerate() {
                self.cell(cell, column, index == 0 && !column.numeric);
            }
            self.push("</tr>\n");
        }
        self.push("</tbody>\n</table>\n</div>");
    }

    fn cell(&mut self, cell: &TableCell, column: &TableColumn, names_row: bool) {
        let (open, close) = if names_row { ("<th scope=\"row\"", "th") } else { ("<td", "td") };
        self.push(open);
        let classes = [("number", column.numeric), ("date", column.date), ("muted", cell.muted)];
        let classes: Vec<&str> = classes.into_iter().filter(|(_, applies)| *applies).map(|(name, _)| name).collect();
        if !classes.is_empty() {
            self.push(&format!(" class=\"{}\"", classes.join(" ")));
        }
        if let Some(title) = &cell.title {
            self.push(&format!(" title=\"{}\"", escape(title)));
        }
        if let Some(by) = cell.sort.as_ref().filter(|_| self.site.is_some()) {
            self.push(&format!(" data-sort=\"{}\"", escape(by)));
        }
        let text = if column.numeric { in_parts(&cell.text) } else { cell.text.clone() };
        let text = match &cell.link {
            Some(file) => self.file_link(&text, file),
            None => escape(&text).into_owned(),
        };
        self.push(&format!(">{text}</{close}>"));
    }

    fn chart(&mut self, chart: &Chart) {
        let id = self.new_id("chart");
        self.caption(&chart.title, &chart.y_label, &id);
        match chart::draw(chart, self.zone) {
            Some(drawing) => {
                self.drawing((&chart.title, &chart.description), &chart::view_box(), &drawing.content, &id);
                self.legend(chart, &drawing);
            }
            None => self.push("<p class=\"nothing\">no data</p>\n"),
        }
        self.element("p", "description", &chart.description);
        self.push("\n<details class=\"data\"><summary>Data as a table</summary>\n");
        self.table(&chart::data_table(chart, self.zone));
        self.push("\n</details>\n</figure>");
    }

    /// Writes a drawing with its text alternative.
    fn drawing(&mut self, (title, description): (&str, &str), view_box: &str, content: &str, id: &str) {
        let mark = if self.simulated { "Simulated data: " } else { "" };
        self.push("<div class=\"plot\">");
        self.push(&format!("<svg viewBox=\"{view_box}\" role=\"img\""));
        self.push(&format!(" aria-labelledby=\"{id}-title\" aria-describedby=\"{id}-description\">"));
        self.push(&format!("<title id=\"{id}-title\">{mark}{}</title>", escape(title)));
        self.push(&format!("<desc id=\"{id}-description\">{}</desc>\n", escape(description)));
        self.push(&format!("{}</svg></div>\n", content.trim()));
    }

    fn caption(&mut self, title: &str, axis: &str, id: &str) {
        self.push(&format!("<figure class=\"chart\">\n<figcaption id=\"{id}\">"));
        self.element("strong", "", title);
        if self.simulated {
            self.push(" <span class=\"badge\">Simulated data</span>");
        }
        self.element("span", "axis", axis);
        self.push("</figcaption>\n");
    }

    fn effects(&mut self, plot: &EffectPlot) {
        let id = self.new_id("chart");
        self.caption(&plot.title, &plot.axis_label, &id);
        match effects::draw(plot) {
            Some(drawing) => {
                self.drawing((&plot.title, &plot.description), &drawing.view_box(), &drawing.content, &id);
                self.effects_legend(plot, &drawing);
            }
            None => self.push("<p class=\"nothing\">no data</p>\n"),
        }
        self.element("p", "description", &plot.description);
        self.push("\n<details class=\"data\"><summary>Data as a table</summary>\n");
        self.table(&plot.table);
        self.push("\n</details>\n</figure>");
    }

    fn effects_legend(&mut self, plot: &EffectPlot, drawing: &EffectDrawing) {
        self.push("<ul class=\"legend\">\n");
        for (role, words) in [
            (EstimateRole::Usual, format!("estimate with its {}", plot.interval_label)),
            (EstimateRole::Main, format!("the main analysis with its {}", plot.interval_label)),
            (EstimateRole::Reference, "what the others stand beside: 0 by definition".to_owned()),
        ] {
            if plot.estimates.iter().any(|one| one.role == role && one.value.is_some()) {
                self.sample(&effects::estimate_sample(role), &words);
            }
        }
        if let Some(margin) = plot.margin {
            let words = format!("margin: {}", plot.value_format.value(-margin));
            self.sample(&effects::margin_sample(), &words);
        }
        if drawing.goes_on {
            self.entry("Arrow: the limit is beyond the drawing; the table has it");
        }
        self.push("</ul>\n");
    }

    /// Writes an entry of a legend behind a drawn sample.
    fn sample(&mut self, drawn: &str, words: &str) {
        self.push("<li><svg viewBox=\"0 0 320 120\" aria-hidden=\"true\">");
        self.push(&format!("{}</svg>{}</li>\n", drawn.trim(), escape(words)));
    }

    fn legend(&mut self, chart: &Chart, drawing: &Drawing) {
        self.push("<ul class=\"legend\">\n");
        for (index, series) in chart.series.iter().enumerate() {
            self.sample(&chart::legend_sample(index), &series.name);
        }
        if let Some(label) = chart.interval_label.as_ref().filter(|_| drawing.intervals) {
            let shape = if chart::has_bands(chart) { "Band or bar" } else { "Bar" };
            self.entry(&format!("{shape}: {label}"));
        }
        if drawing.goes_on {
            self.entry("Arrow: the end is unknown or beyond the chart");
        }
        if drawing.immature {
            self.entry("Hollow: immature, can still change");
        }
        for (index, mark) in chart.marks.iter().enumerate() {
            let outside = if drawing.marks.contains(&index) { "" } else { " (outside the drawn range)" };
            let at = point_in_time(mark.at_seconds, self.zone);
            let text = format!("{at} {}{outside}", mark.label);
            self.push(&format!("<li class=\"mark\"><b>{}</b> {}</li>\n", index + 1, escape(&text)));
        }
        self.push("</ul>\n");
    }

    fn entry(&mut self, text: &str) {
        self.element("li", "", text);
        self.push("\n");
    }
}

fn is_drawn(block: &Block) -> bool {
    matches!(block, Block::Chart(_) | Block::Effects(_))
}

/// Keeps a number and its unit on one line.
fn unbroken(text: &str) -> String {
    let mut after_digit = false;
    let glue = |c: char| {
        let glued = if c == ' ' && after_digit { '\u{a0}' } else { c };
        after_digit = c.is_ascii_digit();
        glued
    };
    text.chars().map(glue).collect()
}

/// Lets a number, its interval and its count stand on a line each, and breaks none of them but between the two ends of
/// the interval.
fn in_parts(text: &str) -> String {
    text.replace(' ', "\u{a0}").replace("\u{a0}(", " (").replace(";\u{a0}", "; ").replace("\u{a0}to\u{a0}", " to\u{a0}")
}

/// The digest of a script as a policy names it.
pub(crate) fn digest(script: &str) -> String {
    let bytes: [u8; 32] = Sha256::digest(script.as_bytes()).into();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Makes a text harmless in HTML and SVG, in an element as well as in a quoted attribute.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    let text = clean(text);
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
pub(crate) mod tests;
