//! `doracle compare` of the lake: what a change of working did, before and after.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use attribution::{
    BaselineCheck, Finding, FindingTerms, Limits, MetricEffect, MetricOutcome, TermsFile, Verdict, practices,
};
use derive::{Observations, Plan};
use lake::tables::{baselines, coverage, effects};
use lake::{AsOf, Lake, Snapshot, TableRow};
use reports::{ReportContext, format};
use serde_json::json;

use super::compare::{margin, probability};
use super::consensus::{between, change};
use crate::cli::{CompareArguments, Format, Global};
use crate::exit::{Outcome, UsageError};
use crate::numbers::counted;
use crate::pipeline;
use crate::progress::Progress;
use crate::settings::Layered;
use crate::table_output::{self, FORMAT_VERSION, aligned};
use crate::terminal::Terminal;

pub(crate) async fn run(terminal: &Terminal, global: &Global, own: &CompareArguments) -> Result<Outcome> {
    let layered = Layered::load(global)?;
    let plan = layered.plan(global, &own.period)?;
    let lake = Lake::open(&layered.location()?).await?;
    let at = own.period.as_of.unwrap_or(AsOf::Latest);
    let snapshot = lake.snapshot(at).await?;
    let baseline = match &own.baseline {
        Some(name) => Some(named(&snapshot, name).await?),
        None => None,
    };
    let progress = Progress::new(terminal);
    progress.step("deriving");
    let observations = derive::observe(&snapshot, &plan).await?;
    let (practice, terms) = asked(own, baseline.as_ref(), &observations.interventions)?;
    progress.step("comparing");
    let mut found = attribution::find(&observations, &practice, &terms).map_err(|error| refused(&error))?;
    if let Some(baseline) = &baseline {
        found.baseline = Some(check(&snapshot, &plan, baseline, &found, &observations).await?);
    }
    if at == AsOf::Latest {
        progress.step("storing what was found");
        lake.commit(found.batch(pipeline::now())).await?;
    }
    drop(progress);
    if let Some(out) = &own.out {
        let mut context = super::report::context(&layered, &plan, None);
        let read: Vec<coverage::Row> = snapshot.rows().await?;
        if read.iter().any(|row| row.stream.starts_with("simulated")) {
            context.simulated =
                Some("Some of what is here is simulated: the lake holds a simulated organisation.".into());
        }
        write(terminal, &found, &context, out)?;
    }
    match global.format {
        Format::Table => {
            let (titles, rows) = metrics(&found);
            terminal.text(&told(&found, &aligned(&titles, &[false; TITLES.len()], &rows)))?;
        }
        Format::Json => {
            let document = json!({"format_version": FORMAT_VERSION, "finding": found});
            terminal.text(&(serde_json::to_string_pretty(&document)? + "\n"))?;
        }
        // As they stand in the lake.
        format => {
            let batch = effects::Row::batch(found.effects());
            table_output::print(terminal, format, &batch.schema(), &[batch])?;
        }
    }
    Ok(Outcome::Done)
}

/// What every change of working on record did: by the terms of the first baseline that fixed a question about it, else by
/// the usual ones. What cannot be asked is told, and the rest goes on.
pub(crate) async fn findings(
    terminal: &Terminal,
    snapshot: &Snapshot,
    plan: &Plan,
    observations: &Observations,
    services: &[String],
) -> Result<Vec<Finding>> {
    let mut frozen: Vec<baselines::Row> = snapshot.rows().await?;
    frozen.sort_by(|a, b| (a.frozen_at, &a.name).cmp(&(b.frozen_at, &b.name)));
    let mut asked: BTreeMap<String, (baselines::Row, FindingTerms)> = BTreeMap::new();
    for baseline in frozen {
        let file = baseline.terms.as_deref().map(toml::from_str::<TermsFile>);
        if let Some(Ok(TermsFile { practice, terms })) = file {
            asked.entry(practice).or_insert((baseline, terms));
        }
    }
    let known: Vec<String> =
        services.iter().filter(|name| observations.services.contains_key(*name)).cloned().collect();
    if known.is_empty() && !services.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for practice in practices(&observations.interventions) {
        let planned = asked.get(&practice).filter(|_| services.is_empty());
        let usual = || FindingTerms { services: known.clone(), ..FindingTerms::default() };
        let terms = planned.map_or_else(usual, |(_, terms)| terms.clone());
        match attribution::find(observations, &practice, &terms) {
            Ok(mut finding) => {
                if let Some((baseline, _)) = planned {
                    finding.baseline = Some(check(snapshot, plan, baseline, &finding, observations).await?);
                }
                found.push(finding);
            }
            Err(error) => terminal.warn(format!("nothing is said of `{practice}`: {error}")),
        }
    }
    Ok(found)
}

/// Writes the finding as a page, as Markdown and as JSON.
fn write(terminal: &Terminal, found: &Finding, context: &ReportContext, out: &Path) -> Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("could not make the folder `{}`", out.display()))?;
    let page = reports::finding(found, context).context("could not lay out the finding")?;
    for (name, content) in [("finding.html", page.html), ("finding.md", page.markdown), ("finding.json", page.json)] {
        let path = out.join(name);
        lake::replace(&path, content.as_bytes()).with_context(|| format!("could not write `{}`", path.display()))?;
        terminal.say(format!("wrote {}", path.display()));
    }
    Ok(())
}

/// What is asked: the terms of a baseline or of a file, or what the arguments say.
fn asked(
    own: &CompareArguments,
    baseline: Option<&baselines::Row>,
    interventions: &[lake::tables::interventions::Row],
) -> Result<(String, FindingTerms)> {
    let file = match (&own.plan, baseline.and_then(|baseline| baseline.terms.as_deref())) {
        (Some(path), _) => Some(read_terms(path)?),
        // Whoever asks in an own way does not ask what was frozen, and is told that.
        (None, Some(text)) if !has_own_terms(own) => {
            let frozen: TermsFile = toml::from_str(text).context("the terms of the baseline cannot be read")?;
            // Another practice than the one that the baseline is about is another question.
            own.practice.as_ref().is_none_or(|practice| *practice == frozen.practice).then_some(frozen)
        }
        _ => None,
    };
    if let Some(TermsFile { practice, terms }) = file {
        return Ok((practice, terms));
    }
    let known = practices(interventions);
    let practice = match &own.practice {
        Some(practice) => practice.clone(),
        None => match known.iter().collect::<Vec<_>>().as_slice() {
            [only] => (*only).clone(),
            [] => {
                return Err(UsageError {
                    message: "no change of working is on record, so that there is nothing to compare".to_owned(),
                    hint: Some("rows of the table `interventions`, such as a file of the source `files`, say what was taken up, where and when; `--data` compares two arms of a table".to_owned()),
                }
                .into());
            }
            several => {
                let names: Vec<String> = several.iter().map(|name| format!("`{name}`")).collect();
                return Err(UsageError {
                    message: format!("several changes of working are on record: {}", names.join(", ")),
                    hint: Some("`--practice` names one".to_owned()),
                }
                .into());
            }
        },
    };
    let usual = FindingTerms::default();
    let terms = FindingTerms {
        window_weeks: own.weeks.unwrap_or(usual.window_weeks),
        margin_ratio: own.margin.unwrap_or(usual.margin_ratio),
        alpha: own.alpha.unwrap_or(usual.alpha),
        randomised: own.randomised,
        services: own.service.clone(),
        replicates: own.replicates.unwrap_or(usual.replicates),
        seed: own.seed.unwrap_or(usual.seed),
        ..usual
    };
    Ok((practice, terms))
}

/// Whether the arguments say how to ask.
fn has_own_terms(own: &CompareArguments) -> bool {
    own.weeks.is_some()
        || own.margin.is_some()
        || own.alpha.is_some()
        || own.replicates.is_some()
        || own.seed.is_some()
        || own.randomised
        || !own.service.is_empty()
}

/// Terms in a file.
pub(super) fn read_terms(path: &Path) -> Result<TermsFile> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("could not open `{shown}`"))?;
    toml::from_str(&text).map_err(|error| {
        let hint = Some("`practice = \"NAME\"` and a section `[terms]` are expected".to_owned());
        UsageError { message: format!("`{shown}` holds no terms: {}", error.message()), hint }.into()
    })
}

fn refused(error: &attribution::FindError) -> anyhow::Error {
    UsageError { message: error.to_string(), hint: None }.into()
}

/// The baseline of that name.
pub(super) async fn named(snapshot: &Snapshot, name: &str) -> Result<baselines::Row> {
    let rows: Vec<baselines::Row> = snapshot.rows().await?;
    let known: Vec<String> = rows.iter().map(|row| format!("`{}`", row.name)).collect();
    rows.into_iter().find(|row| row.name == name).ok_or_else(|| {
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        UsageError {
            message: format!("there is no baseline `{name}`; there are: {known}"),
            hint: Some("`doracle baseline freeze NAME` makes one".to_owned()),
        }
        .into()
    })
}

/// What is no longer as it was when a baseline was frozen.
pub(super) async fn changed(snapshot: &Snapshot, plan: &Plan, baseline: &baselines::Row) -> Result<Vec<String>> {
    let then = Plan { since: Some(baseline.period_start_at), until: Some(baseline.period_end_at), ..plan.clone() };
    let observations = derive::observe(snapshot, &then).await?;
    Ok(attribution::changed(baseline, &observations))
}

async fn check(
    snapshot: &Snapshot,
    plan: &Plan,
    baseline: &baselines::Row,
    found: &Finding,
    observations: &Observations,
) -> Result<BaselineCheck> {
    // Whoever began counts, also those that are in no comparison.
    let own = observations.interventions.iter().filter(|row| row.practice == found.practice);
    let began = own.map(|row| row.started_at).min();
    Ok(BaselineCheck {
        name: baseline.name.clone(),
        frozen_at: baseline.frozen_at.0,
        is_before: began.is_none_or(|began| baseline.frozen_at < began),
        is_as_planned: baseline.terms_digest.as_ref() == Some(&found.terms_digest),
        changed: changed(snapshot, plan, baseline).await?,
    })
}

const TITLES: [&str; 6] =
    ["metric", "effect", "says", "p", "began: before, after (rates a service)", "others: before, after"];

/// One row a metric.
fn metrics(found: &Finding) -> (Vec<String>, Vec<Vec<Option<String>>>) {
    let row = |outcome: &MetricOutcome| match outcome {
        MetricOutcome::Found(effect) => vec![
            Some(effect.metric.clone()),
            Some(between(effect.scale, effect.effect)),
            Some(effect.class.to_string()),
            Some(probability(effect.p_two_sided)),
            Some(sides(effect, 0)),
            (effect.services[1] > 0).then(|| sides(effect, 1)),
        ],
        MetricOutcome::Insufficient { metric, .. } => {
            vec![Some(metric.clone()), Some("insufficient data".to_owned()), None, None, None, None]
        }
    };
    (TITLES.map(str::to_owned).to_vec(), found.metrics.iter().map(row).collect())
}

fn sides(effect: &MetricEffect, arm: usize) -> String {
    let write = |value: Option<f64>| match (value, effect.metric.as_str()) {
        (None, _) => "none".to_owned(),
        (Some(value), "change_fail_rate") => format::percent(value),
        (Some(value), "forward_deployment_frequency") => format::rate(value, format::RateUnit::Day),
        (Some(value), _) => format::duration(value),
    };
    format!("{}, {}", write(effect.values[arm][0]), write(effect.values[arm][1]))
}

fn told(found: &Finding, metrics: &str) -> String {
    let mut lines = vec![metrics.to_owned()];
    let zone = chrono_tz::Tz::UTC;
    let began = found.began().map_or_else(|| "no date".to_owned(), |at| format::date(at.to_utc(), zone));
    lines.push(format!(
        "`{}`{}: {} from {began} on, beside {}",
        found.practice,
        if found.versions.is_empty() { String::new() } else { format!(" {}", found.versions.join(", ")) },
        counted(found.design.treated(), "service", "services"),
        counted(found.design.names(false).len(), "other", "others"),
    ));
    lines.push(format!("design {}: {}", found.grade.letter(), found.grade.words()));
    lines.push(format!("verdict: {}", in_words(found)));
    lines.extend(found.held_back.as_ref().map(|why| format!("  {why}")));
    let at: Vec<String> = found.at_ratios.iter().map(|(ratio, verdict)| format!("{verdict} at {ratio:.2}")).collect();
    lines.push(format!("  by the numbers, at other margins for ratios: {}", at.join(", ")));
    lines.push(String::new());
    for outcome in &found.metrics {
        lines.extend(metric_lines(outcome));
    }
    if !found.remarks.is_empty() {
        lines.push(String::new());
        lines.extend(found.remarks.iter().map(|remark| format!("note: {remark}")));
    }
    lines.push(String::new());
    lines.push(planned(found));
    lines.push(format!(
        "positive is better: ratios after over before, others taken off, and shares as differences; intervals at {}; {} \
         weeks a side; lake version {}; terms {}",
        format::percent(1.0 - found.terms.alpha),
        found.terms.window_weeks,
        found.lake_version,
        &found.terms_digest[..12.min(found.terms_digest.len())],
    ));
    lines.join("\n") + "\n"
}

fn in_words(found: &Finding) -> String {
    // Whoever reads one line only has to know that.
    let moved = found.metrics.iter().filter_map(MetricOutcome::found).filter_map(|effect| effect.leads);
    let moved = if moved.into_iter().any(|leads| leads.p_value < found.terms.alpha) {
        "; in some metric those that began had moved away from the others before they did"
    } else {
        ""
    };
    if found.held_back.is_none() {
        return format!("{}{moved}", found.verdict);
    }
    let direction = match found.by_the_numbers {
        Verdict::Improves => "consistent with improvement",
        Verdict::KeepsUp => "consistent with no harm beyond the margin",
        Verdict::Worsens => "consistent with harm",
        _ => "no direction stands out",
    };
    format!("{}; {direction}{moved}", found.verdict)
}

fn planned(found: &Finding) -> String {
    match &found.baseline {
        None => "exploratory: nothing was fixed before looking (`doracle baseline freeze` does that)".to_owned(),
        Some(check) if check.is_planned() => {
            format!(
                "planned: baseline `{}` fixed the question before anybody began, and the past is unchanged",
                check.name
            )
        }
        Some(check) => {
            let mut why = check.changed.clone();
            if !check.is_before {
                why.push("it was frozen after the first service began".to_owned());
            }
            if !check.is_as_planned {
                why.push("it fixed other terms, or none".to_owned());
            }
            format!("exploratory in spite of baseline `{}`: {}", check.name, why.join("; "))
        }
    }
}

fn metric_lines(outcome: &MetricOutcome) -> Vec<String> {
    let effect = match outcome {
        MetricOutcome::Insufficient { metric, insufficient } => return vec![format!("{metric}: {insufficient}")],
        MetricOutcome::Found(effect) => effect,
    };
    let scale = effect.scale;
    let mut lines = vec![format!("{}: {}", effect.metric, effect.method)];
    let mut add = |text: String| lines.push(format!("  {text}"));
    add(format!(
        "smallest margin at which these data would say \"not worse\": {}; as much data again would find {} four times \
         in five",
        margin(scale, effect.smallest_margin),
        change(scale, effect.detectable),
    ));
    add(format!(
        "an effect as small as {} would be found four times in five with about {} times the data",
        margin(scale, effect.margin),
        format::number(effect.data_needed)
    ));
    if let Some(p_value) = effect.permutation_p {
        add(format!("the same dates dealt out to other services show as much with p {}", probability(p_value)));
    }
    if let Some(placebo) = effect.placebo {
        add(format!(
            "at {} earlier dates, at which nothing happened, it finds something at {} ({} to {} of them, if they were \
             independent)",
            placebo.dates,
            placebo.found,
            format::percent(placebo.rate[0]),
            format::percent(placebo.rate[1]),
        ));
    }
    if let Some(placebo) = effect.placebo_services {
        let [began, others] = placebo.services;
        add(format!(
            "at {} choices of {} to which nothing happened, beside {others} more, it finds something at {}",
            placebo.choices,
            counted(began, "service", "services"),
            placebo.found,
        ));
    }
    if let Some(leads) = effect.leads {
        add(format!(
            "before anybody began: p {} over {} blocks of four weeks, each and together",
            probability(leads.p_value),
            leads.blocks
        ));
    }
    if let Some([lowest, highest]) = &effect.left_out {
        add(format!(
            "single services move it from {} without `{}` ({}) to {} without `{}` ({})",
            change(scale, lowest.estimate),
            lowest.service,
            lowest.class,
            change(scale, highest.estimate),
            highest.service,
            highest.class,
        ));
    }
    if let Some([estimate, limit]) = effect.e_value {
        add(format!("E-value {} for the estimate, {} for the limit", format::number(estimate), format::number(limit)));
    }
    let others: Vec<_> = effect.specifications.iter().filter(|one| !one.differs.is_empty()).collect();
    if let (Some(first), Some(last)) = (others.first(), others.last()) {
        let limits = |low: f64, high: f64| between(scale, Limits { estimate: None, low, high });
        let sure = others.iter().filter(|one| one.limits.is_some_and(|limits| limits[0] > 0.0)).count();
        let harm = others.iter().filter(|one| one.limits.is_some_and(|limits| limits[1] < 0.0)).count();
        add(format!(
            "asked in {}: {}; {sure} find improvement, {harm} harm",
            counted(others.len(), "other way", "other ways"),
            limits(first.estimate, last.estimate),
        ));
    }
    lines
}
