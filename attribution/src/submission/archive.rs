//! A submission as files: written the same way every time, and read as if somebody meant harm.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use lake::canonical;

use super::SubmissionError;
use super::policy::packed;

/// What was run, by whom and on what.
pub const MANIFEST: &str = "submission.toml";
/// What is claimed.
pub const CLAIM: &str = "findings.json";
/// The digest of every other file, in the form of `sha256sum`: this is what is signed.
pub const CONTENTS: &str = "contents.sha256";
/// The signature of the contents, in the form of `ssh-keygen -Y sign`.
pub const SIGNATURE: &str = "submission.sig";

/// How much is read of what somebody sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files together.
    pub bytes: u64,
    /// Bytes of a manifest or a signature.
    pub small_bytes: u64,
    /// Bytes of a claim.
    pub claim_bytes: u64,
    /// Rows of all tables together.
    pub rows: u64,
    /// Bytes that a table may have in memory.
    pub decoded_bytes: u64,
    /// Services whose numbers are derived.
    pub services: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 512 << 20,
            small_bytes: 1 << 20,
            claim_bytes: 64 << 20,
            rows: 4_000_000,
            decoded_bytes: 2 << 30,
            services: 2_000,
        }
    }
}

/// The files of a submission, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    files: BTreeMap<String, Vec<u8>>,
}

impl Package {
    /// A package of these files, with their contents listed.
    #[must_use]
    pub fn new(mut files: BTreeMap<String, Vec<u8>>) -> Self {
        files.retain(|name, _| name != CONTENTS);
        let mut package = Self { files };
        let contents = package.listed().into_bytes();
        package.files.insert(CONTENTS.to_owned(), contents);
        package
    }

    /// The files, by name.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// One file.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// What is signed.
    #[must_use]
    pub fn contents(&self) -> &[u8] {
        self.file(CONTENTS).unwrap_or_default()
    }

    /// The digest by which the submission is known, whoever signs it.
    #[must_use]
    pub fn digest(&self) -> String {
        canonical::sha256(self.contents())
    }

    /// The same with a signature.
    #[must_use]
    pub fn signed(mut self, signature: &str) -> Self {
        self.files.insert(SIGNATURE.to_owned(), signature.as_bytes().to_vec());
        self
    }

    fn listed(&self) -> String {
        let own = self.files.iter().filter(|(name, _)| *name != CONTENTS && *name != SIGNATURE);
        let line = |(name, content): (&String, &Vec<u8>)| format!("{}  {name}", canonical::sha256(content));
        own.map(line).chain([String::new()]).collect::<Vec<_>>().join("\n")
    }

    /// Reads a folder or an archive.
    ///
    /// # Errors
    /// [`SubmissionError::Refused`] for anything that is no package, and where it holds more than the limits allow;
    /// [`SubmissionError::File`] where it cannot be read.
    pub fn read(path: &Path, limits: &Limits) -> Result<Self, SubmissionError> {
        let found = fs::symlink_metadata(path).map_err(|error| SubmissionError::file("read", path, error))?;
        let files =
            if found.is_dir() { folder(path, limits)? } else { archive(&content(path, limits.bytes)?, limits)? };
        let package = Self { files };
        for name in [MANIFEST, CLAIM, CONTENTS] {
            if package.file(name).is_none() {
                return Err(SubmissionError::refused(format!("it has no `{name}`")));
            }
        }
        if package.contents() != package.listed().as_bytes() {
            return Err(SubmissionError::refused(format!(
                "its files are not those that `{CONTENTS}` lists: something was added, taken away or changed"
            )));
        }
        Ok(package)
    }

    /// Writes the files into a new folder.
    ///
    /// # Errors
    /// [`SubmissionError::File`] where a file cannot be written.
    pub fn write_folder(&self, folder: &Path) -> Result<(), SubmissionError> {
        let evidence = folder.join("evidence");
        fs::create_dir_all(&evidence).map_err(|error| SubmissionError::file("write", &evidence, error))?;
        for (name, content) in &self.files {
            let path = folder.join(name);
            lake::replace(&path, content).map_err(|error| SubmissionError::file("write", &path, error))?;
        }
        Ok(())
    }

    /// The files as a tar archive: sorted, without owner, time or anything else that hangs on where it was made.
    #[must_use]
    pub fn archive(&self) -> Vec<u8> {
        let mut archive = Vec::new();
        for (name, content) in &self.files {
            archive.extend_from_slice(&header(name, content.len()));
            archive.extend_from_slice(content);
            archive.resize(archive.len().next_multiple_of(BLOCK), 0);
        }
        archive.resize(archive.len() + 2 * BLOCK, 0);
        archive
    }
}

const BLOCK: usize = 512;

/// A header of the form that POSIX calls `ustar`.
fn header(name: &str, size: usize) -> [u8; BLOCK] {
    let mut header = [0_u8; BLOCK];
    let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum = sum(&header);
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// The sum of a header, its own field taken as blanks.
fn sum(header: &[u8; BLOCK]) -> u32 {
    header.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) }).sum()
}

/// How large a file of this name may be; nothing for a name that no package has.
fn most(name: &str, limits: &Limits) -> Option<u64> {
    let is_evidence = packed().any(|(table, _)| name == format!("evidence/{}.parquet", table.name));
    match name {
        MANIFEST | CONTENTS | SIGNATURE => Some(limits.small_bytes),
        CLAIM => Some(limits.claim_bytes),
        _ => is_evidence.then_some(limits.bytes),
    }
}

/// Checks a file before any of it is kept: no package holds another name, two files of one, or so much.
fn admit(files: &BTreeMap<String, Vec<u8>>, name: &str, size: u64, limits: &Limits) -> Result<(), SubmissionError> {
    let refused = |why: String| Err(SubmissionError::refused(why));
    let Some(most) = most(name, limits) else {
        return refused(format!("it holds `{}`, which no package does", name.escape_debug()));
    };
    if files.contains_key(name) {
        return refused(format!("it holds `{name}` twice"));
    }
    let held: u64 = files.values().map(|content| content.len() as u64).sum();
    if size > most || held.saturating_add(size) > limits.bytes {
        return refused(format!("`{name}` makes it larger than what is read: {size} bytes"));
    }
    Ok(())
}

/// A file that is one, and not more than so many bytes of it.
fn content(path: &Path, most: u64) -> Result<Vec<u8>, SubmissionError> {
    let file = |error| SubmissionError::file("read", path, error);
    if !fs::symlink_metadata(path).map_err(file)?.is_file() {
        return Err(SubmissionError::refused(format!("`{}` is no regular file", path.display())));
    }
    let mut content = Vec::new();
    File::open(path).map_err(file)?.take(most + 1).read_to_end(&mut content).map_err(file)?;
    if content.len() as u64 > most {
        return Err(SubmissionError::refused(format!(
            "`{}` is larger than the {most} bytes that are read",
            path.display()
        )));
    }
    Ok(content)
}

fn folder(path: &Path, limits: &Limits) -> Result<BTreeMap<String, Vec<u8>>, SubmissionError> {
    let mut files = BTreeMap::new();
    for (folder, before) in [(path.to_owned(), ""), (path.join("evidence"), "evidence/")] {
        if fs::symlink_metadata(&folder).is_ok_and(|found| !found.is_dir()) {
            return Err(SubmissionError::refused(format!("`{}` is no folder", folder.display())));
        }
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let entry = entry.map_err(|error| SubmissionError::file("read", &folder, error))?;
            let own = entry.file_name();
            if before.is_empty() && own == "evidence" {
                continue;
            }
            let name = format!("{before}{}", own.to_string_lossy());
            let size = fs::symlink_metadata(entry.path()).map_or(0, |found| found.len());
            admit(&files, &name, size, limits)?;
            files.insert(name, content(&entry.path(), limits.bytes)?);
        }
    }
    Ok(files)
}

fn archive(bytes: &[u8], limits: &Limits) -> Result<BTreeMap<String, Vec<u8>>, SubmissionError> {
    let refused = |why: &str| SubmissionError::refused(format!("it is no archive of a submission: {why}"));
    let mut files = BTreeMap::new();
    let mut rest = bytes;
    loop {
        let (header, after) = rest.split_first_chunk::<BLOCK>().ok_or_else(|| refused("it ends too early"))?;
        if header.iter().all(|byte| *byte == 0) {
            return if after.iter().all(|byte| *byte == 0) {
                Ok(files)
            } else {
                Err(refused("something follows its end"))
            };
        }
        let (name, size) = entry(header).map_err(refused)?;
        admit(&files, &name, size, limits)?;
        let length = usize::try_from(size).map_err(|error| refused(&error.to_string()))?;
        let content = after.get(..length).ok_or_else(|| refused("it ends within a file"))?;
        rest = after.get(length.next_multiple_of(BLOCK)..).ok_or_else(|| refused("it ends too early"))?;
        files.insert(name, content.to_vec());
    }
}

/// Name and size of a regular file, and nothing but one.
fn entry(header: &[u8; BLOCK]) -> Result<(String, u64), &'static str> {
    if header[257..263] != *b"ustar\0" {
        return Err("a header is not `ustar`");
    }
    if octal(&header[148..156]) != Some(u64::from(sum(header))) {
        return Err("the sum of a header is wrong");
    }
    if header[156] != b'0' || header[157..257].iter().any(|byte| *byte != 0) {
        return Err("it holds a link, a folder or a device, and only regular files are read");
    }
    if header[345..500].iter().any(|byte| *byte != 0) {
        return Err("a name is too long");
    }
    let name = header[..100].split(|byte| *byte == 0).next().unwrap_or_default();
    let name = std::str::from_utf8(name).ok().ok_or("a name is no text")?;
    let size = octal(&header[124..136]).ok_or("a size is no number")?;
    Ok((name.to_owned(), size))
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_end_matches(['\0', ' ']);
    let is_octal = !text.is_empty() && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    is_octal.then(|| u64::from_str_radix(text, 8).ok()).flatten()
}

#[cfg(test)]
mod tests;
