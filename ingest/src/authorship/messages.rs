//! What a commit message says: its subject, the pull request it belongs to, what it reverts, who took part.

/// What was found in one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// First line that is not blank.
    pub(crate) subject: String,
    /// The pull request it says it merges.
    pub(crate) pull_request: Option<PullRequest>,
    /// Commits it says it reverts, as written.
    pub(crate) reverted_commits: Vec<String>,
    /// Pull requests it says it reverts, as `#12`, `!12` or `owner/repository#12`.
    pub(crate) reverted_changes: Vec<String>,
    /// Commit it says it was cherry-picked from, as written.
    pub(crate) cherry_picked_from: Option<String>,
    /// The body lists commits as `* subject`, which is what a squash leaves.
    pub(crate) lists_commits: bool,
}

/// A pull request as the message that merged it names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PullRequest {
    /// `#12`, or `!12` where that is how the forge writes it.
    pub(crate) id: String,
    /// Its title.
    pub(crate) title: String,
}

/// A subject longer than this is cut, so that a hostile clone cannot fill a column with one commit.
const LONGEST_SUBJECT: usize = 4096;

/// Reads a message. `repository` tells a reference to ourselves from one to somewhere else.
pub(crate) fn read(text: &str, repository: &str) -> Message {
    let text = text.trim_start();
    let (subject, body) = text.split_once('\n').unwrap_or((text, ""));
    let subject = cut(subject.trim_end());
    let (reverted_commits, mut reverted_changes) = reverted(text, repository);
    if let Some(change) = reverted_by_title(subject)
        && !reverted_changes.contains(&change)
    {
        reverted_changes.push(change);
    }
    Message {
        pull_request: pull_request(subject, body),
        reverted_commits,
        reverted_changes,
        cherry_picked_from: cherry_picked_from(body),
        lists_commits: body.lines().any(|line| line.starts_with("* ")),
        subject: subject.to_owned(),
    }
}

/// The values of the `Co-authored-by:` trailers.
pub(crate) fn co_authors(text: &str) -> impl Iterator<Item = &str> {
    const KEY: &str = "co-authored-by:";
    text.lines().filter_map(|line| {
        let line = line.trim();
        let key = line.get(..KEY.len())?;
        key.eq_ignore_ascii_case(KEY).then(|| line[KEY.len()..].trim())
    })
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_SUBJECT)]
}

/// The pull request that a message of a merge button, of a merge bot or of a squash names.
fn pull_request(subject: &str, body: &str) -> Option<PullRequest> {
    let first_line = || body.lines().map(str::trim).find(|line| !line.is_empty());
    let titled = |id: String, title: Option<&str>| {
        Some(PullRequest { id, title: cut(title.unwrap_or(subject)).trim().to_owned() })
    };
    if let Some((number, rest)) = subject.strip_prefix("Merge pull request #").and_then(number_first)
        && rest.starts_with(" from ")
    {
        return titled(format!("#{number}"), first_line());
    }
    if let Some((title, rest)) = subject.strip_prefix("Merge pull request '").and_then(|rest| rest.rsplit_once("' (#"))
        && let Some((number, _)) = number_first(rest)
    {
        return titled(format!("#{number}"), Some(title));
    }
    if let Some((number, rest)) = subject.strip_prefix("Merged PR ").and_then(number_first)
        && let Some(title) = rest.strip_prefix(':')
    {
        return titled(format!("#{number}"), Some(title));
    }
    if subject.starts_with("Merged in ")
        && let Some((_, rest)) = subject.rsplit_once("(pull request #")
        && let Some((number, ")")) = number_first(rest)
    {
        return titled(format!("#{number}"), first_line());
    }
    for bot in ["Auto merge of #", "Merge #"] {
        if let Some((number, rest)) = subject.strip_prefix(bot).and_then(number_first)
            && (rest.is_empty() || rest.starts_with(' ') || rest.starts_with(':'))
        {
            return titled(format!("#{number}"), first_line());
        }
    }
    if let Some(number) = merge_request(body) {
        let is_button = subject.starts_with("Merge branch ");
        return titled(format!("!{number}"), if is_button { first_line() } else { None });
    }
    let (title, id) = numbered(subject)?;
    titled(id, Some(title))
}

/// `See merge request group/project!12`, the last line of its kind.
fn merge_request(body: &str) -> Option<&str> {
    body.lines().rev().find_map(|line| {
        let reference = line.trim().strip_prefix("See merge request ")?;
        let (number, rest) = number_first(reference.rsplit_once('!')?.1)?;
        rest.is_empty().then_some(number)
    })
}

/// Splits `Title (#12)`; of several numbers the last counts, because a revert quotes the first.
fn numbered(subject: &str) -> Option<(&str, String)> {
    let (title, last) = subject.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    let (sign, digits) = [("#", "#"), ("GH-", "#"), ("gh-", "#"), ("!", "!")]
        .into_iter()
        .find_map(|(prefix, sign)| last.strip_prefix(prefix).map(|digits| (sign, digits)))?;
    let (number, rest) = number_first(digits)?;
    rest.is_empty().then(|| (title.trim_end(), format!("{sign}{number}")))
}

/// Splits the digits at the front from the rest.
fn number_first(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    (1..=12).contains(&end).then(|| text.split_at(end))
}

/// The change that `Revert "Title (#12)"` quotes.
fn reverted_by_title(subject: &str) -> Option<String> {
    let quoted = subject.strip_prefix("Revert \"")?;
    let (quoted, _) = quoted.rsplit_once('"')?;
    numbered(quoted).map(|(_, id)| id)
}

/// Commits and changes that the text says it reverts: `This reverts commit <id>`, `Reverts owner/repository#12`.
fn reverted(text: &str, repository: &str) -> (Vec<String>, Vec<String>) {
    let (mut commits, mut changes) = (Vec::new(), Vec::new());
    if !text.contains("everts") {
        return (commits, changes);
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    for (at, word) in words.iter().enumerate() {
        let says_so = *word == "Reverts"
            || (*word == "reverts"
                && at > 0
                && words.get(at - 1).is_some_and(|word| word.eq_ignore_ascii_case("this")));
        if !says_so {
            continue;
        }
        let mut rest = words[at + 1..].iter().map(|word| bare(word));
        match rest.next() {
            Some("commit" | "commits") => {
                let listed = rest.filter(|word| *word != "and").map_while(commit_id);
                commits.extend(listed);
            }
            Some("merge" | "pull") => {
                changes.extend(rest.nth(1).and_then(|word| reference(word, repository)));
            }
            Some(word) => match commit_id(word) {
                Some(commit) => commits.push(commit),
                None => changes.extend(reference(word, repository)),
            },
            None => {}
        }
    }
    for found in [&mut commits, &mut changes] {
        let mut seen = std::collections::HashSet::new();
        found.retain(|id| seen.insert(id.clone()));
    }
    (commits, changes)
}

/// The source of `(cherry picked from commit <id>)`; the last one, because every copy adds its line at the end.
fn cherry_picked_from(body: &str) -> Option<String> {
    let (_, rest) = body.rsplit_once("(cherry picked from commit")?;
    commit_id(bare(rest.split_whitespace().next()?))
}

/// A word without the punctuation around it.
fn bare(word: &str) -> &str {
    word.trim_matches(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '#' | '!'))
}

/// A word that can be an object id or the beginning of one.
fn commit_id(word: &str) -> Option<String> {
    let is_id = (7..=64).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| word.to_ascii_lowercase())
}

/// A word that names a pull request: `#12`, `!12`, `owner/repository#12`. Our own are given without the repository.
fn reference(word: &str, repository: &str) -> Option<String> {
    let at = word.rfind(['#', '!'])?;
    let (place, number) = word.split_at(at);
    let (digits, rest) = number_first(&number[1..])?;
    if !rest.is_empty() {
        return None;
    }
    let sign = &number[..1];
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_lowercase();
    let is_ours = place.is_empty() || last(place) == last(repository);
    Some(if is_ours { format!("{sign}{digits}") } else { format!("{place}{sign}{digits}") })
}
