//! `doracle submission`: a finding packed so that others can derive it again, and what theirs are worth.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use attribution::submission::{
    Limits, NAMESPACE, Package, PrivateKey, SIGNATURE, Signature, TEMPLATE, WITHDRAWAL_NAMESPACE, Withdrawal,
};
use clap::{Args, Subcommand};

use crate::cli::{Global, PeriodArguments};
use crate::exit::{Outcome, UsageError};
use crate::pipeline;
use crate::terminal::Terminal;

mod inspect;
mod pack;
mod verify;

pub(super) use verify::examined;

/// What can be done with a submission.
#[derive(Debug, Subcommand)]
pub(crate) enum SubmissionCommand {
    /// Writes a manifest to fill in.
    Init {
        /// File to write.
        #[arg(long, default_value = "submission.toml", value_name = "FILE")]
        out: PathBuf,
    },
    /// Packs what the lake says of the question: evidence under pseudonyms, and what is derived from that alone.
    Pack(PackArguments),
    /// Shows everything that would be published: files, tables, columns with what becomes of them, and a few values.
    Inspect {
        /// A packed folder or archive.
        package: PathBuf,
        /// Values that are shown of each column.
        #[arg(long, default_value_t = 3, value_name = "N")]
        values: usize,
    },
    /// Signs a packed folder or archive; without a key, takes up a signature of `ssh-keygen` that lies in the folder.
    Sign {
        /// A packed folder or archive.
        package: PathBuf,
        /// An Ed25519 key of OpenSSH, not encrypted.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Derives a submission again and checks everything that can be checked; believes nothing.
    Verify(VerifyArguments),
    /// Writes a signed notice that takes a submission back. It stays listed.
    ///
    /// Without a key only the notice is written, to be signed by `ssh-keygen`.
    Withdraw {
        /// A packed folder or archive.
        package: PathBuf,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// An Ed25519 key of OpenSSH, not encrypted.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// File to write; its signature stands beside it, with `.sig` at the end.
        #[arg(long, default_value = "withdrawal.toml", value_name = "FILE")]
        out: PathBuf,
    },
}

#[derive(Args, Debug)]
pub(crate) struct PackArguments {
    /// The manifest that was filled in.
    #[arg(long, default_value = "submission.toml", value_name = "FILE")]
    pub(crate) manifest: PathBuf,
    /// Folder to write; beside it stand the same as an archive, `.tar`, and what only you may keep, `.secret.toml`.
    #[arg(long, default_value = "submission", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// The `.secret.toml` of an earlier package: the same pseudonyms again. Without it they are new.
    #[arg(long, value_name = "FILE")]
    pub(crate) salt: Option<PathBuf>,
    /// Leave the name of this service, repository, image or environment in clear; may be given again.
    #[arg(long, value_name = "NAME", conflicts_with = "clear_all")]
    pub(crate) clear: Vec<String>,
    /// Leave the names of all services, repositories, images and environments in clear. Ids and people never are.
    #[arg(long)]
    pub(crate) clear_all: bool,
    /// Pack even where the evidence says something else than the lake.
    #[arg(long)]
    pub(crate) accept_differences: bool,
    #[command(flatten)]
    pub(crate) period: PeriodArguments,
}

#[derive(Args, Debug)]
pub(crate) struct VerifyArguments {
    /// A packed folder or archive.
    pub(crate) package: PathBuf,
    /// The registry of the board.
    #[arg(long, value_name = "FILE")]
    pub(crate) registry: Option<PathBuf>,
    /// Another submission of the board; may be given again.
    #[arg(long, value_name = "PACKAGE")]
    pub(crate) beside: Vec<PathBuf>,
    /// A notice of withdrawal, its signature beside it; may be given again.
    #[arg(long, value_name = "FILE")]
    pub(crate) withdrawal: Vec<PathBuf>,
    /// The key under which the board takes fingerprints: a file of any bytes.
    #[arg(long, value_name = "FILE")]
    pub(crate) board_key: Option<PathBuf>,
    /// The least that must stand behind it; exit code 1 where less does.
    #[arg(long, value_enum, value_name = "GRADE")]
    pub(crate) require: Option<verify::Required>,
}

pub(crate) async fn run(terminal: &Terminal, global: &Global, own: &SubmissionCommand) -> Result<Outcome> {
    match own {
        SubmissionCommand::Init { out } => init(terminal, out),
        SubmissionCommand::Pack(own) => pack::run(terminal, global, own).await,
        SubmissionCommand::Inspect { package, values } => inspect::run(terminal, global, package, *values),
        SubmissionCommand::Sign { package, key } => sign(terminal, package, key.as_deref()),
        SubmissionCommand::Verify(own) => verify::run(terminal, global, own).await,
        SubmissionCommand::Withdraw { package, reason, key, out } => {
            withdraw(terminal, package, reason, key.as_deref(), out)
        }
    }
}

fn init(terminal: &Terminal, out: &Path) -> Result<Outcome> {
    refuse_existing(out)?;
    write(out, TEMPLATE.as_bytes())?;
    terminal.say(format!("wrote {}; fill it in, then `doracle submission pack`", out.display()));
    Ok(Outcome::Done)
}

fn refuse_existing(path: &Path) -> Result<()> {
    if path.exists() {
        let message = format!("`{}` is there already, and is not overwritten", path.display());
        return Err(UsageError { message, hint: Some("`--out` names another place".to_owned()) }.into());
    }
    Ok(())
}

fn sign(terminal: &Terminal, path: &Path, key: Option<&Path>) -> Result<Outcome> {
    let package = Package::read(path, &Limits::default())?;
    let package = match key {
        Some(key) => {
            let key = private_key(key, &by_hand(path))?;
            let signature = key.sign(NAMESPACE, package.contents());
            package.signed(&signature.armoured())
        }
        None => package,
    };
    let Some(armoured) = package.file(SIGNATURE) else {
        let message = format!("`{}` has no `{SIGNATURE}` yet, and `--key` names no key", path.display());
        return Err(UsageError { message, hint: Some(by_hand(path)) }.into());
    };
    let signature = Signature::parse(&String::from_utf8_lossy(armoured))?;
    let by = signature.verified(NAMESPACE, package.contents())?.fingerprint();
    if path.is_dir() {
        package.write_folder(path)?;
        write(&beside(path, "tar"), &package.archive())?;
    } else {
        write(path, &package.archive())?;
    }
    terminal.say(format!("signed {} by {by}; digest {}", path.display(), package.digest()));
    Ok(Outcome::Done)
}

fn withdraw(terminal: &Terminal, path: &Path, reason: &str, key: Option<&Path>, out: &Path) -> Result<Outcome> {
    refuse_existing(out)?;
    let package = Package::read(path, &Limits::default())?;
    let manifest = inspect::manifest(&package)?;
    let by_hand = format!("`ssh-keygen -Y sign -f KEY -n {WITHDRAWAL_NAMESPACE} {}`", out.display());
    let key =
        key.map(|key| private_key(key, &format!("without `--key` the notice is written, and {by_hand} signs it")));
    let text = Withdrawal::of(package.digest(), &manifest, reason, pipeline::now()).written()?;
    let signature = signature_of(out);
    if let Some(key) = key.transpose()? {
        write(&signature, key.sign(WITHDRAWAL_NAMESPACE, text.as_bytes()).armoured().as_bytes())?;
    } else {
        terminal.say(format!("{by_hand} signs it"));
    }
    write(out, text.as_bytes())?;
    terminal.say(format!("wrote {}: send it and {} to the board", out.display(), signature.display()));
    Ok(Outcome::Done)
}

/// The key in a file. Where only `ssh-keygen` can use it, `hint` says how.
pub(super) fn private_key(path: &Path, hint: &str) -> Result<PrivateKey> {
    let pem = zeroize::Zeroizing::new(
        std::fs::read_to_string(path).with_context(|| format!("could not read the key `{}`", path.display()))?,
    );
    PrivateKey::parse(&pem).map_err(|error| {
        let message = format!("`{}` cannot sign here: {error}", path.display());
        UsageError { message, hint: Some(hint.to_owned()) }.into()
    })
}

/// How to sign with any key that `ssh-keygen` or an agent holds.
fn by_hand(package: &Path) -> String {
    let folder = if package.is_dir() { package.display().to_string() } else { "FOLDER".to_owned() };
    format!(
        "`ssh-keygen -Y sign -f KEY -n {NAMESPACE} < {folder}/contents.sha256 > {folder}/{SIGNATURE}`, then `doracle \
         submission sign {folder}`; KEY may be encrypted, or the public half of a key that an agent holds"
    )
}

/// The same path with this ending, whatever dots it has.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

fn signature_of(notice: &Path) -> PathBuf {
    beside(notice, "sig")
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    lake::replace(path, content).with_context(|| format!("could not write `{}`", path.display()))
}
