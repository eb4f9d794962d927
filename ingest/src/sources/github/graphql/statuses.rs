//! The statuses of deployments: those of a hundred with one question, where REST needs a request for each.
//!
//! Which deployments there are is told by REST: it alone knows their numbers, which no longer fit into what GraphQL calls
//! an integer, and whether they went to production.

use bytes::Bytes;
use lake::Instant;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::api::Api;
use super::super::{statuses, wire};
use super::{Connection, Trouble, ask, each};

/// How many deployments are asked for at once: a question costs one point of the five thousand of an hour, and its
/// answer may have five thousand nodes where half a million are allowed.
const AT_ONCE: usize = 100;

/// The question.
pub(in super::super) const QUERY: &str = "\
query($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on Deployment {
      id
      statuses(first: 50) {
        nodes { state environment createdAt }
        pageInfo { hasNextPage }
      }
    }
  }
  rateLimit { cost remaining resetAt nodeCount }
}";

/// All statuses of one deployment.
#[derive(Clone, Debug)]
pub(in super::super) struct Told {
    pub(in super::super) statuses: Vec<wire::DeploymentStatus>,
    /// The answer they stood in.
    pub(in super::super) raw: Bytes,
}

#[derive(Deserialize)]
struct Deployment {
    id: String,
    statuses: Option<Connection<Status>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    state: Option<String>,
    environment: Option<String>,
    created_at: Instant,
}

/// What is told of the deployments with these ids, in their order; none where it is not told wholly.
pub(in super::super) async fn told(api: &Api<'_>, ids: &[&str]) -> Result<Vec<Option<Told>>, Trouble> {
    let mut all = Vec::with_capacity(ids.len());
    let mut at_once = AT_ONCE;
    while all.len() < ids.len() {
        let asked: Vec<&str> = ids.iter().skip(all.len()).take(at_once).copied().collect();
        match ask(api, QUERY, &json!({"ids": asked})).await {
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
    let deployment = Deployment::deserialize(node).ok().filter(|deployment| deployment.id == id)?;
    let status = |status: Status| wire::DeploymentStatus {
        id: None,
        state: status.state.map(|state| state.to_ascii_lowercase()),
        environment: status.environment,
        created_at: status.created_at,
    };
    let told: Vec<wire::DeploymentStatus> = deployment.statuses?.whole()?.into_iter().map(status).collect();
    // REST numbers them, which tells the order of those that share a second.
    (!statuses::needs_numbers(&told)).then(|| Told { statuses: told, raw: raw.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(statuses: &[(&str, &str)], has_next_page: bool) -> Value {
        let statuses: Vec<Value> = statuses
            .iter()
            .map(
                |(state, at)| json!({"state": state, "environment": null, "createdAt": format!("2026-01-05T08:{at}Z")}),
            )
            .collect();
        json!({"id": "DE_7", "statuses": {"nodes": statuses, "pageInfo": {"hasNextPage": has_next_page}}})
    }

    fn told(node: &Value) -> Option<Vec<String>> {
        let states = |status: wire::DeploymentStatus| status.state.unwrap_or_default();
        one(node, "DE_7", &Bytes::new()).map(|told| told.statuses.into_iter().map(states).collect())
    }

    #[test]
    fn what_is_whole_is_told_as_rest_would_tell_it() {
        let whole = node(&[("SUCCESS", "05:00"), ("IN_PROGRESS", "01:00"), ("QUEUED", "01:00")], false);
        assert_eq!(told(&whole), Some(vec!["success".to_owned(), "in_progress".to_owned(), "queued".to_owned()]));
        assert_eq!(told(&node(&[], false)), Some(Vec::new()), "it has none yet");
    }

    #[test]
    fn what_is_not_whole_or_in_no_order_is_left_to_rest() {
        assert_eq!(told(&node(&[("SUCCESS", "05:00")], true)), None, "there are more");
        assert_eq!(told(&node(&[("FAILURE", "05:00"), ("IN_PROGRESS", "05:00")], false)), None, "which came first?");
        assert_eq!(told(&json!({"id": "DE_8", "statuses": {"nodes": [], "pageInfo": {"hasNextPage": false}}})), None);
        assert_eq!(told(&Value::Null), None);
    }
}
