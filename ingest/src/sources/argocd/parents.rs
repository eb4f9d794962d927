//! Applications that deploy applications, and what an application was made by.

use super::wire::Application;

/// Whether an application deploys other applications and nothing that runs, as in "app of apps". What it deploys beside
/// them only prepares the ground: projects, namespaces, settings and secrets of any make.
pub(super) fn deploys_only_applications(application: &Application) -> bool {
    let resources = &application.status.resources;
    let is_application = |group: &str, kind: &str| {
        group == "argoproj.io" && matches!(kind, "Application" | "ApplicationSet")
    };
    let prepares = |kind: &str| {
        matches!(kind, "AppProject" | "Namespace" | "ConfigMap" | "SealedSecret" | "ExternalSecret") || kind.ends_with("Secret")
    };
    resources.iter().any(|resource| is_application(&resource.group, &resource.kind))
        && resources.iter().all(|resource| is_application(&resource.group, &resource.kind) || prepares(&resource.kind))
}

/// The `ApplicationSet` that made an application: its owner, else the label that progressive syncs go by.
pub(super) fn application_set(application: &Application) -> Option<&str> {
    let owner = application.metadata.owners.iter().find(|owner| owner.kind == "ApplicationSet");
    let label = || application.metadata.labels.get("argocd.argoproj.io/application-set-name");
    owner.map(|owner| &owner.name).or_else(label).map(String::as_str).filter(|name| !name.is_empty())
}

/// The application that deploys an application: by the annotation with which Argo CD tracks what it deploys, else by the
/// label, which names the application itself where nobody deploys it.
pub(super) fn parent(application: &Application) -> Option<&str> {
    let metadata = &application.metadata;
    let tracked = metadata.annotations.get("argocd.argoproj.io/tracking-id").and_then(|id| {
        let (parent, resource) = id.split_once(':')?;
        // An application outside of the namespace of Argo CD has that in front of its name.
        let name = parent.rsplit_once('_').map_or(parent, |(_, name)| name);
        resource.starts_with("argoproj.io/Application:").then_some(name)
    });
    let labelled = || metadata.labels.get("app.kubernetes.io/instance").map(String::as_str);
    tracked.or_else(labelled).filter(|name| !name.is_empty() && *name != metadata.name)
}
