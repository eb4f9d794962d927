//! `doracle demo`: a simulated organisation, measured like any other, beside the truth it was made from.

use anyhow::{Context, Result};
use derive::{Derived, Plan};
use ingest::sources::simulated::{self, Truth};
use ingest::{Range, Source};
use lake::tables::metrics;
use lake::{AsOf, Lake, Location};
use reports::{ReportContext, format};

use crate::cli::{DemoArguments, Global};
use crate::exit::{Outcome, UsageError};
use crate::pipeline;
use crate::table_output::aligned;
use crate::terminal::Terminal;

pub(crate) async fn run(terminal: &Terminal, global: &Global, own: &DemoArguments) -> Result<Outcome> {
    let config = simulated::Config {
        seed: own.seed,
        services: own.services,
        weeks: own.weeks,
        intervention_week: own.weeks / 2,
        ..simulated::Config::default()
    };
    if own.services == 0 || own.services > 200 || own.weeks == 0 || own.weeks > 520 {
        return Err(UsageError {
            message: "a simulated organisation has 1 to 200 services and is watched for 1 to 520 weeks".to_owned(),
            hint: None,
        }
        .into());
    }
    super::refuse_lake(global, "doracle demo")?;
    // One lake per organisation, so that a second demo does not mix with the first.
    let folder = own.out.join(format!("lake-{}-{}-{}", own.seed, own.services, own.weeks));
    let lake = Lake::open_or_create(&Location::Folder(folder))
        .await
        .with_context(|| format!("could not make the lake of the demo in `{}`", own.out.display()))?;
    let source: Box<dyn Source> = Box::new(simulated::open(config.clone()));
    let (_, failed) = pipeline::ingest_all(terminal, &lake, &[source], Range::default()).await;
    if let Some(error) = failed.into_iter().next() {
        return Err(error);
    }
    let plan = Plan { threads: global.threads, ..Plan::default() };
    let (derived, findings) = pipeline::measure_at(terminal, &lake, AsOf::Latest, &plan, &[]).await?;
    let context = ReportContext {
        title: "Delivery report of a simulated organisation".to_owned(),
        command: format!("doracle demo --seed {} --services {} --weeks {}", own.seed, own.services, own.weeks),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        simulated: Some(format!(
            "Everything here is simulated: no service, person or incident below exists. It was made from seed {}.",
            own.seed
        )),
        benchmarks: own.benchmarks,
        group: None,
        zone: plan.zone,
        sources: vec![format!("`simulated:{}`", own.seed)],
        findings,
    };
    let written = pipeline::write_report(terminal, &lake, AsOf::Latest, &derived, &context, &own.out).await?;
    let truth = simulated::world(&config).truth;
    terminal.data(comparison(&truth, &derived).as_bytes())?;
    terminal.say(format!(
        "\nwrote {}\n      {}\n      {}\n      {} ({} tables)",
        written.html.display(),
        written.json.display(),
        written.markdown.display(),
        written.parquet.display(),
        written.tables.len(),
    ));
    terminal.say(
        "\nnow on your own data, from any clone with release tags:\n  \
         doracle report --git PATH --releases '^v[0-9]' --out report",
    );
    Ok(Outcome::Done)
}

/// Planted truth beside derived figures.
fn comparison(truth: &Truth, derived: &Derived) -> String {
    let all = |metric: &str, statistic: &str| {
        derived.metrics.iter().find(|row| {
            let head = row.service_group.as_deref() == Some("all") || truth.services.len() == 1;
            head && row.dimension.is_none()
                && row.window_kind == "period"
                && row.metric == metric
                && row.statistic == statistic
        })
    };
    let count = |number: usize| Some(format::count(number as u64));
    let recovery = recovery_median(truth);
    let rows = vec![
        line(
            "rollouts that count",
            count(truth.all.frequency_rollouts),
            all("deployment_frequency", "per_day").and_then(|row| count(usize::try_from(row.n).unwrap_or(0))),
            None,
        ),
        line(
            "deployment frequency",
            Some(per_day(truth.all.frequency_rollouts as f64 / days(truth))),
            None,
            all("deployment_frequency", "per_day"),
        ),
        line(
            "change fail rate",
            (truth.all.change_fail_rollouts > 0)
                .then(|| format::percent(truth.all.failed_rollouts as f64 / truth.all.change_fail_rollouts as f64)),
            None,
            all("change_fail_rate", "rate"),
        ),
        line(
            "deployment rework rate",
            (truth.all.frequency_rollouts > 0)
                .then(|| format::percent(truth.all.rework_rollouts as f64 / truth.all.frequency_rollouts as f64)),
            None,
            all("deployment_rework_rate", "rate"),
        ),
        line("change lead time, median", lead_time_median(truth), None, all("change_lead_time", "p50")),
        line("recovery time, median", recovery, None, all("failed_deployment_recovery_time", "p50")),
    ];
    let titles = ["simulated organisation", "planted", "derived", "95 % interval", "n"].map(str::to_owned);
    let mut text = aligned(&titles, &[false, true, true, true, true], &rows);
    text.push_str(
        "\nplanted medians are over deployed changes and ended failures; the derived ones also weigh those that still wait\n",
    );
    text
}

fn line(
    name: &str,
    planted: Option<String>,
    derived: Option<String>,
    row: Option<&metrics::Row>,
) -> Vec<Option<String>> {
    let write = |row: &metrics::Row, value: f64| match row.unit.as_str() {
        "seconds" => format::duration(value),
        "ratio" => format::percent(value),
        _ => per_day(value),
    };
    let value = row.and_then(|row| {
        row.value
            .map(|value| write(row, value))
            .or_else(|| row.above.map(|above| format::not_reached(above, |value| write(row, value))))
    });
    let interval = row.and_then(|row| format::interval(row.ci_low, row.ci_high, |value| write(row, value)));
    vec![
        Some(name.to_owned()),
        planted,
        derived.or(value),
        interval,
        row.map(|row| format::count(u64::try_from(row.n).unwrap_or(0))),
    ]
}

fn per_day(rate: f64) -> String {
    format::rate(rate, format::RateUnit::Day)
}

fn days(truth: &Truth) -> f64 {
    (truth.as_of_at.0 - truth.start_at.0) as f64 / 86_400e6
}

fn lead_time_median(truth: &Truth) -> Option<String> {
    let all = truth.services.iter().flat_map(|service| &service.lead_times).map(|lead| lead.lead_time_micros);
    median(all.collect())
}

fn recovery_median(truth: &Truth) -> Option<String> {
    let all = truth.services.iter().flat_map(|service| &service.episodes).filter_map(|episode| episode.recovery_micros);
    median(all.collect())
}

/// The median of lengths in microseconds, in words.
fn median(mut lengths: Vec<i64>) -> Option<String> {
    lengths.sort_unstable();
    let upper = *lengths.get(lengths.len() / 2)?;
    let lower = lengths[(lengths.len() - 1) / 2];
    Some(format::duration(lower.midpoint(upper) as f64 / 1e6))
}
