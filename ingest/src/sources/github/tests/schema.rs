//! Every question that GraphQL is asked is one that GitHub's schema allows. Without the schema these tests say that they
//! skip.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::vec::IntoIter;

use super::super::graphql::{pulls, statuses};

/// A type as a schema writes it: its name, and whether a value has to be given.
#[derive(Clone, Debug)]
struct Kind {
    name: String,
    is_required: bool,
}

/// A field: its type, and its arguments.
#[derive(Clone, Debug)]
struct Field {
    kind: Kind,
    arguments: BTreeMap<String, Kind>,
}

/// Types with fields, unions and interfaces with the types that they may be, enumerations with their words.
#[derive(Default)]
struct Schema {
    fields: BTreeMap<String, BTreeMap<String, Field>>,
    may_be: BTreeMap<String, BTreeSet<String>>,
    words: BTreeMap<String, BTreeSet<String>>,
}

/// Names and signs, one after the other.
struct Tokens(Peekable<IntoIter<String>>);

impl Tokens {
    /// Reads a schema or a question; what describes or comments is left out.
    fn of(text: &str) -> Self {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            // A text that is a value, and describes nothing, is one token, whatever it says.
            if first == '"' && tokens.last().is_some_and(|last: &String| [":", "[", "="].contains(&last.as_str())) {
                tokens.push(first.to_string());
            }
            let length = if let Some(description) = rest.strip_prefix("\"\"\"") {
                description.find("\"\"\"").map_or(rest.len(), |end| end + 6)
            } else if first == '"' {
                let mut is_escaped = false;
                let is_end = |(_, letter): &(usize, char)| {
                    let ends = *letter == '"' && !is_escaped;
                    is_escaped = *letter == '\\' && !is_escaped;
                    ends
                };
                rest.char_indices().skip(1).find(is_end).map_or(rest.len(), |(at, _)| at + 1)
            } else if first == '#' {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("...") {
                tokens.push("...".to_owned());
                3
            } else if first.is_alphanumeric() || first == '_' {
                let is_in = |letter: char| letter.is_alphanumeric() || letter == '_';
                let end = rest.find(|letter: char| !is_in(letter)).unwrap_or(rest.len());
                tokens.push(rest[..end].to_owned());
                end
            } else {
                if !first.is_whitespace() && first != ',' {
                    tokens.push(first.to_string());
                }
                first.len_utf8()
            };
            rest = &rest[length..];
        }
        Self(tokens.into_iter().peekable())
    }

    fn next(&mut self) -> String {
        self.0.next().expect("the text goes on")
    }

    fn is(&mut self, sign: &str) -> bool {
        self.0.peek().is_some_and(|token| token == sign)
    }

    /// Takes a sign where it stands here.
    fn takes(&mut self, sign: &str) -> bool {
        let is_here = self.is(sign);
        if is_here {
            self.next();
        }
        is_here
    }

    fn expect(&mut self, sign: &str) {
        let token = self.next();
        assert_eq!(token, sign);
    }

    /// `[Name!]!`
    fn kind(&mut self) -> Kind {
        let name = if self.takes("[") {
            let inner = self.kind();
            self.expect("]");
            inner.name
        } else {
            self.next()
        };
        Kind { name, is_required: self.takes("!") }
    }

    /// A value, as the words it consists of.
    fn value(&mut self) -> Vec<String> {
        let token = self.next();
        match token.as_str() {
            "[" => {
                let mut words = Vec::new();
                while !self.takes("]") {
                    words.extend(self.value());
                }
                words
            }
            "{" => {
                while !self.takes("}") {
                    self.next();
                    self.expect(":");
                    self.value();
                }
                Vec::new()
            }
            "$" => {
                self.next();
                Vec::new()
            }
            _ => vec![token],
        }
    }

    /// `(name: value …)`
    fn arguments(&mut self) -> BTreeMap<String, Vec<String>> {
        let mut given = BTreeMap::new();
        if self.takes("(") {
            while !self.takes(")") {
                let name = self.next();
                self.expect(":");
                given.insert(name, self.value());
            }
        }
        given
    }

    fn directives(&mut self) {
        while self.takes("@") {
            self.next();
            self.arguments();
        }
    }
}

impl Schema {
    fn of(text: &str) -> Self {
        let mut schema = Self::default();
        let mut tokens = Tokens::of(text);
        while tokens.0.peek().is_some() {
            match tokens.next().as_str() {
                "type" | "interface" | "input" => schema.object(&mut tokens),
                "union" => {
                    let name = tokens.next();
                    tokens.expect("=");
                    tokens.takes("|");
                    let members = schema.may_be.entry(name).or_default();
                    members.insert(tokens.next());
                    while tokens.takes("|") {
                        members.insert(tokens.next());
                    }
                }
                "enum" => {
                    let words = schema.words.entry(tokens.next()).or_default();
                    tokens.expect("{");
                    while !tokens.takes("}") {
                        words.insert(tokens.next());
                        tokens.directives();
                    }
                }
                _ => {}
            }
        }
        schema
    }

    fn object(&mut self, tokens: &mut Tokens) {
        let name = tokens.next();
        if tokens.takes("implements") {
            loop {
                tokens.takes("&");
                self.may_be.entry(tokens.next()).or_default().insert(name.clone());
                if !tokens.is("&") {
                    break;
                }
            }
        }
        tokens.directives();
        let mut fields = BTreeMap::new();
        tokens.expect("{");
        while !tokens.takes("}") {
            let field = tokens.next();
            let mut arguments = BTreeMap::new();
            if tokens.takes("(") {
                while !tokens.takes(")") {
                    let argument = tokens.next();
                    tokens.expect(":");
                    let mut kind = tokens.kind();
                    if tokens.takes("=") {
                        tokens.value();
                        kind.is_required = false;
                    }
                    tokens.directives();
                    arguments.insert(argument, kind);
                }
            }
            tokens.expect(":");
            let kind = tokens.kind();
            if tokens.takes("=") {
                tokens.value();
            }
            tokens.directives();
            fields.insert(field, Field { kind, arguments });
        }
        self.fields.insert(name, fields);
    }

    /// Checks a selection on a type, and counts the fields that were looked up.
    fn select(&self, on: &str, tokens: &mut Tokens, count: &mut usize) {
        tokens.expect("{");
        while !tokens.takes("}") {
            if tokens.takes("...") {
                if tokens.takes("on") {
                    let kind = tokens.next();
                    let may_be = self.may_be.get(on).is_some_and(|members| members.contains(&kind)) || kind == on;
                    assert!(may_be, "`{on}` is never a `{kind}`");
                    tokens.directives();
                    self.select(&kind, tokens, count);
                } else {
                    tokens.next();
                    tokens.directives();
                }
                continue;
            }
            let mut name = tokens.next();
            if tokens.takes(":") {
                name = tokens.next();
            }
            if name == "__typename" {
                continue;
            }
            let fields = self.fields.get(on).unwrap_or_else(|| panic!("`{on}` has no fields"));
            let field = fields.get(&name).unwrap_or_else(|| panic!("`{on}` has no field `{name}`"));
            *count += 1;
            self.given(&name, field, &tokens.arguments());
            tokens.directives();
            let has_parts = self.fields.contains_key(&field.kind.name) || self.may_be.contains_key(&field.kind.name);
            assert_eq!(tokens.is("{"), has_parts, "of `{name}` the parts have to be named where it has any");
            if has_parts {
                self.select(&field.kind.name, tokens, count);
            }
        }
    }

    fn given(&self, name: &str, field: &Field, given: &BTreeMap<String, Vec<String>>) {
        for (argument, values) in given {
            let kind = field.arguments.get(argument).unwrap_or_else(|| panic!("`{name}` takes no `{argument}`"));
            if let Some(words) = self.words.get(&kind.name) {
                assert!(values.iter().all(|value| words.contains(value)), "{values:?} of `{argument}` of `{name}`");
            }
        }
        for (argument, kind) in &field.arguments {
            assert!(!kind.is_required || given.contains_key(argument), "`{name}` needs `{argument}`");
        }
        if field.kind.name.ends_with("Connection") {
            let first = given.get("first").and_then(|values| values.first()).and_then(|value| value.parse().ok());
            assert!(first.is_some_and(|first: u32| (1..=100).contains(&first)), "`{name}` has to be held to a number");
        }
    }

    /// Checks a whole question; how many fields it has.
    fn check(&self, question: &str) -> usize {
        let mut tokens = Tokens::of(question);
        let mut count = 0;
        while tokens.0.peek().is_some() {
            match tokens.next().as_str() {
                "query" => {
                    tokens.expect("(");
                    while !tokens.takes(")") {
                        tokens.expect("$");
                        tokens.next();
                        tokens.expect(":");
                        let kind = tokens.kind();
                        assert!(["ID", "Boolean"].contains(&kind.name.as_str()), "{kind:?}");
                    }
                    self.select("Query", &mut tokens, &mut count);
                }
                "fragment" => {
                    tokens.next();
                    tokens.expect("on");
                    let kind = tokens.next();
                    self.select(&kind, &mut tokens, &mut count);
                }
                other => panic!("`{other}` begins nothing"),
            }
        }
        count
    }
}

#[test]
fn every_question_is_one_that_the_schema_allows() {
    let Some(text) = super::contract::contract("github-schema.graphql") else { return };
    let schema = Schema::of(&text);
    assert!(schema.check(&pulls::QUERY) >= 90);
    assert!(schema.check(statuses::QUERY) >= 9);
    let broken = |from: &str, to: &str| {
        let question = pulls::QUERY.replace(from, to);
        assert_ne!(question, *pulls::QUERY, "the question has `{from}`");
        std::panic::catch_unwind(|| schema.check(&question)).is_err()
    };
    assert!(broken("submittedAt", "submitted"), "a field that is not there is found");
    assert!(broken("MERGED_EVENT", "MERGE_EVENT"), "and a word that is none");
    assert!(broken("commits(first: 30)", "commits"), "and a list without an end");
    assert!(broken("... on User { login }", "... on Commit { oid }"), "and a type that it never is");
}
