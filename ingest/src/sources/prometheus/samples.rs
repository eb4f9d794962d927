//! From the points of a series to rows of `samples`.

use lake::tables::samples;

use super::config::Series;
use super::wire;
use super::windows::Window;

/// What is kept of an answer, and what is not.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Kept {
    pub(super) rows: Vec<samples::Row>,
    /// Native histograms, which have no single value.
    pub(super) histogram_count: usize,
    /// The labels of the series that had them.
    pub(super) histogram_series: Vec<String>,
}

/// The points within `window` as rows.
pub(super) fn rows(series: &Series, found: &[wire::Series], window: Window) -> Kept {
    let mut kept = Kept::default();
    for one in found {
        let labels_key = labels_key(&one.metric);
        if one.histogram_count() > 0 {
            kept.histogram_count += one.histogram_count();
            kept.histogram_series.push(labels_key.clone());
        }
        let (service, environment) = (&series.service, &series.environment);
        let service = service.as_ref().and_then(|naming| naming.of(&one.metric));
        let environment = environment.as_ref().and_then(|naming| naming.of(&one.metric));
        kept.rows.extend(one.points().filter_map(|point| {
            let sampled_at = point.at().filter(|at| window.holds(*at))?;
            Some(samples::Row {
                series: series.name.clone(),
                labels_key: labels_key.clone(),
                sampled_at,
                value: point.1.parse().ok().filter(|value: &f64| value.is_finite()),
                value_text: point.1.clone(),
                service: service.clone(),
                environment: environment.clone(),
            })
        }));
    }
    kept
}

/// The labels as `name=value` joined with commas, sorted. A comma or a backslash in a value has a backslash before it, so
/// that no two sets of labels have one key.
fn labels_key(labels: &wire::Labels) -> String {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace(',', "\\,");
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    pairs.join(",")
}
