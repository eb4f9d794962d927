//! Releases and deployments: tags, and where they stood before.

use std::collections::BTreeMap;

use lake::Instant;
use lake::tables::{coverage, deployments, releases};

use super::super::config::Config;
use super::repository::{Read, Repository, failure, read, read_after};

async fn releases_of(repository: &Repository) -> BTreeMap<String, releases::Row> {
    let read = read(repository.config()).await.expect("the repository can be read");
    read.rows::<releases::Row>().into_iter().map(|row| (row.tag.clone(), row)).collect()
}

fn coverage_of(read: &Read, table: &str) -> coverage::Row {
    let mut rows = read.rows::<coverage::Row>();
    rows.retain(|row| row.covers == table);
    assert_eq!(rows.len(), 1, "one statement per table");
    rows.remove(0)
}

#[tokio::test]
async fn a_tag_says_when_and_how_it_knows() {
    let repository = Repository::new();
    let committed = repository.now() - 60;
    repository.tag("v1.0.0");
    repository.set_now(repository.now() + 3600);
    let tagged = repository.now();
    repository.annotated("v1.0.1");
    repository.git(&["tag", "-a", "-m", "nested", "v1.0.2", "v1.0.1"]);
    repository.tag("other");
    let head = repository.git(&["rev-parse", "HEAD"]);
    let rows = releases_of(&repository).await;
    assert!(rows.values().all(|row| row.commit_sha == head && !row.has_moved));
    let times = |tag: &str| {
        let row = &rows[tag];
        (row.tag_kind.as_str(), row.released_at_basis.as_str(), row.released_at.0 / Instant::MICROS)
    };
    assert_eq!(times("v1.0.0"), ("lightweight", "committer", committed));
    assert_eq!(times("v1.0.1"), ("annotated", "tagger", tagged));
    assert_eq!(times("v1.0.2"), ("annotated", "tagger", tagged + 60));
    assert_eq!((rows["v1.0.0"].version.as_str(), rows["v1.0.0"].is_production), ("1.0.0", true));
    assert_eq!((rows["other"].version.as_str(), rows["other"].is_production), ("other", false));
}

#[tokio::test]
async fn a_release_is_a_deployment() {
    let repository = Repository::new();
    repository.annotated("v1.0.0");
    repository.commit("next", "Next");
    repository.tag("v1.1.0-rc.1");
    let sha = repository.git(&["rev-parse", "v1.0.0^{commit}"]);
    let rows = read(repository.config()).await.expect("the repository can be read").rows::<deployments::Row>();
    let [row] = &rows[..] else { panic!("one deployment, not {rows:?}") };
    assert_eq!(row.deployment_id, format!("git:api:v1.0.0@{}", &sha[..12]));
    assert_eq!((row.attempt, row.target.as_str(), row.status.as_str()), (1, "", "success"));
    assert_eq!((row.service.as_deref(), row.environment.as_deref()), (Some("api"), Some("production")));
    assert_eq!(row.revisions, [format!("api@{sha}")]);
    assert_eq!((row.started_at, row.finished_at), (Some(row.finished_at.expect("it ended")), row.started_at));
    assert_eq!((row.reached_users, row.intent.as_deref(), row.evidence.as_str()), (None, None, "release_tag"));
}

#[tokio::test]
async fn prereleases_count_only_where_they_should() {
    let repository = Repository::new();
    repository.tag("v1.0.0-rc.1");
    let row = &releases_of(&repository).await["v1.0.0-rc.1"];
    assert!(row.is_prerelease && !row.is_production);
    let config = Config { prereleases: true, ..repository.config() };
    assert_eq!(read(config).await.expect("the repository can be read").rows::<deployments::Row>().len(), 1);
}

#[tokio::test]
async fn the_rule_can_name_services() {
    let repository = Repository::new();
    repository.tag("web/v1.0.0");
    repository.tag("v2.0.0");
    let releases = r"^(?:(?P<service>[a-z]+)/)?v(?P<version>\d.*)$".to_owned();
    let config = Config { releases, repository: Some("acme/mono".into()), ..repository.config() };
    let read = read(config).await.expect("the repository can be read");
    let services: Vec<Option<String>> = read.rows::<deployments::Row>().into_iter().map(|row| row.service).collect();
    assert_eq!(services, [Some("mono".to_owned()), Some("web".to_owned())]);
    assert_eq!(coverage_of(&read, "deployments").service, None);
    let named: Vec<Option<String>> = read.rows::<releases::Row>().into_iter().map(|row| row.service).collect();
    assert_eq!(named, [None, Some("web".to_owned())]);
}

#[tokio::test]
async fn a_tag_that_moved_has_a_row_for_each_place() {
    let repository = Repository::new();
    let first = repository.git(&["rev-parse", "HEAD"]);
    repository.tag("v1");
    let before = read(repository.config()).await.expect("the repository can be read");
    let second = repository.commit("two", "Two");
    repository.git(&["tag", "--force", "v1"]);
    let after = read_after(repository.config(), Some(&before.cursor)).await.expect("the repository can be read");
    let places = |read: &Read| -> BTreeMap<String, bool> {
        read.rows::<releases::Row>().into_iter().map(|row| (row.commit_sha, row.has_moved)).collect()
    };
    assert_eq!(places(&before), BTreeMap::from([(first.clone(), false)]));
    assert_eq!(places(&after), BTreeMap::from([(first.clone(), true), (second.clone(), false)]));
    assert_eq!(after.rows::<deployments::Row>().len(), 2);
    let again = read_after(repository.config(), Some(&after.cursor)).await.expect("the repository can be read");
    assert_eq!((places(&again), &again.cursor), (places(&after), &after.cursor));
    repository.git(&["tag", "--force", "v1", &first]);
    let back = read_after(repository.config(), Some(&after.cursor)).await.expect("the repository can be read");
    assert_eq!(places(&back), BTreeMap::from([(first, false), (second, true)]));
}

#[tokio::test]
async fn a_place_that_the_clone_lost_is_a_gap() {
    let repository = Repository::new();
    repository.branch("lost");
    let lost = repository.commit("lost", "Lost");
    repository.tag("v1");
    let before = read(repository.config()).await.expect("the repository can be read");
    repository.switch("main");
    repository.git(&["tag", "--force", "v1"]);
    let held = read_after(repository.config(), Some(&before.cursor)).await.expect("the repository can be read");
    assert!(coverage_of(&held, "commits").is_complete);
    repository.git(&["branch", "--quiet", "-D", "lost"]);
    repository.git(&["reflog", "expire", "--expire=now", "--all"]);
    repository.git(&["gc", "--quiet", "--prune=now"]);
    let after = read_after(repository.config(), Some(&before.cursor)).await.expect("the repository can be read");
    assert!(after.rows::<releases::Row>().iter().any(|row| row.commit_sha == lost && row.has_moved));
    let coverage = coverage_of(&after, "commits");
    assert!(coverage.reason.expect("there is one").contains("no longer holds 1"));
}

#[tokio::test]
async fn a_cursor_that_cannot_be_read_is_a_gap() {
    let repository = Repository::new();
    repository.tag("v1");
    let read = read_after(repository.config(), Some("?")).await.expect("the repository can be read");
    assert_eq!(read.gaps.len(), 1);
}

#[tokio::test]
async fn a_release_that_is_no_commit_is_left_out_and_said() {
    let repository = Repository::new();
    repository.tag("v1.0.0");
    repository.git(&["tag", "v2.0.0", "HEAD^{tree}"]);
    repository.git(&["tag", "-a", "-m", "key", "key", "HEAD:README"]);
    let read = read(repository.config()).await.expect("the repository can be read");
    assert_eq!(read.rows::<releases::Row>().len(), 1);
    for table in ["releases", "deployments"] {
        let row = coverage_of(&read, table);
        assert_eq!((row.is_complete, row.missing_count), (false, Some(1)));
        assert_eq!(row.reason.as_deref(), Some("the tag `v2.0.0` is no release: it points at a tree"));
    }
    assert!(coverage_of(&read, "commits").is_complete);
    assert_eq!(read.gaps.len(), 1);
}

#[tokio::test]
async fn a_rule_that_matches_nothing_names_some_tags() {
    let repository = Repository::new();
    let missing = failure(repository.config()).await;
    assert!(missing.starts_with("ingest::settings: could not find a release in"), "{missing}");
    assert!(missing.contains("there are no tags"), "{missing}");
    for tag in ["a", "b", "c", "d", "e", "f"] {
        repository.tag(tag);
    }
    let missing = failure(repository.config()).await;
    assert!(missing.ends_with("the 6 tags are such as `a`, `b`, `c`, `d`, `e`"), "{missing}");
    let broken = failure(Config { releases: "v(".into(), ..repository.config() }).await;
    assert!(broken.starts_with("ingest::settings: could not understand the release rule `v(`"), "{broken}");
}

#[tokio::test]
async fn coverage_ends_with_the_newest_event_or_where_the_settings_say() {
    let repository = Repository::new();
    let first = repository.now() - 60;
    repository.commit("two", "Two");
    repository.set_now(repository.now() + 3600);
    let tagged = repository.now();
    repository.annotated("v1.0.0");
    let read_once = read(repository.config()).await.expect("the repository can be read");
    let row = coverage_of(&read_once, "deployments");
    assert_eq!((row.is_complete, row.reason, row.missing_count), (true, None, Some(0)));
    assert_eq!((row.repository.as_deref(), row.service.as_deref()), (Some("api"), Some("api")));
    assert_eq!(row.range_start_at, Some(Instant::from_seconds(first)));
    assert_eq!(row.range_end_at, Some(Instant(tagged * Instant::MICROS + 1)));
    assert_eq!(coverage_of(&read_once, "commits").service, None);
    let config = Config { read_until: Some("2026-02-01T00:00:00+01:00".into()), ..repository.config() };
    let row = coverage_of(&read(config).await.expect("the repository can be read"), "commits");
    assert_eq!(row.range_end_at, Instant::parse("2026-01-31T23:00:00Z").ok());
    let config = Config { read_until: Some("yesterday".into()), ..repository.config() };
    let wrong = failure(config).await;
    assert!(wrong.starts_with("ingest::settings: could not understand `read_until"), "{wrong}");
}
