//! What there is in a world. Times are seconds since 1970.

use std::collections::{BTreeMap, BTreeSet};

/// Everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    /// The present, as the server tells it.
    pub(crate) now: i64,
    /// The token that is asked for.
    pub(crate) token: Option<String>,
    /// Whether GraphQL answers.
    pub(crate) has_graphql: bool,
    /// Organisation and its repositories.
    pub(crate) organisation: String,
    pub(crate) repos: Vec<Repo>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Repo {
    pub(crate) id: u64,
    /// `owner/name`.
    pub(crate) full_name: String,
    /// Names it had before.
    pub(crate) former_names: Vec<String>,
    pub(crate) is_archived: bool,
    pub(crate) is_fork: bool,
    pub(crate) has_no_issues: bool,
    pub(crate) head: Option<String>,
    pub(crate) commits: BTreeMap<String, Commit>,
    pub(crate) pulls: Vec<Pull>,
    pub(crate) issues: Vec<Issue>,
    pub(crate) deployments: Vec<Deployment>,
    pub(crate) runs: Vec<Run>,
    pub(crate) releases: Vec<Release>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) checks: Vec<Check>,
}

/// A check run of a commit, or a status where it has a state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Check {
    pub(crate) id: u64,
    pub(crate) sha: String,
    pub(crate) started: i64,
    pub(crate) ended: Option<i64>,
    pub(crate) is_status: bool,
}

/// An account, and the name and address in its commits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Person {
    pub(crate) login: String,
    pub(crate) email: String,
    pub(crate) is_bot: bool,
    /// The address belongs to no account.
    pub(crate) is_unlinked: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Commit {
    pub(crate) sha: String,
    pub(crate) parents: Vec<String>,
    pub(crate) author: Person,
    pub(crate) authored: i64,
    pub(crate) committed: i64,
    pub(crate) message: String,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Pull {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    /// None where the account is gone.
    pub(crate) author: Option<Person>,
    pub(crate) base: String,
    pub(crate) labels: Vec<String>,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) closed: Option<i64>,
    pub(crate) merged: Option<i64>,
    pub(crate) merge_commit: Option<String>,
    pub(crate) commits: Vec<String>,
    pub(crate) reviews: Vec<Review>,
    pub(crate) timeline: Vec<Event>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Review {
    pub(crate) id: u64,
    pub(crate) author: Option<Person>,
    pub(crate) state: String,
    pub(crate) submitted: Option<i64>,
    /// The commit that was looked at is gone: only REST still names it.
    pub(crate) is_commit_gone: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Event {
    pub(crate) id: u64,
    pub(crate) kind: String,
    pub(crate) at: i64,
    pub(crate) actor: Person,
    pub(crate) label: Option<String>,
    pub(crate) reviewer: Option<Person>,
    /// The commit it was merged as.
    pub(crate) commit: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Issue {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) labels: Vec<String>,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) closed: Option<i64>,
    pub(crate) timeline: Vec<Event>,
    pub(crate) is_pull: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Deployment {
    pub(crate) id: u64,
    pub(crate) sha: String,
    pub(crate) environment: String,
    pub(crate) created: i64,
    pub(crate) creator: Person,
    /// Somebody called its environment one of production.
    pub(crate) is_production: bool,
    /// State and time.
    pub(crate) statuses: Vec<(String, i64)>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) sha: String,
    pub(crate) created: i64,
    pub(crate) actor: Person,
    /// Of each attempt: start, end and conclusion.
    pub(crate) attempts: Vec<(i64, Option<i64>, String)>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Release {
    pub(crate) id: u64,
    pub(crate) tag: String,
    pub(crate) published: Option<i64>,
    pub(crate) is_prerelease: bool,
    pub(crate) author: Person,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) sha: String,
    /// When it was tagged, for an annotated one.
    pub(crate) tagged: Option<i64>,
}

/// Something that looks like the id of an object and depends on a name only.
pub(crate) fn sha(name: &str) -> String {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    let mut text = String::new();
    for round in 0..3_u8 {
        for byte in name.bytes().chain([round]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
        for place in (0..16).rev() {
            text.extend(u32::try_from((hash >> (4 * place)) & 15).ok().and_then(|digit| char::from_digit(digit, 16)));
        }
    }
    text.truncate(40);
    text
}

impl Repo {
    /// The account it belongs to.
    pub(super) fn owner(&self) -> Person {
        let owner = self.full_name.split('/').next().unwrap_or_default();
        Person { login: owner.to_owned(), ..Person::default() }
    }

    /// The id of a pull request among all that there is.
    pub(super) fn pull_id(&self, number: u64) -> String {
        format!("PR_{}_{number}", self.id)
    }

    /// Everything that a commit reaches, itself included.
    pub(super) fn reach(&self, from: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(commit) = open.pop().and_then(|sha| self.commits.get(sha)) {
            if seen.insert(commit.sha.as_str()) {
                open.extend(commit.parents.iter().map(String::as_str));
            }
        }
        seen
    }

    /// The commit that a branch, a tag or an id stands for.
    pub(super) fn resolve(&self, reference: &str) -> Option<&Commit> {
        let of_branch = (reference == "main").then_some(self.head.as_deref()).flatten();
        let of_tag = self.tags.iter().find(|tag| tag.name == reference).map(|tag| tag.sha.as_str());
        self.commits.get(of_branch.or(of_tag).unwrap_or(reference))
    }

    /// Adds a commit and gives its id.
    pub(crate) fn commit(&mut self, name: &str, parents: &[&str], author: &Person, times: (i64, i64), message: &str) {
        let commit = Commit {
            sha: sha(name),
            parents: parents.iter().map(|parent| sha(parent)).collect(),
            author: author.clone(),
            authored: times.0,
            committed: times.1,
            message: message.to_owned(),
        };
        self.commits.insert(commit.sha.clone(), commit);
    }
}
