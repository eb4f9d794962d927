//! The one question that is asked by GraphQL. Its text is checked against the schema elsewhere.

use serde_json::{Value, json};

use super::clock::text;
use super::routes::Told;
use super::world::{Deployment, World};

pub(super) fn answer(world: &World, body: &[u8]) -> Told {
    let Ok(asked) = serde_json::from_slice::<Value>(body) else {
        return Told::error(400, "Problems parsing JSON");
    };
    let complaint = |kind: &str, message: &str| {
        Told::ok(json!({"data": null, "errors": [{"type": kind, "message": message, "path": ["repository"]}]}))
    };
    if !asked["query"].as_str().is_some_and(|query| query.contains("deployments(first: $first")) {
        return complaint("UNKNOWN", "this world answers one question only");
    }
    let variables = &asked["variables"];
    let full_name = format!(
        "{}/{}",
        variables["owner"].as_str().unwrap_or_default(),
        variables["name"].as_str().unwrap_or_default()
    );
    let Some(first) = variables["first"].as_u64().filter(|first| (1..=100).contains(first)) else {
        return complaint("EXCESSIVE_PAGINATION", "`first` is 1 to 100");
    };
    let Some(repo) = world.repos.iter().find(|repo| repo.full_name == full_name) else {
        return complaint("NOT_FOUND", "Could not resolve to a Repository");
    };
    let mut all: Vec<&Deployment> = repo.deployments.iter().collect();
    all.sort_by_key(|deployment| std::cmp::Reverse((deployment.created, deployment.id)));
    let start = match variables["after"].as_str() {
        Some(cursor) => all.iter().position(|deployment| format!("after {}", deployment.id) == cursor).map_or(0, |at| at + 1),
        None => 0,
    };
    let count = usize::try_from(first).unwrap_or(1);
    let page: Vec<&&Deployment> = all.iter().skip(start).take(count).collect();
    let end = page.last().map(|deployment| format!("after {}", deployment.id));
    let page_info = json!({"hasNextPage": start + count < all.len(), "endCursor": end});
    let nodes: Vec<Value> = page.into_iter().map(|deployment| node(deployment)).collect();
    Told::ok(json!({"data": {
        "repository": {"deployments": {"nodes": nodes, "pageInfo": page_info}},
        "rateLimit": {"cost": 1, "remaining": 4999, "resetAt": text(world.now + 3600)}}}))
}

fn node(deployment: &Deployment) -> Value {
    let environment = &deployment.environment;
    let status = |(state, at): &(String, i64)| {
        json!({"state": state.to_uppercase(), "environment": environment, "createdAt": text(*at)})
    };
    let statuses: Vec<Value> = deployment.statuses.iter().rev().map(status).collect();
    let creator = &deployment.creator;
    // A bot's login has no `[bot]` here.
    let login = creator.login.trim_end_matches("[bot]");
    json!({"databaseId": deployment.id, "commitOid": deployment.sha, "latestEnvironment": environment,
        "originalEnvironment": environment, "createdAt": text(deployment.created),
        "creator": {"__typename": if creator.is_bot { "Bot" } else { "User" }, "login": login},
        "statuses": {"nodes": statuses, "pageInfo": {"hasNextPage": false}}})
}
