//! What a sceptic asks, and what would change the verdict.

use attribution::{Class, Finding, MetricEffect, MetricOutcome, Scale, Verdict};

use super::plots::none;
use super::words::{self, Named, gain, margin};
use crate::{Block, Section, Table, TableCell, TableColumn, code, format};

/// A question, and the answer that one metric gives.
type Question = (&'static str, fn(&Finding, &MetricEffect) -> Option<String>);

const QUESTIONS: [Question; 8] = [
    ("Would chance show as much?", permutation),
    ("Does it find something at dates at which nothing happened?", placebo),
    ("Does it find something in services to which nothing happened?", placebo_services),
    ("Had those that began moved away before?", leads),
    ("Does one service carry it?", left_out),
    ("How strong would something unseen have to be?", e_value),
    ("Are neighbouring points of a series alike?", series),
    ("Would other ways of asking say the same?", ways),
];

pub(super) fn section(found: &Finding) -> Section {
    let effects: Vec<&MetricEffect> = super::effects(found).collect();
    let mut columns = vec![TableColumn::text("Question")];
    columns.extend(effects.iter().map(|effect| TableColumn::text(Named::of(&effect.metric).title)));
    let rows = QUESTIONS.iter().map(|(question, answer)| {
        let answers = effects.iter().map(|effect| answer(found, effect).map_or_else(none, TableCell::from));
        std::iter::once(TableCell::from(*question)).chain(answers).collect()
    });
    let mut blocks = Vec::new();
    if !effects.is_empty() {
        let rows = rows.collect();
        blocks.push(Block::Table(Table { caption: "Questions, metric by metric".into(), columns, rows }));
        blocks.push(Block::List(explained(found)));
    }
    blocks.push(Block::Paragraph(format!("What would change the verdict `{}`, or what a metric says:", found.verdict)));
    blocks.push(Block::List(changers(found)));
    Section {
        id: "sceptic".into(),
        title: "What a sceptic asks".into(),
        lead: Some("None of these checks proves anything; each could have shown that the finding is weak. A dash is a check that \
             cannot be made here, which is no good sign either.".into()),
        blocks,
    }
}

/// What the answers mean, as far as there are any.
fn explained(found: &Finding) -> Vec<String> {
    let any = |answer: &dyn Fn(&MetricEffect) -> bool| super::effects(found).any(answer);
    let mut told = Vec::new();
    if any(&|effect| effect.permutation_p.is_some()) {
        told.push(format!(
            "Chance: the dates are dealt out to the services anew, {} times, each service with its whole date, and the p counts \
             how often that shows as much. It is exact only if chance decided who began.{}",
            format::count(u64::from(found.terms.replicates)),
            if found.terms.covariates.is_empty() { "" } else { " Covariates are not considered in it." }
        ));
    }
    if any(&|effect| effect.placebo.is_some()) {
        told.push(format!(
            "Earlier dates: something is found where p is below {}, which at about {} of dates is to be expected. The \
             limits take dates for independent, which neighbours are not.",
            format::number(found.terms.alpha),
            format::percent(found.terms.alpha)
        ));
    }
    if any(&|effect| effect.placebo_services.is_some()) {
        told.push(format!(
            "Services to which nothing happened: some of those that did not begin take the place of those that did, chosen anew \
             by chance, and the rest stand beside them. Something should be found at about {} of choices. The limits take \
             choices for independent, but they share services.",
            format::percent(found.terms.alpha)
        ));
    }
    if any(&|effect| effect.leads.is_some()) {
        told.push(
            "Before: of two looks at the weeks before the date, the smallest p of blocks of four weeks times their number and \
             the p of all of them together, the smaller one times two."
                .to_owned(),
        );
    }
    if any(&|effect| effect.e_value.is_some()) {
        told.push(
            "Something unseen: to explain an estimate away, something that was not compared would have to go with beginning \
             and with the outcome by a risk ratio of the E-value each, at the least; that for the limit would bring the \
             nearer limit to no effect, and is 1 where the limits hold that already. It takes rates and times for risks."
                .to_owned(),
        );
    }
    told
}

fn permutation(_: &Finding, effect: &MetricEffect) -> Option<String> {
    effect.permutation_p.map(|p_value| format!("p {}", format::probability(p_value)))
}

fn placebo(_: &Finding, effect: &MetricEffect) -> Option<String> {
    let placebo = effect.placebo?;
    let [low, high] = placebo.rate.map(format::percent);
    Some(format!("at {} of {} dates looked at (limits {low} to {high})", placebo.found, placebo.dates))
}

fn placebo_services(_: &Finding, effect: &MetricEffect) -> Option<String> {
    let placebo = effect.placebo_services?;
    let [low, high] = placebo.rate.map(format::percent);
    let [began, others] = placebo.services;
    Some(format!(
        "at {} of {} choices of {began} beside {others} (limits {low} to {high})",
        placebo.found, placebo.choices
    ))
}

fn leads(_: &Finding, effect: &MetricEffect) -> Option<String> {
    let leads = effect.leads?;
    Some(format!("p {} over {} blocks, each and together", format::probability(leads.p_value), leads.blocks))
}

fn left_out(_: &Finding, effect: &MetricEffect) -> Option<String> {
    let [lowest, highest] = effect.left_out.as_ref()?;
    let one = |out: &attribution::LeftOutService| {
        format!("{} without {} ({})", gain(effect.scale, out.estimate), out.service, out.class)
    };
    Some(format!("from {} to {}", one(lowest), one(highest)))
}

fn e_value(_: &Finding, effect: &MetricEffect) -> Option<String> {
    let [estimate, limit] = effect.e_value?.map(format::number);
    Some(format!("E-value {estimate} for the estimate, {limit} for the limit"))
}

fn series(_: &Finding, effect: &MetricEffect) -> Option<String> {
    let check = effect.series_check?;
    let [before, after] = check.points;
    let mut told = vec![format!("{before} points before, {after} after")];
    told.extend(
        check.autocorrelation.map(|found| format!("correlation of neighbours {}, allowed for", format::number(found))),
    );
    told.extend(
        check.alike_p.map(|p_value| format!("what is left is as alike with p {}", format::probability(p_value))),
    );
    Some(told.join("; "))
}

fn ways(_: &Finding, effect: &MetricEffect) -> Option<String> {
    if words::other_ways(effect).is_empty() {
        return None;
    }
    let first = effect.specifications.first()?;
    let last = effect.specifications.last()?;
    let range = format!("{} to {}", gain(effect.scale, first.estimate), gain(effect.scale, last.estimate));
    Some(format!("{}; estimates from {range}", words::agree(effect)))
}

/// What would change the verdict, from the numbers alone.
fn changers(found: &Finding) -> Vec<String> {
    let mut told = Vec::new();
    if found.held_back.is_some() {
        told.push(format!(
            "A design that can carry it: by the numbers alone it {}.",
            words::by_the_numbers(found.by_the_numbers)
        ));
    }
    told.extend(found.metrics.iter().filter_map(too_little));
    match found.by_the_numbers {
        Verdict::Worsens => told.extend(super::effects(found).filter_map(harm)),
        Verdict::Improves | Verdict::KeepsUp => {
            told.extend(super::effects(found).map(distance));
            told.extend(improvement(found));
        }
        // Only what is open holds such a verdict; how far the rest is from the margin changes nothing.
        Verdict::Inconclusive | Verdict::InsufficientData | Verdict::Disputed => {
            told.extend(super::effects(found).filter(|effect| is_open(effect)).map(distance));
            told.extend(improvement(found));
        }
    }
    told.extend(super::effects(found).flat_map(flips));
    told.extend(other_margins(found));
    told
}

fn too_little(outcome: &MetricOutcome) -> Option<String> {
    let MetricOutcome::Insufficient { metric, .. } = outcome else { return None };
    Some(format!(
        "{}: enough data. Without it there is no other verdict than `insufficient data` or `worsens`.",
        Named::of(metric).title
    ))
}

/// How far the upper limit at the level of harm lies beyond the margin.
fn harm(effect: &MetricEffect) -> Option<String> {
    (effect.harm_high < -effect.margin).then(|| {
        format!(
            "{}: the upper limit that harm is judged by, {}, lies beyond the margin ({}); at a margin of {} or more it would \
             not be harm.",
            Named::of(&effect.metric).title,
            gain(effect.scale, effect.harm_high),
            gain(effect.scale, -effect.margin),
            margin(effect.scale, -effect.harm_high),
        )
    })
}

fn is_open(effect: &MetricEffect) -> bool {
    effect.effect.low <= -effect.margin
}

/// On which side of the margin the lower limit lies, and how far.
fn distance(effect: &MetricEffect) -> String {
    let title = Named::of(&effect.metric).title;
    let (low, edge) = (effect.effect.low, -effect.margin);
    let ends = format!("{} with the margin at {}", gain(effect.scale, low), gain(effect.scale, edge));
    let apart = match effect.scale {
        Scale::LogRatio => format!("a factor of {}", format::significant((low - edge).abs().min(700.0).exp(), 3)),
        Scale::Difference => words::points(low - edge),
    };
    if low > edge {
        format!("{title}: a lower limit that falls by {apart} or more; it is {ends}.")
    } else {
        format!(
            "{title}: a lower limit that rises by more than {apart}; it is {ends}, and this leaves \"not worse\" open."
        )
    }
}

/// What a verdict of improvement rests on, or is missing.
fn improvement(found: &Finding) -> Option<String> {
    let holm = |effect: &&MetricEffect| effect.p_holm.unwrap_or(1.0);
    let best = super::effects(found).min_by(|a, b| holm(a).total_cmp(&holm(b)))?;
    let (title, p_value) = (Named::of(&best.metric).title, format::probability(holm(&best)));
    let level = format::number(found.terms.alpha / 2.0);
    let standing = words::stand_out(found);
    Some(if standing.is_empty() {
        format!(
            "Improvement would take an adjusted p below {level} in some metric; the smallest is {p_value}, of {}.",
            words::lower(title)
        )
    } else {
        format!(
            "Improvement, as far as it is in the numbers, rests on {}: the smallest adjusted p is {p_value}, to be below \
             {level}.",
            words::listed(&standing)
        )
    })
}

/// Single services, and ways of asking, with which the class of a metric is another one.
fn flips(effect: &MetricEffect) -> Vec<String> {
    let title = Named::of(&effect.metric).title;
    let mut told = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for out in effect.left_out.iter().flatten().filter(|out| out.class != effect.class) {
        if seen.insert(&out.service) {
            told.push(format!(
                "{title}: without {} it would be {} and not {}. Only the services that move it most were looked at so.",
                code(&out.service),
                out.class,
                effect.class
            ));
        }
    }
    let ways = words::other_ways(effect);
    let other = |class: Class| ways.iter().filter(|[low, high]| Class::of(*low, *high, effect.margin) == class).count();
    let others: Vec<String> = [Class::Superior, Class::NonInferior, Class::Inferior, Class::Inconclusive]
        .into_iter()
        .filter(|class| *class != effect.class && other(*class) > 0)
        .map(|class| format!("{class} in {}", other(class)))
        .collect();
    if !others.is_empty() {
        told.push(format!(
            "{title}: asked in another way it would be {}, and not {}.",
            others.join(", "),
            effect.class
        ));
    }
    told
}

fn other_margins(found: &Finding) -> Option<String> {
    let other: Vec<String> = found
        .at_ratios
        .iter()
        .filter(|(_, verdict)| *verdict != found.by_the_numbers)
        .map(|(ratio, verdict)| format!("`{verdict}` at {}", format::significant(*ratio, 3)))
        .collect();
    if other.is_empty() {
        return (!found.at_ratios.is_empty()).then(|| {
            let ratios: Vec<String> = found.at_ratios.iter().map(|(ratio, _)| format::significant(*ratio, 3)).collect();
            format!(
                "Another margin of those that are looked at ({}) would change nothing in the numbers.",
                ratios.join(", ")
            )
        });
    }
    Some(format!("Another margin for the ratios: by the numbers {}.", other.join(", ")))
}
