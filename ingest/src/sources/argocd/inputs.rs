//! Which records an application provides, and which a metric misses: with what was seen, and what would help.

use lake::tables::measurement_inputs;

use super::attempts::in_order;
use super::charts::{self, Finding, OF_FAILURES};
use super::place::Place;
use super::progress::{Memory, USUAL_LIMIT};
use super::rows::Setup;
use super::wire::Application;

/// Metrics that rest on successful syncs.
pub(super) const OF_SYNCS: &[&str] = &["deployment_frequency", "change_lead_time", "change_fail_rate", "deployment_rework_rate"];
/// The annotation with which an application asks for notifications, and the one in which they are noted.
const SUBSCRIBES: &str = "notifications.argoproj.io/subscribe.";
const NOTIFIED: &str = "notified.notifications.argoproj.io";

/// What is provided and what is missing. `before` is what was remembered of the application.
pub(super) fn inputs(
    setup: &Setup,
    application: &Application,
    place: &Place,
    unresolved: &[String],
    before: &Memory,
) -> Vec<measurement_inputs::Row> {
    let mut findings =
        vec![history(application, before), failures(setup, application), source_commit(application, unresolved), health(application)];
    findings.extend(application.spec.sources().iter().flat_map(charts::findings));
    let row = |finding: Finding| measurement_inputs::Row {
        component_id: place.application_id.clone(),
        service: place.service.clone(),
        environment: place.environment.clone(),
        input: finding.input.to_owned(),
        metrics: finding.metrics.iter().map(|metric| (*metric).to_owned()).collect(),
        is_provided: finding.is_provided,
        evidence: finding.evidence,
        remedy: finding.remedy,
        checked_at: application.status.reconciled_at,
    };
    findings.into_iter().map(row).collect()
}

/// Whether the history is long enough for what happens between two readings.
fn history(application: &Application, before: &Memory) -> Finding {
    let limit = application.spec.history_limit.unwrap_or(USUAL_LIMIT);
    let oldest = in_order(application).first().and_then(|oldest| oldest.id);
    let lost = before.last.zip(oldest).map_or(0, |((last, _), oldest)| (oldest - last - 1).max(0));
    let (is_provided, evidence) = if limit <= 0 {
        (false, "`revisionHistoryLimit` is 0: no sync is kept".to_owned())
    } else if lost > 0 {
        (false, format!("`revisionHistoryLimit` is {limit}, and {lost} syncs were trimmed since the last reading"))
    } else {
        (true, format!("`revisionHistoryLimit` is {limit}, and no sync was trimmed since the last reading"))
    };
    Finding {
        input: "deployments",
        metrics: OF_SYNCS,
        is_provided: Some(is_provided),
        evidence,
        remedy: (!is_provided).then(|| {
            "raise `revisionHistoryLimit`, read more often, or take notifications".to_owned()
        }),
    }
}

/// Whether failed syncs are told: they are in no history.
fn failures(setup: &Setup, application: &Application) -> Finding {
    let annotations = &application.metadata.annotations;
    let subscribes = annotations.keys().find(|key| {
        key.strip_prefix(SUBSCRIBES).is_some_and(|rest| rest.starts_with("on-sync-failed.") || rest.starts_with("doracle."))
    });
    let was_notified = annotations.get(NOTIFIED).is_some_and(|noted| noted.contains("on-sync-failed"));
    let is_followed = setup.config.follow_seconds > 0;
    let (is_provided, evidence) = match subscribes {
        _ if is_followed => (true, "changes are followed while it is read".to_owned()),
        Some(key) => (true, format!("annotation `{key}`")),
        None if was_notified => (true, format!("annotation `{NOTIFIED}` names `on-sync-failed`")),
        None => (false, "no annotation asks for `on-sync-failed`, and only the last operation is kept".to_owned()),
    };
    Finding {
        input: "failed_deployments",
        metrics: OF_FAILURES,
        is_provided: Some(is_provided),
        evidence,
        remedy: (!is_provided).then(|| {
            format!("annotate it with `{SUBSCRIBES}on-sync-failed.<service>`, or set `follow_seconds`")
        }),
    }
}

/// Whether its images lead to source commits.
fn source_commit(application: &Application, unresolved: &[String]) -> Finding {
    let has_images = !application.status.summary.images.is_empty();
    let (is_provided, evidence) = match unresolved {
        [] if has_images => (Some(true), "every image of our own has a source commit".to_owned()),
        [] => (None, "no image shows".to_owned()),
        images => (Some(false), format!("no source commit is known of `{}`", images.join("`, `"))),
    };
    Finding {
        input: "source_commit",
        metrics: &["change_lead_time"],
        is_provided,
        evidence,
        remedy: (is_provided == Some(false)).then(|| {
            "put the commit into the tag and name it with `images.tags`, annotate the application, or let the build write `images.file`".to_owned()
        }),
    }
}

/// Whether changes of health have a time.
fn health(application: &Application) -> Finding {
    let is_timed = application.status.health.changed_at.is_some();
    let is_known = !application.status.health.status.is_empty();
    Finding {
        input: "health_time",
        metrics: &["failed_deployment_recovery_time"],
        is_provided: is_known.then_some(is_timed),
        evidence: if is_timed {
            "`status.health.lastTransitionTime` is told".to_owned()
        } else {
            "`status.health.lastTransitionTime` is not told".to_owned()
        },
        remedy: (!is_timed).then(|| "use Argo CD 3.0 or later, or follow changes".to_owned()),
    }
}
