//! `doracle leaderboard`: claims and everything that was reported on them, as a static site.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use attribution::submission::{
    Board as SubmissionBoard, BoardKey, Examined, Outcome as SubmissionOutcome, Withdrawal, verify,
};
use attribution::{
    Board, BoardError, Class, Example, SET_NAMESPACE, Scale, no_submission, of_submission, set_statement,
};
use reports::{DATA, SiteContext};

use super::submission;
use crate::cli::{AttestArguments, ExampleBoard, Global, LeaderboardCommand};
use crate::exit::{Outcome, UsageError};
use crate::numbers::counted;
use crate::pipeline;
use crate::progress::Progress;
use crate::table_output::Columns;
use crate::terminal::Terminal;

pub(crate) async fn run(terminal: &Terminal, global: &Global, own: &LeaderboardCommand) -> Result<Outcome> {
    match own {
        LeaderboardCommand::Build { board, example, out, address, board_key } => {
            let (found, which) = match (board, example) {
                (Some(folder), _) => {
                    (opened(terminal, global, folder, board_key.as_deref()).await?, folder.display().to_string())
                }
                (None, example) => {
                    let example = example.unwrap_or(ExampleBoard::Simulated);
                    let board = Board::of(&of(example).files()).map_err(refused)?;
                    (board, format!("--example {}", word(example)))
                }
            };
            build(terminal, &found, &which, out, address.as_deref())
        }
        LeaderboardCommand::Example { example, out } => {
            if std::fs::read_dir(out).is_ok_and(|mut names| names.next().is_some()) {
                let message = format!("`{}` holds something already, and is not overwritten", out.display());
                return Err(UsageError { message, hint: None }.into());
            }
            let mut files = of(*example).files();
            files.extend(attribution::repository());
            write(out, files.iter().map(|(name, text)| (name.as_path(), text.as_bytes())))?;
            terminal.say(format!("wrote {} to {}", counted(files.len(), "file", "files"), out.display()));
            terminal.say(format!("next: doracle leaderboard build {} --out site", out.display()));
            Ok(Outcome::Done)
        }
    }
}

/// Reads a board, and derives every submission on it again. One that is no submission at all is told, and keeps nobody else
/// from being judged.
async fn opened(terminal: &Terminal, global: &Global, folder: &Path, board_key: Option<&Path>) -> Result<Board> {
    let files = Board::files(folder).map_err(refused)?;
    let packages = Board::packages(folder).map_err(refused)?;
    if packages.is_empty() {
        return Board::of(&files).map_err(refused);
    }
    let text = |name: &Path| files.get(name).map(String::as_str);
    let registry = Board::registry(&files).map_err(refused)?;
    let key = match board_key {
        Some(path) => {
            Some(BoardKey::new(std::fs::read(path).with_context(|| format!("could not read `{}`", path.display()))?))
        }
        None => None,
    };
    let mut withdrawals = Vec::new();
    for (path, notice) in files.iter().filter(|(path, _)| path.starts_with("withdrawals") && is_toml(path)) {
        let told = |why: String| terminal.warn(format!("`{}` takes nothing back: {why}", path.display()));
        if registry.is_none() {
            told("without `registry.toml` nobody knows whose notice it is".to_owned());
            continue;
        }
        let signature = text(&path.with_extension("toml.sig")).unwrap_or_default();
        match Withdrawal::read(notice, signature, registry.as_ref()) {
            Ok(notice) => withdrawals.push(notice),
            Err(error) => told(error.to_string()),
        }
    }
    let progress = Progress::new(terminal);
    let (mut entries, mut examined) = (Vec::new(), Vec::new());
    for (claim, name, path) in packages {
        progress.step(&format!("deriving `{name}` again"));
        match submission::examined(&path, global.threads).await {
            Ok(found) => examined.push((claim, name, found)),
            Err(error) => {
                terminal.warn(format!("`{}` is no submission, and has no vote: {error}", path.display()));
                entries.push((claim, no_submission(&name, &error.to_string())));
            }
        }
    }
    progress.step("holding submissions against one another");
    let alone =
        SubmissionBoard { registry: registry.as_ref(), others: &[], withdrawals: &withdrawals, key: key.as_ref() };
    // What nobody signed counts against nobody, and neither does what came later.
    let heard: Vec<&Examined> =
        examined.iter().map(|(.., one)| one).filter(|one| registry.is_none() || is_signed(one, &alone)).collect();
    for (claim, name, own) in &examined {
        let others = |is_meant: &dyn Fn(&Examined) -> bool| -> Vec<&Examined> {
            heard.iter().copied().filter(|other| !std::ptr::eq(*other, own) && is_meant(other)).collect()
        };
        let received = |one: &Examined| registry.as_ref().and_then(|registry| registry.received_at(&one.digest));
        let is_earlier = |other: &Examined| match (received(other), received(own)) {
            (Some(theirs), Some(ours)) => theirs <= ours,
            (None, Some(_)) => false,
            _ => true,
        };
        let mut verification = verify(own, &SubmissionBoard { others: &others(&is_earlier), ..alone }, pipeline::now());
        // Whoever came later may have found the same.
        let beside_all = verify(own, &SubmissionBoard { others: &others(&|_| true), ..alone }, pipeline::now());
        if verification.grade.is_some() && verification.grade < beside_all.grade {
            verification.grade = beside_all.grade;
        }
        entries.push((claim.clone(), of_submission(claim, name, own, &verification, registry.as_ref())));
    }
    drop(progress);
    Board::with(&files, &entries).map_err(refused)
}

/// Whether a key of its operator signed a submission.
fn is_signed(one: &Examined, board: &SubmissionBoard<'_>) -> bool {
    let checks = verify(one, board, pipeline::now()).checks;
    checks.iter().any(|check| check.name == "signature" && check.outcome == SubmissionOutcome::Passed)
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "toml")
}

/// Signs the set of reports on a claim, for `doracle consensus attest`.
pub(super) async fn attest(terminal: &Terminal, global: &Global, own: &AttestArguments) -> Result<Outcome> {
    let board = opened(terminal, global, &own.board, own.board_key.as_deref()).await?;
    let claim = board.claims.iter().find(|claim| claim.claim.id == own.claim).ok_or_else(|| {
        let known: Vec<&str> = board.claims.iter().map(|claim| claim.claim.id.as_str()).collect();
        UsageError {
            message: format!("the board has no claim `{}`; there are: {}", own.claim, known.join(", ")),
            hint: None,
        }
    })?;
    let statement = set_statement(&claim.claim.id, &claim.set_digest);
    let key = submission::private_key(&own.key, "an Ed25519 key of OpenSSH that is not encrypted")?;
    // Who is not in the registry with that key signs for nobody, and is told so now.
    let registry = Board::files(&own.board).and_then(|files| Board::registry(&files)).map_err(refused)?;
    let owner = registry.as_ref().and_then(|registry| registry.owner(key.public())).map(|(owner, _)| owner.id.clone());
    if owner.as_ref() != Some(&own.operator) {
        let message = format!("the registry of the board knows no operator `{}` with that key", own.operator);
        return Err(UsageError { message, hint: None }.into());
    }
    let folder = own.board.join("attestations");
    let signature = key.sign(SET_NAMESPACE, statement.as_bytes()).armoured();
    let name = Path::new(&claim.claim.id).join(format!("{}.sig", own.operator));
    write(&folder, std::iter::once((name.as_path(), signature.as_bytes())))?;
    terminal.say(format!("signed the set `{}` of `{}`: {}", claim.set_digest, own.claim, folder.join(name).display()));
    Ok(Outcome::Done)
}

fn build(terminal: &Terminal, board: &Board, which: &str, out: &Path, address: Option<&str>) -> Result<Outcome> {
    let context = SiteContext {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: format!("doracle leaderboard build {which} --out site"),
        address: address.map(str::to_owned),
    };
    let pages = reports::site(board, &context).context("could not lay out the site")?;
    remove_stale(out, |name| pages.contains_key(name))?;
    write(out, pages.iter().map(|(name, text)| (Path::new(name), text.as_bytes())))?;
    let data = [claims(board).parquet()?, effects(board).parquet()?, entries(board).parquet()?];
    write(out, DATA.iter().map(Path::new).zip(data.iter().map(Vec::as_slice)))?;
    for claim in &board.claims {
        let (votes, all) = (claim.admitted().count(), claim.entries.len());
        terminal.say(format!(
            "{}: {}, {votes} of {} with a vote",
            claim.claim.id,
            claim.verdict,
            counted(all, "report", "reports")
        ));
    }
    terminal.say(format!("wrote {} to {}", counted(pages.len() + DATA.len(), "file", "files"), out.display()));
    Ok(Outcome::Done)
}

/// Removes pages of an earlier build that no longer are.
fn remove_stale(out: &Path, is_there: impl Fn(&str) -> bool) -> Result<()> {
    let Ok(names) = std::fs::read_dir(out) else { return Ok(()) };
    for file in names.flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        let is_page = file.path().extension().is_some_and(|ending| ending == "html");
        let is_ours = is_page && (name.starts_with("report-") || name.starts_with("claim-"));
        if is_ours && !is_there(&name) {
            std::fs::remove_file(file.path())
                .with_context(|| format!("could not remove `{}`", file.path().display()))?;
        }
    }
    Ok(())
}

/// Writes files under a folder, and through no link: a board may bring one that leads elsewhere. What is above `out` is
/// the user's own.
fn write<'f>(out: &Path, files: impl Iterator<Item = (&'f Path, &'f [u8])>) -> Result<()> {
    for (name, content) in files {
        let path: PathBuf = out.join(name);
        if let Some(folder) = path.parent() {
            let mut own = folder.ancestors().take_while(|folder| folder.starts_with(out));
            if let Some(link) = own.find(|folder| folder.is_symlink()) {
                let message = format!("`{}` is a link, and nothing is written through it", link.display());
                return Err(UsageError { message, hint: None }.into());
            }
            std::fs::create_dir_all(folder)
                .with_context(|| format!("could not make the folder `{}`", folder.display()))?;
        }
        lake::replace(&path, content).with_context(|| format!("could not write `{}`", path.display()))?;
    }
    Ok(())
}

fn of(example: ExampleBoard) -> Example {
    match example {
        ExampleBoard::Published => Example::Published,
        ExampleBoard::Simulated => Example::Simulated,
    }
}

fn word(example: ExampleBoard) -> &'static str {
    match example {
        ExampleBoard::Published => "published",
        ExampleBoard::Simulated => "simulated",
    }
}

fn refused(error: BoardError) -> anyhow::Error {
    match error {
        BoardError::Read { .. } => error.into(),
        BoardError::File { .. } => {
            let hint = "`doracle leaderboard example simulated --out board` writes one to begin with".to_owned();
            UsageError { message: format!("the board is wrong, {error}"), hint: Some(hint) }.into()
        }
    }
}

/// Every metric of every claim, with what decides.
fn claims(board: &Board) -> Columns {
    let rows: Vec<_> = board
        .claims
        .iter()
        .filter_map(|claim| Some((claim, claim.consensus.as_ref()?)))
        .flat_map(|(claim, found)| found.metrics.iter().map(move |metric| (claim, found, metric)))
        .collect();
    let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let class = |class: Class| serde_json::to_value(class).ok().and_then(|word| word.as_str().map(str::to_owned));
    Columns::default()
        .with("claim", rows.iter().map(|(claim, ..)| claim.claim.id.clone()))
        .with("verdict", rows.iter().map(|(claim, ..)| claim.verdict.to_string()))
        .with("metric", rows.iter().map(|(.., metric)| metric.metric.clone()))
        .with("scale", rows.iter().map(|(.., metric)| metric.scale.name().to_owned()))
        .with("margin", rows.iter().map(|(.., metric)| metric.margin))
        .with("alpha", rows.iter().map(|(_, found, _)| found.alpha))
        .with("enrolled_count", rows.iter().map(|(_, found, _)| whole(found.enrolled)))
        .with("faults", rows.iter().map(|(_, found, _)| whole(found.faults)))
        .with("organisation_count", rows.iter().map(|(.., metric)| whole(metric.votes.len())))
        .with("class", rows.iter().map(|(.., metric)| metric.class.and_then(class)))
        .with("insufficient", rows.iter().map(|(.., metric)| metric.insufficient.clone()))
        .with("hull_low", rows.iter().map(|(.., metric)| metric.hull.map(|hull| hull.low)))
        .with("hull_high", rows.iter().map(|(.., metric)| metric.hull.map(|hull| hull.high)))
        .with(
            "is_simulated",
            rows.iter().map(|(claim, ..)| {
                board.about.simulated.is_some() || claim.entries.iter().any(|entry| entry.is_simulated)
            }),
        )
}

/// Every effect of every report, with whether it has a vote.
fn effects(board: &Board) -> Columns {
    let rows: Vec<_> = board
        .claims
        .iter()
        .flat_map(|claim| claim.entries.iter().map(move |entry| (claim, entry)))
        .flat_map(|(claim, entry)| entry.effects.iter().map(move |effect| (claim, entry, effect)))
        .collect();
    Columns::default()
        .with("claim", rows.iter().map(|(claim, ..)| claim.claim.id.clone()))
        .with("report", rows.iter().map(|(_, entry, _)| entry.name.clone()))
        .with("organisation", rows.iter().map(|(.., effect)| effect.organisation.clone()))
        .with("metric", rows.iter().map(|(.., effect)| effect.metric.clone()))
        .with("scale", rows.iter().map(|(.., effect)| Scale::of(&effect.metric).name().to_owned()))
        .with("estimate", rows.iter().map(|(.., effect)| effect.estimate))
        .with("std_error", rows.iter().map(|(.., effect)| effect.standard_error))
        .with(
            "is_counted",
            rows.iter().map(|(claim, entry, effect)| {
                entry.standing.is_admitted() && claim.claim.metrics().contains(&effect.metric.as_str())
            }),
        )
        .with("is_simulated", rows.iter().map(|(_, entry, _)| entry.is_simulated || board.about.simulated.is_some()))
}

/// Every report with its standing.
fn entries(board: &Board) -> Columns {
    let rows: Vec<_> =
        board.claims.iter().flat_map(|claim| claim.entries.iter().map(move |entry| (claim, entry))).collect();
    Columns::default()
        .with("claim", rows.iter().map(|(claim, _)| claim.claim.id.clone()))
        .with("report", rows.iter().map(|(_, entry)| entry.name.clone()))
        .with("organisation", rows.iter().map(|(_, entry)| entry.report.organisation.clone()))
        .with("operator", rows.iter().map(|(_, entry)| entry.report.operator.clone()))
        .with("reported", rows.iter().map(|(_, entry)| entry.report.reported.clone()))
        .with("protocol", rows.iter().map(|(_, entry)| entry.report.protocol.clone()))
        .with("evidence", rows.iter().map(|(_, entry)| entry.grade.to_string()))
        .with("standing", rows.iter().map(|(_, entry)| entry.standing.to_string()))
        .with("source", rows.iter().map(|(_, entry)| entry.report.source.clone()))
        .with("is_simulated", rows.iter().map(|(_, entry)| entry.is_simulated || board.about.simulated.is_some()))
}
