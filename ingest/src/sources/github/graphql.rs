//! GraphQL: one question where REST needs hundreds of requests.
//!
//! Errors come with the status 200, with or without a part of the data, so an answer is read together with its
//! complaints. What GraphQL does not tell, or not wholly, REST is asked for: both make the same rows.

pub(super) mod pulls;
pub(super) mod statuses;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::Api;
use super::wire;
use super::work::{Repo, Trouble as Ending};
use crate::http::{HttpError, HttpErrorKind, Request};

/// How often an answer that came too early is asked for again.
const ATTEMPTS: u32 = 3;

/// Why GraphQL ended early.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It took too long, or would have: less may be answered.
    TooMuch(String),
    /// It does not answer as it should; REST may.
    Unusable(String),
    /// Neither would.
    Other(Ending),
}

/// An answer: what it tells, and what it says about the rest.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) data: Value,
    pub(super) complaints: Vec<Complaint>,
    pub(super) raw: Bytes,
}

#[derive(Deserialize)]
struct Answered {
    data: Option<Value>,
    #[serde(default)]
    errors: Option<Vec<Complaint>>,
}

/// One of the errors that come with an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Complaint {
    #[serde(rename = "type")]
    kind: Option<String>,
    message: Option<String>,
    #[serde(default)]
    path: Option<Vec<Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Connection<T> {
    #[serde(default = "Vec::new")]
    nodes: Vec<Option<T>>,
    page_info: PageInfo,
}

/// Only the first page is asked for: where it does not hold all, REST is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
}

impl<T> Connection<T> {
    /// All there is; none where there is more than this page.
    fn whole(self) -> Option<Vec<T>> {
        (!self.page_info.has_next_page).then(|| self.nodes.into_iter().flatten().collect())
    }
}

/// An account. Names are not always those of REST.
#[derive(Clone, Debug, Deserialize)]
struct Actor {
    #[serde(rename = "__typename")]
    kind: Option<String>,
    login: Option<String>,
}

impl From<Actor> for wire::Account {
    /// REST writes the login of a bot with `[bot]` behind it, and calls the coding agent of GitHub itself otherwise.
    fn from(actor: Actor) -> Self {
        let is_bot = actor.kind.as_deref() == Some("Bot");
        let login = actor.login.map(|login| match login.as_str() {
            "copilot-swe-agent" if is_bot => "Copilot".to_owned(),
            _ if is_bot => format!("{login}[bot]"),
            _ => login,
        });
        Self { login, kind: actor.kind }
    }
}

impl Complaint {
    fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }

    fn says(&self, words: &[&str]) -> bool {
        let message = self.message.as_deref().unwrap_or_default().to_ascii_lowercase();
        words.iter().any(|word| message.contains(word))
    }

    /// Whether the budget was used up, or too much was asked at once. The client waits before it asks again.
    fn is_too_early(&self) -> bool {
        self.is("RATE_LIMITED") || self.says(&["rate limit"])
    }

    fn is_too_much(&self) -> bool {
        self.is("MAX_NODE_LIMIT_EXCEEDED")
            || self.is("RESOURCE_LIMITS_EXCEEDED")
            || self.says(&["timeout", "timed out", "something went wrong while executing"])
    }

    /// Which of a list it speaks of, where it stands in `data` under `name`.
    fn place_in(&self, name: &str) -> Option<usize> {
        let path = self.path.as_ref()?;
        let is_there = path.first().and_then(Value::as_str) == Some(name);
        path.get(1).filter(|_| is_there).and_then(Value::as_u64).and_then(|place| usize::try_from(place).ok())
    }

    fn sentence(&self) -> String {
        let kind = self.kind.as_deref().unwrap_or("error");
        format!("{kind}: {}", self.message.as_deref().unwrap_or_default())
    }
}

/// Asks, and again where it was too early.
pub(super) async fn ask(api: &Api<'_>, query: &str, variables: &Value) -> Result<Told, Trouble> {
    let request = Request::post_json(api.graphql_url(), &json!({"query": query, "variables": variables}));
    let mut attempt = 1;
    loop {
        let raw = match api.ask(&request).await {
            Ok(answer) => answer.body,
            Err(error) => return Err(failed(api, error)),
        };
        let told = read(raw).map_err(Trouble::Unusable)?;
        match told.complaints.iter().find(|complaint| complaint.is_too_early()) {
            Some(_) if attempt < ATTEMPTS => attempt += 1,
            Some(early) => return Err(Trouble::Unusable(early.sentence())),
            None => return judged(api, told),
        }
    }
}

/// An answer that can be used, with what it complains of.
fn read(raw: Bytes) -> Result<Told, String> {
    let answered: Answered = serde_json::from_slice(&raw).map_err(|error| error.to_string())?;
    Ok(Told { data: answered.data.unwrap_or_default(), complaints: answered.errors.unwrap_or_default(), raw })
}

/// What an answer tells of each node that was asked for by id, in their order. One that is complained of is not told of.
fn each<T>(
    answer: &Told,
    asked: &[&str],
    one: impl Fn(&Value, &str, &Bytes) -> Option<T>,
) -> Result<Vec<Option<T>>, String> {
    let nodes = answer.data["nodes"].as_array().ok_or_else(|| match answer.complaints.first() {
        Some(complaint) => complaint.sentence(),
        None => "it has no nodes".to_owned(),
    })?;
    // A complaint that names no place may be about any of them.
    if let Some(complaint) = answer.complaints.iter().find(|complaint| complaint.place_in("nodes").is_none()) {
        return Err(complaint.sentence());
    }
    let told = |(place, id): (usize, &&str)| {
        let is_whole = !answer.complaints.iter().any(|complaint| complaint.place_in("nodes") == Some(place));
        nodes.get(place).filter(|_| is_whole).and_then(|node| one(node, id, &answer.raw))
    };
    Ok(asked.iter().enumerate().map(told).collect())
}

/// What ends the reading is passed on; anything else is said, and left to REST.
pub(super) fn leave_to_rest(repo: &Repo, trouble: Trouble) -> Result<(), Ending> {
    match trouble {
        Trouble::Other(ending) => Err(ending),
        Trouble::Unusable(why) | Trouble::TooMuch(why) => {
            tracing::warn!(repository = repo.full_name, why, "GraphQL does not answer as it should, asking REST");
            Ok(())
        }
    }
}

fn judged(api: &Api<'_>, told: Told) -> Result<Told, Trouble> {
    if let Some(much) = told.complaints.iter().find(|complaint| complaint.is_too_much()) {
        return Err(Trouble::TooMuch(much.sentence()));
    }
    match told.complaints.first() {
        // The question itself was refused, as by a server of an older release: it will not be understood later either.
        Some(first) if told.data.is_null() && first.kind.is_none() && first.path.is_none() => {
            api.give_up_graphql();
            Err(Trouble::Unusable(first.sentence()))
        }
        _ => Ok(told),
    }
}

/// Whether REST may have what GraphQL has not.
fn failed(api: &Api<'_>, error: HttpError) -> Trouble {
    let why = error.kind.to_string();
    match (&error.kind, error.status()) {
        (HttpErrorKind::TimedOut { .. }, _) | (_, Some(502 | 504)) => Trouble::TooMuch(why),
        // It is not there, or may not be used, or its budget, which is another than that of REST, is new too late.
        (HttpErrorKind::Limited { .. }, _) | (_, Some(400 | 403 | 404 | 405 | 410 | 422)) => {
            api.give_up_graphql();
            Trouble::Unusable(why)
        }
        (HttpErrorKind::Content(_), _) | (_, Some(500..=599)) => Trouble::Unusable(why),
        _ => Trouble::Other(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bots_are_called_as_rest_calls_them() {
        let login = |kind: &str, login: &str| {
            wire::Account::from(Actor { kind: Some(kind.to_owned()), login: Some(login.to_owned()) }).login
        };
        assert_eq!(login("Bot", "dependabot").as_deref(), Some("dependabot[bot]"));
        assert_eq!(login("Bot", "copilot-swe-agent").as_deref(), Some("Copilot"));
        assert_eq!(login("User", "ada").as_deref(), Some("ada"));
        assert_eq!(login("Mannequin", "copilot-swe-agent").as_deref(), Some("copilot-swe-agent"));
    }

    #[test]
    fn complaints_are_told_apart() {
        let of = |complaint: Value| serde_json::from_value::<Complaint>(complaint).expect("it is one");
        assert!(of(json!({"type": "RATE_LIMITED", "message": "API rate limit exceeded"})).is_too_early());
        assert!(of(json!({"message": "You have exceeded a secondary rate limit."})).is_too_early());
        let slow = "Something went wrong while executing your query. This may be the result of a timeout";
        assert!(of(json!({"message": slow})).is_too_much());
        assert!(of(json!({"type": "MAX_NODE_LIMIT_EXCEEDED", "message": "requests up to 600,000"})).is_too_much());
        let missing = of(json!({"type": "NOT_FOUND", "path": ["nodes", 2, "commits"], "message": "x"}));
        assert_eq!((missing.place_in("nodes"), missing.place_in("repository")), (Some(2), None));
        assert!(!missing.is_too_much() && !missing.is_too_early());
    }
}
