//! What a comparison is asked to do, fixed before looking: everything that could change its answer.

use lake::canonical;
use serde::{Deserialize, Serialize};

use crate::criterion::{Scale, check_alpha};
use crate::{CRITERION, Margins};

/// The way by which effects are estimated, and decided, today. Another way is another question.
const ESTIMATOR: &str = "changes of services@1";

/// Who stands beside those that began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Others {
    /// Services that had not begun by the end of the weeks that are compared, whether or not they began later.
    #[default]
    NotYet,
    /// Only services that never began.
    Never,
}

/// Terms that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}`: {what}")]
pub struct TermsError {
    /// The term.
    pub name: &'static str,
    /// What is wrong with it.
    pub what: String,
}

/// The terms of a comparison before and after a change of working.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Terms {
    /// Weeks that are compared on each side of a date.
    pub window_weeks: u32,
    /// Days for which a merged change is followed: its wait for deployment counts up to these, for every change alike.
    pub follow_up_days: u32,
    /// Hours for which a failure is followed: its recovery counts up to these, for every failure alike.
    pub recovery_hours: u32,
    /// How much worse still counts as not worse, as a ratio.
    pub margin_ratio: f64,
    /// The same for the change fail rate, as a difference of shares.
    pub margin_difference: f64,
    /// Intervals are meant at one less this.
    pub alpha: f64,
    /// Whether chance alone decided which service took it up, or when.
    pub randomised: bool,
    /// Services that are looked at; all, where none is named.
    pub services: Vec<String>,
    /// Metrics of the criterion that are looked at; all four, where none is named. With fewer nothing but harm is concluded.
    pub metrics: Vec<String>,
    /// Who stands beside those that began.
    pub others: Others,
    /// Attributes of services that are considered, of the table `service_attributes`. Services that lack one are left out.
    pub covariates: Vec<String>,
    /// The way by which effects are estimated. It is fixed with the rest: a later way is another question.
    pub estimator: String,
    /// Replicates of permutations.
    pub replicates: u32,
    /// Their seed.
    pub seed: u64,
}

impl Default for Terms {
    fn default() -> Self {
        let margins = Margins::default();
        Self {
            window_weeks: 12,
            follow_up_days: 14,
            recovery_hours: 72,
            margin_ratio: margins.log_ratio.exp(),
            margin_difference: margins.difference,
            alpha: 0.05,
            randomised: false,
            services: Vec::new(),
            metrics: Vec::new(),
            others: Others::default(),
            covariates: Vec::new(),
            estimator: ESTIMATOR.to_owned(),
            replicates: 1_999,
            seed: 1,
        }
    }
}

impl Terms {
    /// The margins on the scales of the criterion.
    #[must_use]
    pub fn margins(&self) -> Margins {
        Margins { log_ratio: self.margin_ratio.ln(), difference: self.margin_difference }
    }

    /// Checks that every term lies where it has a meaning.
    ///
    /// # Errors
    /// [`TermsError`] names the first that does not.
    pub fn check(&self) -> Result<(), TermsError> {
        let refuse = |name: &'static str, what: &str| Err(TermsError { name, what: what.to_owned() });
        if !(4..=104).contains(&self.window_weeks) {
            return refuse("window_weeks", "from 4 to 104 weeks can be compared");
        }
        if !(1..=365).contains(&self.follow_up_days) {
            return refuse("follow_up_days", "a change is followed for 1 to 365 days");
        }
        if !(1..=8760).contains(&self.recovery_hours) {
            return refuse("recovery_hours", "a failure is followed for 1 to 8760 hours");
        }
        if let Err(what) = Scale::LogRatio.check_margin(self.margins().log_ratio) {
            return refuse("margin_ratio", what);
        }
        if let Err(what) = Scale::Difference.check_margin(self.margin_difference) {
            return refuse("margin_difference", what);
        }
        if let Err(what) = check_alpha(self.alpha) {
            return refuse("alpha", what);
        }
        if let Some(name) = self.metrics.iter().find(|name| !CRITERION.contains(&name.as_str())) {
            return refuse("metrics", &format!("`{name}` is none of `{}`", CRITERION.join("`, `")));
        }
        if self.estimator != ESTIMATOR {
            return refuse(
                "estimator",
                &format!("effects are estimated by `{ESTIMATOR}`, not by `{}`", self.estimator),
            );
        }
        if (1..self.covariates.len()).any(|place| self.covariates[..place].contains(&self.covariates[place])) {
            return refuse("covariates", "one is named twice");
        }
        if !(99..=1_000_000).contains(&self.replicates) {
            return refuse("replicates", "from 99 to 1000000 replicates can be drawn");
        }
        Ok(())
    }

    /// The digest by which terms that were fixed before looking are recognised.
    #[must_use]
    pub fn digest(&self, practice: &str) -> String {
        let text = serde_json::json!({ "practice": practice, "terms": self }).to_string();
        canonical::sha256(text.as_bytes())
    }
}
