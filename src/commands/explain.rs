//! `doracle explain`: what a number rests on, down to the raw pages; or what an error code means.

mod in_words;
mod lines;

use std::collections::{BTreeMap, BTreeSet};

use ::derive::{Definition, Evidence, Explanation, Plan, Whose, Workbench, definitions};
use ::lake::{AsOf, Lake, LakeError, TableRow, canonical, tables::metrics};
use anyhow::Result;
use serde_json::{Value, json};

use crate::cli::{ExplainArguments, Format, Global, PeriodArguments, PlaceArguments};
use crate::errors;
use crate::exit::{Outcome, UsageError};
use crate::settings::{Layered, SettingsError};
use crate::table_output::FORMAT_VERSION;
use crate::terminal::Terminal;

/// How many rows a table shows if nothing else is said.
const SHOWN_IN_TABLE: usize = 20;

pub(crate) async fn run(terminal: &Terminal, global: &Global, own: &ExplainArguments) -> Result<Outcome> {
    let text = match own.what.as_deref() {
        None => errors::PAGES.iter().flat_map(|(code, _)| [*code, "\n"]).collect(),
        Some(code) if code.contains("::") => page(code)?,
        Some(metric) => return number(terminal, global, own, definition(metric)?).await,
    };
    terminal.data(text.as_bytes())?;
    Ok(Outcome::Done)
}

/// The page of an error code.
fn page(code: &str) -> Result<String, UsageError> {
    let found = errors::PAGES.iter().find(|(known, _)| *known == code);
    found.map(|(_, page)| (*page).to_owned()).ok_or_else(|| UsageError {
        message: format!("there is no error code `{code}`"),
        hint: Some("`doracle explain` lists them".to_owned()),
    })
}

/// The definition of a metric.
pub(crate) fn definition(metric: &str) -> Result<&'static Definition, UsageError> {
    definitions().iter().find(|definition| definition.metric == metric).ok_or_else(|| {
        let known: Vec<&str> = definitions().iter().map(|definition| definition.metric.as_str()).collect();
        UsageError {
            message: format!("there is no metric `{metric}`"),
            hint: Some(format!("there are: {}", known.join(", "))),
        }
    })
}

/// What to measure for a place: the plan with its window, and whose number it is.
pub(crate) fn place(layered: &Layered, global: &Global, own: &PlaceArguments) -> Result<(Plan, Whose), SettingsError> {
    let period = PeriodArguments { zone: own.zone.clone(), ..PeriodArguments::default() };
    let mut plan = layered.plan(global, &period)?;
    if let Some(asked) = own.window {
        let window = asked.within(plan.zone);
        (plan.since, plan.until) = (Some(window.start), Some(window.end));
    }
    let whose = Whose { service: own.service.clone(), group: own.group.clone(), environment: own.environment.clone() };
    Ok((plan, whose))
}

async fn number(
    terminal: &Terminal,
    global: &Global,
    own: &ExplainArguments,
    definition: &'static Definition,
) -> Result<Outcome> {
    if let Some(statistic) = own.statistic.as_ref().filter(|name| !definition.gives.contains(name)) {
        return Err(UsageError {
            message: format!("`{}` gives no `{statistic}`", definition.metric),
            hint: Some(format!("it gives: {}", definition.gives.join(", "))),
        }
        .into());
    }
    let layered = Layered::load(global)?;
    let (plan, whose) = place(&layered, global, &own.place)?;
    let lake = Lake::open(&layered.location()?).await?;
    let snapshot = lake.snapshot(own.place.as_of.unwrap_or(AsOf::Latest)).await?;
    let mut explanation =
        Workbench::new(&snapshot, &plan, &[&definition.metric]).await?.explain(definition, &whose).await?;
    if let Some(statistic) = &own.statistic {
        explanation.numbers.retain(|row| row.statistic == *statistic);
    }
    let most = own.limit.unwrap_or(if global.format == Format::Table { SHOWN_IN_TABLE } else { usize::MAX });
    let shown = Shown::new(&lake, explanation, most, plan.zone).await?;
    match global.format {
        Format::Table => terminal.text(&in_words::text(&shown))?,
        Format::Json => terminal.data((serde_json::to_string_pretty(&document(&shown)?)? + "\n").as_bytes())?,
        format => lines::print(terminal, format, &shown)?,
    }
    Ok(Outcome::Done)
}

/// An explanation as far as it is shown, and what became of its raw pages.
struct Shown {
    whole: Explanation,
    most: usize,
    zone: chrono_tz::Tz,
    pages: BTreeMap<String, PageState>,
}

/// Whether a raw page is still there.
enum PageState {
    Kept(String),
    Gone(String),
    Damaged(String),
}

impl PageState {
    fn word(&self) -> &'static str {
        match self {
            Self::Kept(_) => "kept",
            Self::Gone(_) => "gone",
            Self::Damaged(_) => "damaged",
        }
    }

    fn place(&self) -> &str {
        match self {
            Self::Kept(place) | Self::Gone(place) | Self::Damaged(place) => place,
        }
    }
}

impl Shown {
    async fn new(lake: &Lake, whole: Explanation, most: usize, zone: chrono_tz::Tz) -> Result<Self, LakeError> {
        let mut shown = Self { whole, most, zone, pages: BTreeMap::new() };
        let events = shown.entered().iter().chain(shown.excluded()).flat_map(|row| &row.events);
        let shas: BTreeSet<String> = events.filter_map(|event| event.page_sha.clone()).collect();
        for sha in shas {
            let place = lake.page_place(&sha);
            // Reading it compares its content with its name.
            let state = match lake.page(&sha).await {
                Ok(Some(_)) => PageState::Kept(place),
                Ok(None) => PageState::Gone(place),
                Err(LakeError::Damaged { .. }) => PageState::Damaged(place),
                Err(error) => return Err(error),
            };
            shown.pages.insert(sha, state);
        }
        Ok(shown)
    }

    fn entered(&self) -> &[Evidence] {
        &self.whole.entered[..self.whole.entered.len().min(self.most)]
    }

    fn excluded(&self) -> &[Evidence] {
        &self.whole.excluded[..self.whole.excluded.len().min(self.most)]
    }

    fn not_shown(&self) -> (usize, usize) {
        (self.whole.entered.len() - self.entered().len(), self.whole.excluded.len() - self.excluded().len())
    }

    /// What was left out, by subject and reason.
    fn reasons(&self) -> BTreeMap<(&str, &str), Vec<&Evidence>> {
        let mut reasons: BTreeMap<(&str, &str), Vec<&Evidence>> = BTreeMap::new();
        for row in &self.whole.excluded {
            reasons.entry((&row.subject, row.excluded.as_deref().unwrap_or_default())).or_default().push(row);
        }
        reasons
    }
}

fn document(shown: &Shown) -> Result<Value> {
    let whole = &shown.whole;
    let rows = canonical::json_rows(metrics::Row::table(), &metrics::Row::batch(whole.numbers.clone()))?;
    let (entered, excluded) = shown.not_shown();
    let reasons: Vec<Value> = shown
        .reasons()
        .into_iter()
        .map(|((subject, reason), rows)| json!({"subject": subject, "reason": reason, "count": rows.len()}))
        .collect();
    let pages: Vec<Value> = shown
        .pages
        .iter()
        .map(|(sha, state)| json!({"page_sha": sha, "state": state.word(), "place": state.place()}))
        .collect();
    Ok(json!({
        "format_version": FORMAT_VERSION,
        "kind": "doracle-explanation",
        "definition": whole.definition,
        "numbers": rows,
        "lake_version": whole.lake_version,
        "exposure_days": whole.exposure_days,
        "is_complete": whole.is_complete(),
        "counted_means": whole.counted,
        "entered": {"count": whole.entered.len(), "not_listed": entered, "rows": shown.entered()},
        "excluded": {
            "count": whole.excluded.len(), "not_listed": excluded, "reasons": reasons, "rows": shown.excluded(),
        },
        "pages": pages,
    }))
}
