//! A small organisation in which everything happens that a row can tell of.

use lake::Instant;

use super::fake::{Commit, Deployment, Event, Issue, Person, Pull, Release, Repo, Review, Run, Tag, World, sha};

/// 2026-01-05T00:00:00Z, a Monday, in seconds.
pub(super) const MONDAY: i64 = 1_767_571_200;

/// Hours after that Monday.
pub(super) fn hour(hours: i64) -> i64 {
    MONDAY + hours * 3600
}

/// The instant so many hours after that Monday.
pub(super) fn at(hours: i64) -> Instant {
    Instant::from_seconds(hour(hours))
}

pub(super) fn after(hours: i64, seconds: i64) -> Instant {
    Instant::from_seconds(hour(hours) + seconds)
}

/// The name of a commit of the story, for tables that people can read.
pub(super) fn name(id: &str) -> String {
    const NAMES: [&str; 16] =
        ["root", "a1", "direct", "a2", "m1", "b1", "b2", "s2", "r1", "r2", "R1", "R2", "claims", "s6", "c6", "hotfix"];
    NAMES.iter().find(|name| sha(name) == id).map_or_else(|| id.to_owned(), |name| (*name).to_owned())
}

pub(super) fn person(login: &str) -> Person {
    Person { login: login.to_owned(), email: format!("{login}@example.com"), ..Person::default() }
}

fn bot(login: &str) -> Person {
    Person { is_bot: true, email: format!("1+{login}@users.noreply.github.com"), ..person(login) }
}

fn event(id: u64, kind: &str, at: i64, label: Option<&str>) -> Event {
    Event { id, kind: kind.to_owned(), at, actor: person("grace"), label: label.map(str::to_owned), ..Event::default() }
}

/// The organisation on Friday of the second week.
pub(super) fn world() -> World {
    let tracker = Repo { id: 12, full_name: "acme/old".to_owned(), is_archived: true, ..Repo::default() };
    let empty = Repo { id: 13, full_name: "acme/empty".to_owned(), has_no_issues: true, ..Repo::default() };
    World {
        now: hour(270),
        token: Some("open-sesame-1001".to_owned()),
        has_graphql: true,
        organisation: "acme".to_owned(),
        repos: vec![api(), tracker, empty],
    }
}

fn api() -> Repo {
    let (ada, grace) = (person("ada"), person("grace"));
    let stranger = Person { is_unlinked: true, ..person("linus") };
    let github = Person { login: "web-flow".to_owned(), email: "noreply@github.com".to_owned(), ..Person::default() };
    let mut repo = Repo { id: 11, full_name: "acme/api".to_owned(), ..Repo::default() };
    // Before the first reading begins.
    repo.commit("root", &[], &ada, (hour(-900), hour(-900)), "Begin");
    // Written long ago and merged late: a list by committer time from the first reading on would miss it.
    repo.commit("a1", &["root"], &ada, (hour(-400), hour(-400)), "Think of it");
    repo.commit("direct", &["root"], &grace, (hour(2), hour(2)), "Mend the build");
    repo.commit("a2", &["a1"], &ada, (hour(4), hour(4)), "Do it");
    repo.commit(
        "m1",
        &["direct", "a2"],
        &github,
        (hour(10), hour(10)),
        "Merge pull request #1 from acme/thought\n\nThink and do",
    );
    // Squashed: its own commits never reach the branch.
    repo.commit("b1", &["m1"], &grace, (hour(12), hour(12)), "First try");
    repo.commit(
        "b2",
        &["b1"],
        &grace,
        (hour(14), hour(14)),
        "Second try\n\nCo-authored-by: Claude <noreply@anthropic.com>",
    );
    repo.commit("s2", &["m1"], &grace, (hour(20), hour(20)), "Try it (#2)\n\n* First try\n\n* Second try");
    // Rebased: written again, with the authors' own times.
    repo.commit("r1", &["m1"], &stranger, (hour(21), hour(21)), "One");
    repo.commit("r2", &["r1"], &stranger, (hour(22), hour(22)), "Two");
    repo.commit("R1", &["s2"], &stranger, (hour(21), hour(30)), "One");
    repo.commit("R2", &["R1"], &stranger, (hour(22), hour(30)), "Two");
    // A single commit whose subject names a pull request that is none of ours.
    repo.commit("claims", &["R2"], &ada, (hour(40), hour(40)), "Follow upstream (#900)");
    repo.commit(
        "s6",
        &["claims"],
        &ada,
        (hour(60), hour(60)),
        "Revert \"Try it (#2)\" (#6)\n\nThis reverts commit 0123456789abcdef0123456789abcdef01234567.",
    );
    repo.commit("c6", &["claims"], &ada, (hour(58), hour(58)), "Revert \"Try it (#2)\"");
    repo.commit("open5", &["m1"], &bot("dependabot[bot]"), (hour(50), hour(50)), "Bump left-pad");
    repo.commit("closed4", &["m1"], &grace, (hour(15), hour(15)), "Never mind");
    // A release branch, beside the default branch.
    repo.commit("hotfix", &["m1"], &grace, (hour(33), hour(33)), "Mend in a hurry");
    repo.head = Some(sha("s6"));
    repo.pulls = pulls(&ada, &grace);
    repo.issues = issues();
    repo.deployments = deployments();
    let run = |id, name: &str, commit: &str, attempts: &[(i64, Option<i64>, &str)]| Run {
        id,
        name: name.to_owned(),
        sha: sha(commit),
        created: attempts[0].0,
        actor: person("grace"),
        attempts: attempts.iter().map(|(start, end, word)| (*start, *end, (*word).to_owned())).collect(),
    };
    repo.runs = vec![
        run(501, "CI", "m1", &[(hour(10), Some(hour(10) + 60), "success")]),
        run(
            502,
            "Deploy",
            "s2",
            &[(hour(20), Some(hour(20) + 90), "failure"), (hour(23), Some(hour(23) + 80), "success")],
        ),
        run(503, "CI", "s6", &[(hour(269), None, "")]),
    ];
    repo.releases = vec![
        Release {
            id: 701,
            tag: "v1.0.0".to_owned(),
            published: Some(hour(11)),
            author: person("ada"),
            ..Release::default()
        },
        Release {
            id: 702,
            tag: "v2.0.0-rc.1".to_owned(),
            published: Some(hour(25)),
            is_prerelease: true,
            author: person("ada"),
        },
        Release { id: 703, tag: "draft".to_owned(), author: person("ada"), ..Release::default() },
    ];
    let tag = |name: &str, commit: &str, tagged| Tag { name: name.to_owned(), sha: sha(commit), tagged };
    repo.tags = vec![
        tag("v1.0.0", "m1", None),
        tag("v2.0.0-rc.1", "s2", None),
        tag("v1.0.1", "hotfix", Some(hour(34))),
        tag("v0.9.0", "direct", None),
    ];
    repo
}

fn pulls(ada: &Person, grace: &Person) -> Vec<Pull> {
    let shas = |names: &[&str]| names.iter().map(|name| sha(name)).collect::<Vec<_>>();
    let closed = |at| (Some(at), at);
    let pull = |number, title: &str, author: &Person, created, (closed, updated), commits: &[&str]| Pull {
        number,
        title: title.to_owned(),
        author: Some(author.clone()),
        base: "main".to_owned(),
        created,
        updated,
        closed,
        commits: shas(commits),
        // Unmerged ones have one, too: a merge that was only tried.
        merge_commit: Some(sha(&format!("tried {number}"))),
        ..Pull::default()
    };
    let merged = |pull: Pull, commit: &str| Pull { merged: pull.closed, merge_commit: Some(sha(commit)), ..pull };
    let review = |id, author, state: &str, submitted| Review {
        id,
        author,
        state: state.to_owned(),
        submitted,
        ..Review::default()
    };
    vec![
        Pull {
            labels: vec!["feature".to_owned()],
            reviews: vec![
                review(801, Some(person("grace")), "APPROVED", Some(hour(9))),
                review(802, None, "COMMENTED", Some(hour(8))),
                review(803, Some(person("ada")), "PENDING", None),
            ],
            timeline: vec![
                event(901, "labeled", hour(6), Some("feature")),
                event(906, "labeled", hour(6), Some("backend")),
                Event { reviewer: Some(person("linus")), ..event(907, "review_requested", hour(6), None) },
                Event { actor: bot("labeler[bot]"), ..event(908, "commented", hour(6), None) },
                Event { actor: person("ghost"), ..event(902, "head_ref_force_pushed", hour(7), None) },
                Event { commit: Some(sha("m1")), ..event(903, "merged", hour(10), None) },
                event(904, "closed", hour(10), None),
                event(905, "subscribed", hour(10), None),
            ],
            ..merged(pull(1, "Think and do", ada, hour(5), closed(hour(10)), &["a1", "a2"]), "m1")
        },
        merged(pull(2, "Try it", grace, hour(13), closed(hour(20)), &["b1", "b2"]), "s2"),
        Pull { author: None, ..merged(pull(3, "One and two", ada, hour(24), closed(hour(30)), &["r1", "r2"]), "R2") },
        pull(4, "Never mind", grace, hour(15), closed(hour(16)), &["closed4"]),
        pull(5, "Bump left-pad", &bot("dependabot[bot]"), hour(51), (None, hour(51)), &["open5"]),
        Pull {
            body: Some("Reverts acme/api#2".to_owned()),
            ..merged(pull(6, "Revert \"Try it\"", ada, hour(59), closed(hour(60)), &["c6"]), "s6")
        },
        // Merged to a branch that is not the default one: it has not arrived.
        Pull {
            base: "release".to_owned(),
            ..merged(pull(7, "Mend in a hurry", grace, hour(33), closed(hour(34)), &["hotfix"]), "hotfix")
        },
    ]
}

fn deployments() -> Vec<Deployment> {
    let deployment = |id, commit: &str, environment: &str, statuses: &[(&str, i64)]| Deployment {
        id,
        sha: sha(commit),
        environment: environment.to_owned(),
        created: statuses.first().map_or(hour(265), |status| status.1 - 60),
        creator: bot("github-actions[bot]"),
        is_production: false,
        statuses: statuses.iter().map(|(state, at)| ((*state).to_owned(), *at)).collect(),
    };
    vec![
        deployment(
            41,
            "direct",
            "production",
            &[("in_progress", hour(3)), ("success", hour(3) + 300), ("inactive", hour(24))],
        ),
        deployment(
            42,
            "m1",
            "production",
            &[
                ("in_progress", hour(11)),
                ("failure", hour(11) + 120),
                ("in_progress", hour(12)),
                ("success", hour(12) + 300),
                ("inactive", hour(31)),
            ],
        ),
        deployment(
            43,
            "R2",
            "production",
            &[("queued", hour(31)), ("in_progress", hour(32)), ("success", hour(32) + 200)],
        ),
        deployment(44, "hotfix", "production", &[("success", hour(35))]),
        deployment(45, "s6", "staging", &[("pending", hour(61)), ("inactive", hour(62))]),
        deployment(46, "s6", "github-pages", &[("success", hour(62))]),
        deployment(47, "s6", "production", &[]),
    ]
}

fn issues() -> Vec<Issue> {
    let label = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    vec![
        Issue {
            number: 20,
            title: "Everything is slow".to_owned(),
            body: Some("Caused by: deployment 43\nFixed by: https://github.example/acme/api/deployments/44".to_owned()),
            labels: label(&["incident", "sev-2", "service:api"]),
            created: hour(33),
            updated: hour(40),
            closed: Some(hour(40)),
            timeline: vec![
                event(951, "labeled", hour(34), Some("incident")),
                event(952, "labeled", hour(34), Some("sev-2")),
                event(953, "closed", hour(35), None),
                event(954, "reopened", hour(35) + 600, None),
                event(955, "closed", hour(40), None),
            ],
            is_pull: false,
        },
        Issue {
            number: 6,
            title: "Revert \"Try it\"".to_owned(),
            labels: label(&["incident"]),
            created: hour(59),
            updated: hour(60),
            closed: Some(hour(60)),
            is_pull: true,
            ..Issue::default()
        },
        Issue { number: 21, title: "A question".to_owned(), created: hour(70), updated: hour(71), ..Issue::default() },
    ]
}

/// The organisation a day later: more was merged, deployed and reported.
pub(super) fn a_day_later(world: &mut World) {
    world.now = hour(294);
    let repo = &mut world.repos[0];
    let ada = person("ada");
    // Written before the last reading, pushed after it.
    repo.commit("late", &["s6"], &ada, (hour(100), hour(100)), "Left lying about");
    repo.commit("later", &["late"], &ada, (hour(280), hour(280)), "Go on");
    repo.head = Some(sha("later"));
    let mut merged = repo.pulls.remove(4);
    merged.updated = hour(281);
    merged.closed = Some(hour(281));
    repo.pulls.push(merged);
    if let Some(waiting) = repo.deployments.iter_mut().find(|deployment| deployment.id == 47) {
        waiting.statuses = vec![("success".to_owned(), hour(271))];
    }
    repo.deployments.push(Deployment {
        id: 48,
        sha: sha("later"),
        environment: "production".to_owned(),
        created: hour(282),
        creator: ada.clone(),
        is_production: false,
        statuses: vec![("success".to_owned(), hour(283))],
    });
    if let Some(run) = repo.runs.iter_mut().find(|run| run.id == 503) {
        run.attempts = vec![
            (hour(269), Some(hour(271)), "failure".to_owned()),
            (hour(272), Some(hour(273)), "success".to_owned()),
        ];
    }
    let mut question = repo.issues.remove(2);
    question.labels = vec!["incident".to_owned()];
    question.updated = hour(290);
    question.timeline = vec![event(971, "labeled", hour(290), Some("incident"))];
    repo.issues.push(question);
    let commit: Option<&Commit> = repo.commits.get(&sha("later"));
    assert!(commit.is_some(), "the story goes on");
}
