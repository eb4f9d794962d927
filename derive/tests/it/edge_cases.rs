//! The index of the edge cases that the definitions decide: each with the tests that show the decision, which exist, and
//! those that nothing shows yet, with the reason.

use std::collections::BTreeSet;
use std::path::Path;

/// Names of tests, or of literal tables that say `# case: name`.
type Tests = &'static [&'static str];

/// What is decided, and the tests that show it.
const SHOWN: &[(&str, Tests)] = &[
    // Effects that others measured.
    (
        "`better` says which direction of the estimate as given is good; of rows that overlap the wider one is dropped",
        &[
            "better_says_which_direction_of_the_estimate_as_given_is_good",
            "of_rows_that_overlap_the_wider_one_is_dropped",
        ],
    ),
    // Attempts and rollouts.
    (
        "an attempt fails before users see it: in no rate but that of attempts, and its changes keep waiting",
        &[
            "an_attempt_that_failed_before_users_saw_it_is_in_no_rate",
            "what_a_failed_attempt_would_have_brought_keeps_waiting",
        ],
    ),
    (
        "an attempt fails after part of the traffic or a target got it: the rollout exists and failed",
        &[
            "an_attempt_that_failed_in_traffic_is_a_failed_rollout",
            "an_attempt_that_fails_after_another_target_got_the_set_is_a_failed_rollout",
        ],
    ),
    (
        "a deployment fails without an incident: a rollback, a hotfix or a revert is evidence enough",
        &["rollback_and_hotfix_need_no_incident", "a_deployed_revert_fails_the_rollout_that_brought_what_it_reverts"],
    ),
    (
        "cancelled, skipped, superseded: neither success nor failure, and counted as a finding",
        &["cancelled_attempts_are_neither_success_nor_failure", "flaws_of_records_are_found_and_counted"],
    ),
    (
        "a workflow runs again: attempts of one rollout; after a success a redeploy",
        &[
            "a_failed_attempt_and_its_retry_are_one_rollout",
            "the_same_set_after_success_is_a_redeploy_and_counts_nowhere",
        ],
    ),
    (
        "the same revision set again is a redeploy; the same revision with other values is not the same set",
        &[
            "the_same_set_after_success_is_a_redeploy_and_counts_nowhere",
            "another_image_of_the_same_source_is_a_rebuild_and_other_values_are_config",
        ],
    ),
    (
        "a rollout without new commits is a rebuild or config: it counts and has no lead time",
        &[
            "another_image_of_the_same_source_is_a_rebuild_and_other_values_are_config",
            "a_rollout_without_new_commits_brings_no_change",
        ],
    ),
    (
        "the first known rollout counts, gives no lead time, and is told",
        &[
            "the_first_known_rollout_counts_and_is_told",
            "what_came_with_the_first_known_rollout_has_no_lead_time_and_is_counted",
        ],
    ),
    (
        "a history gap: lead times across it are null, and it is told",
        &[
            "a_lead_time_across_a_gap_is_null",
            "a_lead_time_across_a_history_gap_is_not_in_the_number",
            "flaws_of_records_are_found_and_counted",
        ],
    ),
    (
        "a rollback fails the first rollout after its target; the others are suspects; it ends the episode",
        &[
            "an_earlier_set_is_a_rollback_and_names_what_it_restores",
            "going_back_twice_is_two_rollbacks",
            "a_rollback_fails_the_first_rollout_after_its_target",
        ],
    ),
    (
        "a rollback that is taken back is a release, and the earlier failure stays",
        &["a_rollback_of_a_rollback_is_a_release", "the_failure_of_what_is_applied_again_stays"],
    ),
    (
        "a hotfix is told by intent, label, or the incident that names it; it is in frequency, fail rate and rework",
        &[
            "a_labelled_change_makes_its_rollout_a_hotfix",
            "the_remedy_that_an_incident_names_is_a_hotfix",
            "a_hotfix_is_told_by_intent_label_or_the_incident_that_names_it",
        ],
    ),
    (
        "a revert that is merged and not deployed is a candidate only",
        &["a_revert_that_is_merged_and_not_deployed_is_a_candidate", "a_revert_counts_once_it_is_deployed"],
    ),
    (
        "several clusters are one rollout that ends with the last required one; a missing one makes it partial",
        &[
            "several_targets_are_one_rollout_that_ends_with_the_last",
            "a_rollout_ends_with_the_last_target_that_had_the_set_before",
            "a_target_that_gets_what_is_live_later_is_required_from_then_on",
            "a_set_that_still_has_to_go_to_a_target_is_partial",
            "what_a_partial_rollout_carried_arrives_with_the_next_whole_one",
            "the_first_target_may_have_it_long_before_the_last",
        ],
    ),
    (
        "the next rollout starts before the last target finished: the earlier one counts if any target got it",
        &["a_set_that_is_superseded_counts_if_any_target_got_it", "a_set_that_is_superseded_halfway_is_partial"],
    ),
    // Which rollout a change came with.
    (
        "several repositories in one rollout: a range each, and a change counts once",
        &["several_repositories_in_one_rollout_have_a_range_each_and_a_change_counts_once"],
    ),
    (
        "services that share a repository: by paths; a commit of two counts in each and once in the group",
        &[
            "a_change_that_touches_two_services_counts_in_each_and_one_that_touches_neither_in_none",
            "a_change_of_two_services_counts_in_each_and_once_in_the_group",
        ],
    ),
    (
        "first arrival by ancestry: every commit belongs to one rollout; merge commits are out; a release branch is told",
        &[
            "first_arrival_of_changes_equals_brute_force",
            "first_arrival_equals_brute_force",
            "a_merge_commit_is_out_of_lead_time",
            "a_release_branch_does_not_carry_what_the_trunk_already_brought",
        ],
    ),
    (
        "a squash: the original commits, else the opening, told",
        &[
            "what_was_squashed_arrives_as_the_squashed_commit",
            "a_squash_whose_commits_are_gone_starts_when_it_was_opened",
        ],
    ),
    (
        "a cherry-pick: the first arrival of the patch counts, later ones do not",
        &[
            "of_a_cherry_pick_and_its_origin_the_first_arrival_counts_once",
            "first_arrival_of_changes_equals_brute_force",
        ],
    ),
    (
        "a rebase: when it was written, else when it was committed",
        &["a_rebased_change_starts_when_it_was_written_and_else_when_it_was_committed"],
    ),
    (
        "from a commit of the configuration to the source by images; what is not resolved has no lead time",
        &[
            "a_configuration_commit_leads_to_the_source_by_its_images",
            "the_configuration_never_stands_in_for_the_source",
            "flaws_of_records_are_found_and_counted",
        ],
    ),
    (
        "a time after the merge, the deployment or now: told, and the next one in order stands in",
        &[
            "a_wrong_clock_gives_way_to_the_next_time_in_order",
            "a_first_commit_after_the_merge_is_never_the_start",
            "a_record_in_the_future_moves_nothing_and_counts_nowhere",
        ],
    ),
    ("merged and not deployed: censored at the end", &["what_is_merged_and_not_deployed_is_observed_until_the_end"]),
    ("closed without a merge: not there", &["what_was_closed_without_a_merge_is_not_there"]),
    (
        "a flip of a feature flag has a kind of its own, off by default",
        &[
            "a_flip_of_a_feature_flag_has_a_kind_of_its_own_and_counts_only_where_asked",
            "a_flip_of_a_feature_flag_is_off_by_default_and_can_be_counted",
        ],
    ),
    // Failures.
    (
        "incidents are linked by the named deployment, by their remedy, by time, or not at all",
        &["links_and_restorations_equal_a_plain_reading_of_the_rules", "incidents_are_linked_in_order"],
    ),
    (
        "several candidates: the latest before the impact; the others are kept for the bounds",
        &["both_ends_of_the_fail_rate_can_be_counted_from_the_evidence", "what_lost_is_kept_with_its_reason"],
    ),
    ("an incident in the second of the finish is linked", &["incidents_are_linked_in_order"]),
    (
        "an incident before the finish is linked if the first target had started, else not",
        &["an_incident_before_the_finish_is_linked_from_the_start_on"],
    ),
    (
        "two incidents of one rollout are one failure, from the first start to the last end",
        &["two_incidents_are_one_episode"],
    ),
    (
        "one incident of two services is a failure of each and one of the group",
        &[
            "an_incident_in_two_services_is_a_failure_of_each_and_one_of_the_group",
            "an_incident_in_two_services_is_one_failure_whatever_else_tells_of_either",
        ],
    ),
    (
        "reopened within an hour it is the same incident, later a new one",
        &[
            "an_incident_reopened_within_an_hour_is_the_same_one",
            "an_incident_reopened_later_is_a_new_one",
            "an_incident_reopened_within_the_hour_is_one_failure_until_its_last_end",
        ],
    ),
    (
        "an outage of the infrastructure or of a vendor is in no rate of changes",
        &["an_outage_of_the_infrastructure_or_a_vendor_is_in_no_rate_of_changes"],
    ),
    (
        "restored: mitigated, else the remedy, else alerts clear, else resolved",
        &[
            "links_and_restorations_equal_a_plain_reading_of_the_rules",
            "alerts_of_the_service_tell_when_it_was_restored",
            "what_restored_it_is_told_in_order",
        ],
    ),
    ("an open incident: known to last longer", &["an_open_incident_is_only_known_to_last_longer_than_it_did"]),
    (
        "a rollout before the window with an incident in it belongs to its own window",
        &["a_failure_belongs_to_the_window_of_its_deployment"],
    ),
    (
        "a late incident changes past windows, of which the last are marked immature",
        &["a_late_incident_changes_a_past_window_which_was_marked_immature"],
    ),
    // Numbers.
    (
        "no rollouts: frequency 0 with its bound, the rates null",
        &["without_rollouts_frequency_is_0_with_a_bound_and_the_rates_are_null"],
    ),
    ("a curve that meets a quantile exactly gives the midpoint", &["a_level_met_exactly_gives_the_midpoint"]),
    (
        "a duration below zero is a finding and reaches no metric",
        &[
            "no_duration_is_negative",
            "no_rollout_ends_before_it_starts_and_no_attempt_is_lost",
            "an_attempt_that_ended_before_it_started_is_in_no_rollout_and_has_no_place_in_time",
        ],
    ),
    (
        "records that come twice: one key, and the last word of their source",
        &[
            "any_way_of_reading_the_records_gives_the_same_tables",
            "of_two_rows_with_one_key_the_newer_is_kept_whichever_came_first",
        ],
    ),
    // Decided later.
    (
        "the time of a history gap is no exposure, and its window is incomplete",
        &[
            "the_time_of_a_history_gap_is_no_exposure_and_the_window_is_incomplete",
            "a_stated_hole_is_taken_out_of_the_exposure",
        ],
    ),
    ("one recovery is from its start to the end of the last interval: the span", &["two_incidents_are_one_episode"]),
    (
        "a hotfix with other changes is a hotfix, told as mixed",
        &["a_hotfix_with_other_changes_is_a_hotfix_and_told_as_mixed"],
    ),
    (
        "an incident of unknown cause counts exactly when it is linked",
        &["incidents_are_linked_in_order", "links_and_restorations_equal_a_plain_reading_of_the_rules"],
    ),
    (
        "rollouts and no failures: fail rate 0 with its interval, recovery null",
        &["without_failures_the_fail_rate_is_0_with_its_interval_and_recovery_is_null"],
    ),
    // Identity.
    (
        "a rollout opens with the first attempt of a set and closes when every required target has it or another starts",
        &["a_rollout_opens_with_the_first_attempt_and_closes_when_another_set_starts"],
    ),
    (
        "its id is of service, environment, set and first start",
        &["a_rollout_is_known_by_service_environment_set_and_first_start", "two_records_of_one_start_are_one_rollout"],
    ),
    (
        "a canary aborted in traffic is a rollout that failed, before that a failed attempt",
        &[
            "an_attempt_that_failed_in_traffic_is_a_failed_rollout",
            "a_canary_that_was_aborted_without_a_recorded_end_failed_when_it_started",
            "an_attempt_that_failed_before_users_saw_it_is_in_no_rate",
        ],
    ),
    // Beside the tables.
    (
        "alerts are evidence and no incidents; flapping within ten minutes is one",
        &["flapping_within_ten_minutes_is_one_alert", "alerts_of_the_service_tell_when_it_was_restored"],
    ),
    ("a hotfix by a rule about branches", &["a_change_from_a_hotfix_branch_makes_its_rollout_a_hotfix"]),
    (
        "the first or last week is partial: dropped from medians per week",
        &["weeks_that_the_window_cuts_are_in_no_median_per_week"],
    ),
    ("the tier of published benchmarks is off by default", &["a_report_shows_clusters_only_where_a_year_is_asked_for"]),
    ("who wrote a change is a stratum; nobody is left out", &["the_kind_of_author_is_kept_and_nobody_is_left_out"]),
    ("days follow the declared zone", &["a_week_with_a_clock_change_has_another_length", "windows_tile_the_period"]),
];

/// What is decided and nothing shows yet, with the reason.
const OPEN: &[(&str, &str)] = &[];

/// Every test of the workspace, and every case that a literal table names.
fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    for folder in ["src", "tests", "../lake/tests", "../stats/src", "../tests", "../attribution/src"] {
        read(&root.join(folder), &mut found);
    }
    found
}

fn read(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("the folder is part of the workspace") {
        let path = entry.expect("a folder can be listed").path();
        let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            read(&path, found);
        } else if ending == "rs" {
            found.extend(tests_of(&std::fs::read_to_string(&path).expect("it can be read")));
        } else if ending == "slt" {
            let text = std::fs::read_to_string(&path).expect("it can be read");
            found.extend(text.lines().filter_map(|line| line.strip_prefix("# case: ")).map(str::to_owned));
        }
    }
}

/// The names of the functions under an attribute that makes them tests.
fn tests_of(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some(rest) = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ") {
            names.extend(rest.split('(').next().filter(|_| is_test).map(str::to_owned));
            is_test = false;
        }
    }
    names
}

#[test]
fn every_edge_case_that_is_called_shown_has_its_tests() {
    let known = tests();
    for (row, tests) in SHOWN {
        assert!(!tests.is_empty(), "nothing shows: {row}");
        for test in *tests {
            assert!(known.contains(*test), "`{test}` does not exist, which is to show: {row}");
        }
    }
}

#[test]
fn no_edge_case_is_told_twice() {
    let mut rows = BTreeSet::new();
    for row in SHOWN.iter().map(|(row, _)| row).chain(OPEN.iter().map(|(row, _)| row)) {
        assert!(rows.insert(row), "told twice: {row}");
    }
    assert!(OPEN.iter().all(|(_, reason)| !reason.is_empty()));
}

#[test]
fn a_function_without_the_attribute_is_no_test() {
    let text = "fn one() {}\n#[test]\nfn two() {}\nfn three() {}\n#[tokio::test]\nasync fn four() {}";
    assert_eq!(tests_of(text), ["two", "four"]);
}
