//! A board: claims, and everything that was reported on each, whichever way it came out.
//!
//! ```text
//! board/
//!   board.toml                title, what it is about, whether it is simulated
//!   claims/CLAIM.toml         a claim each
//!   entries/CLAIM/NAME.toml   one report each: who, when, from where, its effects
//!   entries/CLAIM/NAME.tar    or a submission, of which only what its evidence gives is taken
//!   withdrawals/NAME.toml     notices by which submissions were taken back, signatures beside them
//!   registry.toml             who is enrolled, with which keys, and what the board received when
//!   attestations/CLAIM/       signatures under the set of reports
//! ```
//! Nothing vanishes: what is left out stays listed with the reason, a withdrawal stays visible, a correction is a new entry.
//! What is concluded is a function of the set of entries, whatever their order.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::claim::{Claim, Setting};
use crate::consensus::{Consensus, FEWEST, consensus, decide};
use crate::criterion::Verdict;
use crate::effects::{Effect, Stated};
use crate::submission::{Check, Grade, Registry, Signature, SubmissionError};

mod examples;
mod packages;
#[cfg(test)]
mod tests;

pub use examples::{Example, repository};
pub use packages::{no_submission, of_submission};

/// Points of a history are shown for at most so many numbers of organisations beside declared looks.
const MOST_POINTS: usize = 24;
/// A file of a board is no larger.
const LARGEST: u64 = 1 << 20;

/// Why a board cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// A file cannot be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file says what cannot be.
    #[error("`{}`: {what}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// What is known about a board as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Its title.
    pub title: String,
    /// What it is, in a sentence or two.
    pub about: String,
    /// Why nothing on it is real, where that is so.
    #[serde(default)]
    pub simulated: Option<String>,
}

/// One report, as its file says it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// What it is, in a line.
    pub title: String,
    /// The organisation it speaks for.
    pub organisation: String,
    /// Who measured; the organisation where nobody says.
    #[serde(default)]
    pub operator: Option<String>,
    /// The day on which it was reported, as `YYYY-MM-DD`.
    pub reported: String,
    /// Where it can be looked up.
    pub source: String,
    /// The version of the protocol that it follows.
    pub protocol: String,
    /// Whether it is of live systems or of benchmark runs.
    #[serde(default)]
    pub setting: Setting,
    /// What a reader should know.
    #[serde(default)]
    pub note: Option<String>,
    /// The entry that this one corrects.
    #[serde(default)]
    pub corrects: Option<String>,
    /// Why it was taken back.
    #[serde(default)]
    pub withdrawn: Option<String>,
    /// Why the keeper leaves it out.
    #[serde(default)]
    pub excluded: Option<String>,
    /// What else is known of it.
    #[serde(default)]
    pub moderators: BTreeMap<String, String>,
    /// Its effects.
    pub effects: Vec<Stated>,
}

/// Whether an entry has a vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", content = "why", rename_all = "snake_case")]
pub enum Standing {
    /// It has.
    Admitted,
    /// It has none; the reason.
    Excluded(String),
    /// It was taken back; the reason.
    Withdrawn(String),
    /// A later entry stands in its place.
    Corrected(String),
}

impl Standing {
    /// Whether it has a vote.
    #[must_use]
    pub fn is_admitted(&self) -> bool {
        *self == Self::Admitted
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admitted => f.pad("admitted"),
            Self::Excluded(why) => write!(f, "excluded: {why}"),
            Self::Withdrawn(why) => write!(f, "withdrawn: {why}"),
            Self::Corrected(by) => write!(f, "corrected by {by}"),
        }
    }
}

/// One report on a claim.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// The name of its file, without the ending.
    pub name: String,
    /// What it says.
    pub report: Report,
    /// How far it can be followed.
    pub grade: Grade,
    /// Whether it has a vote.
    pub standing: Standing,
    /// Its effects on the scales of the criterion, positive for better.
    pub effects: Vec<Effect>,
    /// The digest of the submission, where it is one.
    pub digest: Option<String>,
    /// What was checked of a submission.
    pub checks: Vec<Check>,
    /// Whether a source that simulates supplied any of its evidence.
    pub is_simulated: bool,
}

/// What was known when so many organisations had reported.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HistoryPoint {
    /// The day on which the last of them reported.
    pub reported: String,
    /// Admitted organisations by then.
    pub organisations: usize,
    /// Whether it is a declared look.
    pub is_look: bool,
    /// What was concluded.
    pub verdict: BoardVerdict,
}

/// What a board says of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BoardVerdict {
    /// By the criterion.
    Criterion(Verdict),
    /// No look was declared at this number of organisations.
    BetweenLooks,
    /// The claim is not about all four metrics of the criterion, and what it is about is concluded metric by metric.
    ByMetric,
    /// Nobody has reported.
    Nothing,
}

impl BoardVerdict {
    fn of(found: Option<&Consensus>) -> Self {
        let Some(found) = found else { return Self::Nothing };
        match found.verdict {
            Some(verdict) => Self::Criterion(verdict),
            None if found.between_looks.is_some() => Self::BetweenLooks,
            None if found.metrics.iter().all(|metric| metric.insufficient.is_some()) => {
                Self::Criterion(Verdict::InsufficientData)
            }
            None => Self::ByMetric,
        }
    }
}

impl fmt::Display for BoardVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Criterion(verdict) => verdict.fmt(f),
            Self::BetweenLooks => f.pad("no verdict between looks"),
            Self::ByMetric => f.pad("metric by metric"),
            Self::Nothing => f.pad("nobody has reported"),
        }
    }
}

/// A claim with everything that was reported on it.
#[derive(Clone, Debug, Serialize)]
pub struct BoardClaim {
    /// The claim.
    pub claim: Claim,
    /// The reports, by name.
    pub entries: Vec<Entry>,
    /// What those that have a vote say together.
    pub consensus: Option<Consensus>,
    /// What is concluded.
    pub verdict: BoardVerdict,
    /// What was concluded as they came.
    pub history: Vec<HistoryPoint>,
    /// The digest of the set of entries that have a vote, whatever their order.
    pub set_digest: String,
    /// Organisations whose operators signed that digest.
    pub attested_by: Vec<String>,
    /// Effects on what the claim is not about, which are shown with their report and nowhere else.
    pub aside: Vec<String>,
}

/// Everything on a board.
#[derive(Clone, Debug, Serialize)]
pub struct Board {
    /// What it is.
    pub about: About,
    /// Its claims, by id.
    pub claims: Vec<BoardClaim>,
}

/// The files of a board by their paths, as they were read or made.
pub type BoardFiles = BTreeMap<PathBuf, String>;

impl Board {
    /// Reads a board from its folder.
    ///
    /// # Errors
    /// [`BoardError`] names the file that cannot be read, is too large, or says what cannot be.
    pub fn open(folder: &Path) -> Result<Self, BoardError> {
        Self::of(&Self::files(folder)?)
    }

    /// The submissions of a board: the claim, the name of the entry, and the archive.
    ///
    /// # Errors
    /// As [`Board::open`].
    pub fn packages(folder: &Path) -> Result<Vec<(String, String, PathBuf)>, BoardError> {
        let mut found = Vec::new();
        for claim in names(folder, Path::new("claims"), "toml")? {
            let id = claim.strip_suffix(".toml").unwrap_or(&claim).to_owned();
            let entries = Path::new("entries").join(&id);
            for file in names(folder, &entries, "tar")? {
                let name = file.strip_suffix(".tar").unwrap_or(&file).to_owned();
                check_name(&folder.join(&entries).join(&file), &name)?;
                found.push((id.clone(), name, folder.join(&entries).join(file)));
            }
        }
        Ok(found)
    }

    /// Reads the text files of a board.
    ///
    /// # Errors
    /// As [`Board::open`].
    pub fn files(folder: &Path) -> Result<BoardFiles, BoardError> {
        nothing_is_passed_over(folder)?;
        let mut files = BoardFiles::new();
        read(folder, Path::new("board.toml"), &mut files)?;
        for claim in names(folder, Path::new("claims"), "toml")? {
            read(folder, &Path::new("claims").join(&claim), &mut files)?;
            let id = claim.strip_suffix(".toml").unwrap_or(&claim);
            let entries = Path::new("entries").join(id);
            for entry in names(folder, &entries, "toml")? {
                read(folder, &entries.join(entry), &mut files)?;
            }
            let attestations = Path::new("attestations").join(id);
            for signature in names(folder, &attestations, "sig")? {
                read(folder, &attestations.join(signature), &mut files)?;
            }
        }
        let withdrawals = Path::new("withdrawals");
        for ending in ["toml", "sig"] {
            for notice in names(folder, withdrawals, ending)? {
                read(folder, &withdrawals.join(notice), &mut files)?;
            }
        }
        if folder.join(REGISTRY).exists() {
            read(folder, Path::new(REGISTRY), &mut files)?;
        }
        Ok(files)
    }

    /// The registry of a board, where it has one.
    ///
    /// # Errors
    /// [`BoardError::File`] where it says what cannot be.
    pub fn registry(files: &BoardFiles) -> Result<Option<Registry>, BoardError> {
        let path = Path::new(REGISTRY);
        let read = |text: &String| Registry::parse(text);
        let wrong = |error: SubmissionError| BoardError::File { path: path.to_owned(), what: error.to_string() };
        files.get(path).map(read).transpose().map_err(wrong)
    }

    /// Makes a board of its files.
    ///
    /// # Errors
    /// As [`Board::open`].
    pub fn of(files: &BoardFiles) -> Result<Self, BoardError> {
        Self::with(files, &[])
    }

    /// Makes a board of its files and of entries that submissions became, each with its claim.
    ///
    /// # Errors
    /// As [`Board::open`].
    pub fn with(files: &BoardFiles, submissions: &[(String, Entry)]) -> Result<Self, BoardError> {
        let wrong = |path: &Path, what: String| BoardError::File { path: path.to_owned(), what };
        let path = Path::new("board.toml");
        let text = files.get(path).ok_or_else(|| wrong(path, "it is not there".to_owned()))?;
        let about: About = toml::from_str(text).map_err(|error| wrong(path, error.message().to_owned()))?;
        let registry = Self::registry(files)?;
        let known = registry.iter().flat_map(|registry| &registry.operators);
        let rules = AdmissionRules {
            is_simulated: about.simulated.is_some(),
            has_registry: registry.is_some(),
            with_keys: known.map(|one| one.organisation.clone().unwrap_or_else(|| one.id.clone())).collect(),
        };
        let mut claims = Vec::new();
        for (path, text) in files.iter().filter(|(path, _)| path.starts_with("claims")) {
            let claim = Claim::read(text).map_err(|error| wrong(path, error.to_string()))?;
            let named = path.file_stem().and_then(|stem| stem.to_str());
            if named != Some(claim.id.as_str()) {
                return Err(wrong(path, format!("the file is named after its `id`, `{}`", claim.id)));
            }
            let mut entries = Vec::new();
            let own_folder = Path::new("entries").join(&claim.id);
            for (path, text) in files.iter().filter(|(path, _)| path.parent() == Some(&own_folder)) {
                entries.push(entry(path, text)?);
            }
            let own = submissions.iter().filter(|(id, _)| *id == claim.id).map(|(_, entry)| entry.clone());
            entries.extend(own);
            let mut names = BTreeSet::new();
            if let Some(twice) = entries.iter().find(|one| !names.insert(&one.name)) {
                let place = own_folder.join(&twice.name);
                return Err(wrong(&place, "it is there as `.toml` and as `.tar`".to_owned()));
            }
            let attested = Attested::of(files, &claim, registry.as_ref());
            claims.push(BoardClaim::of(claim, entries, &attested, &rules).map_err(|what| wrong(path, what))?);
        }
        Ok(Self { about, claims })
    }
}

/// The file of the registry.
const REGISTRY: &str = "registry.toml";

/// What operators signed of a claim: the name of each with its signature, and the registry that says whose key it is.
struct Attested<'f> {
    signatures: Vec<(&'f str, &'f str)>,
    registry: Option<&'f Registry>,
}

impl<'f> Attested<'f> {
    fn of(files: &'f BoardFiles, claim: &Claim, registry: Option<&'f Registry>) -> Self {
        let folder = Path::new("attestations").join(&claim.id);
        let own = files.iter().filter(|(path, _)| path.parent() == Some(&folder));
        let named = own.filter_map(|(path, text)| Some((path.file_stem()?.to_str()?, text.as_str())));
        Self { signatures: named.collect(), registry }
    }
}

/// The namespace of signatures under a set of reports.
pub const SET_NAMESPACE: &str = "doracle-set";

/// What is signed under a set of reports.
#[must_use]
pub fn set_statement(claim: &str, set_digest: &str) -> String {
    format!("claim {claim}\nset {set_digest}\n")
}

impl Attested<'_> {
    /// The organisations whose operators signed this set, each once.
    fn organisations(&self, claim: &Claim, set_digest: &str) -> Vec<String> {
        let Some(registry) = self.registry else { return Vec::new() };
        let statement = set_statement(&claim.id, set_digest);
        let signed = |(operator, armoured): &(&str, &str)| {
            let signature = Signature::parse(armoured).ok()?;
            let key = signature.verified(SET_NAMESPACE, statement.as_bytes()).ok()?;
            let (owner, own) = registry.owner(key)?;
            let is_good = owner.id == *operator && owner.revoked_at.is_none() && own.revoked_at.is_none();
            let organisation = owner.organisation.clone().unwrap_or_else(|| owner.id.clone());
            (is_good && claim.organisations.contains(&organisation)).then_some(organisation)
        };
        let all: BTreeSet<String> = self.signatures.iter().filter_map(signed).collect();
        all.into_iter().collect()
    }
}

fn check_name(path: &Path, name: &str) -> Result<(), BoardError> {
    let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if name.is_empty() || name.len() > 80 || !name.chars().all(is_plain) {
        let what = "a file is named by at most 80 letters a to z, digits and `-`".to_owned();
        return Err(BoardError::File { path: path.to_owned(), what });
    }
    Ok(())
}

/// Refuses what lies among the entries and would be read by nobody.
fn nothing_is_passed_over(folder: &Path) -> Result<(), BoardError> {
    let claims = names(folder, Path::new("claims"), "toml")?;
    for claim in all_names(folder, Path::new("entries"))? {
        let under = Path::new("entries").join(&claim);
        let wrong = |path: &Path, what: &str| BoardError::File { path: folder.join(path), what: what.to_owned() };
        if !claims.contains(&format!("{claim}.toml")) {
            return Err(wrong(&under, "there is no claim of that name"));
        }
        for file in all_names(folder, &under)? {
            let is_known = Path::new(&file).extension().is_some_and(|ending| ending == "toml" || ending == "tar");
            if !is_known {
                return Err(wrong(&under.join(&file), "a report is `NAME.toml` or `NAME.tar`"));
            }
        }
    }
    Ok(())
}

fn names(folder: &Path, under: &Path, ending: &str) -> Result<Vec<String>, BoardError> {
    let mut names = all_names(folder, under)?;
    names.retain(|name| Path::new(name).extension().is_some_and(|own| own == ending));
    Ok(names)
}

fn all_names(folder: &Path, under: &Path) -> Result<Vec<String>, BoardError> {
    let path = folder.join(under);
    let failed = |source| BoardError::Read { path: path.clone(), source };
    // What leads out of the board is not looked at.
    match std::fs::symlink_metadata(&path) {
        Ok(kind) if kind.is_dir() => {}
        Ok(_) => return Err(BoardError::File { path, what: "it is no folder".to_owned() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(BoardError::Read { path, source }),
    }
    let mut names = Vec::new();
    for file in std::fs::read_dir(&path).map_err(failed)? {
        let name = file.map_err(failed)?.file_name().to_string_lossy().into_owned();
        names.push(name);
    }
    names.sort();
    Ok(names)
}

fn read(folder: &Path, name: &Path, files: &mut BoardFiles) -> Result<(), BoardError> {
    let path = folder.join(name);
    let failed = |source| BoardError::Read { path: path.clone(), source };
    // What leads out of the board is not looked at.
    let kind = std::fs::symlink_metadata(&path).map_err(failed)?;
    if !kind.is_file() || kind.len() > LARGEST {
        let what = format!("it is no file, or larger than {LARGEST} bytes");
        return Err(BoardError::File { path, what });
    }
    files.insert(name.to_owned(), std::fs::read_to_string(&path).map_err(failed)?);
    Ok(())
}

fn entry(path: &Path, text: &str) -> Result<Entry, BoardError> {
    let wrong = |what: String| BoardError::File { path: path.to_owned(), what };
    let report: Report = toml::from_str(text).map_err(|error| wrong(error.message().to_owned()))?;
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
    check_name(path, &name)?;
    let day = lake::Instant::parse(&format!("{}T00:00:00Z", report.reported));
    if day.is_err() || report.reported.len() != 10 {
        return Err(wrong(format!("`reported` is a day as `YYYY-MM-DD`, not `{}`", report.reported)));
    }
    if report.organisation.is_empty() {
        return Err(wrong("a report speaks for an organisation".to_owned()));
    }
    let effect = |(place, stated): (usize, &Stated)| {
        let row = stated.effect(&format!("{name} {}", place + 1), &report.organisation, &report.moderators);
        row.map_err(|what| wrong(format!("effect {}: {what}", place + 1)))
    };
    let effects = report.effects.iter().enumerate().map(effect).collect::<Result<Vec<Effect>, _>>()?;
    Ok(Entry {
        name,
        report,
        grade: Grade::SummaryOnly,
        standing: Standing::Admitted,
        effects,
        digest: None,
        checks: Vec::new(),
        is_simulated: false,
    })
}

impl BoardClaim {
    /// Says which entries have a vote, and what they say together.
    ///
    /// # Errors
    /// In words, where the claim's terms cannot be.
    fn of(
        claim: Claim,
        mut entries: Vec<Entry>,
        attested: &Attested<'_>,
        rules: &AdmissionRules,
    ) -> Result<Self, String> {
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        admit(&claim, &mut entries, rules);
        let consensus = together(&claim, entries.iter().filter(|entry| entry.standing.is_admitted()), consensus)?;
        let history = history(&claim, &entries)?;
        let verdict = BoardVerdict::of(consensus.as_ref());
        let set_digest = set_digest(&claim, &entries);
        let attested_by = attested.organisations(&claim, &set_digest);
        let metrics = claim.metrics();
        let is_aside = |effect: &&Effect| !metrics.contains(&effect.metric.as_str());
        let aside = entries.iter().flat_map(|entry| entry.effects.iter().filter(is_aside));
        let aside = aside.map(|effect| format!("{} of {}", effect.metric, effect.name)).collect();
        Ok(Self { claim, entries, consensus, verdict, history, set_digest, attested_by, aside })
    }

    /// Whether enough signed the set for it to be agreed on: all but as many as may lie. With fewer the keeper is trusted.
    #[must_use]
    pub fn is_agreed(&self) -> bool {
        let found = self.consensus.as_ref();
        found.is_some_and(|found| self.attested_by.len() >= found.enrolled - found.faults)
    }

    /// The entries that have a vote.
    pub fn admitted(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.standing.is_admitted())
    }
}

/// Whom an entry speaks for. Operators of one organisation are told apart by a registry only: without one their names are
/// what anybody may write.
fn who(entry: &Entry, rules: &AdmissionRules) -> (String, String) {
    let operator = entry.report.operator.clone().filter(|_| rules.has_registry && entry.digest.is_some());
    (entry.report.organisation.clone(), operator.unwrap_or_default())
}

/// Gives every entry its standing.
fn admit(claim: &Claim, entries: &mut [Entry], rules: &AdmissionRules) {
    for entry in entries.iter_mut() {
        entry.standing = standing(claim, entry, rules);
    }
    correct(entries, rules);
    // One operator has one effect for each metric: whoever says two things without saying which stands has none.
    let mut said: BTreeMap<((String, String), String), BTreeSet<String>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.standing.is_admitted()) {
        for effect in &entry.effects {
            said.entry((who(entry, rules), effect.metric.clone())).or_default().insert(entry.name.clone());
        }
    }
    for names in said.into_values().filter(|names| names.len() > 1) {
        for entry in entries.iter_mut().filter(|entry| names.contains(&entry.name)) {
            let others: Vec<&str> = names.iter().filter(|name| **name != entry.name).map(String::as_str).collect();
            entry.standing = Standing::Excluded(format!(
                "its operator says something else in {}, and neither corrects the other",
                others.join(", ")
            ));
        }
    }
}

/// Lets corrections stand in the place of what they correct: those that have a vote themselves, of the same operator.
fn correct(entries: &mut [Entry], rules: &AdmissionRules) {
    // A submission is named by its digest, too.
    let digests: BTreeMap<String, String> =
        entries.iter().filter_map(|entry| Some((entry.digest.clone()?, entry.name.clone()))).collect();
    let named = |word: &String| digests.get(word).unwrap_or(word).clone();
    let targets: BTreeMap<String, String> =
        entries.iter().filter_map(|entry| Some((entry.name.clone(), named(entry.report.corrects.as_ref()?)))).collect();
    let owners: BTreeMap<String, (String, String)> =
        entries.iter().map(|entry| (entry.name.clone(), who(entry, rules))).collect();
    // Following what corrects what, nobody comes back to where they began.
    let is_circle = |name: &String| {
        let mut at = targets.get(name);
        (0..=targets.len()).any(|_| {
            let found = at == Some(name);
            at = at.and_then(|next| targets.get(next));
            found
        })
    };
    let mut corrected: BTreeMap<String, String> = BTreeMap::new();
    for entry in entries.iter_mut().filter(|entry| entry.standing.is_admitted()) {
        let Some(target) = targets.get(&entry.name) else { continue };
        let refused = match owners.get(target) {
            None => Some(format!("it corrects {target}, which is no report here")),
            Some(owner) if *owner != who(entry, rules) => {
                Some(format!("it corrects {target}, which is of somebody else"))
            }
            Some(_) if is_circle(&entry.name) => Some("what it corrects corrects it".to_owned()),
            Some(_) => None,
        };
        match refused {
            Some(why) => entry.standing = Standing::Excluded(why),
            None => {
                corrected.insert(target.clone(), entry.name.clone());
            }
        }
    }
    for entry in entries.iter_mut() {
        if let Some(by) = corrected.get(&entry.name).filter(|_| !matches!(entry.standing, Standing::Withdrawn(_))) {
            entry.standing = Standing::Corrected(by.clone());
        }
    }
}

/// What of a board decides who has a vote.
struct AdmissionRules {
    /// Whether the board says of itself that it is simulated.
    is_simulated: bool,
    /// Whether it has a registry, without which nobody says who is an operator of an organisation.
    has_registry: bool,
    /// Organisations that have keys in the registry: they speak by what they sign.
    with_keys: BTreeSet<String>,
}

fn standing(claim: &Claim, entry: &Entry, rules: &AdmissionRules) -> Standing {
    let report = &entry.report;
    let excluded = |why: String| Standing::Excluded(why);
    if let Some(why) = &report.withdrawn {
        return Standing::Withdrawn(why.clone());
    }
    // What the checks of a submission said stays said.
    if !entry.standing.is_admitted() {
        return entry.standing.clone();
    }
    if let Some(why) = &report.excluded {
        return excluded(why.clone());
    }
    if entry.is_simulated && !rules.is_simulated {
        return excluded("its evidence is simulated, and the board is not".to_owned());
    }
    if !claim.organisations.contains(&report.organisation) {
        return excluded(format!("{} is not enrolled", report.organisation));
    }
    if entry.digest.is_none() && rules.with_keys.contains(&report.organisation) {
        return excluded(format!("{} has keys in the registry, and speaks by what it signs", report.organisation));
    }
    if report.protocol != claim.protocol {
        return excluded(format!("it follows protocol {}, and the claim is about {}", report.protocol, claim.protocol));
    }
    if report.setting != claim.setting {
        return excluded("live systems and benchmark runs are never put together".to_owned());
    }
    let metrics = claim.metrics();
    let claimed = || entry.effects.iter().filter(|effect| metrics.contains(&effect.metric.as_str()));
    if claimed().next().is_none() {
        return excluded("it has no effect on a metric that the claim is about".to_owned());
    }
    let unique: BTreeSet<&String> = claimed().map(|effect| &effect.metric).collect();
    if unique.len() < claimed().count() {
        return excluded("it states a metric more than once".to_owned());
    }
    Standing::Admitted
}

/// By what entries are combined.
type Combine = fn(&[Effect], &crate::Terms) -> Result<Consensus, crate::ConsensusError>;

/// What entries say together. How far each can be followed is a moderator, whatever the claim names.
fn together<'e>(
    claim: &Claim,
    entries: impl Iterator<Item = &'e Entry>,
    combine: Combine,
) -> Result<Option<Consensus>, String> {
    const EVIDENCE: &str = "evidence";
    let metrics = claim.metrics();
    let graded = |entry: &'e Entry| {
        entry.effects.iter().cloned().map(|mut effect| {
            effect.moderators.insert(EVIDENCE.to_owned(), entry.grade.to_string());
            effect
        })
    };
    let effects: Vec<Effect> =
        entries.flat_map(graded).filter(|effect| metrics.contains(&effect.metric.as_str())).collect();
    if effects.is_empty() {
        return Ok(None);
    }
    let mut terms = claim.terms().map_err(|error| error.to_string())?;
    if !terms.moderators.iter().any(|name| name == EVIDENCE) {
        terms.moderators.push(EVIDENCE.to_owned());
    }
    Ok(Some(combine(&effects, &terms).map_err(|error| error.to_string())?))
}

/// What was concluded as organisations came, at declared looks and at some numbers between.
fn history(claim: &Claim, entries: &[Entry]) -> Result<Vec<HistoryPoint>, String> {
    let mut admitted: Vec<&Entry> = entries.iter().filter(|entry| entry.standing.is_admitted()).collect();
    admitted.sort_by(|one, other| (&one.report.reported, &one.name).cmp(&(&other.report.reported, &other.name)));
    let mut organisations: BTreeSet<&str> = BTreeSet::new();
    // How many entries there were when the number of organisations last rose, and on which day.
    let mut steps: Vec<(usize, usize, &str)> = Vec::new();
    for (place, entry) in admitted.iter().enumerate() {
        organisations.insert(&entry.report.organisation);
        match steps.last_mut() {
            Some(last) if last.1 == organisations.len() => *last = (place + 1, last.1, &entry.report.reported),
            _ => steps.push((place + 1, organisations.len(), &entry.report.reported)),
        }
    }
    let is_look = |count: usize| claim.looks.iter().any(|look| look.count == count);
    let every = steps.len() / MOST_POINTS + 1;
    let is_shown = |step: &&(usize, usize, &str)| {
        is_look(step.1) || step.1 == organisations.len() || (step.1 >= FEWEST && step.1.is_multiple_of(every))
    };
    let point = |(count, organisations, reported): &(usize, usize, &str)| {
        let found = together(claim, admitted[..*count].iter().copied(), decide)?;
        Ok(HistoryPoint {
            reported: (*reported).to_owned(),
            organisations: *organisations,
            is_look: is_look(*organisations),
            verdict: BoardVerdict::of(found.as_ref()),
        })
    };
    steps.iter().filter(is_shown).map(point).collect()
}

/// Of the claim and of everything that has a vote, sorted.
fn set_digest(claim: &Claim, entries: &[Entry]) -> String {
    let admitted = entries.iter().filter(|entry| entry.standing.is_admitted());
    let mut digests: Vec<String> = admitted
        .map(|entry| {
            let said = serde_json::json!({ "name": entry.name, "report": entry.report });
            lake::canonical::sha256(said.to_string().as_bytes())
        })
        .collect();
    digests.sort();
    let said = serde_json::json!({ "claim": claim, "entries": digests });
    lake::canonical::sha256(said.to_string().as_bytes())
}
