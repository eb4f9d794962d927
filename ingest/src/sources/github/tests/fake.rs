//! A GitHub that is not there: a world in memory, told by the rules of the contract.
//!
//! [`answer`] is a pure function of the world and one request, and rests on nothing but `serde_json`, so that it can
//! stand behind any server. It is stricter than GitHub: a request that the contract does not describe is refused.

mod bodies;
mod clock;
mod graphql;
mod query;
mod routes;
mod world;

pub(crate) use clock::text;
pub(crate) use world::{
    Check, Commit, Deployment, Event, Issue, Person, Pull, Release, Repo, Review, Run, Tag, World, sha,
};

/// Status, headers and body.
pub(crate) type Answer = (u16, Vec<(String, String)>, Vec<u8>);

/// What the world answers to one request. `headers` have lower-case names.
pub(crate) fn answer(world: &World, method: &str, target: &str, headers: &[(String, String)], body: &[u8]) -> Answer {
    let header = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let request = query::Request::parse(method, target, header("host").unwrap_or("api.github.example"));
    let told = match refused(world, &header) {
        Some(refused) => refused,
        None => routes::route(world, &request, body),
    };
    let mut answer = told.finish(world);
    let is_same = |headers: &[(String, String)]| {
        let etag = headers.iter().find(|(name, _)| name == "etag").map(|(_, value)| value.as_str());
        etag.is_some() && etag == header("if-none-match")
    };
    if method == "GET" && answer.0 == 200 && is_same(&answer.1) {
        answer.0 = 304;
        answer.2.clear();
        answer.1.retain(|(name, _)| name != "content-type" && name != "link");
    }
    answer
}

/// What is wrong with the headers of a request.
fn refused<'h>(world: &World, header: &impl Fn(&str) -> Option<&'h str>) -> Option<routes::Told> {
    if header("user-agent").is_none_or(str::is_empty) {
        return Some(routes::Told::error(
            403,
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
        ));
    }
    if header("x-github-api-version") != Some("2022-11-28") {
        return Some(routes::Told::error(400, "the version of the API has to be named"));
    }
    if header("accept") != Some("application/vnd.github+json") {
        return Some(routes::Told::error(415, "Unsupported 'Accept' header"));
    }
    let expected = world.token.as_ref().map(|token| format!("Bearer {token}"));
    match (header("authorization"), expected) {
        (_, None) => None,
        (Some(sent), Some(expected)) if sent == expected => None,
        _ => Some(routes::Told::error(401, "Bad credentials")),
    }
}
