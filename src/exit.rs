//! Exit codes.

use std::process::ExitCode;

use attribution::submission::SubmissionError;
use derive::DeriveError;
use ingest::SourceError;
use lake::LakeError;

use crate::settings::SettingsError;

/// Everything was done.
pub(crate) const OK: u8 = 0;
/// A check failed.
pub(crate) const CHECK_FAILED: u8 = 1;
/// The command or the configuration is wrong.
pub(crate) const USAGE: u8 = 2;
/// A source, the lake or the output failed.
pub(crate) const FAILED: u8 = 3;
/// A server does not let us.
pub(crate) const NOT_AUTHORISED: u8 = 4;
/// Data are partial: the gaps are listed. A command that reads means the gaps that it found itself or was asked to read, and
/// not those that an earlier reading told of; one that reports means every gap of what it reports on.
pub(crate) const PARTIAL: u8 = 5;
/// Interrupted from outside.
pub(crate) const INTERRUPTED: u8 = 130;

/// Every exit code with its meaning, for the help text.
pub(crate) const ALL: &str = "Exit codes:
  0    done
  1    a check failed
  2    wrong usage or configuration
  3    a source, the lake or the output failed
  4    not authorised
  5    done, on partial data: the gaps are listed; `ingest` and `run` mean what they
       themselves could not read, `derive` and `report` every gap in the data
  130  interrupted";

/// How a command ended when it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything was done.
    Done,
    /// Done, but some data could not be read.
    Partial,
    /// A check that was asked for failed.
    CheckFailed,
    /// Interrupted from outside.
    Interrupted,
}

impl Outcome {
    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => OK,
            Self::Partial => PARTIAL,
            Self::CheckFailed => CHECK_FAILED,
            Self::Interrupted => INTERRUPTED,
        })
    }
}

/// A mistake of the caller, told in words.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct UsageError {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// Another run holds the lock.
#[derive(Debug, thiserror::Error)]
#[error("another run holds `{path}`")]
pub(crate) struct LockedError {
    pub(crate) path: String,
}

/// What an error means to a caller: exit code, stable code and hint.
pub(crate) fn classify(error: &anyhow::Error) -> (u8, &'static str, Option<String>) {
    for cause in error.chain() {
        if let Some(error) = cause.downcast_ref::<UsageError>() {
            return (USAGE, "command::usage", error.hint.clone());
        }
        if let Some(reports::ReportError::NoGroup { .. }) = cause.downcast_ref::<reports::ReportError>() {
            return (USAGE, "command::usage", Some("`[groups]` in `doracle.toml` names them".to_owned()));
        }
        if let Some(error) = cause.downcast_ref::<SettingsError>() {
            return (USAGE, error.code(), Some(error.hint().to_owned()));
        }
        if cause.downcast_ref::<LockedError>().is_some() {
            let hint = "wait for it to end; the lock goes with the process that holds it";
            return (FAILED, "command::locked", Some(hint.to_owned()));
        }
        if let Some(error) = cause.downcast_ref::<SourceError>() {
            let code = match error.code() {
                "ingest::settings" => USAGE,
                "ingest::auth" => NOT_AUTHORISED,
                _ => FAILED,
            };
            return (code, error.code(), error.hint.clone());
        }
        if let Some(error) = cause.downcast_ref::<SubmissionError>() {
            let code = match error {
                SubmissionError::Refused(_) | SubmissionError::Table { .. } => CHECK_FAILED,
                SubmissionError::Manifest(_)
                | SubmissionError::Question(_)
                | SubmissionError::Key(_)
                | SubmissionError::Registry(_) => USAGE,
                _ => FAILED,
            };
            return (code, error.code(), None);
        }
        if let Some(error) = cause.downcast_ref::<DeriveError>() {
            let is_usage = matches!(
                error,
                DeriveError::EmptyPeriod { .. } | DeriveError::LongPeriod { .. } | DeriveError::Unknown { .. }
            );
            let code = if is_usage { USAGE } else { FAILED };
            return (code, error.code(), None);
        }
        if let Some(error) = cause.downcast_ref::<LakeError>() {
            return (FAILED, error.code(), lake_hint(error));
        }
    }
    (FAILED, "command::failed", None)
}

fn lake_hint(error: &LakeError) -> Option<String> {
    Some(match error {
        LakeError::Newer { .. } => "use the release that wrote it, or a newer one".to_owned(),
        LakeError::Older { .. } => {
            "read the sources again into a new lake; `doracle explain lake::older` says more".to_owned()
        }
        LakeError::Missing { .. } => "`doracle ingest` makes one; `--lake` names another place".to_owned(),
        LakeError::NotALake { .. } => "name an empty folder with `--lake`".to_owned(),
        LakeError::Unfinishable { .. } => {
            "`doracle lake set-aside` moves it out of the way and loses nothing; what was stored before stays readable"
                .to_owned()
        }
        LakeError::NoVersion { .. } => "`doracle lake versions` lists them".to_owned(),
        LakeError::Storage { .. } => {
            "look for a full disk, missing permission or a wrong address; what was stored before stays readable"
                .to_owned()
        }
        _ => return None,
    })
}

/// Prints what `clap` has to say and turns it into our codes.
pub(crate) fn for_usage(error: &clap::Error) -> ExitCode {
    // Where standard output or error are gone there is nobody left to tell.
    drop(error.print());
    ExitCode::from(if error.use_stderr() { USAGE } else { OK })
}
