//! The consensus of organisations, some of which may lie.
//!
//! Each organisation has one vote: the plain mean of its effects on a metric, whatever errors it states. With at most `f`
//! liars among `m` admitted organisations, the hull is the union of the t-intervals of every subset that leaves `f` out:
//! one of them is that of honest organisations alone, so whatever the hull concludes, they conclude too.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use stats::{
    Interval, LeaveOutHull, Looks, Pooled, PooledMethod, Side, Tau2Method, TrimmedError, TrimmedMean,
    fewest_withdrawals, leave_out_hull, leave_out_p_value, pivotal_prediction_interval, pool, reachable_trimmed_mean,
    sound_against, trimmed_mean_interval,
};

use crate::criterion::{Bounds, CRITERION, Class, Margins, Scale, Verdict, check_alpha, judge};
use crate::effects::Effect;

mod beside;
#[cfg(test)]
mod tests;

pub use beside::{AnyTime, Beside, Heterogeneity, Reach, Replication, Slope, SmallStudies, Stratum, WithoutOne};

/// Fewer admitted organisations than this conclude nothing.
pub const FEWEST: usize = 7;

/// Why there is no consensus to speak of.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConsensusError {
    /// There is nothing to combine.
    #[error("there are no effects")]
    NoEffects,
    /// More organisations report than are enrolled.
    #[error("`{present}` organisations report, and only `{enrolled}` are enrolled")]
    MoreThanEnrolled {
        /// How many report.
        present: usize,
        /// How many are enrolled.
        enrolled: usize,
    },
    /// More liars are assumed than agreement allows.
    #[error("of `{enrolled}` enrolled organisations at most `{most}` may lie, not `{faults}`")]
    TooManyFaults {
        /// How many are enrolled.
        enrolled: usize,
        /// How many were assumed to lie.
        faults: usize,
        /// The most that may: `⌊(n − 1)/3⌋`.
        most: usize,
    },
    /// The level cannot decide.
    #[error("alpha is `{alpha}`: {what}")]
    Alpha {
        /// The level.
        alpha: f64,
        /// What is wrong.
        what: &'static str,
    },
    /// A margin cannot decide.
    #[error("{what}")]
    Margin {
        /// What is wrong.
        what: &'static str,
    },
}

/// What is assumed and asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// Organisations in the registry, silent ones included; those that report, where nobody says.
    pub enrolled: Option<usize>,
    /// How many of them may lie; `⌊(n − 1)/3⌋` where nobody says.
    pub faults: Option<usize>,
    /// The level of two-sided intervals is `1 − alpha`.
    pub alpha: f64,
    /// How much worse still counts as not worse.
    pub margins: Margins,
    /// Looks that were declared, by admitted organisations; without them there is a verdict at every number of them.
    pub looks: Option<Looks>,
    /// Moderators that were named before.
    pub moderators: Vec<String>,
    /// How it was checked who the enrolled are.
    pub enrolment: Option<String>,
}

/// What is shown where no look was declared, and what comes next.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BetweenLooks {
    /// Admitted organisations.
    pub admitted: usize,
    /// The next declared look.
    pub next: Option<usize>,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            enrolled: None,
            faults: None,
            alpha: 0.05,
            margins: Margins::default(),
            looks: None,
            moderators: Vec::new(),
            enrolment: None,
        }
    }
}

/// What the organisations say together.
#[derive(Clone, Debug, Serialize)]
pub struct Consensus {
    /// Enrolled organisations.
    pub enrolled: usize,
    /// How many of them may lie.
    pub faults: usize,
    /// The level of intervals is one less this.
    pub alpha: f64,
    /// Each metric of the table, those of the criterion first.
    pub metrics: Vec<MetricConsensus>,
    /// Why nothing is concluded at this number of organisations, where looks were declared and this is none.
    pub between_looks: Option<BetweenLooks>,
    /// The geometric median of the organisations that report every metric, metric by metric.
    pub geometric_median: Vec<(String, f64)>,
    /// The verdict by the criterion; `None` where the table lacks one of its metrics, or between looks.
    pub verdict: Option<Verdict>,
    /// The largest number of liars, from `f` on, with which the verdict is the same; `None` where it is no conclusion.
    pub sound_against: Option<usize>,
    /// What the verdict rests on.
    pub assumptions: Vec<String>,
}

/// One organisation's effect.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Vote {
    /// Whose it is.
    pub organisation: String,
    /// The plain mean of its effects.
    pub estimate: f64,
    /// The plain mean of their standard errors: used beside the rule only.
    pub standard_error: f64,
    /// The interval that the stated error makes.
    pub stated: Limits,
    /// The best and the worst place that it could have among all by their stated intervals, the largest effect first: what
    /// overlaps is a tie.
    pub places: [usize; 2],
    /// The rows behind it.
    pub effects: Vec<String>,
    /// What else is known of it, where all its rows say one thing.
    pub moderators: BTreeMap<String, String>,
}

/// A number between two limits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Limits {
    /// The estimate, where there is one.
    pub estimate: Option<f64>,
    /// The lower limit.
    pub low: f64,
    /// The upper limit.
    pub high: f64,
}

impl Limits {
    fn between(low: f64, high: f64) -> Self {
        Self { estimate: None, low, high }
    }

    /// The interval that an error makes, as of a normal distribution.
    pub(crate) fn stated(estimate: f64, standard_error: f64, level: f64) -> Self {
        let half = stats::normal_quantile(0.5 + level / 2.0).unwrap_or(f64::NAN) * standard_error;
        Self { estimate: Some(estimate), low: estimate - half, high: estimate + half }
    }

    pub(crate) fn about(interval: Interval) -> Self {
        Self { estimate: Some(interval.estimate), low: interval.low, high: interval.high }
    }
}

/// The fewest organisations whose withdrawal leaves no conclusion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Blocking {
    /// How many.
    pub count: usize,
    /// Which; `None` where any so many would leave too few.
    pub organisations: Option<Vec<String>>,
}

/// The consensus on one metric.
#[derive(Clone, Debug, Serialize)]
pub struct MetricConsensus {
    /// The metric.
    pub metric: String,
    /// What its effects are measured in; positive is better.
    pub scale: Scale,
    /// How much worse still counts as not worse.
    pub margin: f64,
    /// The organisations that report, by name.
    pub votes: Vec<Vote>,
    /// Why there is too little to conclude from; the rest is shown all the same.
    pub insufficient: Option<String>,
    /// What the hull concludes.
    pub class: Option<Class>,
    /// Whether the hull concludes nothing while the trimmed view does.
    pub is_disputed: bool,
    /// The union of the intervals of all subsets without `f`.
    pub hull: Option<Limits>,
    /// The trimmed mean with Yuen's interval, where enough are left.
    pub trimmed: Option<Limits>,
    /// The trimmed mean as far as so many liars could have moved it.
    pub reachable: Option<Limits>,
    /// Random effects by restricted likelihood, Hartung-Knapp ad hoc. Believes every stated error.
    pub random_effects: Option<Limits>,
    /// Where the true effect of one more organisation would lie.
    pub prediction: Option<Limits>,
    /// The standard deviation between organisations.
    pub tau: Option<f64>,
    /// The median of the organisations.
    pub median: Option<f64>,
    /// The largest number of liars, from `f` on, with which the class is the same; `None` where it is no conclusion.
    pub sound_against: Option<usize>,
    /// The fewest organisations whose withdrawal would leave no conclusion; `None` where there is none to leave.
    pub blocked_by: Option<Blocking>,
    /// Whether some subset has no spread at all.
    pub has_constant_subset: bool,
    /// What stands beside the rule.
    pub beside: Beside,
}

/// Combines effects by the rule.
///
/// # Errors
/// [`ConsensusError`] when the level or a margin cannot decide, there are no effects, more organisations report than are enrolled, or more are assumed to lie
/// than `⌊(n − 1)/3⌋`.
pub fn consensus(effects: &[Effect], terms: &Terms) -> Result<Consensus, ConsensusError> {
    combined(effects, terms, true)
}

/// Does what [`consensus`] does as far as it decides: without certificates, and without what stands beside the rule.
///
/// # Errors
/// As there.
pub fn decide(effects: &[Effect], terms: &Terms) -> Result<Consensus, ConsensusError> {
    combined(effects, terms, false)
}

fn combined(effects: &[Effect], terms: &Terms, is_whole: bool) -> Result<Consensus, ConsensusError> {
    check_alpha(terms.alpha).map_err(|what| ConsensusError::Alpha { alpha: terms.alpha, what })?;
    for scale in [Scale::LogRatio, Scale::Difference] {
        scale.check_margin(terms.margins.of(scale)).map_err(|what| ConsensusError::Margin { what })?;
    }
    let mut by_metric: BTreeMap<&str, BTreeMap<&str, Vec<&Effect>>> = BTreeMap::new();
    let mut organisations = std::collections::BTreeSet::new();
    for effect in effects {
        organisations.insert(effect.organisation.as_str());
        by_metric.entry(&effect.metric).or_default().entry(&effect.organisation).or_default().push(effect);
    }
    if organisations.is_empty() {
        return Err(ConsensusError::NoEffects);
    }
    let (present, enrolled) = (organisations.len(), terms.enrolled.unwrap_or(organisations.len()));
    if present > enrolled {
        return Err(ConsensusError::MoreThanEnrolled { present, enrolled });
    }
    let most = (enrolled - 1) / 3;
    let faults = terms.faults.unwrap_or(most);
    if faults > most {
        return Err(ConsensusError::TooManyFaults { enrolled, faults, most });
    }
    // Between looks estimates are shown at the level of the next one, and nothing is concluded.
    let looks = terms.looks.as_ref();
    let at_look = looks.map(|looks| looks.alpha_at(present));
    let next = looks.and_then(|looks| looks.next_after(present));
    let between_looks =
        (at_look == Some(None)).then(|| BetweenLooks { admitted: present, next: next.map(|look| look.count) });
    let alpha = match at_look {
        None => terms.alpha,
        Some(Some(own)) => own,
        Some(None) => next.or_else(|| looks?.last_by(present)).map_or(terms.alpha, |look| look.alpha),
    };
    let rule = Rule {
        enrolled,
        faults,
        alpha,
        margins: terms.margins,
        moderators: &terms.moderators,
        is_look: between_looks.is_none(),
        looks,
        is_whole,
    };
    let mut metrics: Vec<MetricConsensus> = by_metric
        .iter()
        .map(|(metric, organisations)| rule.metric(metric, &votes(organisations, rule.level())))
        .collect();
    let place = |metric: &str| CRITERION.iter().position(|own| *own == metric).unwrap_or(CRITERION.len());
    metrics.sort_by(|one, other| (place(&one.metric), &one.metric).cmp(&(place(&other.metric), &other.metric)));
    let verdict = rule.verdict(&metrics).filter(|_| rule.is_look);
    Ok(Consensus {
        between_looks,
        geometric_median: if is_whole { geometric_median(&metrics) } else { Vec::new() },
        enrolled,
        faults,
        alpha,
        sound_against: verdict.filter(|verdict| is_whole && verdict.is_conclusive()).and_then(|verdict| {
            let fewest = criterion(&metrics).iter().flatten().map(|metric| metric.votes.len()).min().unwrap_or(0);
            rule.sound_against(fewest, |liars| rule.judged(&metrics, liars) == Some(verdict))
        }),
        verdict,
        assumptions: assumptions(terms, enrolled, faults),
        metrics,
    })
}

/// The point that is nearest to the organisations that report every metric, by the sum of distances.
fn geometric_median(metrics: &[MetricConsensus]) -> Vec<(String, f64)> {
    let of = |metric: &MetricConsensus| -> BTreeMap<String, f64> {
        metric.votes.iter().map(|vote| (vote.organisation.clone(), vote.estimate)).collect()
    };
    let columns: Vec<BTreeMap<String, f64>> = metrics.iter().map(of).collect();
    let vectors: Vec<Vec<f64>> = columns
        .first()
        .into_iter()
        .flat_map(BTreeMap::keys)
        .filter_map(|name| columns.iter().map(|column| column.get(name).copied()).collect())
        .collect();
    let Ok(found) = stats::geometric_median(&vectors) else { return Vec::new() };
    metrics.iter().map(|metric| metric.metric.clone()).zip(found.point).collect()
}

/// Holds every other organisation's effect against that of one that came first, metric by metric.
#[must_use]
pub fn replications(consensus: &Consensus, original: &str) -> Vec<Replication> {
    let of = |metric: &MetricConsensus| {
        let first = metric.votes.iter().find(|vote| vote.organisation == original)?;
        Some(beside::replications(first, &metric.metric, &metric.votes, 1.0 - consensus.alpha))
    };
    consensus.metrics.iter().filter_map(of).flatten().collect()
}

fn assumptions(terms: &Terms, enrolled: usize, faults: usize) -> Vec<String> {
    let who = if let (Some(_), Some(how)) = (terms.enrolled, &terms.enrolment) {
        format!("{enrolled} organisations are enrolled, and each name is one organisation: {how}")
    } else if terms.enrolled.is_some() {
        format!("{enrolled} organisations are enrolled, and each name is one organisation")
    } else {
        format!("nobody said how many organisations are enrolled: the {enrolled} that report are taken for all of them")
    };
    vec![
        who,
        format!("at most {faults} of them lie or err"),
        "the others measured independently of one another".to_owned(),
        "any one organisation can always widen the hull, so it can block a conclusion but never buy one".to_owned(),
    ]
}

/// The vote of each organisation, by name.
fn votes(organisations: &BTreeMap<&str, Vec<&Effect>>, level: f64) -> Vec<Vote> {
    let vote = |(organisation, effects): (&&str, &Vec<&Effect>)| {
        let mean = |part: fn(&Effect) -> f64| {
            let mut parts: Vec<f64> = effects.iter().map(|effect| part(effect)).collect();
            parts.sort_by(f64::total_cmp);
            parts.iter().sum::<f64>() / parts.len() as f64
        };
        let mut names: Vec<String> = effects.iter().map(|effect| effect.name.clone()).collect();
        names.sort();
        let (estimate, standard_error) = (mean(|effect| effect.estimate), mean(|effect| effect.standard_error));
        Vote {
            organisation: (*organisation).to_owned(),
            estimate,
            standard_error,
            stated: Limits::stated(estimate, standard_error, level),
            places: [1, organisations.len()],
            effects: names,
            moderators: moderators(effects),
        }
    };
    let mut votes: Vec<Vote> = organisations.iter().map(vote).collect();
    let (mut lows, mut highs): (Vec<f64>, Vec<f64>) =
        votes.iter().map(|vote| (vote.stated.low, vote.stated.high)).unzip();
    lows.sort_by(f64::total_cmp);
    highs.sort_by(f64::total_cmp);
    for vote in &mut votes {
        let before = lows.len() - lows.partition_point(|low| *low <= vote.stated.high);
        let behind = highs.partition_point(|high| *high < vote.stated.low);
        vote.places = [before + 1, highs.len() - behind];
    }
    votes
}

/// What all rows of an organisation say alike.
fn moderators(effects: &[&Effect]) -> BTreeMap<String, String> {
    let names: BTreeSet<&String> = effects.iter().flat_map(|effect| effect.moderators.keys()).collect();
    let alike = |name: &String| {
        let values: BTreeSet<Option<&String>> = effects.iter().map(|effect| effect.moderators.get(name)).collect();
        let only = values.first().copied().flatten().filter(|_| values.len() == 1);
        only.map(|value| (name.clone(), value.clone()))
    };
    names.into_iter().filter_map(alike).collect()
}

/// The metrics of the criterion, as far as the table has them.
fn criterion(metrics: &[MetricConsensus]) -> [Option<&MetricConsensus>; 4] {
    CRITERION.map(|name| metrics.iter().find(|metric| metric.metric == name))
}

/// The terms, worked out.
struct Rule<'t> {
    enrolled: usize,
    faults: usize,
    alpha: f64,
    margins: Margins,
    moderators: &'t [String],
    /// Whether anything may be concluded at this number of organisations.
    is_look: bool,
    /// The looks that were declared.
    looks: Option<&'t Looks>,
    /// Whether certificates, and what stands beside the rule, are worked out, too.
    is_whole: bool,
}

impl Rule<'_> {
    fn level(&self) -> f64 {
        1.0 - self.alpha
    }

    /// Why so many organisations are too few.
    fn insufficient(&self, admitted: usize) -> Option<String> {
        let quorum = self.enrolled - self.faults;
        if admitted < quorum {
            Some(format!("{admitted} of {} enrolled organisations report, {quorum} are needed", self.enrolled))
        } else if admitted < FEWEST {
            Some(format!("{admitted} organisations report, {FEWEST} are needed"))
        } else {
            None
        }
    }

    fn metric(&self, metric: &str, votes: &[Vote]) -> MetricConsensus {
        let scale = Scale::of(metric);
        let margin = self.margins.of(scale);
        let values: Vec<f64> = votes.iter().map(|vote| vote.estimate).collect();
        let insufficient = self.insufficient(votes.len());
        let hull = leave_out_hull(&values, self.faults, self.level()).ok();
        let class_of = |hull: &LeaveOutHull| Class::of(hull.low, hull.high, margin);
        let class = hull.as_ref().map(class_of).filter(|_| insufficient.is_none() && self.is_look);
        let trimmed = self.trimmed(&values, self.level()).map(|trimmed| Limits::about(trimmed.interval));
        let trimmed_concludes =
            trimmed.is_some_and(|limits| Class::of(limits.low, limits.high, margin) != Class::Inconclusive);
        let (random_effects, prediction, tau) =
            if self.is_whole { self.random_effects(votes) } else { (None, None, None) };
        let certified = class.filter(|_| self.is_whole);
        MetricConsensus {
            metric: metric.to_owned(),
            scale,
            margin,
            is_disputed: class == Some(Class::Inconclusive) && trimmed_concludes,
            sound_against: certified.filter(|class| *class != Class::Inconclusive).and_then(|class| {
                self.sound_against(values.len(), |liars| {
                    leave_out_hull(&values, liars, self.level()).is_ok_and(|hull| class_of(&hull) == class)
                })
            }),
            blocked_by: certified.and_then(|class| self.blocked_by(votes, &values, class, margin)),
            hull: hull.as_ref().map(|hull| Limits::between(hull.low, hull.high)),
            has_constant_subset: hull.as_ref().is_some_and(|hull| hull.has_constant_subset),
            reachable: reachable_trimmed_mean(&values, self.faults)
                .ok()
                .map(|bounds| Limits::between(bounds.low, bounds.high)),
            median: stats::quantile(&values, 0.5).ok(),
            beside: if self.is_whole {
                beside::beside(votes, self.faults, self.level(), self.moderators)
            } else {
                Beside::default()
            },
            votes: votes.to_vec(),
            insufficient,
            class,
            trimmed,
            random_effects,
            prediction,
            tau,
        }
    }

    /// The largest number of liars with which a conclusion holds that holds with `f`. With fewer it may be a stronger one,
    /// which it then is too.
    fn sound_against(&self, count: usize, holds: impl Fn(usize) -> bool) -> Option<usize> {
        sound_against(count, |liars| liars < self.faults || holds(liars)).filter(|liars| *liars >= self.faults)
    }

    /// The trimmed view, where at least three are left.
    fn trimmed(&self, values: &[f64], level: f64) -> Option<TrimmedMean> {
        values.len().checked_sub(2 * self.faults).filter(|left| *left >= 3)?;
        trimmed_mean_interval(values, self.faults, TrimmedError::Yuen, level).ok()
    }

    /// What believes every stated error, beside the rule.
    fn random_effects(&self, votes: &[Vote]) -> (Option<Limits>, Option<Limits>, Option<f64>) {
        let estimates: Vec<f64> = votes.iter().map(|vote| vote.estimate).collect();
        let variances: Vec<f64> = votes.iter().map(|vote| vote.standard_error * vote.standard_error).collect();
        let pooled: Option<Pooled> = pool(&estimates, &variances, Tau2Method::RestrictedLikelihood).ok();
        let mean = pooled
            .as_ref()
            .and_then(|pooled| pooled.interval(PooledMethod::HartungKnappAdHoc, self.level()).ok().map(Limits::about));
        let prediction = pivotal_prediction_interval(&estimates, &variances, self.level()).ok().map(Limits::about);
        (mean, prediction, pooled.map(|pooled| pooled.tau2.sqrt()))
    }

    /// The fewest organisations without which nothing is concluded: those that move the hull's bound past what the class
    /// rests on, or as many as leave too few.
    fn blocked_by(&self, votes: &[Vote], values: &[f64], class: Class, margin: f64) -> Option<Blocking> {
        let (side, threshold) = match class {
            // What is superior would still be non-inferior, which is a conclusion.
            Class::Superior | Class::NonInferior => (Side::Lower, -margin),
            Class::Inferior => (Side::Upper, -margin),
            Class::Inconclusive => return None,
        };
        // So many leave too few, or a number at which no look was declared.
        let few = votes.len() - (self.enrolled - self.faults).max(FEWEST) + 1;
        let is_no_look = |gone: &usize| self.looks.is_some_and(|looks| looks.alpha_at(votes.len() - gone).is_none());
        let too_few = (1..few).find(is_no_look).unwrap_or(few);
        let by_bound = fewest_withdrawals(values, self.faults, self.level(), side, threshold).ok().flatten();
        let named = |places: Vec<usize>| places.into_iter().map(|place| votes[place].organisation.clone()).collect();
        let organisations: Option<Vec<String>> = by_bound.filter(|places| places.len() < too_few).map(named);
        Some(Blocking { count: organisations.as_ref().map_or(too_few, Vec::len), organisations })
    }

    /// What is known of a metric with so many left out.
    fn bounds(&self, metric: &MetricConsensus, left_out: usize) -> Option<Bounds> {
        if metric.insufficient.is_some() {
            return None;
        }
        let values: Vec<f64> = metric.votes.iter().map(|vote| vote.estimate).collect();
        let hull: LeaveOutHull = leave_out_hull(&values, left_out, self.level()).ok()?;
        Some(Bounds {
            low: hull.low,
            high: hull.high,
            harm_high: leave_out_hull(&values, left_out, 1.0 - self.alpha / 4.0).ok()?.high,
            p_value: leave_out_p_value(&values, left_out, 0.0).ok()?,
            margin: metric.margin,
        })
    }

    /// The verdict with so many left out; `None` where the table lacks a metric of the criterion.
    fn judged(&self, metrics: &[MetricConsensus], left_out: usize) -> Option<Verdict> {
        let four = criterion(metrics);
        four.iter()
            .all(Option::is_some)
            .then(|| judge(&four.map(|metric| metric.and_then(|metric| self.bounds(metric, left_out))), self.alpha))
    }

    fn verdict(&self, metrics: &[MetricConsensus]) -> Option<Verdict> {
        let verdict = self.judged(metrics, self.faults)?;
        let trimmed = || {
            judge(&criterion(metrics).map(|metric| metric.and_then(|metric| self.trimmed_bounds(metric))), self.alpha)
        };
        if verdict == Verdict::Inconclusive && trimmed().is_conclusive() {
            return Some(Verdict::Disputed);
        }
        Some(verdict)
    }

    /// What the trimmed view knows of a metric.
    fn trimmed_bounds(&self, metric: &MetricConsensus) -> Option<Bounds> {
        let values: Vec<f64> = metric.votes.iter().map(|vote| vote.estimate).collect();
        let found = self.trimmed(&values, self.level())?;
        let estimate = found.interval.estimate;
        let p_value = if found.standard_error > 0.0 {
            stats::student_t_upper_tail(estimate / found.standard_error, found.degrees_of_freedom).ok()?
        } else {
            f64::from(u8::from(estimate <= 0.0))
        };
        Some(Bounds {
            low: found.interval.low,
            high: found.interval.high,
            harm_high: self.trimmed(&values, 1.0 - self.alpha / 4.0)?.interval.high,
            p_value,
            margin: metric.margin,
        })
    }
}
