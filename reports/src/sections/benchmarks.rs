//! Published clusters beside the numbers: off unless a year is asked for.

use lake::tables::metrics;

use crate::benchmarks::{self, Lies, METRICS, Placement, Year};
use crate::model::{self, Model, Unit};
use crate::{Block, Section, Table, TableCell, TableColumn, format};

/// The closest published cluster of one year for each number that heads the report.
pub(crate) fn section(model: &Model<'_>) -> Option<Section> {
    let year = benchmarks::year(model.context.benchmarks?)?;
    let mut blocks = Vec::new();
    if !year.clusters.is_empty() {
        let heads = model.heads();
        for unit in &heads {
            blocks.push(Block::Table(table(model, unit, year)));
        }
    }
    let remarks = year.remarks.iter().chain(&benchmarks::published().caveats).cloned();
    blocks.push(Block::List(remarks.collect()));
    blocks.push(Block::Paragraph(format!(
        "From: {} ({}; {}). Version {} of the data. {}",
        year.report,
        year.report_version,
        year.source,
        benchmarks::published().version,
        "Ranges include their ends; a month is 30 days.",
    )));
    Some(Section {
        id: "benchmarks".into(),
        title: format!("Published clusters of {}", year.year),
        lead: Some(
            "For orientation only: to which published group of survey answers each number is closest. It is no grade, \
             and it makes nobody a member of that group."
                .into(),
        ),
        blocks,
    })
}

fn table(model: &Model<'_>, unit: &Unit, year: &Year) -> Table {
    let rows = derive::definitions()
        .iter()
        .filter(|definition| METRICS.contains(&definition.metric.as_str()))
        .filter_map(|definition| {
            let statistic = definition.gives.first()?;
            let row = model.number(unit, &definition.metric, statistic)?;
            let kind = model::statistic_name(statistic);
            let name = if kind.is_empty() { definition.title.clone() } else { format!("{}, {kind}", definition.title) };
            let number = match model::interval(row) {
                Some(interval) => format!("{} ({interval}); n = {}", model::value(row), row.n),
                None => format!("{}; n = {}", model::value(row), row.n),
            };
            let [closest, lies, reaches] = cells(year, row);
            Some(vec![name.into(), number.into(), closest, lies, reaches])
        })
        .collect();
    Table {
        caption: format!("{} in {}, beside the clusters of {}", unit.name(), unit.environment, year.year),
        columns: vec![
            TableColumn::text("Metric"),
            TableColumn::numeric("Measured"),
            TableColumn::text(format!("Closest published cluster of {}", year.year)),
            TableColumn::text("Where it lies"),
            TableColumn::text("Its interval reaches"),
        ],
        rows,
    }
}

/// The closest cluster, where the value lies, and what the interval reaches.
fn cells(year: &Year, row: &metrics::Row) -> [TableCell; 3] {
    let Some(value) = row.value else {
        let why = if row.above.is_some() { "only known to be greater" } else { format::NO_DATA };
        return [TableCell::from("none").muted(), TableCell::from(why).muted(), TableCell::from("").muted()];
    };
    let Some(placement) = year.place(&row.metric, value) else {
        return [TableCell::from("none").muted(), TableCell::from("not asked").muted(), TableCell::from("").muted()];
    };
    let reaches: Vec<String> = [row.ci_low, row.ci_high]
        .into_iter()
        .flatten()
        .filter_map(|end| Some(year.place(&row.metric, end)?.closest.join(", ")))
        .collect();
    let reaches = match reaches.as_slice() {
        [low, high] if low != high => format!("{low} to {high}"),
        [same, ..] => same.clone(),
        [] => "no interval".to_owned(),
    };
    [closest_in_words(year, &row.metric, &placement).into(), lies_in_words(&placement).into(), reaches.into()]
}

fn closest_in_words(year: &Year, metric: &str, placement: &Placement) -> String {
    let clusters = year.clusters.iter().filter(|cluster| placement.closest.contains(&cluster.cluster));
    let words = clusters.filter_map(|cluster| Some(format!("{} ({})", cluster.cluster, cluster.range(metric)?.words)));
    words.collect::<Vec<_>>().join(", ")
}

/// Where a value lies, in words.
fn lies_in_words(placement: &Placement) -> String {
    match &placement.lies {
        Lies::InOne => "in the range of this cluster alone".to_owned(),
        Lies::InSeveral => format!("in the ranges of {} clusters: it does not tell them apart", placement.closest.len()),
        Lies::InGap { below, above } => {
            format!("in a gap between {} and {}: in the range of no cluster", below.join(", "), above.join(", "))
        }
        Lies::Beyond => "beyond the ranges of all clusters".to_owned(),
        Lies::AmongNumbers if placement.closest.len() > 1 => {
            "as near to one as to the other: each cluster answered one number, not a range".to_owned()
        }
        Lies::AmongNumbers => "nearest to this one: each cluster answered one number, not a range".to_owned(),
    }
}
