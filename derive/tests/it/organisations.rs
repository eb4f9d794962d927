//! Small organisations as records, drawn at random or written by hand, and what is derived from them.

use derive::{Derived, Plan, derive};
use lake::tables::{change_commits, changes, commits, coverage, deployments, incidents, metrics};
use lake::{AsOf, Batch, Instant, Lake, Location, Snapshot, TableRow, WriteMode, canonical};
use proptest::collection::vec;
use proptest::prelude::*;

pub(crate) const MINUTE: i64 = 60 * Instant::MICROS;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// A Monday, two weeks before the clocks of Europe go forward.
pub(crate) fn start() -> Instant {
    Instant::parse("2026-03-16T00:00:00Z").expect("a literal instant")
}

/// Six weeks later.
pub(crate) fn end() -> Instant {
    Instant(start().0 + 42 * DAY)
}

/// The records of an organisation.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) deployments: Vec<deployments::Row>,
    pub(crate) commits: Vec<commits::Row>,
    pub(crate) changes: Vec<changes::Row>,
    pub(crate) change_commits: Vec<change_commits::Row>,
    pub(crate) incidents: Vec<incidents::Row>,
    pub(crate) coverage: Vec<coverage::Row>,
}

/// A lake with what was put into it.
pub(crate) struct Kept {
    folder: tempfile::TempDir,
    lake: Lake,
}

impl Kept {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = Location::Folder(folder.path().join("lake"));
        let lake = Lake::open_or_create(&place).await.expect("a lake is made");
        Self { folder, lake }
    }

    /// Puts the records in as one batch.
    pub(crate) async fn put(&self, world: &World) {
        let mut batch = Batch::new("records", end());
        put(&mut batch, &world.deployments);
        put(&mut batch, &world.commits);
        put(&mut batch, &world.changes);
        put(&mut batch, &world.change_commits);
        put(&mut batch, &world.incidents);
        put(&mut batch, &world.coverage);
        self.lake.commit(batch).await.expect("the batch is committed");
    }

    pub(crate) async fn observe(&self, plan: &Plan) -> derive::Observations {
        let snapshot: Snapshot = self.lake.snapshot(AsOf::Latest).await.expect("the newest version");
        derive::observe(&snapshot, plan).await.expect("it can be observed")
    }

    pub(crate) async fn derive(&self, plan: &Plan) -> Derived {
        assert!(self.folder.path().is_dir(), "the folder lives as long as its lake");
        let snapshot: Snapshot = self.lake.snapshot(AsOf::Latest).await.expect("the newest version");
        derive(&snapshot, plan).await.expect("it can be derived")
    }
}

fn put<R: TableRow + Clone>(batch: &mut Batch, rows: &[R]) {
    if !rows.is_empty() {
        let rows = R::table().with_provenance(&R::batch(rows.to_vec()), "records", None);
        batch.write(R::table(), WriteMode::Upsert, rows.expect("rows fit their own table"));
    }
}

/// Waits for what a lake does.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime starts").block_on(work)
}

impl World {
    /// A lake that holds these records alone.
    pub(crate) async fn kept(&self) -> Kept {
        let kept = Kept::new().await;
        kept.put(self).await;
        kept
    }

    /// What is derived from these records.
    pub(crate) async fn derive(&self, plan: &Plan) -> Derived {
        self.kept().await.derive(plan).await
    }

    /// States that deployments and incidents of every service were read in a range, whole or with a hole.
    pub(crate) fn read(&mut self, from: Instant, until: Instant, is_complete: bool) {
        for table in ["deployments", "incidents", "changes", "commits"] {
            self.coverage.push(coverage::Row {
                stream: "records".into(),
                covers: table.into(),
                repository: None,
                service: None,
                range_start_at: Some(from),
                range_end_at: Some(until),
                is_complete,
                reason: (!is_complete).then(|| "the server was away".into()),
                missing_count: None,
            });
        }
    }

    /// The same with every record so much later.
    pub(crate) fn later(mut self, by: i64) -> Self {
        let at = |at: &mut Instant| at.0 += by;
        let may_be = |at: &mut Option<Instant>| at.iter_mut().for_each(|at| at.0 += by);
        for row in &mut self.deployments {
            [&mut row.started_at, &mut row.finished_at, &mut row.updated_at].into_iter().for_each(may_be);
        }
        for row in &mut self.commits {
            [&mut row.authored_at, &mut row.committed_at].into_iter().for_each(at);
        }
        for row in &mut self.changes {
            [&mut row.first_commit_at, &mut row.last_commit_at, &mut row.opened_at].into_iter().for_each(may_be);
            [&mut row.merged_at, &mut row.closed_at, &mut row.updated_at].into_iter().for_each(may_be);
        }
        for row in &mut self.incidents {
            at(&mut row.opened_at);
            [&mut row.impact_started_at, &mut row.mitigated_at, &mut row.resolved_at, &mut row.updated_at]
                .into_iter()
                .for_each(may_be);
        }
        for row in &mut self.coverage {
            [&mut row.range_start_at, &mut row.range_end_at].into_iter().for_each(may_be);
        }
        self
    }

    /// The same records in another order.
    pub(crate) fn reversed(mut self) -> Self {
        self.deployments.reverse();
        self.commits.reverse();
        self.changes.reverse();
        self.change_commits.reverse();
        self.incidents.reverse();
        self.coverage.reverse();
        self
    }

    /// Every record twice.
    pub(crate) fn doubled(mut self) -> Self {
        self.deployments.extend_from_within(..);
        self.commits.extend_from_within(..);
        self.changes.extend_from_within(..);
        self.change_commits.extend_from_within(..);
        self.incidents.extend_from_within(..);
        self.coverage.extend_from_within(..);
        self
    }
}

/// A successful deployment of ten minutes to production, of one commit.
pub(crate) fn deployment(id: &str, service: &str, sha: &str, finished_at: Instant) -> deployments::Row {
    deployments::Row {
        deployment_id: id.into(),
        attempt: 1,
        target: String::new(),
        service: Some(service.into()),
        environment: Some("production".into()),
        revisions: vec![format!("{service}@{sha}")],
        status: "success".into(),
        started_at: Some(Instant(finished_at.0 - 10 * MINUTE)),
        finished_at: Some(finished_at),
        reached_users: Some(true),
        intent: None,
        actor_id: None,
        evidence: "record".into(),
        updated_at: Some(finished_at),
    }
}

/// An incident of which nobody knows the cause.
pub(crate) fn incident(id: &str, service: &str, opened_at: Instant, resolved_at: Option<Instant>) -> incidents::Row {
    incidents::Row {
        incident_id: id.into(),
        service: Some(service.into()),
        environment: None,
        title: None,
        severity: None,
        opened_at,
        impact_started_at: None,
        mitigated_at: None,
        resolved_at,
        cause: "unknown".into(),
        cause_deployment_id: None,
        remedy_deployment_id: None,
        reopens_incident_id: None,
        evidence: "incident_record".into(),
        updated_at: Some(opened_at),
    }
}

/// An object id that is made from a name.
pub(crate) fn sha(name: &str) -> String {
    canonical::sha256(name.as_bytes())[..40].to_owned()
}

/// A commit, and the change that consists of it.
pub(crate) fn change(
    repository: &str,
    name: &str,
    parent: Option<&str>,
    (authored_at, merged_at): (Instant, Instant),
    author_kind: &str,
) -> (commits::Row, changes::Row, change_commits::Row) {
    let commit = commits::Row {
        repository: repository.into(),
        commit_sha: sha(name),
        parents: parent.map(str::to_owned).into_iter().collect(),
        is_merge: false,
        authored_at,
        author_offset_minutes: Some(0),
        committed_at: merged_at,
        committer_offset_minutes: Some(0),
        author_id: "somebody".into(),
        author_kind: author_kind.into(),
        subject: name.into(),
        reverts: vec![],
        cherry_picked_from: None,
        patch_id: None,
    };
    let change = changes::Row {
        repository: repository.into(),
        change_id: name.into(),
        kind: "pull_request".into(),
        title: None,
        author_id: None,
        author_kind: author_kind.into(),
        first_commit_at: Some(authored_at),
        first_commit_basis: "commits".into(),
        last_commit_at: Some(authored_at),
        opened_at: Some(Instant(i64::midpoint(authored_at.0, merged_at.0))),
        merged_at: Some(merged_at),
        closed_at: None,
        merge_kind: Some("rebase".into()),
        merge_commit_sha: Some(sha(name)),
        head_branch: None,
        labels: vec![],
        reverts: vec![],
        updated_at: Some(merged_at),
    };
    let member = change_commits::Row { repository: repository.into(), change_id: name.into(), commit_sha: sha(name) };
    (commit, change, member)
}

impl World {
    /// Adds a change to the trunk of a repository, and gives its commit.
    pub(crate) fn merge(
        &mut self,
        repository: &str,
        name: &str,
        parent: Option<&str>,
        times: (Instant, Instant),
        author_kind: &str,
    ) -> String {
        let (commit, change, member) = change(repository, name, parent, times, author_kind);
        let sha = commit.commit_sha.clone();
        self.commits.push(commit);
        self.changes.push(change);
        self.change_commits.push(member);
        sha
    }
}

/// One step of a service's history, in small numbers.
#[derive(Clone, Debug)]
struct Step {
    /// From the end of the step before to the start of this.
    gap_minutes: i64,
    /// What happens: mostly a release.
    what: u8,
    /// How many changes are merged for it.
    merges: i64,
    lead_hours: i64,
    wait_minutes: i64,
    /// Whether an incident follows; when, and for how long.
    incident: u8,
    offset_minutes: i64,
    length_minutes: i64,
}

fn step() -> impl Strategy<Value = Step> {
    let times = (0_i64..5_000, 1_i64..300, 0_i64..900);
    let trouble = (0_u8..5, -15_i64..1_700, 0_i64..4_000);
    (times, 0_u8..12, 0_i64..4, trouble).prop_map(
        |((gap_minutes, lead_hours, wait_minutes), what, merges, (incident, offset_minutes, length_minutes))| Step {
            gap_minutes,
            what,
            merges,
            lead_hours,
            wait_minutes,
            incident,
            offset_minutes,
            length_minutes,
        },
    )
}

/// Organisations of one to three services and up to sixteen steps each, now and then with a hole in what was read.
pub(crate) fn worlds() -> impl Strategy<Value = World> {
    (vec(vec(step(), 1..16), 1..4), proptest::option::of((0_i64..30, 1_i64..200))).prop_map(|(services, hole)| {
        let mut world = World::default();
        world.read(start(), end(), true);
        if let Some((day, hours)) = hole {
            let from = Instant(start().0 + day * DAY + 7 * HOUR);
            world.read(from, Instant(from.0 + hours * HOUR), false);
        }
        for (name, steps) in ["api", "web", "jobs"].into_iter().zip(&services) {
            Service::new(name).live(steps, &mut world);
        }
        world
    })
}

const AUTHORS: [&str; 4] = ["human", "agent", "human", "dependency_bot"];

/// A service while its history is told.
struct Service<'a> {
    name: &'a str,
    now: Instant,
    merged: i64,
    last_merge: Instant,
    tip: Option<String>,
    /// What was live, in order.
    live: Vec<String>,
}

impl<'a> Service<'a> {
    fn new(name: &'a str) -> Self {
        Self { name, now: start(), merged: 0, last_merge: Instant(start().0 - 30 * DAY), tip: None, live: Vec::new() }
    }

    fn live(mut self, steps: &[Step], world: &mut World) {
        let root = Instant(start().0 - 30 * DAY);
        self.merge_at((root, root), world);
        self.now.0 += HOUR;
        let first = self.tip.clone().unwrap_or_default();
        world.deployments.push(deployment(&format!("{}-first", self.name), self.name, &first, self.now));
        self.live.push(first);
        for (number, step) in steps.iter().enumerate() {
            self.now.0 += step.gap_minutes * MINUTE;
            if self.now.0 + HOUR > end().0 {
                break;
            }
            self.step(number, step, world);
        }
        // Two changes still wait.
        for hours in [60, 5] {
            let merged_at = Instant(end().0 - hours * HOUR);
            self.merge_at((Instant(merged_at.0 - 20 * HOUR), merged_at), world);
        }
    }

    fn merge_at(&mut self, (authored_at, merged_at): (Instant, Instant), world: &mut World) {
        let name = format!("{}-{}", self.name, self.merged);
        let merged_at = merged_at.max(self.last_merge).min(end());
        // A clock that runs ahead of the merge, now and then.
        let authored_at = if self.merged % 11 == 5 { Instant(merged_at.0 + DAY) } else { authored_at };
        let author = AUTHORS[usize::try_from(self.merged).unwrap_or(0) % AUTHORS.len()];
        let sha = world.merge(self.name, &name, self.tip.as_deref(), (authored_at, merged_at), author);
        self.tip = Some(sha);
        self.merged += 1;
        self.last_merge = merged_at;
    }

    fn step(&mut self, number: usize, step: &Step, world: &mut World) {
        let id = format!("{}-d{number}", self.name);
        let finished_at = Instant(self.now.0 + 10 * MINUTE + i64::try_from(number).unwrap_or(0));
        for at in 0..step.merges {
            let merged_at = Instant(self.now.0 - step.wait_minutes * MINUTE + at * MINUTE);
            self.merge_at((Instant(merged_at.0 - (step.lead_hours + at) * HOUR), merged_at), world);
        }
        let tip = self.tip.clone().unwrap_or_default();
        let before = self.live.iter().rev().nth(1).cloned();
        let last = self.live.last().cloned();
        let row = deployment(&id, self.name, &tip, finished_at);
        let row = match (step.what, last, before) {
            (8, Some(_), Some(before)) => deployments::Row {
                revisions: vec![format!("{}@{before}", self.name)],
                intent: Some("rollback".into()),
                ..row
            },
            (9, _, _) => deployments::Row { intent: Some("hotfix".into()), ..row },
            (10, Some(last), _) => deployments::Row { revisions: vec![format!("{}@{last}", self.name)], ..row },
            (11, _, _) => {
                let status = ["failure", "cancelled", "unknown"][number % 3];
                deployments::Row { status: status.into(), reached_users: Some(false), ..row }
            }
            _ => row,
        };
        if row.status == "success" {
            let (_, sha) = row.revisions[0].split_once('@').expect("a repository and a commit");
            self.live.push(sha.to_owned());
        }
        world.deployments.push(row);
        if step.incident == 0 {
            let opened_at = Instant(finished_at.0 + step.offset_minutes * MINUTE).min(Instant(end().0 - 1));
            let resolved_at = Instant(opened_at.0 + step.length_minutes * MINUTE);
            let is_over = step.length_minutes % 5 > 0 && resolved_at < end();
            let row = incident(&format!("{id}-i"), self.name, opened_at, is_over.then_some(resolved_at));
            world.incidents.push(incidents::Row {
                cause: ["unknown", "change", "unknown", "vendor"][number % 4].into(),
                cause_deployment_id: (step.offset_minutes % 3 == 0).then_some(id),
                ..row
            });
        }
        self.now = finished_at;
    }
}

/// The numbers of one window of a service or group as a whole.
pub(crate) fn number<'a>(
    derived: &'a Derived,
    unit: &str,
    (kind, start): (&str, Instant),
    metric: &str,
    statistic: &str,
) -> &'a metrics::Row {
    let is_it = |row: &&metrics::Row| {
        row.service.as_deref().or(row.service_group.as_deref()) == Some(unit)
            && row.dimension.is_none()
            && (row.window_kind.as_str(), row.window_start_at) == (kind, start)
            && (row.metric.as_str(), row.statistic.as_str()) == (metric, statistic)
    };
    derived.metrics.iter().find(is_it).unwrap_or_else(|| panic!("`{unit}` has no `{statistic}` of `{metric}`"))
}
