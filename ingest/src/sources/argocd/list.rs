//! The list of applications, one application at a time: it may be tens of megabytes, of which little is kept.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::wire::Application;

/// One item of the list: an application, or a sentence about what is wrong with it.
pub(super) type Item = Result<Application, String>;

/// The items of a list.
///
/// # Errors
/// [`serde_json::Error`] where it is no list of applications at all.
pub(super) fn items(body: &[u8]) -> Result<Vec<Item>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let items = deserializer.deserialize_map(List)?;
    deserializer.end()?;
    Ok(items)
}

/// One application, or what is wrong with it. `place` says which one it is.
pub(super) fn application(value: Value, place: &str) -> Item {
    let name = |path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or("?").to_owned();
    let named = format!("{place} (`{}/{}`)", name("/metadata/namespace"), name("/metadata/name"));
    Application::deserialize(value).map_err(|error| format!("{named} is no application: {error}"))
}

/// The object around the items.
struct List;

impl<'de> Visitor<'de> for List {
    type Value = Vec<Item>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of applications")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Item>, A::Error> {
        let mut items = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == "items" {
                items = Some(map.next_value_seed(Items)?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        items.ok_or_else(|| serde::de::Error::missing_field("items"))
    }
}

/// The items; a list without any is null.
struct Items;

impl<'de> DeserializeSeed<'de> for Items {
    type Value = Vec<Item>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Item>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items {
    type Value = Vec<Item>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("applications, or null")
    }

    fn visit_unit<E>(self) -> Result<Vec<Item>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<Item>, A::Error> {
        let mut items = Vec::new();
        while let Some(value) = sequence.next_element::<Value>()? {
            let place = format!("item {}", items.len());
            items.push(application(value, &place));
        }
        Ok(items)
    }
}
