//! Who an account is, where only its login is known.
//!
//! The pseudonym of an account is that of `login@github`, which is no address anybody has: it stays the same in every
//! repository, and equals that of no commit. Whoever knows a commit of the account takes the commit's pseudonym instead,
//! so that a person has one wherever an address is known.

use super::{AuthorKind, Classifier, Pseudonym};

impl Classifier {
    /// Pseudonym and kind of an account. An account that its forge calls a bot is one, whatever its name.
    pub(crate) fn account(&self, login: &str, is_bot: bool) -> (Pseudonym, AuthorKind) {
        let address = format!("{login}@github");
        let kind = match self.kind(&format!("{login} <{address}>")) {
            AuthorKind::Human if is_bot => AuthorKind::OtherBot,
            kind => kind,
        };
        (Pseudonym::of(address.as_bytes()), kind)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Bots;
    use super::*;

    #[test]
    fn accounts_are_told_apart_by_name_and_by_what_the_forge_says() {
        let own = Bots { agent: vec!["^builder-7 <".to_owned()], ..Bots::default() };
        let authors = Classifier::new(&own).expect("the patterns are patterns");
        let kind = |login, is_bot| authors.account(login, is_bot).1;
        assert_eq!(kind("ada", false), AuthorKind::Human);
        assert_eq!(kind("claude", false), AuthorKind::Human, "people are called Claude");
        assert_eq!(kind("dependabot[bot]", true), AuthorKind::DependencyBot);
        assert_eq!(kind("renovate[bot]", true), AuthorKind::DependencyBot);
        assert_eq!(kind("Copilot", true), AuthorKind::Agent);
        assert_eq!(kind("claude[bot]", true), AuthorKind::Agent);
        assert_eq!(kind("devin-ai-integration[bot]", true), AuthorKind::Agent);
        assert_eq!(kind("github-actions[bot]", true), AuthorKind::OtherBot);
        assert_eq!(kind("acme-release-train", true), AuthorKind::OtherBot, "only its type says so");
        assert_eq!(kind("builder-7", false), AuthorKind::Agent, "the configuration says so");
    }

    #[test]
    fn a_login_is_the_same_however_it_is_spelt_and_no_commit_has_its_pseudonym() {
        let authors = Classifier::new(&Bots::default()).expect("the patterns are patterns");
        assert_eq!(authors.account("Ada", false).0, authors.account("ada", false).0);
        assert_ne!(authors.account("ada", false).0, Pseudonym::of(b"ada@users.noreply.github.com"));
        // echo -n ada@github | sha256sum
        assert_eq!(authors.account("ada", false).0.text(), "71f1ee30d7f886e8");
    }
}
