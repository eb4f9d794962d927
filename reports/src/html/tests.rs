use insta::assert_snapshot;

use super::*;
use crate::document::tests::{chart, document, sample};

pub(crate) const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"onload=alert(1) x=\"",
    "' onclick='alert(1)",
    "</title></style></svg><img src=x onerror=alert(1)>",
    "[a](javascript:alert(1)) `<b>` &lt;b&gt;",
    "https://evil.example/ ]]> --> \u{202e}\u{0}",
];

fn html(document: &Document) -> String {
    document.to_html().expect("the document is sound")
}

/// What stands in the body for the blocks of one section.
fn fragment(blocks: Vec<Block>) -> String {
    let page = html(&document(blocks));
    let (_, rest) = page.split_once("Only</h2>\n").expect("the section has a heading");
    rest.split_once("</section>").map(|(fragment, _)| fragment.trim().to_owned()).expect("the section ends")
}

/// The tags of a page, without its style sheet.
pub(crate) fn tags(page: &str) -> Vec<String> {
    let (head, rest) = page.split_once("<style>").expect("a page has a style sheet");
    let (_, body) = rest.split_once("</style>").expect("the style sheet ends");
    let markup = format!("{head}<style></style>{body}");
    markup.split('<').skip(1).map(|tag| tag.split('>').next().unwrap_or_default().to_owned()).collect()
}

pub(crate) fn attributes<'a>(tags: &'a [String], name: &str) -> Vec<&'a str> {
    let marker = format!(" {name}=\"");
    tags.iter().filter_map(|tag| tag.split_once(&marker)?.1.split('"').next()).collect()
}

pub(crate) fn assert_balanced(page: &str) {
    let mut open = Vec::new();
    for tag in tags(page) {
        let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap_or_default().to_owned();
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(closed), "{tag}");
        } else if !tag.ends_with('/') && !tag.starts_with('!') && name != "meta" {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_page_loads_and_runs_nothing() {
    let page = html(&sample("api"));
    assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"));
    for word in ["http://", "https://", "<script", "<link", "<img", "<iframe", "src=", "url(", "@import", "javascript:"]
    {
        assert!(!page.contains(word), "{word}");
    }
    assert!(
        page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\"")
    );
    assert!(attributes(&tags(&page), "href").iter().all(|target| target.starts_with('#')));
}

#[test]
fn hostile_names_are_only_words() {
    let safe: Vec<String> = tags(&html(&sample("name")));
    for name in HOSTILE {
        let page = html(&sample(name));
        assert_balanced(&page);
        let names = |tags: &[String]| -> BTreeSet<String> {
            tags.iter().filter_map(|tag| tag.split(' ').next()).map(str::to_owned).collect()
        };
        let tags = tags(&page);
        assert_eq!(names(&tags), names(&safe), "{name}");
        for tag in &tags {
            let outside_quotes: String = tag.split('"').step_by(2).collect();
            assert!(!outside_quotes.contains("onload") && !outside_quotes.contains("onclick"), "{tag}");
        }
        assert!(!page.contains(['\u{202e}', '\u{0}']));
    }
}

#[test]
fn every_identifier_is_unique_and_every_reference_resolves() {
    let page = html(&sample("api"));
    assert_balanced(&page);
    let tags = tags(&page);
    let ids = attributes(&tags, "id");
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), unique.len());
    for link in attributes(&tags, "href") {
        assert!(unique.contains(link.trim_start_matches('#')), "{link}");
    }
    for name in ["aria-labelledby", "aria-describedby"] {
        for id in attributes(&tags, name) {
            assert!(unique.contains(id), "{id}");
        }
    }
    assert!(!page.contains("#nowhere"), "a link that leads nowhere is plain text");
}

#[test]
fn headings_are_in_order_and_landmarks_exist() {
    let page = html(&sample("api"));
    let headings: Vec<String> = tags(&page)
        .iter()
        .filter_map(|tag| tag.get(..2))
        .filter(|tag| ["h1", "h2", "h3"].contains(tag))
        .map(str::to_owned)
        .collect();
    assert_eq!(headings, ["h1", "h2", "h2", "h2"]);
    for landmark in ["<main ", "<nav ", "<header>", "class=\"skip\""] {
        assert_eq!(page.matches(landmark).count(), 1, "{landmark}");
    }
}

#[test]
fn simulated_data_are_said_to_be_everywhere() {
    let mut document = sample("api");
    let page = html(&document);
    assert!(page.contains("<title>SIMULATED · About api.</title>"));
    assert!(page.contains("<aside class=\"simulated\""));
    assert!(page.contains("@top-center"));
    assert_eq!(page.matches("class=\"badge\"").count(), page.matches("<figcaption").count());
    assert!(page.contains("<title id=\"doc-chart-2-title\">Simulated data: "));
    document.simulated = None;
    assert!(
        !html(&document)
            .split_once("</style>")
            .expect("a page has a style sheet")
            .1
            .to_lowercase()
            .contains("simulated")
    );
    assert!(!html(&document).contains("@top-center"));
}

#[test]
fn figures_show_what_there_is() {
    let Block::Figures(figures) = sample("api").sections[0].blocks[1].clone() else { panic!("the sample has figures") };
    assert_snapshot!(fragment(vec![Block::Figures(figures)]), @r#"
    <ul class="figures">
    <li><p class="label">api</p><p class="value">14 %</p><p class="interval">95 % interval 10 % to 18 %</p><p class="n">n = 288 rollouts</p><p class="remark">api, see the notes</p></li>
    <li><p class="label">api</p><p class="value none">no data</p></li>
    </ul>
    "#);
}

#[test]
fn a_table_names_its_rows_and_columns() {
    let Block::Table(table) = sample("api").sections[0].blocks[2].clone() else { panic!("the sample has a table") };
    assert_snapshot!(fragment(vec![Block::Table(table)]).replace('\u{a0}', "_"), @r#"
    <div class="scroll" role="region" aria-labelledby="doc-table-1" tabindex="0">
    <table>
    <caption id="doc-table-1">About api.</caption>
    <thead><tr><th scope="col">api</th><th scope="col" class="number">Lead time<span class="unit"> (h)</span></th></tr></thead>
    <tbody>
    <tr><th scope="row">api</th><td class="number" title="About api.">12</td></tr>
    <tr><th scope="row">web</th><td class="number muted">no_data</td></tr>
    </tbody>
    </table>
    </div>
    "#);
}

#[test]
fn flowing_text_and_commands() {
    let blocks = vec![
        Block::Paragraph("`a < b` & [here](#only), [nowhere](#nowhere)".to_owned()),
        Block::List(vec!["one".to_owned(), "`two`".to_owned()]),
        Block::Command("doracle run \\\n  --service '<api>'".to_owned()),
        Block::Details { summary: "More".to_owned(), blocks: vec![Block::Paragraph("inside".to_owned())] },
    ];
    assert_snapshot!(fragment(blocks), @r##"
    <p><code>a &lt; b</code> &amp; <a href="#only">here</a>, nowhere</p>
    <ul>
    <li>one</li>
    <li><code>two</code></li>
    </ul>
    <pre class="command" tabindex="0" role="region" aria-label="Command"><code>doracle run \
      --service &#39;&lt;api&gt;&#39;</code></pre>
    <details class="more"><summary>More</summary>
    <p>inside</p>
    </details>
    "##);
}

#[test]
fn dates_and_numbers_break_nowhere_but_between_their_parts() {
    let table = Table {
        caption: "Numbers".to_owned(),
        columns: vec![TableColumn::date("Since"), TableColumn::numeric("Frequency"), TableColumn::text("Remark")],
        rows: vec![vec![
            "2026-03-02 01:00 CET".into(),
            "5.8 per day (5.5 per day to 6.2 per day); n = 1,057".into(),
            TableCell::from("to be (or not); 2 h").muted(),
        ]],
    };
    let row = fragment(vec![Block::Table(table)]);
    let row = row.lines().find(|line| line.starts_with("<tr>")).expect("there is one").replace('\u{a0}', "_");
    assert_snapshot!(row, @r#"<tr><th scope="row" class="date">2026-03-02 01:00 CET</th><td class="number">5.8_per_day (5.5_per_day to_6.2_per_day); n_=_1,057</td><td class="muted">to be (or not); 2 h</td></tr>"#);
}

#[test]
fn a_chart_without_data_says_so() {
    let mut chart = chart("api");
    chart.series.clear();
    assert_snapshot!(fragment(vec![Block::Chart(chart)]), @r#"
    <div class="charts">
    <figure class="chart">
    <figcaption id="doc-chart-1"><strong>Change fail rate of api</strong><span class="axis">share of rollouts of api</span></figcaption>
    <p class="nothing">no data</p>
    <p class="description">Weekly shares of api.</p>
    <details class="data"><summary>Data as a table</summary>
    <div class="scroll" role="region" aria-labelledby="doc-table-2" tabindex="0">
    <table>
    <caption id="doc-table-2">Data: Change fail rate of api</caption>
    <thead><tr><th scope="col">Date</th></tr></thead>
    <tbody>
    <tr><td class="muted" colspan="1">no rows</td></tr>
    </tbody>
    </table>
    </div>
    </details>
    </figure>
    </div>
    "#);
}

#[test]
fn a_legend_explains_what_is_drawn() {
    let fragment = fragment(vec![Block::Chart(chart("api"))]);
    let (_, legend) = fragment.split_once("<ul class=\"legend\">").expect("a chart has a legend");
    let items = legend.lines().filter(|line| line.ends_with("</li>")).map(|line| {
        let text = line.rsplit_once("</svg>").map_or(line, |(_, text)| text);
        text.trim_start_matches("<li>").trim_end_matches("</li>")
    });
    assert_snapshot!(items.collect::<Vec<_>>().join("\n"), @r#"
    api
    web
    Band or bar: 95 % Wilson interval
    Arrow: the end is unknown or beyond the chart
    Hollow: immature, can still change
    <li class="mark"><b>1</b> 2026-03-08 23:00 UTC orchestration of api
    <li class="mark"><b>2</b> 2025-03-02 23:00 UTC long ago (outside the drawn range)
    "#);
}

#[test]
fn neighbouring_charts_share_rows() {
    let blocks = vec![
        Block::Chart(chart("a")),
        Block::Chart(chart("b")),
        Block::Paragraph("text".to_owned()),
        Block::Chart(chart("c")),
    ];
    assert_eq!(fragment(blocks).matches("<div class=\"charts\">").count(), 2);
}

#[test]
fn an_empty_document_is_a_page() {
    let mut document = document(Vec::new());
    document.sections.clear();
    assert_balanced(&html(&document));
    assert!(!html(&document).contains("<nav"));
}
