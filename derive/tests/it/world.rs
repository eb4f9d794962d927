//! Small worlds of rows, put into a lake and derived.

use derive::{Derived, Plan, derive};
use lake::tables::{
    alerts, change_commits, changes, commit_paths, commits, coverage, deployments, image_revisions, incidents,
    inventory, metrics, releases,
};
use lake::{AsOf, Batch, Instant, Lake, Location, TableRow, WriteMode};

/// The hour that worlds begin with: Monday, 5 January 2026.
const START: &str = "2026-01-05T00:00:00Z";

/// A time, in hours from the start.
pub(crate) fn hour(hour: i64) -> Instant {
    Instant(Instant::parse(START).expect("a literal instant").0 + hour * 3600 * Instant::MICROS)
}

/// The words of a line, and its members `name=value`.
struct Line<'a>(Vec<&'a str>);

impl<'a> Line<'a> {
    fn new(text: &'a str) -> Self {
        Self(text.split_whitespace().collect())
    }

    fn word(&self, place: usize) -> &'a str {
        self.0[place]
    }

    fn hour(&self, place: usize) -> Instant {
        hour(self.word(place).parse().expect("an hour"))
    }

    fn named(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    fn named_hour(&self, name: &str) -> Option<Instant> {
        self.named(name).map(|text| hour(text.parse().expect("an hour")))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.named(name).map(str::to_owned)
    }

    fn list(&self, name: &str) -> Vec<String> {
        self.named(name).map_or_else(Vec::new, |text| text.split(',').map(str::to_owned).collect())
    }
}

/// All rows of a world.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) commits: Vec<commits::Row>,
    pub(crate) commit_paths: Vec<commit_paths::Row>,
    pub(crate) changes: Vec<changes::Row>,
    pub(crate) change_commits: Vec<change_commits::Row>,
    pub(crate) deployments: Vec<deployments::Row>,
    pub(crate) image_revisions: Vec<image_revisions::Row>,
    pub(crate) inventory: Vec<inventory::Row>,
    pub(crate) incidents: Vec<incidents::Row>,
    pub(crate) alerts: Vec<alerts::Row>,
    pub(crate) coverage: Vec<coverage::Row>,
    pub(crate) releases: Vec<releases::Row>,
}

impl World {
    /// `sha [parents=a,b]`
    pub(crate) fn commits(mut self, lines: &[&str]) -> Self {
        self.commits.extend(lines.iter().map(|text| {
            let line = Line::new(text);
            let parents = line.list("parents");
            commits::Row {
                repository: "repo".into(),
                commit_sha: line.word(0).into(),
                is_merge: parents.len() > 1,
                parents,
                authored_at: hour(0),
                author_offset_minutes: Some(0),
                committed_at: hour(0),
                committer_offset_minutes: Some(0),
                author_id: "a".into(),
                author_kind: "human".into(),
                subject: "s".into(),
                reverts: vec![],
                cherry_picked_from: None,
                patch_id: None,
            }
        }));
        self
    }

    /// `commit path…`
    pub(crate) fn paths(mut self, lines: &[&str]) -> Self {
        for line in lines.iter().map(|text| Line::new(text)) {
            self.commit_paths.extend(line.0[1..].iter().map(|path| commit_paths::Row {
                repository: "repo".into(),
                commit_sha: line.word(0).into(),
                path: (*path).into(),
                path_change: "modified".into(),
            }));
        }
        self
    }

    /// `id first merged [commits=a,b] [by=kind] [kind=] [basis=] [opened=hour] [labels=] [reverts=] [merge=]`; a merge `-`
    /// has not happened. Without commits it consists of the one of its name.
    pub(crate) fn changes(mut self, lines: &[&str]) -> Self {
        for line in lines.iter().map(|text| Line::new(text)) {
            let shas = line.named("commits").map_or(vec![line.word(0)], |shas| shas.split(',').collect());
            self.change_commits.extend(shas.iter().map(|sha| change_commits::Row {
                repository: "repo".into(),
                change_id: line.word(0).into(),
                commit_sha: (*sha).into(),
            }));
            self.changes.push(changes::Row {
                repository: "repo".into(),
                change_id: line.word(0).into(),
                kind: line.text("kind").unwrap_or_else(|| "pull_request".into()),
                title: None,
                author_id: None,
                author_kind: line.text("by").unwrap_or_else(|| "human".into()),
                first_commit_at: Some(line.hour(1)),
                first_commit_basis: line.text("basis").unwrap_or_else(|| "commits".into()),
                last_commit_at: None,
                opened_at: line.named_hour("opened"),
                merged_at: (line.word(2) != "-").then(|| line.hour(2)),
                closed_at: None,
                merge_kind: line.text("merge"),
                merge_commit_sha: None,
                head_branch: None,
                labels: line.list("labels"),
                reverts: line.list("reverts"),
                updated_at: None,
            });
        }
        self
    }

    /// `id service revision+revision hour [ends=hour] [status=] [target=] [intent=] [environment=] [users=yes] [attempt=]
    /// [evidence=]`;
    /// an attempt takes an hour where nothing else is said.
    pub(crate) fn deployments(mut self, lines: &[&str]) -> Self {
        self.deployments.extend(lines.iter().map(|text| {
            let line = Line::new(text);
            let started_at = (line.word(3) != "-").then(|| line.hour(3));
            let usual_end = started_at.map(|at| Instant(at.0 + 3600 * Instant::MICROS));
            deployments::Row {
                deployment_id: line.word(0).into(),
                attempt: line.named("attempt").map_or(1, |number| number.parse().expect("a number")),
                target: line.text("target").unwrap_or_default(),
                service: Some(line.word(1).to_owned()).filter(|service| service != "-"),
                environment: line
                    .text("environment")
                    .or_else(|| Some("production".into()))
                    .filter(|environment| environment != "-"),
                revisions: line.word(2).split('+').map(str::to_owned).collect(),
                status: line.text("status").unwrap_or_else(|| "success".into()),
                started_at,
                finished_at: line.named_hour("ends").or(usual_end),
                reached_users: line.named("users").map(|word| word == "yes"),
                intent: line.text("intent"),
                actor_id: None,
                evidence: line.text("evidence").unwrap_or_else(|| "record".into()),
                updated_at: line.named_hour("updated").or(usual_end),
            }
        }));
        self
    }

    /// `id service opened resolved [impact=hour] [mitigated=hour] [cause=] [caused=deployment] [remedy=deployment]
    /// [reopens=incident] [environment=]`; `-` where it is open, or of no service.
    pub(crate) fn incidents(mut self, lines: &[&str]) -> Self {
        self.incidents.extend(lines.iter().map(|text| {
            let line = Line::new(text);
            incidents::Row {
                incident_id: line.word(0).into(),
                service: Some(line.word(1).to_owned()).filter(|service| service != "-"),
                environment: line.text("environment"),
                title: None,
                severity: None,
                opened_at: line.hour(2),
                impact_started_at: line.named_hour("impact"),
                mitigated_at: line.named_hour("mitigated"),
                resolved_at: (line.word(3) != "-").then(|| line.hour(3)),
                cause: line.text("cause").unwrap_or_else(|| "unknown".into()),
                cause_deployment_id: line.text("caused"),
                remedy_deployment_id: line.text("remedy"),
                reopens_incident_id: line.text("reopens"),
                evidence: "incident_record".into(),
                updated_at: line.named_hour("updated"),
            }
        }));
        self
    }

    /// `table start end [whole|hole|assumed] [service=]`
    pub(crate) fn coverage(mut self, lines: &[&str]) -> Self {
        self.coverage.extend(lines.iter().map(|text| {
            let line = Line::new(text);
            let is_complete = line.word(3) != "hole";
            let assumed = (line.word(3) == "assumed").then(|| coverage::ASSUMED.to_owned());
            coverage::Row {
                stream: "records".into(),
                covers: line.word(0).into(),
                repository: None,
                service: line.text("service"),
                range_start_at: Some(line.hour(1)),
                range_end_at: Some(line.hour(2)),
                is_complete,
                reason: assumed.or_else(|| (!is_complete).then(|| "history was trimmed".into())),
                missing_count: None,
            }
        }));
        self
    }

    /// `tag hour [basis=]`: releases to production.
    pub(crate) fn releases(mut self, lines: &[&str]) -> Self {
        self.releases.extend(lines.iter().map(|text| Line::new(text)).map(|line| releases::Row {
            repository: "repo".into(),
            tag: line.word(0).into(),
            commit_sha: line.word(0).into(),
            tag_kind: "unknown".into(),
            released_at: line.hour(1),
            released_at_basis: line.text("basis").unwrap_or_else(|| "tagger".into()),
            version: line.word(0).into(),
            service: None,
            is_prerelease: false,
            is_production: true,
            has_moved: false,
        }));
        self
    }

    /// The rows as a batch of a lake.
    pub(crate) fn batch(&self, stream: &str) -> Batch {
        let mut batch = Batch::new(stream, hour(10_000));
        put(&mut batch, stream, &self.commits);
        put(&mut batch, stream, &self.commit_paths);
        put(&mut batch, stream, &self.changes);
        put(&mut batch, stream, &self.change_commits);
        put(&mut batch, stream, &self.deployments);
        put(&mut batch, stream, &self.image_revisions);
        put(&mut batch, stream, &self.inventory);
        put(&mut batch, stream, &self.incidents);
        put(&mut batch, stream, &self.alerts);
        put(&mut batch, stream, &self.coverage);
        put(&mut batch, stream, &self.releases);
        batch
    }

    /// What is derived from these rows.
    pub(crate) fn derived(&self, plan: &Plan) -> Derived {
        derived_from(&[self.batch("records")], plan)
    }
}

fn put<R: TableRow + Clone>(batch: &mut Batch, stream: &str, rows: &[R]) {
    if !rows.is_empty() {
        let rows = R::table().with_provenance(&R::batch(rows.to_vec()), stream, None).expect("rows have their schema");
        batch.write(R::table(), WriteMode::Upsert, rows);
    }
}

/// What is derived from a lake into which these batches were read, one after the other.
pub(crate) fn derived_from(batches: &[Batch], plan: &Plan) -> Derived {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = Location::Folder(folder.path().join("lake"));
        let lake = Lake::open_or_create(&place).await.expect("a lake is made");
        for batch in batches {
            lake.commit(batch.clone()).await.expect("it can be stored");
        }
        let snapshot = lake.snapshot(AsOf::Latest).await.expect("the newest version");
        derive(&snapshot, plan).await.expect("it can be derived")
    })
}

/// The number of a service or group in the window of that kind that starts at an hour.
pub(crate) fn number<'a>(
    derived: &'a Derived,
    unit: &str,
    (kind, start): (&str, i64),
    (metric, statistic): (&str, &str),
) -> &'a metrics::Row {
    let is_it = |row: &&metrics::Row| {
        row.service.as_deref().or(row.service_group.as_deref()) == Some(unit)
            && (row.window_kind.as_str(), row.window_start_at) == (kind, hour(start))
            && (row.metric.as_str(), row.statistic.as_str()) == (metric, statistic)
    };
    derived.metrics.iter().find(is_it).unwrap_or_else(|| panic!("`{unit}` has no `{metric}` from hour {start}"))
}
