//! Deployments with their statuses by GraphQL: a hundred with one request, where REST needs a request for each.
//!
//! Errors come with the status 200, with or without a part of the data: an answer with errors is no answer.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::Api;
use super::deployments::Told;
use super::wire;
use super::work::{Repo, Trouble as Ending};
use crate::http::{HttpError, HttpErrorKind, Request};

/// The question. Names of accounts as REST gives them: a bot's login has no `[bot]` here.
pub(super) const QUERY: &str = "\
query($owner: String!, $name: String!, $first: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    deployments(first: $first, after: $after, orderBy: {field: CREATED_AT, direction: DESC}) {
      nodes {
        databaseId
        commitOid
        latestEnvironment
        originalEnvironment
        createdAt
        creator { __typename login }
        statuses(first: 50) {
          nodes { state environment createdAt }
          pageInfo { hasNextPage }
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
  rateLimit { cost remaining resetAt }
}";

/// How many deployments are asked for at once: fifty statuses of each are well below the most nodes of an answer.
const FIRST: u32 = 100;
/// How often an answer that was cut short, or came too early, is asked for again.
const ATTEMPTS: u32 = 3;

/// Why GraphQL ended early.
pub(super) enum Trouble {
    /// It does not answer as it should; REST may.
    Unusable(String),
    /// Neither would.
    Other(Ending),
}

impl From<crate::SourceError> for Trouble {
    fn from(error: crate::SourceError) -> Self {
        Self::Other(error.into())
    }
}

/// One page.
pub(super) struct Page {
    pub(super) told: Vec<Told>,
    pub(super) raw: Bytes,
    /// Where the next page begins.
    pub(super) next: Option<String>,
}

#[derive(Deserialize)]
struct Answered {
    data: Option<Value>,
    #[serde(default)]
    errors: Option<Vec<Complaint>>,
}

#[derive(Deserialize)]
struct Complaint {
    #[serde(rename = "type")]
    kind: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Connection<T> {
    #[serde(default = "Vec::new")]
    nodes: Vec<Option<T>>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deployment {
    /// It does not fit into the schema's `Int` any more where deployments are many, and is null then.
    database_id: Option<u64>,
    commit_oid: Option<String>,
    latest_environment: Option<String>,
    original_environment: Option<String>,
    created_at: lake::Instant,
    creator: Option<Creator>,
    statuses: Option<Connection<Status>>,
}

#[derive(Deserialize)]
struct Creator {
    #[serde(rename = "__typename")]
    kind: Option<String>,
    login: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    state: Option<String>,
    environment: Option<String>,
    created_at: lake::Instant,
}

/// The page after the cursor `after`, newest deployments first.
pub(super) async fn page(api: &Api<'_>, repo: &Repo, after: Option<&str>) -> Result<Page, Trouble> {
    let (owner, name) = repo.full_name.split_once('/').unwrap_or((&repo.full_name, ""));
    let mut first = FIRST;
    let mut attempt = 1;
    loop {
        let variables = json!({"owner": owner, "name": name, "first": first, "after": after});
        let request = Request::post_json(api.graphql_url(), &json!({"query": QUERY, "variables": variables}));
        let raw = match api.ask(&request).await {
            Ok(answer) => answer.body,
            Err(error) if is_refusal(&error) => return Err(Trouble::Unusable(error.kind.to_string())),
            Err(error) => return Err(Trouble::Other(error.into())),
        };
        match read(&raw) {
            Ok((told, next)) => return Ok(Page { told, raw, next }),
            // The budget was used up: the client waits before it asks again. Or the question was too large.
            Err(_) if attempt < ATTEMPTS => first = (first / 2).max(10),
            Err(why) => return Err(Trouble::Unusable(why)),
        }
        attempt += 1;
    }
}

/// Whether REST may have what GraphQL has not: it is not there, or may not be used.
fn is_refusal(error: &HttpError) -> bool {
    matches!(error.status(), Some(400 | 403 | 404 | 405 | 410 | 422 | 500..=504))
        || matches!(error.kind, HttpErrorKind::Content(_))
}

/// What an answer tells, or why it tells nothing.
fn read(raw: &[u8]) -> Result<(Vec<Told>, Option<String>), String> {
    let answered: Answered = serde_json::from_slice(raw).map_err(|error| error.to_string())?;
    let errors = answered.errors.unwrap_or_default();
    if let Some(first) = errors.first() {
        let kind = first.kind.as_deref().unwrap_or("error");
        return Err(format!("{kind}: {}", first.message.as_deref().unwrap_or_default()));
    }
    let deployments = answered.data.as_ref().and_then(|data| data.pointer("/repository/deployments")).cloned();
    let page: Connection<Deployment> =
        serde_json::from_value(deployments.ok_or("it has no deployments")?).map_err(|error| error.to_string())?;
    let told = page.nodes.into_iter().flatten().map(told).collect::<Result<_, String>>()?;
    let next = page.page_info.end_cursor.filter(|_| page.page_info.has_next_page);
    Ok((told, next))
}

fn told(deployment: Deployment) -> Result<Told, String> {
    let id = deployment.database_id.ok_or("a deployment has no number")?;
    let statuses = deployment.statuses.ok_or("a deployment has no statuses")?;
    if statuses.page_info.has_next_page {
        return Err(format!("the deployment `{id}` has more statuses than fit into the answer"));
    }
    let status = |status: Status| wire::DeploymentStatus {
        id: None,
        state: status.state.map(|state| state.to_ascii_lowercase()),
        environment: status.environment,
        created_at: status.created_at,
    };
    let statuses = statuses.nodes.into_iter().flatten().map(status).collect();
    let creator = deployment.creator.map(|creator| {
        let is_bot = creator.kind.as_deref() == Some("Bot");
        // REST writes the login of a bot with `[bot]` behind it.
        let login = creator.login.map(|login| if is_bot { format!("{login}[bot]") } else { login });
        wire::Account { login, kind: creator.kind }
    });
    let deployment = wire::Deployment {
        id,
        sha: deployment.commit_oid,
        environment: deployment.latest_environment.or(deployment.original_environment),
        creator,
        created_at: deployment.created_at,
    };
    Ok(Told { deployment, statuses })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(node: &Value) -> Vec<u8> {
        let page = json!({"nodes": [node, null], "pageInfo": {"hasNextPage": true, "endCursor": "abc"}});
        json!({"data": {"repository": {"deployments": page}}}).to_string().into_bytes()
    }

    fn node() -> Value {
        json!({"databaseId": 7, "commitOid": "f00", "latestEnvironment": "production", "originalEnvironment": "prod",
            "createdAt": "2026-01-05T08:00:00Z", "creator": {"__typename": "Bot", "login": "github-actions"},
            "statuses": {"nodes": [{"state": "IN_PROGRESS", "environment": null, "createdAt": "2026-01-05T08:00:01Z"}],
                "pageInfo": {"hasNextPage": false, "endCursor": null}}})
    }

    #[test]
    fn an_answer_is_read_as_rest_would_tell_it() {
        let (told, next) = read(&answer(&node())).expect("it is an answer");
        assert_eq!(next.as_deref(), Some("abc"));
        let [told] = told.as_slice() else { panic!("one node is null") };
        assert_eq!((told.deployment.id, told.deployment.environment.as_deref()), (7, Some("production")));
        let creator = told.deployment.creator.as_ref().expect("somebody");
        assert_eq!(creator.login.as_deref(), Some("github-actions[bot]"));
        assert_eq!(told.statuses[0].state.as_deref(), Some("in_progress"));
    }

    #[test]
    fn an_answer_with_errors_is_none_whatever_else_it_holds() {
        let why = |raw: &[u8]| read(raw).expect_err("it cannot be used");
        let limited = json!({"data": {"repository": null}, "errors": [{"type": "RATE_LIMITED", "message": "later"}]});
        assert_eq!(why(limited.to_string().as_bytes()), "RATE_LIMITED: later");
        let mut partial: Value = serde_json::from_slice(&answer(&node())).expect("it is JSON");
        partial["errors"] = json!([{"message": "timed out"}]);
        assert_eq!(why(partial.to_string().as_bytes()), "error: timed out");
        assert_eq!(why(b"{\"data\":{\"repository\":null}}"), "it has no deployments");
    }

    #[test]
    fn what_does_not_fit_is_left_to_rest() {
        let why = |node: &Value| read(&answer(node)).expect_err("it is not whole");
        let mut large = node();
        large["databaseId"] = Value::Null;
        assert_eq!(why(&large), "a deployment has no number");
        let mut many = node();
        many["statuses"]["pageInfo"]["hasNextPage"] = json!(true);
        assert_eq!(why(&many), "the deployment `7` has more statuses than fit into the answer");
    }
}
