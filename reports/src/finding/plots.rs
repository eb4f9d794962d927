//! What is drawn of a finding.

use attribution::{Class, EventPoint, Finding, Limits, MetricEffect, MetricOutcome, Scale, SeriesPoint, SeriesView};
use lake::Instant;

use super::words::{self, Named, gain};
use crate::{
    Chart, EffectLayout, EffectPlot, Estimate, EstimateRole, Mark, Point, Series, Table, TableCell, TableColumn,
    ValueFormat, format,
};

/// Where a number stands that is none.
pub(super) fn none() -> TableCell {
    TableCell::from("\u{2013}").muted()
}

fn value_format(scale: Scale) -> ValueFormat {
    match scale {
        Scale::LogRatio => ValueFormat::Change,
        Scale::Difference => ValueFormat::Points,
    }
}

/// What an axis of effects measures.
fn axis_label(scale: Scale, is_time: bool) -> &'static str {
    match (scale, is_time) {
        (Scale::LogRatio, true) => "change as a ratio, before over after: +100 % is twice as fast; log axis",
        (Scale::LogRatio, false) => "change as a ratio, after over before; log axis",
        (Scale::Difference, _) => "change in percentage points, so many fewer fail",
    }
}

fn is_time(metric: &str) -> bool {
    Scale::of(metric) == Scale::LogRatio && metric != "forward_deployment_frequency"
}

/// What limits are called.
pub(super) fn level(found: &Finding) -> String {
    format!("{} interval", format::percent(1.0 - found.terms.alpha))
}

/// An effect and its limits in a table.
pub(super) fn limits(scale: Scale, effect: Limits) -> TableCell {
    let write = |value: f64| gain(scale, value);
    let range = format!("{} to {}", write(effect.low), write(effect.high));
    match effect.estimate {
        Some(estimate) => format!("{} ({range})", write(estimate)).into(),
        None => range.into(),
    }
}

fn estimate(label: String, at: i64, value: f64, limits: Option<[f64; 2]>) -> Estimate {
    let [low, high] = limits.map_or([None, None], |limits| limits.map(Some));
    Estimate {
        label,
        at,
        value: finite(value),
        low: low.and_then(finite),
        high: high.and_then(finite),
        ..Estimate::default()
    }
}

fn finite(value: f64) -> Option<f64> {
    Some(value).filter(|value| value.is_finite())
}

/// The effects of the criterion: those that are ratios, and beside them those that are differences.
pub(super) fn effects(found: &Finding) -> Vec<EffectPlot> {
    [Scale::LogRatio, Scale::Difference].into_iter().filter_map(|scale| of_scale(found, scale)).collect()
}

fn of_scale(found: &Finding, scale: Scale) -> Option<EffectPlot> {
    let outcomes: Vec<&MetricOutcome> = found.metrics.iter().filter(|one| Scale::of(one.metric()) == scale).collect();
    outcomes.iter().find(|one| one.found().is_some())?;
    let estimates = outcomes.iter().map(|one| match one {
        MetricOutcome::Found(effect) => {
            let Limits { estimate: value, low, high } = effect.effect;
            let label = Named::of(&effect.metric).title.to_owned();
            estimate(label, 0, value.unwrap_or(f64::NAN), Some([low, high]))
        }
        MetricOutcome::Insufficient { metric, .. } => {
            Estimate { label: Named::of(metric).title.to_owned(), ..Estimate::default() }
        }
    });
    let told: Vec<String> = outcomes.iter().map(|one| in_short(one)).collect();
    Some(EffectPlot {
        title: match scale {
            Scale::LogRatio => "Effects as ratios".into(),
            Scale::Difference => "Effects as differences".into(),
        },
        description: format!("To the right of the line at 0 is better. {}.", told.join("; ")),
        axis_label: match scale {
            Scale::LogRatio => {
                "change as a ratio: frequency after over before, times before over after; log axis".into()
            }
            Scale::Difference => axis_label(scale, false).into(),
        },
        interval_label: level(found),
        layout: EffectLayout::Rows,
        margin: finite(found.terms.margins().of(scale)),
        value_format: value_format(scale),
        estimates: estimates.collect(),
        table: Table {
            caption: "Effects that are drawn".into(),
            columns: vec![
                TableColumn::text("Metric"),
                TableColumn::numeric(format!("Effect, positive is better ({})", level(found))),
                TableColumn::text("Says"),
            ],
            rows: outcomes.iter().map(|one| row(one)).collect(),
        },
    })
}

fn in_short(outcome: &MetricOutcome) -> String {
    let title = Named::of(outcome.metric()).title;
    match outcome {
        MetricOutcome::Found(effect) => format!("{title}: {}", limits(effect.scale, effect.effect).text),
        MetricOutcome::Insufficient { .. } => format!("{title}: insufficient data"),
    }
}

fn row(outcome: &MetricOutcome) -> Vec<TableCell> {
    let title = Named::of(outcome.metric()).title;
    match outcome {
        MetricOutcome::Found(effect) => {
            vec![title.into(), limits(effect.scale, effect.effect), effect.class.to_string().into()]
        }
        MetricOutcome::Insufficient { insufficient, .. } => {
            vec![title.into(), TableCell::from("insufficient data").muted(), insufficient.as_str().into()]
        }
    }
}

/// Four weeks at a time beside the last four before the date; nothing where no block has an estimate.
pub(super) fn event_study(found: &Finding, effect: &MetricEffect) -> Option<EffectPlot> {
    let points = &effect.event_study;
    if points.is_empty() {
        return None;
    }
    let label = |week: i64| format!("weeks {} to {}", signed(week), signed(week.saturating_add(4)));
    // Each block stands at its middle.
    let one = |point: &EventPoint| {
        estimate(label(point.week), point.week.saturating_add(2), point.estimate, Some([point.low, point.high]))
    };
    let reference = Estimate { role: EstimateRole::Reference, ..estimate(label(-4), -2, 0.0, None) };
    let mut estimates: Vec<Estimate> = points.iter().map(one).collect();
    if !estimates.iter().any(|one| one.at == -2) {
        estimates.push(reference);
    }
    estimates.sort_by_key(|one| one.at);
    let rows = points.iter().map(|point| {
        let effect_of = Limits { estimate: Some(point.estimate), low: point.low, high: point.high };
        vec![label(point.week).into(), limits(effect.scale, effect_of)]
    });
    Some(EffectPlot {
        title: format!("{}, four weeks at a time", Named::of(&effect.metric).title),
        description: format!(
            "Each block of four weeks beside the last four before the date, {}. Before the date, what lies away from 0 is a \
             difference that was there already. All blocks stand beside the same four weeks: where those were unusual, all are \
             shifted alike. A block without enough services is left out.",
            beside(found, effect)
        ),
        axis_label: format!("{}; weeks from the date", axis_label(effect.scale, is_time(&effect.metric))),
        interval_label: level(found),
        layout: EffectLayout::Weeks,
        margin: None,
        value_format: value_format(effect.scale),
        estimates,
        table: Table {
            caption: "Four weeks at a time, beside the last four before the date".into(),
            columns: vec![
                TableColumn::text("From the date"),
                TableColumn::numeric(format!("Effect, positive is better ({})", level(found))),
            ],
            rows: rows.collect(),
        },
    })
}

fn beside(found: &Finding, effect: &MetricEffect) -> &'static str {
    if found.design.is_controlled && effect.services[1] > 0 { "less the same of the others" } else { "without others" }
}

pub(super) fn signed(week: i64) -> String {
    match week {
        week if week > 0 => format!("+{week}"),
        0 => "0".to_owned(),
        week => format!("\u{2212}{}", week.unsigned_abs()),
    }
}

/// The same question asked in other ways, lowest effect first; nothing where there is no other way.
pub(super) fn specifications(found: &Finding, effect: &MetricEffect) -> Option<EffectPlot> {
    if effect.specifications.len() < 2 {
        return None;
    }
    let ranked = || (1_i64..).zip(&effect.specifications);
    let estimates = ranked().map(|(rank, one)| {
        let role = if one.differs.is_empty() { EstimateRole::Main } else { EstimateRole::Usual };
        Estimate { role, ..estimate(differs(&one.differs), rank, one.estimate, one.limits) }
    });
    let rows = ranked().map(|(rank, one)| {
        let effect_of = |[low, high]: [f64; 2]| Limits { estimate: Some(one.estimate), low, high };
        let class = one.limits.map(|[low, high]| Class::of(low, high, effect.margin));
        vec![
            rank.to_string().into(),
            differs(&one.differs).into(),
            one.window_weeks.to_string().into(),
            one.limits
                .map_or_else(|| gain(effect.scale, one.estimate).into(), |ends| limits(effect.scale, effect_of(ends))),
            class.map_or_else(none, |class| class.to_string().into()),
            format!("{} and {}", one.services[0], one.services[1]).into(),
        ]
    });
    Some(EffectPlot {
        title: format!("{}, asked in {} ways", Named::of(&effect.metric).title, effect.specifications.len()),
        description: format!(
            "The same question asked in other ways that an analyst could have chosen, lowest effect first: {}. They look at \
             the same data, so that their number proves nothing.",
            words::agree(effect)
        ),
        axis_label: format!("{}; rank", axis_label(effect.scale, is_time(&effect.metric))),
        interval_label: level(found),
        layout: EffectLayout::Ranks,
        margin: finite(effect.margin),
        value_format: value_format(effect.scale),
        estimates: estimates.collect(),
        table: Table {
            caption: "What differs from the main analysis, by rank".into(),
            columns: vec![
                TableColumn::numeric("Rank"),
                TableColumn::text("What differs"),
                TableColumn::numeric("Weeks a side"),
                TableColumn::numeric(format!("Effect, positive is better ({})", level(found))),
                TableColumn::text("Says"),
                TableColumn::text("Services that began, and others"),
            ],
            rows: rows.collect(),
        },
    })
}

fn differs(differs: &str) -> String {
    if differs.is_empty() { "nothing: the main analysis".to_owned() } else { differs.to_owned() }
}

/// The series around the date, with where it would have been by the trend before.
pub(super) fn series(found: &Finding, effect: &MetricEffect, view: &SeriesView) -> Chart {
    let points =
        |value: &dyn Fn(&SeriesPoint) -> Option<Point>| view.points.iter().filter_map(value).collect::<Vec<Point>>();
    let at = |point: &SeriesPoint| point.start.div_euclid(Instant::MICROS);
    let plain = |value: Option<f64>, point: &SeriesPoint| {
        Some(Point { at_seconds: at(point), value: value.and_then(finite), ..Point::default() })
    };
    let would = |point: &SeriesPoint| {
        let [low, value, high] = point.counterfactual?.map(finite);
        Some(Point { at_seconds: at(point), value, low, high, immature: false })
    };
    let named = |name: &str, points: Vec<Point>| Series { name: name.to_owned(), points };
    let has_others = view.points.iter().any(|point| point.others.is_some());
    let mut series = vec![
        named("services that began", points(&|point| plain(point.treated, point))),
        named("where they would have been", points(&would)),
    ];
    if has_others {
        series.push(named("others", points(&|point| plain(point.others, point))));
    }
    let weeks = if view.weeks_each == 1 { "week".to_owned() } else { format!("{} weeks", view.weeks_each) };
    Chart {
        title: format!("{}, by {weeks}", Named::of(&effect.metric).title),
        description: format!(
            "{} Where they would have been: {}, with limits at 95 %.{}",
            if effect.series_check.is_some() {
                "The effect is read from this series."
            } else {
                "For the eye: the effect is not read from this series but from the changes of single services."
            },
            if has_others {
                "had their distance from the others gone on by its trend before the date"
            } else {
                "had the trend before the date gone on"
            },
            if found.design.is_staggered { " The date is the one on which most services began." } else { "" },
        ),
        y_label: y_label(&effect.metric).into(),
        interval_label: Some("95 % limits of where they would have been".into()),
        series,
        marks: mark(found, view).into_iter().collect(),
        y_from_zero: true,
        value_format: match effect.metric.as_str() {
            "forward_deployment_frequency" => ValueFormat::PerDay,
            "change_fail_rate" => ValueFormat::Percent,
            _ => ValueFormat::Duration,
        },
    }
}

fn y_label(metric: &str) -> &'static str {
    match metric {
        "forward_deployment_frequency" => "rollouts per day",
        "change_fail_rate" => "share of rollouts",
        _ => "geometric mean of times",
    }
}

/// The date of a series: the last on which services began before its first point after.
fn mark(found: &Finding, view: &SeriesView) -> Option<Mark> {
    let first = view.points.get(view.first_after)?.start;
    let date = found.design.cohorts.iter().map(|cohort| cohort.date.0).filter(|date| *date <= first).max();
    Some(Mark {
        at_seconds: date.unwrap_or(first).div_euclid(Instant::MICROS),
        label: format!("services began with {}", found.practice),
    })
}
