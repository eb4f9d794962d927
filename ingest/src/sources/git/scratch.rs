//! An empty repository of our own that borrows the objects of a clone.
//!
//! Objects are read through it, so that no setting of the clone is in force while its content is looked at: no diff
//! driver, no promisor remote (git before 2.45 ends when it may not fetch what is missing), no graft, no attribute.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::program::Program;

/// The empty repository; its folder is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: PathBuf,
    /// Git in it.
    pub(super) program: Program,
}

impl Scratch {
    /// Makes one that borrows from the folder `objects`, whose ids have `object_format`.
    pub(super) fn new(objects: &Path, object_format: &str) -> std::io::Result<Self> {
        let folder = new_folder()?;
        let program = Program::new(&folder).with("GIT_DIR", &folder).with("GIT_OBJECT_DIRECTORY", objects);
        let scratch = Self { folder, program };
        let config = format!(
            "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = {object_format}\n"
        );
        fs::write(scratch.folder.join("config"), config)?;
        fs::write(scratch.folder.join("HEAD"), "ref: refs/heads/none\n")?;
        fs::create_dir(scratch.folder.join("objects"))?;
        fs::create_dir(scratch.folder.join("refs"))?;
        Ok(scratch)
    }

    /// Its folder.
    #[cfg(test)]
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Four small files left behind in the folder for temporary files are no reason to fail.
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// A folder that nobody else made and nobody else can write to.
fn new_folder() -> std::io::Result<PathBuf> {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let parent = std::env::temp_dir().canonicalize()?;
    loop {
        let count = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = parent.join(format!("doracle-git-{}-{count}", std::process::id()));
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}
