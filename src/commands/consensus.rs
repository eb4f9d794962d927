//! `doracle consensus`: what several organisations say together, whichever of them lie.

use std::fs::File;
use std::io::BufReader;

use anyhow::{Context, Result};
use attribution::{CRITERION, Consensus, EffectTable, Limits, MetricConsensus, Scale, Terms};
use reports::format;
use serde_json::json;

use crate::cli::{ConsensusArguments, Format};
use crate::exit::{Outcome, UsageError};
use crate::table_output::{Columns, FORMAT_VERSION, aligned};
use crate::terminal::Terminal;

pub(crate) fn run(terminal: &Terminal, format: Format, own: &ConsensusArguments) -> Result<Outcome> {
    let file =
        File::open(&own.effects).with_context(|| format!("could not open the effects `{}`", own.effects.display()))?;
    let table = attribution::read_effects(BufReader::new(file)).map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        wrong(format!("the effects `{}` are wrong, {error}{cause}", own.effects.display()))
    })?;
    let terms = Terms { enrolled: own.enrolled, faults: own.faults, alpha: own.alpha, ..Terms::default() };
    let found = attribution::consensus(&table.effects, &terms).map_err(|error| wrong(error.to_string()))?;
    if columns(&found).print(terminal, format)? {
        return Ok(Outcome::Done);
    }
    let text = if format == Format::Table {
        let (titles, rows) = listed(&found);
        told(&found, &table, &aligned(&titles, &[false; TITLES.len()], &rows))
    } else {
        let document = json!({"format_version": FORMAT_VERSION, "consensus": found, "dropped": table.dropped});
        serde_json::to_string_pretty(&document)? + "\n"
    };
    terminal.text(&text)?;
    Ok(Outcome::Done)
}

fn wrong(message: String) -> UsageError {
    UsageError { message, hint: Some("`doracle consensus --help` lists the columns and the terms".into()) }
}

const TITLES: [&str; 9] = [
    "metric",
    "the hull says",
    "organisations",
    "hull",
    "trimmed mean",
    "random effects",
    "one more would see",
    "sound against",
    "blocked by",
];

/// What the hull says of a metric.
fn says(metric: &MetricConsensus) -> String {
    match (&metric.class, &metric.insufficient) {
        (_, Some(_)) => "insufficient data".to_owned(),
        (_, None) if metric.is_disputed => "disputed".to_owned(),
        (Some(class), None) => class.to_string(),
        (None, None) => "inconclusive".to_owned(),
    }
}

/// One way of looking at a metric.
type Part = fn(&MetricConsensus) -> Option<Limits>;

/// The metrics for programs: logarithms of ratios or differences of shares, positive for better.
fn columns(found: &Consensus) -> Columns {
    let metrics = &found.metrics;
    let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let mut columns = Columns::default()
        .with("metric", metrics.iter().map(|metric| metric.metric.clone()))
        .with("says", metrics.iter().map(says))
        .with("insufficient", metrics.iter().map(|metric| metric.insufficient.clone()))
        .with("scale", metrics.iter().map(|metric| metric.scale.name().to_owned()))
        .with("organisation_count", metrics.iter().map(|metric| whole(metric.votes.len())))
        .with("enrolled_count", metrics.iter().map(|_| whole(found.enrolled)))
        .with("margin", metrics.iter().map(|metric| metric.margin));
    let views: [(&str, Part); 4] = [
        ("hull", |metric| metric.hull),
        ("trimmed", |metric| metric.trimmed),
        ("random_effects", |metric| metric.random_effects),
        ("one_more", |metric| metric.prediction),
    ];
    for (name, part) in views {
        let limits = |of: fn(Limits) -> Option<f64>| metrics.iter().map(move |metric| part(metric).and_then(of));
        columns = columns
            .with(&format!("{name}_estimate"), limits(|limits| limits.estimate))
            .with(&format!("{name}_low"), limits(|limits| Some(limits.low)))
            .with(&format!("{name}_high"), limits(|limits| Some(limits.high)));
    }
    columns
        .with("sound_against", metrics.iter().map(|metric| metric.sound_against.map(whole)))
        .with(
            "blocked_by_count",
            metrics.iter().map(|metric| metric.blocked_by.as_ref().map(|found| whole(found.count))),
        )
        .with(
            "blocked_by",
            metrics.iter().map(|metric| {
                let named = metric.blocked_by.as_ref().and_then(|found| found.organisations.clone());
                named.unwrap_or_default()
            }),
        )
}

fn listed(found: &Consensus) -> (Vec<String>, Vec<Vec<Option<String>>>) {
    let row = |metric: &MetricConsensus| {
        let limits = |limits: Option<Limits>| limits.map(|limits| between(metric.scale, limits));
        vec![
            Some(metric.metric.clone()),
            Some(says(metric)),
            Some(format!("{} of {}", metric.votes.len(), found.enrolled)),
            limits(metric.hull),
            limits(metric.trimmed),
            limits(metric.random_effects),
            limits(metric.prediction),
            metric.sound_against.map(|liars| liars.to_string()),
            metric.blocked_by.as_ref().map(|blocking| match &blocking.organisations {
                Some(named) => named.join(", "),
                None => format!("any {}", blocking.count),
            }),
        ]
    };
    (TITLES.map(str::to_owned).to_vec(), found.metrics.iter().map(row).collect())
}

fn told(found: &Consensus, table: &EffectTable, metrics: &str) -> String {
    let mut lines = vec![metrics.to_owned()];
    let verdict = if let Some(verdict) = found.verdict {
        format!("verdict: {verdict}")
    } else {
        let has = |name: &str| found.metrics.iter().any(|metric| metric.metric == name);
        let missing: Vec<String> = CRITERION.iter().filter(|name| !has(name)).map(|name| format!("`{name}`")).collect();
        format!("verdict: none, since the table lacks {}, which the criterion asks for", missing.join(" and "))
    };
    lines.push(verdict);
    if let Some(liars) = found.sound_against {
        lines.push(format!("  the same whichever {liars} of them lie"));
    }
    for metric in &found.metrics {
        lines.extend(metric.insufficient.as_ref().map(|why| format!("  {}: {why}", metric.metric)));
        if metric.has_constant_subset {
            lines.push(format!("  {}: some organisations say exactly the same", metric.metric));
        }
    }
    lines.push(String::new());
    lines.push("positive is better; this assumes".to_owned());
    lines.extend(found.assumptions.iter().map(|assumed| format!("  {assumed}")));
    if !table.dropped.is_empty() {
        lines.push(String::new());
        lines.push("left out".to_owned());
        lines.extend(table.dropped.iter().map(|(name, why)| format!("  {name}: {why}")));
    }
    lines.join("\n") + "\n"
}

/// An estimate with its limits, or the limits alone.
pub(super) fn between(scale: Scale, limits: Limits) -> String {
    let range = format!("{} to {}", change(scale, limits.low), change(scale, limits.high));
    match limits.estimate {
        Some(estimate) => format!("{} ({range})", change(scale, estimate)),
        None => range,
    }
}

/// A difference in percentage points, or a ratio as the change it is.
pub(super) fn change(scale: Scale, effect: f64) -> String {
    let sign = if effect >= 0.0 { "+" } else { "\u{2212}" };
    match scale {
        Scale::Difference => format!("{sign}{} points", format::number(100.0 * effect.abs())),
        Scale::LogRatio if effect.abs() > 5.0 => format!("log {sign}{}", format::number(effect.abs())),
        Scale::LogRatio => format!("{sign}{}", format::percent(effect.exp_m1().abs())),
    }
}
