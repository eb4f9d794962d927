//! Who there is: services, what is true of each, and people.

use lake::canonical::sha256;
use serde::Serialize;

use super::calendar::WEEK;
use super::config::{Config, Effects};
use super::random::{Draws, Purpose};

/// Name of the simulated practice.
pub(crate) const PRACTICE: &str = "multi-agent orchestration";
/// Version of the simulated practice.
pub(crate) const PRACTICE_VERSION: &str = "v1";
/// Forward rollouts per week of the busiest service, and of the quietest; between them one over the rank (Zipf).
const RATES: (f64, f64) = (14.0, 2.0);

const NAMES: [&str; 24] = [
    "atlas", "birch", "cedar", "delta", "ember", "fjord", "gale", "harbor", "iris", "juniper", "kelp", "lumen",
    "maple", "nova", "onyx", "pine", "quartz", "reef", "sable", "tide", "umber", "vale", "willow", "zephyr",
];

/// The numbers a service was made with, before an effect.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Planted {
    /// Forward rollouts (releases and changes of configuration) per week.
    pub rollouts_per_week: f64,
    /// Changes in a release, on average.
    pub changes_per_release: f64,
    /// Median change lead time, in hours.
    pub lead_time_median_hours: f64,
    /// Standard deviation of the logarithm of the lead time.
    pub lead_time_sigma: f64,
    /// Probability that a release, a change of configuration or a hotfix fails.
    pub change_fail_probability: f64,
    /// Median recovery time, in hours.
    pub recovery_median_hours: f64,
    /// Standard deviation of the logarithm of the recovery time.
    pub recovery_sigma: f64,
}

impl Planted {
    fn of_rank(rank: usize) -> Self {
        Self {
            rollouts_per_week: (RATES.0 / rank as f64).max(RATES.1),
            changes_per_release: 2.5,
            lead_time_median_hours: 40.0,
            lead_time_sigma: 0.8,
            change_fail_probability: 0.12,
            recovery_median_hours: 2.5,
            recovery_sigma: 0.8,
        }
    }

    /// The same numbers under `effects`.
    #[must_use]
    pub fn under(self, effects: Effects) -> Self {
        Self {
            rollouts_per_week: self.rollouts_per_week * effects.deployment_rate_factor,
            lead_time_median_hours: self.lead_time_median_hours * effects.lead_time_factor,
            change_fail_probability: (self.change_fail_probability * effects.change_fail_factor).min(0.9),
            recovery_median_hours: self.recovery_median_hours * effects.recovery_time_factor,
            ..self
        }
    }
}

/// One service.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) repository: String,
    /// When it adopts the practice, be it after the end.
    pub(crate) adopted_at: Option<i64>,
    pub(crate) before: Planted,
    pub(crate) after: Planted,
}

impl Service {
    pub(crate) fn has_adopted(&self, at: i64) -> bool {
        self.adopted_at.is_some_and(|adopted_at| at >= adopted_at)
    }

    /// What is true of the service at that time.
    pub(crate) fn planted(&self, at: i64) -> &Planted {
        if self.has_adopted(at) { &self.after } else { &self.before }
    }
}

/// The services. Neighbours in size form pairs, of which a coin chooses the one that adopts.
pub(crate) fn services(config: &Config) -> Vec<Service> {
    let mut adopting = 0;
    (0..usize::from(config.services))
        .map(|index| {
            let adopted_at = adopts(config, index).then(|| {
                let week = i64::from(config.intervention_week) + adopting * i64::from(config.stagger_weeks);
                adopting += 1;
                config.start().0 + week * WEEK
            });
            service(config, index, adopted_at)
        })
        .collect()
}

fn service(config: &Config, index: usize, adopted_at: Option<i64>) -> Service {
    let round = index / NAMES.len();
    let name = NAMES[index % NAMES.len()];
    let name = if round == 0 { name.to_owned() } else { format!("{name}-{}", round + 1) };
    let before = Planted::of_rank(index + 1);
    Service {
        index,
        repository: format!("simulated/{name}"),
        name,
        adopted_at,
        before,
        after: before.under(config.effects),
    }
}

/// Whether a service adopts. One without a partner does only where it is the only one.
fn adopts(config: &Config, index: usize) -> bool {
    let is_alone = index.is_multiple_of(2) && index + 1 == usize::from(config.services);
    if is_alone {
        return index == 0;
    }
    let first_adopts = Draws::new(config.seed, index / 2, Purpose::Adoption, 0).chance(0.5);
    first_adopts == index.is_multiple_of(2)
}

/// Who writes a change.
#[derive(Clone, Debug)]
pub(crate) struct Author {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) offset_minutes: i64,
}

/// Somebody of the service's team; agents write more of the changes once the practice is adopted.
pub(crate) fn author(service: &Service, has_adopted: bool, draws: &mut Draws) -> Author {
    let agents_below = if has_adopted { 0.6 } else { 0.3 };
    let way = draws.unit();
    let (kind, count, offset_minutes) = match way {
        way if way < 0.1 => ("dependency_bot", 1, 0),
        way if way < agents_below => ("agent", 3, 0),
        _ => ("human", 6, *draws.pick(&[0, 60, 60, 120])),
    };
    let number = draws.whole(1, count + 1);
    Author { id: pseudonym(&format!("{kind}-{number}@{}.simulated.invalid", service.name)), kind, offset_minutes }
}

/// The pseudonym of an address, as `commits` wants it.
pub(crate) fn pseudonym(address: &str) -> String {
    sha256(address.as_bytes())[..16].to_owned()
}
