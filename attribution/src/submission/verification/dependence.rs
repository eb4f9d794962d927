//! What a submission has to do with others: copied, sent again, said twice, taken back, or reproduced.

use super::{Board, Check, Examined, Outcome};
use crate::criterion::Class;
use crate::submission::Withdrawal;
use crate::submission::fingerprints::{BoardKey, Streams, coincidences, overlap};
use crate::submission::regularity::{LEVEL, regularities};

/// Who shares this much of a stream tells of the same events.
const COPIED: f64 = 0.5;
/// Fewer shared runs may be a service that both deploy.
const FEW_RUNS: usize = 3;

/// Copies, replays, equivocation and withdrawals.
pub(super) fn checks(examined: &Examined, board: &Board<'_>) -> Vec<Check> {
    let withdrawn = withdrawal(examined, board);
    if board.others.is_empty() {
        let told = "there is nothing to compare it with";
        let names = ["replay", "equivocation", "independence"];
        return names.map(|name| Check::new(name, Outcome::NotChecked, told)).into_iter().chain([withdrawn]).collect();
    }
    vec![replay(examined, board), equivocation(examined, board), independence(examined, board), withdrawn]
}

fn joined(name: &'static str, found: Vec<(Outcome, String)>, otherwise: String) -> Check {
    let worst = found.iter().map(|(outcome, _)| *outcome).max();
    let told = found.into_iter().map(|(_, told)| told).collect::<Vec<_>>().join("; ");
    worst.map_or_else(|| Check::new(name, Outcome::Passed, otherwise), |outcome| Check::new(name, outcome, told))
}

fn whose(other: &Examined) -> String {
    format!("`{}` of `{}`", &other.digest[..12.min(other.digest.len())], other.manifest.operator)
}

/// The same submission again, or its evidence under another name.
fn replay(examined: &Examined, board: &Board<'_>) -> Check {
    let tables = |one: &Examined| one.evidence.digests().unwrap_or_default();
    let own = tables(examined);
    let found = board.others.iter().copied().filter_map(|other| {
        if other.digest == examined.digest {
            return Some((Outcome::Failed, format!("it was sent before: {}", whose(other))));
        }
        let is_same = !own.is_empty() && tables(other) == own;
        is_same.then(|| (Outcome::Failed, format!("its evidence was sent before, by {}", whose(other))))
    });
    joined("replay", found.collect(), "its evidence was not sent before".to_owned())
}

/// Two contents of one experiment by one operator, of which neither corrects the other.
fn equivocation(examined: &Examined, board: &Board<'_>) -> Check {
    let (own, digest) = (&examined.manifest, &examined.digest);
    let is_other_word = |other: &&Examined| {
        let theirs = &other.manifest;
        let is_same_question = theirs.operator == own.operator
            && theirs.experiment == own.experiment
            && theirs.protocol_version == own.protocol_version
            && theirs.run == own.run;
        let corrects = own.corrects.as_ref() == Some(&other.digest) || theirs.corrects.as_ref() == Some(digest);
        is_same_question && other.digest != *digest && !corrects && withdrawal_of(other, board).is_none()
    };
    let found = board.others.iter().copied().filter(is_other_word);
    let told = found.map(|other| (Outcome::Failed, format!("its operator says something else in {}", whose(other))));
    joined("equivocation", told.collect(), "its operator says nothing else elsewhere".to_owned())
}

/// Events that are somebody else's, too.
fn independence(examined: &Examined, board: &Board<'_>) -> Check {
    let usual = BoardKey::default();
    let key = board.key.unwrap_or(&usual);
    let mut found = Vec::new();
    for other in board.others.iter().copied().filter(|other| other.digest != examined.digest) {
        // One organisation has one vote, so that its own entries may tell of the same.
        let (own, theirs) = (&examined.manifest, &other.manifest);
        if theirs.operator == own.operator || (own.organisation.is_some() && theirs.organisation == own.organisation) {
            continue;
        }
        found.extend(
            dependence(&examined.streams, &other.streams, key)
                .map(|(outcome, told)| (outcome, format!("{told}, in {}", whose(other)))),
        );
    }
    let told = format!("it shares no events with {} others", board.others.len());
    joined("independence", found, told)
}

/// What two submissions have to do with one another.
fn dependence(own: &Streams, other: &Streams, key: &BoardKey) -> Option<(Outcome, String)> {
    if let Some(shared) = overlap(own, other, key).filter(|shared| shared.runs >= FEW_RUNS) {
        let is_copied = shared.share >= COPIED || shared.runs as f64 >= COPIED * shared.of as f64;
        let told = format!(
            "{} of {} runs of gaps between events are those of another submission; {:.0} % of {} ({})",
            shared.runs,
            shared.of,
            100.0 * shared.share,
            shared.streams[0],
            shared.streams[1],
        );
        return Some((if is_copied { Outcome::Failed } else { Outcome::Doubtful }, told));
    }
    let (streams, p) = coincidences(own, other).filter(|(_, p)| *p < LEVEL)?;
    let told = format!("events of {} coincide with those of {} too often (p = {p:.1e})", streams[0], streams[1]);
    Some((Outcome::Doubtful, told))
}

/// The notice by which its own operator took a submission back.
fn withdrawal_of<'b>(one: &Examined, board: &Board<'b>) -> Option<&'b Withdrawal> {
    board.withdrawals.iter().find(|notice| notice.digest == one.digest && notice.operator == one.manifest.operator)
}

fn withdrawal(examined: &Examined, board: &Board<'_>) -> Check {
    let name = "withdrawal";
    match withdrawal_of(examined, board) {
        Some(notice) => {
            let told = format!("its operator took it back at {}: {}", notice.withdrawn_at, notice.reason);
            Check::new(name, Outcome::Failed, told)
        }
        None => Check::new(name, Outcome::Passed, "nobody took it back"),
    }
}

/// Times that are more regular than times are.
pub(super) fn regularity(streams: &Streams) -> Check {
    let found = regularities(streams);
    let told: Vec<(Outcome, String)> = found.into_iter().map(|one| (Outcome::Doubtful, one.told)).collect();
    joined("regularity", told, "digits, spacing and spread are those of events that happen".to_owned())
}

/// Whether somebody who has nothing to do with it came to the same.
pub(super) fn reproduction(examined: &Examined, board: &Board<'_>) -> (bool, Check) {
    let name = "reproduction";
    let usual = BoardKey::default();
    let own = &examined.manifest;
    let is_unrelated = |other: &&Examined| {
        let theirs = &other.manifest;
        let apart = theirs.operator != own.operator
            && (theirs.organisation.is_none() || theirs.organisation != own.organisation);
        apart
            && (&theirs.experiment, &theirs.protocol_version, theirs.run)
                == (&own.experiment, &own.protocol_version, own.run)
            && other.is_rederived()
            && other.standing(board.registry).is_good()
            && withdrawal_of(other, board).is_none()
            && dependence(&examined.streams, &other.streams, board.key.unwrap_or(&usual)).is_none()
    };
    let unrelated: Vec<&Examined> = board.others.iter().copied().filter(is_unrelated).collect();
    if unrelated.is_empty() {
        let told = "no unrelated operator who signed has sent a replication that was derived again";
        return (false, Check::new(name, Outcome::NotChecked, told));
    }
    let agreeing = unrelated.iter().filter(|other| agree(examined, other)).count();
    let told = format!(
        "{agreeing} of {} unrelated replications come to the same verdict and compatible effects",
        unrelated.len()
    );
    (agreeing > 0, Check::new(name, if agreeing > 0 { Outcome::Passed } else { Outcome::NotChecked }, told))
}

/// The same verdict, one that concludes, and effects whose limits meet and whose classes do not contradict.
fn agree(one: &Examined, other: &Examined) -> bool {
    let (Some(one), Some(other)) = (&one.finding, &other.finding) else { return false };
    let pairs = one.metrics.iter().zip(&other.metrics).filter_map(|(a, b)| Some((a.found()?, b.found()?)));
    let mut effects = pairs.map(|(a, b)| {
        let meet = a.effect.low <= b.effect.high && b.effect.low <= a.effect.high;
        let oppose =
            matches!((a.class, b.class), (Class::Superior, Class::Inferior) | (Class::Inferior, Class::Superior));
        meet && !oppose
    });
    one.verdict == other.verdict && one.verdict.is_conclusive() && effects.all(|agrees| agrees)
}
