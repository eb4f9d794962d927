//! The leaderboard as a site.

use std::path::PathBuf;
use std::process::Command;

use crate::support::run;

/// Where a program is, if it is installed.
fn installed(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|path| path.is_file())
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped has to say so")]
fn the_site_works_in_a_browser() {
    let found = installed(&["chromium", "chromium-browser", "google-chrome"]).zip(installed(&["python3"]));
    let Some((chromium, python)) = found else {
        eprintln!("skipped `the_site_works_in_a_browser`: no Chromium, or no Python (`.ci/test-tools` installs them)");
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (code, _, words) = run(folder.path(), &["leaderboard", "build", "--example", "simulated", "--out", "site"]);
    assert_eq!(code, 0, "{words}");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/browser.py");
    let output = Command::new(python).arg(script).arg(chromium).arg(folder.path().join("site")).output();
    let output = output.expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 6);
}

#[test]
fn examples_become_sites_from_the_program_alone_and_from_their_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (code, _, words) = run(folder.path(), &["leaderboard", "build", "--example", "published", "--out", "site"]);
    assert_eq!(code, 0, "{words}");
    assert!(words.contains("ai-assistance: insufficient data, 3 of 4 reports with a vote"), "{words}");
    for name in ["index.html", "claim-ai-assistance.html", "feed.xml", "data/effects.parquet", "data/entries.parquet"] {
        assert!(folder.path().join("site").join(name).is_file(), "{name}");
    }
    let (code, _, words) = run(folder.path(), &["leaderboard", "example", "simulated", "--out", "board"]);
    assert_eq!(code, 0, "{words}");
    let (code, _, words) = run(folder.path(), &["leaderboard", "build", "board", "--out", "from-files"]);
    assert_eq!(code, 0, "{words}");
    let (code, _, _) = run(folder.path(), &["leaderboard", "build", "--example", "simulated", "--out", "alone"]);
    assert_eq!(code, 0);
    let read = |site: &str, name: &str| std::fs::read(folder.path().join(site).join(name)).expect("it was written");
    for name in ["data/many-agents.json", "data/effects.parquet", "feed.xml", "report-many-agents.organisation-02.html"]
    {
        assert_eq!(read("from-files", name), read("alone", name), "{name}");
    }
}

#[test]
fn the_command_concludes_what_the_board_does() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (code, _, words) = run(folder.path(), &["leaderboard", "example", "simulated", "--out", "board"]);
    assert_eq!(code, 0, "{words}");
    let (code, _, words) = run(folder.path(), &["leaderboard", "build", "board", "--out", "site"]);
    assert_eq!(code, 0, "{words}");
    let board: serde_json::Value = serde_json::from_slice(
        &std::fs::read(folder.path().join("site/data/new-dashboard.json")).expect("it was written"),
    )
    .expect("a document");
    // The same effects as a plain table.
    let mut rows = vec![
        "effect,metric,organisation,estimate,scale,std_error,better,moderator_hardware,moderator_evidence".to_owned(),
    ];
    for entry in board["entries"].as_array().expect("a list") {
        for effect in entry["effects"].as_array().expect("a list") {
            let word = |name: &str| effect[name].as_str().expect("a word").to_owned();
            let metric = word("metric");
            let scale = if metric == "change_fail_rate" { "difference" } else { "log_ratio" };
            let hardware = effect["moderators"]["hardware"].as_str().expect("a word");
            rows.push(format!(
                "{},{metric},{},{},{scale},{},higher,{hardware},summary only",
                word("name"),
                word("organisation"),
                effect["estimate"],
                effect["standard_error"]
            ));
        }
    }
    std::fs::write(folder.path().join("effects.csv"), rows.join("\n")).expect("it can be written");
    let claim = "board/claims/new-dashboard.toml";
    let arguments = ["consensus", "--effects", "effects.csv", "--claim", claim, "--format", "json"];
    let (code, out, words) = run(folder.path(), &arguments);
    assert_eq!(code, 0, "{words}");
    let found: serde_json::Value = serde_json::from_str(&out).expect("a document");
    assert_eq!(found["consensus"], board["consensus"]);
}

/// A board may bring a link that leads elsewhere. What is above the folder that was named is the user's own, as `/tmp` is a
/// link on some systems.
#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link_that_a_folder_brings() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    for name in ["real/board", "elsewhere"] {
        std::fs::create_dir_all(at(name)).expect("it can be made");
    }
    std::os::unix::fs::symlink(at("real"), at("link")).expect("a link");
    let write = |out: &str| run(folder.path(), &["leaderboard", "example", "simulated", "--out", out]);
    let (code, _, words) = write("link/board");
    assert_eq!(code, 0, "{words}");
    assert!(at("real/board/board.toml").is_file());
    let (code, _, words) = run(folder.path(), &["leaderboard", "build", "link/board", "--out", "link/site"]);
    assert_eq!(code, 0, "{words}");
    std::os::unix::fs::symlink(at("elsewhere"), at("site")).expect("a link");
    std::fs::create_dir(at("other")).expect("it can be made");
    std::os::unix::fs::symlink(at("elsewhere"), at("other/data")).expect("a link");
    for out in ["site", "other"] {
        let (code, _, words) = run(folder.path(), &["leaderboard", "build", "real/board", "--out", out]);
        assert_eq!(code, 2, "{words}");
        assert!(words.contains("is a link"), "{words}");
    }
    assert_eq!(std::fs::read_dir(at("elsewhere")).expect("it is there").count(), 0);
}

#[test]
fn a_board_that_is_none_is_refused_by_its_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(folder.path().join("board")).expect("it can be made");
    let refused = || run(folder.path(), &["leaderboard", "build", "board", "--out", "site"]);
    let (code, _, words) = refused();
    assert_ne!(code, 0);
    assert!(words.contains("board.toml"), "{words}");
    std::fs::write(folder.path().join("board/board.toml"), "title = \"a\"\nabout = \"b\"\nmore = 1\n")
        .expect("written");
    let (code, _, words) = refused();
    assert_eq!(code, 2);
    assert!(words.contains("board.toml") && words.contains("more"), "{words}");
    #[cfg(unix)]
    {
        std::fs::write(folder.path().join("board/board.toml"), "title = \"a\"\nabout = \"b\"\n").expect("written");
        std::fs::create_dir(folder.path().join("board/claims")).expect("it can be made");
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("board/claims/a.toml")).expect("a link");
        let (code, _, words) = refused();
        assert_eq!(code, 2, "what leads out of the board is not read: {words}");
    }
}
