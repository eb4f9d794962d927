//! The registry of a board: who may speak, with which keys, and what the board itself has witnessed.

use std::collections::BTreeMap;

use lake::Instant;
use serde::{Deserialize, Serialize};

use super::SubmissionError;
use super::signature::PublicKey;

/// The version of the registry.
const FORMAT_VERSION: u32 = 1;

/// A registry.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// Version of this format.
    pub format_version: u32,
    /// Who is enrolled, silent ones included.
    #[serde(default)]
    pub operators: Vec<Operator>,
    /// What is replicated.
    #[serde(default)]
    pub experiments: Vec<Experiment>,
    /// Plans that the board received: by its clock and not by the operator's.
    #[serde(default)]
    pub plans: Vec<ReceivedPlan>,
    /// Submissions that the board received.
    #[serde(default)]
    pub received: Vec<Received>,
}

/// An operator.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// Pseudonym.
    pub id: String,
    /// Organisation; an operator without one stands alone.
    #[serde(default)]
    pub organisation: Option<String>,
    /// When it was enrolled.
    pub enrolled_at: Instant,
    /// When it lost its place.
    #[serde(default)]
    pub revoked_at: Option<Instant>,
    /// Why.
    #[serde(default)]
    pub revoked_reason: Option<String>,
    /// Its keys.
    pub keys: Vec<Key>,
}

/// A key of an operator.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The public key, such as `ssh-ed25519 AAAA…`.
    pub line: String,
    /// From when it is believed no more.
    #[serde(default)]
    pub revoked_at: Option<Instant>,
    /// Why.
    #[serde(default)]
    pub revoked_reason: Option<String>,
}

/// An experiment that is replicated.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Id.
    pub id: String,
    /// Versions of its protocol that count.
    pub protocol_versions: Vec<String>,
    /// What comes later is late.
    #[serde(default)]
    pub closes_at: Option<Instant>,
}

/// A plan that the board received.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReceivedPlan {
    /// Of whom.
    pub operator: String,
    /// Digest of practice and terms.
    pub digest: String,
    /// When.
    pub received_at: Instant,
}

/// A submission that the board received.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Received {
    /// Its digest.
    pub digest: String,
    /// When.
    pub received_at: Instant,
}

impl Registry {
    /// Reads a registry.
    ///
    /// # Errors
    /// [`SubmissionError::Registry`] where it is no registry, names somebody twice, or gives one key to two.
    pub fn parse(text: &str) -> Result<Self, SubmissionError> {
        let wrong = SubmissionError::Registry;
        let registry: Self = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if registry.format_version != FORMAT_VERSION {
            return Err(wrong(format!("format version {} is not {FORMAT_VERSION}", registry.format_version)));
        }
        let mut owners: BTreeMap<PublicKey, &str> = BTreeMap::new();
        let mut known = std::collections::BTreeSet::new();
        for operator in &registry.operators {
            if !known.insert(&operator.id) {
                return Err(wrong(format!("`{}` is enrolled twice", operator.id)));
            }
            for key in &operator.keys {
                let parsed =
                    PublicKey::parse(&key.line).map_err(|error| wrong(format!("`{}`: {error}", operator.id)))?;
                if let Some(other) = owners.insert(parsed, &operator.id) {
                    return Err(wrong(format!("one key is of `{other}` and of `{}`", operator.id)));
                }
            }
        }
        Ok(registry)
    }

    /// The operator of that name.
    #[must_use]
    pub fn operator(&self, id: &str) -> Option<&Operator> {
        self.operators.iter().find(|operator| operator.id == id)
    }

    /// Whose key it is.
    #[must_use]
    pub fn owner(&self, key: &PublicKey) -> Option<(&Operator, &Key)> {
        let is_it = |own: &&Key| PublicKey::parse(&own.line).is_ok_and(|own| own == *key);
        self.operators.iter().find_map(|operator| Some((operator, operator.keys.iter().find(is_it)?)))
    }

    /// When the board received a submission.
    #[must_use]
    pub fn received_at(&self, digest: &str) -> Option<Instant> {
        self.received.iter().filter(|one| one.digest == digest).map(|one| one.received_at).min()
    }

    /// When the board received a plan of an operator.
    #[must_use]
    pub fn plan_received_at(&self, operator: &str, digest: &str) -> Option<Instant> {
        let own = self.plans.iter().filter(|plan| plan.operator == operator && plan.digest == digest);
        own.map(|plan| plan.received_at).min()
    }
}
