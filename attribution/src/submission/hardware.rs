//! The machines a replication ran on: the least they must have, and the class they are in.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::manifest::{Hardware, Network};

/// The declared minimum that ships with the project.
const FILE: &str = include_str!("hardware.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    minimum: Minimum,
    classes: Vec<HardwareClass>,
}

static DECLARED: LazyLock<Declared> =
    LazyLock::new(|| toml::from_str(FILE).expect("the file that ships with the project is read by a test"));

/// The least that each machine must have.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Minimum {
    /// Memory.
    pub memory_gb: u32,
    /// Disk.
    pub disk_gb: u32,
    /// How it is connected.
    pub network: Network,
}

/// A class of hardware.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HardwareClass {
    /// Its name.
    pub name: String,
    /// It has at most so many machines.
    machines: Option<u32>,
    /// Each of at most so much memory.
    memory_gb: Option<u32>,
}

impl Minimum {
    /// That of this release.
    #[must_use]
    pub fn declared() -> Self {
        DECLARED.minimum
    }

    /// What falls short of it, in words.
    #[must_use]
    pub fn shortfalls(&self, hardware: &Hardware) -> Vec<String> {
        let short = |is_short: bool, words: String| is_short.then_some(words);
        [
            short(hardware.machines == 0, "no machine is declared".to_owned()),
            short(
                hardware.memory_gb < self.memory_gb,
                format!("{} GB of memory, and {} GB are the least", hardware.memory_gb, self.memory_gb),
            ),
            short(
                hardware.disk_gb < self.disk_gb,
                format!("{} GB of disk, and {} GB are the least", hardware.disk_gb, self.disk_gb),
            ),
            short(hardware.network != self.network, "the network is not wired".to_owned()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl HardwareClass {
    /// The class of these machines.
    #[must_use]
    pub fn of(hardware: &Hardware) -> &'static str {
        let holds = |class: &&HardwareClass| {
            class.machines.is_none_or(|most| hardware.machines <= most)
                && class.memory_gb.is_none_or(|most| hardware.memory_gb <= most)
        };
        DECLARED.classes.iter().find(holds).map_or("none", |class| class.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machines(machines: u32, memory_gb: u32) -> Hardware {
        Hardware { machines, memory_gb, disk_gb: 256, network: Network::Wired, cpu: "any".to_owned(), cpu_cores: 4 }
    }

    #[test]
    fn the_minimum_is_met_by_equality_and_missed_by_anything_less() {
        let minimum = Minimum::declared();
        assert_eq!(minimum.shortfalls(&machines(1, 16)), Vec::<String>::new());
        let wireless = Hardware { network: Network::Wireless, disk_gb: 255, ..machines(1, 15) };
        assert_eq!(minimum.shortfalls(&wireless).len(), 3);
        assert_eq!(minimum.shortfalls(&machines(0, 16)), ["no machine is declared"]);
    }

    #[test]
    fn machines_are_told_apart_by_number_and_size() {
        for (hardware, class) in [
            (machines(1, 16), "one small machine"),
            (machines(3, 64), "several small machines"),
            (machines(1, 65), "large"),
            (machines(9, 16), "large"),
        ] {
            assert_eq!(HardwareClass::of(&hardware), class, "{hardware:?}");
        }
    }
}
