//! From intervals to rows.

use lake::Instant;
use lake::tables::{alerts, incidents};

use super::intervals::{CLEAR, End, Interval, Pace};
use super::rules::Verdict;
use super::timeline::Identity;
use super::windows::{SECOND, in_seconds};

/// What an incident rests on that was made of an alert.
const EVIDENCE: &str = "alert";

/// The id of an alert of the server `name`: the digest of what identifies it.
pub(super) fn alert_id(name: &str, identity: &Identity) -> String {
    // Lengths keep `a=b` apart from whatever else has the same letters.
    let pairs = identity.iter().map(|(label, value)| format!("{}:{label}{}:{value}", label.len(), value.len()));
    let digest = lake::canonical::sha256(pairs.collect::<String>().as_bytes());
    let short: String = digest.chars().take(16).collect();
    format!("prometheus:{name}:{short}")
}

/// The identifying labels as `name=value`, sorted.
pub(super) fn labels(identity: &Identity) -> Vec<String> {
    identity.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

/// The interval as a row of `alerts`.
pub(super) fn alert(name: &str, identity: &Identity, verdict: &Verdict, interval: &Interval, pace: &Pace) -> alerts::Row {
    let (ended_at, end_error) = match interval.end {
        End::Over { error } | End::Unseen { error } => (Some(interval.held), Some(in_seconds(error))),
        End::Firing | End::Unknown => (None, None),
    };
    let end_basis = match interval.end {
        End::Firing => "firing",
        End::Unknown | End::Unseen { .. } => "uncertain",
        End::Over { .. } if interval.has_hole => "uncertain",
        End::Over { .. } => "resolved",
    };
    alerts::Row {
        alert_id: alert_id(name, identity),
        name: identity.get("alertname").cloned().unwrap_or_default(),
        service: verdict.service.clone(),
        environment: verdict.environment.clone(),
        severity: verdict.severity.clone(),
        labels: labels(identity),
        pending_at: interval.pending_at,
        started_at: interval.start,
        ended_at,
        // Where nothing bounds it, it lies at least after 1970.
        start_error_seconds: in_seconds(interval.start_error.unwrap_or(interval.start.0)),
        end_error_seconds: end_error,
        end_basis: end_basis.to_owned(),
        witness: interval.witness.word().to_owned(),
        merged_count: interval.firing_count,
        // By the times of the evaluations that show it: the last, and for an end those that did not come.
        updated_at: Some(Instant(interval.last.0 + if ended_at.is_some() { pace.patience() } else { 0 })),
    }
}

/// The interval as an incident, if a rule makes it one and it lasted long enough. It is resolved once the alert was clear
/// for ten minutes, as of the moment from which it was. When service was restored by other means is not for an alert to
/// say, so `mitigated_at` stays empty and a remedy that derivation finds goes first, as DEFINITIONS want it.
pub(super) fn incident(
    name: &str,
    identity: &Identity,
    verdict: &Verdict,
    interval: &Interval,
    pace: &Pace,
    until: Instant,
) -> Option<incidents::Row> {
    let minimum = i64::from(verdict.incident_after_seconds?) * SECOND;
    if interval.last.0 - interval.start.0 < minimum {
        return None;
    }
    let clear = CLEAR.max(pace.flapping);
    let is_over = matches!(interval.end, End::Over { .. } | End::Unseen { .. });
    let resolved_at = (is_over && until.0 - interval.last.0 >= clear).then_some(interval.held);
    Some(incidents::Row {
        incident_id: incident_id(&alert_id(name, identity), interval.start),
        service: verdict.service.clone(),
        environment: verdict.environment.clone(),
        title: identity.get("alertname").cloned(),
        severity: verdict.severity.clone(),
        opened_at: interval.start,
        impact_started_at: Some(interval.pending_at.map_or(interval.start, |at| at.min(interval.start))),
        mitigated_at: None,
        resolved_at,
        cause: "unknown".to_owned(),
        cause_deployment_id: None,
        remedy_deployment_id: None,
        reopens_incident_id: None,
        evidence: EVIDENCE.to_owned(),
        updated_at: Some(Instant(interval.last.0 + if resolved_at.is_some() { clear } else { 0 })),
    })
}

/// The id of the incident that an interval is.
pub(super) fn incident_id(alert_id: &str, start: Instant) -> String {
    format!("{alert_id}@{start}")
}
