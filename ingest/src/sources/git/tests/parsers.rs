//! The pure parts: no repository, no git.

use proptest::prelude::*;

use super::super::commits::{commit, decode, tag};
use super::super::config::Config;
use super::super::ident::{Ident, Stamp};
use super::super::oid::Oid;
use super::super::prerelease::is_prerelease;
use super::super::program::without_secrets;
use crate::authorship::{AuthorKind, Bots, Classifier, Pseudonym, messages};

const PARENT: &str = "1111111111111111111111111111111111111111";

fn stamp(line: &str) -> Option<(i64, i64)> {
    Ident::parse(line.as_bytes()).stamp.map(|stamp| (stamp.seconds, stamp.offset_minutes))
}

#[test]
fn times_are_read_as_git_reads_them() {
    for (time, expected) in [
        ("1767600000 +0000", Some((1_767_600_000, 0))),
        ("1767600000 +0530", Some((1_767_600_000, 330))),
        ("1767600000 -0330", Some((1_767_600_000, -210))),
        ("1767600000 -1200", Some((1_767_600_000, -720))),
        ("1767600000 +051800", Some((1_767_600_000, 318))),
        ("1767600000 +530", Some((1_767_600_000, 330))),
        ("1767600000 +9999", Some((1_767_600_000, 0))),
        ("1767600000 +abcd", Some((1_767_600_000, 0))),
        ("1767600000 -", Some((1_767_600_000, 0))),
        ("1767600000", Some((1_767_600_000, 0))),
        ("-1 +0000", Some((-1, 0))),
        ("99999999999999 +0000", None),
        ("18446744073709551615 +0000", None),
        ("soon +0000", None),
        ("", None),
    ] {
        assert_eq!(stamp(&format!("Ada <ada@example.com> {time}")), expected, "{time}");
    }
}

#[test]
fn names_and_addresses_may_be_odd() {
    let parts = |line: &str| {
        let ident = Ident::parse(line.as_bytes());
        (String::from_utf8_lossy(ident.name).into_owned(), String::from_utf8_lossy(ident.email).into_owned())
    };
    assert_eq!(parts("Ada B. <ada@example.com> 1 +0000"), ("Ada B.".into(), "ada@example.com".into()));
    assert_eq!(parts(" <> 1 +0000"), (String::new(), String::new()));
    assert_eq!(parts("Ada <ada <x> y> 1 +0000"), ("Ada".into(), "ada <x".into()));
    assert_eq!(parts("nobody"), (String::new(), String::new()));
    assert_eq!(stamp("Ada <a> b> 7 +0000"), Some((7, 0)));
}

#[test]
fn headers_of_several_lines_are_passed_over() {
    let raw = format!(
        "tree {PARENT}\nparent {PARENT}\nauthor A <a@b> 1 +0000\ncommitter C <c@d> 2 +0100\nencoding ISO-8859-1\n\
         gpgsig -----BEGIN PGP SIGNATURE-----\n \n parent {PARENT}\n author X <x@y> 9 +0000\n -----END-----\n\
         mergetag object {PARENT}\n type commit\n\nSubject\n\nBody\0rest"
    );
    let parsed = commit(raw.as_bytes());
    assert_eq!(parsed.parents, [Oid::parse(PARENT.as_bytes()).expect("it is an id")]);
    assert_eq!(parsed.author.and_then(|author| author.stamp), Some(Stamp { seconds: 1, offset_minutes: 0 }));
    assert_eq!(parsed.committer.and_then(|author| author.stamp), Some(Stamp { seconds: 2, offset_minutes: 60 }));
    assert_eq!(parsed.encoding, Some(&b"ISO-8859-1"[..]));
    assert_eq!(parsed.message, b"Subject\n\nBody");
    assert_eq!(decode(b"caf\xe9", parsed.encoding), "café");
    assert_eq!(decode(b"caf\xe9", None), "caf\u{fffd}");
}

#[test]
fn a_tag_without_a_tagger_still_has_a_target() {
    let raw = format!("object {PARENT}\ntype commit\ntag v0.99\n\nold");
    let parsed = tag(raw.as_bytes());
    assert!(parsed.target.is_some() && parsed.tagger.is_none());
}

#[test]
fn pull_requests_are_known_by_their_messages() {
    for (text, expected) in [
        ("Merge pull request #12 from acme/fix\n\nFix it", Some(("#12", "Fix it"))),
        ("Merge pull request #12 from acme/fix", Some(("#12", "Merge pull request #12 from acme/fix"))),
        ("Merge pull request 'Fix it' (#12) from fix into main", Some(("#12", "Fix it"))),
        ("Merge branch 'fix' into 'main'\n\nFix it\n\nSee merge request acme/api!12", Some(("!12", "Fix it"))),
        ("Fix it\n\nSee merge request acme/api!12", Some(("!12", "Fix it"))),
        ("Merged in fix (pull request #12)\n\nFix it", Some(("#12", "Fix it"))),
        ("Merged PR 12: Fix it", Some(("#12", "Fix it"))),
        ("Auto merge of #12 - ada:fix, r=grace\n\nFix it", Some(("#12", "Fix it"))),
        ("Merge #12\n\n12: Fix it", Some(("#12", "12: Fix it"))),
        ("Fix it (#12)", Some(("#12", "Fix it"))),
        ("Fix it (GH-12)", Some(("#12", "Fix it"))),
        ("Revert \"Fix it (#12)\" (#13)", Some(("#13", "Revert \"Fix it (#12)\""))),
        ("Fix it (#12) (#13)  ", Some(("#13", "Fix it (#12)"))),
        ("Revert \"Fix it (#12)\"", None),
        ("Revert \"Merge pull request #12 from acme/fix\"", None),
        ("Fix #12", None),
        ("Fix it (#12) at last", None),
        ("Fix it (#)", None),
        ("Fix it (#1234567890123)", None),
        ("Merge branch 'fix'", None),
        ("Merge pull request #12", None),
        ("", None),
    ] {
        let found = messages::read(text, "api").pull_request;
        let found = found.as_ref().map(|found| (found.id.as_str(), found.title.as_str()));
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn reverts_and_cherry_picks_are_known_by_their_messages() {
    let sha = "abcdef0123456789abcdef0123456789abcdef01";
    for (text, commits, changes) in [
        (format!("Revert \"x\"\n\nThis reverts commit {sha}."), vec![sha], vec![]),
        (
            format!("Revert \"x\"\n\nThis reverts commit\n{sha}, reversing\nchanges made to {PARENT}."),
            vec![sha],
            vec![],
        ),
        ("x\n\nThis reverts commits abcdef0 and 1234567.".into(), vec!["abcdef0", "1234567"], vec![]),
        ("Revert \"x (#12)\" (#13)\n\nReverts acme/api#12".into(), vec![], vec!["#12"]),
        ("Revert \"x\"\n\nReverts other/web#12".into(), vec![], vec!["other/web#12"]),
        ("x\n\nReverts #12, #13".into(), vec![], vec!["#12"]),
        ("Revert \"x\"\n\nThis reverts merge request !12".into(), vec![], vec!["!12"]),
        ("Revert \"x (#12)\"".into(), vec![], vec!["#12"]),
        ("x\n\nThe function reverts commit abcdef0 is not said".into(), vec![], vec![]),
        ("x\n\nThis reverts the order".into(), vec![], vec![]),
        ("This reverts".into(), vec![], vec![]),
    ] {
        let message = messages::read(&text, "acme/api");
        assert_eq!(message.reverted_commits, commits, "{text}");
        assert_eq!(message.reverted_changes, changes, "{text}");
    }
    let picked = format!("x\n\n(cherry picked from commit {PARENT})\n(cherry picked from commit {sha})\n");
    assert_eq!(messages::read(&picked, "api").cherry_picked_from.as_deref(), Some(sha));
    assert_eq!(messages::read("x\n\n(cherry picked from commit ?)", "api").cherry_picked_from, None);
}

#[test]
fn prereleases_are_known_by_their_versions() {
    for version in [
        "1.0.0-rc.1",
        "1.0.0-rc1",
        "1.0rc1",
        "1.0.0.rc1",
        "2.0.0-alpha",
        "2.0.0-alpha.beta",
        "2.0.0-beta.11",
        "2.0b3",
        "2.0a1",
        "1.0.0-preview.2",
        "1.0.0-dev",
        "1.0.dev3",
        "1.0.0-SNAPSHOT",
        "1.0-20260105-SNAPSHOT",
        "1.1.pre1",
        "1.1.0.pre",
        "1.1.0-pre-release",
        "5.0.0-M1",
        "5.0.0.M2",
        "7.0.0.CR1",
        "nightly",
        "nightly-2026-01-05",
        "canary.12",
        "1.0.0-canary.5",
        "1.0.0-next.3",
        "v1.2.3-hotfix-rc1",
        "3.0.0-ea",
        "1.0.0-rc.1+build.5",
        "beta3",
        "1.0~beta2",
        "2.21.0-rc1.windows.1",
    ] {
        assert!(is_prerelease(version), "{version}");
    }
    for version in [
        "1.0.0",
        "v1.0.0",
        "1.0",
        "2026.01.05",
        "1.0.0+dev.1",
        "1.2.3-1",
        "1.2.3-hotfix",
        "1.2.3-lts",
        "1.2.3.Final",
        "1.2.3-p1",
        "1.0.post1",
        "1.0-devices",
        "1.0-presto",
        "1.0.0-testimony",
        "OpenSSL_1_0_2a",
        "jdk8u252-b09",
        "k8s-dev-tools-1.0.0",
        "build-3fa9b12",
        "release-2026a",
        "latest",
        "stable",
        "dev-tools/1.0.0",
        "beta-service/v1.0.0",
        "",
        "deploy-20260105",
    ] {
        assert!(!is_prerelease(version), "{version}");
    }
}

#[test]
fn authors_are_told_apart() {
    use AuthorKind::{Agent, DependencyBot, Human, OtherBot};
    let classifier = Classifier::new(&Bots::default()).expect("the built-in patterns are patterns");
    for (label, kind) in [
        ("Ada Example <ada@example.com>", Human),
        ("Claude Dupont <claude@example.fr>", Human),
        ("Devin Smith <devin@example.com>", Human),
        ("Jules Talbot <talbot@example.com>", Human),
        ("Abbot <abbot@example.com>", Human),
        ("Ada <12+ada@users.noreply.github.com>", Human),
        ("Claude <noreply@anthropic.com>", Agent),
        ("claude[bot] <209825114+claude[bot]@users.noreply.github.com>", Agent),
        ("copilot-swe-agent[bot] <198982749+Copilot@users.noreply.github.com>", Agent),
        ("Copilot <198982749+Copilot@users.noreply.github.com>", Agent),
        ("chatgpt-codex-connector[bot] <199175422+chatgpt-codex-connector[bot]@users.noreply.github.com>", Agent),
        ("devin-ai-integration[bot] <158243242+devin-ai-integration[bot]@users.noreply.github.com>", Agent),
        ("Cursor Agent <cursoragent@cursor.com>", Agent),
        ("Ada Example (aider) <ada@example.com>", Agent),
        ("google-labs-jules[bot] <161369871+google-labs-jules[bot]@users.noreply.github.com>", Agent),
        ("dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>", DependencyBot),
        ("dependabot-preview[bot] <27856297+dependabot-preview[bot]@users.noreply.github.com>", DependencyBot),
        ("renovate[bot] <29139614+renovate[bot]@users.noreply.github.com>", DependencyBot),
        ("Renovate Bot <bot@renovateapp.com>", DependencyBot),
        ("Scala Steward <me@scala-steward.org>", DependencyBot),
        ("github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>", OtherBot),
        ("GitHub Actions <actions@github.com>", OtherBot),
        ("pre-commit-ci[bot] <66853113+pre-commit-ci[bot]@users.noreply.github.com>", OtherBot),
        ("release-bot <release@example.com>", OtherBot),
        ("k8s-ci-robot <k8s-ci-robot@users.noreply.github.com>", OtherBot),
        ("Release <acme-bot@example.com>", OtherBot),
    ] {
        assert_eq!(classifier.kind(label), kind, "{label}");
    }
}

#[test]
fn an_agent_among_the_co_authors_makes_the_commit_an_agents() {
    let bots = Bots { agent: vec!["^builder <".into()], ..Bots::default() };
    let mut classifier = Classifier::new(&bots).expect("the patterns are patterns");
    let ada = Ident::parse(b"Ada <Ada@Example.com> 1 +0000");
    let bot = Ident::parse(b"dependabot[bot] <d@example.com> 1 +0000");
    let by_claude = "Fix\n\nCo-Authored-By: Claude <noreply@anthropic.com>\n";
    assert_eq!(classifier.author(ada.name, ada.email, "Fix").1, AuthorKind::Human);
    assert_eq!(classifier.author(ada.name, ada.email, by_claude).1, AuthorKind::Agent);
    assert_eq!(classifier.author(ada.name, ada.email, "Fix\n\nco-authored-by: builder <b@example.com>").1, AuthorKind::Agent);
    assert_eq!(classifier.author(ada.name, ada.email, "Fix\n\nCo-authored-by: Grace <g@example.com>").1, AuthorKind::Human);
    assert_eq!(classifier.author(bot.name, bot.email, by_claude).1, AuthorKind::DependencyBot);
}

#[test]
fn a_pseudonym_is_the_beginning_of_a_digest() {
    // printf ada@example.com | sha256sum
    assert_eq!(Pseudonym::of(b" Ada@Example.com").text(), "b5fc85e55755f9e0");
}

#[test]
fn settings_have_defaults_and_refuse_what_they_do_not_know() {
    let read = |text: &str| serde_json::from_str::<Config>(text);
    let config = read(r#"{"path": "/srv/clones/api.git", "releases": "^v"}"#).expect("path and rule are enough");
    assert_eq!(
        (config.environment.as_str(), config.prereleases, &config.bots),
        ("production", false, &Bots::default())
    );
    assert_eq!((config.repository(), config.service()), ("api".into(), "api".into()));
    let named = Config { repository: Some("acme/web".into()), ..config };
    assert_eq!((named.repository(), named.service()), ("acme/web".into(), "web".into()));
    assert!(read(r#"{"path": "/srv", "releases": "^v", "tags": "^v"}"#).is_err());
    assert!(read(r#"{"path": "/srv"}"#).is_err());
    let schema = serde_json::to_value(schemars::schema_for!(Config)).expect("a schema is JSON");
    let properties = schema["properties"].as_object().expect("it has properties");
    for (name, property) in properties {
        assert!(property["description"].as_str().is_some_and(|text| text.contains("efault")), "{name}");
        assert!(property["examples"].as_array().is_some_and(|examples| !examples.is_empty()), "{name}");
    }
}

#[test]
fn credentials_in_urls_are_left_out() {
    for (said, clean) in [
        ("fatal: https://ada:secret@example.com/x.git not found", "fatal: https://…@example.com/x.git not found"),
        ("'https://token@example.com/' and http://a:b@c", "'https://…@example.com/' and http://…@c"),
        ("https://a:p@ss@example.com/x", "https://…@example.com/x"),
        ("https://example.com/a@b", "https://example.com/a@b"),
        ("no url, ada@example.com", "no url, ada@example.com"),
    ] {
        assert_eq!(without_secrets(said), clean);
    }
}

proptest! {
    #[test]
    fn no_object_makes_the_parser_panic(content in prop::collection::vec(any::<u8>(), 0..400)) {
        let parsed = commit(&content);
        let text = decode(parsed.message, parsed.encoding);
        messages::read(&text, "api");
        tag(&content);
    }

    #[test]
    fn no_odd_commit_makes_the_parser_panic(
        lines in prop::collection::vec("(tree|parent|author|committer|encoding|gpgsig|)[ ]?[<>@a-f0-9+\\- ]{0,60}", 0..12),
        message in "(Merge pull request|Merged PR|Revert \"|This reverts commit|Reverts|)[ ]?[#!()a-f0-9 \"é\n/:.]{0,60}",
    ) {
        let raw = format!("{}\n\n{message}", lines.join("\n"));
        let parsed = commit(raw.as_bytes());
        messages::read(&decode(parsed.message, parsed.encoding), "api");
    }

    #[test]
    fn what_was_written_is_read(seconds in 0_i64..4_000_000_000, minutes in -720_i64..840, name in "[a-zé ]{0,12}") {
        let sign = if minutes < 0 { '-' } else { '+' };
        let line = format!("{name} <a@b> {seconds} {sign}{:02}{:02}", minutes.abs() / 60, minutes.abs() % 60);
        prop_assert_eq!(Ident::parse(line.as_bytes()).stamp, Some(Stamp { seconds, offset_minutes: minutes }));
    }

    #[test]
    fn ids_survive_a_round_trip(hex in "[0-9a-f]{40}|[0-9a-f]{64}") {
        prop_assert_eq!(Oid::parse(hex.as_bytes()).map(|oid| oid.hex()), Some(hex));
    }
}
