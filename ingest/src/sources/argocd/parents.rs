//! Applications that deploy applications.

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
