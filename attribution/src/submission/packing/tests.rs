use std::collections::BTreeMap;
use std::sync::LazyLock;

use lake::tables::{
    alerts, change_commits, changes, commit_paths, commits, coverage, deployments, image_revisions, incidents,
    interventions, service_attributes,
};
use lake::{Batch, Lake, Location, TableRow, WriteMode, canonical};

use super::*;
use crate::submission::{
    Board, Check, Clear, Examined, Limits, Outcome, Registry, Salt, TEMPLATE, Withdrawal, examine, verify,
};
use crate::within::FindingTerms;

const HOUR: i64 = 3_600 * Instant::MICROS;
const DAY: i64 = 24 * HOUR;
const START: i64 = 1_767_571_200 * Instant::MICROS;
const CHANGES: usize = 168;
const NOW: Instant = Instant(START + 400 * DAY);

fn sha(what: &str, number: usize) -> String {
    canonical::sha256(format!("{what} {number}").as_bytes())[..40].to_owned()
}

/// A time within change `number`'s half day, seconds like those of a clock.
fn at(number: usize, hours: i64) -> Instant {
    let number_i = i64::try_from(number).expect("a small number");
    Instant(START + number_i * DAY / 2 + hours * HOUR + (number_i * number_i * 7_919 % 3_539) * Instant::MICROS)
}

/// An invented organisation that has everything names could break: two services that share a repository, images that lead
/// to shortened commits, hotfixes by label and by branch, reverts that name shortened commits, and environments in
/// capital letters.
struct World {
    batch: Batch,
}

impl World {
    fn new() -> Self {
        Self::with_incidents_from(Instant(START))
    }

    /// One of which the incidents were read from a time on.
    fn with_incidents_from(from: Instant) -> Self {
        let mut world = Self { batch: Batch::new("files", NOW) };
        world.history();
        world.deployments();
        world.failures();
        let taken_up = interventions::Row {
            intervention_id: "agents in api".to_owned(),
            service: Some("api".to_owned()),
            practice: "agents".to_owned(),
            practice_version: Some("2".to_owned()),
            started_at: at(CHANGES / 2, 0),
            ended_at: None,
            evidence: "configuration".to_owned(),
        };
        world.add(vec![taken_up]);
        let covers = ["deployments", "incidents", "changes", "commits"].map(|table| coverage::Row {
            stream: "files:acme".to_owned(),
            covers: table.to_owned(),
            repository: None,
            service: None,
            range_start_at: Some(if table == "incidents" { from } else { Instant(START) }),
            range_end_at: Some(at(CHANGES, 0)),
            is_complete: true,
            reason: None,
            missing_count: None,
        });
        world.add(covers.to_vec());
        let known = |service: &str, attribute: &str, number: Option<f64>| service_attributes::Row {
            service: service.to_owned(),
            attribute: attribute.to_owned(),
            number,
            word: number.is_none().then(|| "umbrella".to_owned()),
        };
        let people = [known("api", "people", Some(4.0)), known("ledger", "people", Some(7.0))];
        world.add([people.to_vec(), vec![known("api", "biggest umbrella customer", None)]].concat());
        world
    }

    fn add<R: TableRow>(&mut self, rows: Vec<R>) {
        let table = R::table();
        let rows = table.with_provenance(&R::batch(rows), "files", None).expect("rows have their columns");
        self.batch.write(table, WriteMode::Upsert, rows);
    }

    fn history(&mut self) {
        let (mut commits, mut changes, mut members, mut paths) = (vec![], vec![], vec![], vec![]);
        for number in 0..CHANGES {
            let own = sha("commit", number);
            let path = |path: &str| commit_paths::Row {
                repository: "acme/mono".to_owned(),
                commit_sha: sha("commit", number),
                path: path.to_owned(),
                path_change: "modified".to_owned(),
            };
            match number % 4 {
                0 => paths.push(path("services/api/main.rs")),
                1 => paths.push(path("services/ledger/main.rs")),
                2 => paths.extend([path("services/api/lib.rs"), path("services/ledger/lib.rs")]),
                _ => paths.push(path("docs/customers/umbrella.md")),
            }
            let reverted = (number % 24 == 9).then(|| sha("commit", number - 1)[..9].to_owned());
            commits.push(commits::Row {
                repository: "acme/mono".to_owned(),
                commit_sha: own.clone(),
                parents: if number == 0 { vec![] } else { vec![sha("commit", number - 1)] },
                is_merge: false,
                authored_at: at(number, 0),
                author_offset_minutes: Some(120),
                committed_at: at(number, 1),
                committer_offset_minutes: None,
                author_id: sha("author", number % 5)[..16].to_owned(),
                author_kind: if number % 3 == 0 { "agent" } else { "human" }.to_owned(),
                subject: "for umbrella corporation".to_owned(),
                reverts: reverted.clone().into_iter().collect(),
                cherry_picked_from: None,
                patch_id: None,
            });
            members.push(change_commits::Row {
                repository: "acme/mono".to_owned(),
                change_id: number.to_string(),
                commit_sha: own.clone(),
            });
            changes.push(Self::change(number, own, reverted));
        }
        self.add(commits);
        self.add(changes);
        self.add(members);
        self.add(paths);
    }

    fn change(number: usize, own: String, reverted: Option<String>) -> changes::Row {
        changes::Row {
            repository: "acme/mono".to_owned(),
            change_id: number.to_string(),
            kind: "pull_request".to_owned(),
            title: Some("for umbrella corporation".to_owned()),
            author_id: Some(sha("author", number % 5)[..16].to_owned()),
            author_kind: "human".to_owned(),
            first_commit_at: Some(at(number, 0)),
            first_commit_basis: "commits".to_owned(),
            last_commit_at: Some(at(number, 0)),
            opened_at: Some(at(number, 1)),
            merged_at: Some(at(number, 2)),
            closed_at: Some(at(number, 2)),
            merge_kind: Some("squash".to_owned()),
            merge_commit_sha: Some(own),
            head_branch: Some(if number % 30 == 5 { "hotfix/umbrella" } else { "feature/umbrella" }.to_owned()),
            labels: if number % 30 == 12 { vec!["HotFix".to_owned(), "umbrella".to_owned()] } else { vec![] },
            reverts: reverted.into_iter().collect(),
            updated_at: Some(at(number, 2)),
        }
    }

    fn deployments(&mut self) {
        let (mut deployments, mut images) = (vec![], vec![]);
        for number in 1..CHANGES {
            let service = if number.is_multiple_of(2) { "api" } else { "ledger" };
            let digest = format!("sha256:{}", canonical::sha256(format!("image {number}").as_bytes()));
            let image = format!("registry:5000/{service}@{digest}");
            let revision =
                if service == "api" { format!("acme/mono@{}", sha("commit", number)) } else { image.clone() };
            images.extend((service == "ledger").then(|| image_revisions::Row {
                image,
                name: format!("registry:5000/{service}"),
                tag: None,
                digest: Some(digest),
                repository: Some("acme/mono".to_owned()),
                // As labels of images often have it.
                commit_sha: Some(sha("commit", number)[..10].to_owned()),
                method: "label".to_owned(),
                confidence: 0.9,
                resolved_at: None,
            }));
            deployments.push(deployments::Row {
                deployment_id: format!("umbrella/{number}"),
                attempt: 1,
                target: "eu-1".to_owned(),
                service: Some(service.to_owned()),
                environment: Some("Production".to_owned()),
                revisions: vec![revision],
                status: if number % 17 == 0 { "failure" } else { "success" }.to_owned(),
                started_at: Some(at(number, 3)),
                finished_at: Some(at(number, 4)),
                reached_users: None,
                intent: None,
                actor_id: Some("somebody".to_owned()),
                evidence: "umbrella log".to_owned(),
                updated_at: None,
            });
        }
        self.add(deployments);
        self.add(images);
    }

    fn failures(&mut self) {
        let incident = |number: usize| incidents::Row {
            incident_id: format!("INC-{number}"),
            service: Some(if number.is_multiple_of(2) { "api" } else { "ledger" }.to_owned()),
            environment: number.is_multiple_of(3).then(|| "Production".to_owned()),
            title: Some("umbrella is down".to_owned()),
            severity: Some("sev1".to_owned()),
            opened_at: at(number, 5),
            impact_started_at: None,
            mitigated_at: None,
            resolved_at: Some(at(number, 7)),
            cause: if number.is_multiple_of(4) { "change" } else { "unknown" }.to_owned(),
            cause_deployment_id: number.is_multiple_of(4).then(|| format!("umbrella/{number}")),
            remedy_deployment_id: None,
            reopens_incident_id: None,
            evidence: "pager".to_owned(),
            updated_at: None,
        };
        self.add((1..CHANGES).filter(|number| number % 13 == 0).map(incident).collect());
        let alert = |number: usize| alerts::Row {
            alert_id: format!("umbrella-{number}"),
            name: "UmbrellaDown".to_owned(),
            service: Some("api".to_owned()),
            environment: Some("Production".to_owned()),
            severity: Some("page".to_owned()),
            labels: vec!["customer=umbrella".to_owned()],
            pending_at: None,
            started_at: at(number, 5),
            ended_at: Some(at(number, 6)),
            start_error_seconds: 15.0,
            end_error_seconds: Some(15.0),
            end_basis: "resolved".to_owned(),
            witness: "alertmanager".to_owned(),
            merged_count: 1,
            updated_at: None,
        };
        self.add((1..CHANGES).filter(|number| number % 26 == 0).map(alert).collect());
    }
}

fn plan() -> Plan {
    Plan {
        service_paths: BTreeMap::from([
            ("api".to_owned(), vec!["services/api".to_owned()]),
            ("ledger".to_owned(), vec!["services/ledger/**".to_owned()]),
        ]),
        threads: Some(1),
        ..Plan::default()
    }
}

fn manifest() -> Manifest {
    let filled = TEMPLATE.replace("FILL-IN", "home-1").replace("practice = \"FILL IN\"", "practice = \"agents\"");
    let mut manifest = Manifest::parse(&filled.replace("FILL IN", "something")).expect("it is filled in");
    manifest.question.terms = FindingTerms {
        window_weeks: 4,
        replicates: 99,
        covariates: vec!["people".to_owned()],
        ..FindingTerms::default()
    };
    manifest
}

fn waiting<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// Packs a world.
fn packed(clear: Clear, world: World) -> Made {
    waiting(async {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let lake = Lake::open_or_create(&Location::Folder(folder.path().join("own"))).await.expect("a lake");
        lake.commit(world.batch).await.expect("it is stored");
        let snapshot = lake.snapshot(AsOf::Latest).await.expect("a snapshot");
        let (plan, manifest) = (plan(), manifest());
        let packing = Packing {
            snapshot: &snapshot,
            plan: &plan,
            manifest: &manifest,
            frozen_at: None,
            tool_version: "0.1.0",
            folder: &folder.path().join("evidence"),
        };
        packing.pack(&mut Pseudonyms::new(&Salt::new([42; 32]), clear)).await.expect("it is packed")
    })
}

/// The world as it is, without a name and with all of them: several tests look at both.
static NAMELESS: LazyLock<Made> = LazyLock::new(|| packed(Clear::None, World::new()));
static NAMED: LazyLock<Made> = LazyLock::new(|| packed(Clear::All, World::new()));

fn examined(package: Package, now: Instant) -> Examined {
    waiting(async {
        let folder = tempfile::tempdir().expect("a temporary folder");
        examine(package, &Limits::default(), folder.path(), now, Some(1)).await.expect("it is one")
    })
}

fn checks(package: Package, now: Instant) -> Vec<Check> {
    verify(&examined(package, now), &Board::default(), now).checks
}

#[track_caller]
fn check(checks: &[Check], name: &str) -> (Outcome, String) {
    let found = checks.iter().find(|check| check.name == name).expect("it is checked");
    (found.outcome, found.told.clone())
}

#[test]
fn pseudonyms_change_no_count_and_no_verdict() {
    let some = packed(Clear::Named(["ledger".to_owned(), "acme/mono".to_owned()].into()), World::new());
    for (made, clear) in [(&*NAMELESS, "none"), (&some, "some"), (&*NAMED, "all")] {
        assert_eq!(made.contradictions, Vec::<String>::new(), "{clear}");
        assert_eq!(made.differences, Vec::<String>::new(), "{clear}");
        // There was something to get wrong: both services have lead times, failures and rework.
        let counted = |metric: &str| {
            let own = made.claim.metrics.iter().filter(|row| row.metric == metric && row.service.is_some());
            own.filter(|row| row.n > 10).map(|row| row.service.clone()).collect::<BTreeSet<_>>().len()
        };
        for metric in ["change_lead_time", "change_fail_rate", "deployment_rework_rate"] {
            assert_eq!(counted(metric), 2, "{metric} {clear}");
        }
        let rework =
            made.claim.metrics.iter().find(|row| row.metric == "deployment_rework_rate" && row.value > Some(0.0));
        assert!(rework.is_some(), "hotfixes are still known");
    }
    assert_eq!(check(&checks(some.package, NOW), "re-derivation").0, Outcome::Passed);
}

#[test]
fn nothing_of_what_people_wrote_leaves() {
    let made = &*NAMED;
    let names =
        ["umbrella", "somebody", "sev1", "INC-", "pager", "main.rs", "customers", "feature/", "eu-1", "files:acme"];
    let own = (0..CHANGES)
        .flat_map(|number| [sha("commit", number)[..9].to_owned(), sha("author", number % 5)[..16].to_owned()]);
    let own: BTreeSet<String> = own.chain(names.map(str::to_owned)).collect();
    for (name, content) in made.package.files() {
        let text = String::from_utf8_lossy(content).to_lowercase();
        for own in &own {
            assert!(!text.contains(&own.to_lowercase()), "`{own}` is in `{name}`");
        }
    }
    let text =
        String::from_utf8_lossy(made.package.file("evidence/deployments.parquet").expect("it is there")).into_owned();
    assert!(text.contains("ledger") && text.contains("Production"), "what is asked for leaves in clear");
    let attributes =
        String::from_utf8_lossy(made.package.file("evidence/service_attributes.parquet").expect("it is there"));
    assert!(attributes.contains("people"), "what the terms consider is there, and nothing else");
}

#[test]
fn times_that_cannot_be_are_told() {
    assert_eq!(check(&checks(NAMELESS.package.clone(), NOW), "clock").0, Outcome::Passed);
    // Seen from before, the same is in the future.
    let (outcome, told) = check(&checks(NAMELESS.package.clone(), Instant(START)), "clock");
    assert_eq!(outcome, Outcome::Failed);
    assert!(told.contains("in the future"), "{told}");
    let row = |number: usize| incidents::Row {
        incident_id: format!("back-{number}"),
        service: Some("api".to_owned()),
        environment: None,
        title: None,
        severity: None,
        opened_at: at(number, 5),
        impact_started_at: None,
        mitigated_at: None,
        resolved_at: Some(at(number, 1)),
        cause: "unknown".to_owned(),
        cause_deployment_id: None,
        remedy_deployment_id: None,
        reopens_incident_id: None,
        evidence: "incident_record".to_owned(),
        updated_at: None,
    };
    let mut world = World::new();
    world.add(vec![row(20), row(40), row(60)]);
    let backwards = packed(Clear::None, world);
    let (outcome, told) = check(&checks(backwards.package, NOW), "clock");
    assert_eq!(outcome, Outcome::Failed);
    assert!(told.contains("3 of 15 incidents that ended before they started"), "{told}");
}

#[test]
fn what_was_not_read_is_told() {
    let mut world = World::with_incidents_from(at(CHANGES / 2, 0));
    let unread = coverage::Row {
        stream: "files:acme".to_owned(),
        covers: "incidents".to_owned(),
        repository: None,
        service: None,
        range_start_at: Some(Instant(START)),
        range_end_at: Some(at(CHANGES / 2, 0)),
        is_complete: false,
        reason: Some("umbrella asked us not to".to_owned()),
        missing_count: None,
    };
    world.add(vec![unread]);
    let made = packed(Clear::None, world);
    assert_eq!(made.contradictions, Vec::<String>::new());
    let (outcome, told) = check(&checks(made.package, NOW), "coverage");
    assert_eq!(outcome, Outcome::Doubtful);
    assert!(told.contains("100 % of the deployments") && told.contains("50 % of the incidents"), "{told}");
}

#[test]
fn definitions_plans_and_hardware_are_held_to_what_is_declared() {
    let changed = |from: &str, to: &str| {
        let mut files = NAMELESS.package.files().clone();
        let text = String::from_utf8(files[MANIFEST].clone()).expect("it is text");
        assert!(text.contains(from), "{from} in {text}");
        files.insert(MANIFEST.to_owned(), text.replacen(from, to, 1).into_bytes());
        checks(Package::new(files), NOW)
    };
    let (outcome, told) = check(&changed("change_fail_rate@", "change_fail_rate@9"), "definitions");
    assert_eq!(outcome, Outcome::Failed);
    assert!(told.contains("change_fail_rate@9"), "{told}");
    let (outcome, told) = check(&changed("memory_gb = 16", "memory_gb = 8"), "hardware");
    assert_eq!((outcome, told.as_str()), (Outcome::Failed, "8 GB of memory, and 16 GB are the least"));
    // Other terms than the plan says give other numbers, and are another plan.
    let other = changed("window_weeks = 4", "window_weeks = 5");
    assert_eq!(check(&other, "plan").0, Outcome::Failed);
    assert_eq!(check(&other, "re-derivation").0, Outcome::Failed);
}

#[test]
fn instants_beyond_all_time_are_told_and_break_nothing() {
    for at in [i64::MIN, 253_402_300_800_000_000, i64::MAX] {
        let mut files = NAMELESS.package.files().clone();
        let mut rows: Vec<deployments::Row> =
            Evidence::read(&files, &Limits::default()).and_then(|own| own.rows()).expect("rows");
        for row in rows.iter_mut().step_by(3) {
            (row.started_at, row.finished_at) = (Some(Instant(at)), Some(Instant(at)));
        }
        let table = deployments::Row::table();
        let content =
            crate::submission::parquet::written(table, &deployments::Row::batch(rows)).expect("it can be written");
        files.insert("evidence/deployments.parquet".to_owned(), content);
        let checks = checks(Package::new(files), NOW);
        assert_eq!(check(&checks, "clock").0, Outcome::Failed, "{at}");
        assert_eq!(check(&checks, "re-derivation").0, Outcome::Failed, "{at}");
    }
}

#[test]
fn a_summary_without_events_is_called_one() {
    let mut files = NAMELESS.package.files().clone();
    files.retain(|name, _| !name.starts_with("evidence/"));
    let verification = verify(&examined(Package::new(files), NOW), &Board::default(), NOW);
    assert_eq!(verification.grade, Some(crate::submission::Grade::SummaryOnly));
    assert_eq!(verification.verdict, None, "what nobody derived is no verdict");
}

#[test]
fn what_counts_is_said_by_the_board() {
    let examined = examined(NAMELESS.package.clone(), NOW);
    let registry = |more: &str| Registry::parse(&format!("format_version = 1\n{more}")).expect("it is one");
    let protocol = |more: &str| {
        let registry = registry(more);
        check(&verify(&examined, &Board { registry: Some(&registry), ..Board::default() }, NOW).checks, "protocol")
    };
    let of = |versions: &str, more: &str| {
        let experiment = "[[experiments]]\nid = \"multi-agent-orchestration\"";
        protocol(&format!("{experiment}\nprotocol_versions = {versions}\n{more}"))
    };
    assert_eq!(of("[\"1\"]", "").0, Outcome::Passed);
    assert_eq!(of("[\"2\", \"3\"]", "").0, Outcome::Failed);
    assert_eq!(protocol("").0, Outcome::Failed, "an experiment that the board does not have");
    // It closed: what comes now is late, and what the board had before is not.
    let closed = format!("closes_at = \"{}\"\n", Instant(NOW.0 - DAY));
    let (outcome, told) = of("[\"1\"]", &closed);
    assert_eq!(outcome, Outcome::Doubtful);
    assert!(told.contains("it is late"), "{told}");
    let received = format!(
        "{closed}[[received]]\ndigest = \"{}\"\nreceived_at = \"{}\"\n",
        examined.digest,
        Instant(NOW.0 - 2 * DAY)
    );
    assert_eq!(of("[\"1\"]", &received).0, Outcome::Passed);
}

#[test]
fn one_operator_says_one_thing_unless_it_corrects_or_takes_back() {
    let first = examined(NAMELESS.package.clone(), NOW);
    let mut files = NAMED.package.files().clone();
    let text = String::from_utf8(files[MANIFEST].clone()).expect("it is text");
    let corrected = format!("corrects = \"{}\"\n{text}", first.digest);
    files.insert(MANIFEST.to_owned(), corrected.into_bytes());
    let (other, correction) = (examined(NAMED.package.clone(), NOW), examined(Package::new(files), NOW));
    let others = std::slice::from_ref(&first);
    let said = |own: &Examined, withdrawals: &[Withdrawal]| {
        let others: Vec<&Examined> = others.iter().collect();
        let board = Board { others: &others, withdrawals, ..Board::default() };
        check(&verify(own, &board, NOW).checks, "equivocation").0
    };
    assert_eq!(said(&other, &[]), Outcome::Failed);
    assert_eq!(said(&correction, &[]), Outcome::Passed, "a correction is a new entry");
    let taken_back = Withdrawal::of(first.digest.clone(), &first.manifest, "the clock was wrong", NOW);
    assert_eq!(said(&other, std::slice::from_ref(&taken_back)), Outcome::Passed);
    // Nobody takes back what is somebody else's.
    let foreign = Withdrawal { digest: other.digest.clone(), operator: "home-2".to_owned(), ..taken_back };
    let board = Board { withdrawals: std::slice::from_ref(&foreign), ..Board::default() };
    assert_eq!(check(&verify(&other, &board, NOW).checks, "withdrawal").0, Outcome::Passed);
}
