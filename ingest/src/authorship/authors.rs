//! Who wrote a commit: a pseudonym, and whether it was a human, an agent or a bot. Names and addresses end here.

use std::collections::HashMap;

use regex::{RegexSet, RegexSetBuilder};
use sha2::{Digest, Sha256};

use super::{Bots, messages};

/// What kind of author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthorKind {
    Human,
    Agent,
    DependencyBot,
    OtherBot,
}

impl AuthorKind {
    /// The word in the tables.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Agent => "agent",
            Self::DependencyBot => "dependency_bot",
            Self::OtherBot => "other_bot",
        }
    }
}

/// A pseudonym: the first 8 bytes of the SHA-256 of the lower-case e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pseudonym(u64);

impl Pseudonym {
    /// The pseudonym of an address.
    pub(crate) fn of(email: &[u8]) -> Self {
        let address = String::from_utf8_lossy(email).trim().to_lowercase();
        let digest = Sha256::digest(address.as_bytes());
        let first: [u8; 8] = std::array::from_fn(|at| digest[at]);
        Self(u64::from_be_bytes(first))
    }

    /// 16 hex digits.
    pub(crate) fn text(self) -> String {
        format!("{:016x}", self.0)
    }
}

/// Agents are known by what their makers configured, never by a first name alone: people are called Claude and Devin.
const AGENTS: &[&str] = &[
    r"(copilot|claude|codex|devin|cursor|jules|gemini|openhands|aider|sweep|amazon-q|sourcegraph-cody|opencode)[^<@]*\[bot\]",
    r"^(github )?copilot( swe agent)? <",
    r"<([0-9]+\+)?copilot(-swe-agent)?@",
    r"<(noreply|claude)@anthropic\.com>",
    r"<(noreply|codex)@openai\.com>",
    r"<cursoragent@cursor\.com>",
    r"\bdevin-ai-integration\b",
    r"<(noreply|aider)@aider\.chat>|\(aider\) <",
    r"<openhands@all-hands\.dev>",
    r"<noreply@(opencode\.ai|ampcode\.com|devin\.ai|cognition\.ai)>",
];

const DEPENDENCY_BOTS: &[&str] = &[
    r"\bdependabot\b",
    r"\brenovate(-bot|bot)?(\[bot\])?( bot)? <|\brenovate(-bot|bot)?(\[bot\])?@",
    r"\b(pyup-bot|pyup\.io bot|snyk-bot|greenkeeper|depfu|scala-steward|mend-bolt|whitesource|mend-for-github-com)\b",
];

const OTHER_BOTS: &[&str] = &[
    r"\[bot\] <|\[bot\]@|\[bot\]>",
    r"\bgithub-actions\b|^github actions? <",
    r"(^|[-_ ])(ro)?bot <|<([^@>]*[-_.+])?(ro)?bot@",
    r"^(bors|homu|mergify|jenkins|semantic-release|travis ci|circleci) <",
];

/// Tells kinds of authors apart, and remembers whom it has seen: a history has few authors and many commits.
pub(crate) struct Classifier {
    rules: Vec<(RegexSet, AuthorKind)>,
    authors: HashMap<Vec<u8>, (Pseudonym, AuthorKind)>,
    co_authors: HashMap<String, AuthorKind>,
}

impl Classifier {
    /// A classifier with the patterns of the configuration before the built-in ones.
    ///
    /// # Errors
    /// The sentence of a pattern that is none.
    pub(crate) fn new(bots: &Bots) -> Result<Self, regex::Error> {
        let texts = |patterns: &[&str]| -> Vec<String> { patterns.iter().map(|text| (*text).to_owned()).collect() };
        let rules = [
            (bots.agent.clone(), AuthorKind::Agent),
            (bots.dependency_bot.clone(), AuthorKind::DependencyBot),
            (bots.other_bot.clone(), AuthorKind::OtherBot),
            (texts(AGENTS), AuthorKind::Agent),
            (texts(DEPENDENCY_BOTS), AuthorKind::DependencyBot),
            (texts(OTHER_BOTS), AuthorKind::OtherBot),
        ];
        let rules = rules
            .into_iter()
            .filter(|(patterns, _)| !patterns.is_empty())
            .map(|(patterns, kind)| Ok((RegexSetBuilder::new(patterns).case_insensitive(true).build()?, kind)))
            .collect::<Result<_, regex::Error>>()?;
        Ok(Self { rules, authors: HashMap::new(), co_authors: HashMap::new() })
    }

    /// Pseudonym and kind of the author of a commit with that message. A human or a script that names an agent as
    /// co-author counts as agent: we study who did the work.
    pub(crate) fn author(&mut self, name: &[u8], email: &[u8], message: &str) -> (Pseudonym, AuthorKind) {
        let mut key = name.to_vec();
        key.push(b'<');
        key.extend_from_slice(email);
        let known = self.authors.get(&key).copied();
        let (pseudonym, kind) = known.unwrap_or_else(|| {
            let found = (Pseudonym::of(email), self.kind(&label(name, email)));
            self.authors.insert(key, found);
            found
        });
        let can_be_agent = matches!(kind, AuthorKind::Human | AuthorKind::OtherBot);
        let kind = if can_be_agent && self.names_an_agent(message) { AuthorKind::Agent } else { kind };
        (pseudonym, kind)
    }

    fn names_an_agent(&mut self, message: &str) -> bool {
        messages::co_authors(message).any(|co_author| {
            let known = self.co_authors.get(co_author).copied();
            let kind = known.unwrap_or_else(|| {
                let kind = self.kind(co_author);
                self.co_authors.insert(co_author.to_owned(), kind);
                kind
            });
            kind == AuthorKind::Agent
        })
    }

    /// The kind of `Name <e-mail>`.
    pub(crate) fn kind(&self, label: &str) -> AuthorKind {
        self.rules.iter().find(|(rules, _)| rules.is_match(label)).map_or(AuthorKind::Human, |(_, kind)| *kind)
    }
}

/// `Name <e-mail>`, for patterns.
fn label(name: &[u8], email: &[u8]) -> String {
    format!("{} <{}>", String::from_utf8_lossy(name), String::from_utf8_lossy(email))
}
