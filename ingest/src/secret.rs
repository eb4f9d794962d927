//! Secrets: they come from the environment or a file, and are never shown.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{SourceError, SourceErrorKind};

/// Where the environment's variables are looked up: given by the command, which alone reads the environment.
pub trait Variables: Send + Sync {
    /// The value of a variable, if it is set.
    fn variable(&self, name: &str) -> Option<String>;
}

impl Variables for BTreeMap<String, String> {
    fn variable(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }
}

/// No variable is set.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoVariables;

impl Variables for NoVariables {
    fn variable(&self, _name: &str) -> Option<String> {
        None
    }
}

/// Where a secret is kept; a configuration never holds the secret itself.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(deny_unknown_fields)]
pub enum SecretFrom {
    /// In this environment variable.
    #[schemars(example = &"SOURCE_TOKEN")]
    Env(String),
    /// In this file, without the line end behind it.
    #[schemars(example = &"/run/secrets/token")]
    File(PathBuf),
}

/// Refuses a secret that stands in the configuration itself, without saying it again.
impl<'de> Deserialize<'de> for SecretFrom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        enum Place {
            Env(String),
            File(PathBuf),
        }
        struct Written;
        impl<'de> Visitor<'de> for Written {
            type Value = SecretFrom;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("where a secret is: `{ env = \"NAME\" }` or `{ file = \"PATH\" }`")
            }

            fn visit_str<E: de::Error>(self, _secret: &str) -> Result<Self::Value, E> {
                Err(E::custom(
                    "a secret does not stand in the configuration: say where it is, by `{ env = \"NAME\" }` or \
                     `{ file = \"PATH\" }`",
                ))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Ok(match Place::deserialize(MapAccessDeserializer::new(map))? {
                    Place::Env(name) => SecretFrom::Env(name),
                    Place::File(path) => SecretFrom::File(path),
                })
            }
        }
        deserializer.deserialize_any(Written)
    }
}

impl SecretFrom {
    /// The secret.
    ///
    /// # Errors
    /// [`SourceError`] where the variable is not set, the file cannot be read, or there is nothing in it.
    pub fn secret(&self, variables: &dyn Variables) -> Result<Secret, SourceError> {
        let told = |kind| SourceError::new(format!("could not read the secret from {self}"), kind);
        let text = match self {
            Self::Env(name) => {
                variables.variable(name).ok_or_else(|| told(SourceErrorKind::Settings("it is not set".to_owned())))?
            }
            Self::File(path) => std::fs::read_to_string(path).map_err(|error| told(SourceErrorKind::Io(error)))?,
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(told(SourceErrorKind::Settings("it is empty".to_owned())));
        }
        Ok(Secret(text.to_owned()))
    }
}

impl fmt::Display for SecretFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable `{name}`"),
            Self::File(path) => write!(f, "the file `{}`", path.display()),
        }
    }
}

/// A secret. It has no `Display`, and its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret with this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that sends or compares it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
