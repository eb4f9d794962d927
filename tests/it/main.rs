//! Promises of the house and of the command.

mod attempts;
mod command;
mod compare;
mod consensus;
mod evidence;
mod findings;
mod git_report;
mod ingest;
mod interventions;
mod leaderboard;
mod notebooks;
mod profiles;
mod records;
mod refusals;
mod server;
mod submissions;
mod support;
mod tidy;
mod vendors;
mod worlds;
