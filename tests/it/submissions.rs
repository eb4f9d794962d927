//! Submissions as operators make them and boards judge them. Every organisation here is simulated.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use attribution::submission::{BoardKey, Streams, coincidences, overlap, regularities};
use ingest::sources::simulated;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::run;

/// What everybody starts from: a lake, and a package of it that nobody signed.
struct World {
    folder: TempDir,
}

/// Several tests look at one world and change nothing of it.
static WORLD: LazyLock<World> = LazyLock::new(|| {
    let world = World { folder: tempfile::tempdir().expect("a temporary folder") };
    lake_of(world.path(), 2026);
    manifest(world.path(), "home-1", "");
    done(world.path(), &["submission", "pack", "--out", "one"]);
    world
});

impl World {
    fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A simulated organisation in the lake of a folder.
fn lake_of(folder: &Path, seed: u64) {
    let source =
        format!("[[sources]]\ntype = \"simulated\"\nservices = 6\nweeks = 16\nintervention_week = 8\nseed = {seed}\n");
    std::fs::write(folder.join("doracle.toml"), source).expect("it can be written");
    done(folder, &["ingest"]);
}

/// The manifest of an operator, filled in, with more lines at the beginning.
fn manifest(folder: &Path, operator: &str, more: &str) {
    let path = folder.join("submission.toml");
    drop(std::fs::remove_file(&path));
    done(folder, &["submission", "init"]);
    let template = std::fs::read_to_string(&path).expect("it was written");
    let filled = template
        .replace("FILL-IN", operator)
        .replace("practice = \"FILL IN\"", "practice = \"multi-agent orchestration\"")
        .replace("window_weeks = 12", "window_weeks = 6\nreplicates = 99")
        .replace("FILL IN", "something");
    std::fs::write(&path, format!("{more}{filled}")).expect("it can be written");
}

#[track_caller]
fn done(folder: &Path, arguments: &[&str]) -> String {
    let (code, out, words) = run(folder, arguments);
    assert_eq!(code, 0, "{arguments:?}: {out}{words}");
    out
}

/// What `verify` says, with its exit code.
fn verified(folder: &Path, arguments: &[&str]) -> (i32, Value) {
    let (code, out, words) = run(folder, &[&["submission", "verify", "--format", "json"], arguments].concat());
    let document: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{words}"));
    (code, document["verification"].clone())
}

/// Outcome and words of a check.
#[track_caller]
fn check(verification: &Value, name: &str) -> (String, String) {
    let checks = verification["checks"].as_array().expect("checks");
    let found = checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no `{name}`: {checks:?}"));
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (text("outcome"), text("told"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let list = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).expect("it can be listed");
        entries.map(|entry| entry.expect("it can be listed").path()).filter(|path| path.is_file()).collect()
    };
    [list(folder), list(&folder.join("evidence"))].concat()
}

/// A copy of a package, to be changed.
fn copied(package: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (from, to) = (WORLD.path().join(package), folder.path().join("package"));
    std::fs::create_dir_all(to.join("evidence")).expect("a folder can be made");
    for file in files(&from) {
        let name = file.strip_prefix(&from).expect("it lies in it");
        std::fs::copy(&file, to.join(name)).expect("it can be copied");
    }
    (folder, to)
}

/// Lists the contents anew, as somebody does who has changed them.
fn relist(package: &Path) {
    let mut lines: Vec<(String, String)> = files(package)
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(package).expect("it lies in it").display().to_string();
            (name, lake::canonical::sha256(&std::fs::read(&path).expect("it can be read")))
        })
        .filter(|(name, _)| name != "contents.sha256" && name != "submission.sig")
        .collect();
    lines.sort();
    let lines: Vec<String> = lines.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect();
    std::fs::write(package.join("contents.sha256"), lines.concat()).expect("it can be written");
}

#[test]
fn what_was_packed_is_derived_again_and_agrees() {
    let folder = WORLD.path();
    for package in ["one", "one.tar"] {
        let (code, verification) = verified(folder, &[package]);
        assert_eq!(code, 0, "{verification}");
        assert_eq!(verification["grade"], "rederived");
        assert_eq!(verification["simulated"], true, "simulated data are labelled");
        assert_eq!(verification["hardware_class"], "one small machine");
        for name in ["contents", "definitions", "hardware", "clock", "re-derivation", "coverage", "regularity"] {
            assert_eq!(check(&verification, name).0, "passed", "{name}: {verification}");
        }
        for name in ["signature", "plan", "independence", "reproduction"] {
            assert_eq!(check(&verification, name).0, "not_checked", "{name}: {verification}");
        }
    }
    // It says what the own lake says.
    let own: Value = serde_json::from_str(&done(
        folder,
        &[
            "compare",
            "--practice",
            "multi-agent orchestration",
            "--weeks",
            "6",
            "--replicates",
            "99",
            "--format",
            "json",
        ],
    ))
    .expect("a document");
    let claim = std::fs::read_to_string(folder.join("one/findings.json")).expect("it was written");
    let claim: Value = serde_json::from_str(&claim).expect("JSON");
    assert_eq!(claim["finding"]["verdict"], own["finding"]["verdict"]);
    let estimate =
        |document: &Value| document["finding"]["metrics"][1]["effect"]["estimate"].as_f64().expect("a number");
    assert!((estimate(&claim) - estimate(&own)).abs() < 1e-9, "{} and {}", estimate(&claim), estimate(&own));
}

#[test]
fn more_is_required_than_is_there() {
    let folder = WORLD.path();
    assert_eq!(verified(folder, &["one", "--require", "rederived"]).0, 0);
    assert_eq!(verified(folder, &["one", "--require", "signed-and-preregistered"]).0, 1);
}

#[test]
fn no_name_leaves_and_the_salt_stays_home() {
    let folder = WORLD.path();
    let secret = std::fs::read_to_string(folder.join("one.secret.toml")).expect("it was written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder.join("one.secret.toml")).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "nobody else may read it");
    }
    let secret: toml::Table = toml::from_str(&secret).expect("TOML");
    let services: Vec<&String> = secret["services"].as_table().expect("services").keys().collect();
    assert_eq!(services.len(), 6);
    let rows: Value = serde_json::from_str(&done(
        folder,
        &[
            "sql",
            "SELECT commit_sha AS id FROM commits UNION SELECT author_id FROM commits UNION SELECT subject FROM commits \
             UNION SELECT title FROM changes UNION SELECT deployment_id FROM deployments UNION SELECT incident_id FROM \
             incidents UNION SELECT repository FROM changes UNION SELECT title FROM incidents",
            "--format",
            "json",
        ],
    ))
    .expect("a document");
    let mut own: BTreeSet<&str> =
        rows["rows"].as_array().expect("rows").iter().filter_map(|row| row["id"].as_str()).collect();
    own.extend(services.iter().map(|name| name.as_str()));
    own.insert(secret["salt"].as_str().expect("a salt"));
    assert!(own.len() > 1_000, "{}", own.len());
    let own: Vec<&str> = own.into_iter().filter(|text| text.len() >= 4).collect();
    for path in files(&folder.join("one")) {
        let content = std::fs::read(&path).expect("it can be read");
        let words: BTreeSet<&[u8]> =
            content.split(|byte| !(byte.is_ascii_alphanumeric() || b"-_/.:#@ ".contains(byte))).collect();
        for text in &own {
            assert!(!words.contains(text.as_bytes()), "`{text}` is in `{}`", path.display());
        }
        let text = String::from_utf8_lossy(&content);
        for name in &services {
            assert!(!text.contains(name.as_str()), "`{name}` is in `{}`", path.display());
        }
    }
}

#[test]
fn the_same_lake_and_salt_are_the_same_bytes_and_another_salt_says_the_same() {
    let folder = WORLD.path();
    let pack = |out: &str, more: &[&str]| done(folder, &[&["submission", "pack", "--out", out], more].concat());
    pack("again", &["--salt", "one.secret.toml", "--threads", "1"]);
    let bytes = |name: &str| std::fs::read(folder.join(name)).expect("it was written");
    assert!(bytes("again.tar") == bytes("one.tar"), "one byte differs or more");
    pack("other", &["--clear", "atlas"]);
    let (one, other) = (verified(folder, &["one"]).1, verified(folder, &["other"]).1);
    assert_ne!(one["digest"], other["digest"]);
    assert_eq!((&one["verdict"], &one["grade"]), (&other["verdict"], &other["grade"]));
    let text = |name: &str| String::from_utf8_lossy(&bytes(name)).into_owned();
    assert!(
        text("other.tar").contains("atlas") && !text("one.tar").contains("atlas"),
        "what is asked for leaves in clear"
    );
    assert!(!text("other.tar").contains("birch"), "and nothing else does");
    // The same events under two salts are the same events.
    let (code, verification) = verified(folder, &["one", "--beside", "other"]);
    assert_eq!(code, 1);
    assert_eq!(check(&verification, "equivocation").0, "failed", "one operator, two contents");
    // What was written is not overwritten.
    let (code, _, words) = run(folder, &["submission", "pack", "--out", "one"]);
    assert_eq!(code, 2, "{words}");
}

#[test]
fn inspect_shows_every_file_and_column_and_what_a_reader_has_to_know() {
    let folder = WORLD.path();
    let shown: Value =
        serde_json::from_str(&done(folder, &["submission", "inspect", "one", "--format", "json"])).expect("JSON");
    let names: BTreeSet<String> = shown["files"]
        .as_array()
        .expect("files")
        .iter()
        .filter_map(|file| file["name"].as_str().map(str::to_owned))
        .collect();
    let there: BTreeSet<String> = files(&folder.join("one"))
        .iter()
        .map(|path| path.strip_prefix(folder.join("one")).expect("it lies in it").display().to_string())
        .collect();
    assert_eq!(names, there);
    let tables = shown["tables"].as_array().expect("tables");
    assert_eq!(tables.len(), there.iter().filter(|name| name.starts_with("evidence/")).count());
    for table in tables {
        assert!(table["row_count"].as_u64() > Some(0), "{table}");
        for column in table["columns"].as_array().expect("columns") {
            let values = column["values"].as_array().expect("values");
            let is_dropped = column["policy"] == "drop";
            let is_nothing = |value: &Value| *value == json!("") || *value == json!([]);
            assert!(!is_dropped || values.iter().all(is_nothing), "{column}");
        }
    }
    let words = done(folder, &["submission", "inspect", "one"]);
    assert!(words.contains("timestamps are those of the events") && words.contains("public repository"), "{words}");
    assert!(words.contains(shown["digest"].as_str().expect("a digest")), "{words}");
}

#[test]
fn a_changed_package_is_refused_and_a_changed_claim_is_found_out() {
    let (folder, package) = copied("one");
    let claim = std::fs::read_to_string(package.join("findings.json")).expect("it is there");
    let verdict = "\"verdict\": \"";
    let (before, after) = claim.rsplit_once(verdict).expect("there is a verdict");
    let own = after.split('"').next().expect("a word");
    let better = if own == "improves" { "worsens" } else { "improves" };
    let changed = format!("{before}{verdict}{}", after.replacen(own, better, 1));
    std::fs::write(package.join("findings.json"), changed).expect("it can be written");
    let (code, _, words) = run(folder.path(), &["submission", "verify", "package"]);
    assert_eq!(code, 1);
    assert!(words.contains("submission::refused") && words.contains("added, taken away or changed"), "{words}");
    // Whoever lists it anew has a whole package, and a claim that its evidence does not give.
    relist(&package);
    let (code, verification) = verified(folder.path(), &["package"]);
    assert_eq!((code, &verification["grade"]), (1, &Value::Null));
    let (outcome, told) = check(&verification, "re-derivation");
    assert_eq!(outcome, "failed");
    assert!(told.contains("`finding.verdict` is claimed as") && told.contains(own), "{told}");
}

#[test]
fn evidence_of_another_package_does_not_give_the_claim() {
    let (folder, package) = copied("one");
    // Half of the incidents go: fewer failures than are claimed.
    std::fs::remove_file(package.join("evidence/incidents.parquet")).expect("it is there");
    relist(&package);
    let (code, verification) = verified(folder.path(), &["package"]);
    assert_eq!((code, &verification["grade"]), (1, &Value::Null));
    assert_eq!(check(&verification, "re-derivation").0, "failed");
    // Bytes that are no table.
    std::fs::write(package.join("evidence/commits.parquet"), b"PAR1 and nothing").expect("it can be written");
    relist(&package);
    let (code, _, words) = run(folder.path(), &["submission", "verify", "package"]);
    assert_eq!(code, 1);
    assert!(words.contains("`evidence/commits.parquet`"), "{words}");
    let left: Vec<PathBuf> =
        std::fs::read_dir(folder.path()).expect("listed").map(|entry| entry.expect("listed").path()).collect();
    assert_eq!(left, [package], "nothing was written beside it");
}

/// Keys of their own; nothing where `ssh-keygen` is missing, which is said for the test.
#[expect(clippy::print_stderr, reason = "a test that is skipped has to say so")]
fn keys(test: &str, folder: &Path, kinds: &[(&str, &[&str])]) -> Option<Vec<PathBuf>> {
    let make = |(name, kind): &(&str, &[&str])| {
        let path = folder.join(name);
        let made = Command::new("ssh-keygen").args(["-q", "-N", "", "-C", "", "-f"]).arg(&path).args(*kind).output();
        made.ok().map(|answer| {
            assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
            path
        })
    };
    let made: Option<Vec<PathBuf>> = kinds.iter().map(make).collect();
    if made.is_none() {
        eprintln!("skipped `{test}`: `ssh-keygen` is not installed");
    }
    made
}

const ED25519: &[&str] = &["-t", "ed25519"];
const RSA: &[&str] = &["-t", "rsa", "-b", "2048"];

fn public(key: &Path) -> String {
    std::fs::read_to_string(key.with_extension("pub")).expect("it was made").trim().to_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

#[test]
fn ssh_keygen_verifies_ours() {
    let (folder, package) = copied("one");
    let Some(keys) = keys("ssh_keygen_verifies_ours", folder.path(), &[("key", ED25519)]) else { return };
    let key = &keys[0];
    done(folder.path(), &["submission", "sign", "package", "--key", text(key)]);
    std::fs::write(folder.path().join("allowed"), format!("home-1 {}\n", public(key))).expect("it can be written");
    let verify = |identity: &str, namespace: &str| {
        let contents = std::fs::File::open(package.join("contents.sha256")).expect("it is there");
        let answer = Command::new("ssh-keygen")
            .args(["-Y", "verify", "-f", "allowed", "-I", identity, "-n", namespace, "-s", "package/submission.sig"])
            .current_dir(folder.path())
            .stdin(Stdio::from(contents))
            .output()
            .expect("it runs");
        answer.status.success()
    };
    assert!(verify("home-1", "doracle-submission"));
    assert!(!verify("home-1", "doracle-withdrawal"));
    assert!(!verify("home-2", "doracle-submission"));
}

#[test]
fn we_verify_those_of_ssh_keygen() {
    for kind in [
        &["-t", "ed25519"][..],
        &["-t", "ecdsa", "-b", "256"],
        &["-t", "ecdsa", "-b", "384"],
        &["-t", "rsa", "-b", "2048"],
    ] {
        let (folder, package) = copied("one");
        let Some(keys) = keys("we_verify_those_of_ssh_keygen", folder.path(), &[("key", kind)]) else { return };
        let key = &keys[0];
        let contents = std::fs::File::open(package.join("contents.sha256")).expect("it is there");
        let answer = Command::new("ssh-keygen")
            .args(["-Y", "sign", "-n", "doracle-submission", "-f", text(key)])
            .stdin(Stdio::from(contents))
            .output()
            .expect("it runs");
        assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
        std::fs::write(package.join("submission.sig"), &answer.stdout).expect("it can be written");
        done(folder.path(), &["submission", "sign", "package"]);
        assert!(folder.path().join("package.tar").is_file(), "{kind:?}");
        // Not of other contents.
        std::fs::write(package.join("submission.toml"), "format_version = 1\n").expect("it can be written");
        relist(&package);
        let (code, _, words) = run(folder.path(), &["submission", "sign", "package"]);
        assert_eq!(code, 2, "{kind:?}");
        assert!(words.contains("not of these contents"), "{kind:?}: {words}");
    }
}

#[test]
fn a_key_that_cannot_sign_here_is_told_how_it_can() {
    let (folder, _) = copied("one");
    let folder = folder.path();
    let test = "a_key_that_cannot_sign_here_is_told_how_it_can";
    let Some(keys) = keys(test, folder, &[("encrypted", ED25519), ("rsa", RSA)]) else { return };
    let (encrypted, rsa) = (&keys[0], &keys[1]);
    let change = Command::new("ssh-keygen").args(["-q", "-p", "-P", "", "-N", "secret", "-f"]).arg(encrypted).output();
    assert!(change.expect("it runs").status.success());
    for path in [encrypted, rsa] {
        let (code, _, words) = run(folder, &["submission", "sign", "package", "--key", text(path)]);
        assert_eq!(code, 2, "{words}");
        assert!(words.contains("ssh-keygen -Y sign -f KEY -n doracle-submission < package/contents.sha256"), "{words}");
        let pem = std::fs::read_to_string(path).expect("it is there");
        assert!(pem.lines().filter(|line| line.len() > 30).all(|line| !words.contains(line)), "{words}");
    }
}

#[test]
fn simulated_organisations_are_neither_regular_nor_dependent() {
    let streams: Vec<Streams> = (0..24)
        .map(|seed| {
            let config =
                simulated::Config { seed: 9_000 + seed, services: 5, weeks: 20, ..simulated::Config::default() };
            let world = simulated::world(&config);
            let read = "what is simulated can be read";
            Streams::of_events(
                &world.rows().expect(read),
                &world.rows().expect(read),
                &world.rows().expect(read),
                &world.rows().expect(read),
            )
        })
        .collect();
    for (seed, own) in streams.iter().enumerate() {
        assert_eq!(regularities(own), [], "{seed}");
        let other = &streams[(seed + 1) % streams.len()];
        assert_eq!(overlap(own, other, &BoardKey::default()), None, "{seed}");
        let coincide = coincidences(own, other);
        assert!(coincide.as_ref().is_none_or(|(_, p)| *p > 1e-3), "{seed}: {coincide:?}");
        let itself = overlap(own, own, &BoardKey::default()).expect("it is the same");
        assert!(itself.of > 200 && itself.runs == itself.of, "there was something to see: {itself:?}");
    }
}

#[test]
fn a_baseline_gives_the_terms_and_its_name_stays_home() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    lake_of(folder, 3);
    let terms = "practice = \"multi-agent orchestration\"\n[terms]\nwindow_weeks = 5\nreplicates = 99\n";
    std::fs::write(folder.join("terms.toml"), terms).expect("it can be written");
    let until = "2026-03-02";
    done(folder, &["baseline", "freeze", "before-umbrella", "--plan", "terms.toml", "--until", until]);
    let shown: Value =
        serde_json::from_str(&done(folder, &["baseline", "show", "before-umbrella", "--format", "json"]))
            .expect("JSON");
    manifest(folder, "home-1", "");
    let path = folder.join("submission.toml");
    let asked = std::fs::read_to_string(&path).expect("it is there");
    let named = asked.replace("# baseline = \"before\"", "baseline = \"before-umbrella\"");
    assert_ne!(named, asked);
    std::fs::write(&path, named).expect("it can be written");
    done(folder, &["submission", "pack", "--out", "one"]);
    let packed = std::fs::read_to_string(folder.join("one/submission.toml")).expect("it was written");
    assert!(!packed.contains("umbrella"), "{packed}");
    let packed: toml::Table = toml::from_str(&packed).expect("TOML");
    assert_eq!(packed["question"]["terms"]["window_weeks"].as_integer(), Some(5));
    let frozen = &shown["rows"][0];
    assert_eq!(
        packed["packed"]["plan_digest"].as_str(),
        frozen["terms_digest"].as_str(),
        "what a board has to receive"
    );
    assert!(packed["packed"]["frozen_at"].as_str().is_some());
    // The operator's own clock is no witness.
    let (code, verification) = verified(folder, &["one"]);
    assert_eq!(code, 0, "{verification}");
    let (outcome, told) = check(&verification, "plan");
    assert_eq!(outcome, "not_checked");
    assert!(told.contains("by the operator's own clock"), "{told}");
}

#[test]
fn a_withdrawal_may_be_signed_by_any_key_that_ssh_keygen_has() {
    let (folder, _) = copied("one");
    let folder = folder.path();
    let test = "a_withdrawal_may_be_signed_by_any_key_that_ssh_keygen_has";
    let Some(keys) = keys(test, folder, &[("rsa", RSA)]) else { return };
    let withdraw = ["submission", "withdraw", "package", "--reason", "no consent"];
    let (code, _, words) = run(folder, &[&withdraw[..], &["--key", text(&keys[0])]].concat());
    assert_eq!(code, 2, "{words}");
    assert!(!folder.join("withdrawal.toml").exists());
    done(folder, &withdraw);
    let sign = ["-q", "-Y", "sign", "-n", "doracle-withdrawal", "-f", text(&keys[0]), "withdrawal.toml"];
    let answer = Command::new("ssh-keygen").args(sign).current_dir(folder).output().expect("it runs");
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    registry(folder, &[("home-1", "", &keys[0])], "2026-01-02T00:00:00Z");
    let notice = ["--withdrawal", "withdrawal.toml", "--registry", "registry.toml"];
    let (code, withdrawn) = verified(folder, &[&["package"][..], &notice].concat());
    assert_eq!(code, 1);
    assert_eq!(check(&withdrawn, "withdrawal").0, "failed");
    // Of a notice that somebody changed nothing is left.
    let changed = std::fs::read_to_string(folder.join("withdrawal.toml")).expect("it was written");
    std::fs::write(folder.join("withdrawal.toml"), changed.replace("no consent", "no reason")).expect("written");
    let (code, _, words) = run(folder, &[&["submission", "verify", "package"][..], &notice].concat());
    assert_eq!(code, 2, "{words}");
    assert!(words.contains("not of these contents"), "{words}");
}

/// A registry in which each operator has a key, and the plan of the first package arrived on a day.
fn registry(folder: &Path, operators: &[(&str, &str, &Path)], plan_received: &str) {
    let manifest = std::fs::read_to_string(WORLD.path().join("one/submission.toml")).expect("it was written");
    let manifest: toml::Table = toml::from_str(&manifest).expect("TOML");
    let plan = manifest["packed"]["plan_digest"].as_str().expect("a digest").to_owned();
    let enrolled = operators.iter().map(|(id, organisation, key)| {
        let organisation =
            if organisation.is_empty() { String::new() } else { format!("organisation = \"{organisation}\"\n") };
        format!(
            "[[operators]]\nid = \"{id}\"\n{organisation}enrolled_at = \"2026-01-01T00:00:00Z\"\nkeys = [{{ line = \"{}\" }}]\n\
             [[plans]]\noperator = \"{id}\"\ndigest = \"{plan}\"\nreceived_at = \"{plan_received}\"\n",
            public(key)
        )
    });
    let experiment = "[[experiments]]\nid = \"multi-agent-orchestration\"\nprotocol_versions = [\"1\"]\n";
    let text = format!("format_version = 1\n{}{experiment}", enrolled.collect::<Vec<_>>().concat());
    std::fs::write(folder.join("registry.toml"), text).expect("it can be written");
}

#[test]
fn a_signature_counts_for_whom_the_board_knows() {
    let (folder, _) = copied("one");
    let folder = folder.path();
    let test = "a_signature_counts_for_whom_the_board_knows";
    let Some(keys) = keys(test, folder, &[("own", ED25519), ("other", ED25519)]) else { return };
    let (own, other) = (&keys[0], &keys[1]);
    let verify = || verified(folder, &["package", "--registry", "registry.toml"]);
    let early = "2026-01-02T00:00:00Z";
    registry(folder, &[("home-1", "", own), ("home-2", "", other)], early);
    let (code, unsigned) = verify();
    assert_eq!((code, unsigned["grade"].as_str()), (0, Some("rederived")));
    done(folder, &["submission", "sign", "package", "--key", text(own)]);
    let (code, good) = verify();
    assert_eq!((code, good["grade"].as_str()), (0, Some("signed_and_preregistered")), "{good}");
    // The plan came after the first service had begun.
    registry(folder, &[("home-1", "", own)], "2026-06-01T00:00:00Z");
    let (code, late) = verify();
    assert_eq!((code, late["grade"].as_str()), (1, Some("rederived")));
    assert_eq!(check(&late, "plan").0, "doubtful");
    // It is by the key of somebody else, and for another organisation.
    registry(folder, &[("home-1", "acme", other), ("home-2", "", own)], early);
    let (code, foreign) = verify();
    assert_eq!(code, 1);
    assert!(check(&foreign, "signature").1.contains("a key of another operator, `home-2`"), "{foreign}");
    assert!(check(&foreign, "organisation").1.contains("acme"), "whose vote it is: {foreign}");
    // A key that was lost: only what the board had before still stands.
    registry(folder, &[("home-1", "", own)], early);
    let known = std::fs::read_to_string(folder.join("registry.toml")).expect("it was written");
    let lost = known.replacen(" }]", ", revoked_at = \"2026-09-01T00:00:00Z\", revoked_reason = \"lost\" }]", 1);
    std::fs::write(folder.join("registry.toml"), &lost).expect("it can be written");
    let (code, revoked) = verify();
    assert_eq!(code, 1);
    assert!(check(&revoked, "signature").1.contains("was revoked at 2026-09-01T00:00:00Z (lost)"), "{revoked}");
    let digest = revoked["digest"].as_str().expect("a digest");
    let received = format!("{lost}[[received]]\ndigest = \"{digest}\"\nreceived_at = \"2026-08-01T00:00:00Z\"\n");
    std::fs::write(folder.join("registry.toml"), received).expect("it can be written");
    assert_eq!(verify().0, 0);
}

#[test]
fn copies_replays_and_withdrawals_are_told_and_nothing_vanishes() {
    let world = WORLD.path();
    let (folder, _) = copied("one");
    let folder = folder.path();
    // The same lake packed by somebody else, under a salt of their own.
    std::fs::copy(world.join("doracle.toml"), folder.join("doracle.toml")).expect("it can be copied");
    let lake = world.join(".doracle");
    manifest(folder, "home-2", "");
    done(folder, &["--lake", text(&lake), "submission", "pack", "--out", "copy"]);
    let (code, copy) = verified(folder, &["copy", "--beside", "package"]);
    assert_eq!(code, 1);
    let (outcome, told) = check(&copy, "independence");
    assert_eq!(outcome, "failed");
    assert!(told.contains("100 % of") && told.contains("`home-1`"), "{told}");
    // The very evidence under another name, and the very package again.
    let manifest = std::fs::read_to_string(folder.join("package/submission.toml")).expect("it is there");
    let (stolen_folder, stolen) = copied("one");
    std::fs::write(stolen.join("submission.toml"), manifest.replace("home-1", "home-3")).expect("it can be written");
    relist(&stolen);
    let original = folder.join("package");
    let (_, replayed) = verified(stolen_folder.path(), &["package", "--beside", text(&original)]);
    assert!(check(&replayed, "replay").1.contains("its evidence was sent before, by"), "{replayed}");
    let (_, twice) = verified(folder, &["package", "--beside", "package"]);
    assert!(check(&twice, "replay").1.contains("it was sent before"), "{twice}");

    let test = "copies_replays_and_withdrawals_are_told_and_nothing_vanishes";
    let Some(keys) = keys(test, folder, &[("own", ED25519)]) else { return };
    let key = &keys[0];
    done(folder, &["submission", "withdraw", "package", "--reason", "the clock was wrong", "--key", text(key)]);
    let notice = std::fs::read_to_string(folder.join("withdrawal.toml")).expect("it was written");
    assert!(notice.contains(twice["digest"].as_str().expect("a digest")), "{notice}");
    let (code, withdrawn) = verified(folder, &["package", "--withdrawal", "withdrawal.toml"]);
    assert_eq!(code, 1);
    assert!(check(&withdrawn, "withdrawal").1.contains("the clock was wrong"), "{withdrawn}");
    // Only the operator takes it back.
    registry(folder, &[("home-2", "", key)], "2026-01-02T00:00:00Z");
    let (code, _, words) = run(
        folder,
        &["submission", "verify", "package", "--withdrawal", "withdrawal.toml", "--registry", "registry.toml"],
    );
    assert_eq!(code, 1, "{words}");
    assert!(words.contains("the withdrawal does not count"), "{words}");
}

#[test]
fn an_unrelated_operator_is_independent() {
    let (folder, _) = copied("one");
    let folder = folder.path();
    lake_of(folder, 7);
    manifest(folder, "home-2", "");
    done(folder, &["submission", "pack", "--out", "other"]);
    let test = "an_unrelated_operator_is_independent";
    let Some(keys) = keys(test, folder, &[("own", ED25519), ("their", ED25519)]) else { return };
    let (own, their) = (&keys[0], &keys[1]);
    done(folder, &["submission", "sign", "package", "--key", text(own)]);
    done(folder, &["submission", "sign", "other", "--key", text(their)]);
    registry(folder, &[("home-1", "", own), ("home-2", "", their)], "2026-01-02T00:00:00Z");
    let (code, verification) = verified(folder, &["package", "--beside", "other.tar", "--registry", "registry.toml"]);
    assert_eq!(code, 0, "{verification}");
    for name in ["replay", "equivocation", "independence"] {
        assert_eq!(check(&verification, name).0, "passed", "{verification}");
    }
    // Whether it is reproduced hangs on what both find; that there was somebody to compare with does not.
    let (outcome, told) = check(&verification, "reproduction");
    assert!(told.contains("of 1 unrelated replications"), "{told}");
    let grade = verification["grade"].as_str().expect("a grade");
    assert_eq!(outcome == "passed", grade == "reproduced", "{grade}");
}

#[test]
fn what_is_not_filled_in_or_not_on_record_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    done(folder, &["submission", "init"]);
    let (code, _, words) = run(folder, &["submission", "init"]);
    assert_eq!(code, 2, "{words}");
    let (code, _, words) = run(folder, &["submission", "pack"]);
    assert_eq!(code, 2, "{words}");
    assert!(words.contains("`operator`"), "{words}");
    manifest(folder, "home-1", "");
    let lake = WORLD.path().join(".doracle");
    let asked = std::fs::read_to_string(folder.join("submission.toml")).expect("it is there");
    std::fs::write(folder.join("submission.toml"), asked.replace("multi-agent orchestration", "nothing"))
        .expect("written");
    let (code, _, words) = run(folder, &["--lake", text(&lake), "submission", "pack"]);
    assert_eq!(code, 2, "{words}");
    assert!(words.contains("no change of working is called `nothing`"), "{words}");
    assert!(!folder.join("submission").exists(), "nothing was written");
    for missing in ["verify", "inspect", "sign"] {
        let (code, _, words) = run(folder, &["submission", missing, "nowhere.tar"]);
        assert_eq!(code, 3, "{words}");
        assert!(words.contains("submission::file"), "{words}");
    }
}

const BOARD_CLAIM: &str = "schema = 1\nid = \"multi-agent-orchestration\"\nclaim = \"It keeps delivery up.\"\nprotocol = \"1\"\n\
                           organisations = [\"acme\", \"home-2\", \"silent\"]\nenrolment = \"by hand\"\nfaults = 0\n";

/// The packages of two operators, one of them twice, on a board.
#[test]
fn a_board_derives_submissions_again_and_operators_agree_on_its_set() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let kinds: &[(&str, &[&str])] = &[("own", &["-t", "ed25519"]), ("their", &["-t", "ed25519"])];
    let Some(found) = keys("a_board_derives_submissions_again_and_operators_agree_on_its_set", folder, kinds) else {
        return;
    };
    let board = folder.join("board");
    let entries = board.join("entries/multi-agent-orchestration");
    std::fs::create_dir_all(&entries).expect("it can be made");
    std::fs::create_dir_all(board.join("claims")).expect("it can be made");
    let about = "title = \"A board\"\nabout = \"A test.\"\n";
    std::fs::write(board.join("board.toml"), about).expect("written");
    std::fs::write(board.join("claims/multi-agent-orchestration.toml"), BOARD_CLAIM).expect("written");
    registry(&board, &[("home-1", "acme", &found[0]), ("home-2", "", &found[1])], "2026-01-02T00:00:00Z");
    // Nobody signed it, so that it speaks for nobody.
    std::fs::copy(WORLD.path().join("one.tar"), entries.join("home-one.tar")).expect("it can be copied");
    std::fs::write(entries.join("no-archive.tar"), "nothing").expect("it can be written");
    let build = |folder: &Path| run(folder, &["leaderboard", "build", "board", "--out", "site"]);
    let (code, _, words) = build(folder);
    assert_eq!(code, 0, "{words}");
    assert!(words.contains("no-archive.tar` is no submission, and has no vote"), "{words}");
    let read = || -> Value {
        let text = std::fs::read(folder.join("site/data/multi-agent-orchestration.json")).expect("it was written");
        serde_json::from_slice(&text).expect("a document")
    };
    let refused = read();
    let entry = &refused["entries"][0];
    assert_eq!(entry["standing"]["standing"], "excluded", "{entry}");
    assert_eq!(entry["standing"]["why"], "no key of its operator signed it");
    assert_eq!(entry["is_simulated"], true);
    assert!(refused["entries"][1]["standing"]["why"].to_string().contains("it is no submission"), "nothing vanishes");
    // As the registry has it, and signed, it has a vote that is what its evidence gives.
    registry(&board, &[("home-1", "", &found[0]), ("home-2", "", &found[1])], "2026-01-02T00:00:00Z");
    let claim = BOARD_CLAIM.replace("acme", "home-1");
    std::fs::write(board.join("claims/multi-agent-orchestration.toml"), claim).expect("written");
    done(folder, &["submission", "sign", text(&entries.join("home-one.tar")), "--key", text(&found[0])]);
    // Made-up evidence has no vote on a board that is not made up.
    build(folder);
    assert_eq!(read()["entries"][0]["standing"]["why"], "its evidence is simulated, and the board is not");
    std::fs::write(board.join("board.toml"), format!("{about}simulated = \"A test.\"\n")).expect("written");
    let (code, _, words) = build(folder);
    assert_eq!(code, 0, "{words}");
    let admitted = read();
    let entry = &admitted["entries"][0];
    assert_eq!(entry["standing"]["standing"], "admitted", "{}", entry["standing"]);
    assert_eq!(admitted["verdict"], json!({"criterion": "insufficient_data"}));
    let (_, verification) = verified(folder, &[text(&entries.join("home-one.tar"))]);
    assert_eq!(entry["digest"], verification["digest"]);
    let page =
        std::fs::read_to_string(folder.join("site/report-multi-agent-orchestration.home-one.html")).expect("a page");
    assert!(page.contains("re-derivation") && page.contains("doracle submission verify"));
    assert!(page.contains("Simulated data"), "what was simulated says so wherever it is read");
    // All but those who may lie sign the set; the signature of somebody else counts for nobody.
    let attest = |operator: &str, key: &Path| {
        let arguments = ["consensus", "attest", "board", "--claim", "multi-agent-orchestration"];
        done(folder, &[&arguments[..], &["--operator", operator, "--key", text(key)]].concat());
    };
    attest("home-1", &found[0]);
    for operator in ["silent", "home-1", "../../escaped"] {
        let arguments =
            ["consensus", "attest", "board", "--claim", "multi-agent-orchestration", "--operator", operator];
        let (code, _, words) = run(folder, &[&arguments[..], &["--key", text(&found[1])]].concat());
        assert_eq!(code, 2, "{words}");
    }
    build(folder);
    assert_eq!(read()["attested_by"], json!(["home-1"]));
    attest("home-2", &found[1]);
    build(folder);
    assert_eq!(read()["attested_by"], json!(["home-1", "home-2"]));
    let page = std::fs::read_to_string(folder.join("site/claim-multi-agent-orchestration.html")).expect("a page");
    assert!(page.contains("keeper trusted: 2 organisations signed the set, 3 are needed"));
    // Another set is another thing to sign.
    std::fs::remove_file(entries.join("home-one.tar")).expect("it can be removed");
    build(folder);
    assert_eq!(read()["attested_by"], json!([]));
}
