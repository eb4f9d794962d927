//! From one application to rows of every table: pure.

use lake::tables::{deployments, health_transitions, image_revisions, inventory, measurement_inputs};
use lake::Instant;

use super::attempts::{attempts, entry_id, in_order};
use super::config::Config;
use super::details::Details;
use super::image::Image;
use super::inputs::inputs;
use super::parents::deploys_only_applications;
use super::parts::{self, Parts};
use super::place::{Place, Places};
use super::progress::Memory;
use super::resolve::Resolver;
use super::wire::Application;
use super::{health, inventory as seen, rollouts};
use crate::{Range, SourceError};

/// The settings, understood.
pub(super) struct Setup {
    pub(super) config: Config,
    pub(super) places: Places,
    pub(super) parts: Parts,
    pub(super) resolver: Resolver,
}

impl Setup {
    /// Understands the settings.
    ///
    /// # Errors
    /// [`SourceError`] where one of them cannot be.
    pub(super) fn new(config: &Config) -> Result<Self, SourceError> {
        Ok(Self {
            places: Places::new(config)?,
            parts: Parts::new(config)?,
            resolver: Resolver::new(config)?,
            config: config.clone(),
        })
    }

    /// The name of the stream.
    pub(super) fn stream(&self) -> String {
        format!("argocd:{}", self.config.name)
    }

    /// Where an application belongs.
    pub(super) fn place(&self, application: &Application) -> Place {
        self.places.of(application, deploys_only_applications(application))
    }
}

/// What one application gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rows {
    pub(super) deployments: Vec<deployments::Row>,
    pub(super) health: Vec<health_transitions::Row>,
    pub(super) inventory: Vec<inventory::Row>,
    pub(super) images: Vec<image_revisions::Row>,
    pub(super) inputs: Vec<measurement_inputs::Row>,
    /// Images of which no source commit is known.
    pub(super) unresolved: Vec<String>,
    /// Whether the last configuration commit names its source commit, so that no image has to.
    pub(super) is_referenced: bool,
    /// Syncs that a Rollout gave up.
    pub(super) given_up: Vec<(String, Instant)>,
}

impl Rows {
    /// The rows of an application; `before` is what was remembered of it.
    pub(super) fn of(
        setup: &Setup,
        application: &Application,
        place: &Place,
        details: &Details,
        before: &Memory,
    ) -> Self {
        let service = place.service.clone().filter(|_| !place.is_ignored);
        let inventory_place = Place { service, ..place.clone() };
        let inventory = seen::inventory(application, &inventory_place, &setup.parts);
        if place.is_ignored {
            return Self { inventory, ..Self::default() };
        }
        let mut deployments = attempts(application, place, &setup.parts);
        let given_up = rollouts::judge(&mut deployments, application, place, &details.rollouts, &before.given_up);
        let (deployed, earlier) = images(application);
        let mut images = setup.resolver.rows(application, &setup.parts, &deployed, &earlier);
        let is_referenced = is_referenced(application, place, &deployments, details).unwrap_or(before.is_referenced);
        let unresolved = if is_referenced { Vec::new() } else { unresolved(&images, &deployed) };
        images.extend(details.references.iter().cloned());
        Self {
            deployments,
            health: health::transition(application, place, before.health.as_ref()).into_iter().collect(),
            inventory,
            images,
            inputs: inputs(setup, application, place, &unresolved, before),
            unresolved,
            is_referenced,
            given_up,
        }
    }

    /// Without what lies outside of a range.
    pub(super) fn within(mut self, range: Range) -> Self {
        let holds = |at: Option<Instant>| {
            at.is_none_or(|at| {
                range.since.is_none_or(|since| at >= since) && range.until.is_none_or(|until| at < until)
            })
        };
        self.deployments.retain(|row| holds(row.finished_at.or(row.started_at)));
        self.health.retain(|row| holds(Some(row.occurred_at)));
        self.inventory.retain(|row| holds(Some(row.since_at)));
        self.inputs.retain(|row| holds(row.checked_at));
        self
    }
}

/// The images of the last sync, and those that earlier syncs named by themselves.
fn images(application: &Application) -> (Vec<Image>, Vec<Image>) {
    let history = in_order(application);
    let Some((last, earlier)) = history.split_last() else { return (Vec::new(), Vec::new()) };
    let named = |entries: &[&super::wire::History]| -> Vec<Image> {
        entries.iter().flat_map(|entry| entry.asked.sources()).flat_map(parts::images).collect()
    };
    let mut deployed = named(&[last]);
    deployed.extend(last.deployed_at.map(|at| seen::images_seen(application, at)).unwrap_or_default());
    let mut earlier = named(earlier);
    for images in [&mut deployed, &mut earlier] {
        images.sort();
        images.dedup();
    }
    (deployed, earlier)
}

/// Whether a configuration commit of the last sync names its source commit; none where that was not asked this time.
fn is_referenced(
    application: &Application,
    place: &Place,
    deployments: &[deployments::Row],
    details: &Details,
) -> Option<bool> {
    details.referenced?;
    let newest = newest_deployment(application, place)?;
    let newest = deployments.iter().find(|row| row.deployment_id == newest)?;
    Some(details.references.iter().any(|row| newest.revisions.contains(&row.image)))
}

/// Those of the deployed images that no row resolves.
fn unresolved(rows: &[image_revisions::Row], deployed: &[Image]) -> Vec<String> {
    let keys = deployed.iter().map(Image::key);
    keys.filter(|key| {
        let mut own = rows.iter().filter(|row| row.image == *key).peekable();
        own.peek().is_some() && own.all(|row| row.commit_sha.is_none())
    })
    .collect()
}

/// The deployment that the newest entry of the history is.
pub(super) fn newest_deployment(application: &Application, place: &Place) -> Option<String> {
    let history = in_order(application);
    let newest = history.last()?;
    let shares_its_start =
        newest.started_at.is_some() && history.iter().filter(|entry| entry.started_at == newest.started_at).count() > 1;
    entry_id(place, newest, shares_its_start)
}
