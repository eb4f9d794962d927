use chrono_tz::America::Sao_Paulo;
use chrono_tz::Europe::Berlin;
use chrono_tz::UTC;
use insta::assert_snapshot;

use super::axis::time_ticks;
use super::*;
use crate::document::tests::{MONDAY, WEEK, chart, effects as plot, points};
use crate::document::{EffectLayout, EffectPlot, Estimate, EstimateRole, Mark};

fn only(values: &[Option<f64>], format: ValueFormat) -> Chart {
    let series = Series { name: "api".to_owned(), points: points(values) };
    Chart { series: vec![series], marks: Vec::new(), value_format: format, ..chart("api") }
}

fn content(chart: &Chart) -> String {
    draw(chart, Berlin).expect("the chart has something to draw").content
}

/// The lines of the first series, each as the number of its points.
fn lines(content: &str) -> Vec<usize> {
    let lines = content.lines().filter(|line| line.contains("polyline") && line.contains("stroke-width=\"18\""));
    lines.map(|line| line.matches(',').count()).collect()
}

fn value_ticks(low: f64, high: f64, format: ValueFormat) -> String {
    let axis = ValueAxis::new(low, high, false, format);
    axis.ticks.into_iter().map(|tick| tick.label).collect::<Vec<_>>().join(" ")
}

fn dates(start: &str, end: &str, zone: Tz) -> String {
    let seconds = |text: &str| {
        let date: chrono::DateTime<chrono::Utc> = format!("{text}:00Z").parse().expect("the test gives an instant");
        date.timestamp()
    };
    let ticks = time_ticks(seconds(start), seconds(end), zone);
    ticks.into_iter().map(|tick| tick.label).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_gap_is_never_bridged() {
    let some = Some(3600.0);
    let chart = only(&[some, some, some, None, some, some, None, some], ValueFormat::Duration);
    assert_eq!(lines(&content(&chart)), [3, 2]);
    assert_eq!(content(&chart).matches("<circle").count(), 6);
    assert_eq!(content(&chart).matches("<polygon").count(), 2, "a band has the same gaps");
}

#[test]
fn an_immature_point_is_hollow() {
    let mut chart = only(&[Some(1.0), Some(2.0)], ValueFormat::Plain);
    let before = content(&chart);
    chart.series[0].points[1].immature = true;
    let drawing = draw(&chart, Berlin).expect("the chart has something to draw");
    assert!(drawing.immature);
    assert_eq!(before.matches("fill=\"var(--surface)\"").count(), 0);
    assert_eq!(drawing.content.matches("fill=\"var(--surface)\"").count(), 1);
}

#[test]
fn an_interval_without_a_value_is_still_drawn() {
    let mut chart = only(&[None, None], ValueFormat::Duration);
    assert!(draw(&chart, Berlin).is_none());
    chart.series[0].points[1].low = Some(3000.0);
    let drawing = draw(&chart, Berlin).expect("the chart has something to draw");
    assert!(drawing.intervals);
    assert!(!drawing.content.contains("<circle"));
}

/// The arrows of a drawing, each as the height of its two wings and its point.
fn arrows(content: &str) -> Vec<[i32; 3]> {
    let lines = content.lines().filter(|line| line.contains("polyline") && line.contains("stroke-width=\"14\""));
    let heights = |line: &str| {
        let points = line.split("points=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        points.split_whitespace().filter_map(|point| point.split(',').nth(1)?.parse().ok()).collect::<Vec<i32>>()
    };
    lines.filter_map(|line| heights(line).try_into().ok()).collect()
}

#[test]
fn an_unknown_end_of_an_interval_is_an_arrow_at_the_edge() {
    let some = Some(3600.0);
    let mut chart = only(&[some, some, some, some], ValueFormat::Duration);
    assert_eq!(arrows(&content(&chart)), [] as [[i32; 3]; 0]);
    chart.series[0].points[1].high = None;
    chart.series[0].points[2].low = None;
    chart.series[0].points[3].low = None;
    chart.series[0].points[3].high = None;
    let drawing = draw(&chart, Berlin).expect("the chart has something to draw");
    assert!(drawing.goes_on);
    // Up at the top edge, down at the bottom edge; a point without any interval has none.
    let (top, bottom) = (TOP, HEIGHT - BOTTOM - 1);
    assert_eq!(arrows(&drawing.content), [[top + 57, top, top + 57], [bottom - 57, bottom, bottom - 57]]);
    assert_eq!(drawing.content.matches("<polygon").count(), 0, "a series is drawn in bars or as a band, never mixed");
}

#[test]
fn an_interval_many_times_as_wide_as_the_others_does_not_press_them_flat() {
    let mut chart = only(&[Some(0.5); 8], ValueFormat::PerDay);
    chart.series[0].points[7].high = Some(60.0);
    let drawing = draw(&chart, Berlin).expect("the chart has something to draw");
    assert!(drawing.goes_on);
    assert_eq!(arrows(&drawing.content), [[TOP + 57, TOP, TOP + 57]]);
    let labels: Vec<&str> = drawing.content.split("</text>").filter_map(|text| text.rsplit('>').next()).collect();
    assert_eq!(labels[..4], ["0", "0.5", "1", "1.5"]);
    // The table gives the number that the chart does not reach.
    let table = data_table(&chart, Berlin);
    assert!(table.rows[7].iter().any(|cell| cell.text.contains("60")), "{:?}", table.rows[7]);
}

#[test]
fn the_drawn_range_holds_every_value_and_every_usual_interval() {
    let point = |value: f64, low: f64, high: f64| Point {
        value: Some(value),
        low: Some(low),
        high: Some(high),
        ..Point::default()
    };
    let range = |points: &[Point], from_zero| reach::of_values(points.iter(), from_zero).expect("there are values");
    // Intervals of one width, however wide, are all drawn.
    assert_eq!(range(&[point(0.1, 0.0, 0.6), point(0.2, 0.0, 0.7)], true), (0.0, 0.7));
    // An end as far above the values as they are above zero is drawn, one beyond is not.
    let usual = [point(10.0, 9.5, 10.5), point(10.0, 9.5, 10.5), point(9.0, 8.5, 9.5)];
    let with = |low: f64, high: f64| range(&[&usual[..], &[point(10.0, low, high)]].concat(), true);
    assert_eq!(with(9.5, 20.0), (8.5, 20.0));
    assert_eq!(with(9.5, 21.0), (8.5, 20.0));
    // The same below, where the axis does not begin at zero.
    let below = |low: f64| range(&[&usual[..], &[point(10.0, low, 10.5)]].concat(), false);
    assert_eq!(below(7.6), (7.6, 10.5));
    assert_eq!(below(2.0), (7.5, 10.5));
    // What has no value is drawn as far as it is known.
    let unknown = Point { low: Some(50.0), ..Point::default() };
    assert_eq!(range(&[unknown], true), (50.0, 50.0));
}

#[test]
fn no_points_and_no_series_draw_nothing() {
    assert!(draw(&only(&[], ValueFormat::Plain), Berlin).is_none());
    assert!(draw(&Chart { series: Vec::new(), ..chart("api") }, Berlin).is_none());
}

#[test]
fn any_finite_number_can_be_drawn() {
    let formats = [ValueFormat::Plain, ValueFormat::Percent, ValueFormat::Duration, ValueFormat::PerDay];
    let numbers = [
        vec![0.0],
        vec![5e-324],
        vec![f64::MIN_POSITIVE, 1e-300],
        vec![f64::MAX / 2.0],
        vec![f64::MIN / 2.0, f64::MAX / 2.0],
        vec![1e9, 1e9 + 1e-6],
        vec![-3.0, -3.0],
        vec![1e-12, 1e12],
        vec![0.1, 0.2, 0.3],
    ];
    for numbers in &numbers {
        for format in formats {
            for from_zero in [false, true] {
                let values: Vec<Option<f64>> = numbers.iter().copied().map(Some).collect();
                let mut chart = Chart { y_from_zero: from_zero, ..only(&values, format) };
                for point in &mut chart.series[0].points {
                    (point.low, point.high) = (None, None);
                }
                let content = content(&chart);
                assert_eq!(content.matches("<circle").count(), numbers.len(), "{numbers:?} {format:?}");
                assert!(!content.contains("NaN") && !content.contains("inf"), "{numbers:?} {format:?}");
                assert!(content.matches("<text").count() >= 3, "{numbers:?} {format:?}");
            }
        }
    }
}

#[test]
fn everything_stays_inside_the_drawing() {
    let mut chart = chart("api");
    chart.marks.push(Mark { at_seconds: MONDAY + 6 * WEEK, label: "just after".to_owned() });
    let content = content(&chart);
    let attribute = |name: &str| -> Vec<i32> {
        let marker = format!(" {name}=\"");
        let values = content.split(marker.as_str()).skip(1);
        values.filter_map(|rest| rest.split('"').next()?.parse().ok()).collect()
    };
    assert!(attribute("x").iter().chain(&attribute("cx")).all(|x| (0..=WIDTH).contains(x)));
    assert!(attribute("y").iter().chain(&attribute("cy")).all(|y| (0..=HEIGHT).contains(y)));
}

#[test]
fn a_mark_far_away_is_reported_and_not_drawn() {
    let drawing = draw(&chart("api"), Berlin).expect("the chart has something to draw");
    assert_eq!(drawing.marks, [0]);
}

#[test]
fn no_stand_in_colour_is_left() {
    let mut chart = chart("api");
    chart.series = (0..4).map(|n| Series { name: n.to_string(), points: chart.series[0].points.clone() }).collect();
    let drawn = content(&chart) + &(0..4).map(legend_sample).collect::<String>();
    assert!(!drawn.contains("#D0"));
    for variable in ["--series-1", "--series-2", "--series-3", "--series-4", "--surface", "--chart-grid"] {
        assert!(drawn.contains(variable), "{variable}");
    }
    assert_eq!(drawn.matches("stroke-dasharray").count(), 3 * 2 + 3, "two lines of three series, three samples");
}

#[test]
fn every_series_has_a_shape_of_its_own() {
    assert_snapshot!((0..4).map(|n| legend_sample(n).trim().to_owned()).collect::<Vec<_>>().join("\n\n"), @r#"
    <polyline fill="none" stroke="var(--series-1)" stroke-width="18" points="0,60 320,60"/>
    <circle cx="160" cy="60" r="38" fill="var(--series-1)" stroke="none" stroke-width="1"/>

    <polyline fill="none" stroke="var(--series-2)" stroke-dasharray="70 40" stroke-width="18" points="0,60 320,60"/>
    <polygon fill="var(--series-2)" points="126,26 194,26 194,94 126,94"/>

    <polyline fill="none" stroke="var(--series-3)" stroke-dasharray="20 40" stroke-width="18" points="0,60 320,60"/>
    <polygon fill="var(--series-3)" points="160,15 205,94 115,94"/>

    <polyline fill="none" stroke="var(--series-4)" stroke-dasharray="110 40 20 40" stroke-width="18" points="0,60 320,60"/>
    <polygon fill="var(--series-4)" points="160,11 209,60 160,109 111,60"/>
    "#);
}

#[test]
fn the_data_say_what_is_missing() {
    let table = data_table(&chart("api"), Berlin);
    let header = table.columns.iter().map(|column| column.title.as_str()).collect::<Vec<_>>().join(" | ");
    let cell = |cell: &TableCell| format!("{}{}", cell.text, if cell.muted { " (muted)" } else { "" });
    let rows = table.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(" | "));
    assert_snapshot!([header].into_iter().chain(rows).collect::<Vec<_>>().join("\n"), @r"
    Date | api | api, 95 % Wilson interval | web | web, 95 % Wilson interval
    2026-03-02 | 10 % | 5 % to 15 % | 5 % | 2.5 % to 7.5 %
    2026-03-09 | 14 % | 7 % to 21 % | 6 % | 3 % to 9 %
    2026-03-16 | no data (muted) | – (muted) | – (muted) | – (muted)
    2026-03-23 | 20 % | at least 10 % | – (muted) | – (muted)
    2026-03-30 01:00 CEST | 12 % (immature) (muted) | 6 % to 18 % | – (muted) | – (muted)
    ");
}

#[test]
fn value_ticks_are_round() {
    use ValueFormat::{Duration, PerDay, Percent, Plain};
    assert_snapshot!(value_ticks(0.0, 0.23, Percent), @"0 % 10 % 20 % 30 %");
    assert_snapshot!(value_ticks(0.0, 0.93, Percent), @"0 % 25 % 50 % 75 % 100 %");
    assert_snapshot!(value_ticks(0.961, 0.984, Percent), @"96 % 97 % 98 % 99 %");
    assert_snapshot!(value_ticks(0.0, 40.0, Duration), @"0 15 s 30 s 45 s");
    assert_snapshot!(value_ticks(0.0, 3000.0, Duration), @"0 15 min 30 min 45 min 60 min");
    assert_snapshot!(value_ticks(0.0, 150_000.0, Duration), @"0 12 h 24 h 36 h 48 h");
    assert_snapshot!(value_ticks(0.0, 1e6, Duration), @"0 5 d 10 d 15 d");
    assert_snapshot!(value_ticks(-2.0, 3.0, Plain), @"−2 0 2 4");
    assert_snapshot!(value_ticks(1_000_000.0, 1_000_010.0, Plain), @"1,000,000 1,000,002.5 1,000,005 1,000,007.5 1,000,010");
    assert_snapshot!(value_ticks(0.001, 0.0042, PerDay), @"0.001 0.002 0.003 0.004 0.005");
    assert_snapshot!(value_ticks(7.0, 7.0, PerDay), @"6 6.5 7 7.5 8");
}

#[test]
fn dates_are_round_in_the_zone() {
    assert_snapshot!(dates("2026-03-02T00:00", "2026-03-02T20:00", UTC), @"03-02 00:00 03-02 03:00 03-02 06:00 03-02 09:00 03-02 12:00 03-02 15:00 03-02 18:00");
    assert_snapshot!(dates("2026-03-01T23:00", "2026-03-07T23:00", Berlin), @"2026-03-02 2026-03-03 2026-03-04 2026-03-05 2026-03-06 2026-03-07 2026-03-08");
    assert_snapshot!(dates("2026-03-01T23:00", "2026-04-10T22:00", Berlin), @"2026-03-02 2026-03-09 2026-03-16 2026-03-23 2026-03-30 2026-04-06");
    assert_snapshot!(dates("2026-01-01T00:00", "2026-06-30T00:00", UTC), @"2026-01-01 2026-02-01 2026-03-01 2026-04-01 2026-05-01 2026-06-01");
    assert_snapshot!(dates("2024-01-15T00:00", "2026-06-30T00:00", UTC), @"2024-07-01 2025-01-01 2025-07-01 2026-01-01");
    assert_snapshot!(dates("1000-01-15T00:00", "9000-06-30T00:00", UTC), @"2000-01-01 4000-01-01 6000-01-01 8000-01-01");
    // The clocks of São Paulo jumped from midnight to one on 2018-11-04.
    assert_snapshot!(dates("2018-11-02T12:00", "2018-11-06T12:00", Sao_Paulo), @"2018-11-03 2018-11-04 2018-11-05 2018-11-06");
}

/// The labels of the axis of ratios between two logarithms.
fn change_labels(low: f64, high: f64) -> String {
    value_ticks(low, high, ValueFormat::Change)
}

#[test]
fn an_axis_of_ratios_has_round_changes_and_holds_no_change() {
    assert_eq!(change_labels(-0.05, 0.4), "0 % +10 % +20 % +30 % +40 % +50 %");
    assert_eq!(change_labels(-0.8, 0.3), "\u{2212}50 % \u{2212}25 % 0 %");
    assert_eq!(change_labels(-2.0, 2.0), "\u{2212}75 % \u{2212}50 % 0 % +100 % +300 %");
    assert_eq!(change_labels(0.0, 0.0), "\u{2212}4 % \u{2212}2 % 0 % +2 % +4 %");
    assert!(change_labels(-300.0, 300.0).contains("0 %"));
    for (low, high) in [(-1e308, 1e308), (1e-300, 2e-300), (-f64::MAX, f64::MAX)] {
        let axis = ValueAxis::new(low, high, true, ValueFormat::Change);
        assert!((0.0..=1.0).contains(&axis.position(0.0)), "{low} {high}");
        assert!(axis.ticks.len() < 20);
    }
    assert_eq!(value_ticks(-0.08, 0.2, ValueFormat::Points), "\u{2212}10 0 +10 +20");
}

fn effects_content(plot: &EffectPlot) -> String {
    effects::draw(plot).expect("there is an estimate").content
}

#[test]
fn an_effect_with_too_little_behind_it_is_named_and_not_drawn() {
    let plot = plot("api");
    let content = effects_content(&plot);
    assert_eq!(content.matches("<circle").count(), 1);
    assert!(
        content.contains(">api</text>")
            && content.contains(">web</text>")
            && content.contains(">insufficient data</text>")
    );
    assert!(content.contains(">+22 % (\u{2212}9.5 % to +65 %)</text>"));
    let none = EffectPlot { estimates: plot.estimates[1..].to_vec(), ..plot };
    assert!(effects::draw(&none).is_none());
}

#[test]
fn a_label_stays_a_word_and_in_its_place() {
    let mut plot = plot("api");
    plot.estimates[0].label = "</text><script>\n\"#D00100\"".to_owned() + &"long ".repeat(80);
    let content = effects_content(&plot);
    assert!(content.contains("&lt;/text&gt;&lt;script&gt; &quot;#D00100&quot;"));
    assert!(!content.contains("<script") && content.contains('\u{2026}'));
    assert_eq!(content.matches("<text").count(), content.matches("</text>").count());
}

#[test]
fn limits_far_beyond_the_others_are_arrows() {
    let one =
        |at: i64, high: f64| Estimate { at, value: Some(0.1), low: Some(0.0), high: Some(high), ..Estimate::default() };
    let mut plot = EffectPlot {
        layout: EffectLayout::Weeks,
        estimates: (-4..4).map(|at| one(4 * at + 2, 0.2)).collect(),
        ..plot("api")
    };
    assert!(!effects::draw(&plot).expect("there are estimates").goes_on);
    plot.estimates[7].high = Some(9.0);
    assert!(effects::draw(&plot).expect("there are estimates").goes_on);
}

#[test]
fn the_main_analysis_and_what_others_stand_beside_are_drawn_apart() {
    let mut plot = EffectPlot { layout: EffectLayout::Ranks, ..plot("api") };
    plot.estimates = [EstimateRole::Usual, EstimateRole::Main, EstimateRole::Reference]
        .into_iter()
        .zip(1..)
        .map(|(role, at)| Estimate { role, at, value: Some(0.1), ..Estimate::default() })
        .collect();
    let content = effects_content(&plot);
    assert_eq!(content.matches("<circle").count(), 3, "a disc, and a hollow one of two");
    assert_eq!(content.matches("<polygon").count(), 1);
    assert_eq!(content.matches("fill=\"var(--surface)\"").count(), 1);
}

#[test]
fn no_number_of_an_effect_breaks_a_drawing() {
    for layout in [EffectLayout::Rows, EffectLayout::Weeks, EffectLayout::Ranks] {
        for value_format in [ValueFormat::Change, ValueFormat::Points] {
            for [low, value, high] in
                [[0.0, 0.0, 0.0], [-1e308, 0.0, 1e308], [f64::MIN, f64::MIN, f64::MAX], [1e-308, 1e-308, 1e-308]]
            {
                let estimate = Estimate {
                    at: i64::MIN / 4,
                    value: Some(value),
                    low: Some(low),
                    high: Some(high),
                    ..Estimate::default()
                };
                let last = Estimate { at: i64::MAX / 4, ..estimate.clone() };
                let content = effects_content(&EffectPlot {
                    layout,
                    value_format,
                    estimates: vec![estimate, last],
                    ..plot("api")
                });
                assert!(!content.contains("NaN") && !content.contains("inf"), "{content}");
            }
        }
    }
}
