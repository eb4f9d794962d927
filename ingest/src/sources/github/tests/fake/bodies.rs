//! What things look like: every field that the contract requires.

use serde_json::{Map, Value, json};

use super::clock::text;
use super::world::{Check, Commit, Deployment, Event, Issue, Person, Pull, Release, Repo, Review, Run, Tag};

const API: &str = "https://api.github.example";
const WEB: &str = "https://github.example";

fn number(name: &str) -> u64 {
    name.bytes().fold(7, |sum, byte| (sum * 31 + u64::from(byte)) % 1_000_003)
}

pub(super) fn account(person: &Person) -> Value {
    // Addresses have no brackets, and the logins of bots do.
    let name = person.login.replace('[', "%5B").replace(']', "%5D");
    let url = format!("{API}/users/{name}");
    let mut account = json!({"login": person.login, "id": number(&person.login), "node_id": format!("U_{}", person.login),
        "avatar_url": format!("{WEB}/{name}.png"), "gravatar_id": "", "url": url, "html_url": format!("{WEB}/{name}"),
        "type": if person.is_bot { "Bot" } else { "User" }, "site_admin": false});
    for name in [
        "followers",
        "following",
        "gists",
        "starred",
        "subscriptions",
        "organizations",
        "repos",
        "events",
        "received_events",
    ] {
        account[format!("{name}_url")] = json!(format!("{url}/{name}"));
    }
    account
}

fn maybe(person: Option<&Person>) -> Value {
    person.map_or(Value::Null, account)
}

pub(super) fn repository(repo: &Repo) -> Value {
    let name = repo.full_name.rsplit('/').next().unwrap_or_default();
    let url = format!("{API}/repos/{}", repo.full_name);
    let mut body = json!({"id": repo.id, "node_id": format!("R_{}", repo.id), "name": name, "full_name": repo.full_name,
        "owner": account(&repo.owner()), "private": true, "html_url": format!("{WEB}/{}", repo.full_name), "description": null,
        "fork": repo.is_fork, "url": url, "homepage": null, "language": "Rust", "default_branch": "main",
        "archived": repo.is_archived, "disabled": false, "has_issues": !repo.has_no_issues, "has_projects": false,
        "has_wiki": false, "has_pages": false, "has_discussions": false, "has_downloads": true, "license": null,
        "pushed_at": "2026-01-05T08:00:00Z", "created_at": "2020-01-01T00:00:00Z", "updated_at": "2026-01-05T08:00:00Z",
        "mirror_url": null, "git_url": format!("git://{}", repo.full_name), "ssh_url": format!("git@{}", repo.full_name),
        "clone_url": format!("{WEB}/{}.git", repo.full_name), "svn_url": format!("{WEB}/{}", repo.full_name)});
    for count in [
        "forks",
        "forks_count",
        "stargazers_count",
        "watchers",
        "watchers_count",
        "size",
        "open_issues",
        "open_issues_count",
        "subscribers_count",
        "network_count",
    ] {
        body[count] = json!(0);
    }
    for name in [
        "archive",
        "assignees",
        "blobs",
        "branches",
        "collaborators",
        "comments",
        "commits",
        "compare",
        "contents",
        "contributors",
        "deployments",
        "downloads",
        "events",
        "forks",
        "git_commits",
        "git_refs",
        "git_tags",
        "hooks",
        "issue_comment",
        "issue_events",
        "issues",
        "keys",
        "labels",
        "languages",
        "merges",
        "milestones",
        "notifications",
        "pulls",
        "releases",
        "stargazers",
        "statuses",
        "subscribers",
        "subscription",
        "tags",
        "teams",
        "trees",
    ] {
        body[format!("{name}_url")] = json!(format!("{url}/{name}"));
    }
    body
}

fn signature(person: &Person, at: i64) -> Value {
    json!({"name": person.login, "email": person.email, "date": text(at)})
}

fn verification() -> Value {
    json!({"verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null})
}

fn parents(repo: &Repo, commit: &Commit) -> Vec<Value> {
    let url = |sha: &str| format!("{API}/repos/{}/commits/{sha}", repo.full_name);
    commit.parents.iter().map(|sha| json!({"sha": sha, "url": url(sha), "html_url": url(sha)})).collect()
}

pub(super) fn commit(repo: &Repo, commit: &Commit) -> Value {
    let url = format!("{API}/repos/{}/commits/{}", repo.full_name, commit.sha);
    let linked = if commit.author.is_unlinked { Value::Null } else { account(&commit.author) };
    json!({"url": url, "sha": commit.sha, "node_id": format!("C_{}", commit.sha), "html_url": url,
        "comments_url": format!("{url}/comments"), "author": linked.clone(), "committer": linked,
        "parents": parents(repo, commit),
        "commit": {"url": url, "author": signature(&commit.author, commit.authored),
            "committer": signature(&commit.author, commit.committed), "message": commit.message, "comment_count": 0,
            "tree": {"sha": commit.sha, "url": url}, "verification": verification()}})
}

pub(super) fn git_commit(repo: &Repo, commit: &Commit) -> Value {
    let url = format!("{API}/repos/{}/git/commits/{}", repo.full_name, commit.sha);
    json!({"sha": commit.sha, "node_id": format!("C_{}", commit.sha), "url": url, "html_url": url,
        "author": signature(&commit.author, commit.authored), "committer": signature(&commit.author, commit.committed),
        "message": commit.message, "tree": {"sha": commit.sha, "url": url}, "parents": parents(repo, commit),
        "verification": verification()})
}

fn label(name: &str) -> Value {
    json!({"id": number(name), "node_id": format!("L_{name}"), "url": format!("{API}/labels/{name}"), "name": name,
        "description": "", "color": "d73a4a", "default": false})
}

/// The head's repository is gone, as of a fork that was deleted, where the contract does not allow it: as in reality, the
/// list has it null.
pub(super) fn pull(repo: &Repo, pull: &Pull) -> Value {
    let url = format!("{API}/repos/{}/pulls/{}", repo.full_name, pull.number);
    let head = pull.commits.last().cloned().unwrap_or_else(|| super::sha("nothing"));
    let base = repo.head.clone().unwrap_or_else(|| super::sha("nothing"));
    let side = |branch: &str, sha: String| {
        json!({"label": format!("acme:{branch}"), "ref": branch, "sha": sha, "repo": repository(repo),
            "user": maybe(pull.author.as_ref())})
    };
    let links = ["comments", "commits", "statuses", "html", "issue", "review_comments", "review_comment", "self"];
    let links: Map<String, Value> =
        links.into_iter().map(|name| (name.to_owned(), json!({"href": format!("{url}/{name}")}))).collect();
    let mut body = json!({"url": url, "id": 1000 + pull.number, "node_id": repo.pull_id(pull.number), "html_url": url,
        "diff_url": url, "patch_url": url, "issue_url": url, "number": pull.number,
        "state": if pull.closed.is_some() { "closed" } else { "open" }, "locked": false, "title": pull.title,
        "user": maybe(pull.author.as_ref()), "body": pull.body, "labels": pull.labels.iter().map(|name| label(name)).collect::<Vec<_>>(),
        "milestone": null, "created_at": text(pull.created), "updated_at": text(pull.updated),
        "closed_at": pull.closed.map(text), "merged_at": pull.merged.map(text), "merge_commit_sha": pull.merge_commit,
        "assignee": null, "assignees": [], "requested_reviewers": [], "requested_teams": [],
        "head": side("work", head), "base": side(&pull.base, base), "_links": links, "author_association": "MEMBER",
        "auto_merge": null, "draft": false});
    for name in ["commits", "review_comments", "review_comment", "comments", "statuses"] {
        body[format!("{name}_url")] = json!(format!("{url}/{name}"));
    }
    body
}

pub(super) fn review(repo: &Repo, number: u64, review: &Review) -> Value {
    let url = format!("{API}/repos/{}/pulls/{number}", repo.full_name);
    let commit = repo.pulls.iter().find(|pull| pull.number == number).and_then(|pull| pull.commits.last());
    let mut body = json!({"id": review.id, "node_id": format!("PRR_{}", review.id), "user": maybe(review.author.as_ref()),
        "body": "", "state": review.state, "html_url": url, "pull_request_url": url, "commit_id": commit,
        "_links": {"html": {"href": url}, "pull_request": {"href": url}}, "author_association": "MEMBER"});
    if let Some(at) = review.submitted {
        body["submitted_at"] = json!(text(at));
    }
    body
}

pub(super) fn event(repo: &Repo, event: &Event) -> Value {
    let url = format!("{API}/repos/{}/issues/events/{}", repo.full_name, event.id);
    let mut body = json!({"id": event.id, "node_id": format!("E_{}", event.id), "url": url,
        "actor": account(&event.actor), "event": event.kind, "commit_id": event.commit, "commit_url": null,
        "created_at": text(event.at), "performed_via_github_app": null});
    if let Some(name) = &event.label {
        body["label"] = json!({"name": name, "color": "d73a4a"});
    }
    if let Some(reviewer) = &event.reviewer {
        body["requested_reviewer"] = account(reviewer);
        body["review_requester"] = account(&event.actor);
    }
    body
}

pub(super) fn issue(repo: &Repo, issue: &Issue) -> Value {
    let url = format!("{API}/repos/{}/issues/{}", repo.full_name, issue.number);
    let author = Person { login: "ada".to_owned(), ..Person::default() };
    let mut body = json!({"id": 2000 + issue.number, "node_id": format!("I_{}", issue.number), "url": url,
        "repository_url": format!("{API}/repos/{}", repo.full_name), "labels_url": url, "comments_url": url,
        "events_url": url, "html_url": url, "number": issue.number,
        "state": if issue.closed.is_some() { "closed" } else { "open" }, "title": issue.title, "body": issue.body,
        "user": account(&author), "labels": issue.labels.iter().map(|name| label(name)).collect::<Vec<_>>(),
        "assignee": null, "milestone": null, "locked": false, "comments": 0, "closed_at": issue.closed.map(text),
        "created_at": text(issue.created), "updated_at": text(issue.updated)});
    if issue.is_pull {
        body["pull_request"] = json!({"url": url, "html_url": url, "diff_url": url, "patch_url": url});
    }
    body
}

pub(super) fn deployment(repo: &Repo, deployment: &Deployment) -> Value {
    let url = format!("{API}/repos/{}/deployments/{}", repo.full_name, deployment.id);
    let updated = deployment.statuses.iter().map(|status| status.1).max().unwrap_or(deployment.created);
    json!({"url": url, "id": deployment.id, "node_id": format!("DE_{}", deployment.id), "sha": deployment.sha,
        "ref": "main", "task": "deploy", "payload": {}, "original_environment": deployment.environment,
        "environment": deployment.environment, "description": null, "creator": account(&deployment.creator),
        "created_at": text(deployment.created), "updated_at": text(updated), "statuses_url": format!("{url}/statuses"),
        "repository_url": format!("{API}/repos/{}", repo.full_name), "transient_environment": false,
        "production_environment": deployment.is_production, "performed_via_github_app": null})
}

pub(super) fn status(repo: &Repo, deployment: &Deployment, place: usize) -> Value {
    let (state, at) = &deployment.statuses[place];
    let url = format!("{API}/repos/{}/deployments/{}", repo.full_name, deployment.id);
    let id = deployment.id * 100 + place as u64;
    json!({"url": format!("{url}/statuses/{id}"), "id": id, "node_id": format!("DS_{id}"), "state": state,
        "creator": account(&deployment.creator), "description": "", "environment": deployment.environment,
        "target_url": "", "created_at": text(*at), "updated_at": text(*at), "deployment_url": url,
        "repository_url": format!("{API}/repos/{}", repo.full_name), "environment_url": "", "log_url": ""})
}

/// An attempt of a run; the list shows the last one.
pub(super) fn run(repo: &Repo, run: &Run, attempt: usize) -> Value {
    let url = format!("{API}/repos/{}/actions/runs/{}", repo.full_name, run.id);
    let (started, ended, conclusion) = &run.attempts[attempt];
    let mut body = json!({"id": run.id, "name": run.name, "node_id": format!("WFR_{}", run.id), "head_branch": "main",
        "head_sha": run.sha, "path": ".github/workflows/ci.yml", "run_number": 1, "run_attempt": attempt + 1,
        "display_title": run.name, "event": "push", "status": if ended.is_some() { "completed" } else { "in_progress" },
        "conclusion": ended.map(|_| conclusion), "workflow_id": 5, "url": url, "html_url": url, "pull_requests": [],
        "created_at": text(run.created), "updated_at": text(ended.unwrap_or(*started)), "run_started_at": text(*started),
        "actor": account(&run.actor), "triggering_actor": account(&run.actor), "check_suite_url": url, "workflow_url": url,
        "head_commit": {"id": run.sha, "tree_id": run.sha, "message": "", "timestamp": text(run.created), "author": null,
            "committer": null},
        "repository": repository(repo), "head_repository": repository(repo)});
    for name in ["jobs", "logs", "artifacts", "cancel", "rerun"] {
        body[format!("{name}_url")] = json!(format!("{url}/{name}"));
    }
    body
}

pub(super) fn release(repo: &Repo, release: &Release) -> Value {
    let url = format!("{API}/repos/{}/releases/{}", repo.full_name, release.id);
    json!({"url": url, "html_url": url, "assets_url": url, "upload_url": url, "tarball_url": null, "zipball_url": null,
        "id": release.id, "node_id": format!("RE_{}", release.id), "tag_name": release.tag, "target_commitish": "main",
        "name": release.tag, "body": null, "draft": release.published.is_none(), "prerelease": release.is_prerelease,
        "created_at": "2025-01-01T00:00:00Z", "published_at": release.published.map(text),
        "author": account(&release.author), "assets": []})
}

pub(super) fn tag(repo: &Repo, tag: &Tag) -> Value {
    let url = format!("{API}/repos/{}/commits/{}", repo.full_name, tag.sha);
    json!({"name": tag.name, "commit": {"sha": tag.sha, "url": url}, "zipball_url": url, "tarball_url": url,
        "node_id": format!("REF_{}", tag.name)})
}

pub(super) fn reference(repo: &Repo, tag: &Tag) -> Value {
    let url = format!("{API}/repos/{}/git/refs/tags/{}", repo.full_name, tag.name);
    let (kind, sha) = match tag.tagged {
        Some(_) => ("tag", super::sha(&format!("tag {}", tag.name))),
        None => ("commit", tag.sha.clone()),
    };
    json!({"ref": format!("refs/tags/{}", tag.name), "node_id": "REF", "url": url,
        "object": {"type": kind, "sha": sha, "url": url}})
}

pub(super) fn tag_object(repo: &Repo, tag: &Tag, at: i64) -> Value {
    let url = format!("{API}/repos/{}/git/tags/{}", repo.full_name, tag.name);
    json!({"node_id": "TA", "tag": tag.name, "sha": super::sha(&format!("tag {}", tag.name)), "url": url, "message": "",
        "tagger": {"date": text(at), "email": "ada@example.com", "name": "ada"},
        "object": {"sha": tag.sha, "type": "commit", "url": url}})
}

pub(super) fn check(repo: &Repo, check: &Check) -> Value {
    let url = format!("{API}/repos/{}/check-runs/{}", repo.full_name, check.id);
    json!({"id": check.id, "head_sha": check.sha, "node_id": format!("CR_{}", check.id), "external_id": "", "url": url,
        "html_url": url, "details_url": url, "status": if check.ended.is_some() { "completed" } else { "in_progress" },
        "conclusion": check.ended.map(|_| "success"), "started_at": text(check.started), "completed_at": check.ended.map(text),
        "output": {"title": null, "summary": null, "text": null, "annotations_count": 0, "annotations_url": url},
        "name": "test", "check_suite": {"id": 1}, "app": null, "pull_requests": []})
}

pub(super) fn commit_status(repo: &Repo, check: &Check) -> Value {
    let url = format!("{API}/repos/{}/statuses/{}", repo.full_name, check.sha);
    let at = text(check.started);
    json!({"url": url, "avatar_url": null, "id": check.id, "node_id": format!("SC_{}", check.id),
        "state": if check.ended.is_some() { "success" } else { "pending" }, "description": null, "target_url": null,
        "context": "ci/old", "created_at": at, "updated_at": at, "creator": account(&repo.owner())})
}
