//! The parts that make rows, one idea at a time.

use serde_json::json;

use super::super::commit::{Facts, facts};
use super::super::direct::{Merged, pushed};
use super::super::merge::{MergeKind, kind};
use super::super::rules::{EnvironmentRule, IncidentRules, Place, Rules, ServiceRule};
use super::super::{change, incidents, wire};
use super::*;
use crate::authorship::Classifier;

fn authors() -> Classifier {
    Classifier::new(&crate::Bots::default()).expect("the patterns are patterns")
}

/// A commit written in second `authored` and made in second `committed`.
fn made(sha: &str, parents: &[&str], (authored, committed): (i64, i64), message: &str) -> Facts {
    let parents: Vec<_> = parents.iter().map(|sha| json!({"sha": sha})).collect();
    let body = json!({"sha": sha, "parents": parents, "author": {}, "commit": {
        "author": {"name": "Ada", "email": "ada@example.com", "date": fake::text(authored)},
        "committer": {"name": "GitHub", "email": "noreply@github.com", "date": fake::text(committed)},
        "message": message}});
    let commit: wire::Commit = serde_json::from_value(body).expect("a commit");
    facts("acme/api", &commit, &mut authors()).expect("it has times")
}

/// A branch, oldest first: those with odd numbers are on it, each beside one that it merges.
pub(super) fn history(count: i64) -> Vec<Facts> {
    let one = |number: i64| {
        let name = |number: i64| if number < 0 { "before".to_owned() } else { format!("c{number}") };
        let (first, second) = (name(number - 2), name(number - 1));
        let parents: Vec<&str> = if number % 2 == 1 { vec![&first, &second] } else { vec![&second] };
        made(&name(number), &parents, (number * 120, number * 120), "Step")
    };
    (0..count).map(one).collect()
}

#[test]
fn the_commit_it_was_merged_as_tells_how_it_was_merged() {
    let own = [made("a", &["base"], (10, 10), "One"), made("b", &["a"], (20, 20), "Two")];
    let of = |carrier: &Facts| kind("#7", &own, Some(carrier));
    assert_eq!(of(&made("m", &["base", "b"], (30, 30), "Merge pull request #7 from acme/x")), MergeKind::Merge);
    assert_eq!(of(&made("s", &["base"], (30, 30), "All of it (#7)")), MergeKind::Squash);
    assert_eq!(of(&made("s", &["base"], (25, 30), "All of it\n\n* One\n\n* Two")), MergeKind::Squash, "it lists them");
    assert_eq!(of(&made("B", &["A"], (20, 30), "Two")), MergeKind::Rebase);
    assert_eq!(of(&own[1]), MergeKind::Rebase, "the branch was moved forward to it");
    assert_eq!(of(&made("x", &["base"], (25, 30), "Something else")), MergeKind::Unknown);
    assert_eq!(kind("#7", &own, None), MergeKind::Unknown, "the commit is gone");
    let single = [made("a", &["base"], (10, 10), "One")];
    let of_one = |carrier: &Facts| kind("#7", &single, Some(carrier));
    assert_eq!(of_one(&made("A", &["base"], (10, 30), "One")), MergeKind::Rebase, "it keeps when it was written");
    assert_eq!(of_one(&made("A", &["base"], (30, 30), "One (#7)")), MergeKind::Squash);
}

fn merged(change_id: &str, carrier: &str, own: &[&Facts], is_rebased: bool) -> Merged {
    Merged {
        change_id: change_id.to_owned(),
        carrier: carrier.to_owned(),
        commits: own.iter().map(|facts| (*facts).into()).collect(),
        shas: own.iter().map(|facts| facts.row.commit_sha.clone()).collect(),
        is_rebased,
    }
}

fn directly(commits: &[Facts], head: &str, pulls: &[Merged], since: i64) -> Vec<String> {
    let commits = commits.iter().map(|facts| (facts.row.commit_sha.clone(), facts.clone())).collect();
    let (candidates, _) = pushed(&commits, head, pulls, &mut Some(Instant::from_seconds(since)));
    candidates
        .iter()
        .map(|candidate| {
            let own: Vec<&str> = candidate.commits.iter().map(|row| row.commit_sha.as_str()).collect();
            let kind = candidate.change.merge_kind.as_deref().unwrap_or("-");
            format!(
                "{} {kind} [{}]{}",
                candidate.change.change_id,
                own.join(" "),
                if candidate.is_doubtful { " ?" } else { "" }
            )
        })
        .collect()
}

#[test]
fn what_no_pull_request_explains_was_pushed_directly() {
    let a = made("a", &["m0"], (5, 5), "On a branch");
    let b = made("b", &["a"], (6, 6), "On a branch, too");
    let r1 = made("r1", &["x"], (7, 7), "One");
    let r2 = made("r2", &["r1"], (8, 8), "Two");
    let branch = [
        made("d1", &["m0"], (10, 10), "Pushed"),
        a.clone(),
        b.clone(),
        made("m1", &["d1", "b"], (20, 20), "Merge pull request #1 from acme/x"),
        made("s2", &["m1"], (30, 30), "Squashed (#2)"),
        made("R1", &["s2"], (7, 40), "One"),
        made("R2", &["R1"], (8, 40), "Two"),
        made("c", &["m0"], (45, 45), "Beside"),
        made("m2", &["R2", "c"], (50, 50), "Merge branch 'beside'"),
        made("q", &["m2"], (60, 60), "Follow upstream (#900)"),
    ];
    let pulls =
        [merged("#1", "m1", &[&a, &b], false), merged("#2", "s2", &[], false), merged("#3", "R2", &[&r1, &r2], true)];
    assert_eq!(directly(&branch, "q", &pulls, 0), ["d1 direct [d1]", "m2 merge [c]", "q direct [q] ?"]);
    assert_eq!(
        directly(&branch, "q", &pulls, 15),
        ["m2 merge [c]", "q direct [q] ?"],
        "what came before is not judged"
    );
    let late = [branch.as_slice(), &[made("late", &["q"], (1, 2), "Found in a drawer")]].concat();
    assert_eq!(
        directly(&late, "late", &pulls, 15),
        ["m2 merge [c]", "q direct [q] ?", "late direct [late]"],
        "what stands on it came after it, whatever its clock said"
    );
    let commits = branch.iter().map(|facts| (facts.row.commit_sha.clone(), facts.clone())).collect();
    let (_, rebased) = pushed(&commits, "q", &pulls, &mut None);
    let rebased: Vec<_> = rebased.iter().map(|row| (row.change_id.as_str(), row.commit_sha.as_str())).collect();
    assert_eq!(rebased, [("#3", "R1"), ("#3", "R2")]);
}

#[test]
fn a_rebase_takes_no_commit_that_was_there_before_it() {
    let own = made("r", &["x"], (7, 7), "One");
    // The same words at the same second, pushed before: only as many as the pull request has are taken.
    let branch = [made("d", &["m0"], (7, 9), "One"), made("R", &["d"], (7, 40), "One")];
    assert_eq!(directly(&branch, "R", &[merged("#3", "R", &[&own], true)], 0), ["d direct [d]"]);
}

#[test]
fn a_branch_that_was_the_default_one_is_an_arrival() {
    let arrived = |base, former: &[&str]| {
        let former: Vec<String> = former.iter().map(|name| (*name).to_owned()).collect();
        change::is_arrival(base, "main", &former)
    };
    assert!(arrived(Some("main"), &[]) && arrived(Some("master"), &[]) && arrived(None, &[]));
    assert!(!arrived(Some("release"), &[]));
    assert!(!arrived(Some("master"), &["trunk"]) && arrived(Some("trunk"), &["trunk"]));
    assert!(!change::is_arrival(Some("master"), "develop", &[]), "there it is where releases are made");
}

fn incident_rules(rules: IncidentRules) -> Rules {
    Rules::new(&Config { incidents: Some(rules), ..Config::default() }).expect("the patterns are patterns")
}

/// Episodes of an issue opened in hour 0, as (start, end) in hours, given (event, label, hour).
fn episodes(labels: &[&str], state: Option<f64>, told: &[(&str, &str, f64)]) -> Vec<(f64, Option<f64>)> {
    #[expect(clippy::cast_possible_truncation, reason = "a few hours in microseconds are whole and small")]
    let text = |hours: f64| Instant((hours * 3.6e9) as i64).to_string();
    let labels: Vec<_> = labels.iter().map(|name| json!({"name": name})).collect();
    let issue = json!({"number": 1, "labels": labels, "created_at": text(0.0), "updated_at": text(0.0),
        "state": if state.is_some() { "closed" } else { "open" }, "closed_at": state.map(text)});
    let events = told.iter().enumerate().map(
        |(id, (event, label, at))| json!({"id": id, "event": event, "label": {"name": label}, "created_at": text(*at)}),
    );
    let timeline: Vec<wire::TimelineEvent> =
        events.map(|event| serde_json::from_value(event).expect("an event")).collect();
    let issue: wire::Issue = serde_json::from_value(issue).expect("an issue");
    let rules = incident_rules(IncidentRules::default());
    let hours = |at: Instant| at.0 as f64 / 3.6e9;
    incidents::episodes(&issue, &timeline, rules.incidents.as_ref().expect("they are set"))
        .into_iter()
        .map(|episode| (hours(episode.opened_at), episode.resolved_at.map(hours)))
        .collect()
}

#[test]
fn there_is_an_incident_while_the_issue_is_open_and_has_the_label() {
    let all = |told: &[(&str, &str, f64)]| episodes(&["incident"], None, told);
    assert_eq!(all(&[]), [(0.0, None)], "labelled when it was opened, before timelines told it");
    assert_eq!(all(&[("labeled", "incident", 2.0)]), [(2.0, None)]);
    assert_eq!(all(&[("labeled", "other", 2.0)]), [(0.0, None)]);
    assert_eq!(all(&[("labeled", "Incident", 2.0), ("closed", "", 3.0), ("reopened", "", 3.5)]), [(2.0, None)]);
    let twice = [("labeled", "incident", 2.0), ("closed", "", 3.0), ("reopened", "", 4.0), ("closed", "", 6.0)];
    assert_eq!(
        episodes(&["incident"], Some(6.0), &twice),
        [(2.0, Some(3.0)), (4.0, Some(6.0))],
        "an hour is another one"
    );
    let mistaken = [("labeled", "incident", 2.0), ("unlabeled", "incident", 2.5)];
    assert_eq!(episodes(&[], None, &mistaken), [(2.0, Some(2.5))]);
    assert_eq!(
        episodes(&["incident"], Some(5.0), &[("labeled", "incident", 2.0)]),
        [(2.0, Some(5.0))],
        "the timeline ends early"
    );
    assert_eq!(episodes(&[], None, &[]), []);
    let late = [("closed", "", 3.0), ("labeled", "incident", 4.0)];
    assert_eq!(episodes(&["incident"], Some(3.0), &late), [], "a label on what is over reports nothing that was open");
}

#[test]
fn a_text_names_causes_and_remedies_where_it_says_so() {
    let said = |text: &str| incidents::said(text, "acme/ops");
    let deployment = |id: &str| Some(incidents::Named::Deployment(id.to_owned()));
    assert_eq!(said("Caused by: deployment 42").cause, deployment("github:acme/ops:deployment:42"));
    assert_eq!(said("**Caused by:** Deployment #42.").cause, deployment("github:acme/ops:deployment:42"));
    let url = "Fixed by: https://api.github.com/repos/acme/api/deployments/43";
    assert_eq!(said(url).remedy, deployment("github:acme/api:deployment:43"));
    assert_eq!(said("Cause: acme/api#12").cause, Some(incidents::Named::Change));
    assert_eq!(said("Caused by: https://github.com/acme/api/pull/12").cause, Some(incidents::Named::Change));
    assert_eq!(said("Caused by: the weather").cause, None);
    assert_eq!(said("It may have been caused by deployment 42").cause, None, "only a line that says so");
    let times = said("Impact started: 2026-01-05T08:00:00Z\nMitigated at: 2026-01-05T10:30:00+02:00");
    assert_eq!(times.impact_started_at, Instant::parse("2026-01-05T08:00:00Z").ok());
    assert_eq!(times.mitigated_at, Instant::parse("2026-01-05T08:30:00Z").ok());
    assert_eq!(said("Mitigated: around noon").mitigated_at, None);
}

#[test]
fn labels_name_services_severity_and_cause() {
    let labels = ["incident", "svc/web", "service: api", "SEV1", "cause:vendor", "env:staging", "component"];
    let labels: Vec<_> = labels.iter().map(|name| json!({"name": name})).chain([json!("severity/low")]).collect();
    let issue = json!({"number": 3, "labels": labels, "state": "open", "created_at": "2026-01-05T08:00:00Z",
        "updated_at": "2026-01-05T08:00:00Z"});
    let issue: wire::Issue = serde_json::from_value(issue).expect("an issue");
    let of = |rules: IncidentRules, issue: &wire::Issue| {
        let rules = incident_rules(rules);
        incidents::rows("acme/ops", Some("ops"), issue, &[], rules.incidents.as_ref().expect("they are set"))
    };
    let rows = of(IncidentRules::default(), &issue);
    let services: Vec<_> = rows.iter().map(|row| row.service.as_deref()).collect();
    assert_eq!(services, [Some("api"), Some("web")], "one incident of each");
    let row = &rows[0];
    assert_eq!(
        (row.severity.as_deref(), row.cause.as_str(), row.environment.as_deref()),
        (Some("1"), "vendor", Some("staging"))
    );
    let plain = wire::Issue { labels: vec![wire::AnyLabel::Name("incident".to_owned())], ..issue };
    assert_eq!(of(IncidentRules::default(), &plain)[0].service.as_deref(), Some("ops"), "that of its repository");
    let tracker = IncidentRules { repositories: vec!["ops$".to_owned()], ..IncidentRules::default() };
    assert_eq!(of(tracker, &plain)[0].service, None, "a tracker is no service");
}

#[test]
fn rules_tell_environments_and_services_apart() {
    let rule = |pattern: &str| EnvironmentRule { pattern: pattern.to_owned(), ..EnvironmentRule::default() };
    let config = Config {
        environments: vec![
            EnvironmentRule { ignore: true, ..rule("^github-pages$") },
            rule("^(?P<service>[a-z]+)-(?P<environment>production)(-(?P<target>.+))?$"),
            EnvironmentRule {
                environment: Some("production".to_owned()),
                target: Some("$1".to_owned()),
                ..rule("^prod-(.+)$")
            },
        ],
        services: vec![ServiceRule {
            repository: "^acme/(?P<name>.+)-service$".to_owned(),
            service: "$name".to_owned(),
        }],
        ..Config::default()
    };
    let rules = Rules::new(&config).expect("the patterns are patterns");
    let place = |environment| rules.place("acme/shop-service", environment, false);
    let at = |service: &str, environment: &str, target: &str| {
        Some(Place { service: service.to_owned(), environment: environment.to_owned(), target: target.to_owned() })
    };
    assert_eq!(place("github-pages"), None);
    assert_eq!(place("web-production-eu"), at("web", "production", "eu"));
    assert_eq!(place("web-production"), at("web", "production", ""));
    assert_eq!(place("Prod-us"), at("shop", "production", "us"));
    assert_eq!(place("staging"), at("shop", "staging", ""));
    assert_eq!(rules.service("acme/api"), "api");
    assert!(!rules.has_one_service(), "an environment may name another");
    let broken = Config { include: vec!["(".to_owned()], ..Config::default() };
    let error = Rules::new(&broken).expect_err("it is no pattern");
    assert_eq!(error.to_string(), "could not understand the pattern `(` of `include`");
}

#[test]
fn a_configuration_is_read_as_it_is_written() {
    let written = json!({"type": "github", "organisation": "acme", "token": {"env": "GITHUB_TOKEN"}, "since": "2026-01-01T00:00:00Z",
        "environments": [{"pattern": "^prod", "environment": "production"}], "deploy_workflows": [{"pattern": "^Deploy$"}],
        "releases": {"pattern": "^v"}, "incidents": {"labels": ["outage"]}, "streams": {"checks": true},
        "receive": {"secret": {"file": "/run/secrets/hook"}}, "http": {"requests_in_flight": 2}});
    let config: crate::sources::Config = serde_json::from_value(written.clone()).expect("it is one");
    assert_eq!(config.source().stream(), "github:acme");
    assert!(config.source().receiver().expect("it can be used").is_some());
    let mut misspelt = written;
    misspelt["organization"] = json!("acme");
    let error = serde_json::from_value::<crate::sources::Config>(misspelt).expect_err("nobody would notice");
    assert!(error.to_string().starts_with("unknown field `organization`"), "{error}");
}

#[test]
fn settings_that_do_not_fit_are_refused_before_anything_is_asked() {
    let plan = |config: Config| {
        let reading = Reading::at(Instant(0), &crate::NoVariables);
        crate::sources::github::open(config).request_plan(&reading).map_err(|error| error.kind.to_string())
    };
    assert_eq!(
        plan(Config::default()),
        Err("nothing is named: set `organisation`, `user`, `repositories` or `app`".to_owned())
    );
    let named = |name: &str| Config { repositories: vec![name.to_owned()], ..Config::default() };
    assert_eq!(plan(named("acme")), Err("`acme` is no repository: write `owner/name`".to_owned()));
    assert_eq!(plan(named("a/b/c")), Err("`a/b/c` is no repository: write `owner/name`".to_owned()));
    let key = SecretFrom::Env("KEY".to_owned());
    let both = Config {
        token: Some(key.clone()),
        app: Some(super::super::config::App { id: "1".to_owned(), installation: 1, key }),
        ..named("acme/api")
    };
    assert_eq!(plan(both), Err("`token` and `app` are two ways of the same: set one of them".to_owned()));
}
