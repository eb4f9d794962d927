//! `doracle submission pack`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use attribution::TermsFile;
use attribution::submission::{Clear, Made, Manifest, Packing, Pseudonyms, Salt};
use derive::{Calendar, Plan};
use lake::{AsOf, Instant, Lake, Snapshot};
use serde::{Deserialize, Serialize};

use super::{PackArguments, beside, refuse_existing, write};
use crate::cli::Global;
use crate::commands::finding::named;
use crate::exit::{Outcome, UsageError};
use crate::numbers::counted;
use crate::progress::Progress;
use crate::settings::Layered;
use crate::terminal::Terminal;

/// What stays with the operator: it opens every pseudonym.
#[derive(Deserialize, Serialize)]
struct Secret {
    salt: String,
    #[serde(default)]
    services: BTreeMap<String, String>,
}

pub(super) async fn run(terminal: &Terminal, global: &Global, own: &PackArguments) -> Result<Outcome> {
    let out = PathBuf::from(own.out.components().as_path());
    let (archive, secret) = (beside(&out, "tar"), beside(&out, "secret.toml"));
    for path in [&out, &archive, &secret] {
        refuse_existing(path)?;
    }
    let manifest = read(&own.manifest)?;
    let layered = Layered::load(global)?;
    let lake = Lake::open(&layered.location()?).await?;
    let snapshot = lake.snapshot(own.period.as_of.unwrap_or(AsOf::Latest)).await?;
    // The numbers of the period are what is claimed; its windows cost work and claim nothing.
    let plan = Plan { calendar: Some(Calendar::Quarter), ..layered.plan(global, &own.period)? };
    let (manifest, frozen_at) = asked(manifest, &snapshot).await?;
    let salt = salt(own.salt.as_deref())?;
    let clear = match (&own.clear[..], own.clear_all) {
        (_, true) => Clear::All,
        ([], false) => Clear::None,
        (names, false) => Clear::Named(names.iter().cloned().collect()),
    };
    let folder = tempfile::tempdir().context("could not make a temporary folder")?;
    let progress = Progress::new(terminal);
    progress.step("deriving from the lake and from the evidence alone");
    let packing = Packing {
        snapshot: &snapshot,
        plan: &plan,
        manifest: &manifest,
        frozen_at,
        tool_version: env!("CARGO_PKG_VERSION"),
        folder: folder.path(),
    };
    let made = packing.pack(&mut Pseudonyms::new(&salt, clear)).await?;
    drop(progress);
    tell_differences(terminal, &made, own.accept_differences)?;
    keep(&secret, &Secret { salt: salt.reveal(), services: made.services.clone() })?;
    made.package.write_folder(&out)?;
    write(&archive, &made.package.archive())?;
    told(terminal, &made, [&out, &archive, &secret]);
    Ok(Outcome::Done)
}

fn read(path: &Path) -> Result<Manifest> {
    let text = std::fs::read_to_string(path).with_context(|| format!("could not read `{}`", path.display()))?;
    Ok(Manifest { packed: None, ..Manifest::parse(&text)? })
}

/// The manifest, its terms those of the baseline where it names one, and when that was frozen.
async fn asked(mut manifest: Manifest, snapshot: &Snapshot) -> Result<(Manifest, Option<Instant>)> {
    let Some(name) = manifest.question.baseline.clone() else { return Ok((manifest, None)) };
    let baseline = named(snapshot, &name).await?;
    let refused = |message: String| UsageError { message, hint: None };
    let terms = baseline.terms.ok_or_else(|| refused(format!("the baseline `{name}` fixed no terms")))?;
    let TermsFile { practice, terms } = toml::from_str(&terms).context("the terms of the baseline cannot be read")?;
    if practice != manifest.question.practice {
        return Err(refused(format!(
            "the baseline `{name}` is about `{practice}`, and the manifest about another practice"
        ))
        .into());
    }
    manifest.question.terms = terms;
    Ok((manifest, Some(baseline.frozen_at)))
}

/// The salt of an earlier package, or a new one.
fn salt(earlier: Option<&Path>) -> Result<Salt> {
    let Some(path) = earlier else {
        let mut bytes = [0; 32];
        aws_lc_rs::rand::fill(&mut bytes)
            .map_err(|error| anyhow!(error).context("the system gives no random bytes"))?;
        return Ok(Salt::new(bytes));
    };
    let text = std::fs::read_to_string(path).with_context(|| format!("could not read `{}`", path.display()))?;
    // What is wrong with it may not be repeated: it may be the salt.
    let secret: Secret = toml::from_str(&text).ok().ok_or_else(|| UsageError {
        message: format!("`{}` is no `.secret.toml` of an earlier package", path.display()),
        hint: None,
    })?;
    Ok(Salt::parse(&secret.salt)?)
}

fn tell_differences(terminal: &Terminal, made: &Made, accepted: bool) -> Result<()> {
    for told in &made.differences {
        terminal.warn(told);
    }
    for told in &made.contradictions {
        terminal.warn(told);
    }
    if made.contradictions.is_empty() || accepted {
        return Ok(());
    }
    let count = counted(made.contradictions.len(), "count or verdict differs", "counts or verdicts differ");
    Err(UsageError {
        message: format!("the evidence alone does not say what the lake says: {count}, and nothing was written"),
        hint: Some("`--accept-differences` packs what the evidence says".to_owned()),
    }
    .into())
}

/// Writes what nobody else may read, so that nobody else can from the first byte on.
fn keep(path: &Path, secret: &Secret) -> Result<()> {
    use std::io::Write;
    let text = format!(
        "# Never publish this file: it opens every pseudonym of the package beside it. Keep it to answer questions.\n{}",
        toml::to_string(secret)?
    );
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).with_context(|| format!("could not write `{}`", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("could not write `{}`", path.display()))
}

fn told(terminal: &Terminal, made: &Made, [out, archive, secret]: [&Path; 3]) {
    terminal.say(format!(
        "wrote {} and {}: {}, verdict: {}, digest {}",
        out.display(),
        archive.display(),
        counted(made.services.len(), "service", "services"),
        made.claim.finding.verdict,
        made.package.digest(),
    ));
    terminal.say(format!("wrote {}: it opens the pseudonyms, so keep it and never publish it", secret.display()));
    if !made.claim.finding.terms.services.is_empty() && made.services.iter().any(|(own, told)| own != told) {
        terminal.warn(
            "the terms name services, so that the digest of the plan hangs on their pseudonyms: a board can only have received \
             it before where these names are left in clear",
        );
    }
    terminal.say(format!(
        "\nnothing was published; `doracle submission inspect {}` shows what would be, `doracle submission sign {} --key FILE` signs it",
        out.display(),
        out.display()
    ));
}
