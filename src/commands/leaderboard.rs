//! `doracle leaderboard`: claims and everything that was reported on them, as a static site.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use attribution::submission::{Board as SubmissionBoard, BoardKey, Registry, Withdrawal, verify};
use attribution::{Board, BoardError, Class, Example, SET_NAMESPACE, Scale, of_submission, set_statement};
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
    let registry = text(Path::new("registry.toml")).map(Registry::parse).transpose()?;
    let key = match board_key {
        Some(path) => {
            Some(BoardKey::new(std::fs::read(path).with_context(|| format!("could not read `{}`", path.display()))?))
        }
        None => None,
    };
    let mut withdrawals = Vec::new();
    for (path, notice) in files.iter().filter(|(path, _)| path.starts_with("withdrawals") && is_toml(path)) {
        let signature = text(&path.with_extension("toml.sig")).unwrap_or_default();
        match Withdrawal::read(notice, signature, registry.as_ref()) {
            Ok(notice) => withdrawals.push(notice),
            Err(error) => terminal.warn(format!("`{}` takes nothing back: {error}", path.display())),
        }
    }
    let progress = Progress::new(terminal);
    let (mut places, mut examined) = (Vec::new(), Vec::new());
    for (claim, name, path) in packages {
        progress.step(&format!("deriving `{name}` again"));
        match submission::examined(&path, global.threads).await {
            Ok(found) => {
                places.push((claim, name));
                examined.push(found);
            }
            Err(error) => terminal.warn(format!("`{}` is no submission, and is left out: {error}", path.display())),
        }
    }
    progress.step("holding submissions against one another");
    let mut entries = Vec::new();
    for (at, (claim, name)) in places.into_iter().enumerate() {
        // Each beside all the others: it steps out for as long as it is looked at.
        let own = examined.swap_remove(at);
        let board = SubmissionBoard {
            registry: registry.as_ref(),
            others: &examined,
            withdrawals: &withdrawals,
            key: key.as_ref(),
        };
        let verification = verify(&own, &board, pipeline::now());
        entries.push((claim, of_submission(&name, &own, &verification, registry.as_ref())));
        examined.push(own);
        let last = examined.len() - 1;
        examined.swap(at, last);
    }
    drop(progress);
    Board::with(&files, &entries).map_err(refused)
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
    let folder = own.board.join("attestations").join(&claim.claim.id);
    let signature = key.sign(SET_NAMESPACE, statement.as_bytes()).armoured();
    let name = PathBuf::from(format!("{}.sig", own.operator));
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

fn write<'f>(out: &Path, files: impl Iterator<Item = (&'f Path, &'f [u8])>) -> Result<()> {
    for (name, content) in files {
        let path: PathBuf = out.join(name);
        if let Some(folder) = path.parent() {
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
