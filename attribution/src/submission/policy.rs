//! What becomes of every column when evidence leaves the house.
//!
//! Nothing is published by default: a table or column that is not named here fails a test, and nothing of it is packed.

use serde::Serialize;

/// What becomes of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Published as it is: an instant, a number, a truth.
    Keep,
    /// Published as it is where it is a word of ours, such as a status; any other word becomes a pseudonym.
    Word,
    /// A name that becomes a pseudonym, unless it is asked to stay in clear.
    Name,
    /// An id, a hash or a text that becomes a pseudonym whatever is asked.
    Id,
    /// `name@version`, whose parts become pseudonyms each by itself.
    Revision,
    /// A version, whose algorithm stays.
    Version,
    /// A stream: its source's kind stays, the rest becomes a pseudonym.
    Stream,
    /// What tells of a hotfix becomes the one label `hotfix`; everything else is left out.
    Hotfix,
    /// A path becomes the pseudonym of the service that it belongs to; its own name is left out.
    Path,
    /// What the question names, a practice or an attribute, stays; another becomes a pseudonym.
    Asked,
    /// Left out: null, or an empty text.
    Drop,
}

impl Policy {
    /// What becomes of the column, for a reader.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Keep => "as it is",
            Self::Word => "our own words as they are, others as pseudonyms",
            Self::Name => "pseudonym, unless left in clear",
            Self::Id => "pseudonym",
            Self::Revision => "pseudonyms of name and version",
            Self::Version => "pseudonym of the version",
            Self::Stream => "kind of the source, and a pseudonym",
            Self::Hotfix => "`hotfix` or nothing",
            Self::Path => "pseudonym of the service it belongs to",
            Self::Asked => "what the question names as it is, others as pseudonyms",
            Self::Drop => "left out",
        }
    }
}

/// What becomes of a table.
#[derive(Clone, Copy, Debug)]
pub enum TablePolicy {
    /// It is packed, column by column.
    Packed(&'static [(&'static str, Policy)]),
    /// No number that a submission claims needs it.
    LeftOut,
}

/// Every table that sources fill, in the order of the lake.
pub const EVIDENCE: &[(&str, TablePolicy)] = {
    use Policy::{Asked, Drop, Hotfix, Id, Keep, Name, Path, Revision, Stream, Version, Word};
    use TablePolicy::{LeftOut, Packed};
    &[
        (
            "commits",
            Packed(&[
                ("repository", Name),
                ("commit_sha", Id),
                ("parents", Id),
                ("is_merge", Keep),
                ("authored_at", Keep),
                ("author_offset_minutes", Drop),
                ("committed_at", Keep),
                ("committer_offset_minutes", Drop),
                ("author_id", Drop),
                ("author_kind", Word),
                ("subject", Drop),
                ("reverts", Id),
                ("cherry_picked_from", Id),
                ("patch_id", Id),
            ]),
        ),
        ("commit_paths", Packed(&[("repository", Name), ("commit_sha", Id), ("path", Path), ("path_change", Word)])),
        (
            "changes",
            Packed(&[
                ("repository", Name),
                ("change_id", Id),
                ("kind", Word),
                ("title", Drop),
                ("author_id", Drop),
                ("author_kind", Word),
                ("first_commit_at", Keep),
                ("first_commit_basis", Word),
                ("last_commit_at", Keep),
                ("opened_at", Keep),
                ("merged_at", Keep),
                ("closed_at", Drop),
                ("merge_kind", Word),
                ("merge_commit_sha", Id),
                ("head_branch", Drop),
                ("labels", Hotfix),
                ("reverts", Id),
                ("updated_at", Drop),
            ]),
        ),
        ("change_commits", Packed(&[("repository", Name), ("change_id", Id), ("commit_sha", Id)])),
        ("pull_request_events", LeftOut),
        ("check_runs", LeftOut),
        ("releases", LeftOut),
        (
            "deployments",
            Packed(&[
                ("deployment_id", Id),
                ("attempt", Keep),
                ("target", Id),
                ("service", Name),
                ("environment", Name),
                ("revisions", Revision),
                ("status", Word),
                ("started_at", Keep),
                ("finished_at", Keep),
                ("reached_users", Keep),
                ("intent", Word),
                ("actor_id", Drop),
                ("evidence", Word),
                ("updated_at", Drop),
            ]),
        ),
        (
            "image_revisions",
            Packed(&[
                ("image", Revision),
                ("name", Name),
                ("tag", Id),
                ("digest", Version),
                ("repository", Name),
                ("commit_sha", Id),
                ("method", Word),
                ("confidence", Keep),
                ("resolved_at", Drop),
            ]),
        ),
        ("health_transitions", LeftOut),
        (
            "inventory",
            Packed(&[
                ("application_id", Id),
                ("service", Name),
                ("environment", Name),
                ("target", Id),
                ("namespace", Drop),
                ("kind", Word),
                ("name", Name),
                ("version", Version),
                ("digest", Version),
                ("since_at", Keep),
                ("since_basis", Word),
                ("seen_at", Drop),
            ]),
        ),
        ("measurement_inputs", LeftOut),
        (
            "incidents",
            Packed(&[
                ("incident_id", Id),
                ("service", Name),
                ("environment", Name),
                ("title", Drop),
                ("severity", Drop),
                ("opened_at", Keep),
                ("impact_started_at", Keep),
                ("mitigated_at", Keep),
                ("resolved_at", Keep),
                ("cause", Word),
                ("cause_deployment_id", Id),
                ("remedy_deployment_id", Id),
                ("reopens_incident_id", Id),
                ("evidence", Word),
                ("updated_at", Drop),
            ]),
        ),
        (
            "alerts",
            Packed(&[
                ("alert_id", Id),
                ("name", Id),
                ("service", Name),
                ("environment", Name),
                ("severity", Drop),
                ("labels", Drop),
                ("pending_at", Drop),
                ("started_at", Keep),
                ("ended_at", Keep),
                ("start_error_seconds", Keep),
                ("end_error_seconds", Drop),
                ("end_basis", Word),
                ("witness", Word),
                ("merged_count", Keep),
                ("updated_at", Drop),
            ]),
        ),
        ("samples", LeftOut),
        (
            "interventions",
            Packed(&[
                ("intervention_id", Id),
                ("service", Name),
                ("practice", Asked),
                ("practice_version", Id),
                ("started_at", Keep),
                ("ended_at", Keep),
                ("evidence", Word),
            ]),
        ),
        // Of the attributes that the terms consider, and no others.
        ("service_attributes", Packed(&[("service", Name), ("attribute", Asked), ("number", Keep), ("word", Name)])),
        ("attempts", LeftOut),
        (
            "coverage",
            Packed(&[
                ("stream", Stream),
                ("covers", Word),
                ("repository", Name),
                ("service", Name),
                ("range_start_at", Keep),
                ("range_end_at", Keep),
                ("is_complete", Keep),
                ("reason", Word),
                ("missing_count", Keep),
            ]),
        ),
    ]
};

/// What becomes of a table; nothing is said of one that is not known.
#[must_use]
pub fn policy_of(table: &str) -> Option<TablePolicy> {
    EVIDENCE.iter().find(|(name, _)| *name == table).map(|(_, policy)| *policy)
}

/// The tables that are packed, with their columns.
pub(crate) fn packed() -> impl Iterator<Item = (&'static lake::Table, &'static [(&'static str, Policy)])> {
    EVIDENCE.iter().filter_map(|(name, policy)| match policy {
        TablePolicy::Packed(columns) => Some((lake::tables::named(name)?, *columns)),
        TablePolicy::LeftOut => None,
    })
}

/// Words that the contract of the lake gives to what sources say.
pub(crate) fn is_own_word(text: &str) -> bool {
    const WORDS: &[&str] = &[
        // Who wrote it.
        "human",
        "agent",
        "dependency_bot",
        "other_bot",
        // Kinds of changes, what their times rest on, how they were merged.
        "pull_request",
        "commit",
        "commits",
        "squash",
        "opened",
        "none",
        "merge",
        "rebase",
        "direct",
        "unknown",
        // Paths.
        "added",
        "modified",
        "deleted",
        "type_changed",
        // Deployments.
        "success",
        "failure",
        "cancelled",
        "skipped",
        "superseded",
        "running",
        "rollback",
        "hotfix",
        "config",
        "feature_flag",
        "deployment_status",
        "release_tag",
        "published_release",
        // Images and what runs.
        "annotation",
        "label",
        "revision_metadata",
        "tag",
        "rule",
        "unresolved",
        "chart",
        "image",
        "git",
        "deployed",
        "first_seen",
        // Incidents and alerts.
        "change",
        "infrastructure",
        "vendor",
        "incident_record",
        "resolved",
        "firing",
        "uncertain",
        "samples",
        "range_query",
        "alertmanager",
        "webhook",
        // Changes of working.
        "configuration",
        "inventory",
        "file",
        "simulated",
    ];
    WORDS.contains(&text) || text == lake::tables::coverage::ASSUMED || lake::tables::named(text).is_some()
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;
    use lake::Role;

    use super::*;

    #[test]
    fn every_column_that_a_source_fills_has_a_policy() {
        for table in lake::tables::all().into_iter().filter(|table| table.role != Role::Derived) {
            let policy = policy_of(table.name)
                .unwrap_or_else(|| panic!("say in `EVIDENCE` what becomes of table `{}` in a submission", table.name));
            let TablePolicy::Packed(columns) = policy else { continue };
            let known: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
            let own = table.columns.iter().filter(|column| !column.provenance);
            assert_eq!(known, own.map(|column| column.name).collect::<Vec<_>>(), "columns of `{}`", table.name);
        }
        for (name, _) in EVIDENCE {
            assert!(lake::tables::named(name).is_some_and(|table| table.role != Role::Derived), "`{name}`");
        }
    }

    #[test]
    fn no_text_leaves_as_it_is() {
        for (table, columns) in packed() {
            for (name, policy) in columns {
                let data_type = &table.column(name).expect("it is one of the table's").data_type;
                let is_text = matches!(data_type, DataType::Utf8 | DataType::List(_));
                assert_eq!(*policy == Policy::Keep, !is_text && *policy != Policy::Drop, "`{}.{name}`", table.name);
            }
        }
    }
}
