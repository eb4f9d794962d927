use super::*;

/// A package that is whole as far as files go.
fn package() -> Package {
    let files = [(MANIFEST, "a = 1\n"), (CLAIM, "{}\n"), ("evidence/commits.parquet", "PAR1 not really")];
    Package::new(files.map(|(name, content)| (name.to_owned(), content.as_bytes().to_vec())).into())
}

/// An archive of these files, named as they are named.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in files {
        bytes.extend_from_slice(&header(name, content.len()));
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    }
    bytes.resize(bytes.len() + 2 * BLOCK, 0);
    bytes
}

/// A header with some bytes changed and its sum made right again.
fn forged(name: &str, size: usize, change: impl FnOnce(&mut [u8; BLOCK])) -> Vec<u8> {
    let mut header = header(name, size);
    change(&mut header);
    let sum = sum(&header);
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut bytes = header.to_vec();
    bytes.resize(bytes.len() + size.next_multiple_of(BLOCK) + 2 * BLOCK, 0);
    bytes
}

#[track_caller]
fn refused(bytes: &[u8], told: &str) {
    let error = archive(bytes, &Limits::default()).expect_err("it is refused").to_string();
    assert!(error.contains(told), "{error}");
}

#[test]
fn folder_and_archive_are_one_package_with_one_digest() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let package = package().signed("a signature");
    package.write_folder(&folder.path().join("p")).expect("it can be written");
    std::fs::write(folder.path().join("p.tar"), package.archive()).expect("it can be written");
    let limits = Limits::default();
    for name in ["p", "p.tar"] {
        let read = Package::read(&folder.path().join(name), &limits).expect("it is a package");
        assert_eq!(read, package);
        assert_eq!(read.archive(), package.archive());
        assert_eq!(read.digest(), self::package().digest(), "who signs it does not change what it is");
    }
}

#[test]
fn the_archive_is_one_that_tar_reads() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("p.tar");
    std::fs::write(&path, package().archive()).expect("it can be written");
    let Ok(answer) = std::process::Command::new("tar").arg("-tvf").arg(&path).output() else {
        println!("skipped the_archive_is_one_that_tar_reads: `tar` is missing");
        return;
    };
    let listing = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    assert_eq!(listing.lines().count(), 4, "{listing}");
    assert!(listing.contains("1970-01-01") && listing.contains("evidence/commits.parquet"), "{listing}");
}

#[test]
fn only_files_that_a_package_has_are_read_and_each_once() {
    for name in [
        "../submission.toml",
        "/etc/passwd",
        "evidence/../../x",
        "./submission.toml",
        "evidence/secrets.parquet",
        "evidence/metrics.parquet",
        "submission.toml/",
        "a\nb",
    ] {
        refused(&tar(&[(name, b"x")]), "which no package does");
    }
    refused(&tar(&[(MANIFEST, b"a"), (MANIFEST, b"b")]), "twice");
}

#[test]
fn links_folders_and_devices_are_refused() {
    for kind in b"1234567xgLK\0" {
        refused(&forged(MANIFEST, 0, |header| header[156] = *kind), "only regular files");
    }
    refused(&forged(MANIFEST, 0, |header| header[157] = b'/'), "only regular files");
    refused(&forged(MANIFEST, 0, |header| header[345..348].copy_from_slice(b"../")), "a name is too long");
    refused(&forged(MANIFEST, 0, |header| header[257] = b'x'), "not `ustar`");
    refused(&forged(MANIFEST, 0, |header| header[0] = 0xff), "no text");
    let mut sum = tar(&[(MANIFEST, b"a")]);
    sum[0] = b'S';
    refused(&sum, "the sum of a header is wrong");
}

#[test]
fn sizes_are_checked_before_anything_is_kept() {
    refused(
        &forged(MANIFEST, 0, |header| header[124..136].copy_from_slice(b"77777777777\0")),
        "larger than what is read",
    );
    refused(&forged(MANIFEST, 0, |header| header[124..136].copy_from_slice(b"-0000000001\0")), "a size is no number");
    // A size of the kind that counts in base 256.
    refused(&forged(MANIFEST, 0, |header| header[124] = 0x80), "a size is no number");
    let small = Limits { bytes: 1_000, ..Limits::default() };
    let two = tar(&[(CLAIM, &[b'x'; 600]), ("evidence/commits.parquet", &[b'x'; 600])]);
    let error = archive(&two, &small).expect_err("together they are too large").to_string();
    assert!(error.contains("larger"), "{error}");
    let whole = package().archive();
    for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 3, whole.len() - 2 * BLOCK] {
        assert!(archive(&whole[..length], &Limits::default()).is_err(), "cut at {length}");
    }
    refused(&[whole, b"more".to_vec()].concat(), "something follows its end");
}

#[test]
fn any_bytes_are_read_or_refused_and_break_nothing() {
    let whole = package().archive();
    for at in 0..whole.len().min(4 * BLOCK) {
        for value in [0, 0xff, b'/', b'9'] {
            let mut changed = whole.clone();
            changed[at] = value;
            drop(archive(&changed, &Limits::default()));
        }
    }
}

#[test]
fn what_the_contents_do_not_list_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path();
    let read = || Package::read(path, &Limits::default()).map_err(|error| error.to_string());
    package().write_folder(path).expect("it can be written");
    assert!(read().is_ok());
    std::fs::write(path.join(CLAIM), "{ }\n").expect("it can be written");
    assert!(read().expect_err("it was changed").contains("added, taken away or changed"));
    std::fs::write(path.join(CLAIM), "{}\n").expect("it can be written");
    std::fs::remove_file(path.join("evidence/commits.parquet")).expect("it was there");
    assert!(read().expect_err("it was taken away").contains("added, taken away or changed"));
    package().write_folder(path).expect("it can be written");
    std::fs::write(path.join("notes.txt"), "x").expect("it can be written");
    assert!(read().expect_err("it was added").contains("`notes.txt`"));
    std::fs::remove_file(path.join("notes.txt")).expect("it was there");
    std::fs::remove_file(path.join(CONTENTS)).expect("it was there");
    assert!(read().expect_err("nothing is listed").contains(CONTENTS));
}

#[cfg(unix)]
#[test]
fn links_in_a_folder_are_not_followed() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (path, outside) = (folder.path().join("p"), folder.path().join("outside"));
    package().write_folder(&path).expect("it can be written");
    std::fs::write(&outside, "{}\n").expect("it can be written");
    std::fs::remove_file(path.join(CLAIM)).expect("it was there");
    symlink(&outside, path.join(CLAIM)).expect("a link can be made");
    let error = Package::read(&path, &Limits::default()).expect_err("it is a link").to_string();
    assert!(error.contains("no regular file"), "{error}");

    package().write_folder(&path).expect("it can be written");
    std::fs::rename(path.join("evidence"), folder.path().join("elsewhere")).expect("it can be moved");
    symlink(folder.path().join("elsewhere"), path.join("evidence")).expect("a link can be made");
    let error = Package::read(&path, &Limits::default()).expect_err("it is a link").to_string();
    assert!(error.contains("is no folder"), "{error}");
    symlink(&path, folder.path().join("link")).expect("a link can be made");
    assert!(Package::read(&folder.path().join("link"), &Limits::default()).is_err());
}
