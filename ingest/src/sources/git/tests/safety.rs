//! What a hostile clone may try.

use lake::tables::commits;

use super::super::clone::Clone;
use super::super::program::Program;
use super::repository::{Repository, config, failure, read};

#[tokio::test]
async fn no_setting_of_a_clone_runs_a_program() {
    let repository = Repository::new();
    let trap = repository.beside("trap");
    let spring = format!("touch '{}' #", trap.display());
    std::fs::write(repository.path.join(".gitattributes"), "* diff=evil filter=evil\n").expect("a file can be written");
    repository.commit("file", "Trap");
    let original = repository.commit("file", "Change it");
    repository.git(&["switch", "--quiet", "--detach", "HEAD~1"]);
    repository.git(&["cherry-pick", &original]);
    repository.git(&["commit", "--quiet", "--amend", "--no-edit"]);
    repository.annotated("v1.0.0");
    for key in [
        "core.fsmonitor",
        "core.pager",
        "core.sshCommand",
        "core.editor",
        "core.askPass",
        "diff.external",
        "diff.evil.command",
        "diff.evil.textconv",
        "filter.evil.smudge",
        "filter.evil.clean",
        "gpg.program",
        "pager.config",
        "pager.cat-file",
        "pager.diff-tree",
        "credential.helper",
        "core.alternateRefsCommand",
        "remote.origin.uploadpack",
    ] {
        repository.git(&["config", key, &spring]);
    }
    repository.git(&["config", "core.repositoryFormatVersion", "1"]);
    repository.git(&["config", "extensions.partialClone", "origin"]);
    repository.git(&["config", "remote.origin.promisor", "true"]);
    repository.git(&["config", "remote.origin.url", &format!("ext::sh -c {spring}")]);
    repository.git(&["config", "protocol.ext.allow", "always"]);
    repository.git(&["config", "log.showSignature", "true"]);
    let blob = repository.git(&["rev-parse", "HEAD~1:file"]);
    let tree = repository.git(&["rev-parse", "HEAD~1^{tree}"]);
    for lost in [&blob, &tree] {
        let (folder, file) = lost.split_at(2);
        std::fs::remove_file(repository.path.join(".git/objects").join(folder).join(file)).expect("it is loose");
    }
    let read = read(repository.config()).await.expect("the repository can be read");
    assert_eq!(read.rows::<commits::Row>().len(), 4);
    assert!(!trap.exists(), "a program of the clone was run");
    // The trap is a real one: git itself walks into it.
    let mut plain = std::process::Command::new("git");
    plain.args(["status", "--short"]).current_dir(&repository.path).output().expect("git can be started");
    assert!(trap.exists());
}

#[tokio::test]
async fn replacements_and_grafts_do_not_change_history() {
    let repository = Repository::new();
    let first = repository.commit("one", "One");
    let second = repository.commit("two", "Two");
    repository.tag("v1.0.0");
    repository.git(&["replace", "--graft", &second]);
    std::fs::write(repository.path.join(".git/info/grafts"), format!("{first}\n")).expect("a file can be written");
    let rows = read(repository.config()).await.expect("the repository can be read").rows::<commits::Row>();
    let row = rows.iter().find(|row| row.commit_sha == second).expect("it is there");
    assert_eq!(row.parents, [first]);
    assert_eq!(rows.len(), 3);
}

#[tokio::test]
async fn nothing_is_left_behind() {
    let repository = Repository::new();
    repository.tag("v1.0.0");
    let before = repository.git(&["count-objects", "-v"]);
    let mine = format!("doracle-git-{}-", std::process::id());
    let clone = Clone::open(&repository.config()).expect("it opens");
    let folder = std::fs::read_dir(std::env::temp_dir()).expect("it can be listed");
    let held = folder.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(&mine)).count();
    assert!(held >= 1);
    let scratch = clone.scratch.folder().to_owned();
    assert!(scratch.exists());
    drop(clone);
    assert!(!scratch.exists());
    assert_eq!(repository.git(&["count-objects", "-v"]), before);
}

#[tokio::test]
async fn a_repository_of_somebody_else_is_refused_with_gits_own_advice() {
    let repository = Repository::new();
    repository.tag("v1.0.0");
    let folder = repository.path.canonicalize().expect("it is there");
    let home = repository.beside("home");
    std::fs::create_dir(&home).expect("a folder can be made");
    let program = || {
        Program::new(&folder)
            .with("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
            .with("HOME", &home)
            .with("XDG_CONFIG_HOME", &home)
            .trusting_as_the_user_does()
    };
    let error = Clone::open_with(&repository.config(), &program()).expect_err("it is refused");
    assert_eq!(error.code(), "ingest::input");
    assert!(error.kind.to_string().contains("dubious ownership"), "{}", error.kind);
    let hint = error.hint.expect("there is one");
    assert!(hint.contains("git config --global --add safe.directory"), "{hint}");
    // Who follows the advice is heard.
    std::fs::write(home.join(".gitconfig"), format!("[safe]\n\tdirectory = {}\n", folder.display())).expect("written");
    Clone::open_with(&repository.config(), &program()).expect("it is trusted now");
}

#[tokio::test]
async fn a_pattern_that_is_none_is_said() {
    let repository = Repository::new();
    repository.tag("v1.0.0");
    let mut config = config(&repository.path);
    config.bots.agent.push("(".into());
    let broken = failure(config).await;
    assert!(broken.starts_with("ingest::settings: could not understand a pattern of `bots`"), "{broken}");
}
