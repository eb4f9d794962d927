//! What there is about pull requests beside the list: their commits, reviews and timelines, two dozen pull requests with
//! one question, where REST needs up to four requests for each.
//!
//! Which pull requests changed, and what the list says of them, is always told by REST: it can be asked for changes
//! alone, and names merge commits and labels. Of each part whose first page is not all, REST is asked for the whole.

use std::fmt::Write;
use std::sync::LazyLock;

use bytes::Bytes;
use lake::Instant;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::api::Api;
use super::super::config::Streams;
use super::super::events::KINDS;
use super::super::wire;
use super::{Actor, Connection, Trouble, ask, each};

/// How many pull requests are asked for at once. With what is asked of each, a question costs about eight points of the
/// five thousand of an hour, and may have some ten thousand nodes where half a million are allowed.
pub(in super::super) const AT_ONCE: usize = 25;
/// Most commits, reviews and events of the timeline that come with a pull request; few have more.
pub(in super::super) const COMMITS: usize = 30;
pub(in super::super) const REVIEWS: usize = 30;
pub(in super::super) const EVENTS: usize = 60;
/// Most parents of a commit.
pub(in super::super) const PARENTS: usize = 10;

/// The question.
pub(in super::super) static QUERY: LazyLock<String> = LazyLock::new(|| {
    let (mut types, mut parts) = (String::new(), String::new());
    for kind in &KINDS {
        let (screaming, actor) =
            (screaming(kind.graphql), if kind.word == "commented" { "actor: author" } else { "actor" });
        let more = match kind.word {
            "labeled" | "unlabeled" => " label { name }",
            "merged" => " commit { oid }",
            "review_requested" | "review_request_removed" => {
                " requestedReviewer { __typename ... on User { login } ... on Bot { login } ... on Mannequin { login } }"
            }
            _ => "",
        };
        write!(types, " {screaming}").expect("text can be written");
        writeln!(parts, "          ... on {} {{ createdAt {actor} {{ __typename login }}{more} }}", kind.graphql)
            .expect("text can be written");
    }
    format!(
        "\
query($ids: [ID!]!, $reviews: Boolean!, $timeline: Boolean!) {{
  nodes(ids: $ids) {{
    ... on PullRequest {{
      id
      mergeCommit {{ ...written }}
      commits(first: {COMMITS}) {{
        nodes {{ commit {{ ...written }} }}
        pageInfo {{ hasNextPage }}
      }}
      reviews(first: {REVIEWS}) @include(if: $reviews) {{
        nodes {{ fullDatabaseId author {{ __typename login }} state submittedAt commit {{ oid }} }}
        pageInfo {{ hasNextPage }}
      }}
      timelineItems(first: {EVENTS}, itemTypes: [{types} ]) @include(if: $timeline) {{
        nodes {{
          __typename
{parts}        }}
        pageInfo {{ hasNextPage }}
      }}
    }}
  }}
  rateLimit {{ cost remaining resetAt nodeCount }}
}}
fragment written on Commit {{
  oid
  message
  author {{ name email date user {{ login }} }}
  committer {{ name email date }}
  parents(first: {PARENTS}) {{
    nodes {{ oid }}
    pageInfo {{ hasNextPage }}
  }}
}}"
    )
});

/// `ReadyForReviewEvent` as `READY_FOR_REVIEW_EVENT`.
fn screaming(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

/// What was told of one pull request: each part is whole, or missing.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Told {
    pub(in super::super) commits: Option<Vec<wire::Commit>>,
    pub(in super::super) reviews: Option<Vec<wire::Review>>,
    pub(in super::super) timeline: Option<Vec<wire::TimelineEvent>>,
    pub(in super::super) merged_as: Option<wire::Commit>,
    /// The answer it stood in.
    pub(in super::super) raw: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pull {
    id: String,
    merge_commit: Option<Commit>,
    commits: Option<Connection<Own>>,
    reviews: Option<Connection<Review>>,
    timeline_items: Option<Connection<Event>>,
}

#[derive(Deserialize)]
struct Own {
    commit: Commit,
}

#[derive(Deserialize)]
struct Commit {
    oid: String,
    message: Option<String>,
    author: Option<Person>,
    committer: Option<Person>,
    parents: Option<Connection<Id>>,
}

#[derive(Deserialize)]
struct Person {
    name: Option<String>,
    email: Option<String>,
    /// With the writer's own offset, which REST does not tell and we therefore do not keep.
    date: Option<Instant>,
    user: Option<User>,
}

#[derive(Deserialize)]
struct User {
    login: Option<String>,
}

#[derive(Deserialize)]
struct Id {
    oid: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    /// A number that may be larger than the schema's `Int`, as text.
    full_database_id: Option<Value>,
    author: Option<Actor>,
    state: Option<String>,
    submitted_at: Option<Instant>,
    commit: Option<Id>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "__typename")]
    kind: String,
    created_at: Option<Instant>,
    actor: Option<Actor>,
    label: Option<wire::Label>,
    commit: Option<Id>,
    requested_reviewer: Option<Actor>,
}

/// What is told of the pull requests with these ids, in their order; none where nothing can be used.
pub(in super::super) async fn told(
    api: &Api<'_>,
    streams: &Streams,
    ids: &[&str],
) -> Result<Vec<Option<Told>>, Trouble> {
    let mut all = Vec::with_capacity(ids.len());
    let mut at_once = AT_ONCE;
    while all.len() < ids.len() {
        let asked: Vec<&str> = ids.iter().skip(all.len()).take(at_once).copied().collect();
        let variables = json!({"ids": asked, "reviews": streams.reviews, "timeline": streams.timeline});
        match ask(api, &QUERY, &variables).await {
            Ok(answer) => all.extend(each(&answer, &asked, one).map_err(Trouble::Unusable)?),
            Err(Trouble::TooMuch(_)) if asked.len() > 1 => at_once = asked.len() / 2,
            // This one alone is too much.
            Err(Trouble::TooMuch(_)) => all.push(None),
            Err(trouble) => return Err(trouble),
        }
    }
    Ok(all)
}

fn one(node: &Value, id: &str, raw: &Bytes) -> Option<Told> {
    let pull = Pull::deserialize(node).ok().filter(|pull| pull.id == id)?;
    Some(Told {
        commits: all(pull.commits, |own| commit(own.commit)),
        reviews: all(pull.reviews, review),
        timeline: all(pull.timeline_items, event),
        merged_as: pull.merge_commit.and_then(commit),
        raw: raw.clone(),
    })
}

/// A part as REST would tell it; none unless it is whole and every element can be used.
fn all<T, U>(part: Option<Connection<T>>, one: impl Fn(T) -> Option<U>) -> Option<Vec<U>> {
    part?.whole()?.into_iter().map(one).collect()
}

fn commit(commit: Commit) -> Option<wire::Commit> {
    let account = commit.author.as_ref().and_then(|author| author.user.as_ref()).and_then(|user| user.login.clone());
    let parents = commit.parents?.whole()?;
    let signature = |person: Person| wire::Signature { name: person.name, email: person.email, date: person.date };
    Some(wire::Commit {
        sha: commit.oid,
        body: wire::CommitBody {
            author: commit.author.map(signature),
            committer: commit.committer.map(signature),
            message: commit.message,
        },
        author: account.map(|login| wire::Account { login: Some(login), kind: Some("User".to_owned()) }),
        parents: parents.into_iter().map(|parent| wire::Parent { sha: parent.oid }).collect(),
    })
}

/// REST names the commit of a review even where it is gone.
fn review(review: Review) -> Option<wire::Review> {
    let id = match review.full_database_id? {
        Value::String(text) => text.parse().ok()?,
        number => number.as_u64()?,
    };
    Some(wire::Review {
        id,
        user: review.author.map(Into::into),
        state: review.state,
        submitted_at: review.submitted_at,
        commit_id: Some(review.commit?.oid),
    })
}

/// An event. One of a kind that was not asked for is none that we know.
fn event(event: Event) -> Option<wire::TimelineEvent> {
    let kind = KINDS.iter().find(|kind| kind.graphql == event.kind)?;
    let commit_id = event.commit.map(|commit| commit.oid);
    if kind.word == "merged" && commit_id.is_none() {
        return None;
    }
    Some(wire::TimelineEvent {
        id: None,
        event: Some(kind.word.to_owned()),
        created_at: event.created_at,
        actor: event.actor.map(Into::into),
        user: None,
        commit_id,
        label: event.label,
        requested_reviewer: event.requested_reviewer.filter(|reviewer| reviewer.login.is_some()).map(Into::into),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a question costs at most, in points of the budget, and how many nodes its answer may have, as GitHub counts.
    fn cost() -> (usize, usize) {
        let connections = AT_ONCE * 3 + AT_ONCE * (COMMITS + 1);
        let nodes = AT_ONCE * (1 + COMMITS + REVIEWS + EVENTS) + AT_ONCE * (COMMITS + 1) * PARENTS;
        (connections.div_ceil(100), nodes)
    }

    #[test]
    fn a_question_is_far_below_what_is_allowed() {
        let (points, nodes) = cost();
        assert!(nodes <= 500_000 / 10, "{nodes}");
        // As many pull requests an hour as its points allow are far more than REST gives for its requests.
        assert!(5000 / points * AT_ONCE >= 5 * 5000 / 4, "{points}");
        assert!(QUERY.contains("HEAD_REF_FORCE_PUSHED_EVENT") && QUERY.contains("ISSUE_COMMENT"));
    }

    fn node(id: &str) -> Value {
        let end = json!({"hasNextPage": false});
        let person = json!({"name": "Ada", "email": "ada@example.com", "date": "2026-01-05T10:00:00+02:00",
            "user": {"login": "ada"}});
        let commit = json!({"oid": "f00", "message": "Do it", "author": person, "committer": person,
            "parents": {"nodes": [{"oid": "f01"}], "pageInfo": end}});
        let review = json!({"fullDatabaseId": "9007199254740993", "author": null, "state": "APPROVED",
            "submittedAt": "2026-01-05T09:00:00Z", "commit": {"oid": "f00"}});
        let labeled = json!({"__typename": "LabeledEvent", "createdAt": "2026-01-05T08:30:00Z", "label": {"name": "big"},
            "actor": {"__typename": "Bot", "login": "labeler"}});
        json!({"id": id, "mergeCommit": null, "commits": {"nodes": [{"commit": commit}], "pageInfo": end},
            "reviews": {"nodes": [review], "pageInfo": end}, "timelineItems": {"nodes": [labeled], "pageInfo": end}})
    }

    fn answer(nodes: &[Value], errors: &Value) -> super::super::Told {
        let raw = json!({"data": {"nodes": nodes}, "errors": errors}).to_string();
        super::super::read(raw.into()).expect("it is an answer")
    }

    #[test]
    fn an_answer_is_read_as_rest_would_tell_it() {
        let told = each(&answer(&[node("PR_1")], &Value::Null), &["PR_1"], one).expect("it is an answer");
        let [Some(told)] = told.as_slice() else { panic!("one was asked for") };
        let commits = told.commits.as_ref().expect("they are whole");
        let written = commits[0].body.author.as_ref().and_then(|author| author.date);
        assert_eq!(written, Instant::parse("2026-01-05T08:00:00Z").ok(), "the same instant");
        assert_eq!(told.reviews.as_ref().expect("they are whole")[0].id, 9_007_199_254_740_993);
        let events = told.timeline.as_ref().expect("it is whole");
        assert_eq!(events[0].event.as_deref(), Some("labeled"));
        assert_eq!(events[0].actor.as_ref().and_then(|actor| actor.login.as_deref()), Some("labeler[bot]"));
    }

    #[test]
    fn a_part_that_is_not_whole_is_left_to_rest_alone() {
        let mut long = node("PR_1");
        long["commits"]["pageInfo"]["hasNextPage"] = json!(true);
        long["reviews"]["nodes"][0]["commit"] = Value::Null;
        let told = each(&answer(&[long], &Value::Null), &["PR_1"], one).expect("it is an answer");
        let told = told[0].as_ref().expect("the rest of it can be used");
        assert!(told.commits.is_none() && told.reviews.is_none() && told.timeline.is_some());
    }

    #[test]
    fn one_that_is_complained_of_does_not_spoil_the_others() {
        let gone = json!([{"type": "NOT_FOUND", "path": ["nodes", 0], "message": "Could not resolve to a node"}]);
        let nodes = [Value::Null, node("PR_2"), node("PR_9")];
        let told = each(&answer(&nodes, &gone), &["PR_1", "PR_2", "PR_3"], one).expect("it is an answer");
        let is_told: Vec<bool> = told.iter().map(Option::is_some).collect();
        assert_eq!(is_told, [false, true, false], "the third is another one than was asked for");
        let anywhere = json!([{"message": "Half of it is missing"}]);
        let why = each(&answer(&[node("PR_1")], &anywhere), &["PR_1"], one).expect_err("nobody knows what is missing");
        assert_eq!(why, "error: Half of it is missing");
    }
}
