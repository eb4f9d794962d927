//! A claim: what is asked of all organisations together, and by which rule it is answered, written down before they report.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use stats::{Look, Looks};

use crate::consensus::Terms;
use crate::criterion::{CRITERION, Margins, Scale, check_alpha};

#[cfg(test)]
mod tests;

/// The version of the file.
const SCHEMA: u32 = 1;

/// Why a claim cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ClaimError {
    /// It is no TOML, or has a key that there is not.
    #[error("it holds no claim: {0}")]
    Toml(String),
    /// A key says what cannot be.
    #[error("`{key}`: {what}")]
    Key {
        /// The key.
        key: &'static str,
        /// What is wrong.
        what: String,
    },
}

/// One declared look at the data, and the level that is spent there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredLook {
    /// At how many admitted organisations.
    pub count: usize,
    /// Its two-sided level.
    pub alpha: f64,
}

/// What is claimed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The version of the file, 1.
    pub schema: u32,
    /// A short name, which pages and addresses use.
    pub id: String,
    /// The claim in a sentence.
    pub claim: String,
    /// The version of the protocol that replications follow.
    pub protocol: String,
    /// Whether effects come from live systems or from benchmark runs, which are never put together.
    #[serde(default)]
    pub setting: Setting,
    /// The metrics; those of the criterion where none is named. Other ones have classes, and there is no verdict on them all.
    #[serde(default)]
    pub metrics: Vec<String>,
    /// How much worse still counts as not worse, as a ratio.
    #[serde(default)]
    pub margin_ratio: Option<f64>,
    /// The same for the change fail rate, as a difference of shares.
    #[serde(default)]
    pub margin_difference: Option<f64>,
    /// The level of all looks together.
    #[serde(default)]
    pub alpha: Option<f64>,
    /// How many of the enrolled may lie; a third, as far as agreement allows, where nobody says.
    #[serde(default)]
    pub faults: Option<usize>,
    /// The organisations that are enrolled, silent ones included.
    pub organisations: Vec<String>,
    /// How it was checked that they are who they are, in a sentence.
    pub enrolment: String,
    /// Looks that are declared; at every number of organisations at one level where there are none.
    #[serde(default)]
    pub looks: Vec<DeclaredLook>,
    /// What else differs between organisations and was named before: columns `moderator_NAME` of the effects.
    #[serde(default)]
    pub moderators: Vec<String>,
}

/// Where effects come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// From systems that people use.
    #[default]
    Live,
    /// From runs that were made for it.
    Benchmark,
}

impl Claim {
    /// Reads a claim from TOML and checks that every key says what can be.
    ///
    /// # Errors
    /// [`ClaimError`] names the key.
    pub fn read(text: &str) -> Result<Self, ClaimError> {
        let claim: Self = toml::from_str(text).map_err(|error| ClaimError::Toml(error.message().to_owned()))?;
        claim.check()?;
        Ok(claim)
    }

    fn check(&self) -> Result<(), ClaimError> {
        let refuse = |key: &'static str, what: String| Err(ClaimError::Key { key, what });
        if self.schema != SCHEMA {
            return refuse("schema", format!("this program reads version {SCHEMA}, not {}", self.schema));
        }
        let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if self.id.is_empty() || self.id.len() > 64 || !self.id.chars().all(is_plain) {
            return refuse("id", "it is made of at most 64 letters a to z, digits and `-`".to_owned());
        }
        let is_word = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        if let Some(name) = self.metrics.iter().find(|name| name.is_empty() || !name.chars().all(is_word)) {
            return refuse("metrics", format!("`{name}` is no metric: names are of letters a to z, digits and `_`"));
        }
        let margins = self.margins();
        if let Err(what) = Scale::LogRatio.check_margin(margins.log_ratio) {
            return refuse("margin_ratio", what.to_owned());
        }
        if let Err(what) = Scale::Difference.check_margin(margins.difference) {
            return refuse("margin_difference", what.to_owned());
        }
        if let Err(what) = check_alpha(self.alpha()) {
            return refuse("alpha", what.to_owned());
        }
        let unique: BTreeSet<&String> = self.organisations.iter().collect();
        if self.organisations.is_empty() || unique.len() < self.organisations.len() {
            return refuse("organisations", "each is named once, and there is at least one".to_owned());
        }
        if let Some(faults) = self.faults.filter(|faults| *faults > (self.organisations.len() - 1) / 3) {
            let most = (self.organisations.len() - 1) / 3;
            return refuse("faults", format!("of {} at most {most} may lie, not {faults}", self.organisations.len()));
        }
        match self.looks() {
            Err(error) => refuse("looks", error.to_string()),
            Ok(_) => Ok(()),
        }
    }

    fn looks(&self) -> Result<Option<Looks>, stats::SequentialError> {
        if self.looks.is_empty() {
            return Ok(None);
        }
        let looks = self.looks.iter().map(|look| Look { count: look.count, alpha: look.alpha }).collect();
        Looks::new(looks, self.alpha()).map(Some)
    }

    fn alpha(&self) -> f64 {
        self.alpha.unwrap_or(Terms::default().alpha)
    }

    fn margins(&self) -> Margins {
        let usual = Margins::default();
        Margins {
            log_ratio: self.margin_ratio.map_or(usual.log_ratio, f64::ln),
            difference: self.margin_difference.unwrap_or(usual.difference),
        }
    }

    /// The metrics that are claimed on.
    #[must_use]
    pub fn metrics(&self) -> Vec<&str> {
        if self.metrics.is_empty() { CRITERION.to_vec() } else { self.metrics.iter().map(String::as_str).collect() }
    }

    /// The terms by which it is answered.
    ///
    /// # Errors
    /// [`ClaimError`] where the looks cannot be, which a claim that was read has passed.
    pub fn terms(&self) -> Result<Terms, ClaimError> {
        let looks = self.looks().map_err(|error| ClaimError::Key { key: "looks", what: error.to_string() })?;
        Ok(Terms {
            enrolled: Some(self.organisations.len()),
            faults: self.faults,
            alpha: self.alpha(),
            margins: self.margins(),
            looks,
            moderators: self.moderators.clone(),
            enrolment: Some(self.enrolment.clone()),
        })
    }
}
