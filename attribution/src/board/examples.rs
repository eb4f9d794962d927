//! Boards that come with the project: what published studies say, and a simulated one with planted liars.

use std::collections::BTreeMap;
use std::path::PathBuf;

use stats::Philox;

use super::{About, BoardFiles, Report, Setting};
use crate::claim::{Claim, DeclaredLook};
use crate::criterion::{CRITERION, Scale};
use crate::effects::Stated;

/// A board that comes with the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Example {
    /// Effects of published studies on AI assistance.
    Published,
    /// Simulated organisations, some of which lie.
    Simulated,
}

macro_rules! published {
    ($($path:literal),+ $(,)?) => { [$(($path, include_str!(concat!("../../boards/published/", $path)))),+] };
}

const PUBLISHED: [(&str, &str); 6] = published![
    "board.toml",
    "claims/ai-assistance.toml",
    "entries/ai-assistance/cui-2024.toml",
    "entries/ai-assistance/he-2026.toml",
    "entries/ai-assistance/li-2025.toml",
    "entries/ai-assistance/metr-2025.toml",
];

macro_rules! repository {
    ($($path:literal),+ $(,)?) => { [$(($path, include_str!(concat!("../../boards/repository/", $path)))),+] };
}

/// What a repository of reports has besides its reports.
const REPOSITORY: [(&str, &str); 5] = repository![
    ".github/ISSUE_TEMPLATE/doubt.md",
    ".github/pull_request_template.md",
    ".github/workflows/board.yml",
    "GUIDE.md",
    "README.md",
];

/// The files that make a repository of a board: a workflow that checks and publishes, templates, and a guide.
#[must_use]
pub fn repository() -> BoardFiles {
    REPOSITORY.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect()
}

impl Example {
    /// Its files.
    #[must_use]
    pub fn files(self) -> BoardFiles {
        match self {
            Self::Published => PUBLISHED.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect(),
            Self::Simulated => simulated(),
        }
    }
}

/// A simulated claim: what is true, and what liars say.
struct World {
    id: &'static str,
    claim: &'static str,
    /// The true effects on the metrics of the criterion, and how much organisations differ.
    truth: [f64; 4],
    spread: f64,
    enrolled: usize,
    /// Organisations that lie, and what is added to what they found.
    liars: usize,
    lie: [f64; 4],
    /// Whether something else goes wrong as well: a withdrawal, a correction, a stranger, two versions of one report.
    is_messy: bool,
}

const WORLDS: [World; 2] = [
    World {
        id: "many-agents",
        claim: "Several agents on several pull requests at once keep delivery up. In this simulation they improve it, and three \
                organisations lie to hide that.",
        truth: [0.18, 0.30, 0.22, 0.02],
        spread: 0.03,
        enrolled: 16,
        liars: 3,
        lie: [-0.25, -0.40, -0.30, -0.05],
        is_messy: true,
    },
    World {
        id: "new-dashboard",
        claim: "A new dashboard keeps delivery up. In this simulation it does nothing, and four organisations lie together to \
                sell it.",
        truth: [0.0; 4],
        spread: 0.05,
        enrolled: 13,
        liars: 4,
        lie: [0.5, 0.5, 0.5, 0.08],
        is_messy: false,
    },
];

fn simulated() -> BoardFiles {
    let about = About {
        title: "A simulated board".to_owned(),
        about: "Made up by a seeded generator whose truth is known, to show what a board looks like and what lies do to it."
            .to_owned(),
        simulated: Some("Every organisation and every number on this board is made up.".to_owned()),
    };
    let mut files = BoardFiles::new();
    files.insert("board.toml".into(), written(&about));
    for (seed, world) in WORLDS.iter().enumerate() {
        files.insert(format!("claims/{}.toml", world.id).into(), written(&world.claim()));
        for (name, report) in world.reports(seed as u64) {
            files.insert(format!("entries/{}/{name}.toml", world.id).into(), written(&report));
        }
    }
    files
}

fn written(document: &impl serde::Serialize) -> String {
    toml::to_string(document).unwrap_or_default()
}

fn organisation(place: usize) -> String {
    format!("Organisation {:02}", place + 1)
}

impl World {
    fn claim(&self) -> Claim {
        Claim {
            schema: 1,
            id: self.id.to_owned(),
            claim: self.claim.to_owned(),
            protocol: "1".to_owned(),
            setting: Setting::Live,
            metrics: Vec::new(),
            margin_ratio: None,
            margin_difference: None,
            alpha: None,
            faults: None,
            organisations: (0..self.enrolled).map(organisation).collect(),
            enrolment: "they are made up".to_owned(),
            looks: [(7, 0.02), (13, 0.015), (15, 0.015)].map(|(count, alpha)| DeclaredLook { count, alpha }).to_vec(),
            moderators: vec!["hardware".to_owned()],
        }
    }

    fn reports(&self, seed: u64) -> BTreeMap<String, Report> {
        let mut random = Philox::new(seed, 11);
        let mut reports = BTreeMap::new();
        // The last of those that are enrolled stays silent in a messy world.
        let reporting = self.enrolled - usize::from(self.is_messy);
        for place in 0..reporting {
            // Liars come among the first, where a look is near.
            let is_liar = place % 3 == 1 && place / 3 < self.liars;
            let report = self.report(place, is_liar, &mut random);
            reports.insert(format!("organisation-{:02}", place + 1), report);
        }
        if self.is_messy {
            self.mess(&mut reports, &mut random);
        }
        reports
    }

    fn report(&self, place: usize, is_liar: bool, random: &mut Philox) -> Report {
        let effects = CRITERION.iter().enumerate().map(|(at, metric)| {
            let scale = if Scale::of(metric) == Scale::Difference { 0.15 } else { 1.0 };
            let error = scale * (0.03 + 0.03 * random.unit());
            let noise = scale * self.spread * normal(random) + error * normal(random);
            let lie = if is_liar { self.lie[at] } else { 0.0 };
            // In the order of three digits, as somebody would write it down.
            let rounded = |value: f64| (value * 1000.0).round() / 1000.0;
            Stated {
                metric: (*metric).to_owned(),
                estimate: rounded(self.truth[at] + lie + noise),
                scale: Scale::of(metric).name().to_owned(),
                std_error: Some(rounded(error).max(0.001)),
                better: "higher".to_owned(),
                ..Stated::default()
            }
        });
        let class = if place.is_multiple_of(2) { "one large machine" } else { "several small machines" };
        Report {
            title: format!("Replication by organisation {:02}", place + 1),
            organisation: organisation(place),
            operator: None,
            reported: format!("2026-{:02}-{:02}", 1 + place / 3, 3 + 9 * (place % 3)),
            source: "simulated".to_owned(),
            protocol: "1".to_owned(),
            setting: Setting::Live,
            note: is_liar.then(|| "A planted liar: what it says is not what it found.".to_owned()),
            corrects: None,
            withdrawn: None,
            excluded: None,
            moderators: BTreeMap::from([("hardware".to_owned(), class.to_owned())]),
            effects: effects.collect(),
        }
    }

    fn mess(&self, reports: &mut BTreeMap<String, Report>, random: &mut Philox) {
        let mut first = self.report(0, false, random);
        "2026-01-02".clone_into(&mut first.reported);
        first.note = Some("Read off the wrong dashboard, as organisation 01 found out itself.".to_owned());
        reports.insert("organisation-01-first".to_owned(), first);
        if let Some(corrected) = reports.get_mut("organisation-01") {
            corrected.corrects = Some("organisation-01-first".to_owned());
        }
        let mut taken_back = self.report(2, false, random);
        "2026-01-15".clone_into(&mut taken_back.reported);
        taken_back.withdrawn = Some("the control services had been counted twice".to_owned());
        reports.insert("organisation-03-withdrawn".to_owned(), taken_back);
        let mut stranger = self.report(20, false, random);
        "Somebody else".clone_into(&mut stranger.organisation);
        reports.insert("somebody-else".to_owned(), stranger);
        let mut other_protocol = self.report(4, false, random);
        "0".clone_into(&mut other_protocol.protocol);
        "2025-12-20".clone_into(&mut other_protocol.reported);
        reports.insert("organisation-05-old-protocol".to_owned(), other_protocol);
    }
}

/// By the sum of twelve: good enough for an example.
fn normal(random: &mut Philox) -> f64 {
    (0..12).map(|_| random.unit()).sum::<f64>() - 6.0
}
