//! The world behind the tests keeps to GitHub's own description of its API, and so does every request that is made of
//! it. Without the description these tests say that they skip.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use super::story::{a_day_later, world};
use super::*;

/// A file of the folder of contracts: `DORACLE_CONTRACTS`, or beside the recorded answers.
pub(super) fn contract(name: &str) -> Option<String> {
    let beside = || Some(PathBuf::from(std::env::var_os("DORACLE_FIXTURES")?).join("../reference/openapi"));
    let folder = std::env::var_os("DORACLE_CONTRACTS").map(PathBuf::from).or_else(beside);
    let text = folder.and_then(|folder| std::fs::read_to_string(folder.join(name)).ok());
    if text.is_none() {
        skipped(name);
    }
    text
}

#[expect(clippy::print_stderr, reason = "a test that is skipped has to say so")]
fn skipped(name: &str) {
    eprintln!("skipped: `{name}` needs DORACLE_CONTRACTS");
}

/// Schemas of `OpenAPI` 3.0, as far as the description uses them.
struct Contract(Value);

impl Contract {
    fn deref<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(target) => self.deref(self.0.pointer(target.trim_start_matches('#')).expect("it refers to something")),
            None => schema,
        }
    }

    /// What is wrong with a value, with the place of each.
    fn check(&self, schema: &Value, value: &Value, place: &str, wrong: &mut Vec<String>) {
        let schema = self.deref(schema);
        if value.is_null() && schema["nullable"] == true {
            return;
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.check(part, value, place, wrong);
        }
        for key in ["anyOf", "oneOf"] {
            let Some(parts) = schema[key].as_array() else { continue };
            let fits = |part: &Value| {
                let mut wrong = Vec::new();
                self.check(part, value, place, &mut wrong);
                wrong.is_empty()
            };
            if !parts.iter().any(fits) {
                wrong.push(format!("{place} is none of the {key}"));
            }
        }
        let is_type = match schema["type"].as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            _ => true,
        };
        if !is_type {
            wrong.push(format!("{place} is no {}: {value}", schema["type"]));
            return;
        }
        if let (Some(words), false) = (schema["enum"].as_array(), value.is_null())
            && !words.contains(value)
        {
            wrong.push(format!("{place} is none of the words: {value}"));
        }
        if let (Some("date-time"), Some(text)) = (schema["format"].as_str(), value.as_str())
            && Instant::parse(text).is_err()
        {
            wrong.push(format!("{place} is no time: {text}"));
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if value.is_object() && value.get(name).is_none() {
                wrong.push(format!("{place} lacks `{name}`"));
            }
        }
        for (name, part) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(inner) = value.get(name) {
                self.check(part, inner, &format!("{place}.{name}"), wrong);
            }
        }
        for (at, inner) in value.as_array().into_iter().flatten().enumerate() {
            if schema.get("items").is_some() {
                self.check(&schema["items"], inner, &format!("{place}[{at}]"), wrong);
            }
        }
    }

    /// The operation that a request is, the most literal path first.
    fn operation(&self, method: &str, path: &str) -> Option<(&String, &Value)> {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let paths = self.0["paths"].as_object()?;
        let fitting = paths.iter().filter(|(template, operations)| {
            let template: Vec<&str> = template.trim_start_matches('/').split('/').collect();
            // The reference of `git/ref/{ref}` has slashes of its own.
            let has_tail =
                template.last() == Some(&"{ref}") && template.contains(&"git") && parts.len() >= template.len();
            let is_long = template.len() == parts.len() || has_tail;
            let fits = template.iter().zip(&parts).all(|(known, part)| known.starts_with('{') || known == part);
            is_long && fits && operations.get(method).is_some()
        });
        fitting.min_by_key(|(template, _)| template.matches('{').count()).map(|(path, all)| (path, &all[method]))
    }

    /// What is wrong with the parameters of a request.
    fn parameters(&self, operation: &Value, asked: &Asked, wrong: &mut Vec<String>) {
        let target = asked.line.split_once(' ').map_or("", |(_, target)| target);
        let query = target.split_once('?').map_or("", |(_, query)| query);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let known = operation["parameters"].as_array().into_iter().flatten().map(|parameter| self.deref(parameter));
            let Some(parameter) = known.into_iter().find(|known| known["name"] == *name && known["in"] == "query")
            else {
                wrong.push(format!("{}: there is no parameter `{name}`", asked.line));
                continue;
            };
            let schema = self.deref(&parameter["schema"]);
            let value = match schema["type"].as_str() {
                Some("integer") => value.parse::<i64>().map_or(Value::Null, Value::from),
                Some("boolean") => Value::from(value == "true"),
                _ => Value::from(value.into_owned()),
            };
            self.check(schema, &value, &format!("{} `{name}`", asked.line), wrong);
        }
    }
}

#[tokio::test]
async fn every_request_and_every_answer_keeps_to_the_contract() {
    let Some(text) = contract("github-api-dora.json") else { return };
    let contract = Contract(serde_json::from_str(&text).expect("the description is JSON"));
    let stage = stage(world()).await;
    let mut config = Config { graphql: false, repositories: vec!["acme/api".to_owned()], ..config(&stage) };
    config.releases = Some(ReleaseRule {
        pattern: "^v".into(),
        environment: "production".into(),
        service: None,
        prereleases: true,
        tags: true,
    });
    config.streams.checks = true;
    let first = read(&config, None).await.whole();
    a_day_later(&mut stage.world.lock().expect("nobody panics"));
    let second = read(&config, first.cursor.as_deref()).await.whole();
    let range = Range {
        since: Instant::parse("2026-01-06T00:00:00Z").ok(),
        until: Instant::parse("2026-01-09T00:00:00Z").ok(),
    };
    read_range(&config, second.cursor.as_deref(), range).await.whole();
    let world = stage.world.lock().expect("nobody panics").clone();
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    for asked in stage.server.asked() {
        // Links lead to the number of the repository, which the contract does not describe.
        let line = asked.line.replace("/repositories/11/", "/repos/acme/api/");
        let asked = Asked {
            line,
            headers: asked.headers.into_iter().filter(|(name, _)| name != "if-none-match").collect(),
            ..asked
        };
        let Some((path, operation)) = contract.operation("get", asked.path()) else {
            wrong.push(format!("{}: there is no such operation", asked.line));
            continue;
        };
        contract.parameters(operation, &asked, &mut wrong);
        let Reply::Page { status: 200, body, .. } = of_world(&world, &asked) else { continue };
        seen.insert(path.clone());
        let body: Value = serde_json::from_slice(&body).expect("the world speaks JSON");
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{path} has an answer");
        contract.check(schema, &body, path, &mut wrong);
    }
    // Real lists have accounts that are gone where the contract allows none, and so has the story.
    let is_gone = |text: &String| text.ends_with(".user is no \"object\": null");
    // It calls `created` a time, and the manual has it take a range of times.
    let is_range = |text: &String| text.contains("`created` is no time: ") && text.contains("..");
    wrong.retain(|text| !is_gone(text) && !is_range(text));
    wrong.sort();
    wrong.dedup();
    assert_eq!(wrong, Vec::<String>::new());
    assert!(seen.len() >= 17, "{seen:#?}");
}
