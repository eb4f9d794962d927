//! The clone itself: where its objects lie, what its references name, and what it was told not to hold.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use super::config::Config;
use super::oid::Oid;
use super::program::{Program, Said};
use super::scratch::Scratch;
use crate::{SourceError, SourceErrorKind};

/// What a clone holds, before any object is read.
#[derive(Debug)]
pub(super) struct Clone {
    /// The path as configured, for sentences.
    pub(super) path: String,
    /// Git over its objects.
    pub(super) scratch: Scratch,
    /// What each reference points at, by full name: branches, branches of remotes, tags.
    pub(super) references: BTreeMap<String, Oid>,
    /// References that git could not read, in its own words.
    pub(super) broken_references: Vec<String>,
    /// Commits whose parents were left out on purpose; none where the clone is whole.
    pub(super) boundary: HashSet<Oid>,
    /// Whether the clone is shallow.
    pub(super) is_shallow: bool,
    /// Trees and files may be left with a remote that promised them.
    pub(super) is_partial: bool,
    /// Why tags may be missing, as far as the clone's settings tell.
    pub(super) tags_left_out: Option<String>,
    /// Where the default branch stands.
    pub(super) default_tip: Oid,
    /// What `HEAD` points at, where it points at something.
    pub(super) head: Option<Oid>,
}

/// The facts that one `git rev-parse` tells.
struct Layout {
    object_format: String,
    is_shallow: bool,
    objects: PathBuf,
    shallow: PathBuf,
}

impl Clone {
    /// Opens the clone that the settings name.
    pub(super) fn open(config: &Config) -> Result<Self, SourceError> {
        let folder = config.path.canonicalize().map_err(|error| {
            let missing = SourceErrorKind::Input(error.to_string());
            SourceError::new(format!("could not open the clone `{}`", config.path.display()), missing)
                .with_hint("name a working tree, its `.git` folder or a bare repository")
        })?;
        Self::open_with(config, &Program::new(&folder).trusting_as_the_user_does())
    }

    /// Opens it with that git.
    pub(super) fn open_with(config: &Config, program: &Program) -> Result<Self, SourceError> {
        let path = config.path.display().to_string();
        let layout = layout(program, &path)?;
        let doing = |what: &str| format!("could not read {what} of `{path}`");
        let because = |what: &'static str| move |kind| SourceError::new(doing(what), kind);
        let (references, broken_references) = references(program).map_err(because("the references"))?;
        let head = head(program).map_err(because("`HEAD`"))?;
        let settings = settings(program).map_err(because("the settings"))?;
        let boundary = boundary(&layout).map_err(because("the shallow boundary"))?;
        let scratch = Scratch::new(&layout.objects, &layout.object_format)
            .map_err(|error| SourceError::new("could not make a folder for temporary files", error))?;
        let default_tip = match &config.branch {
            Some(branch) => named_branch(branch, &references, &path)?,
            None => default_branch(program, &references, head, &path)?,
        };
        Ok(Self {
            scratch,
            references,
            broken_references,
            is_shallow: layout.is_shallow,
            boundary,
            is_partial: is_partial(&settings),
            tags_left_out: tags_left_out(&settings),
            default_tip,
            head,
            path,
        })
    }

    /// Names of the tags, with what they point at before peeling.
    pub(super) fn tags(&self) -> impl Iterator<Item = (&str, Oid)> {
        self.references.iter().filter_map(|(name, oid)| Some((name.strip_prefix("refs/tags/")?, *oid)))
    }

    /// Everything to walk from, each once.
    pub(super) fn tips(&self) -> Vec<Oid> {
        let mut seen = HashSet::new();
        let all = self.references.values().copied().chain(self.head).chain([self.default_tip]);
        all.filter(|oid| seen.insert(*oid)).collect()
    }
}

fn layout(program: &Program, path: &str) -> Result<Layout, SourceError> {
    let doing = || format!("could not open the clone `{path}`");
    let said = program
        .run(&[
            "rev-parse",
            "--path-format=absolute",
            "--show-object-format",
            "--is-shallow-repository",
            "--git-path",
            "objects",
            "--git-path",
            "shallow",
        ])
        .map_err(|kind| SourceError::new(doing(), kind))?;
    if !said.is_success {
        return Err(not_opened(doing(), &said));
    }
    let text = String::from_utf8_lossy(&said.output);
    let lines: Vec<&str> = text.lines().collect();
    let [object_format, is_shallow, objects, shallow] = lines[..] else {
        let odd = format!("git described it in {} lines instead of 4", lines.len());
        return Err(SourceError::new(doing(), SourceErrorKind::Program(odd)));
    };
    Ok(Layout {
        object_format: object_format.to_owned(),
        is_shallow: is_shallow == "true",
        objects: PathBuf::from(objects),
        shallow: PathBuf::from(shallow),
    })
}

fn not_opened(doing: String, said: &Said) -> SourceError {
    let complaint = &said.complaint;
    if complaint.contains("dubious ownership") {
        let (why, _) = complaint.split_once("; ").unwrap_or((complaint, ""));
        let command =
            complaint.find("git config").map_or("see `git help config` on `safe.directory`", |at| &complaint[at..]);
        return SourceError::new(doing, SourceErrorKind::Input(why.to_owned()))
            .with_hint(format!("it belongs to another user; if you trust it, run `{command}`"));
    }
    if complaint.contains("not a git repository") {
        return SourceError::new(doing, SourceErrorKind::Input("it is not a git repository".into()))
            .with_hint("name the top of a working tree, its `.git` folder or a bare repository");
    }
    SourceError::new(doing, SourceErrorKind::Program(complaint.clone()))
}

/// All references below the three namespaces that are walked, and complaints about broken ones.
fn references(program: &Program) -> Result<(BTreeMap<String, Oid>, Vec<String>), SourceErrorKind> {
    let said = program.run(&[
        "for-each-ref",
        "--format=%(objectname) %(refname)",
        "refs/heads/",
        "refs/remotes/",
        "refs/tags/",
    ])?;
    let broken: Vec<String> = said
        .complaint
        .split("; ")
        .filter_map(|line| line.split_once("ignoring broken ref "))
        .map(|(_, name)| name.to_owned())
        .collect();
    let text = String::from_utf8_lossy(&said.success()?).into_owned();
    let references = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(oid, name)| Some((name.to_owned(), Oid::parse(oid.as_bytes())?)))
        .collect();
    Ok((references, broken))
}

/// What `HEAD` points at; none where its branch has no commit yet.
fn head(program: &Program) -> Result<Option<Oid>, SourceErrorKind> {
    let said = program.run(&["rev-parse", "--verify", "--quiet", "HEAD"])?;
    Ok(if said.is_success { Oid::parse(said.output.trim_ascii()) } else { None })
}

/// The clone's own settings about what it fetches. Only these keys are asked for; none of them holds a URL.
fn settings(program: &Program) -> Result<Vec<(String, String)>, SourceErrorKind> {
    let keys = r"^(remote\..*\.(tagopt|fetch|promisor|partialclonefilter)|extensions\.partialclone)$";
    // It fails where no key matches.
    let said = program.run(&["config", "--local", "--null", "--get-regexp", keys])?;
    let entries = said.output.split(|byte| *byte == 0).filter(|entry| !entry.is_empty());
    Ok(entries
        .map(|entry| {
            let text = String::from_utf8_lossy(entry).into_owned();
            // A key without a value is true.
            text.split_once('\n').map_or((text.clone(), "true".into()), |(key, value)| (key.into(), value.into()))
        })
        .collect())
}

/// Whether a key such as `remote.origin.fetch` is that of some remote; git gives its last part in small letters.
fn is_key(key: &str, last: &str) -> bool {
    key.rsplit_once('.').is_some_and(|(_, name)| name == last)
}

fn is_partial(settings: &[(String, String)]) -> bool {
    settings.iter().any(|(key, value)| {
        key == "extensions.partialclone"
            || is_key(key, "partialclonefilter")
            || (is_key(key, "promisor") && value != "false")
    })
}

/// What the settings tell of tags that were not fetched. A clone that fetches one branch only fetches only tags on it.
fn tags_left_out(settings: &[(String, String)]) -> Option<String> {
    if let Some((key, _)) = settings.iter().find(|(key, value)| is_key(key, "tagopt") && value == "--no-tags") {
        let remote = key.strip_suffix(".tagopt").unwrap_or(key);
        return Some(format!("the clone does not fetch tags (`{remote}.tagOpt` is `--no-tags`)"));
    }
    let fetches: Vec<&str> =
        settings.iter().filter(|(key, _)| is_key(key, "fetch")).map(|(_, value)| value.as_str()).collect();
    let is_narrow = !fetches.is_empty() && !fetches.iter().any(|refspec| refspec.contains('*'));
    let first = fetches.first().and_then(|refspec| refspec.split(':').next()).unwrap_or_default();
    is_narrow.then(|| {
        format!("the clone fetches only `{}`, so that tags elsewhere may be missing", first.trim_start_matches('+'))
    })
}

/// The commits whose parents are left out on purpose.
fn boundary(layout: &Layout) -> Result<HashSet<Oid>, SourceErrorKind> {
    if !layout.is_shallow {
        return Ok(HashSet::new());
    }
    Ok(std::fs::read(&layout.shallow)?
        .split(|byte| *byte == b'\n')
        .filter_map(|line| Oid::parse(line.trim_ascii()))
        .collect())
}

fn named_branch(branch: &str, references: &BTreeMap<String, Oid>, path: &str) -> Result<Oid, SourceError> {
    let candidates = [format!("refs/remotes/origin/{branch}"), format!("refs/heads/{branch}"), branch.to_owned()];
    if let Some(oid) = candidates.iter().find_map(|name| references.get(name)) {
        return Ok(*oid);
    }
    let unknown = SourceErrorKind::Settings(format!("there is no branch `{branch}`"));
    Err(SourceError::new(format!("could not find the default branch of `{path}`"), unknown)
        .with_hint(format!("the branches are: {}", branches(references))))
}

/// What the remote calls its default, else `HEAD`, else the only branch there is.
fn default_branch(
    program: &Program,
    references: &BTreeMap<String, Oid>,
    head: Option<Oid>,
    path: &str,
) -> Result<Oid, SourceError> {
    if let Some(oid) = references.get("refs/remotes/origin/HEAD").copied().or(head) {
        return Ok(oid);
    }
    let mut tips = references.iter().filter(|(name, _)| !name.starts_with("refs/tags/")).map(|(_, oid)| *oid);
    if let (Some(only), None) = (tips.next(), tips.next()) {
        return Ok(only);
    }
    let doing = format!("could not find the default branch of `{path}`");
    if references.is_empty() {
        return Err(SourceError::new(doing, SourceErrorKind::Input("the repository has no commits".into()))
            .with_hint("commit or fetch something first"));
    }
    let said =
        program.run(&["symbolic-ref", "--quiet", "HEAD"]).map_err(|kind| SourceError::new(doing.clone(), kind))?;
    let name = String::from_utf8_lossy(said.output.trim_ascii()).into_owned();
    let unborn = SourceErrorKind::Settings(format!("`HEAD` names `{name}`, which has no commit"));
    Err(SourceError::new(doing, unborn).with_hint(format!("name one of the branches: {}", branches(references))))
}

fn branches(references: &BTreeMap<String, Oid>) -> String {
    let names: Vec<String> = references
        .keys()
        .filter(|name| !name.starts_with("refs/tags/"))
        .filter_map(|name| name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/remotes/origin/")))
        .filter(|name| *name != "HEAD")
        .take(5)
        .map(|name| format!("`{name}`"))
        .collect();
    if names.is_empty() { "(the clone has no branches)".into() } else { names.join(", ") }
}
