//! From a commit to its row, and what else is known of it until its repository is read.

use lake::tables::commits;

use super::wire;
use crate::authorship::{Classifier, messages};

/// One commit: its row, and what its message says beside.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Facts {
    pub(super) row: commits::Row,
    /// The pull request that the message says it merges.
    pub(super) claims: Option<String>,
    /// Pull requests that the message says it reverts.
    pub(super) reverted_changes: Vec<String>,
    /// The body lists commits, as a squash leaves it.
    pub(super) lists_commits: bool,
    /// The account of the author, in lower case, as far as it is known.
    pub(super) login: Option<String>,
}

/// What a commit says. REST tells times in UTC, so the writer's own offset is not known.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn facts(repository: &str, commit: &wire::Commit, authors: &mut Classifier) -> Result<Facts, String> {
    let body = &commit.body;
    let at = |signature: &Option<wire::Signature>| signature.as_ref().and_then(|signature| signature.date);
    let (authored, committed) = (at(&body.author), at(&body.committer));
    let Some((authored_at, committed_at)) = authored.or(committed).zip(committed.or(authored)) else {
        return Err(format!("the commit `{}` has no time", commit.sha));
    };
    let text = body.message.as_deref().unwrap_or_default();
    let message = messages::read(text, repository);
    let part = |part: fn(&wire::Signature) -> &Option<String>| {
        body.author.as_ref().and_then(|author| part(author).as_deref()).unwrap_or_default()
    };
    let (name, email) = (part(|author| &author.name), part(|author| &author.email));
    let (author, kind) = authors.author(name.as_bytes(), email.as_bytes(), text);
    let row = commits::Row {
        repository: repository.to_owned(),
        commit_sha: commit.sha.clone(),
        parents: commit.parents.iter().map(|parent| parent.sha.clone()).collect(),
        is_merge: commit.parents.len() > 1,
        authored_at,
        author_offset_minutes: None,
        committed_at,
        committer_offset_minutes: None,
        author_id: author.text(),
        author_kind: kind.word().to_owned(),
        subject: message.subject,
        reverts: message.reverted_commits,
        cherry_picked_from: message.cherry_picked_from,
        patch_id: None,
    };
    Ok(Facts {
        row,
        claims: message.pull_request.map(|pull_request| pull_request.id),
        reverted_changes: message.reverted_changes,
        lists_commits: message.lists_commits,
        login: login(commit.author.as_ref(), email).map(str::to_lowercase),
    })
}

/// The account of an author: of a person, as GitHub links it, else the one that an address of GitHub's own names. Of a
/// bot, REST knows the account and GraphQL does not, so its address alone counts.
fn login<'a>(account: Option<&'a wire::Account>, email: &'a str) -> Option<&'a str> {
    let person = account.filter(|account| account.kind.as_deref() != Some("Bot"));
    person.and_then(|account| account.login.as_deref()).or_else(|| {
        let (name, host) = email.split_once('@')?;
        let is_own = host.starts_with("users.noreply.");
        Some(name.split_once('+').map_or(name, |(_number, login)| login)).filter(|_| is_own)
    })
}
