//! Which repositories are read, and what they are called.

use std::collections::BTreeMap;

use super::api::PER_PAGE;
use super::config::Config;
use super::rules::Rules;
use super::wire;
use super::work::{Repo, Trouble, Work, remember, remembered, unfit};
use crate::{Ledger, SourceError};

/// The entry under which the names of repositories are remembered.
const NAMES: &str = "repositories";

/// The list of the repositories of somebody, by path and query.
struct List {
    path: Vec<String>,
    query: &'static [(&'static str, &'static str)],
}

/// What the settings ask for.
fn lists(config: &Config) -> Vec<List> {
    let mut lists = Vec::new();
    let by_name = &[("per_page", PER_PAGE), ("type", "all"), ("sort", "full_name")];
    if let Some(organisation) = &config.organisation {
        lists.push(List { path: vec!["orgs".into(), organisation.clone(), "repos".into()], query: by_name });
    }
    if let Some(user) = &config.user {
        let query = &[("per_page", PER_PAGE), ("type", "owner"), ("sort", "full_name")];
        lists.push(List { path: vec!["users".into(), user.clone(), "repos".into()], query });
    }
    if lists.is_empty() && config.repositories.is_empty() && config.app.is_some() {
        let query = &[("per_page", PER_PAGE)];
        lists.push(List { path: vec!["installation".into(), "repositories".into()], query });
    }
    lists
}

/// Whether the settings name anything to read.
pub(super) fn check(config: &Config) -> Result<(), SourceError> {
    if lists(config).is_empty() && config.repositories.is_empty() {
        return Err(unfit("nothing is named: set `organisation`, `user`, `repositories` or `app`"));
    }
    if config.token.is_some() && config.app.is_some() {
        return Err(unfit("`token` and `app` are two ways of the same: set one of them"));
    }
    for name in &config.repositories {
        let is_name = name.split_once('/').is_some_and(|(owner, repository)| {
            !owner.is_empty() && !repository.is_empty() && !repository.contains('/')
        });
        if !is_name {
            return Err(unfit(&format!("`{name}` is no repository: write `owner/name`")));
        }
    }
    Ok(())
}

/// The path and the query of an address.
type PathAndQuery = (Vec<String>, Vec<(&'static str, &'static str)>);

/// The addresses that a reading asks first.
pub(super) fn first_paths(config: &Config) -> Vec<PathAndQuery> {
    let listed = lists(config).into_iter().map(|list| (list.path, list.query.to_vec()));
    let named = config.repositories.iter().map(|name| {
        let parts = name.split('/').map(str::to_owned);
        (std::iter::once("repos".to_owned()).chain(parts).collect(), Vec::new())
    });
    listed.chain(named).collect()
}

/// Finds the repositories, in the order of their names. One that is listed and cannot be had is a gap.
pub(super) async fn repositories(work: &Work<'_>, ledger: &mut Ledger) -> Result<Vec<Repo>, Trouble> {
    let config = work.config;
    let mut found: BTreeMap<u64, wire::Repository> = BTreeMap::new();
    for list in lists(config) {
        let path: Vec<&str> = list.path.iter().map(String::as_str).collect();
        let mut next = Some(work.api.url(&path, list.query));
        while let Some(url) = next {
            let page = work.api.page::<wire::Repository>(url, "repositories").await?;
            for sentence in &page.broken {
                work.reporter.gap(&format!("`{}`: {sentence}", list.path.join("/")));
            }
            let wanted = page.items.into_iter().filter(|repository| is_wanted(config, &work.rules, repository));
            found.extend(wanted.map(|repository| (repository.id, repository)));
            next = page.next;
        }
    }
    for name in &config.repositories {
        let (owner, repository) = name.split_once('/').unwrap_or((name, ""));
        match work.api.one::<wire::Repository>(work.api.url(&["repos", owner, repository], &[])).await {
            Ok((repository, _)) => {
                found.insert(repository.id, repository);
            }
            Err(error) => missing(work, ledger, name, error.into())?,
        }
    }
    Ok(named(found, work, ledger))
}

/// Whether a repository that was found is one to read.
pub(super) fn is_wanted(config: &Config, rules: &Rules, repository: &wire::Repository) -> bool {
    (config.archived || !repository.archived)
        && (config.forks || !repository.fork)
        && rules.takes(&repository.full_name)
}

fn missing(work: &Work<'_>, ledger: &mut Ledger, name: &str, trouble: Trouble) -> Result<(), Trouble> {
    let repo = repo(work, name.to_owned(), name.to_owned(), String::new());
    let covers = &["changes", "change_commits", "commits", "deployments"];
    let entry = repo.entry(ledger, "repository", covers);
    let span = work.span(entry, work.api.server_time(work.reading.now));
    Ok(work.lose(entry, &repo.stream("repository"), span, trouble)?)
}

/// Gives each repository the name it was first read under: its number stays when it is renamed or moved.
fn named(found: BTreeMap<u64, wire::Repository>, work: &Work<'_>, ledger: &mut Ledger) -> Vec<Repo> {
    let mut names: BTreeMap<u64, String> = remembered(ledger.entry(NAMES), "names").unwrap_or_default();
    let mut repos = Vec::new();
    for (id, repository) in found {
        let is_taken = names.iter().any(|(other, name)| *other != id && *name == repository.full_name);
        let name = names.entry(id).or_insert_with(|| {
            // Another one had this name before.
            if is_taken { format!("{}~{id}", repository.full_name) } else { repository.full_name.clone() }
        });
        // Read now: that it could not be had before is mended by the ranges of its streams.
        ledger.forget(&format!("{name} repository"));
        let branch = repository.default_branch.unwrap_or_else(|| "main".to_owned());
        repos.push(repo(work, name.clone(), repository.full_name, branch));
    }
    remember(ledger.entry(NAMES), "names", Some(&names));
    repos.sort_by(|a, b| a.name.cmp(&b.name));
    repos
}

fn repo(work: &Work<'_>, name: String, full_name: String, default_branch: String) -> Repo {
    let service = work.rules.has_one_service().then(|| work.rules.service(&name));
    let is_tracker = work.rules.incidents.as_ref().is_some_and(|rules| !rules.falls_back_to_the_repository());
    Repo { name, full_name, default_branch, service, is_tracker }
}
