use std::error::Error;

use insta::{assert_json_snapshot, assert_snapshot};

use super::*;

/// Monday 2026-03-02, midnight in Berlin.
pub(crate) const MONDAY: i64 = 1_772_406_000;
pub(crate) const WEEK: i64 = 604_800;

/// A document that has a bit of everything and says `name` everywhere.
pub(crate) fn sample(name: &str) -> Document {
    let text = || format!("About {name}.");
    let figure = Figure {
        label: name.to_owned(),
        value: "14 %".to_owned(),
        interval: Some("95 % interval 10 % to 18 %".to_owned()),
        n: Some("n = 288 rollouts".to_owned()),
        note: Some(format!("{name}, see [the notes](#notes)")),
        definition_id: Some("change_fail_rate@1".to_owned()),
    };
    let missing = Figure { label: name.to_owned(), value: "no data".to_owned(), ..Figure::default() };
    let table = Table {
        caption: text(),
        columns: vec![TableColumn::text(name), TableColumn::numeric("Lead time").with_unit("h")],
        rows: vec![
            vec![name.into(), TableCell::from("12").with_title(text())],
            vec!["web".into(), TableCell::from("no data").muted()],
        ],
    };
    let blocks = vec![
        Block::Paragraph(format!("{name} and {} and [a link](#notes) and [none](#nowhere)", code(name))),
        Block::Figures(vec![figure, missing]),
        Block::Table(table),
        Block::Chart(chart(name)),
        Block::List(vec![text(), text()]),
        Block::Command(format!("doracle report --service '{name}'\n# end")),
        Block::Details { summary: text(), blocks: vec![Block::Paragraph(text())] },
        Block::Effects(effects(name)),
    ];
    let note = Note { term: name.to_owned(), id: "change_fail_rate@1".to_owned(), text: text() };
    let section = |id: &str, blocks| Section { id: id.to_owned(), title: text(), lead: Some(text()), blocks };
    Document {
        site: None,
        title: text(),
        subtitle: text(),
        simulated: Some(text()),
        notices: vec![
            Notice { level: NoticeLevel::Info, text: text() },
            Notice { level: NoticeLevel::Problem, text: text() },
        ],
        facts: vec![Fact { label: name.to_owned(), value: text() }],
        zone: chrono_tz::Europe::Berlin,
        sections: vec![section("summary", blocks), section("notes", vec![Block::Notes(vec![note])])],
    }
}

/// A chart of two series with a gap, an open interval, an immature point and two marks.
pub(crate) fn chart(name: &str) -> Chart {
    let series = |name: &str, values: &[Option<f64>]| Series { name: name.to_owned(), points: points(values) };
    let mut first = series(name, &[Some(0.10), Some(0.14), None, Some(0.20), Some(0.12)]);
    first.points[3].high = None;
    first.points[4].immature = true;
    Chart {
        title: format!("Change fail rate of {name}"),
        description: format!("Weekly shares of {name}."),
        y_label: format!("share of rollouts of {name}"),
        interval_label: Some("95 % Wilson interval".to_owned()),
        series: vec![first, series("web", &[Some(0.05), Some(0.06)])],
        marks: vec![
            Mark { at_seconds: MONDAY + WEEK, label: format!("orchestration of {name}") },
            Mark { at_seconds: MONDAY - 52 * WEEK, label: "long ago".to_owned() },
        ],
        y_from_zero: true,
        value_format: ValueFormat::Percent,
    }
}

/// Two effects, of which one has too little behind it.
pub(crate) fn effects(name: &str) -> EffectPlot {
    let estimate =
        Estimate { label: name.to_owned(), value: Some(0.2), low: Some(-0.1), high: Some(0.5), ..Estimate::default() };
    EffectPlot {
        title: format!("Effects of {name}"),
        description: format!("To the right is better, {name}."),
        axis_label: "change as a ratio".to_owned(),
        interval_label: "95 % interval".to_owned(),
        layout: EffectLayout::Rows,
        margin: Some(0.1),
        value_format: ValueFormat::Change,
        estimates: vec![estimate, Estimate { label: "web".to_owned(), ..Estimate::default() }],
        table: Table {
            caption: format!("Effects of {name}"),
            columns: vec![TableColumn::text("What"), TableColumn::numeric("Effect")],
            rows: vec![
                vec![name.into(), "+22 % (\u{2212}9.5 % to +65 %)".into()],
                vec!["web".into(), TableCell::from("insufficient data").muted()],
            ],
        },
    }
}

/// Weekly points with an interval of half to one and a half times the value.
pub(crate) fn points(values: &[Option<f64>]) -> Vec<Point> {
    let point = |(at_seconds, value): (i64, &Option<f64>)| Point {
        at_seconds,
        value: *value,
        low: value.map(|value| value * 0.5),
        high: value.map(|value| value * 1.5),
        immature: false,
    };
    (0..).map(|week| MONDAY + week * WEEK).zip(values).map(point).collect()
}

/// A document of one section.
pub(crate) fn document(blocks: Vec<Block>) -> Document {
    let section = Section { id: "only".to_owned(), title: "Only".to_owned(), lead: None, blocks };
    Document {
        site: None,
        title: "Report".to_owned(),
        subtitle: String::new(),
        simulated: None,
        notices: Vec::new(),
        facts: Vec::new(),
        zone: chrono_tz::UTC,
        sections: vec![section],
    }
}

fn refusal(blocks: Vec<Block>) -> String {
    let document = document(blocks);
    let error = document.check().expect_err("the test gives a document to refuse");
    for rendered in [document.to_html(), document.to_markdown(), document.to_json()] {
        assert_eq!(rendered.expect_err("every renderer refuses it").to_string(), error.to_string());
    }
    format!("{error}: {}", error.source().expect("an error has a reason"))
}

fn changed(change: impl FnOnce(&mut Chart)) -> Vec<Block> {
    let mut chart = chart("api");
    change(&mut chart);
    vec![Block::Chart(chart)]
}

fn note(id: &str) -> Block {
    Block::Notes(vec![Note { term: "term".to_owned(), id: id.to_owned(), text: "text".to_owned() }])
}

#[test]
fn a_number_that_is_not_finite_is_refused() {
    let expected = refusal(changed(|chart| chart.series[0].points[0].value = Some(f64::NAN)));
    assert_snapshot!(expected, @"could not render chart `Change fail rate of api` in section `only`: series `api` has a number that is not finite");
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(refusal(changed(|chart| chart.series[0].points[0].value = Some(number))), expected);
        assert_eq!(refusal(changed(|chart| chart.series[0].points[0].low = Some(number))), expected);
        assert_eq!(refusal(changed(|chart| chart.series[0].points[0].high = Some(number))), expected);
    }
}

#[test]
fn a_chart_that_contradicts_itself_is_refused() {
    let reason = |change: fn(&mut Chart)| {
        let text = refusal(changed(change));
        text.split_once(": ").map(|(_, reason)| reason.to_owned()).unwrap_or_default()
    };
    assert_snapshot!(
        reason(|chart| chart.series = vec![chart.series[1].clone(); 5]),
        @"5 series are more than 4"
    );
    assert_snapshot!(
        reason(|chart| chart.series[0].points.swap(0, 1)),
        @"series `api` is not strictly in order of time"
    );
    assert_snapshot!(
        reason(|chart| chart.series[1].points[1].at_seconds = MONDAY),
        @"series `web` is not strictly in order of time"
    );
    assert_snapshot!(
        reason(|chart| chart.series[0].points[0].low = Some(0.9)),
        @"series `api` has an interval whose lower end is above its upper end"
    );
    assert_snapshot!(
        reason(|chart| chart.interval_label = None),
        @"there are intervals, and no label says what they are"
    );
    assert_snapshot!(
        reason(|chart| chart.marks[0].at_seconds = i64::MAX),
        @"the instant 9223372036854775807 is outside the years 1 to 9999"
    );
}

#[test]
fn effects_that_contradict_themselves_are_refused() {
    let reason = |change: fn(&mut EffectPlot)| {
        let mut plot = effects("api");
        change(&mut plot);
        refusal(vec![Block::Effects(plot)])
    };
    assert_snapshot!(
        reason(|plot| plot.estimates[0].low = Some(f64::NAN)),
        @"could not render plot `Effects of api` in section `only`: series `api` has a number that is not finite"
    );
    assert!(reason(|plot| plot.margin = Some(f64::INFINITY)).contains("not finite"));
    assert!(reason(|plot| plot.estimates[0].low = Some(0.9)).contains("lower end is above its upper end"));
    assert!(reason(|plot| plot.layout = EffectLayout::Ranks).contains("not strictly in order"));
    assert!(reason(|plot| plot.table.rows[0].truncate(1)).contains("row 1 has 1 cells under 2 columns"));
}

#[test]
fn a_row_that_does_not_fit_is_refused() {
    let table = Table {
        caption: "Services".to_owned(),
        columns: vec![TableColumn::text("a"), TableColumn::text("b")],
        rows: vec![vec!["1".into(), "2".into()], vec!["3".into()]],
    };
    let inside = Block::Details { summary: "more".to_owned(), blocks: vec![Block::Table(table)] };
    assert_snapshot!(
        refusal(vec![inside]),
        @"could not render table `Services` in section `only`: row 2 has 1 cells under 2 columns"
    );
}

#[test]
fn an_identifier_is_valid_and_used_once() {
    assert_snapshot!(
        refusal(vec![note("a"), note("a")]),
        @"could not render section `only`: the identifier `a` is used twice"
    );
    assert_snapshot!(
        refusal(vec![note("only")]),
        @"could not render section `only`: the identifier `only` is used twice"
    );
    assert_snapshot!(
        refusal(vec![note("doc-main")]),
        @"could not render section `only`: the identifier `doc-main` begins with `doc-`, which the renderer keeps for itself"
    );
    for id in ["", "1a", "a b", "a\"onload=", "é"] {
        assert!(refusal(vec![note(id)]).contains("is no identifier"), "{id}");
    }
}

#[test]
fn names_become_identifiers_that_differ() {
    let names = ["acme/api", "acme-api", "acme.2f.api", "acme api", "é", "", "<script>"];
    let ids: BTreeSet<String> = names.iter().map(|name| anchor("service", name)).collect();
    assert_eq!(ids.len(), names.len());
    assert!(ids.iter().all(|id| is_identifier(id)));
}

#[test]
fn a_name_between_backticks_cannot_leave_them() {
    assert_eq!(code("a`b"), "`a'b`");
    assert_eq!(code(""), "");
}

#[test]
fn json_has_a_version_and_the_fields_of_the_document() {
    let figure = Figure { label: "Lead time".to_owned(), value: "no data".to_owned(), ..Figure::default() };
    let document = document(vec![Block::Paragraph("text".to_owned()), Block::Figures(vec![figure])]);
    let json: serde_json::Value =
        serde_json::from_str(&document.to_json().expect("the document is sound")).expect("the JSON can be read");
    assert_json_snapshot!(json, @r#"
    {
      "facts": [],
      "format_version": 1,
      "notices": [],
      "sections": [
        {
          "blocks": [
            {
              "content": "text",
              "type": "paragraph"
            },
            {
              "content": [
                {
                  "definition_id": null,
                  "interval": null,
                  "label": "Lead time",
                  "n": null,
                  "note": null,
                  "value": "no data"
                }
              ],
              "type": "figures"
            }
          ],
          "id": "only",
          "lead": null,
          "title": "Only"
        }
      ],
      "simulated": null,
      "subtitle": "",
      "title": "Report",
      "zone": "UTC"
    }
    "#);
}
