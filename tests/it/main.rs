//! Promises of the house and of the command.

mod command;
mod git_report;
mod records;
mod refusals;
mod support;
mod tidy;
mod worlds;
