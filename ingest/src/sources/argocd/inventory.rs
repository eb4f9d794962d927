//! What ran where, and since when: sources by the history, images by what was last seen running.

use std::collections::BTreeMap;

use lake::{Instant, tables::inventory};

use super::attempts::in_order;
use super::image::Image;
use super::parts::{self, Parts, is_commit};
use super::place::Place;
use super::wire::{Application, History, Source};

/// The inventory that an application tells of. Each sync gives a row for each of its sources, whether that changed or
/// not: which rows there are then does not depend on how much of the history is still there.
pub(super) fn inventory(application: &Application, place: &Place, parts: &Parts) -> Vec<inventory::Row> {
    let history = in_order(application);
    let seen_at = application.status.reconciled_at;
    let mut rows = Vec::new();
    for (at, entry) in history.iter().enumerate() {
        let Some(since_at) = entry.deployed_at else { continue };
        // A sync is in force until the next one is.
        let until = history.get(at + 1).map_or(seen_at.max(Some(since_at)), |next| next.deployed_at);
        let row = |kind: &str, name: String, version: &str, digest: Option<String>| inventory::Row {
            application_id: place.application_id.clone(),
            service: place.service.clone(),
            environment: place.environment.clone(),
            target: place.target.clone(),
            namespace: Some(application.spec.destination.namespace.clone()).filter(|name| !name.is_empty()),
            kind: kind.to_owned(),
            name,
            version: version.to_owned(),
            digest,
            since_at,
            since_basis: "deployed".to_owned(),
            seen_at: until,
        };
        let sources = entry.asked.sources().iter().zip(entry.asked.revisions());
        for (source, revision) in sources.filter(|(_, revision)| !revision.is_empty()) {
            let (kind, name) = kind(source, revision, parts);
            rows.push(row(kind, name, revision, None));
        }
        let is_last = at + 1 == history.len();
        let images = if is_last { images_of_last(application, entry, since_at) } else { images_asked(entry) };
        for image in images {
            if let Some(version) = image.version() {
                rows.push(row("image", image.name.clone(), version, image.digest.clone()));
            }
        }
    }
    rows
}

fn kind(source: &Source, revision: &str, parts: &Parts) -> (&'static str, String) {
    if source.chart.is_empty() {
        let name = parts.repository(&source.repository_url).0;
        (if is_commit(revision) || !revision.contains(':') { "git" } else { "image" }, name)
    } else {
        ("chart", source.chart.clone())
    }
}

/// The images that a sync named by itself.
fn images_asked(entry: &History) -> Vec<Image> {
    entry.asked.sources().iter().flat_map(parts::images).collect()
}

/// The images of the last sync: those it named, those its result names, else those that run now that nothing moves.
fn images_of_last(application: &Application, entry: &History, since_at: Instant) -> Vec<Image> {
    let mut by_name: BTreeMap<String, Image> = BTreeMap::new();
    for image in images_seen(application, since_at).into_iter().chain(images_asked(entry)) {
        by_name.insert(image.key(), image);
    }
    by_name.into_values().collect()
}

/// The images that the last sync put there, as far as the application shows them.
pub(super) fn images_seen(application: &Application, since_at: Instant) -> Vec<Image> {
    let status = &application.status;
    let last = status.operation.as_ref().filter(|operation| operation.finished_at == Some(since_at));
    let named: Vec<&String> = last
        .and_then(|operation| operation.result.as_ref())
        .map(|result| result.resources.iter().flat_map(|resource| &resource.images).collect())
        .unwrap_or_default();
    let is_running = status.operation.as_ref().is_some_and(|operation| operation.phase == "Running");
    let is_settled = status.health.status == "Healthy" && status.sync.status == "Synced" && !is_running;
    let texts = if named.is_empty() && is_settled { status.summary.images.iter().collect() } else { named };
    let mut images: Vec<Image> = texts.into_iter().filter_map(|text| Image::parse(text)).collect();
    images.sort();
    images.dedup();
    images
}
