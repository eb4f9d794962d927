//! The page of one claim: what is concluded, by whom, how sure that is, and how it came.

use std::collections::BTreeMap;

use attribution::{Board, BoardClaim, BoardVerdict, Consensus, Entry, Limits, MetricConsensus, Reach, Scale, Vote};

use super::index::verdict_cell;
use super::{SiteContext, empty, entry_file, limits, linked, simulated, sorted, title, whole};
use crate::finding::words::gain;
use crate::{
    Block, Document, EffectLayout, EffectPlot, Estimate, EstimateRole, Fact, Figure, Notice, NoticeLevel, Section,
    Table, TableCell, TableColumn, ValueFormat, code, format,
};

/// More votes than this are not drawn; the table has them all.
const MOST_DRAWN: usize = 60;

pub(super) fn page(_: &Board, claim: &BoardClaim, context: &SiteContext) -> Document {
    let mut sections = vec![head(claim)];
    if let Some(found) = &claim.consensus {
        sections.extend(found.metrics.iter().map(|metric| of_metric(claim, found, metric)));
    }
    sections.push(entries(claim));
    if claim.history.len() > 1 {
        sections.push(history(claim));
    }
    if let Some(found) = &claim.consensus {
        sections.push(rests_on(claim, found));
    }
    sections.push(again(claim, context));
    let mut page = empty(claim.claim.id.clone(), format!("verdict: {}", claim.verdict), context);
    page.facts.extend(facts(claim));
    page.simulated = simulated(claim.entries.iter());
    Document { notices: notices(claim), sections, ..page }
}

fn facts(claim: &BoardClaim) -> Vec<Fact> {
    let fact = |label: &str, value: String| Fact { label: label.into(), value };
    let looks: Vec<String> =
        claim.claim.looks.iter().map(|look| format!("{} at {}", look.count, format::number(look.alpha))).collect();
    vec![
        fact("Protocol", code(&claim.claim.protocol)),
        fact("Enrolled", format!("{}: {}", whole(claim.claim.organisations.len()), claim.claim.enrolment)),
        fact("Looks", if looks.is_empty() { "none declared: at every number".into() } else { looks.join(", ") }),
        fact("Set of reports", code(&claim.set_digest)),
        fact("Agreement", agreement(claim)),
    ]
}

/// Who signed that set.
fn agreement(claim: &BoardClaim) -> String {
    let signed = claim.attested_by.len();
    let needed = claim.consensus.as_ref().map_or(0, |found| found.enrolled - found.faults);
    if claim.is_agreed() {
        format!("agreed set: {signed} organisations signed it")
    } else {
        format!("keeper trusted: {signed} organisations signed the set, {needed} are needed")
    }
}

fn notices(claim: &BoardClaim) -> Vec<Notice> {
    let mut notices = Vec::new();
    if let Some(between) = claim.consensus.as_ref().and_then(|found| found.between_looks.as_ref()) {
        let next =
            between.next.map_or_else(|| "no look comes any more".to_owned(), |next| format!("the next is at {next}"));
        notices.push(Notice {
            level: NoticeLevel::Info,
            text: format!(
                "No look was declared at {} organisations; {next}. Estimates are shown, and nothing is concluded.",
                between.admitted
            ),
        });
    }
    if claim.admitted().all(|entry| entry.grade == attribution::submission::Grade::SummaryOnly)
        && claim.consensus.is_some()
    {
        notices.push(Notice {
            level: NoticeLevel::Warning,
            text: "Every report here is a summary: nobody's raw evidence was derived again.".into(),
        });
    }
    notices
}

fn head(claim: &BoardClaim) -> Section {
    let mut figures = vec![Figure {
        label: "Verdict".into(),
        value: claim.verdict.to_string(),
        note: Some(explained(claim.verdict).into()),
        ..Figure::default()
    }];
    if let Some(found) = &claim.consensus {
        let most = found.metrics.iter().map(|metric| metric.votes.len()).max().unwrap_or(0);
        figures.push(Figure {
            label: "Organisations".into(),
            value: format!("{most} of {}", found.enrolled),
            note: Some(format!("at most {} of them are taken to lie", found.faults)),
            ..Figure::default()
        });
        figures.push(Figure {
            label: "Sound against".into(),
            value: found.sound_against.map_or_else(|| format::NO_DATA.to_owned(), |liars| liars.to_string()),
            note: Some("liars with whom the verdict is the same, whichever they are".into()),
            ..Figure::default()
        });
    }
    let mut blocks = vec![Block::Figures(figures)];
    blocks.extend(claim.consensus.as_ref().map(|found| Block::Table(metrics(found))));
    Section { id: "verdict".into(), title: "What is concluded".into(), lead: Some(claim.claim.claim.clone()), blocks }
}

fn explained(verdict: BoardVerdict) -> &'static str {
    use attribution::Verdict as V;
    match verdict {
        BoardVerdict::Criterion(V::Improves) => "nothing is worse by more than the margin, and something is better",
        BoardVerdict::Criterion(V::KeepsUp) => "nothing is worse by more than the margin",
        BoardVerdict::Criterion(V::Worsens) => "something is worse by more than the margin",
        BoardVerdict::Criterion(V::Inconclusive) => "the limits are too wide to tell",
        BoardVerdict::Criterion(V::InsufficientData) => "too few organisations report for anything to be concluded",
        BoardVerdict::Criterion(V::Disputed) => {
            "without knowing who lies nothing can be concluded; the trimmed view alone would"
        }
        BoardVerdict::BetweenLooks => "no look was declared at this number of organisations",
        BoardVerdict::ByMetric => "the claim is not about all four metrics of the criterion",
        BoardVerdict::Nothing => "there is nothing to combine",
    }
}

fn says(metric: &MetricConsensus) -> String {
    match (&metric.class, &metric.insufficient) {
        (_, Some(_)) => "insufficient data".to_owned(),
        (_, None) if metric.is_disputed => "disputed".to_owned(),
        (Some(class), None) => class.to_string(),
        (None, None) => "nothing between looks".to_owned(),
    }
}

fn blocked(metric: &MetricConsensus) -> TableCell {
    match &metric.blocked_by {
        Some(blocking) => match &blocking.organisations {
            Some(named) => sorted(format!("{}: {}", named.len(), named.join(", ")), named.len() as f64),
            None => sorted(format!("any {}", blocking.count), blocking.count as f64),
        },
        None => TableCell::from("\u{2013}").muted(),
    }
}

fn metrics(found: &Consensus) -> Table {
    let row = |metric: &MetricConsensus| {
        let sound = metric.sound_against;
        vec![
            title(&metric.metric).into(),
            says(metric).into(),
            limits(metric.scale, metric.hull),
            limits(metric.scale, metric.trimmed),
            limits(metric.scale, metric.random_effects),
            limits(metric.scale, metric.prediction),
            sound.map_or_else(|| TableCell::from("\u{2013}").muted(), |liars| sorted(liars.to_string(), liars as f64)),
            blocked(metric),
        ]
    };
    Table {
        caption: "The certificate, metric by metric; positive is better".into(),
        columns: vec![
            TableColumn::text("Metric"),
            TableColumn::text("The hull says"),
            TableColumn::numeric("Hull"),
            TableColumn::numeric("Trimmed mean"),
            TableColumn::numeric("Random effects"),
            TableColumn::numeric("One more would see"),
            TableColumn::numeric("Sound against"),
            TableColumn::text("Blocked by withdrawing"),
        ],
        rows: found.metrics.iter().map(row).collect(),
    }
}

fn of_metric(claim: &BoardClaim, found: &Consensus, metric: &MetricConsensus) -> Section {
    let scale = metric.scale;
    let mut blocks = vec![Block::Effects(forest(found, metric))];
    blocks.push(Block::Table(votes(claim, metric)));
    let beside = &metric.beside;
    let mut told = Vec::new();
    told.extend(metric.insufficient.as_ref().map(|why| format!("Insufficient data: {why}.")));
    told.extend(beside.heterogeneity.map(|differ| {
        format!(
            "Organisations differ with p {}; I\u{b2} {}, a standard deviation between them of {} ({} to {}).",
            format::probability(differ.q_p_value),
            format::percent(differ.i_squared.estimate.unwrap_or(0.0)),
            format::number(differ.tau.estimate.unwrap_or(0.0)),
            format::number(differ.tau.low),
            format::number(differ.tau.high),
        )
    }));
    told.extend(beside.any_time.map(|any_time| {
        format!(
            "Whenever one looks: {}, if one organisation's effect deviates by {} and no more.",
            range(scale, any_time.limits),
            format::number(any_time.assumed_deviation)
        )
    }));
    told.extend(beside.intersection.map(|common| {
        format!("Stated intervals of all but {} have {} in common.", found.faults, range(scale, common))
    }));
    told.extend(beside.small_studies.map(|small| {
        format!(
            "Small studies differ from large ones with p {}, which is no verdict.",
            format::probability(small.egger_p_value)
        )
    }));
    told.extend(
        beside
            .without_one
            .iter()
            .filter(|one| one.is_influential)
            .take(3)
            .map(|one| format!("Without {} random effects say {}.", code(&one.organisation), range(scale, one.pooled))),
    );
    told.extend(beside.strata.iter().filter_map(|stratum| {
        Some(format!(
            "{} {}, {} organisations: {}.",
            code(&stratum.moderator),
            code(&stratum.level),
            stratum.count,
            range(scale, stratum.pooled?)
        ))
    }));
    told.extend(beside.slopes.iter().map(|slope| {
        format!(
            "{} goes with {} (p {}).",
            code(&slope.moderator),
            range(scale, slope.slope),
            format::probability(slope.p_value)
        )
    }));
    let mut more = vec![Block::List(told)];
    if !beside.reach.is_empty() {
        more.push(Block::Table(reach(scale, &beside.reach)));
    }
    blocks.push(Block::Details {
        summary: "Beside the rule: what believes every stated error, and how far lies reach".into(),
        blocks: more,
    });
    Section {
        id: crate::anchor("metric", &metric.metric),
        title: title(&metric.metric),
        lead: Some(format!("{} organisations; the hull says {}.", metric.votes.len(), says(metric))),
        blocks,
    }
}

fn range(scale: Scale, found: Limits) -> String {
    let ends = format!("{} to {}", gain(scale, found.low), gain(scale, found.high));
    found.estimate.map_or(ends.clone(), |estimate| format!("{} ({ends})", gain(scale, estimate)))
}

/// The votes with their stated intervals, and beneath them what is concluded.
fn forest(found: &Consensus, metric: &MetricConsensus) -> EffectPlot {
    let vote = |vote: &Vote| Estimate {
        label: vote.organisation.clone(),
        value: Some(vote.estimate),
        low: Some(vote.stated.low),
        high: Some(vote.stated.high),
        ..Estimate::default()
    };
    let whole = |label: &str, found: Option<Limits>| {
        let found = found?;
        Some(Estimate {
            label: label.to_owned(),
            value: Some(found.estimate.unwrap_or(f64::midpoint(found.low, found.high))),
            low: Some(found.low),
            high: Some(found.high),
            role: EstimateRole::Main,
            ..Estimate::default()
        })
    };
    let mut estimates: Vec<Estimate> = metric.votes.iter().take(MOST_DRAWN).map(vote).collect();
    estimates.extend(whole("Hull: decides", metric.hull));
    estimates.extend(whole("Trimmed mean", metric.trimmed));
    estimates.extend(whole("Random effects", metric.random_effects));
    let level = format!("{} interval", format::percent(1.0 - found.alpha));
    let left = metric.votes.len().saturating_sub(MOST_DRAWN);
    let more = if left > 0 { format!(" {left} more are in the table beneath.") } else { String::new() };
    let rows = metric
        .votes
        .iter()
        .map(|vote| vec![vote.organisation.as_str().into(), limits(metric.scale, Some(vote.stated))]);
    EffectPlot {
        title: title(&metric.metric),
        description: format!(
            "Each organisation with the interval that it states, and beneath them what all say together. To the right is \
             better.{more}"
        ),
        axis_label: match metric.scale {
            Scale::LogRatio => "effect as a ratio, positive is better; log axis".into(),
            Scale::Difference => "effect in percentage points, positive is better".into(),
        },
        interval_label: level.clone(),
        layout: EffectLayout::Rows,
        margin: Some(metric.margin),
        value_format: match metric.scale {
            Scale::LogRatio => ValueFormat::Change,
            Scale::Difference => ValueFormat::Points,
        },
        estimates,
        table: Table {
            caption: "What is drawn".into(),
            columns: vec![TableColumn::text("Organisation"), TableColumn::numeric(format!("Effect ({level})"))],
            rows: rows.collect(),
        },
    }
}

/// Who says what, and which places each could have by its own interval.
fn votes(claim: &BoardClaim, metric: &MetricConsensus) -> Table {
    let mut first: BTreeMap<&str, &Entry> = BTreeMap::new();
    for entry in claim.admitted() {
        first.entry(&entry.report.organisation).or_insert(entry);
    }
    let row = |vote: &Vote| {
        let [best, worst] = vote.places;
        let entry = first.get(vote.organisation.as_str()).map_or_else(
            || TableCell::from("\u{2013}").muted(),
            |entry| linked(entry.name.clone(), entry_file(claim, &entry.name)),
        );
        vec![
            vote.organisation.as_str().into(),
            entry,
            sorted(gain(metric.scale, vote.estimate), vote.estimate),
            sorted(format::number(vote.standard_error), vote.standard_error),
            sorted(if best == worst { best.to_string() } else { format!("{best} to {worst}") }, best as f64),
        ]
    };
    Table {
        caption: "Votes: one organisation, one vote, whatever error it states".into(),
        columns: vec![
            TableColumn::text("Organisation"),
            TableColumn::text("Report"),
            TableColumn::numeric("Effect, positive is better"),
            TableColumn::numeric("Stated error"),
            TableColumn::numeric(format!("Place it could have, of {}", metric.votes.len())),
        ],
        rows: metric.votes.iter().map(row).collect(),
    }
}

fn reach(scale: Scale, rows: &[Reach]) -> Table {
    Table {
        caption: "How far so many liars could have moved two centres".into(),
        columns: vec![
            TableColumn::numeric("Liars"),
            TableColumn::numeric("Trimmed mean"),
            TableColumn::numeric("Median"),
        ],
        rows: rows
            .iter()
            .map(|row| {
                vec![
                    sorted(row.faults.to_string(), row.faults as f64),
                    limits(scale, Some(row.trimmed_mean)),
                    limits(scale, Some(row.median)),
                ]
            })
            .collect(),
    }
}

fn entries(claim: &BoardClaim) -> Section {
    let row = |entry: &Entry| {
        vec![
            linked(entry.name.clone(), entry_file(claim, &entry.name)),
            entry.report.organisation.as_str().into(),
            entry.report.reported.as_str().into(),
            entry.grade.to_string().into(),
            if entry.standing.is_admitted() {
                entry.standing.to_string().into()
            } else {
                TableCell::from(entry.standing.to_string()).muted()
            },
        ]
    };
    Section {
        id: "reports".into(),
        title: "Reports".into(),
        lead: Some(
            "Everything that was reported, whichever way it came out. Nothing vanishes: what has no vote says why."
                .into(),
        ),
        blocks: vec![Block::Table(Table {
            caption: "Reports".into(),
            columns: vec![
                TableColumn::text("Report"),
                TableColumn::text("Organisation"),
                TableColumn::date("Reported"),
                TableColumn::text("Evidence"),
                TableColumn::text("Standing"),
            ],
            rows: claim.entries.iter().map(row).collect(),
        })],
    }
}

fn history(claim: &BoardClaim) -> Section {
    let row = |point: &attribution::HistoryPoint| {
        vec![
            point.reported.as_str().into(),
            sorted(point.organisations.to_string(), point.organisations as f64),
            if point.is_look { "yes".into() } else { TableCell::from("no").muted() },
            verdict_cell(point.verdict),
        ]
    };
    Section {
        id: "history".into(),
        title: "How it came".into(),
        lead: Some("What was concluded when so many organisations had reported, by the day on which they did.".into()),
        blocks: vec![Block::Table(Table {
            caption: "History".into(),
            columns: vec![
                TableColumn::date("Until"),
                TableColumn::numeric("Organisations"),
                TableColumn::text("Declared look"),
                TableColumn::text("Verdict"),
            ],
            rows: claim.history.iter().map(row).collect(),
        })],
    }
}

/// Of summaries nobody but the keeper can say whose they are.
fn unsigned(claim: &BoardClaim) -> Vec<String> {
    let count = claim.admitted().filter(|entry| entry.digest.is_none()).count();
    if count == 0 {
        return Vec::new();
    }
    vec![format!(
        "{count} reports are summaries that nobody signed: that they are of whom they name is what the keeper has checked"
    )]
}

fn rests_on(claim: &BoardClaim, found: &Consensus) -> Section {
    Section {
        id: "assumptions".into(),
        title: "What it rests on".into(),
        lead: None,
        blocks: vec![Block::List([&found.assumptions[..], &unsigned(claim)].concat())],
    }
}

fn again(claim: &BoardClaim, context: &SiteContext) -> Section {
    let mut told = vec![
        format!("everything on this page as data: [{id}.json](data/{id}.json)", id = claim.claim.id),
        "how it is decided: [the method](method.html)".to_owned(),
    ];
    if !claim.aside.is_empty() {
        told.push(format!(
            "effects on what the claim is not about, shown with their reports: {}",
            claim.aside.join(", ")
        ));
    }
    Section {
        id: "again".into(),
        title: "The same again".into(),
        lead: None,
        blocks: vec![Block::Command(context.command.clone()), Block::List(told)],
    }
}
