//! Alertmanager: a second witness that knows only the present, and the one who delivers.

mod deliveries;
pub(super) mod webhook;
pub(super) mod wire;

use lake::Instant;

use self::wire::Alert;
use super::timeline::{Identifying, Run, Timeline, Witness};

/// What an Alertmanager said is firing.
#[derive(Debug, Default)]
pub(super) struct FiringNow {
    pub(super) alerts: Vec<Alert>,
    /// The time there.
    pub(super) server_time: Option<Instant>,
    /// The hash of the page that says so.
    pub(super) page: Option<String>,
}

impl FiringNow {
    /// Adds what it says to what is known, as of `now`. An alert that is silenced or inhibited fires all the same.
    pub(super) fn see(&self, timeline: &mut Timeline, identifying: &Identifying, now: Instant) {
        for alert in &self.alerts {
            let (Some(labels), Some(first)) = (&alert.labels, alert.started_at()) else { continue };
            // `endsAt` lies in the future while it fires: it is when Alertmanager would give it up.
            let given_up = alert.ended_at().filter(|ends_at| *ends_at <= now);
            let run = Run { first, last: given_up.unwrap_or(now).max(first), active_at: None };
            let series = format!("alertmanager {}", alert.fingerprint.as_deref().unwrap_or_default());
            let track = timeline.see(identifying.identity(labels), &series, Witness::Alertmanager, [run], 0);
            track.page.clone_from(&self.page);
        }
    }
}
