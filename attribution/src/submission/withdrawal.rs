//! Taking a submission back: the notice says so for ever, and the submission stays listed.

use lake::Instant;
use serde::{Deserialize, Serialize};

use super::manifest::Manifest;
use super::signature::{Signature, WITHDRAWAL_NAMESPACE};
use super::standing::Standing;
use super::{Registry, SubmissionError};

/// The version of the notice.
const FORMAT_VERSION: u32 = 1;

/// A notice by which an operator takes a submission back.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawal {
    /// Version of this format.
    pub format_version: u32,
    /// Digest of the submission.
    pub digest: String,
    /// Its experiment.
    pub experiment: String,
    /// Its operator.
    pub operator: String,
    /// Why.
    pub reason: String,
    /// When, by the operator's own clock.
    pub withdrawn_at: Instant,
}

impl Withdrawal {
    /// The notice of a submission.
    #[must_use]
    pub fn of(digest: String, manifest: &Manifest, reason: &str, now: Instant) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            digest,
            experiment: manifest.experiment.clone(),
            operator: manifest.operator.clone(),
            reason: reason.to_owned(),
            withdrawn_at: now,
        }
    }

    /// The notice as a file: this is what is signed.
    ///
    /// # Errors
    /// [`SubmissionError`] where it cannot be said in TOML.
    pub fn written(&self) -> Result<String, SubmissionError> {
        toml::to_string(self).map_err(|error| SubmissionError::Manifest(error.to_string()))
    }

    /// Reads a notice; where there is a registry, it has to be signed by a key of the operator.
    ///
    /// # Errors
    /// [`SubmissionError`] where it is none, or not the operator's.
    pub fn read(text: &str, signature: &str, registry: Option<&Registry>) -> Result<Self, SubmissionError> {
        let notice: Self = toml::from_str(text)
            .map_err(|error| SubmissionError::refused(format!("the withdrawal is no notice: {}", error.message())))?;
        let signature = Signature::parse(signature)?;
        let key = signature.verified(WITHDRAWAL_NAMESPACE, text.as_bytes())?.clone();
        if let Some(registry) = registry {
            let standing = Standing::by(key, &notice.operator, &notice.digest, registry);
            if !standing.is_good() {
                return Err(SubmissionError::refused(format!("the withdrawal does not count: {}", standing.words())));
            }
        }
        Ok(notice)
    }
}
