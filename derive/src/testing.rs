//! Rows that several tests build from little.

use lake::Instant;
use lake::tables::{changes, commits, incidents, rollout_changes, rollouts};

/// A commit of `repository` with these parents, written and committed at the start of 1970.
pub(crate) fn commit(repository: &str, commit_sha: &str, parents: &[&str]) -> commits::Row {
    commits::Row {
        repository: repository.into(),
        commit_sha: commit_sha.into(),
        parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
        is_merge: parents.len() > 1,
        authored_at: Instant(0),
        author_offset_minutes: None,
        committed_at: Instant(0),
        committer_offset_minutes: None,
        author_id: String::new(),
        author_kind: "human".into(),
        subject: String::new(),
        reverts: vec![],
        cherry_picked_from: None,
        patch_id: None,
    }
}

/// A rollout of `api` in production, of one deployment `d-ID`, that took from `hour` to a quarter past.
pub(crate) fn rollout(rollout_id: &str, kind: &str, hour: i64) -> rollouts::Row {
    let finished_at = Some(Instant::from_seconds(hour * 3600 + 900));
    rollouts::Row {
        rollout_id: rollout_id.into(),
        service: "api".into(),
        environment: "production".into(),
        kind: kind.into(),
        revisions: vec![],
        started_at: Instant::from_seconds(hour * 3600),
        finished_at,
        first_target_at: finished_at,
        attempt_count: 1,
        failed_attempt_count: 0,
        finished_attempt_count: 1,
        target_count: 1,
        failed_in_traffic: false,
        impaired_at: None,
        is_partial: false,
        is_first: false,
        is_reapply: false,
        is_mixed: false,
        in_frequency: kind != "redeploy",
        in_change_fail_rate: kind != "redeploy" && kind != "rollback",
        restores_rollout_id: None,
        deployment_ids: vec![format!("d-{rollout_id}")],
        evidence: String::new(),
    }
}

/// A change of `repo` in relation to `api` in production.
pub(crate) fn link(change_id: &str, rollout_id: Option<&str>) -> rollout_changes::Row {
    rollout_changes::Row {
        service: "api".into(),
        environment: "production".into(),
        repository: "repo".into(),
        change_id: change_id.into(),
        rollout_id: rollout_id.map(str::to_owned),
        method: None,
        confidence: None,
        author_kind: "human".into(),
        started_at: None,
        started_at_basis: "none".into(),
        last_commit_at: None,
        opened_at: None,
        merged_at: None,
        deployed_at: None,
        first_target_at: None,
        observed_until_at: Instant(0),
        excluded: None,
    }
}

/// A change of which only its name is known.
pub(crate) fn change(repository: &str, change_id: &str) -> changes::Row {
    changes::Row {
        repository: repository.into(),
        change_id: change_id.into(),
        kind: "pull_request".into(),
        title: None,
        author_id: None,
        author_kind: "human".into(),
        first_commit_at: None,
        first_commit_basis: "none".into(),
        last_commit_at: None,
        opened_at: None,
        merged_at: None,
        closed_at: None,
        merge_kind: None,
        merge_commit_sha: None,
        head_branch: None,
        labels: vec![],
        reverts: vec![],
        updated_at: None,
    }
}

/// An incident of `api` that was opened at `hour` and is open.
pub(crate) fn incident(incident_id: &str, hour: i64) -> incidents::Row {
    incidents::Row {
        incident_id: incident_id.into(),
        service: Some("api".into()),
        environment: None,
        title: None,
        severity: None,
        opened_at: Instant::from_seconds(hour * 3600),
        impact_started_at: None,
        mitigated_at: None,
        resolved_at: None,
        cause: "unknown".into(),
        cause_deployment_id: None,
        remedy_deployment_id: None,
        reopens_incident_id: None,
        evidence: String::new(),
        updated_at: None,
    }
}
