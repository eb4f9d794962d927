//! `doracle consensus`: what several organisations say together, whichever of them lie.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Result};
use attribution::{CRITERION, Claim, Consensus, EffectTable, Limits, MetricConsensus, Replication, Scale, Terms};
use reports::format;
use serde::Serialize;
use serde_json::{Value, json};

use super::compare::probability;
use crate::cli::{ConsensusArguments, Format};
use crate::exit::{Outcome, UsageError};
use crate::table_output::{Columns, FORMAT_VERSION, aligned};
use crate::terminal::Terminal;

pub(crate) fn run(terminal: &Terminal, format: Format, own: &ConsensusArguments) -> Result<Outcome> {
    // It is there: without a subcommand it is asked for.
    let path = own.effects.clone().unwrap_or_default();
    let file = File::open(&path).with_context(|| format!("could not open the effects `{}`", path.display()))?;
    let table = attribution::read_effects(BufReader::new(file)).map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        wrong(format!("the effects `{}` are wrong, {error}{cause}", path.display()))
    })?;
    let claim = own.claim.as_deref().map(read_claim).transpose()?;
    let terms = match &claim {
        Some(claim) => claim.terms().map_err(|error| wrong(error.to_string()))?,
        None => Terms {
            enrolled: own.enrolled,
            faults: own.faults,
            alpha: own.alpha.unwrap_or(Terms::default().alpha),
            moderators: moderators(&table),
            ..Terms::default()
        },
    };
    let mut table = table;
    if let Some(claim) = &claim {
        claimed(claim, &mut table)?;
    }
    let found = attribution::consensus(&table.effects, &terms).map_err(|error| wrong(error.to_string()))?;
    let pairs = match &own.original {
        Some(original) => replications(&found, original)?,
        None => Vec::new(),
    };
    let internal = own.internal.as_deref().map(|path| internal(path, &found)).transpose()?.unwrap_or_default();
    if columns(&found).print(terminal, format)? {
        return Ok(Outcome::Done);
    }
    let text = if format == Format::Table {
        let (titles, rows) = listed(&found);
        let more = [beside(&found), pairs_told(&pairs), internal_told(&internal)].concat();
        told(&found, claim.as_ref(), &table, &aligned(&titles, &[false; TITLES.len()], &rows), &more)
    } else {
        let document = json!({
            "format_version": FORMAT_VERSION,
            "claim": claim,
            "consensus": found,
            "dropped": table.dropped,
            "replications": pairs,
            "internal": internal,
        });
        serde_json::to_string_pretty(&document)? + "\n"
    };
    terminal.text(&text)?;
    Ok(Outcome::Done)
}

fn read_claim(path: &Path) -> Result<Claim> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("could not open the claim `{shown}`"))?;
    Claim::read(&text).map_err(|error| wrong(format!("the claim `{shown}` is wrong, {error}")).into())
}

/// The moderators of a table that no claim names: all of them.
fn moderators(table: &EffectTable) -> Vec<String> {
    let names: BTreeSet<&String> = table.effects.iter().flat_map(|effect| effect.moderators.keys()).collect();
    names.into_iter().cloned().collect()
}

/// Keeps what the claim is about, and refuses who is not enrolled.
fn claimed(claim: &Claim, table: &mut EffectTable) -> Result<()> {
    if let Some(stranger) = table.effects.iter().find(|effect| !claim.organisations.contains(&effect.organisation)) {
        return Err(wrong(format!(
            "the effect `{}` is of `{}`, which the claim does not enrol",
            stranger.name, stranger.organisation
        ))
        .into());
    }
    let metrics = claim.metrics();
    for effect in table.effects.iter().filter(|effect| !metrics.contains(&effect.metric.as_str())) {
        table.dropped.push((effect.name.clone(), format!("the claim is not about `{}`", effect.metric)));
    }
    table.effects.retain(|effect| metrics.contains(&effect.metric.as_str()));
    Ok(())
}

fn replications(found: &Consensus, original: &str) -> Result<Vec<Replication>> {
    let pairs = attribution::replications(found, original);
    if pairs.is_empty() {
        return Err(wrong(format!("no other effect can be held against one of `{original}`")).into());
    }
    Ok(pairs)
}

/// One metric of a finding of one's own, beside what the others say.
#[derive(Serialize)]
struct Internal {
    metric: String,
    own: Limits,
    design_grade: String,
    /// Where the true effect of one more organisation would lie.
    one_more_would_see: Option<Limits>,
    is_inside: Option<bool>,
}

/// Reads a finding as `compare --out` writes it.
fn internal(path: &Path, found: &Consensus) -> Result<Vec<Internal>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("could not open the finding `{shown}`"))?;
    let document: Value =
        serde_json::from_str(&text).map_err(|error| wrong(format!("`{shown}` is no finding: {error}")))?;
    let finding = document.get("finding").unwrap_or(&document);
    let rows =
        finding["metrics"].as_array().ok_or_else(|| wrong(format!("`{shown}` is no finding: it has no metrics")))?;
    let grade = finding["grade"].as_str().unwrap_or("?");
    let row = |metric: &MetricConsensus| {
        let own = rows.iter().find(|row| row["metric"] == metric.metric.as_str())?;
        let number = |name: &str| own["effect"][name].as_f64();
        let (low, high) = (number("low")?, number("high")?);
        let estimate = number("estimate");
        Some(Internal {
            metric: metric.metric.clone(),
            own: Limits { estimate, low, high },
            design_grade: grade.to_owned(),
            one_more_would_see: metric.prediction,
            is_inside: metric.prediction.zip(estimate).map(|(limits, own)| limits.low <= own && own <= limits.high),
        })
    };
    Ok(found.metrics.iter().filter_map(row).collect())
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
        (None, None) if metric.hull.is_some() => "no look".to_owned(),
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

/// What stands beside the rule, in short; JSON has the rest.
fn beside(found: &Consensus) -> Vec<String> {
    let mut lines = Vec::new();
    for metric in &found.metrics {
        let (scale, beside) = (metric.scale, &metric.beside);
        let mut told = Vec::new();
        told.extend(beside.heterogeneity.map(|differ| {
            format!(
                "organisations differ with p {}, I\u{b2} {}",
                probability(differ.q_p_value),
                format::percent(differ.i_squared.estimate.unwrap_or(0.0))
            )
        }));
        told.extend(
            beside
                .without_one
                .iter()
                .find(|one| one.is_influential)
                .map(|one| format!("without `{}` random effects say {}", one.organisation, between(scale, one.pooled))),
        );
        told.extend(beside.any_time.map(|any_time| {
            format!(
                "at any time {} (one organisation's deviation taken for {})",
                between(scale, any_time.limits),
                format::number(any_time.assumed_deviation)
            )
        }));
        told.extend(
            beside
                .small_studies
                .map(|small| format!("small studies differ with p {}", probability(small.egger_p_value))),
        );
        told.extend(beside.strata.iter().filter_map(|stratum| {
            Some(format!("{} {}: {}", stratum.moderator, stratum.level, between(scale, stratum.pooled?)))
        }));
        told.extend(beside.slopes.iter().map(|slope| {
            format!("{} goes with {} (p {})", slope.moderator, between(scale, slope.slope), probability(slope.p_value))
        }));
        if !told.is_empty() {
            lines.push(format!("  {}: {}", metric.metric, told.join("; ")));
        }
    }
    if !lines.is_empty() {
        lines.insert(0, "beside the rule, believing what is stated; none of it decides".to_owned());
    }
    lines
}

fn pairs_told(pairs: &[Replication]) -> Vec<String> {
    let told = |pair: &Replication| {
        let p_value = pair.sceptical_p_value.map_or_else(|| "none".to_owned(), probability);
        let is_predicted = match pair.is_predicted {
            Some(true) => "where the original says",
            Some(false) => "not where the original says",
            None => "the original does not say where",
        };
        format!("  {} by `{}`: sceptical p {p_value}, {is_predicted}", pair.metric, pair.replication)
    };
    let title = pairs.first().map(|pair| format!("replications of `{}`", pair.original));
    title.into_iter().chain(pairs.iter().map(told)).collect()
}

fn internal_told(internal: &[Internal]) -> Vec<String> {
    let told = |one: &Internal| {
        let scale = Scale::of(&one.metric);
        let place = match (one.one_more_would_see, one.is_inside) {
            (Some(limits), Some(true)) => format!("inside of what one more would see, {}", between(scale, limits)),
            (Some(limits), _) => format!("outside of what one more would see, {}", between(scale, limits)),
            (None, _) => "the others do not say where one more would lie".to_owned(),
        };
        format!("  {}: {}, {place}", one.metric, between(scale, one.own))
    };
    let title = internal.first().map(|one| {
        format!("one's own finding, design {}, beside the others and not put together with them", one.design_grade)
    });
    title.into_iter().chain(internal.iter().map(told)).collect()
}

fn told(found: &Consensus, claim: Option<&Claim>, table: &EffectTable, metrics: &str, more: &[String]) -> String {
    let mut lines = vec![metrics.to_owned()];
    if let Some(claim) = claim {
        lines.push(format!("claim `{}`: {}", claim.id, claim.claim));
    }
    let verdict = if let Some(verdict) = found.verdict {
        format!("verdict: {verdict}")
    } else if let Some(between) = &found.between_looks {
        let next =
            between.next.map_or_else(|| "none comes any more".to_owned(), |next| format!("the next is at {next}"));
        format!("verdict: none at {} organisations, where no look was declared; {next}", between.admitted)
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
    if !more.is_empty() {
        lines.push(String::new());
        lines.extend(more.iter().cloned());
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
