//! From a request to what is told: the paths of the contract and the parameters each of them takes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::query::Request;
use super::world::{Commit, Repo, Run, World};
use super::{Answer, bodies, clock, graphql};

/// What is told, before the headers that every answer has.
pub(super) struct Told {
    status: u16,
    headers: Vec<(String, String)>,
    body: Value,
}

impl Told {
    pub(super) fn ok(body: Value) -> Self {
        Self { status: 200, headers: Vec::new(), body }
    }

    pub(super) fn error(status: u16, message: &str) -> Self {
        let body = json!({"message": message, "documentation_url": "https://docs.github.example", "status": status.to_string()});
        Self { status, headers: Vec::new(), body }
    }

    fn missing() -> Self {
        Self::error(404, "Not Found")
    }

    pub(super) fn finish(self, world: &World) -> Answer {
        let body = self.body.to_string().into_bytes();
        let mut headers = self.headers;
        let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
        add("content-type", "application/json; charset=utf-8".to_owned());
        add("date", clock::http(world.now));
        add("x-ratelimit-limit", "5000".to_owned());
        add("x-ratelimit-remaining", "4999".to_owned());
        add("x-ratelimit-reset", (world.now + 3600).to_string());
        add("x-ratelimit-resource", "core".to_owned());
        if self.status == 200 {
            add("etag", format!("W/\"{}\"", super::sha(&String::from_utf8_lossy(&body))));
        }
        (self.status, headers, body)
    }
}

/// The parameters that a path takes beside those of paging.
fn takes(request: &Request, known: &[&str]) -> Result<(), Told> {
    let unknown = request
        .parameters
        .iter()
        .find(|(name, _)| !known.contains(&name.as_str()) && name != "page" && name != "per_page");
    match unknown {
        Some((name, _)) => Err(Told::error(422, &format!("the contract has no parameter `{name}` here"))),
        None => Ok(()),
    }
}

fn one_of(request: &Request, name: &str, words: &[&str]) -> Result<(), Told> {
    match request.parameter(name) {
        Some(word) if !words.contains(&word) => Err(Told::error(422, &format!("`{name}` is none of {words:?}"))),
        _ => Ok(()),
    }
}

fn time(request: &Request, name: &str) -> Result<Option<i64>, Told> {
    request
        .parameter(name)
        .map(|text| clock::seconds(text).ok_or_else(|| Told::error(422, &format!("`{name}` is no time"))))
        .transpose()
}

/// A page of a list, in an envelope where it has a name.
fn paged(request: &Request, own_path: &str, envelope: Option<&str>, list: Vec<Value>) -> Result<Told, Told> {
    let (page, size) = request.paging().map_err(|why| Told::error(422, &why))?;
    let count = list.len();
    let items: Vec<Value> = list.into_iter().skip((page - 1) * size).take(size).collect();
    let body = match envelope {
        Some(name) => json!({"total_count": count, name: items}),
        None => Value::Array(items),
    };
    let mut told = Told::ok(body);
    if let Some(link) = request.link(own_path, page, count.div_ceil(size)) {
        told.headers.push(("link".to_owned(), link));
    }
    Ok(told)
}

pub(super) fn route(world: &World, request: &Request, body: &[u8]) -> Told {
    routed(world, request, body).unwrap_or_else(|told| told)
}

fn routed(world: &World, request: &Request, body: &[u8]) -> Result<Told, Told> {
    let parts: Vec<&str> = request.parts.iter().map(String::as_str).collect();
    if request.method == "POST" {
        return match parts.as_slice() {
            ["graphql"] if world.has_graphql => Ok(graphql::answer(world, body)),
            ["app", "installations", _, "access_tokens"] => {
                let token = world.token.clone().unwrap_or_default();
                let expires = clock::text(world.now + 3600);
                Ok(Told { status: 201, ..Told::ok(json!({"token": token, "expires_at": expires})) })
            }
            _ => Err(Told::missing()),
        };
    }
    if request.method != "GET" {
        return Err(Told::error(405, "nothing is written here"));
    }
    match parts.as_slice() {
        ["orgs", name, "repos"] if *name == world.organisation => {
            takes(request, &["type", "sort", "direction"])?;
            one_of(request, "type", &["all", "public", "private", "forks", "sources", "member"])?;
            one_of(request, "sort", &["created", "updated", "pushed", "full_name"])?;
            let mut repos: Vec<&Repo> = world.repos.iter().collect();
            repos.sort_by(|a, b| a.full_name.cmp(&b.full_name));
            paged(request, &parts.join("/"), None, repos.into_iter().map(bodies::repository).collect())
        }
        ["installation", "repositories"] => {
            takes(request, &[])?;
            let repos = world.repos.iter().map(bodies::repository).collect();
            paged(request, "installation/repositories", Some("repositories"), repos)
        }
        ["repos", owner, name, rest @ ..] => {
            let full_name = format!("{owner}/{name}");
            if let Some(repo) = world.repos.iter().find(|repo| repo.full_name == full_name) {
                return of_repo(repo, request, rest);
            }
            let moved =
                world.repos.iter().find(|repo| repo.former_names.contains(&full_name)).ok_or_else(Told::missing)?;
            let path = [&["repositories", &moved.id.to_string()], rest].concat().join("/");
            let query = request.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
            let target = format!("http://{}/{path}?{}", request.host, query.join("&"));
            let mut told = Told::error(301, "Moved Permanently");
            told.headers.push(("location".to_owned(), target));
            Err(told)
        }
        ["repositories", id, rest @ ..] => {
            let repo = world.repos.iter().find(|repo| repo.id.to_string() == *id).ok_or_else(Told::missing)?;
            of_repo(repo, request, rest)
        }
        _ => Err(Told::missing()),
    }
}

fn of_repo(repo: &Repo, request: &Request, rest: &[&str]) -> Result<Told, Told> {
    let own = [&["repositories", repo.id.to_string().as_str()], rest].concat().join("/");
    let number = |text: &str| text.parse::<u64>().ok().ok_or_else(Told::missing);
    match rest {
        [] => Ok(Told::ok(bodies::repository(repo))),
        ["commits"] => commits(repo, request, &own),
        ["compare", both] => compare(repo, request, &own, both),
        ["tags"] => paged(request, &own, None, repo.tags.iter().map(|tag| bodies::tag(repo, tag)).collect()),
        ["releases"] => {
            takes(request, &[])?;
            paged(request, &own, None, repo.releases.iter().map(|release| bodies::release(repo, release)).collect())
        }
        ["pulls"] => pulls(repo, request, &own),
        ["pulls", pull, what] => {
            takes(request, &[])?;
            let number = number(pull)?;
            let pull = repo.pulls.iter().find(|pull| pull.number == number).ok_or_else(Told::missing)?;
            match *what {
                "commits" => {
                    let own_commits = pull.commits.iter().filter_map(|sha| repo.commits.get(sha)).take(250);
                    paged(request, &own, None, own_commits.map(|commit| bodies::commit(repo, commit)).collect())
                }
                "reviews" => {
                    let reviews = pull.reviews.iter().map(|review| bodies::review(repo, pull.number, review));
                    paged(request, &own, None, reviews.collect())
                }
                _ => Err(Told::missing()),
            }
        }
        ["issues"] => issues(repo, request, &own),
        ["issues", number_text] => {
            let number = number(number_text)?;
            let issue = repo.issues.iter().find(|issue| issue.number == number).ok_or_else(Told::missing)?;
            Ok(Told::ok(bodies::issue(repo, issue)))
        }
        ["issues", number_text, "timeline"] => {
            takes(request, &[])?;
            let number = number(number_text)?;
            let of_pull = repo.pulls.iter().find(|pull| pull.number == number).map(|pull| &pull.timeline);
            let of_issue = repo.issues.iter().find(|issue| issue.number == number).map(|issue| &issue.timeline);
            let events = of_pull.or(of_issue).ok_or_else(Told::missing)?;
            paged(request, &own, None, events.iter().map(|event| bodies::event(repo, event)).collect())
        }
        ["deployments"] => {
            takes(request, &["sha", "ref", "task", "environment"])?;
            let mut all: Vec<_> = repo.deployments.iter().collect();
            all.sort_by_key(|deployment| std::cmp::Reverse((deployment.created, deployment.id)));
            paged(request, &own, None, all.into_iter().map(|deployment| bodies::deployment(repo, deployment)).collect())
        }
        ["deployments", id, what @ ..] => {
            takes(request, &[])?;
            let id = number(id)?;
            let deployment =
                repo.deployments.iter().find(|deployment| deployment.id == id).ok_or_else(Told::missing)?;
            match what {
                [] => Ok(Told::ok(bodies::deployment(repo, deployment))),
                ["statuses"] => {
                    let places = (0..deployment.statuses.len()).rev();
                    paged(request, &own, None, places.map(|place| bodies::status(repo, deployment, place)).collect())
                }
                _ => Err(Told::missing()),
            }
        }
        ["actions", "runs"] => runs(repo, request, &own),
        ["actions", "runs", id, what @ ..] => {
            takes(request, &["exclude_pull_requests"])?;
            let id = number(id)?;
            let run = repo.runs.iter().find(|run| run.id == id).ok_or_else(Told::missing)?;
            let attempt = match what {
                [] => run.attempts.len(),
                ["attempts", attempt] => usize::try_from(number(attempt)?).unwrap_or(0),
                _ => return Err(Told::missing()),
            };
            if attempt < 1 || attempt > run.attempts.len() {
                return Err(Told::missing());
            }
            Ok(Told::ok(bodies::run(repo, run, attempt - 1)))
        }
        _ => objects(repo, request, &own, rest),
    }
}

/// Commits, references and tags by name.
fn objects(repo: &Repo, request: &Request, own: &str, rest: &[&str]) -> Result<Told, Told> {
    match rest {
        ["commits", sha, "pulls"] => {
            takes(request, &[])?;
            let pulls = repo.pulls.iter().filter(|pull| {
                pull.merged.is_some()
                    && (pull.merge_commit.as_deref() == Some(sha) || pull.commits.iter().any(|own| own == sha))
            });
            paged(request, own, None, pulls.map(|pull| bodies::pull(repo, pull)).collect())
        }
        ["commits", sha, what @ ("check-runs" | "statuses")] => {
            let is_status = *what == "statuses";
            takes(request, if is_status { &[] } else { &["check_name", "status", "filter", "app_id"] })?;
            one_of(request, "filter", &["latest", "all"])?;
            let own_checks = repo.checks.iter().filter(|check| check.sha == *sha && check.is_status == is_status);
            if is_status {
                paged(request, own, None, own_checks.map(|check| bodies::commit_status(repo, check)).collect())
            } else {
                paged(request, own, Some("check_runs"), own_checks.map(|check| bodies::check(repo, check)).collect())
            }
        }
        ["git", "commits", sha] => {
            let commit = repo.commits.get(*sha).ok_or_else(Told::missing)?;
            Ok(Told::ok(bodies::git_commit(repo, commit)))
        }
        ["git", "ref", "tags", name @ ..] => {
            let tag = repo.tags.iter().find(|tag| tag.name == name.join("/")).ok_or_else(Told::missing)?;
            Ok(Told::ok(bodies::reference(repo, tag)))
        }
        ["git", "tags", sha] => {
            let is_it = |name: &str| super::sha(&format!("tag {name}")) == *sha;
            let tag = repo.tags.iter().find(|tag| is_it(&tag.name)).ok_or_else(Told::missing)?;
            Ok(Told::ok(bodies::tag_object(repo, tag, tag.tagged.ok_or_else(Told::missing)?)))
        }
        _ => Err(Told::missing()),
    }
}

/// The head and then the newest first, filtered by committer time.
fn commits(repo: &Repo, request: &Request, own: &str) -> Result<Told, Told> {
    takes(request, &["sha", "path", "author", "committer", "since", "until"])?;
    let (since, until) = (time(request, "since")?, time(request, "until")?);
    if repo.commits.is_empty() {
        return Err(Told::error(409, "Git Repository is empty."));
    }
    let from = repo.resolve(request.parameter("sha").unwrap_or("main")).ok_or_else(Told::missing)?;
    let reach = repo.reach(&from.sha);
    let mut list: Vec<&Commit> = reach.iter().filter_map(|sha| repo.commits.get(*sha)).collect();
    list.retain(|commit| {
        since.is_none_or(|at| commit.committed >= at) && until.is_none_or(|at| commit.committed <= at)
    });
    list.sort_by_cached_key(|commit| {
        (std::cmp::Reverse((commit.committed, repo.reach(&commit.sha).len())), commit.sha.clone())
    });
    // What is asked for comes before all that it reaches, whatever its clock said.
    if let Some(place) = list.iter().position(|commit| commit.sha == from.sha) {
        list[..=place].rotate_right(1);
    }
    paged(request, own, None, list.into_iter().map(|commit| bodies::commit(repo, commit)).collect())
}

/// Oldest first; paging is of the commits.
fn compare(repo: &Repo, request: &Request, own: &str, both: &str) -> Result<Told, Told> {
    takes(request, &[])?;
    let (base, head) = both.split_once("...").ok_or_else(Told::missing)?;
    let (base, head) = (repo.resolve(base).ok_or_else(Told::missing)?, repo.resolve(head).ok_or_else(Told::missing)?);
    let (of_base, of_head) = (repo.reach(&base.sha), repo.reach(&head.sha));
    let mut ahead: Vec<&Commit> = of_head.difference(&of_base).filter_map(|sha| repo.commits.get(*sha)).collect();
    ahead.sort_by_cached_key(|commit| (repo.reach(&commit.sha).len(), commit.sha.clone()));
    let common: BTreeSet<&&str> = of_base.intersection(&of_head).collect();
    let merge_base = common.into_iter().max_by_key(|sha| repo.reach(sha).len()).ok_or_else(Told::missing)?;
    let merge_base = repo.commits.get(*merge_base).ok_or_else(Told::missing)?;
    let (ahead_by, behind_by) = (ahead.len(), of_base.difference(&of_head).count());
    let status = match (ahead_by, behind_by) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let list = ahead.into_iter().map(|commit| bodies::commit(repo, commit)).collect();
    let mut told = paged(request, own, Some("commits"), list)?;
    let commits = told.body["commits"].take();
    let url = format!("https://api.github.example/repos/{}/compare/{both}", repo.full_name);
    told.body = json!({"url": url, "html_url": url, "permalink_url": url, "diff_url": url, "patch_url": url,
        "base_commit": bodies::commit(repo, base), "merge_base_commit": bodies::commit(repo, merge_base),
        "status": status, "ahead_by": ahead_by, "behind_by": behind_by, "total_commits": ahead_by,
        "commits": commits, "files": []});
    Ok(told)
}

fn pulls(repo: &Repo, request: &Request, own: &str) -> Result<Told, Told> {
    takes(request, &["state", "head", "base", "sort", "direction"])?;
    one_of(request, "state", &["open", "closed", "all"])?;
    one_of(request, "sort", &["created", "updated", "popularity", "long-running"])?;
    one_of(request, "direction", &["asc", "desc"])?;
    let mut list: Vec<_> = repo.pulls.iter().collect();
    if request.parameter("state") != Some("all") {
        list.retain(|pull| pull.closed.is_none());
    }
    list.sort_by_key(|pull| (pull.updated, pull.number));
    // By last change, the oldest come first where nothing is said.
    if request.parameter("direction") == Some("desc") {
        list.reverse();
    }
    paged(request, own, None, list.into_iter().map(|pull| bodies::pull(repo, pull)).collect())
}

fn issues(repo: &Repo, request: &Request, own: &str) -> Result<Told, Told> {
    takes(
        request,
        &["milestone", "state", "assignee", "creator", "mentioned", "labels", "sort", "direction", "since"],
    )?;
    one_of(request, "state", &["open", "closed", "all"])?;
    one_of(request, "sort", &["created", "updated", "comments"])?;
    one_of(request, "direction", &["asc", "desc"])?;
    if repo.has_no_issues {
        return Err(Told::error(410, "Issues are disabled for this repo"));
    }
    let since = time(request, "since")?;
    let labels: Vec<&str> =
        request.parameter("labels").unwrap_or_default().split(',').filter(|name| !name.is_empty()).collect();
    let mut list: Vec<_> = repo
        .issues
        .iter()
        .filter(|issue| since.is_none_or(|at| issue.updated >= at))
        .filter(|issue| labels.iter().all(|label| issue.labels.iter().any(|own| own == label)))
        .filter(|issue| request.parameter("state") == Some("all") || issue.closed.is_none())
        .collect();
    list.sort_by_key(|issue| (issue.updated, issue.number));
    if request.parameter("direction") != Some("asc") {
        list.reverse();
    }
    paged(request, own, None, list.into_iter().map(|issue| bodies::issue(repo, issue)).collect())
}

/// A filtered list has no more than a thousand results.
fn runs(repo: &Repo, request: &Request, own: &str) -> Result<Told, Told> {
    takes(
        request,
        &["actor", "branch", "event", "status", "created", "exclude_pull_requests", "check_suite_id", "head_sha"],
    )?;
    let created = request.parameter("created").map(|text| {
        let (start, end) = text.split_once("..").ok_or_else(|| Told::error(422, "`created` is no range"))?;
        let (start, end) = (clock::seconds(start), clock::seconds(end));
        start.zip(end).ok_or_else(|| Told::error(422, "`created` is no range of times"))
    });
    let created = created.transpose()?;
    let mut list: Vec<&Run> = repo.runs.iter().collect();
    list.retain(|run| created.is_none_or(|(start, end)| (start..=end).contains(&run.created)));
    list.sort_by_key(|run| std::cmp::Reverse((run.created, run.id)));
    if created.is_some() {
        list.truncate(1000);
    }
    let last = |run: &&Run| bodies::run(repo, run, run.attempts.len() - 1);
    paged(request, own, Some("workflow_runs"), list.iter().map(last).collect())
}
