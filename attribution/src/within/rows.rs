//! A finding as rows of the lake.

use lake::tables::{effect_units, effects};
use lake::{Batch, Instant, TableRow, WriteMode};

use super::effect::MetricEffect;
use super::finding::{Finding, MetricOutcome};
use crate::criterion::{Class, Scale, Verdict};

impl Finding {
    /// The finding as a batch of the lake, written at `now`. Findings of other terms and of earlier data stay.
    #[must_use]
    pub fn batch(&self, now: Instant) -> Batch {
        let mut batch = Batch::new("compare", now);
        self.add_to(&mut batch);
        batch
    }

    /// Puts the finding into a batch of the lake.
    pub fn add_to(&self, batch: &mut Batch) {
        batch.write(effects::Row::table(), WriteMode::Upsert, effects::Row::batch(self.effects()));
        batch.write(effect_units::Row::table(), WriteMode::Upsert, effect_units::Row::batch(self.effect_units()));
    }

    /// One row a metric.
    #[must_use]
    pub fn effects(&self) -> Vec<effects::Row> {
        self.metrics.iter().map(|outcome| self.effect(outcome)).collect()
    }

    fn effect(&self, outcome: &MetricOutcome) -> effects::Row {
        let found = outcome.found();
        let method = match outcome {
            MetricOutcome::Found(effect) => effect.method.to_owned(),
            MetricOutcome::Insufficient { insufficient, .. } => insufficient.clone(),
        };
        effects::Row {
            comparison_id: self.comparison_id.clone(),
            practice: self.practice.clone(),
            metric: outcome.metric().to_owned(),
            definition: found.and_then(|effect| effect.definition.clone()),
            scale: Scale::of(outcome.metric()).name().to_owned(),
            estimate: found.and_then(|effect| effect.effect.estimate),
            ci_low: found.map(|effect| effect.effect.low),
            ci_high: found.map(|effect| effect.effect.high),
            ci_level: 1.0 - self.terms.alpha,
            standard_error: found.map(|effect| effect.standard_error),
            degrees_of_freedom: found.and_then(|effect| effect.degrees_of_freedom),
            p_two_sided: found.map(|effect| effect.p_two_sided),
            p_superior: found.map(|effect| effect.p_value),
            class: found.map(|effect| class(effect.class).to_owned()),
            margin: found.map(|effect| effect.margin),
            method,
            design_grade: self.grade.letter().to_string(),
            treated_count: count(found.map_or(0, |effect| effect.services[0])),
            others_count: count(found.map_or(0, |effect| effect.services[1])),
            verdict: verdict(self.verdict).to_owned(),
            baseline: self.baseline.as_ref().map(|baseline| baseline.name.clone()),
            terms_digest: self.terms_digest.clone(),
            lake_version: i64::try_from(self.lake_version).unwrap_or(i64::MAX),
            input_digest: self.input_digest.clone(),
            as_of_at: Instant(self.as_of),
        }
    }

    /// One row for each service beside each date, of every metric that was compared by services.
    #[must_use]
    pub fn effect_units(&self) -> Vec<effect_units::Row> {
        self.metrics.iter().filter_map(MetricOutcome::found).flat_map(|effect| self.units_of(effect)).collect()
    }

    fn units_of<'a>(&'a self, effect: &'a MetricEffect) -> impl Iterator<Item = effect_units::Row> + 'a {
        effect.rows.iter().map(|row| effect_units::Row {
            comparison_id: self.comparison_id.clone(),
            practice: self.practice.clone(),
            metric: effect.metric.clone(),
            service: row.service.clone(),
            cohort: count(row.cohort),
            is_treated: row.is_treated,
            before_days: row.days[0],
            after_days: row.days[1],
            before_count: i64::try_from(row.events[0]).unwrap_or(i64::MAX),
            after_count: i64::try_from(row.events[1]).unwrap_or(i64::MAX),
            before_value: row.values[0],
            after_value: row.values[1],
            change: row.change,
            weight: row.weight,
            terms_digest: self.terms_digest.clone(),
            input_digest: self.input_digest.clone(),
            as_of_at: Instant(self.as_of),
        })
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn class(class: Class) -> &'static str {
    match class {
        Class::Superior => "superior",
        Class::NonInferior => "non_inferior",
        Class::Inferior => "inferior",
        Class::Inconclusive => "inconclusive",
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Improves => "improves",
        Verdict::KeepsUp => "keeps_up",
        Verdict::Worsens => "worsens",
        Verdict::Inconclusive => "inconclusive",
        Verdict::InsufficientData => "insufficient_data",
        Verdict::Disputed => "disputed",
    }
}
