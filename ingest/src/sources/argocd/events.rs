//! What the stream of applications says, line by line: JSON objects, bare or as server-sent events.

use serde_json::Value;

use super::list::{Item, application};
use super::wire::Application;

/// One line of the stream.
#[derive(Debug)]
pub(super) enum Event {
    /// An application as it now is.
    Changed(Box<Application>),
    /// An application that was deleted, as it last was.
    Deleted(Box<Application>),
    /// An application that cannot be read, and why.
    Malformed(String),
    /// The server ends the stream, and why.
    Refused(String),
    /// A sign of life, as the server sends one every 15 s.
    Alive,
    /// Something that frames events.
    Nothing,
}

/// Reads one line.
pub(super) fn event(line: &[u8]) -> Event {
    let line = line.trim_ascii();
    let content = match line.strip_prefix(b"data:") {
        Some(content) => content.trim_ascii_start(),
        None if line.first() == Some(&b'{') => line,
        None if line.first() == Some(&b':') => return Event::Alive,
        None => return Event::Nothing,
    };
    if content.is_empty() {
        return Event::Nothing;
    }
    match serde_json::from_slice::<Value>(content) {
        Ok(Value::Object(mut object)) => match object.remove("result") {
            Some(result) => change(result),
            None => Event::Refused(told(&object)),
        },
        Ok(_) => Event::Malformed("an event of the stream is no object".to_owned()),
        Err(error) => Event::Malformed(format!("an event of the stream is no JSON: {error}")),
    }
}

fn change(mut result: Value) -> Event {
    let kind = result.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(content) = result.get_mut("application").map(Value::take) else {
        return Event::Malformed(format!("an event `{kind}` of the stream has no application"));
    };
    let item: Item = application(content, "an event of the stream");
    match item {
        Ok(application) if kind == "DELETED" => Event::Deleted(Box::new(application)),
        Ok(application) => Event::Changed(Box::new(application)),
        Err(why) => Event::Malformed(why),
    }
}

/// What an error of the stream says.
fn told(object: &serde_json::Map<String, Value>) -> String {
    let error = object.get("error");
    let message = error.and_then(|error| error.get("message").unwrap_or(error).as_str());
    message.unwrap_or("it did not say why").to_owned()
}
