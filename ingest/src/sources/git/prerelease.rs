//! Whether a version is a pre-release, as people write them: semver, Python, Java, Ruby, nightly builds.

use std::sync::LazyLock;

use regex::Regex;

/// A word for an unfinished version behind a number: `1.0.0-rc.1`, `1.0rc1`, `2.1.pre1`, `1.0.0-SNAPSHOT`. What follows
/// the word must not make it a longer one, as in `1.0-devices`.
const WORD_AFTER_A_NUMBER: &str = concat!(
    "[0-9][0-9._~-]*",
    "(?:alpha|beta|rc|cr|pre-?release|pre|preview|dev|snapshot|nightly|canary|next|edge|eap?|milestone|insiders?",
    "|unstable|experimental|testing|test)",
    "(?:[-_.~]?[0-9]|[-_.~]|$)",
);

/// The commonest words at the end, whatever stands between: `1.2.3-hotfix-rc1`.
const WORD_AT_THE_END: &str = r"[0-9].*[-_.](?:alpha|beta|rc|snapshot)[-_.]?[0-9]*$";

/// Short forms: `1.0a1`, `1.0b2`, `1.0c1` directly behind the number, `5.0.0-M1` and `5.0.0.M1`.
const LETTER_AND_NUMBER: &str = r"[0-9]\.[0-9]+(?:[abc]|[-_.]m)[0-9]+$";

/// A build that has only such a word and perhaps a date or number: `nightly`, `canary-2026-01-05`, `beta3`.
const WORD_ALONE: &str =
    r"^(?:nightly|canary|snapshot|insiders?|dev|alpha|beta|rc|preview|edge|unstable)(?:[-_.]?v?[0-9].*)?$";

/// Whether `version` is a pre-release. Build metadata (behind `+`) says nothing about it.
pub(in crate::sources) fn is_prerelease(version: &str) -> bool {
    static RULE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(&format!("{WORD_AFTER_A_NUMBER}|{WORD_AT_THE_END}|{LETTER_AND_NUMBER}|{WORD_ALONE}"))
            .expect("the built-in rule is a regular expression")
    });
    let version = version.split('+').next().unwrap_or_default().to_ascii_lowercase();
    RULE.is_match(&version)
}
