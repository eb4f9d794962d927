use insta::assert_snapshot;

use super::*;
use crate::document::Point;
use crate::document::tests::{MONDAY, WEEK, chart, document, sample};

fn markdown(document: &Document) -> String {
    document.to_markdown().expect("the document is sound")
}

#[test]
fn a_document_has_every_part() {
    assert_snapshot!(markdown(&sample("api")));
}

#[test]
fn hostile_names_are_only_words() {
    assert_snapshot!(markdown(&sample("<script>alert(1)</script> | \"onload=\" `x` [a](javascript:b) *_c_*")));
}

#[test]
fn no_name_opens_a_tag_or_a_cell() {
    let names = [
        "<img src=x onerror=alert(1)>",
        "a | b\n| c |",
        "![x](https://evil.example/a.png)",
        "</details>",
        "www.evil.example",
    ];
    let columns = |page: &str| -> Vec<usize> {
        let cells = |line: &str| line.matches('|').count() - line.matches("\\|").count();
        page.lines().filter(|line| line.starts_with('|')).map(cells).collect()
    };
    let safe = markdown(&sample("name"));
    for name in names {
        let page = markdown(&sample(name));
        let outside: String = page.split("```").step_by(2).collect();
        for tag in outside.split('<').skip(1) {
            let known = ["a id=\"", "/a>", "details>", "summary>", "/summary>", "/details>", "code>", "/code>"];
            assert!(known.iter().any(|known| tag.starts_with(known)), "<{tag}");
        }
        assert_eq!(outside.matches("</details>").count(), 1);
        let is_markdown = |line: &&str| !line.starts_with("<details>");
        let prose: String = outside.lines().filter(is_markdown).collect::<Vec<_>>().join("\n");
        let prose: String = prose.split('`').step_by(2).collect();
        assert!(!prose.contains("https://") && !prose.contains("www."), "{name}");
        assert_eq!(columns(&outside), columns(&safe), "{name}");
    }
}

#[test]
fn only_the_last_dates_of_a_long_chart_are_listed() {
    let mut chart = chart("api");
    let point = |week: i64| Point { at_seconds: MONDAY + week * WEEK, value: Some(0.1), ..Point::default() };
    chart.series[0].points = (0..40).map(point).collect();
    let page = markdown(&document(vec![Block::Chart(chart)]));
    assert!(page.contains("**The last 12 of 40 dates**"));
    assert_eq!(page.matches("| 10 % |").count(), CHART_ROWS);
}

#[test]
fn a_chart_without_data_says_so() {
    let mut chart = chart("api");
    chart.series.clear();
    assert!(markdown(&document(vec![Block::Chart(chart)])).ends_with("\n\nno data\n"));
}

#[test]
fn bars_span_the_range_and_gaps_stay_gaps() {
    let series = |values: &[Option<f64>]| {
        let point = |(at_seconds, value): (i64, &Option<f64>)| Point { at_seconds, value: *value, ..Point::default() };
        Series { name: "api".to_owned(), points: (0..).zip(values).map(point).collect() }
    };
    let values: Vec<Option<f64>> = (0..=8).map(|n| Some(f64::from(n))).collect();
    assert_snapshot!(sparkline(&series(&values), 0.0, 8.0, 0), @"api: ▁▂▃▄▅▆▇██");
    assert_snapshot!(sparkline(&series(&[Some(2.0), None, Some(2.0)]), 2.0, 2.0, 0), @"api: ▅·▅");
    assert_snapshot!(sparkline(&series(&[Some(f64::MIN), Some(f64::MAX)]), f64::MIN, f64::MAX, 0), @"api: ▁█");
    assert_snapshot!(sparkline(&series(&[Some(2.0), Some(4.0)]), 2.0, 4.0, 2), @"api: ··▁█");
}

#[test]
fn the_beginning_of_a_line_is_no_markup() {
    let starts = ["# a", "- a", "+ a", "1. a", "12) a", "=== a", "    a", "2026-03-02 a"];
    let lines: Vec<_> = starts.iter().map(|start| protect(start)).collect();
    assert_snapshot!(lines.join("\n"), @r"
    \# a
    \- a
    \+ a
    1\. a
    12\) a
    \=== a
    a
    2026-03-02 a
    ");
}

#[test]
fn a_fence_is_longer_than_what_it_holds() {
    assert_snapshot!(fenced("echo '````'"), @r"
    `````sh
    echo '````'
    `````
    ");
}
