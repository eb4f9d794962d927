//! What stands beside the rule: what believes every stated error, and what a reader may want to hold against the hull. None of
//! it decides.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use stats::{
    Bounds, NormalMixture, PooledMethod, Recalibration, ReplicationPair, Tau2Method, TrimEstimator,
    fault_tolerant_intersection, pool, reachable_median, reachable_trimmed_mean,
};

use super::{Limits, Vote};

/// The method of every pooled number.
const TAU2: Tau2Method = Tau2Method::RestrictedLikelihood;
const HARTUNG_KNAPP: PooledMethod = PooledMethod::HartungKnappAdHoc;
/// More organisations than this are not left out one by one: it takes a fit for each.
const MOST_LEFT_OUT: usize = 1_000;
/// Fewer effects than this say nothing of small studies.
const FEWEST_SMALL: usize = 10;
/// The widths of the sequence are smallest at about so many organisations.
const NARROWEST_AT: f64 = 22.0;

/// How organisations differ.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Heterogeneity {
    /// The probability of differences as large by sampling alone (Cochran).
    pub q_p_value: f64,
    /// The share of variance that is between organisations, with its limits.
    pub i_squared: Limits,
    /// The standard deviation between organisations, with its limits (Q-profile).
    pub tau: Limits,
}

/// The pooled effect without one organisation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WithoutOne {
    /// The organisation.
    pub organisation: String,
    /// The pooled effect of the rest.
    pub pooled: Limits,
    /// The squared move of the pooled effect over its variance (Cook).
    pub cook_distance: f64,
    /// Whether any usual bound of influence is passed.
    pub is_influential: bool,
}

/// Whether small studies say something else than large ones. Never a verdict: they can differ for good reasons.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SmallStudies {
    /// Of the regression on standard errors (Egger).
    pub egger_p_value: f64,
    /// The effect of a study of no error, if that slope were bias.
    pub of_no_error: Limits,
    /// Of the rank correlation (Begg and Mazumdar).
    pub begg_p_value: Option<f64>,
    /// Studies that a symmetric funnel would have besides (Duval and Tweedie).
    pub filled_count: Option<usize>,
}

/// How far so many liars could have moved two centres.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Reach {
    /// How many.
    pub faults: usize,
    /// The mean without the so many smallest and largest.
    pub trimmed_mean: Limits,
    /// The median.
    pub median: Limits,
}

/// The organisations of one level of a moderator.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stratum {
    /// The moderator.
    pub moderator: String,
    /// Its level.
    pub level: String,
    /// Organisations.
    pub count: usize,
    /// Their pooled effect, where there are three.
    pub pooled: Option<Limits>,
}

/// How effects go with a moderator that is a number, or differ between the levels of one that is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Slope {
    /// The moderator, and the level beside the first one.
    pub moderator: String,
    /// What one more of it adds.
    pub slope: Limits,
    /// Its two-sided p-value.
    pub p_value: f64,
}

/// What stands beside the rule for one metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Beside {
    /// How organisations differ.
    pub heterogeneity: Option<Heterogeneity>,
    /// The pooled effect without each, those that move it most first.
    pub without_one: Vec<WithoutOne>,
    /// Whether small studies differ; only of ten organisations or more.
    pub small_studies: Option<SmallStudies>,
    /// Points that lie in the stated intervals of all but `f` (Marzullo).
    pub intersection: Option<Limits>,
    /// How far each number of liars could have moved the centres.
    pub reach: Vec<Reach>,
    /// An interval of the mean that may be looked at whenever one likes, and the deviation that it takes for known.
    pub any_time: Option<AnyTime>,
    /// Level by level of each moderator.
    pub strata: Vec<Stratum>,
    /// What moderators explain, all of them at once.
    pub slopes: Vec<Slope>,
}

/// An interval that holds at every number of organisations at once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AnyTime {
    /// The mean with its limits.
    pub limits: Limits,
    /// The standard deviation of one organisation's effect that it assumes: the robust spread of those that report.
    pub assumed_deviation: f64,
}

pub(super) fn beside(votes: &[Vote], faults: usize, level: f64, moderators: &[String]) -> Beside {
    let estimates: Vec<f64> = votes.iter().map(|vote| vote.estimate).collect();
    let variances: Vec<f64> = votes.iter().map(|vote| vote.standard_error * vote.standard_error).collect();
    Beside {
        heterogeneity: heterogeneity(&estimates, &variances, level),
        without_one: without_one(votes, &estimates, &variances, level),
        small_studies: small_studies(&estimates, &variances, level),
        intersection: intersection(votes, faults, level),
        reach: reach(&estimates, faults),
        any_time: any_time(&estimates, level),
        strata: moderators.iter().flat_map(|moderator| strata(votes, moderator, level)).collect(),
        slopes: slopes(votes, &estimates, &variances, moderators, level),
    }
}

fn heterogeneity(estimates: &[f64], variances: &[f64], level: f64) -> Option<Heterogeneity> {
    let pooled = pool(estimates, variances, TAU2).ok()?;
    let interval = stats::tau2_interval(estimates, variances, TAU2, level).ok()?;
    let tau = interval.tau2;
    Some(Heterogeneity {
        q_p_value: pooled.heterogeneity.p_value,
        i_squared: Limits::about(interval.i_squared),
        tau: Limits { estimate: Some(tau.estimate.sqrt()), low: tau.low.sqrt(), high: tau.high.sqrt() },
    })
}

fn without_one(votes: &[Vote], estimates: &[f64], variances: &[f64], level: f64) -> Vec<WithoutOne> {
    if votes.len() > MOST_LEFT_OUT {
        return Vec::new();
    }
    let (Ok(without), Ok(influence)) =
        (stats::leave_one_out(estimates, variances, TAU2), stats::influence(estimates, variances, TAU2))
    else {
        return Vec::new();
    };
    let parts = votes.iter().zip(without).zip(influence);
    let mut found: Vec<WithoutOne> = parts
        .filter_map(|((vote, pooled), influence)| {
            Some(WithoutOne {
                organisation: vote.organisation.clone(),
                pooled: Limits::about(pooled.interval(HARTUNG_KNAPP, level).ok()?),
                cook_distance: influence.cook_distance,
                is_influential: influence.is_influential,
            })
        })
        .collect();
    found.sort_by(|one, other| {
        other.cook_distance.total_cmp(&one.cook_distance).then_with(|| one.organisation.cmp(&other.organisation))
    });
    found
}

fn small_studies(estimates: &[f64], variances: &[f64], level: f64) -> Option<SmallStudies> {
    if estimates.len() < FEWEST_SMALL {
        return None;
    }
    let egger = stats::egger_test(estimates, variances, level).ok()?;
    let is_few = estimates.len() <= MOST_LEFT_OUT;
    let filled = || stats::trim_and_fill(estimates, variances, TAU2, TrimEstimator::L0).ok();
    Some(SmallStudies {
        egger_p_value: egger.p_value,
        of_no_error: Limits::about(egger.limit),
        begg_p_value: is_few
            .then(|| stats::begg_rank_test(estimates, variances).ok())
            .flatten()
            .map(|ranks| ranks.p_value),
        filled_count: is_few.then(filled).flatten().map(|filled| filled.filled.len()),
    })
}

fn intersection(votes: &[Vote], faults: usize, level: f64) -> Option<Limits> {
    let z = stats::normal_quantile(0.5 + level / 2.0).ok()?;
    let own = |vote: &Vote| Bounds {
        low: vote.estimate - z * vote.standard_error,
        high: vote.estimate + z * vote.standard_error,
    };
    let intervals: Vec<Bounds> = votes.iter().map(own).collect();
    let found = fault_tolerant_intersection(&intervals, faults).ok()??;
    Some(Limits::between(found.low, found.high))
}

fn reach(estimates: &[f64], faults: usize) -> Vec<Reach> {
    let fewer = estimates.len().saturating_sub(1);
    let most = (fewer / 3).max(faults).min(fewer / 2);
    let limits = |bounds: Bounds| Limits::between(bounds.low, bounds.high);
    // Of many, some numbers say enough.
    let step = most / 20 + 1;
    (0..=most)
        .filter(|number| number.is_multiple_of(step) || *number == faults)
        .filter_map(|faults| {
            Some(Reach {
                faults,
                trimmed_mean: limits(reachable_trimmed_mean(estimates, faults).ok()?),
                median: limits(reachable_median(estimates, faults).ok()?),
            })
        })
        .collect()
}

/// The robust spread: the median distance from the median, as a normal distribution has it.
fn any_time(estimates: &[f64], level: f64) -> Option<AnyTime> {
    let median = stats::quantile(estimates, 0.5).ok()?;
    let distances: Vec<f64> = estimates.iter().map(|estimate| (estimate - median).abs()).collect();
    let deviation = stats::quantile(&distances, 0.5).ok()? / stats::normal_quantile(0.75).ok()?;
    if estimates.len() < 3 || deviation <= 0.0 {
        return None;
    }
    let mixture = NormalMixture::narrowest_at(NARROWEST_AT * deviation * deviation, 1.0 - level).ok()?;
    let interval = stats::confidence_sequence(estimates, deviation, mixture, level).ok()?;
    Some(AnyTime { limits: Limits::about(interval), assumed_deviation: deviation })
}

/// A moderator of an organisation: what its rows say, where they all say one thing.
fn moderator<'v>(vote: &'v Vote, name: &str) -> Option<&'v str> {
    vote.moderators.get(name).map(String::as_str)
}

fn strata(votes: &[Vote], name: &str, level: f64) -> Vec<Stratum> {
    let mut levels: BTreeMap<&str, Vec<&Vote>> = BTreeMap::new();
    for vote in votes {
        levels.entry(moderator(vote, name).unwrap_or("not known")).or_default().push(vote);
    }
    // Neither does one level for all make strata, nor a number of its own for each organisation.
    if levels.len() < 2 || (levels.len() > votes.len() / 2 && levels.len() > 2) {
        return Vec::new();
    }
    let stratum = |(own, votes): (&&str, &Vec<&Vote>)| {
        let estimates: Vec<f64> = votes.iter().map(|vote| vote.estimate).collect();
        let variances: Vec<f64> = votes.iter().map(|vote| vote.standard_error * vote.standard_error).collect();
        let pooled = pool(&estimates, &variances, TAU2).ok();
        let pooled = pooled.and_then(|pooled| pooled.interval(HARTUNG_KNAPP, level).ok());
        Stratum {
            moderator: name.to_owned(),
            level: (*own).to_owned(),
            count: votes.len(),
            pooled: pooled.map(Limits::about),
        }
    };
    levels.iter().map(stratum).collect()
}

fn slopes(votes: &[Vote], estimates: &[f64], variances: &[f64], moderators: &[String], level: f64) -> Vec<Slope> {
    let (mut names, mut columns) = (Vec::new(), Vec::new());
    for name in moderators {
        let Some(values) = votes.iter().map(|vote| moderator(vote, name)).collect::<Option<Vec<&str>>>() else {
            continue;
        };
        let numbers: Option<Vec<f64>> =
            values.iter().map(|value| value.parse::<f64>().ok().filter(|number| number.is_finite())).collect();
        if let Some(numbers) = numbers {
            names.push(name.clone());
            columns.push(numbers);
            continue;
        }
        let levels: BTreeSet<&str> = values.iter().copied().collect();
        for other in levels.into_iter().skip(1) {
            names.push(format!("{name}: {other}"));
            columns.push(values.iter().map(|value| f64::from(u8::from(*value == other))).collect());
        }
    }
    // About ten effects for each are the usual minimum; below three there is no telling at all.
    if columns.is_empty() || votes.len() < 3 * (columns.len() + 1) {
        return Vec::new();
    }
    let Ok(fit) = stats::meta_regression(estimates, variances, &columns, TAU2, HARTUNG_KNAPP) else {
        return Vec::new();
    };
    names
        .into_iter()
        .zip(&fit.coefficients[1..])
        .filter_map(|(moderator, coefficient)| {
            let slope = Limits::about(coefficient.interval(level).ok()?);
            Some(Slope { moderator, slope, p_value: coefficient.test.p_value })
        })
        .collect()
}

/// A replication beside the original that it repeats.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Replication {
    /// The metric.
    pub metric: String,
    /// The original.
    pub original: String,
    /// The replication.
    pub replication: String,
    /// The one-sided sceptical p-value, golden: convincing and compatible at once (Held).
    pub sceptical_p_value: Option<f64>,
    /// Of the difference between both (Cochran's Q).
    pub difference_p_value: Option<f64>,
    /// Where the original says the replication should lie.
    pub predicted: Option<Limits>,
    /// What the replication found.
    pub found: f64,
    /// Whether that lies there.
    pub is_predicted: Option<bool>,
    /// The logarithm of the replication Bayes factor: below 0 it speaks for the original's effect, above 0 for none.
    pub log_bayes_factor: f64,
}

/// Holds every other effect on the metric of an effect against it.
pub(super) fn replications(original: &Vote, metric: &str, others: &[Vote], level: f64) -> Vec<Replication> {
    let pair = |other: &Vote| {
        // A negative original is turned, so that "as the original says" is above 0.
        let sign = if original.estimate < 0.0 { -1.0 } else { 1.0 };
        let pair = ReplicationPair::new(
            sign * original.estimate,
            original.standard_error,
            sign * other.estimate,
            other.standard_error,
        );
        let pair = pair.ok()?;
        let predicted = pair.prediction_interval(level).ok().map(|interval| {
            let ends = [sign * interval.low, sign * interval.high];
            Limits::between(ends[0].min(ends[1]), ends[0].max(ends[1]))
        });
        Some(Replication {
            metric: metric.to_owned(),
            original: original.organisation.clone(),
            replication: other.organisation.clone(),
            sceptical_p_value: pair.sceptical_p_value(Recalibration::Golden).ok(),
            difference_p_value: pair.q_p_value().ok(),
            is_predicted: predicted.map(|limits| limits.low <= other.estimate && other.estimate <= limits.high),
            predicted,
            found: other.estimate,
            log_bayes_factor: pair.log_bayes_factor(),
        })
    };
    others.iter().filter(|other| other.organisation != original.organisation).filter_map(pair).collect()
}
