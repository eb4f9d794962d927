//! Promises of the house and of the command.

mod command;
mod git_report;
mod ingest;
mod records;
mod refusals;
mod server;
mod support;
mod tidy;
mod vendors;
mod worlds;
