//! Programs that some tests run, where they are installed.

use std::env;
use std::path::PathBuf;
use std::process::Command;

/// The program of that name: in `$DORACLE_TEST_TOOLS/bin`, else on the path.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let tools = env::var_os("DORACLE_TEST_TOOLS").map(|folder| PathBuf::from(folder).join("bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    tools.into_iter().chain(env::split_paths(&path)).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A Python that has these modules.
pub(crate) fn python_with(modules: &str) -> Option<PathBuf> {
    let python = program("python3")?;
    let imported = Command::new(&python).args(["-c", &format!("import {modules}")]).output();
    imported.is_ok_and(|output| output.status.success()).then_some(python)
}
