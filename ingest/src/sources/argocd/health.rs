//! Changes of an application's health.

use lake::{Instant, tables::health_transitions};
use serde::{Deserialize, Serialize};

use super::place::Place;
use super::wire::Application;

/// The health that was last seen, kept between readings.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Seen {
    pub(super) health: String,
    /// When, by Argo CD's own clock.
    pub(super) at: Instant,
}

/// The health as it is seen now, where that says something.
pub(super) fn seen(application: &Application) -> Option<Seen> {
    let (health, at) = (&application.status.health.status, application.status.reconciled_at?);
    (!health.is_empty()).then(|| Seen { health: health.clone(), at })
}

/// The change that led to the health of now. Argo CD 3.0 and later tell when it was; before that, a change lies
/// between two looks, and what was there at the first look is none.
pub(super) fn transition(
    application: &Application,
    place: &Place,
    before: Option<&Seen>,
) -> Option<health_transitions::Row> {
    let health = &application.status.health;
    let before = before.filter(|before| before.health != health.status);
    if health.status.is_empty() {
        return None;
    }
    let (occurred_at, basis, not_before_at) = match (health.changed_at, before) {
        (Some(at), _) => (at, "reported", None),
        (None, Some(before)) => {
            let at = application.status.reconciled_at.filter(|at| *at > before.at)?;
            (at, "observed", Some(before.at))
        }
        (None, None) => return None,
    };
    Some(health_transitions::Row {
        application_id: place.application_id.clone(),
        service: place.service.clone(),
        environment: place.environment.clone(),
        target: place.target.clone(),
        health: health.status.clone(),
        // A change that was seen before cannot have led to this one.
        previous_health: before.filter(|before| before.at < occurred_at || basis == "observed").map(|before| before.health.clone()),
        occurred_at,
        time_basis: basis.to_owned(),
        not_before_at,
        message: health.message.clone().filter(|message| !message.is_empty()),
    })
}
