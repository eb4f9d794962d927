//! Questions about nodes by id: pull requests and deployments. Their text is checked against the schema elsewhere.

use serde_json::{Value, json};

use super::clock::text;
use super::routes::Told;
use super::world::{Commit, Deployment, Event, Person, Pull, Repo, Review, World};

/// Kinds of a timeline, by the words of REST and of GraphQL.
const KINDS: [(&str, &str); 8] = [
    ("closed", "ClosedEvent"),
    ("commented", "IssueComment"),
    ("head_ref_force_pushed", "HeadRefForcePushedEvent"),
    ("labeled", "LabeledEvent"),
    ("merged", "MergedEvent"),
    ("ready_for_review", "ReadyForReviewEvent"),
    ("review_requested", "ReviewRequestedEvent"),
    ("unlabeled", "UnlabeledEvent"),
];

pub(super) fn answer(world: &World, body: &[u8]) -> Told {
    let Ok(asked) = serde_json::from_slice::<Value>(body) else {
        return Told::error(400, "Problems parsing JSON");
    };
    let (question, variables) = (asked["query"].as_str().unwrap_or_default(), &asked["variables"]);
    let Some(ids) = variables["ids"].as_array().filter(|ids| ids.len() <= 100) else {
        let complaint = json!({"type": "ARGUMENT_LIMIT", "message": "no more than 100 nodes may be asked for"});
        return Told::ok(json!({"data": null, "errors": [complaint]}));
    };
    let (mut nodes, mut errors) = (Vec::new(), Vec::new());
    for (place, id) in ids.iter().enumerate() {
        let found = world.repos.iter().find_map(|repo| node(repo, id.as_str()?, question, variables));
        if found.is_none() {
            let message = format!("Could not resolve to a node with the global id of '{id}'");
            errors.push(json!({"type": "NOT_FOUND", "path": ["nodes", place], "message": message}));
        }
        nodes.push(found.unwrap_or_default());
    }
    let mut answer = json!({"data": {"nodes": nodes,
        "rateLimit": {"cost": 1, "remaining": 4999, "resetAt": text(world.now + 3600), "nodeCount": 1}}});
    if !errors.is_empty() {
        answer["errors"] = Value::Array(errors);
    }
    Told::ok(answer)
}

fn node(repo: &Repo, id: &str, question: &str, variables: &Value) -> Option<Value> {
    if question.contains("... on PullRequest") {
        let pull = repo.pulls.iter().find(|pull| repo.pull_id(pull.number) == id)?;
        return Some(of_pull(repo, pull, question, variables));
    }
    let deployment = repo.deployments.iter().find(|deployment| format!("DE_{}", deployment.id) == id)?;
    Some(of_deployment(deployment))
}

/// The first page of a list, as long as the question says.
fn connection(question: &str, name: &str, all: Vec<Value>) -> Value {
    let size = question.split(&format!("{name}(first: ")).nth(1).unwrap_or_default();
    let size: String = size.chars().take_while(char::is_ascii_digit).collect();
    let size: usize = size.parse().unwrap_or(0);
    let has_next_page = all.len() > size;
    let nodes: Vec<Value> = all.into_iter().take(size).collect();
    json!({"nodes": nodes, "pageInfo": {"hasNextPage": has_next_page}})
}

fn of_pull(repo: &Repo, pull: &Pull, question: &str, variables: &Value) -> Value {
    let merged_as = pull.merged.and(pull.merge_commit.as_ref()).and_then(|sha| repo.commits.get(sha));
    let commits = pull.commits.iter().filter_map(|sha| repo.commits.get(sha));
    let commits = commits.map(|own| json!({"commit": commit(own, question)})).collect();
    let mut node = json!({"id": repo.pull_id(pull.number), "commits": connection(question, "commits", commits),
        "mergeCommit": merged_as.map(|merged_as| commit(merged_as, question))});
    if variables["reviews"] == true {
        let reviews = pull.reviews.iter().map(|each| review(pull, each)).collect();
        node["reviews"] = connection(question, "reviews", reviews);
    }
    if variables["timeline"] == true {
        let events = pull.timeline.iter().filter_map(event).collect();
        node["timelineItems"] = connection(question, "timelineItems", events);
    }
    node
}

/// With the offset of a summer's day in Berlin, which only GraphQL tells.
fn written(person: &Person, at: i64) -> Value {
    let at = text(at + 7200).replace('Z', "+02:00");
    let user = (!person.is_unlinked && !person.is_bot).then(|| json!({"login": person.login}));
    json!({"name": person.login, "email": person.email, "date": at, "user": user})
}

fn commit(commit: &Commit, question: &str) -> Value {
    let parents = commit.parents.iter().map(|sha| json!({"oid": sha})).collect();
    json!({"oid": commit.sha, "message": commit.message, "author": written(&commit.author, commit.authored),
        "committer": written(&commit.author, commit.committed), "parents": connection(question, "parents", parents)})
}

/// A bot's login has no `[bot]` here, and an account that is gone is nobody.
fn actor(person: &Person) -> Value {
    if person.login == "ghost" {
        return Value::Null;
    }
    let kind = if person.is_bot { "Bot" } else { "User" };
    json!({"__typename": kind, "login": person.login.trim_end_matches("[bot]")})
}

fn review(pull: &Pull, review: &Review) -> Value {
    let commit = pull.commits.last().filter(|_| !review.is_commit_gone).map(|sha| json!({"oid": sha}));
    json!({"fullDatabaseId": review.id.to_string(), "author": review.author.as_ref().map(actor), "state": review.state,
        "submittedAt": review.submitted.map(text), "commit": commit})
}

fn event(event: &Event) -> Option<Value> {
    let (_, kind) = KINDS.iter().find(|(word, _)| *word == event.kind)?;
    let mut node = json!({"__typename": kind, "createdAt": text(event.at), "actor": actor(&event.actor)});
    if let Some(name) = &event.label {
        node["label"] = json!({"name": name});
    }
    if event.kind == "merged" {
        node["commit"] = event.commit.as_ref().map_or(Value::Null, |sha| json!({"oid": sha}));
    }
    if let Some(reviewer) = &event.reviewer {
        node["requestedReviewer"] = actor(reviewer);
    }
    Some(node)
}

fn of_deployment(deployment: &Deployment) -> Value {
    let environment = &deployment.environment;
    let status = |(state, at): &(String, i64)| json!({"state": state.to_uppercase(), "environment": environment, "createdAt": text(*at)});
    let statuses: Vec<Value> = deployment.statuses.iter().rev().map(status).collect();
    json!({"id": format!("DE_{}", deployment.id), "statuses": connection("statuses(first: 50)", "statuses", statuses)})
}
