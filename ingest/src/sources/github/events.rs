//! What happened to a pull request, from its timeline and its reviews.

use lake::tables::pull_request_events::Row;

use super::change::id;
use super::wire;
use super::work::account_of;
use crate::authorship::Classifier;

/// Kinds of a timeline that say nothing of the way of a change, or that stand elsewhere: reviews have a list of their
/// own, and commits are no events.
const LEFT_OUT: [&str; 5] = ["committed", "reviewed", "subscribed", "unsubscribed", "mentioned"];

/// That it was opened.
pub(super) fn opened(repository: &str, pull: &wire::Pull, authors: &Classifier) -> Option<Row> {
    let actor = account_of(authors, pull.user.as_ref());
    Some(Row {
        repository: repository.to_owned(),
        event_id: format!("opened {}", id(pull.number)),
        change_id: id(pull.number),
        kind: "opened".to_owned(),
        occurred_at: pull.created_at?,
        actor_id: actor.map(|(pseudonym, _)| pseudonym.text()),
        actor_kind: actor.map(|(_, kind)| kind.word().to_owned()),
        commit_sha: None,
        detail: pull.base.as_ref().and_then(|base| base.branch.clone()),
    })
}

/// A review. One that was not submitted yet has no time and is none.
pub(super) fn review(repository: &str, number: u64, review: &wire::Review, authors: &Classifier) -> Option<Row> {
    let actor = account_of(authors, review.user.as_ref());
    Some(Row {
        repository: repository.to_owned(),
        event_id: format!("review {}", review.id),
        change_id: id(number),
        kind: review.state.as_deref().unwrap_or("commented").to_lowercase(),
        occurred_at: review.submitted_at?,
        actor_id: actor.map(|(pseudonym, _)| pseudonym.text()),
        actor_kind: actor.map(|(_, kind)| kind.word().to_owned()),
        commit_sha: review.commit_id.clone(),
        detail: None,
    })
}

/// An entry of a timeline; none where it has no id or no time of its own, or tells nothing of the change.
pub(super) fn entry(repository: &str, number: u64, event: &wire::TimelineEvent, authors: &Classifier) -> Option<Row> {
    let kind = event.event.as_deref().filter(|kind| !LEFT_OUT.contains(kind))?;
    let kind = match kind {
        "head_ref_force_pushed" => "force_pushed",
        "review_dismissed" => "dismissed",
        other => other,
    };
    let actor = account_of(authors, event.actor.as_ref().or(event.user.as_ref()));
    let label = event.label.as_ref().and_then(|label| label.name.clone());
    let reviewer = || account_of(authors, event.requested_reviewer.as_ref()).map(|(pseudonym, _)| pseudonym.text());
    Some(Row {
        repository: repository.to_owned(),
        event_id: format!("timeline {}", event.id?),
        change_id: id(number),
        kind: kind.to_owned(),
        occurred_at: event.created_at?,
        actor_id: actor.map(|(pseudonym, _)| pseudonym.text()),
        actor_kind: actor.map(|(_, kind)| kind.word().to_owned()),
        commit_sha: event.commit_id.clone(),
        detail: label.or_else(reviewer),
    })
}
