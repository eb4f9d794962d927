//! Running the command as a user does.

use std::path::Path;
use std::process::{Command, Output};

/// The command, away from the configuration of whoever runs the tests.
pub(crate) fn doracle(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doracle"));
    command
        .current_dir(folder)
        .env_remove("DORACLE_LAKE")
        .env("HOME", folder)
        .env("XDG_CONFIG_HOME", folder.join("none"));
    command.env("NO_COLOR", "1");
    command
}

/// Runs it and returns exit code, standard output and standard error.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = doracle(folder).args(arguments).output().expect("the command starts");
    (
        status.code().unwrap_or(-1),
        String::from_utf8_lossy(&stdout).into_owned(),
        String::from_utf8_lossy(&stderr).into_owned(),
    )
}

/// Runs git with fixed names and times.
#[track_caller]
pub(crate) fn git(folder: &Path, at: &str, arguments: &[&str]) -> String {
    let answer = Command::new("git")
        .args([
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@example.com",
            "-c",
            "init.defaultBranch=main",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_DATE", at)
        .env("GIT_COMMITTER_DATE", at)
        .output()
        .expect("git runs");
    assert!(answer.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&answer.stderr));
    String::from_utf8_lossy(&answer.stdout).trim().to_owned()
}
