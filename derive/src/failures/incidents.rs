//! Incidents that are opened again.

use std::collections::BTreeMap;

use lake::{Instant, tables::incidents};

/// Opened again within this long of its end, an incident was never over.
const SAME_MICROS: i64 = 3600 * Instant::MICROS;

/// The incidents, those that were opened again within an hour as one with what they continue. Opened again later, an
/// incident is a new one.
pub(crate) fn reopened(mut incidents: Vec<incidents::Row>) -> Vec<incidents::Row> {
    incidents.sort_by(|a, b| (a.opened_at, &a.incident_id, &a.service).cmp(&(b.opened_at, &b.incident_id, &b.service)));
    // The place of each record in what is kept: its own, or that of the incident which it continues.
    let mut places: BTreeMap<(String, Option<String>), usize> = BTreeMap::new();
    let mut kept: Vec<incidents::Row> = Vec::new();
    for incident in incidents {
        let earlier = incident.reopens_incident_id.clone().map(|id| (id, incident.service.clone()));
        let continued = earlier.and_then(|key| places.get(&key).copied()).filter(|place| {
            let ended_at = kept[*place].resolved_at;
            ended_at.is_some_and(|end| (0..=SAME_MICROS).contains(&(incident.opened_at.0 - end.0)))
        });
        let key = (incident.incident_id.clone(), incident.service.clone());
        places.insert(key, continued.unwrap_or(kept.len()));
        match continued {
            Some(place) => continue_with(&mut kept[place], incident),
            None => kept.push(incident),
        }
    }
    kept
}

/// Lets an incident go on. It is over when the later record is; what was mitigated before that was not for good.
fn continue_with(incident: &mut incidents::Row, later: incidents::Row) {
    incident.mitigated_at = later.mitigated_at;
    incident.resolved_at = later.resolved_at;
    incident.cause_deployment_id = incident.cause_deployment_id.take().or(later.cause_deployment_id);
    incident.remedy_deployment_id = later.remedy_deployment_id.or(incident.remedy_deployment_id.take());
    if incident.cause == "unknown" {
        incident.cause = later.cause;
    }
}

#[cfg(test)]
mod tests;
