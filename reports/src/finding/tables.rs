//! The numbers of a finding.

use attribution::{AtMargin, Class, Finding, MetricEffect, MetricOutcome};

use super::plots::{level, limits, none};
use super::words::{Named, gain, margin};
use crate::format::RateUnit;
use crate::{Block, Section, Table, TableCell, TableColumn, format};

/// The effects with their tests, and what they were before and after.
pub(crate) fn effects(found: &Finding) -> Vec<Block> {
    let tests = Table {
        caption: "Effects, positive is better".into(),
        columns: vec![
            TableColumn::text("Metric"),
            TableColumn::numeric(format!("Effect ({})", level(found))),
            TableColumn::text("Says"),
            TableColumn::numeric("p, two-sided"),
            TableColumn::numeric("p against no improvement, one-sided, Holm-adjusted for four"),
            TableColumn::text("Services that began, and others"),
            TableColumn::text("Method"),
        ],
        rows: found.metrics.iter().map(|outcome| tested(outcome, found.terms.alpha)).collect(),
    };
    let sides = Table {
        caption: "Before and after, all events of a side together; rates are those of one service".into(),
        columns: vec![
            TableColumn::text("Metric"),
            TableColumn::numeric("Began, before"),
            TableColumn::numeric("Began, after"),
            TableColumn::numeric("Others, before"),
            TableColumn::numeric("Others, after"),
        ],
        rows: super::effects(found).map(sides).collect(),
    };
    vec![
        Block::Table(tests),
        Block::Paragraph(format!(
            "Effects of times are ratios of speeds, before over after: +100 % is half the time. An adjusted p counts \
             below {}, half of {}, since it looks at one side.",
            format::probability(found.terms.alpha / 2.0),
            format::number(found.terms.alpha),
        )),
        Block::Table(sides),
        Block::Paragraph(sides_differ(found)),
    ]
}

/// Why the sides do not give the effect to the digit.
fn sides_differ(found: &Finding) -> String {
    let is_of_series = |effect: &&MetricEffect| effect.series_check.is_some();
    let mut told = vec!["The effects are not read from these sums, and agree with them only roughly."];
    if super::effects(found).any(|effect| !is_of_series(&effect)) {
        told.push("By services, each enters with one change of its own, weighted by how much it can tell.");
    }
    if super::effects(found).any(|effect| is_of_series(&effect)) {
        told.push("By a series, the points after the date stand beside the trend of those before, which may reach back farther.");
    }
    if found.design.is_staggered {
        told.push("Since there are several dates, an other counts once beside each.");
    }
    told.join(" ")
}

fn tested(outcome: &MetricOutcome, alpha: f64) -> Vec<TableCell> {
    let title = Named::of(outcome.metric()).title;
    let effect = match outcome {
        MetricOutcome::Found(effect) => effect,
        MetricOutcome::Insufficient { insufficient, .. } => {
            let says = TableCell::from("insufficient data").muted();
            return vec![title.into(), none(), says, none(), none(), none(), insufficient.as_str().into()];
        }
    };
    vec![
        title.into(),
        limits(effect.scale, effect.effect),
        says(effect, alpha).into(),
        format::probability(effect.p_two_sided).into(),
        effect.p_holm.map_or_else(none, |p_value| format::probability(p_value).into()),
        format!("{} and {}", effect.services[0], effect.services[1]).into(),
        effect.method.into(),
    ]
}

/// What the limits say, and whether it stands out among four looks.
fn says(effect: &MetricEffect, alpha: f64) -> String {
    match (effect.class, effect.p_holm) {
        (Class::Superior, Some(p_value)) if p_value >= alpha / 2.0 => "superior, but not among four looks".to_owned(),
        (class, _) => class.to_string(),
    }
}

fn sides(effect: &MetricEffect) -> Vec<TableCell> {
    let [began, others] = effect.values;
    let known = || began.iter().chain(&others).flatten().copied();
    // One unit for all four, that in which the most frequent reads well.
    let unit = RateUnit::suiting(known().fold(0.0, f64::max));
    let write = |value: f64| match effect.metric.as_str() {
        "change_fail_rate" => format::percent(value),
        "forward_deployment_frequency" => format::rate(value, unit),
        _ => format::duration(value),
    };
    let cells = effect.values.iter().flatten().zip(effect.events.iter().flatten()).map(|(value, events)| match value {
        Some(value) => TableCell::from(format!("{}; n = {}", write(*value), format::count(*events))),
        None => TableCell::from(format::NO_DATA).muted(),
    });
    std::iter::once(Named::of(&effect.metric).title.into()).chain(cells).collect()
}

/// What would be said at other margins, and what more data could tell.
pub(crate) fn margins(found: &Finding) -> Option<Section> {
    super::effects(found).next()?;
    let most = super::effects(found).map(|effect| effect.at_margins.len()).max().unwrap_or(0);
    let mut columns = vec![TableColumn::text("Metric"), TableColumn::text("At its margin")];
    columns.extend((0..most).map(|place| TableColumn::text(heading(found, place))));
    columns.extend([
        TableColumn::text("\"Not worse\" at every margin above"),
        TableColumn::numeric("Effect that as much data finds four times in five"),
        TableColumn::numeric("Data to find one of the margin's size as often"),
    ]);
    let rows = super::effects(found).map(|effect| at_margins(effect, most)).collect();
    let at: Vec<String> = found
        .at_ratios
        .iter()
        .map(|(ratio, verdict)| format!("`{verdict}` at {}", format::significant(*ratio, 3)))
        .collect();
    let mut blocks =
        vec![Block::Table(Table { caption: "What the limits say at other margins".into(), columns, rows })];
    if !at.is_empty() {
        blocks.push(Block::Paragraph(format!(
            "All four together, by the numbers alone, with other margins for the ratios and that of the change fail rate \
             as it is: {}.",
            at.join(", ")
        )));
    }
    Some(Section {
        id: "margins".into(),
        title: "Other margins".into(),
        lead: Some(
            "A margin is how much worse still counts as not worse. It is fixed before looking; here is what would have \
             been said at others, so that nobody has to take it on trust."
                .into(),
        ),
        blocks,
    })
}

/// The margins at one place of the lists.
fn heading(found: &Finding, place: usize) -> String {
    let mut margins: Vec<String> = Vec::new();
    for (effect, one) in super::effects(found).filter_map(|effect| Some((effect, effect.at_margins.get(place)?))) {
        let margin = margin(effect.scale, one.margin);
        if !margins.contains(&margin) {
            margins.push(margin);
        }
    }
    format!("At {}", margins.join(" or "))
}

fn at_margins(effect: &MetricEffect, most: usize) -> Vec<TableCell> {
    let scale = effect.scale;
    let at = |one: &AtMargin| TableCell::from(one.class.to_string());
    let mut cells = vec![
        Named::of(&effect.metric).title.into(),
        format!("{} at {}", effect.class, margin(scale, effect.margin)).into(),
    ];
    cells.extend((0..most).map(|place| effect.at_margins.get(place).map_or_else(none, at)));
    cells.extend([
        if effect.smallest_margin > 0.0 { margin(scale, effect.smallest_margin) } else { "any".to_owned() }.into(),
        gain(scale, effect.detectable).into(),
        times(effect).into(),
    ]);
    cells
}

/// How many times the data it takes to find an effect of the size of the margin four times in five.
fn times(effect: &MetricEffect) -> String {
    if effect.data_needed <= 1.0 {
        "no more".to_owned()
    } else {
        format!("{} times", format::number(effect.data_needed))
    }
}

/// What entered, service by service.
pub(crate) fn services(effect: &MetricEffect) -> Option<Table> {
    if effect.rows.is_empty() {
        return None;
    }
    let write = |value: Option<f64>| match (value, effect.metric.as_str()) {
        (None, _) => TableCell::from(format::NO_DATA).muted(),
        (Some(value), "change_fail_rate") => format::percent(value).into(),
        (Some(value), "forward_deployment_frequency") => format::rate(value, RateUnit::suiting(value)).into(),
        (Some(value), _) => format::duration(value).into(),
    };
    let rows = effect.rows.iter().map(|row| {
        vec![
            row.service.as_str().into(),
            if row.is_treated { "began" } else { "other" }.into(),
            (row.cohort + 1).to_string().into(),
            format!("{} and {}", format::number(row.days[0]), format::number(row.days[1])).into(),
            format!("{} and {}", format::count(row.events[0]), format::count(row.events[1])).into(),
            write(row.values[0]),
            write(row.values[1]),
            gain(effect.scale, row.change).into(),
            format::number(row.weight).into(),
        ]
    });
    Some(Table {
        caption: "What entered, service by service".into(),
        columns: vec![
            TableColumn::text("Service"),
            TableColumn::text("Part"),
            TableColumn::numeric("Date no."),
            TableColumn::numeric("Days before and after"),
            TableColumn::numeric("Events before and after"),
            TableColumn::numeric("Before"),
            TableColumn::numeric("After"),
            TableColumn::numeric("Its change, positive is better"),
            TableColumn::numeric("Weight, 1 on average"),
        ],
        rows: rows.collect(),
    })
}
