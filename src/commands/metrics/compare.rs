//! `doracle metrics compare-definitions`: one service by the rules of several tools, and which rule makes which
//! difference.

use std::fmt::Write;

use ::derive::{MetricComparison, ProfileComparison, Switched, Workbench, rules};
use ::lake::{AsOf, Lake};
use anyhow::Result;
use arrow::datatypes::DataType;
use reports::format;
use serde_json::json;

use crate::cli::{Format, Global, PlaceArguments};
use crate::commands::explain::place;
use crate::exit::Outcome;
use crate::numbers::written;
use crate::settings::Layered;
use crate::table_output::{self, FORMAT_VERSION, aligned};
use crate::terminal::Terminal;

type Line = Vec<Option<String>>;

pub(crate) async fn run(terminal: &Terminal, global: &Global, own: &PlaceArguments) -> Result<Outcome> {
    let layered = Layered::load(global)?;
    let (plan, whose) = place(&layered, global, own)?;
    let lake = Lake::open(&layered.location()?).await?;
    let snapshot = lake.snapshot(own.as_of.unwrap_or(AsOf::Latest)).await?;
    let metrics: Vec<&str> = rules().iter().map(|rule| rule.metric.as_str()).collect();
    let mut bench = Workbench::new(&snapshot, &plan, &metrics).await?;
    let compared = bench.compare(&snapshot, &plan, &whose).await?;
    let period = bench.derived().period;
    match global.format {
        Format::Table => {
            let whose = match (&whose.service, &whose.group) {
                (Some(service), _) => format!("service `{service}`"),
                (None, group) => format!("group `{}`", group.as_deref().unwrap_or("all")),
            };
            let window = format::window(period.start.to_utc(), period.end.to_utc(), plan.zone);
            terminal.text(&in_words(&whose, &window, &compared))?;
        }
        Format::Json => {
            let whole = json!({
                "format_version": FORMAT_VERSION,
                "kind": "doracle-comparison-of-definitions",
                "service": whose.service,
                "group": whose.group,
                "window": {"start_at": period.start, "end_at": period.end},
                "lake_version": bench.derived().lake_version,
                "as_of_at": bench.derived().as_of,
                "input_digest": bench.derived().input_digest,
                "metrics": compared,
            });
            terminal.data((serde_json::to_string_pretty(&whole)? + "\n").as_bytes())?;
        }
        format => {
            let titles = ["metric", "profile", "record", "rule", "value", "unit", "n", "meaning"];
            let types = [("value", DataType::Float64), ("n", DataType::Int64)];
            table_output::typed(terminal, format, &titles, &lines(&compared), &types)?;
        }
    }
    Ok(Outcome::Done)
}

fn lines(compared: &[MetricComparison]) -> Vec<Line> {
    let mut lines = Vec::new();
    for metric in compared {
        let unit = &metric.core.unit;
        let mut add = |profile: &str, record: &str, rule: Option<&str>, found: Switched, meaning: &str| {
            lines.push(vec![
                Some(metric.metric.clone()),
                Some(profile.to_owned()),
                Some(record.to_owned()),
                rule.map(str::to_owned),
                found.value.map(|value| value.to_string()),
                Some(unit.clone()),
                Some(found.n.to_string()),
                Some(meaning.to_owned()),
            ]);
        };
        let core = Switched { value: metric.core.value, n: metric.core.n };
        add("core-1", "number", None, core, &metric.core.means);
        for tool in &metric.profiles {
            let own = Switched { value: tool.number.value, n: tool.number.n };
            add(&tool.profile, "number", None, own, &tool.number.means);
            for rule in &tool.rules {
                add(&tool.profile, "rule", Some(&rule.rule), rule.switched, &rule.words);
            }
            add(&tool.profile, "all rules together", None, tool.together, "");
            for cannot in &tool.cannot {
                lines_of_cannot(&mut add, tool, &cannot.rule, &cannot.why);
            }
        }
    }
    lines
}

fn lines_of_cannot(
    add: &mut impl FnMut(&str, &str, Option<&str>, Switched, &str),
    tool: &ProfileComparison,
    rule: &str,
    why: &str,
) {
    add(&tool.profile, "not reproduced", Some(rule), Switched::default(), why);
}

fn in_words(whose: &str, window: &str, compared: &[MetricComparison]) -> String {
    let mut text = format!(
        "{whose}, {window}, by the definitions of several tools\n\
         Below each tool: our own number with one of its rules at a time in place of ours.\n"
    );
    for metric in compared {
        let core = &metric.core;
        let write = |value: Option<f64>| {
            let like = core.value.or(value).unwrap_or_default();
            format::or_no_data(value, |value| written(&core.unit, value, like))
        };
        let mut rows: Vec<Line> = vec![line("core-1", "", &write(core.value), core.n, &core.means)];
        for tool in &metric.profiles {
            let number = &tool.number;
            rows.push(line(&tool.profile, "", &write(number.value), number.n, &number.means));
            let (same, different): (Vec<_>, Vec<_>) =
                tool.rules.iter().partition(|rule| rule.switched.agrees_with(core.value, core.n));
            for rule in different {
                rows.push(line("", &rule.rule, &write(rule.switched.value), rule.switched.n, &rule.words));
            }
            let remark =
                if tool.is_explained { "which is its number" } else { "the rest cannot be told apart rule by rule" };
            rows.push(line("", "all of its rules", &write(tool.together.value), tool.together.n, remark));
            if !same.is_empty() {
                let names: Vec<&str> = same.iter().map(|rule| rule.rule.as_str()).collect();
                rows.push(vec![None, Some("no difference".into()), None, None, Some(names.join(", "))]);
            }
            for cannot in &tool.cannot {
                let words = format!("{}: {}", cannot.rule, cannot.why);
                rows.push(vec![None, Some("not reproduced".into()), None, None, Some(words)]);
            }
        }
        // An empty cell is no missing number.
        for row in &mut rows {
            for cell in row.iter_mut() {
                cell.get_or_insert_default();
            }
        }
        let titles = ["definition", "with this rule", "number", "n", "meaning"].map(str::to_owned);
        let table = aligned(&titles, &[false, false, true, true, false], &rows);
        write!(text, "\n{}\n{table}", metric.title).expect("writing to a text never fails");
    }
    text
}

fn line(definition: &str, rule: &str, number: &str, n: i64, meaning: &str) -> Line {
    [definition, rule, number, &n.to_string(), meaning].map(|text| Some(text.to_owned())).to_vec()
}
