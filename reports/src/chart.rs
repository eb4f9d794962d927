//! Draws a [`Chart`] as SVG for a page that colours it, and lists its data.
//!
//! The drawing uses stand-in colours, which are then replaced by the page's custom properties: a chart follows the page
//! into dark mode and onto paper. Its coordinates are tenths of the unit the style sheet thinks in, because the SVG
//! backend knows whole numbers only. No word of a caller gets into the drawing.

mod axis;
pub(crate) mod effects;
mod reach;

use std::collections::BTreeSet;

use chrono_tz::Tz;
use plotters::coord::Shift;
use plotters::coord::types::{RangedCoordf64, RangedCoordi64};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use self::axis::{Tick, ValueAxis};
use crate::document::{Chart, Point, Series, Table, TableCell, TableColumn, ValueFormat};
use crate::format::{NO_DATA, interval, point_in_time};

const WIDTH: i32 = 6000;
const HEIGHT: i32 = 2760;
const TOP: i32 = 290;
const BOTTOM: i32 = 330;
const RIGHT: i32 = 220;
const FONT_SIZE: i32 = 140;
/// Room for a character where the style sheet enlarges the text of narrow charts.
const CHARACTER: i32 = 98;

/// The dashes of each series' line, in tenths; the first is solid.
const DASHES: [&str; 4] = ["", "70 40", "20 40", "110 40 20 40"];

type Root<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Plane<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordi64, RangedCoordf64>>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;
type Pixel = (i32, i32);

/// What a colour in the drawing stands for.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum Role {
    Line = 1,
    Ink,
    Surface,
    Text,
    /// A label that narrow charts leave out.
    Alternate,
    Grid,
    Axis,
    Mark,
}

/// A drawing, and what its legend must explain.
#[derive(Debug)]
pub(crate) struct Drawing {
    /// The content of an `svg` element with the view box [`view_box`].
    pub(crate) content: String,
    /// The marks drawn, by their index; the others are outside the drawn range.
    pub(crate) marks: Vec<usize>,
    /// Whether a point is drawn hollow.
    pub(crate) immature: bool,
    /// Whether an interval is drawn.
    pub(crate) intervals: bool,
    /// Whether an arrow tells that an interval goes on.
    pub(crate) goes_on: bool,
}

/// The view box of a drawing.
pub(crate) fn view_box() -> String {
    format!("0 0 {WIDTH} {HEIGHT}")
}

/// Draws a chart; nothing when it has neither a value nor an interval.
pub(crate) fn draw(chart: &Chart, zone: Tz) -> Option<Drawing> {
    let points = || chart.series.iter().flat_map(|series| &series.points);
    let (low, high) = reach::of_values(points(), chart.y_from_zero)?;
    let (start, end, marks) = reach::of_time(points().map(|point| point.at_seconds), &chart.marks)?;
    let value_axis = ValueAxis::new(low, high, chart.y_from_zero, chart.value_format);
    let ticks = axis::time_ticks(start, end, zone);
    let picture = Picture { chart, value_axis, ticks, start, end, marks };
    let mut svg = String::new();
    // The backend writes into a string: an error could only be one of ours, and the table still shows the data.
    picture.draw(&mut svg).ok()?;
    Some(Drawing {
        content: coloured(&svg),
        immature: points().any(|point| point.immature && point.value.is_some()),
        intervals: points().any(has_interval),
        goes_on: points().any(|point| has_interval(point) && picture.arrows(point) != [false, false]),
        marks: picture.marks,
    })
}

/// The data of a chart as a table: a row per instant, a column per series and one per its intervals.
pub(crate) fn data_table(chart: &Chart, zone: Tz) -> Table {
    let has_intervals = |series: &Series| series.points.iter().any(has_interval);
    let mut columns = vec![TableColumn::date("Date")];
    for series in &chart.series {
        columns.push(TableColumn::numeric(&series.name));
        if has_intervals(series) {
            let label = chart.interval_label.as_deref().unwrap_or("interval");
            columns.push(TableColumn::numeric(format!("{}, {label}", series.name)));
        }
    }
    let instants: BTreeSet<i64> =
        chart.series.iter().flat_map(|series| &series.points).map(|point| point.at_seconds).collect();
    let rows = instants.into_iter().map(|at| {
        let mut row = vec![TableCell::from(point_in_time(at, zone))];
        for series in &chart.series {
            let point = series.points.iter().find(|point| point.at_seconds == at);
            row.push(value_cell(point, chart.value_format));
            if has_intervals(series) {
                row.push(interval_cell(point, chart.value_format));
            }
        }
        row
    });
    let rows = rows.collect();
    Table { caption: format!("Data: {}", chart.title), columns, rows }
}

/// The marker and dash of a series for its legend, as the content of an `svg` with the view box `0 0 320 120`.
pub(crate) fn legend_sample(series: usize) -> String {
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, (320, 120)).into_drawing_area();
    let drawn = root
        .draw(&PathElement::new([(0, 60), (320, 60)], colour(Role::Line, series).stroke_width(18)))
        .and_then(|()| draw_marker(&root, (160, 60), 38, series, false))
        .and_then(|()| root.present());
    drop(root);
    if drawn.is_ok() { coloured(&svg) } else { String::new() }
}

fn value_cell(point: Option<&Point>, format: ValueFormat) -> TableCell {
    match point {
        None => TableCell::from("\u{2013}").muted(),
        Some(Point { value: None, .. }) => TableCell::from(NO_DATA).muted(),
        Some(Point { value: Some(value), immature: true, .. }) => {
            TableCell::from(format!("{} (immature)", format.value(*value))).muted()
        }
        Some(Point { value: Some(value), .. }) => TableCell::from(format.value(*value)),
    }
}

fn interval_cell(point: Option<&Point>, format: ValueFormat) -> TableCell {
    match point.and_then(|point| interval(point.low, point.high, |end| format.value(end))) {
        Some(text) => TableCell::from(text),
        None => TableCell::from("\u{2013}").muted(),
    }
}

/// Whether intervals may be bands: those of more than two series could not be told apart.
pub(crate) fn has_bands(chart: &Chart) -> bool {
    chart.series.iter().filter(|series| series.points.iter().any(has_interval)).count() <= 2
}

fn has_interval(point: &Point) -> bool {
    point.low.is_some() || point.high.is_some()
}

/// A chart whose axes are known.
struct Picture<'a> {
    chart: &'a Chart,
    value_axis: ValueAxis,
    ticks: Vec<Tick<i64>>,
    start: i64,
    end: i64,
    marks: Vec<usize>,
}

impl Picture<'_> {
    fn draw(&self, svg: &mut String) -> Drawn {
        let size = (WIDTH.unsigned_abs(), HEIGHT.unsigned_abs());
        let root = SVGBackend::with_string(svg, size).into_drawing_area();
        let longest = self.value_axis.ticks.iter().map(|tick| tick.label.chars().count()).max().unwrap_or(0);
        let left = i32::try_from(longest).unwrap_or(0) * CHARACTER + 120;
        let plane = ChartBuilder::on(&root)
            .margin_top(TOP)
            .margin_bottom(BOTTOM)
            .margin_left(left)
            .margin_right(RIGHT)
            .build_cartesian_2d(self.start..self.end, 0.0..1.0)?;
        self.draw_grid(&root, &plane)?;
        self.draw_marks(&root, &plane)?;
        for (index, series) in self.chart.series.iter().enumerate() {
            self.draw_intervals(&root, &plane, index, series)?;
        }
        for (index, series) in self.chart.series.iter().enumerate() {
            self.draw_series(&root, &plane, index, series)?;
        }
        root.present()
    }

    fn draw_grid(&self, root: &Root, plane: &Plane) -> Drawn {
        let baseline = plane.backend_coord(&(self.start, 0.0)).1;
        for tick in &self.value_axis.ticks {
            let y = self.value_axis.position(tick.at);
            let (from, to) = (plane.backend_coord(&(self.start, y)), plane.backend_coord(&(self.end, y)));
            let role = if tick.at == 0.0 { Role::Axis } else { Role::Grid };
            root.draw(&PathElement::new([from, to], colour(role, 0).stroke_width(10)))?;
            let style = text_style(Role::Text, HPos::Right, VPos::Center);
            root.draw(&Text::new(tick.label.as_str(), (from.0 - 70, from.1), style))?;
        }
        for (index, tick) in self.ticks.iter().enumerate() {
            let x = plane.backend_coord(&(tick.at, 0.0)).0;
            let line = [(x, baseline), (x, baseline + 50)];
            root.draw(&PathElement::new(line, colour(Role::Axis, 0).stroke_width(10)))?;
            // Half a label must fit beside the tick; a tick without a label is still a tick.
            let half = i32::try_from(tick.label.chars().count()).unwrap_or(0) * CHARACTER / 2;
            if index == 0 || x + half <= WIDTH {
                let role = if index % 2 == 0 { Role::Text } else { Role::Alternate };
                let style = text_style(role, HPos::Center, VPos::Top);
                root.draw(&Text::new(tick.label.as_str(), (x.max(half), baseline + 90), style))?;
            }
        }
        let ends = [plane.backend_coord(&(self.start, 0.0)), plane.backend_coord(&(self.end, 0.0))];
        root.draw(&PathElement::new(ends, colour(Role::Axis, 0).stroke_width(10)))
    }

    /// Draws each mark as a numbered vertical line; numbers that would touch go onto a second row.
    fn draw_marks(&self, root: &Root, plane: &Plane) -> Drawn {
        let mut order = self.marks.clone();
        order.sort_by_key(|&index| (self.chart.marks[index].at_seconds, index));
        let (mut previous, mut raised) = (i32::MIN / 2, false);
        for index in order {
            let at = self.chart.marks[index].at_seconds;
            let (x, top) = plane.backend_coord(&(at, 1.0));
            let bottom = plane.backend_coord(&(at, 0.0)).1;
            raised = x - previous < 170 && !raised;
            previous = x;
            let y = if raised { TOP - 135 } else { TOP - 5 };
            root.draw(&PathElement::new([(x, top - 5), (x, bottom)], colour(Role::Mark, 0).stroke_width(13)))?;
            let number = (index + 1).to_string();
            root.draw(&Text::new(number, (x, y), text_style(Role::Mark, HPos::Center, VPos::Bottom)))?;
        }
        Ok(())
    }

    /// Draws a band through neighbouring intervals, and bars where a band would not be readable: among several series,
    /// for an interval that stands alone, and throughout a series of which some end is not known.
    fn draw_intervals(&self, root: &Root, plane: &Plane, index: usize, series: &Series) -> Drawn {
        let closed = |point: &Point| point.low.is_some() && point.high.is_some() && point.value.is_some();
        let known = series.points.iter().filter(|point| has_interval(point)).all(closed);
        for run in series.points.chunk_by(|a, b| closed(a) && closed(b)) {
            if known && run.len() > 1 && has_bands(self.chart) {
                let lows = run.iter().filter_map(|point| Some((point.at_seconds, point.low?)));
                let highs = run.iter().rev().filter_map(|point| Some((point.at_seconds, point.high?)));
                let outline: Vec<Pixel> = lows.chain(highs).map(|(at, value)| self.pixel(plane, at, value)).collect();
                root.draw(&Polygon::new(outline, colour(Role::Ink, index).mix(0.16).filled()))?;
                for point in run {
                    self.draw_arrows(root, plane, index, point)?;
                }
            } else {
                for point in run.iter().filter(|point| has_interval(point)) {
                    self.draw_bar(root, plane, index, point)?;
                    self.draw_arrows(root, plane, index, point)?;
                }
            }
        }
        Ok(())
    }

    /// Draws one interval as a bar, with a cap at each end that is in the chart.
    fn draw_bar(&self, root: &Root, plane: &Plane, index: usize, point: &Point) -> Drawn {
        let style = colour(Role::Ink, index).mix(0.7).stroke_width(12);
        let size = size(&self.chart.series[index]);
        let x = self.beside(plane, index, point);
        let ends = [(point.low, 0.0), (point.high, 1.0)].map(|(value, edge)| {
            plane.backend_coord(&(point.at_seconds, value.map_or(edge, |value| self.value_axis.position(value)))).1
        });
        for (y, goes_on) in ends.into_iter().zip(self.arrows(point)) {
            if !goes_on {
                root.draw(&PathElement::new([(x - size, y), (x + size, y)], style))?;
            }
        }
        root.draw(&PathElement::new(ends.map(|y| (x, y)), style))
    }

    /// Draws an arrow at each edge of the chart beyond which an interval goes on.
    fn draw_arrows(&self, root: &Root, plane: &Plane, index: usize, point: &Point) -> Drawn {
        let size = size(&self.chart.series[index]);
        let x = self.beside(plane, index, point);
        for (goes_on, (edge, inwards)) in self.arrows(point).into_iter().zip([(0.0, -1), (1.0, 1)]) {
            if goes_on {
                let y = plane.backend_coord(&(point.at_seconds, edge)).1;
                let wing = y + inwards * size * 3 / 2;
                let arrow = [(x - size, wing), (x, y), (x + size, wing)];
                root.draw(&PathElement::new(arrow, colour(Role::Ink, index).stroke_width(14)))?;
            }
        }
        Ok(())
    }

    /// Whether the interval of a point goes on below and above the chart, or has no known end there.
    fn arrows(&self, point: &Point) -> [bool; 2] {
        [point.low, point.high].map(|end| end.is_none_or(|end| !self.value_axis.contains(end)))
    }

    /// Where the bar of a point stands: series at the same instant stand beside each other.
    fn beside(&self, plane: &Plane, index: usize, point: &Point) -> i32 {
        let shift = 40 * (2 * index_i32(index) + 1 - index_i32(self.chart.series.len())) / 2;
        plane.backend_coord(&(point.at_seconds, 0.0)).0 + shift
    }

    /// Draws the line of a series, broken where a value is missing, and a marker per value.
    fn draw_series(&self, root: &Root, plane: &Plane, index: usize, series: &Series) -> Drawn {
        for run in series.points.chunk_by(|a, b| a.value.is_some() && b.value.is_some()) {
            let line: Vec<Pixel> = self.values(plane, run).map(|(pixel, _)| pixel).collect();
            if line.len() > 1 {
                root.draw(&PathElement::new(line, colour(Role::Line, index).stroke_width(18)))?;
            }
        }
        for (pixel, point) in self.values(plane, &series.points) {
            draw_marker(root, pixel, size(series), index, point.immature)?;
        }
        Ok(())
    }

    fn values<'p>(&'p self, plane: &'p Plane, points: &'p [Point]) -> impl Iterator<Item = (Pixel, &'p Point)> {
        points.iter().filter_map(|point| Some((self.pixel(plane, point.at_seconds, point.value?), point)))
    }

    fn pixel(&self, plane: &Plane, at_seconds: i64, value: f64) -> Pixel {
        plane.backend_coord(&(at_seconds, self.value_axis.position(value)))
    }
}

/// Half the width of what is drawn for each point.
fn size(series: &Series) -> i32 {
    match series.points.len() {
        0..=60 => 38,
        61..=200 => 26,
        _ => 16,
    }
}

/// Draws the marker of a series: disc, square, triangle or diamond; hollow ones hide the line beneath.
fn draw_marker(root: &Root, (x, y): Pixel, radius: i32, series: usize, hollow: bool) -> Drawn {
    let ink = colour(Role::Ink, series);
    let fill = if hollow { colour(Role::Surface, 0) } else { ink };
    if series == 0 {
        root.draw(&Circle::new((x, y), radius, fill.filled()))?;
        return if hollow { root.draw(&Circle::new((x, y), radius, ink.stroke_width(14))) } else { Ok(()) };
    }
    let offsets: &[Pixel] = match series {
        1 => &[(-9, -9), (9, -9), (9, 9), (-9, 9)],
        2 => &[(0, -12), (12, 9), (-12, 9)],
        _ => &[(0, -13), (13, 0), (0, 13), (-13, 0)],
    };
    let mut corners: Vec<Pixel> = offsets.iter().map(|(dx, dy)| (x + dx * radius / 10, y + dy * radius / 10)).collect();
    root.draw(&Polygon::new(corners.clone(), fill.filled()))?;
    if hollow {
        corners.extend(corners.first().copied());
        root.draw(&PathElement::new(corners, ink.stroke_width(14)))?;
    }
    Ok(())
}

fn text_style<'a>(role: Role, horizontal: HPos, vertical: VPos) -> TextStyle<'a> {
    // The backend divides by 1.24.
    let font = FontDesc::new(FontFamily::SansSerif, f64::from(FONT_SIZE) * 1.24, FontStyle::Normal);
    TextStyle { font, color: colour(role, 0).to_backend_color(), pos: Pos::new(horizontal, vertical) }
}

fn colour(role: Role, series: usize) -> RGBColor {
    RGBColor(0xD0, role as u8, u8::try_from(series).unwrap_or(0))
}

fn index_i32(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(0)
}

/// Takes the content out of a drawing and replaces its stand-in colours.
fn coloured(svg: &str) -> String {
    let content = svg.split_once('>').map_or("", |(_, rest)| rest);
    let content = content.rsplit_once("</svg>").map_or(content, |(content, _)| content);
    let mut content = content
        .replace(" opacity=\"1\"", "")
        .replace(" font-family=\"sans-serif\"", "")
        .replace(" \"", "\"")
        .replace("\">\n", "\">")
        .replace("\n</text>", "</text>");
    for (series, dashes) in DASHES.iter().enumerate() {
        let variable = format!("\"var(--series-{})\"", series + 1);
        let dashed = if dashes.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dashes}\"") };
        content = content.replace(&stand_in(Role::Line, series), &format!("{variable}{dashed}"));
        content = content.replace(&stand_in(Role::Ink, series), &variable);
    }
    for (role, replacement) in [
        (Role::Surface, "\"var(--surface)\""),
        (Role::Text, "\"currentColor\""),
        (Role::Alternate, "\"currentColor\" class=\"alternate\""),
        (Role::Grid, "\"var(--chart-grid)\""),
        (Role::Axis, "\"var(--chart-axis)\""),
        (Role::Mark, "\"var(--chart-mark)\""),
    ] {
        content = content.replace(&stand_in(role, 0), replacement);
    }
    content
}

fn stand_in(role: Role, series: usize) -> String {
    let RGBColor(red, green, blue) = colour(role, series);
    format!("\"#{red:02X}{green:02X}{blue:02X}\"")
}

#[cfg(test)]
mod tests;
