//! What stands around applications: the `ApplicationSets` that make them, and projects that were asked for and show none.

use std::collections::{BTreeMap, BTreeSet};

use lake::Instant;
use lake::tables::measurement_inputs;
use serde_json::Value;

use super::inputs::OF_SYNCS;
use super::parents::application_set;
use super::place::Place;
use super::rows::Setup;
use super::wire::{Application, ApplicationSet};

/// Most characters of what an `ApplicationSet` says of itself.
const MESSAGE_LENGTH: usize = 200;
/// Generators that make an application for each cluster,
const OF_CLUSTERS: [&str; 2] = ["clusterDecisionResource", "clusters"];
/// and the one that makes an application for each pull request.
const OF_PREVIEWS: &str = "pullRequest";

/// What is known of the applications of a reading, as far as it matters for what stands around them.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The applications of each `ApplicationSet`, by its namespace and name, and by their ids.
    made: BTreeMap<(String, String), BTreeMap<String, Place>>,
    /// The projects that hold any.
    projects: BTreeSet<String>,
}

impl Seen {
    /// What the applications of a list show.
    pub(super) fn of<'a>(applications: impl Iterator<Item = (&'a Place, &'a Application)>) -> Self {
        let mut seen = Self::default();
        for (place, application) in applications {
            seen.projects.insert(application.spec.project.clone());
            if let Some(name) = application_set(application) {
                let key = (application.metadata.namespace.clone(), name.to_owned());
                seen.made.entry(key).or_default().insert(place.application_id.clone(), place.clone());
            }
        }
        seen
    }

    /// Whether any application was made by an `ApplicationSet`.
    pub(super) fn has_made(&self) -> bool {
        !self.made.is_empty()
    }

    /// The projects that were asked for and hold no application that may be seen.
    pub(super) fn empty<'c>(&self, asked: &'c [String]) -> Vec<&'c str> {
        asked.iter().filter(|project| !self.projects.contains(*project)).map(String::as_str).collect()
    }

    /// What an `ApplicationSet` provides: one whose applications were not seen is none of ours.
    pub(super) fn application_set(
        &self,
        setup: &Setup,
        set: &ApplicationSet,
        at: Instant,
    ) -> Vec<measurement_inputs::Row> {
        let key = (set.metadata.namespace.clone(), set.metadata.name.clone());
        let Some(made) = self.made.get(&key) else { return Vec::new() };
        let generators = generators(&set.spec.generators);
        let row = |input: &str, is_provided: bool, evidence: String, remedy: &str| measurement_inputs::Row {
            component_id: format!(
                "argocd:{}/{}/applicationset/{}/{}",
                setup.config.name, set.metadata.namespace, set.metadata.name, set.metadata.uid
            ),
            service: the_one(made.values().filter_map(|place| place.service.as_ref())),
            environment: the_one(made.values().filter_map(|place| place.environment.as_ref())),
            input: input.to_owned(),
            metrics: OF_SYNCS.iter().map(|metric| (*metric).to_owned()).collect(),
            is_provided: Some(is_provided),
            evidence,
            remedy: (!is_provided).then(|| remedy.to_owned()),
            checked_at: Some(at),
        };
        let mut rows = vec![match complaint(set) {
            Some(complaint) => {
                let remedy = "mend it: until then its applications do not follow what is asked for";
                row(
                    "deployments",
                    false,
                    format!("{}; it says: {complaint}", told(set, &generators, made.len())),
                    remedy,
                )
            }
            None => row("deployments", true, told(set, &generators, made.len()), ""),
        }];
        if OF_CLUSTERS.iter().any(|generator| generators.contains(*generator)) {
            let services: BTreeSet<&String> =
                made.values().filter(|place| !place.is_ignored).filter_map(|place| place.service.as_ref()).collect();
            let remedy = "name their service by a rule on `application_set`: then they are targets of one rollout";
            let evidence =
                format!("it makes an application for each cluster, and they are {} services", services.len());
            rows.push(row("targets", services.len() <= 1, evidence, remedy));
        }
        if generators.contains(OF_PREVIEWS) {
            let usual = setup.config.environment.as_ref();
            let counted = made
                .values()
                .filter(|place| !place.is_ignored && place.environment.is_some() && place.environment.as_ref() == usual)
                .count();
            let evidence = format!(
                "it makes previews of pull requests, and {counted} of them count in environment `{}`",
                usual.map_or("", String::as_str)
            );
            let remedy = "ignore them, or name their environment, by a rule on `application_set`";
            rows.push(row("environment", counted == 0, evidence, remedy));
        }
        rows
    }
}

/// What is said of a project that was asked for and shows no application; `known` are those that may be seen, where that
/// may be asked.
pub(super) fn empty_project(
    setup: &Setup,
    project: &str,
    known: Option<&BTreeSet<String>>,
    at: Instant,
) -> measurement_inputs::Row {
    let (evidence, remedy) = match known {
        Some(known) if known.contains(project) => {
            ("the project is there, and no application of it may be seen", "give the token `applications, get` in it")
        }
        Some(_) => ("no project of this name may be seen", "correct `projects`, or give the token `projects, get`"),
        None => (
            "no application of it may be seen, and the token may not ask whether there is such a project",
            "correct `projects`, or give the token `applications, get` and `projects, get`",
        ),
    };
    measurement_inputs::Row {
        component_id: format!("argocd:{}/project/{project}", setup.config.name),
        service: None,
        environment: None,
        input: "deployments".to_owned(),
        metrics: OF_SYNCS.iter().map(|metric| (*metric).to_owned()).collect(),
        is_provided: Some(false),
        evidence: evidence.to_owned(),
        remedy: Some(remedy.to_owned()),
        checked_at: Some(at),
    }
}

/// The kinds of generators, of those within others, too.
fn generators(generators: &[Value]) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    let mut waiting: Vec<&Value> = generators.iter().collect();
    while let Some(generator) = waiting.pop() {
        let fields = generator.as_object().into_iter().flatten();
        for (kind, content) in fields.filter(|(kind, content)| *kind != "selector" && !content.is_null()) {
            kinds.insert(kind.clone());
            waiting.extend(content.get("generators").and_then(Value::as_array).into_iter().flatten());
        }
    }
    kinds
}

/// What an `ApplicationSet` complains of.
fn complaint(set: &ApplicationSet) -> Option<String> {
    let condition = set.status.conditions.iter().find(|condition| condition.kind == "ErrorOccurred")?;
    let plain = condition.message.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    (condition.status == "True").then(|| plain.take(MESSAGE_LENGTH).collect())
}

/// What makes how many applications, and how they are synced.
fn told(set: &ApplicationSet, generators: &BTreeSet<String>, made: usize) -> String {
    let kinds: Vec<String> = generators.iter().map(|kind| format!("`{kind}`")).collect();
    let strategy = if set.spec.strategy.kind.is_empty() {
        String::new()
    } else {
        format!(", strategy `{}`", set.spec.strategy.kind)
    };
    format!("generators {}, {made} applications{strategy}", kinds.join(", "))
}

/// The one value there is, if it is one.
fn the_one<'a>(values: impl Iterator<Item = &'a String>) -> Option<String> {
    let values: BTreeSet<&String> = values.collect();
    let mut values = values.into_iter();
    let first = values.next()?;
    values.next().is_none().then(|| first.clone())
}
