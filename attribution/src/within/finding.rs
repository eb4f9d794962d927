//! A finding: what one change of working did to the four metrics of the criterion, and what may be concluded from it.

use std::collections::{BTreeMap, BTreeSet};

use derive::windows::Window;
use derive::{Observations, definitions};
use lake::{Instant, canonical};
use serde::Serialize;
use stats::{Adjust, RatioKind};

use super::adoption::{Adoption, practices};
use super::analysis::{self, Main};
use super::baseline::BaselineCheck;
use super::checks;
use super::design::Design;
use super::effect::{EffectError, MetricEffect, value};
use super::history::{History, Measure, WeekCell};
use super::series;
use super::specification::{specifications, with_main};
use super::terms::{Terms, TermsError};
use crate::comparison::AtMargin;
use crate::criterion::{Bounds, CRITERION, Class, Scale, Verdict, judge};
use crate::{DesignGrade, Limits};

/// Margins, as ratios, at which every metric is judged beside that of the terms.
const RATIOS: [f64; 3] = [1.10, 1.25, 1.50];
/// The same for shares, as differences.
const DIFFERENCES: [f64; 3] = [0.03, 0.05, 0.10];

/// Above this share of times that are cut on a side nothing is said of them, and above the smaller one it is told.
const MOST_CUT: f64 = 0.5;
const TOLD_CUT: f64 = 0.1;

/// Why there is no finding at all.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FindError {
    /// A term cannot be used.
    #[error(transparent)]
    Terms(#[from] TermsError),
    /// Nothing of that name is on record.
    #[error("no change of working is called `{practice}`; on record: {known}")]
    NoPractice {
        /// What was asked for.
        practice: String,
        /// What there is.
        known: String,
    },
    /// An attribute that the terms consider is known of no service.
    #[error("no service has an attribute `{attribute}`; on record: {known}")]
    NoAttribute {
        /// What was asked for.
        attribute: String,
        /// What there is.
        known: String,
    },
    /// A service that the terms name is not there.
    #[error("no rollout of a service `{service}` is known; services: {known}")]
    NoService {
        /// What was asked for.
        service: String,
        /// What there is.
        known: String,
    },
}

/// What one change of working did, as far as these data can tell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What was taken up.
    pub practice: String,
    /// In which versions.
    pub versions: Vec<String>,
    /// What was asked, in full.
    pub terms: Terms,
    /// The digest of practice and terms.
    pub terms_digest: String,
    /// The digest of what was asked, of what, and over which weeks: no two different comparisons have one.
    pub comparison_id: String,
    /// What a baseline says of it; `None` for an exploratory comparison.
    pub baseline: Option<BaselineCheck>,
    /// The lake version that was read.
    pub lake_version: u64,
    /// The digest of the input tables.
    pub input_digest: String,
    /// Until when the data were looked at, in microseconds since 1970.
    pub as_of: i64,
    /// The period, in microseconds since 1970, its end excluded.
    pub period: [i64; 2],
    /// Who is compared with whom.
    pub design: Design,
    /// What the design can carry.
    pub grade: DesignGrade,
    /// The metrics of the criterion, in its order.
    pub metrics: Vec<MetricOutcome>,
    /// What the four together say, before the design is looked at.
    pub by_the_numbers: Verdict,
    /// What may be said.
    pub verdict: Verdict,
    /// Why the verdict is not what the numbers alone would say.
    pub held_back: Option<String>,
    /// What the verdict would be at other margins for ratios, before the design is looked at.
    pub at_ratios: Vec<(f64, Verdict)>,
    /// What a reader has to know.
    pub remarks: Vec<String>,
}

/// What was found about one metric, or why nothing.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum MetricOutcome {
    /// Something.
    Found(Box<MetricEffect>),
    /// Too little.
    Insufficient {
        /// The metric.
        metric: String,
        /// Why.
        insufficient: String,
    },
}

impl MetricOutcome {
    /// The metric.
    #[must_use]
    pub fn metric(&self) -> &str {
        match self {
            Self::Found(effect) => &effect.metric,
            Self::Insufficient { metric, .. } => metric,
        }
    }

    /// The effect, if there is one.
    #[must_use]
    pub fn found(&self) -> Option<&MetricEffect> {
        match self {
            Self::Found(effect) => Some(effect),
            Self::Insufficient { .. } => None,
        }
    }
}

impl Finding {
    /// When the first service began.
    #[must_use]
    pub fn began(&self) -> Option<Instant> {
        self.design.cohorts.iter().map(|cohort| cohort.date).min()
    }

    /// The period.
    #[must_use]
    pub fn period(&self) -> Window {
        Window { start: Instant(self.period[0]), end: Instant(self.period[1]) }
    }
}

/// Finds what a change of working did.
///
/// # Model
/// Each service is compared with itself before, and its change with that of services that had not begun
/// ([`stats::change_contrast`]); where there are too few services on a side for an error between them, one series is
/// followed over its date ([`stats::InterruptedSeries`]).
///
/// # Errors
/// [`FindError`] where the terms cannot be used or name what is not on record. Too little data is no error: the finding
/// says so, metric by metric.
pub fn find(observations: &Observations, practice: &str, terms: &Terms) -> Result<Finding, FindError> {
    terms.check()?;
    let listed = |names: Vec<&str>| {
        if names.is_empty() { "none".to_owned() } else { format!("`{}`", names.join("`, `")) }
    };
    let known = practices(&observations.interventions);
    if !known.contains(practice) {
        let known = listed(known.iter().map(String::as_str).collect());
        return Err(FindError::NoPractice { practice: practice.to_owned(), known });
    }
    if let Some(service) = terms.services.iter().find(|name| !observations.services.contains_key(*name)) {
        let known = listed(observations.services.keys().map(String::as_str).collect());
        return Err(FindError::NoService { service: service.clone(), known });
    }
    if let Some(attribute) =
        terms.covariates.iter().find(|name| !observations.attributes.iter().any(|row| row.attribute == **name))
    {
        let known: BTreeSet<&str> = observations.attributes.iter().map(|row| row.attribute.as_str()).collect();
        let known = listed(known.into_iter().collect());
        return Err(FindError::NoAttribute { attribute: attribute.clone(), known });
    }
    let is_asked = |service: &&String| terms.services.is_empty() || terms.services.contains(service);
    let asked: Vec<&String> = observations.services.keys().filter(is_asked).collect();
    let adoption = Adoption::of(practice, &observations.interventions, &asked.iter().copied());
    let mut asking = Asking { observations, adoption: &adoption, terms, design: None };
    let outcomes: Vec<(MetricOutcome, Option<usize>)> = CRITERION.iter().map(|metric| asking.metric(metric)).collect();
    let design = asking.design.take().unwrap_or_else(|| Design::of(&empty(), &adoption, terms));
    let points = outcomes.iter().filter_map(|(_, points)| *points).min().unwrap_or(0);
    let grade = design.grade(terms.randomised, points);
    let mut metrics: Vec<MetricOutcome> = outcomes.into_iter().map(|(outcome, _)| outcome).collect();
    adjust(&mut metrics);
    let by_the_numbers = verdict(&metrics, terms.alpha, None);
    let held_back = held_back(grade, &metrics, terms.alpha, by_the_numbers);
    Ok(Finding {
        practice: practice.to_owned(),
        versions: adoption.versions.iter().cloned().collect(),
        terms: terms.clone(),
        terms_digest: terms.digest(practice),
        comparison_id: comparison_id(observations, practice, terms),
        baseline: None,
        lake_version: observations.lake_version,
        input_digest: observations.input_digest.clone(),
        as_of: observations.as_of.0,
        period: [observations.period.start.0, observations.period.end.0],
        grade,
        verdict: if held_back.is_some() { Verdict::Inconclusive } else { by_the_numbers },
        by_the_numbers,
        held_back,
        at_ratios: RATIOS.iter().map(|ratio| (*ratio, verdict(&metrics, terms.alpha, Some(ratio.ln())))).collect(),
        remarks: remarks(&design, &adoption, observations, terms, &metrics),
        design,
        metrics,
    })
}

fn comparison_id(observations: &Observations, practice: &str, terms: &Terms) -> String {
    let weeks: Vec<i64> = observations
        .services
        .values()
        .next()
        .map(|seen| seen.weeks.iter().map(|week| week.window.start.0).collect())
        .unwrap_or_default();
    // What the configuration tells of or finds is in no input table.
    let mut practised: Vec<_> = observations
        .interventions
        .iter()
        .map(|row| (&row.practice, &row.service, &row.practice_version, row.started_at.0, row.ended_at.map(|at| at.0)))
        .collect();
    practised.sort_unstable();
    let asked = serde_json::json!({
        "interventions": practised,
        "terms": terms.digest(practice),
        "input": observations.input_digest,
        "as_of": observations.as_of.0,
        "mature_until": observations.mature_until.0,
        "period": [observations.period.start.0, observations.period.end.0],
        "weeks": weeks,
    });
    canonical::sha256(asked.to_string().as_bytes())
}

fn empty() -> History {
    History { metric: String::new(), measure: Measure::Rate, weeks: vec![], mature: 0, services: vec![] }
}

/// What is asked of every metric.
struct Asking<'a> {
    observations: &'a Observations,
    adoption: &'a Adoption,
    terms: &'a Terms,
    design: Option<Design>,
}

impl Asking<'_> {
    /// What is found about a metric, and how many points a series of it would have on its shorter side.
    fn metric(&mut self, metric: &str) -> (MetricOutcome, Option<usize>) {
        let insufficient = |told: String| MetricOutcome::Insufficient { metric: metric.to_owned(), insufficient: told };
        let Some(history) = History::of(metric, self.observations, self.terms) else {
            return (insufficient("it cannot be compared".to_owned()), None);
        };
        if !self.terms.metrics.is_empty() && !self.terms.metrics.iter().any(|name| name == metric) {
            return (insufficient("the terms do not ask for it".to_owned()), None);
        }
        let design = Design::of(&history, self.adoption, self.terms);
        let points = series::points_each_side(&history, &design);
        let found = self.effect(&history, &design);
        self.design.get_or_insert(design);
        let outcome = match found {
            Ok(effect) => MetricOutcome::Found(Box::new(effect)),
            Err(EffectError::Insufficient(told)) => insufficient(told),
        };
        (outcome, Some(points))
    }

    fn effect(&self, history: &History, design: &Design) -> Result<MetricEffect, EffectError> {
        let main = analysis::main(history, design)?;
        let mut effect = self.assembled(history, design, &main)?;
        effect.placebo = main.placebo(history, design, self.terms);
        match main.series {
            Some(found) => (effect.series, effect.series_check) = (Some(found.view), Some(found.check)),
            None => self.beside_services(history, design, &mut effect),
        }
        effect.rows = main.rows;
        Ok(effect)
    }

    /// What is shown beside an effect by services.
    fn beside_services(&self, history: &History, design: &Design, effect: &mut MetricEffect) {
        let margin = self.terms.margins().of(Scale::of(&history.metric));
        effect.placebo_services = checks::placebo_services(history, design, self.terms);
        effect.permutation_p = checks::permutation(history.measure, history, design, self.terms);
        (effect.event_study, effect.leads) = checks::event_study(history, design, self.terms.alpha);
        effect.left_out = checks::left_out(history, design, margin, self.terms.alpha);
        effect.series = series::series(history, design).ok().map(|series| series.view);
    }

    /// What every way of estimating has in common.
    fn assembled(&self, history: &History, design: &Design, main: &Main) -> Result<MetricEffect, EffectError> {
        let (terms, wald) = (self.terms, main.effect);
        let unusable = |error: stats::WaldError| EffectError::Insufficient(error.to_string());
        let scale = Scale::of(&history.metric);
        let margin = terms.margins().of(scale);
        let interval = wald.interval(1.0 - terms.alpha).map_err(unusable)?;
        let harm = wald.interval(1.0 - terms.alpha / 4.0).map_err(unusable)?;
        let margins: Vec<f64> = match scale {
            Scale::LogRatio => RATIOS.iter().map(|ratio| ratio.ln()).collect(),
            Scale::Difference => DIFFERENCES.to_vec(),
        };
        let class_at = |margin: f64| Class::of(interval.low, interval.high, margin);
        // Half the width of the interval, and what power of four in five adds to it.
        let half = (interval.high - interval.low) / 2.0;
        let reach = half + wald.standard_error * power_quantile(wald.degrees_of_freedom);
        let totals = totals(history, design);
        if let Some(told) = cut_too_often(history.measure, &totals) {
            return Err(EffectError::Insufficient(told));
        }
        Ok(MetricEffect {
            definition: definitions()
                .iter()
                .find(|definition| definition.metric == history.metric)
                .map(|definition| definition.id.clone()),
            metric: history.metric.clone(),
            scale,
            effect: Limits::about(interval),
            standard_error: wald.standard_error,
            degrees_of_freedom: wald.degrees_of_freedom,
            harm_high: harm.high,
            p_value: wald.p_above(0.0).map_err(unusable)?,
            p_holm: None,
            p_two_sided: wald.p_two_sided().map_err(unusable)?,
            class: class_at(margin),
            margin,
            smallest_margin: (-interval.low).max(0.0),
            at_margins: margins.into_iter().map(|margin| AtMargin { margin, class: class_at(margin) }).collect(),
            detectable: reach,
            data_needed: (reach / margin) * (reach / margin),
            method: main.method,
            services: main.services,
            weak: main.weakness(),
            cut: totals.map(|arm| arm.map(|cell| cell.cut_share(history.measure))),
            values: totals.map(|arm| arm.map(|cell| value(history.measure, &cell))),
            events: totals.map(|arm| arm.map(|cell| cell.count)),
            rows: Vec::new(),
            permutation_p: None,
            placebo: None,
            placebo_services: None,
            leads: None,
            event_study: Vec::new(),
            left_out: None,
            e_value: e_value(scale, interval, totals),
            specifications: with_main(
                specifications(&history.metric, self.observations, self.adoption, terms),
                interval.estimate,
                [interval.low, interval.high],
            ),
            series: None,
            series_check: None,
        })
    }
}

/// Why times that are cut so often say nothing: which is the longer is then decided by where they are cut.
fn cut_too_often(measure: Measure, totals: &[[WeekCell; 2]; 2]) -> Option<String> {
    let shares = totals.iter().flatten().filter_map(|cell| cell.cut_share(measure));
    let most = shares.fold(0.0, f64::max);
    (most > MOST_CUT).then(|| {
        format!(
            "{:.0} % of the times on one side are cut at the length for which they are followed, and above {:.0} % how long the \
             rest takes says nothing of all",
            100.0 * most,
            100.0 * MOST_CUT
        )
    })
}

fn power_quantile(degrees_of_freedom: Option<f64>) -> f64 {
    let quantile = match degrees_of_freedom {
        Some(degrees) => stats::student_t_quantile(0.8, degrees),
        None => stats::normal_quantile(0.8),
    };
    quantile.unwrap_or(0.85)
}

/// Those that began and the others, before and after.
fn totals(history: &History, design: &Design) -> [[WeekCell; 2]; 2] {
    let arm = |is_treated: bool| {
        let places = design.cohorts.iter().flat_map(move |cohort| cohort.of(is_treated));
        places.fold([WeekCell::default(); 2], |[before, after], place| {
            let service = &history.services[place.service];
            [
                before.and(service.between(place.before.0, place.before.1)),
                after.and(service.between(place.after.0, place.after.1)),
            ]
        })
    };
    [arm(true), arm(false)]
}

/// How strong something unseen would have to be: of ratios as they are, of shares as the ratio that the difference makes of
/// the share before.
fn e_value(scale: Scale, interval: stats::Interval, totals: [[WeekCell; 2]; 2]) -> Option<[f64; 2]> {
    let ratios = match scale {
        Scale::LogRatio => [interval.low, interval.estimate, interval.high].map(libm::exp),
        Scale::Difference => {
            let before = totals[0][0].share().filter(|share| *share > 0.0)?;
            // Positive is better: so much less of the share is left.
            let ratio = |difference: f64| (before - difference) / before;
            // A difference that is more than there was before is of the others, and no ratio of this share.
            let ratios = [ratio(interval.high), ratio(interval.estimate), ratio(interval.low)];
            if ratios[1] <= 0.0 {
                return None;
            }
            ratios.map(|ratio| ratio.max(1e-6))
        }
    };
    let [low, estimate, high] = ratios;
    let found = stats::e_value(estimate, low, high, RatioKind::Risk).ok()?;
    Some([found.of_estimate, found.of_limit])
}

/// Adjusts the p-values against no improvement for so many metrics as there are.
fn adjust(metrics: &mut [MetricOutcome]) {
    let plain: Vec<f64> = metrics.iter().map(|one| one.found().map_or(1.0, |effect| effect.p_value)).collect();
    let Ok(adjusted) = stats::adjusted_p_values(&plain, Adjust::Holm) else { return };
    for (metric, p_holm) in metrics.iter_mut().zip(adjusted) {
        if let MetricOutcome::Found(effect) = metric {
            effect.p_holm = Some(p_holm);
        }
    }
}

/// What the four say, at the margins of the terms or at another one for ratios.
fn verdict(metrics: &[MetricOutcome], alpha: f64, ratio: Option<f64>) -> Verdict {
    let bounds = |one: &MetricOutcome| {
        let effect = one.found()?;
        let margin = match effect.scale {
            Scale::LogRatio => ratio.unwrap_or(effect.margin),
            Scale::Difference => effect.margin,
        };
        Some(Bounds {
            low: effect.effect.low,
            high: effect.effect.high,
            harm_high: effect.harm_high,
            p_value: effect.p_value,
            margin,
        })
    };
    let mut four = [None; 4];
    for (place, one) in four.iter_mut().zip(metrics) {
        *place = bounds(one);
    }
    judge(&four, alpha)
}

/// Why a design cannot carry what the numbers say. Harm that is seen by services beside others stays harm, whatever is behind
/// the rest.
fn held_back(grade: DesignGrade, metrics: &[MetricOutcome], alpha: f64, found: Verdict) -> Option<String> {
    let weak = |one: &MetricOutcome| one.found().and_then(|effect| effect.weak);
    let told = analysis::held_back(grade, metrics.iter().map(|one| (one.metric(), weak(one))));
    let by_services: Vec<MetricOutcome> = metrics
        .iter()
        .map(|one| {
            if weak(one).is_some() {
                MetricOutcome::Insufficient { metric: one.metric().to_owned(), insufficient: String::new() }
            } else {
                one.clone()
            }
        })
        .collect();
    let is_harm =
        !matches!(grade, DesignGrade::D | DesignGrade::E) && verdict(&by_services, alpha, None) == Verdict::Worsens;
    told.filter(|_| found.is_conclusive() && !is_harm)
}

fn remarks(
    design: &Design,
    adoption: &Adoption,
    observations: &Observations,
    terms: &Terms,
    metrics: &[MetricOutcome],
) -> Vec<String> {
    let mut remarks = Vec::new();
    if design.cohorts.is_empty() {
        remarks.push("no service of those that are looked at began within the weeks that were read".to_owned());
    }
    if let Some(late) = adoption.began.values().find(|began| **began >= observations.as_of) {
        remarks.push(format!("it begins at {late}, which is later than the data"));
    }
    for (service, reason) in &design.left_out {
        remarks.push(format!("`{service}` is left out: {reason}"));
    }
    for service in adoption.ended.keys().filter(|service| design.names(true).contains(service.as_str())) {
        remarks.push(format!("`{service}` gave it up again; only the weeks until then count"));
    }
    if terms.randomised {
        remarks.push("that chance decided who began is what the terms say; it cannot be seen in the data".to_owned());
    }
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for effect in metrics.iter().filter_map(MetricOutcome::found) {
        if effect.leads.is_some_and(|leads| leads.p_value < terms.alpha) {
            remarks
                .push(format!("`{}`: those that began had moved away from the others before they did", effect.metric));
        }
        // More often than promised, by more than chance explains.
        if effect.placebo.is_some_and(|placebo| placebo.rate[0] > terms.alpha) {
            let why = "finds something at dates at which nothing happened more often than promised";
            *reasons.entry(why).or_default() += 1;
        }
        if effect.placebo_services.is_some_and(|placebo| placebo.rate[0] > 2.0 * terms.alpha) {
            let why = "finds something in services to which nothing happened more often than promised";
            *reasons.entry(why).or_default() += 1;
        }
        let most = effect.cut.iter().flatten().flatten().copied().fold(0.0, f64::max);
        if most > TOLD_CUT {
            remarks.push(format!(
                "`{}`: up to {:.0} % of the times on a side are cut at the length for which they are followed; what is said \
                 holds of times cut there",
                effect.metric,
                100.0 * most
            ));
        }
    }
    remarks
        .extend(reasons.into_iter().map(|(reason, count)| format!("the analysis of {count} of the metrics {reason}")));
    remarks
}
