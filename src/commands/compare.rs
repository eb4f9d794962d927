//! `doracle compare`: two arms of any table.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use attribution::{ArmSummary, Cells, Class, Comparison, ComparisonError, LeftOut, Limits, Question, Scale, View};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use reports::format;
use serde_json::json;

use super::consensus::{between, change};
use crate::cli::{Better, CompareArguments, CompareScale, Format, Global};
use crate::exit::{Outcome, UsageError};
use crate::numbers::counted;
use crate::table_output::{self, Columns, FORMAT_VERSION, aligned};
use crate::terminal::Terminal;

pub(crate) async fn run(terminal: &Terminal, global: &Global, own: &CompareArguments) -> Result<Outcome> {
    match &own.table.data {
        Some(data) => table(terminal, global.format, own, data),
        None => super::finding::run(terminal, global, own).await,
    }
}

fn table(terminal: &Terminal, format: Format, own: &CompareArguments, data: &Path) -> Result<Outcome> {
    let cells = cells(data)?;
    let question = question(own);
    let found = match attribution::compare(&cells, &question) {
        Ok(found) => found,
        Err(error @ (ComparisonError::Insufficient(_) | ComparisonError::Regression(_))) => {
            return Err(wrong(&error).context(format!("`{}` cannot be compared", data.display())));
        }
        Err(error) => return Err(wrong(&error)),
    };
    if columns(&found).print(terminal, format)? {
        return Ok(Outcome::Done);
    }
    let text = if format == Format::Table {
        let (titles, rows) = views(&found);
        told(&found, &question, &aligned(&titles, &[false; TITLES.len()], &rows))
    } else {
        let document = json!({"format_version": FORMAT_VERSION, "comparison": found});
        serde_json::to_string_pretty(&document)? + "\n"
    };
    terminal.text(&text)?;
    Ok(Outcome::Done)
}

fn question(own: &CompareArguments) -> Question {
    let table = &own.table;
    let scale = match table.scale {
        None | Some(CompareScale::Ratio) => Scale::LogRatio,
        Some(CompareScale::Difference) => Scale::Difference,
    };
    // All four are there: `--data` asks for them.
    let text = |given: &Option<String>| given.clone().unwrap_or_default();
    let (outcome, arm) = (text(&table.outcome), text(&table.arm));
    let usual = Question::new(&outcome, &arm, &text(&table.control), &text(&table.treatment), scale);
    let margin = own.margin.map(|margin| if scale == Scale::LogRatio { margin.ln() } else { margin });
    Question {
        unit: table.unit.clone(),
        covariates: table.covariate.clone(),
        log_covariates: table.log_covariate.clone(),
        factors: table.factor.clone(),
        is_higher_better: table.better == Some(Better::Higher),
        is_randomised: own.randomised,
        margin: margin.unwrap_or(usual.margin),
        alpha: own.alpha.unwrap_or(usual.alpha),
        replicates: own.replicates.unwrap_or(usual.replicates),
        seed: own.seed.unwrap_or(usual.seed),
        ..usual
    }
}

/// The cells of a CSV or Parquet file.
fn cells(path: &Path) -> Result<Cells> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("could not open `{shown}`"))?;
    if !path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet")) {
        return Cells::from_csv(file).with_context(|| format!("could not read `{shown}` as CSV with a header"));
    }
    let read = || -> Result<Cells> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)?;
        let columns = reader.schema().fields().iter().map(|field| field.name().clone()).collect();
        let batches = reader.build()?.collect::<Result<Vec<_>, _>>()?;
        let rows = table_output::cells(&batches)?;
        let texts = |row: Vec<Option<String>>| row.into_iter().map(Option::unwrap_or_default).collect();
        Ok(Cells { columns, rows: rows.into_iter().map(texts).collect() })
    };
    read().with_context(|| format!("could not read `{shown}` as Parquet"))
}

fn wrong(error: &ComparisonError) -> anyhow::Error {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let hint = Some("`doracle compare --help` lists what is needed".into());
    UsageError { message: format!("{error}{cause}"), hint }.into()
}

const TITLES: [&str; 3] = ["view", "effect", "p"];

/// The answer first, and then the other ways of looking at it.
fn views(found: &Comparison) -> (Vec<String>, Vec<Vec<Option<String>>>) {
    let row = |name: &str, limits: Option<Limits>, p_value: Option<f64>, why_not: Option<&String>| {
        let effect = limits.map(|limits| between(found.scale, limits)).or_else(|| why_not.cloned());
        vec![Some(name.to_owned()), effect, p_value.map(probability)]
    };
    let answer = row(ANSWER, Some(found.effect), Some(found.p_value), None);
    let of_view = |view: &View| row(view.name, view.limits, view.p_value, view.why_not.as_ref());
    (TITLES.map(str::to_owned).to_vec(), std::iter::once(answer).chain(found.views.iter().map(of_view)).collect())
}

/// The same for programs: logarithms of ratios or differences of shares, positive for better.
fn columns(found: &Comparison) -> Columns {
    let answer = View { name: ANSWER, limits: Some(found.effect), p_value: Some(found.p_value), why_not: None };
    let views: Vec<&View> = std::iter::once(&answer).chain(&found.views).collect();
    let limits = |part: fn(Limits) -> Option<f64>| views.iter().map(move |view| view.limits.and_then(part));
    Columns::default()
        .with("view", views.iter().map(|view| view.name.to_owned()))
        .with("scale", views.iter().map(|_| found.scale.name().to_owned()))
        .with("estimate", limits(|limits| limits.estimate))
        .with("ci_low", limits(|limits| Some(limits.low)))
        .with("ci_high", limits(|limits| Some(limits.high)))
        .with("p_value", views.iter().map(|view| view.p_value))
        .with("why_not", views.iter().map(|view| view.why_not.clone()))
}

/// What decides, named before looking.
const ANSWER: &str = "regression, errors robust to units (CR2): the answer";

fn told(found: &Comparison, question: &Question, views: &str) -> String {
    let mut lines = vec![views.to_owned()];
    let [control, treatment] = &found.arms;
    let arm = |arm: &ArmSummary| {
        let mean = match found.scale {
            Scale::LogRatio => format!("geometric mean {}", format::number(arm.mean)),
            Scale::Difference => format!("share {}", format::percent(arm.mean)),
        };
        let (rows, units) = (counted(arm.rows, "row", "rows"), counted(arm.units, "unit", "units"));
        format!("`{}`: {rows} of {units}, {mean}", arm.name)
    };
    lines.push(format!("{} against {}", arm(treatment), arm(control)));
    if found.left_out_rows > 0 {
        let rows = counted(found.left_out_rows, "row is of another arm or lacks", "rows are of other arms or lack");
        lines.push(format!("{rows} a value: left out"));
    }
    lines.push(verdict(found));
    lines.push(format!(
        "smallest margin at which the limits lie on the side of \"not worse\": {}",
        margin(found.scale, found.smallest_margin)
    ));
    let said = |class: Class| if found.grade.letter() == 'A' { class.to_string() } else { direction(class).to_owned() };
    let at: Vec<String> =
        found.at_margins.iter().map(|at| format!("{} at {}", said(at.class), margin(found.scale, at.margin))).collect();
    lines.push(format!("at other margins: {}", at.join(", ")));
    lines.push(format!(
        "a repetition with the same error would find an effect of {} four times in five",
        change(found.scale, found.detectable)
    ));
    if let Some([lowest, highest]) = &found.left_out {
        let without = |left: &LeftOut| {
            format!("{} without `{}` ({})", change(found.scale, left.estimate), left.unit, said(left.class))
        };
        lines.push(format!("single units move it from {} to {}", without(lowest), without(highest)));
    }
    if let Some([estimate, limit]) = found.e_value {
        lines.push(format!(
            "something unseen would explain the estimate away if it went with arm and outcome {} times as often, and the \
             limit if {} times (E-value)",
            format::number(estimate),
            format::number(limit)
        ));
    }
    lines.push(String::new());
    lines.push(format!(
        "positive is better: effects are {}; intervals at {}; {} degrees of freedom; seed {}",
        match (found.scale, question.is_higher_better) {
            (Scale::LogRatio, true) => format!("`{}` over `{}`", treatment.name, control.name),
            (Scale::LogRatio, false) => format!("`{}` over `{}`", control.name, treatment.name),
            (Scale::Difference, true) => format!("`{}` less `{}`", treatment.name, control.name),
            (Scale::Difference, false) => format!("`{}` less `{}`", control.name, treatment.name),
        },
        format::percent(1.0 - question.alpha),
        format::number(found.degrees_of_freedom),
        question.seed
    ));
    lines.join("\n") + "\n"
}

fn verdict(found: &Comparison) -> String {
    let at = margin(found.scale, found.margin);
    let grade = found.grade.letter();
    if grade == 'A' {
        return format!("design A, arms by chance: {} at a margin of {at}", found.class);
    }
    let direction = direction(found.class);
    format!("design {grade}, arms not by chance: inconclusive, whatever the interval; {direction} (margin {at})")
}

/// What may be said where the design concludes nothing.
fn direction(class: Class) -> &'static str {
    match class {
        Class::Superior => "consistent with improvement",
        Class::NonInferior => "consistent with no harm beyond the margin",
        Class::Inferior => "consistent with harm",
        Class::Inconclusive => "no direction stands out",
    }
}

pub(super) fn margin(scale: Scale, margin: f64) -> String {
    match scale {
        Scale::LogRatio => format!("a ratio of {:.3}", margin.exp()),
        Scale::Difference => format!("{:.2} points", 100.0 * margin),
    }
}

pub(super) fn probability(p_value: f64) -> String {
    if p_value < 0.0001 { "< 0.0001".to_owned() } else { format!("{p_value:.4}") }
}
