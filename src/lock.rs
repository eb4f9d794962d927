//! One run at a time: an exclusive lock on a file, which the system drops with the process.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use anyhow::Context;

use crate::exit::LockedError;

/// Holds the lock until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or tells that another process holds it.
    pub(crate) fn take(path: &Path) -> anyhow::Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .with_context(|| format!("could not open the lock `{}`", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockedError { path: path.display().to_string() }.into()),
            Err(TryLockError::Error(error)) => {
                Err(anyhow::Error::new(error).context(format!("could not lock `{}`", path.display())))
            }
        }
    }
}
