use lake::Instant;
use lake::tables::{change_commits, changes, commit_paths, commits, inventory, rollout_changes};

use super::{PracticeRule, Recorded, Sign, told};
use crate::testing;

fn day(day: i64) -> Instant {
    Instant(day * 86_400 * Instant::MICROS)
}

/// A world of records, each written as words.
#[derive(Default)]
struct World {
    inventory: Vec<inventory::Row>,
    changes: Vec<changes::Row>,
    change_commits: Vec<change_commits::Row>,
    commits: Vec<commits::Row>,
    commit_paths: Vec<commit_paths::Row>,
    links: Vec<rollout_changes::Row>,
}

fn number(word: &str) -> Instant {
    day(word.parse().expect("a day"))
}

impl World {
    /// `application service|- kind name version since seen|-`
    fn runs(mut self, lines: &[&str]) -> Self {
        self.inventory.extend(lines.iter().map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            inventory::Row {
                application_id: words[0].into(),
                service: Some(words[1].to_owned()).filter(|word| word != "-"),
                environment: None,
                target: String::new(),
                namespace: None,
                kind: words[2].into(),
                name: words[3].into(),
                version: words[4].into(),
                digest: None,
                since_at: number(words[5]),
                since_basis: "deployed".into(),
                seen_at: (words[6] != "-").then(|| number(words[6])),
            }
        }));
        self
    }

    /// `repository id merged|- label,label`, with one commit of its name.
    fn changes(mut self, lines: &[&str]) -> Self {
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            self.changes.push(changes::Row {
                merged_at: (words[2] != "-").then(|| number(words[2])),
                labels: words.get(3).map_or_else(Vec::new, |list| list.split(',').map(str::to_owned).collect()),
                ..testing::change(words[0], words[1])
            });
            self.change_commits.push(change_commits::Row {
                repository: words[0].into(),
                change_id: words[1].into(),
                commit_sha: words[1].into(),
            });
        }
        self
    }

    /// `service repository change merged|- [excluded]`
    fn links(mut self, lines: &[&str]) -> Self {
        self.links.extend(lines.iter().map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            rollout_changes::Row {
                service: words[0].into(),
                environment: "production".into(),
                repository: words[1].into(),
                change_id: words[2].into(),
                rollout_id: None,
                method: None,
                confidence: None,
                author_kind: "human".into(),
                started_at: None,
                started_at_basis: "none".into(),
                last_commit_at: None,
                opened_at: None,
                merged_at: (words[3] != "-").then(|| number(words[3])),
                deployed_at: None,
                first_target_at: None,
                observed_until_at: day(1_000),
                excluded: words.get(4).map(|word| (*word).to_owned()),
            }
        }));
        self
    }

    /// `repository commit path added|modified|deleted`
    fn paths(mut self, lines: &[&str]) -> Self {
        self.commit_paths.extend(lines.iter().map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            commit_paths::Row {
                repository: words[0].into(),
                commit_sha: words[1].into(),
                path: words[2].into(),
                path_change: words[3].into(),
            }
        }));
        self
    }

    /// `repository commit committed`
    fn commits(mut self, lines: &[&str]) -> Self {
        self.commits.extend(lines.iter().map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            commits::Row {
                repository: words[0].into(),
                commit_sha: words[1].into(),
                parents: Vec::new(),
                is_merge: false,
                authored_at: number(words[2]),
                author_offset_minutes: None,
                committed_at: number(words[2]),
                committer_offset_minutes: None,
                author_id: "a".into(),
                author_kind: "human".into(),
                subject: String::new(),
                reverts: Vec::new(),
                cherry_picked_from: None,
                patch_id: None,
            }
        }));
        self
    }

    /// Every row that a rule tells of, as `service version from until`, and how many rules told of nothing.
    fn told(&self, services: &[&str], sign: Sign) -> (Vec<String>, usize) {
        let rule = PracticeRule {
            practice: "crew".into(),
            version: None,
            services: services.iter().map(|name| (*name).to_owned()).collect(),
            sign,
        };
        let recorded = Recorded {
            inventory: &self.inventory,
            changes: &self.changes,
            change_commits: &self.change_commits,
            commits: &self.commits,
            commit_paths: &self.commit_paths,
            links: &self.links,
            as_of: day(100),
        };
        let told = told(&[rule], &recorded);
        let days = |at: Option<Instant>| at.map_or_else(|| "-".to_owned(), |at| (at.0 / day(1).0).to_string());
        let row = |row: &lake::tables::interventions::Row| {
            let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "-".to_owned());
            let (from, until) = (days(Some(row.started_at)), days(row.ended_at));
            format!("{} {} {from} {until}", name(&row.service), name(&row.practice_version))
        };
        (told.rows.iter().map(row).collect(), told.silent.len())
    }
}

#[track_caller]
fn check(world: &World, services: &[&str], sign: Sign, expected: &[&str]) {
    let (rows, silent) = world.told(services, sign);
    assert_eq!(rows, expected);
    assert_eq!(silent, usize::from(expected.is_empty()), "a rule that finds nothing says so");
}

#[test]
fn dates_speak_of_the_services_they_name_or_of_all() {
    let sign = || Sign::Dates { from: day(5), until: Some(day(9)) };
    check(&World::default(), &[], sign(), &["- - 5 9"]);
    check(&World::default(), &["api", "web"], sign(), &["api - 5 9", "web - 5 9"]);
}

#[test]
fn a_chart_begins_where_it_was_first_seen_and_every_version_is_told() {
    let world = World::default().runs(&[
        "a api chart crew 1.0 10 12",
        "a api chart crew 1.1 20 30",
        "b web chart crew-light 2.0 15 -",
        "c pay image crew 9 1 2",
        "d - chart crew 1.0 7 8",
        "e old chart crew 1.0 200 201",
    ]);
    let chart = |name: &str| Sign::Chart(name.to_owned());
    check(&world, &[], chart("crew"), &["api 1.0 10 -", "api 1.1 20 -"]);
    check(&world, &[], chart("crew*"), &["api 1.0 10 -", "api 1.1 20 -", "web 2.0 15 -"]);
    check(&world, &["shop"], chart("crew"), &["shop 1.0 7 -", "shop 1.1 20 -"]);
    check(&world, &[], Sign::Image("crew".into()), &["pay 9 1 -"]);
    check(&world, &[], chart("other"), &[]);
}

#[test]
fn a_chart_that_its_application_no_longer_has_has_ended() {
    let world = World::default().runs(&[
        "a api chart crew 1.0 10 20",
        "a api chart redis 7 10 20",
        "a api chart redis 7 20 40",
        "b web chart crew 1.0 10 20",
        "b web chart crew 1.1 20 40",
    ]);
    check(&world, &[], Sign::Chart("crew".into()), &["api 1.0 10 20", "web 1.0 10 -", "web 1.1 20 -"]);
}

#[test]
fn a_label_begins_with_the_first_merged_change_of_each_service_that_has_it() {
    let world = World::default()
        .changes(&[
            "repo 1 5",
            "repo 2 9 Crew,fix",
            "repo 3 7 crew",
            "repo 4 - crew",
            "mono 5 3 crew",
            "repo 6 200 crew",
        ])
        .links(&[
            "api repo 1 5",
            "api repo 2 9",
            "api repo 3 7",
            "api repo 4 -",
            "web mono 5 3",
            "pay mono 5 3 paths_unknown",
            "api repo 6 200",
        ]);
    check(&world, &[], Sign::Label("crew".into()), &["api - 7 -", "web - 3 -"]);
    check(&world, &["api"], Sign::Label("CREW".into()), &["api - 7 -"]);
    check(&world, &[], Sign::Label("crews".into()), &[]);
}

#[test]
fn a_merged_change_begins_for_the_services_of_its_repository_or_those_named() {
    let world =
        World::default().changes(&["repo 7 6", "repo 8 -"]).links(&["api repo 1 5", "web repo 2 5", "pay other 3 5"]);
    let change = |id: &str| Sign::Change { repository: "repo".into(), change_id: id.into() };
    check(&world, &[], change("7"), &["api - 6 -", "web - 6 -"]);
    check(&world, &["pay"], change("7"), &["pay - 6 -"]);
    check(&world, &[], change("8"), &[]);
}

#[test]
fn a_file_counts_from_the_merge_that_brought_it_until_the_last_one_is_gone() {
    let world = World::default()
        .changes(&["repo c1 10", "repo c2 20", "repo c3 30", "repo c4 40", "repo c5 50"])
        .commits(&["repo c1 1", "repo c2 2", "repo c3 3", "repo c4 4", "repo c5 5", "side d1 11", "side d2 300"])
        .links(&["api repo c1 10", "web side d1 11"])
        .paths(&[
            "repo c1 .agents/a.toml added",
            "repo c2 .agents/a.toml deleted",
            "repo c2 .agents/b.toml added",
            "repo c3 .agents/b.toml modified",
            "repo c4 .agents/b.toml deleted",
            "repo c5 .agents/b.toml added",
            "repo c5 src/main.rs added",
            "side d1 deep/.agents/x.toml added",
            "side d2 .agents/y.toml added",
        ]);
    let file = |pattern: &str| Sign::File(pattern.to_owned());
    check(&world, &[], file(".agents/*.toml"), &["api - 10 40", "api - 50 -"]);
    check(&world, &[], file("**/.agents"), &["api - 10 40", "api - 50 -", "web - 11 -"]);
    check(&world, &["shop"], file("**/x.toml"), &["shop - 11 -"]);
    check(&world, &[], file("nowhere"), &[]);
}
