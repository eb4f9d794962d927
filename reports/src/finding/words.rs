//! What a finding is allowed to say. Every verb that speaks of a change of working stands in [`Voice::of`], and is set by
//! the design and by nothing else: only where chance decided who began is a metric said to have improved.

use std::collections::BTreeSet;

use attribution::{
    Class, DesignGrade, Finding, Limits, MetricEffect, MetricOutcome, Scale, Specification, Verdict, Weakness,
};
use derive::definitions;

use crate::{code, format};

/// The phrases that one design can carry.
struct Voice {
    /// Nothing is worse by more than the margin, and something is better.
    improves: String,
    /// Nothing is worse by more than the margin.
    keeps_up: String,
    /// Something is worse by more than the margin.
    worsens: String,
    /// One metric is better, not worse by more than the margin, or worse by more than it.
    better: &'static str,
    not_worse: &'static str,
    worse: &'static str,
    /// What the design leaves open.
    caveat: &'static str,
}

impl Voice {
    /// The phrases of a grade about a practice.
    fn of(grade: DesignGrade, practice: &str) -> Self {
        let name = code(practice);
        match grade {
            DesignGrade::A => Self {
                improves: format!("{name} improved delivery"),
                keeps_up: format!("{name} did no harm beyond the margin"),
                worsens: format!("{name} worsened delivery"),
                better: "improved",
                not_worse: "did not worsen by more than the margin",
                worse: "worsened by more than the margin",
                caveat: "Chance decided who began, or when: so the terms say, and the data cannot show it. If it is so, \
                         what differs beyond the limits was brought about by the change of working.",
            },
            DesignGrade::B => Self {
                caveat: "Services began at different dates, each beside others that had not begun. Why a service began \
                         just when it did is not known here, and whatever made it begin may stand behind the rest, too.",
                ..Self::beside_others(&name)
            },
            DesignGrade::C => Self {
                caveat: "The services that began did so at one date, beside others that never did. Whatever else \
                         happened at that date to those that began, and not to the others, would look the same.",
                ..Self::beside_others(&name)
            },
            DesignGrade::D => Self {
                improves: format!("Delivery changed for the better at the date of {name}"),
                keeps_up: format!(
                    "Delivery did not change for the worse by more than the margin at the date of {name}"
                ),
                worsens: format!("Delivery changed for the worse at the date of {name}"),
                better: "changed for the better at the date",
                not_worse: "did not change for the worse by more than the margin at the date",
                worse: "changed for the worse by more than the margin at the date",
                caveat: "One series and one date without a control: anything else that happened at the date would look \
                         the same.",
            },
            DesignGrade::E => Self {
                improves: format!("What was seen around {name} is consistent with improvement"),
                keeps_up: format!("What was seen around {name} is consistent with no harm beyond the margin"),
                worsens: format!("What was seen around {name} is consistent with harm"),
                better: "what was seen is consistent with improvement",
                not_worse: "what was seen is consistent with no harm beyond the margin",
                worse: "what was seen is consistent with harm beyond the margin",
                caveat: "Before and after without a control: a trend, a season or anything else that happened \
                         meanwhile would look the same. Such a design describes and concludes nothing.",
            },
        }
    }

    /// What may be said where those that began are compared with others, and chance decided nothing.
    fn beside_others(name: &str) -> Self {
        Self {
            improves: format!("Services that began with {name} gained beyond the others"),
            keeps_up: format!("Services that began with {name} did not fall behind the others by more than the margin"),
            worsens: format!("Services that began with {name} fell behind the others"),
            better: "services that began gained beyond the others",
            not_worse: "services that began did not fall behind the others by more than the margin",
            worse: "services that began fell behind the others by more than the margin",
            caveat: "",
        }
    }
}

/// What the design of a finding leaves open; nothing where nobody began.
pub(crate) fn caveat(found: &Finding) -> Option<String> {
    (!found.design.cohorts.is_empty()).then(|| Voice::of(found.grade, &found.practice).caveat.to_owned())
}

/// What may be said of all four metrics together.
pub(crate) fn whole(found: &Finding) -> String {
    let voice = Voice::of(found.grade, &found.practice);
    let titles = |is_meant: &dyn Fn(&MetricOutcome) -> bool| {
        let meant = found.metrics.iter().filter(|one| is_meant(one)).map(|one| Named::of(one.metric()).title);
        listed(&meant.collect::<Vec<_>>())
    };
    if found.held_back.is_some() {
        return format!(
            "Nothing is concluded: the design cannot carry what the numbers say. What was seen around {} is {}.",
            code(&found.practice),
            direction(found.by_the_numbers)
        );
    }
    match found.verdict {
        Verdict::Improves => {
            let better = stand_out(found);
            let verb = if better.len() > 1 { "stand" } else { "stands" };
            format!(
                "{}: by the limits no metric of the four is worse by more than the margin, and {} {verb} out as better.",
                voice.improves,
                listed(&better)
            )
        }
        Verdict::KeepsUp => format!(
            "{}: by the limits no metric of the four is worse by more than it, and none stands out as better when four are \
             looked at.",
            voice.keeps_up
        ),
        Verdict::Worsens => {
            let worse = harmed(found);
            let verb = if worse.len() > 1 { "are" } else { "is" };
            format!("{}: by the limits {} {verb} worse by more than the margin.", voice.worsens, listed(&worse))
        }
        Verdict::InsufficientData if found.design.cohorts.is_empty() => format!(
            "Nothing can be said: no service is known to have begun with {} within the weeks that were read.",
            code(&found.practice)
        ),
        Verdict::InsufficientData => {
            format!("Nothing can be concluded: there is too little behind {}.", titles(&|one| one.found().is_none()))
        }
        Verdict::Inconclusive => {
            let open = titles(&|one| one.found().is_some_and(|effect| effect.effect.low <= -effect.margin));
            format!("The data do not tell: {open} may be worse by more than the margin.")
        }
        Verdict::Disputed => "The data do not tell: ways of looking at them disagree.".to_owned(),
    }
}

/// The metrics that a verdict of improvement rests on, as far as they stand out when four are looked at.
pub(crate) fn stand_out(found: &Finding) -> Vec<&str> {
    let stands_out = |effect: &&MetricEffect| effect.p_holm.is_some_and(|p_value| p_value < found.terms.alpha / 2.0);
    super::effects(found).filter(stands_out).map(|effect| Named::of(&effect.metric).title).collect()
}

/// The metrics that are worse by more than the margin when four are looked at.
fn harmed(found: &Finding) -> Vec<&str> {
    let is_harmed = |effect: &&MetricEffect| effect.harm_high < -effect.margin;
    super::effects(found).filter(is_harmed).map(|effect| Named::of(&effect.metric).title).collect()
}

/// What may be said of one metric.
pub(crate) fn single(found: &Finding, outcome: &MetricOutcome) -> String {
    let named = Named::of(outcome.metric());
    let effect = match outcome {
        MetricOutcome::Found(effect) => effect,
        MetricOutcome::Insufficient { insufficient, .. } => {
            return format!("{}: insufficient data, because {insufficient}.", named.title);
        }
    };
    // Where the design cannot carry a verdict it cannot carry more for one metric.
    let is_weak = found.held_back.is_some() || effect.weak.is_some();
    let grade = if is_weak { DesignGrade::E } else { found.grade };
    let voice = Voice::of(grade, &found.practice);
    let phrase = match effect.class {
        Class::Superior => voice.better,
        Class::NonInferior => voice.not_worse,
        Class::Inferior => voice.worse,
        Class::Inconclusive if effect.effect.high <= 0.0 => "not better; whether worse by more than the margin is open",
        Class::Inconclusive => "open: better and worse by more than the margin are both within the limits",
    };
    format!("{}: {phrase}; {}.{}", named.title, measured(found, effect), alone(found, effect))
}

/// What is left of a single metric when four are looked at.
fn alone(found: &Finding, effect: &MetricEffect) -> String {
    match (effect.class, effect.p_holm) {
        (Class::Superior, Some(p_value)) if p_value >= found.terms.alpha / 2.0 => format!(
            " One of four looks finds as much more easily: adjusted for that, p is {}, and it does not stand out.",
            format::probability(p_value)
        ),
        (Class::Inferior, _) if effect.harm_high >= -effect.margin => format!(
            " By the limits that harm is judged by, wider since four are looked at ({} %), that is open.",
            format::significant(100.0 * (1.0 - found.terms.alpha / 4.0), 4)
        ),
        _ => String::new(),
    }
}

/// The effect in words with its limits and what it is measured from.
fn measured(found: &Finding, effect: &MetricEffect) -> String {
    let named = Named::of(&effect.metric);
    let Limits { estimate, low, high } = effect.effect;
    let estimate = estimate.map_or_else(|| format::NO_DATA.to_owned(), |estimate| named.in_words(estimate));
    let is_beside = effect.weak != Some(Weakness::Uncontrolled) && effect.services[1] > 0 && found.design.is_controlled;
    let than = match (effect.series_check.is_some(), is_beside) {
        (true, true) => "than the trend before and the change of the others would have made it",
        (true, false) => "than the trend before would have made it",
        (false, true) => "than the change of the others would have made it",
        (false, false) => "than before",
    };
    let level = format::percent(1.0 - found.terms.alpha);
    format!("{estimate} {than} ({level} interval: {} to {})", named.in_words(low), named.in_words(high))
}

/// The direction in which numbers point that a design cannot carry.
pub(crate) fn direction(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Improves => "consistent with improvement",
        Verdict::KeepsUp => "consistent with no harm beyond the margin",
        Verdict::Worsens => "consistent with harm",
        _ => "consistent with either direction",
    }
}

/// The verdict of numbers whose design was not looked at.
pub(crate) fn by_the_numbers(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Improves => "would be `improves`",
        Verdict::KeepsUp => "would be `keeps up`",
        Verdict::Worsens => "would be `worsens`",
        Verdict::Inconclusive => "is `inconclusive`",
        Verdict::InsufficientData => "is `insufficient data`",
        Verdict::Disputed => "is `disputed`",
    }
}

/// What a verdict stands for, whoever gives it.
pub(crate) fn verdict_means(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Improves => "nothing worse by more than the margin, something better",
        Verdict::KeepsUp => "nothing worse by more than the margin",
        Verdict::Worsens => "something worse by more than the margin",
        Verdict::Inconclusive => "the limits are too wide to tell, or the design too weak",
        Verdict::InsufficientData => "a metric has too little behind it",
        Verdict::Disputed => "ways of looking disagree",
    }
}

/// Whether the question was fixed before looking.
pub(crate) fn planned(found: &Finding) -> String {
    let Some(check) = &found.baseline else {
        return "exploratory: nothing was fixed before looking".to_owned();
    };
    let name = code(&check.name);
    if check.is_planned() {
        return format!("planned: baseline {name} fixed the question before anybody began, and the past is unchanged");
    }
    let mut why = check.changed.clone();
    if !check.is_before {
        why.push("it was frozen after the first service began".to_owned());
    }
    if !check.is_as_planned {
        why.push("it fixed other terms, or none".to_owned());
    }
    format!("exploratory in spite of baseline {name}: {}", why.join("; "))
}

/// What a metric is called, and how its effects are told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    pub(crate) title: &'a str,
    metric: &'a str,
}

impl<'a> Named<'a> {
    pub(crate) fn of(metric: &'a str) -> Self {
        let definition = definitions().iter().find(|definition| definition.metric == metric);
        Self { title: definition.map_or(metric, |definition| definition.title.as_str()), metric }
    }

    /// An effect in the words of the metric: positive is better, and a time that gets better gets shorter.
    pub(crate) fn in_words(self, effect: f64) -> String {
        if !effect.is_finite() {
            return format::NO_DATA.to_owned();
        }
        if effect == 0.0 {
            return "no change".to_owned();
        }
        let is_better = effect > 0.0;
        let (size, better, worse) = match (Scale::of(self.metric), self.metric) {
            (Scale::Difference, _) => (points(effect), "lower", "higher"),
            (_, "forward_deployment_frequency") => (size(effect), "more often", "less often"),
            // The scale of times is that of speeds: twice the speed is half the time.
            _ => (size(-effect), "shorter", "longer"),
        };
        format!("{size} {}", if is_better { better } else { worse })
    }
}

/// A ratio as how much it is away from 1.
fn size(log_ratio: f64) -> String {
    if log_ratio.abs() > 5.0 {
        "by more than a factor of 148".to_owned()
    } else {
        format::percent(log_ratio.exp_m1().abs())
    }
}

/// A difference of shares without its sign.
pub(crate) fn points(difference: f64) -> String {
    match format::points(difference.abs()) {
        text if text.starts_with('0') => "less than 0.1 points".to_owned(),
        text => text.trim_start_matches('+').to_owned(),
    }
}

/// An effect on its scale, positive for better.
pub(crate) fn gain(scale: Scale, effect: f64) -> String {
    match scale {
        Scale::LogRatio => format::change(effect),
        Scale::Difference => format::points(effect),
    }
}

/// A margin: a ratio, or a difference.
pub(crate) fn margin(scale: Scale, margin: f64) -> String {
    match scale {
        Scale::LogRatio if margin.abs() > 5.0 => format!("a ratio whose logarithm is {}", format::number(margin)),
        Scale::LogRatio => format!("a ratio of {}", format::significant(margin.exp(), 4)),
        Scale::Difference => points(margin),
    }
}

/// Names as a sentence lists them.
pub(crate) fn listed(names: &[&str]) -> String {
    match names {
        [] => "at least one metric".to_owned(),
        [only] => lower(only),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(|name| lower(name)).collect();
            format!("{} and {}", first.join(", "), lower(last))
        }
    }
}

/// The same with a small first letter, inside a sentence.
pub(crate) fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().collect::<String>() + letters.as_str())
}

/// The same with a capital first letter, unless it begins with code.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

/// The limits of the ways of asking beside the main analysis; those with the same numbers are one. A window longer than
/// what was read, say, is no other way.
pub(crate) fn other_ways(effect: &MetricEffect) -> Vec<[f64; 2]> {
    let numbers =
        |one: &Specification| Some([one.estimate.to_bits(), one.limits?[0].to_bits(), one.limits?[1].to_bits()]);
    let main = effect.specifications.iter().find(|one| one.differs.is_empty()).and_then(numbers);
    let different: BTreeSet<[u64; 3]> =
        effect.specifications.iter().filter_map(numbers).filter(|one| Some(one) != main.as_ref()).collect();
    different.into_iter().map(|[_, low, high]| [f64::from_bits(low), f64::from_bits(high)]).collect()
}

/// How far the ways of asking agree with the main analysis.
pub(crate) fn agree(effect: &MetricEffect) -> String {
    let others = other_ways(effect);
    let same = others.iter().filter(|[low, high]| Class::of(*low, *high, effect.margin) == effect.class).count();
    format!(
        "of {} other ways with numbers of their own, {same} say what the main analysis says ({})",
        others.len(),
        effect.class
    )
}
