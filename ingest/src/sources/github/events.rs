//! What happened to a pull request, from its timeline and its reviews.

use std::collections::{BTreeMap, BTreeSet};

use lake::tables::pull_request_events::Row;

use super::change::id;
use super::wire;
use super::work::account_of;
use crate::authorship::Classifier;

/// A kind of event: the word of REST for it, and the type of GraphQL.
pub(super) struct Kind {
    pub(super) word: &'static str,
    pub(super) graphql: &'static str,
}

/// The kinds of a timeline that tell of the way of a change. Reviews have a list of their own, commits are no events, and
/// of what is left out REST and GraphQL do not tell the same.
pub(super) const KINDS: [Kind; 23] = [
    Kind { word: "added_to_merge_queue", graphql: "AddedToMergeQueueEvent" },
    Kind { word: "auto_merge_disabled", graphql: "AutoMergeDisabledEvent" },
    Kind { word: "auto_merge_enabled", graphql: "AutoMergeEnabledEvent" },
    Kind { word: "auto_rebase_enabled", graphql: "AutoRebaseEnabledEvent" },
    Kind { word: "auto_squash_enabled", graphql: "AutoSquashEnabledEvent" },
    Kind { word: "base_ref_changed", graphql: "BaseRefChangedEvent" },
    Kind { word: "base_ref_force_pushed", graphql: "BaseRefForcePushedEvent" },
    Kind { word: "closed", graphql: "ClosedEvent" },
    Kind { word: "commented", graphql: "IssueComment" },
    Kind { word: "convert_to_draft", graphql: "ConvertToDraftEvent" },
    Kind { word: "head_ref_deleted", graphql: "HeadRefDeletedEvent" },
    Kind { word: "head_ref_force_pushed", graphql: "HeadRefForcePushedEvent" },
    Kind { word: "head_ref_restored", graphql: "HeadRefRestoredEvent" },
    Kind { word: "labeled", graphql: "LabeledEvent" },
    Kind { word: "merged", graphql: "MergedEvent" },
    Kind { word: "ready_for_review", graphql: "ReadyForReviewEvent" },
    Kind { word: "removed_from_merge_queue", graphql: "RemovedFromMergeQueueEvent" },
    Kind { word: "renamed", graphql: "RenamedTitleEvent" },
    Kind { word: "reopened", graphql: "ReopenedEvent" },
    Kind { word: "review_dismissed", graphql: "ReviewDismissedEvent" },
    Kind { word: "review_request_removed", graphql: "ReviewRequestRemovedEvent" },
    Kind { word: "review_requested", graphql: "ReviewRequestedEvent" },
    Kind { word: "unlabeled", graphql: "UnlabeledEvent" },
];

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

/// The entries of a timeline that tell of the change. REST and GraphQL number them differently, so one is called by what
/// it is and when it was; of several of one kind in one second, the place in their own order tells them apart.
pub(super) fn entries(
    repository: &str,
    number: u64,
    timeline: &[wire::TimelineEvent],
    authors: &Classifier,
) -> Vec<Row> {
    // A list that moves while it is read tells some of it twice.
    let mut seen = BTreeSet::new();
    let new = timeline.iter().filter(|event| event.id.is_none_or(|id| seen.insert((id, event.event.clone()))));
    let mut rows: Vec<Row> = new.filter_map(|event| entry(repository, number, event, authors)).collect();
    rows.sort_by(|a, b| order(a).cmp(&order(b)));
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for row in &mut rows {
        let place = places.entry(row.event_id.clone()).or_default();
        *place += 1;
        if *place > 1 {
            row.event_id = format!("{}.{place}", row.event_id);
        }
    }
    rows
}

type Order<'r> = (lake::Instant, &'r str, Option<&'r str>, Option<&'r str>, Option<&'r str>);

fn order(row: &Row) -> Order<'_> {
    (row.occurred_at, &row.kind, row.detail.as_deref(), row.actor_id.as_deref(), row.commit_sha.as_deref())
}

/// An entry of a timeline; none where it has no time of its own, or tells nothing of the change.
fn entry(repository: &str, number: u64, event: &wire::TimelineEvent, authors: &Classifier) -> Option<Row> {
    let kind = event.event.as_deref().filter(|word| KINDS.iter().any(|kind| kind.word == *word))?;
    let kind = match kind {
        "head_ref_force_pushed" => "force_pushed",
        "review_dismissed" => "dismissed",
        other => other,
    };
    let actor = account_of(authors, event.actor.as_ref().or(event.user.as_ref()));
    let label = event.label.as_ref().and_then(|label| label.name.clone());
    let reviewer = || account_of(authors, event.requested_reviewer.as_ref()).map(|(pseudonym, _)| pseudonym.text());
    let occurred_at = event.created_at?;
    Some(Row {
        repository: repository.to_owned(),
        event_id: format!("{kind} {} {occurred_at}", id(number)),
        change_id: id(number),
        kind: kind.to_owned(),
        occurred_at,
        actor_id: actor.map(|(pseudonym, _)| pseudonym.text()),
        actor_kind: actor.map(|(_, kind)| kind.word().to_owned()),
        // Of other kinds it is not said which commit is meant.
        commit_sha: event.commit_id.clone().filter(|_| kind == "merged"),
        detail: label.or_else(reviewer),
    })
}
