//! Draws an [`EffectPlot`]: rows to be read from left to right, or estimates side by side to be read from below.

use std::borrow::Cow;

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::ValueAxis;
use super::{
    CHARACTER, Drawn, FONT_SIZE, HEIGHT, Pixel, RIGHT, Role, Root, WIDTH, colour, coloured, draw_marker, index_i32,
    reach, text_style,
};
use crate::document::{EffectLayout, EffectPlot, Estimate, EstimateRole, Point};
use crate::format::interval;
use crate::inline::clean;

/// Room above what is drawn, for the words at the top.
const TOP: i32 = 290;
/// Room beneath it, for the labels of the axis.
const BOTTOM: i32 = 330;
/// The height of a row: a line of text, and the estimate beneath it.
const ROW: i32 = 460;
/// How far beneath the top of its row an estimate lies.
const BENEATH: i32 = 300;
/// How far lines reach above and beneath an estimate.
const HALF: i32 = 125;
/// The length of a dash and of what is between two.
const DASH: (i32, i32) = (50, 40);

type Plane<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// A drawing of estimates, and what its legend must explain.
#[derive(Debug)]
pub(crate) struct EffectDrawing {
    /// The content of an `svg` element.
    pub(crate) content: String,
    /// The height of its view box.
    height: i32,
    /// Whether an arrow tells that an interval goes on.
    pub(crate) goes_on: bool,
}

impl EffectDrawing {
    /// The view box of the drawing.
    pub(crate) fn view_box(&self) -> String {
        format!("0 0 {WIDTH} {}", self.height)
    }
}

/// Draws estimates; nothing when there is none.
pub(crate) fn draw(plot: &EffectPlot) -> Option<EffectDrawing> {
    let point = |one: &Estimate| Point { value: one.value, low: one.low, high: one.high, ..Point::default() };
    let points: Vec<Point> = plot.estimates.iter().filter(|one| one.value.is_some()).map(point).collect();
    let (low, high) = reach::of_values(points.iter(), true)?;
    let margin = plot.margin.map_or(0.0, |margin| -margin);
    // Limits that touch the edge would seem to go on.
    let axis = ValueAxis::new(low.min(margin), high.max(margin), true, plot.value_format);
    let height = match plot.layout {
        EffectLayout::Rows => TOP + BOTTOM + ROW * index_i32(plot.estimates.len()),
        EffectLayout::Weeks | EffectLayout::Ranks => HEIGHT,
    };
    let picture = Picture { plot, axis, height };
    let mut svg = String::new();
    picture.draw(&mut svg).ok()?;
    let goes_on = points.iter().any(|point| picture.beyond(point.low, point.high) != [false, false]);
    Some(EffectDrawing { content: coloured(&svg), height, goes_on })
}

/// Estimates whose axis is known.
struct Picture<'a> {
    plot: &'a EffectPlot,
    axis: ValueAxis,
    height: i32,
}

impl Picture<'_> {
    fn draw(&self, svg: &mut String) -> Drawn {
        let size = (WIDTH.unsigned_abs(), self.height.unsigned_abs());
        let root = SVGBackend::with_string(svg, size).into_drawing_area();
        match self.plot.layout {
            EffectLayout::Rows => self.draw_rows(&root)?,
            EffectLayout::Weeks | EffectLayout::Ranks => self.draw_columns(&root)?,
        }
        root.present()
    }

    /// Whether limits go on below and above the axis.
    fn beyond(&self, low: Option<f64>, high: Option<f64>) -> [bool; 2] {
        [low, high].map(|end| end.is_some_and(|end| !self.axis.contains(end)))
    }

    fn draw_rows(&self, root: &Root) -> Drawn {
        let plane = ChartBuilder::on(root)
            .margin_top(TOP)
            .margin_bottom(BOTTOM)
            .margin_left(RIGHT)
            .margin_right(RIGHT)
            .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
        let x = |value: f64| plane.backend_coord(&(self.axis.position(value), 0.0)).0;
        let bottom = self.height - BOTTOM;
        // Lines stand beside estimates only, so that none runs through a word.
        let rows = (0..self.plot.estimates.len()).map(|row| TOP + ROW * index_i32(row));
        let spans: Vec<(i32, i32)> = rows.map(|top| (top + BENEATH - HALF, top + BENEATH + HALF)).collect();
        for tick in &self.axis.ticks {
            let role = if tick.at == 0.0 { Role::Axis } else { Role::Grid };
            let width = if tick.at == 0.0 { 20 } else { 10 };
            let at = x(tick.at);
            for (from, to) in &spans {
                root.draw(&PathElement::new([(at, *from), (at, *to)], colour(role, 0).stroke_width(width)))?;
            }
            let style = text_style(Role::Text, HPos::Center, VPos::Top);
            root.draw(&PathElement::new([(at, bottom), (at, bottom + 50)], colour(Role::Axis, 0).stroke_width(10)))?;
            root.draw(&Text::new(tick.label.as_str(), (at, bottom + 90), style))?;
        }
        let ends = [(RIGHT, bottom), (WIDTH - RIGHT, bottom)];
        root.draw(&PathElement::new(ends, colour(Role::Axis, 0).stroke_width(10)))?;
        if let Some(margin) = self.plot.margin {
            let at = x(-margin);
            for (from, to) in &spans {
                dashed(root, *from, *to, |y| (at, y))?;
            }
        }
        let style = text_style(Role::Text, HPos::Right, VPos::Bottom);
        root.draw(&Text::new("better \u{2192}", (WIDTH - RIGHT, TOP - 40), style))?;
        for (index, one) in self.plot.estimates.iter().enumerate() {
            self.draw_row(root, &plane, TOP + ROW * index_i32(index), one)?;
        }
        Ok(())
    }

    fn draw_row(&self, root: &Root, plane: &Plane, top: i32, one: &Estimate) -> Drawn {
        let written = self.written(one);
        let room = (WIDTH - 2 * RIGHT) / CHARACTER - index_i32(written.chars().count()) - 2;
        let words = (top + 30 + FONT_SIZE / 2, text_style(Role::Text, HPos::Left, VPos::Center));
        root.draw(&Text::new(cut(&one.label, usize::try_from(room).unwrap_or(0)), (RIGHT, words.0), words.1))?;
        let style = text_style(Role::Text, HPos::Right, VPos::Center);
        root.draw(&Text::new(written, (WIDTH - RIGHT, words.0), style))?;
        let Some(value) = one.value else { return Ok(()) };
        let y = top + BENEATH;
        let pixel = |value: f64| (plane.backend_coord(&(self.axis.position(value), 0.0)).0, y);
        if let (Some(low), Some(high)) = (one.low, one.high) {
            let beyond = self.beyond(one.low, one.high);
            bar(root, [pixel(low), pixel(high)], beyond, shade(one.role), (0, 38))?;
        }
        draw_marker(root, pixel(value), 45, shade(one.role), one.role == EstimateRole::Reference)
    }

    /// The numbers of a row.
    fn written(&self, one: &Estimate) -> String {
        let write = |value: f64| self.plot.value_format.value(value);
        match (one.value, interval(one.low, one.high, write)) {
            (None, _) => "insufficient data".to_owned(),
            (Some(value), None) => write(value),
            (Some(value), Some(interval)) => format!("{} ({interval})", write(value)),
        }
    }

    fn draw_columns(&self, root: &Root) -> Drawn {
        let longest = self.axis.ticks.iter().map(|tick| tick.label.chars().count()).max().unwrap_or(0);
        let left = index_i32(longest) * CHARACTER + 120;
        let (first, last) = self.reach();
        let plane = ChartBuilder::on(root)
            .margin_top(TOP)
            .margin_bottom(BOTTOM)
            .margin_left(left)
            .margin_right(RIGHT)
            .build_cartesian_2d(first..last, 0.0..1.0)?;
        let y = |value: f64| plane.backend_coord(&(first, self.axis.position(value))).1;
        let right = WIDTH - RIGHT;
        for tick in &self.axis.ticks {
            let role = if tick.at == 0.0 { Role::Axis } else { Role::Grid };
            let width = if tick.at == 0.0 { 20 } else { 10 };
            let at = y(tick.at);
            root.draw(&PathElement::new([(left, at), (right, at)], colour(role, 0).stroke_width(width)))?;
            let style = text_style(Role::Text, HPos::Right, VPos::Center);
            root.draw(&Text::new(tick.label.as_str(), (left - 70, at), style))?;
        }
        if let Some(margin) = self.plot.margin {
            let at = y(-margin);
            dashed(root, left, right, |x| (x, at))?;
        }
        let style = text_style(Role::Text, HPos::Left, VPos::Bottom);
        root.draw(&Text::new("\u{2191} better", (left, TOP - 60), style))?;
        self.draw_places(root, &plane)?;
        self.plot.estimates.iter().try_for_each(|one| self.draw_column(root, &plane, one))
    }

    /// The first and the last place of columns, with room beside them.
    fn reach(&self) -> (f64, f64) {
        let places = || self.plot.estimates.iter().map(|one| one.at as f64);
        let is_dated = self.plot.layout == EffectLayout::Weeks;
        let first = places().chain(is_dated.then_some(0.0)).fold(f64::INFINITY, f64::min);
        let last = places().chain(is_dated.then_some(0.0)).fold(f64::NEG_INFINITY, f64::max);
        let room = ((last - first) / 24.0).max(0.5);
        (first - room, last + room)
    }

    /// The labels beneath columns, and the date.
    fn draw_places(&self, root: &Root, plane: &Plane) -> Drawn {
        let is_dated = self.plot.layout == EffectLayout::Weeks;
        let bottom = plane.backend_coord(&(0.0, 0.0)).1;
        let (first, last) = self.reach();
        let steps: &[i64] = if is_dated { &[4, 8, 12, 26, 52, 104] } else { &[1, 2, 5, 10, 20, 50, 100] };
        let fits = |step: &&i64| (last - first) / **step as f64 <= 14.0;
        let step = steps.iter().find(fits).copied().unwrap_or(1000);
        for at in (-1000..=1000).map(|index| index * step).filter(|at| (first..=last).contains(&(*at as f64))) {
            if at == 0 && !is_dated {
                continue;
            }
            let x = plane.backend_coord(&(at as f64, 0.0)).0;
            root.draw(&PathElement::new([(x, bottom), (x, bottom + 50)], colour(Role::Axis, 0).stroke_width(10)))?;
            let label = match at {
                at if is_dated && at > 0 => format!("+{at}"),
                at if at < 0 => format!("\u{2212}{}", at.unsigned_abs()),
                at => at.to_string(),
            };
            root.draw(&Text::new(label, (x, bottom + 90), text_style(Role::Text, HPos::Center, VPos::Top)))?;
        }
        if is_dated {
            let (x, top) = plane.backend_coord(&(0.0, 1.0));
            root.draw(&PathElement::new([(x, top - 5), (x, bottom)], colour(Role::Mark, 0).stroke_width(13)))?;
            let style = text_style(Role::Mark, HPos::Center, VPos::Bottom);
            root.draw(&Text::new("date", (x, TOP - 60), style))?;
        }
        Ok(())
    }

    fn draw_column(&self, root: &Root, plane: &Plane, one: &Estimate) -> Drawn {
        let Some(value) = one.value else { return Ok(()) };
        let pixel = |value: f64| plane.backend_coord(&(one.at as f64, self.axis.position(value)));
        let size = if self.plot.estimates.len() > 30 { 24 } else { 38 };
        if let (Some(low), Some(high)) = (one.low, one.high) {
            let beyond = self.beyond(one.low, one.high);
            bar(root, [pixel(low), pixel(high)], beyond, shade(one.role), (size, 0))?;
        }
        draw_marker(root, pixel(value), size + 4, shade(one.role), one.role == EstimateRole::Reference)
    }
}

/// The colour and shape of an estimate, as the series of a chart have them.
fn shade(role: EstimateRole) -> usize {
    usize::from(role == EstimateRole::Main)
}

/// Draws a bar between two limits, with a cap at each that is on the axis and an arrow where one goes on. `across` is
/// half of a cap.
fn bar(root: &Root, ends: [Pixel; 2], beyond: [bool; 2], series: usize, across: Pixel) -> Drawn {
    let style = colour(Role::Ink, series).mix(0.7).stroke_width(14);
    root.draw(&PathElement::new(ends, style))?;
    let [low, high] = ends;
    // Towards the inside of the bar from each of its ends.
    let inwards = [
        ((high.0 - low.0).signum(), (high.1 - low.1).signum()),
        ((low.0 - high.0).signum(), (low.1 - high.1).signum()),
    ];
    for (((x, y), goes_on), (right, down)) in ends.into_iter().zip(beyond).zip(inwards) {
        let wing = if goes_on { across.0.max(across.1) * 3 / 2 } else { 0 };
        let (one, other) = (
            (x - across.0 + right * wing, y - across.1 + down * wing),
            (x + across.0 + right * wing, y + across.1 + down * wing),
        );
        let cap = if goes_on { vec![one, (x, y), other] } else { vec![one, other] };
        root.draw(&PathElement::new(cap, style))?;
    }
    Ok(())
}

/// Draws a dashed line along `from..to`.
fn dashed(root: &Root, from: i32, to: i32, at: impl Fn(i32) -> Pixel) -> Drawn {
    let mut start = from;
    while start < to {
        let end = (start + DASH.0).min(to);
        root.draw(&PathElement::new([at(start), at(end)], colour(Role::Mark, 0).stroke_width(13)))?;
        start = end + DASH.1;
    }
    Ok(())
}

/// Shortens a label to so many characters.
fn cut(label: &str, room: usize) -> String {
    let label: Cow<'_, str> = clean(label);
    if label.chars().count() <= room {
        return label.into_owned();
    }
    label.chars().take(room.saturating_sub(1)).chain(['\u{2026}']).collect()
}

/// A sample of the dashes of a margin for a legend, as the content of an `svg` with the view box `0 0 320 120`.
pub(crate) fn margin_sample() -> String {
    sample(|root| dashed(root, 0, 320, |x| (x, 60)))
}

/// A sample of an estimate for a legend, likewise.
pub(crate) fn estimate_sample(role: EstimateRole) -> String {
    sample(|root| {
        if role != EstimateRole::Reference {
            bar(root, [(20, 60), (300, 60)], [false, false], shade(role), (0, 38))?;
        }
        draw_marker(root, (160, 60), 40, shade(role), role == EstimateRole::Reference)
    })
}

fn sample(draw: impl FnOnce(&Root) -> Drawn) -> String {
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, (320, 120)).into_drawing_area();
    let drawn = draw(&root).and_then(|()| root.present());
    drop(root);
    if drawn.is_ok() { coloured(&svg) } else { String::new() }
}
