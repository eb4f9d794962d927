//! `doracle metrics benchmarks`: published clusters by year, with what has to be said of them.

use std::fmt::Write;

use anyhow::Result;
use reports::benchmarks::{Cluster, METRICS, Year, published};
use serde_json::json;

use crate::cli::Format;
use crate::exit::Outcome;
use crate::table_output::{self, FORMAT_VERSION, aligned};
use crate::terminal::Terminal;

type Line = Vec<Option<String>>;

pub(crate) fn run(terminal: &Terminal, format: Format, year: Option<u16>) -> Result<Outcome> {
    let years: Vec<&Year> =
        published().years.iter().filter(|known| year.is_none_or(|year| known.year == year)).collect();
    let mut titles = vec!["year".to_owned(), "cluster".to_owned(), "share".to_owned()];
    titles.extend(METRICS.map(str::to_owned));
    let listed: Vec<Line> =
        years.iter().flat_map(|year| year.clusters.iter().map(|cluster| line(year, cluster))).collect();
    if table_output::texts(terminal, format, &titles, &listed)?.is_some() {
        return Ok(Outcome::Done);
    }
    let text = if format == Format::Table {
        in_words(&titles, &years)
    } else {
        let whole = json!({
            "format_version": FORMAT_VERSION,
            "version": published().version,
            "conventions": published().conventions,
            "caveats": published().caveats,
            "years": years,
        });
        serde_json::to_string_pretty(&whole)? + "\n"
    };
    terminal.data(text.as_bytes())?;
    Ok(Outcome::Done)
}

fn line(year: &Year, cluster: &Cluster) -> Line {
    let share = match cluster.share_interval_percent {
        Some((low, high)) => format!("{} % ({low} to {high})", cluster.share_percent),
        None => format!("{} %", cluster.share_percent),
    };
    let mut line = vec![Some(year.year.to_string()), Some(cluster.cluster.clone()), Some(share)];
    line.extend(METRICS.map(|metric| cluster.range(metric).map(|range| range.words.clone())));
    line
}

fn in_words(titles: &[String], years: &[&Year]) -> String {
    let mut text = String::new();
    let mut say = |line: &str| writeln!(text, "{line}").expect("writing to a text never fails");
    for year in years {
        say(&format!("{}: {} ({}; from {})", year.year, year.report, year.report_version, year.source));
        if !year.clusters.is_empty() {
            let rows: Vec<Line> =
                year.clusters.iter().map(|cluster| line(year, cluster).into_iter().skip(1).collect()).collect();
            let titles: Vec<String> = titles.iter().skip(1).map(|title| title.replace('_', " ")).collect();
            say(aligned(&titles, &vec![false; titles.len()], &rows).trim_end());
            say(&format!("change fail rate was asked as {}", year.change_fail_rate_asked_as));
        }
        for remark in &year.remarks {
            say(&format!("- {remark}"));
        }
        say("");
    }
    say("what holds for every year:");
    for caveat in &published().caveats {
        say(&format!("- {caveat}"));
    }
    say("\nhow words became ranges:");
    for convention in &published().conventions {
        say(&format!("- {convention}"));
    }
    text
}
