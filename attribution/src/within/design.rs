//! Which services are compared over which weeks, and what such a design can carry.

use std::collections::{BTreeMap, BTreeSet};

use lake::Instant;
use serde::Serialize;

use super::adoption::Adoption;
use super::history::History;
use super::terms::{Others, Terms};
use crate::DesignGrade;

/// Fewer days than these on a side are no side.
pub(crate) const FEWEST_DAYS: f64 = 28.0;
/// Fewer points than these on a side are no series.
pub(crate) const FEWEST_POINTS: usize = 12;

/// One service beside one date: the weeks before it and the weeks after it, as `[from, to)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Its place in the history.
    #[serde(skip)]
    pub(crate) service: usize,
    /// Its name.
    pub name: String,
    /// Whether it took the practice up at the date.
    pub is_treated: bool,
    /// The weeks before.
    pub before: (usize, usize),
    /// The weeks after.
    pub after: (usize, usize),
    /// The week from which on those that began at this date no longer worked so; past all weeks where they went on.
    #[serde(skip)]
    pub(crate) given_up: usize,
}

/// The services that took it up in one week, and those that had not and would not within the weeks that are compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cohort {
    /// The first of the dates in that week.
    pub date: Instant,
    /// The first week that counts as after.
    pub first_after: usize,
    /// The services.
    pub places: Vec<Place>,
}

impl Cohort {
    pub(crate) fn of(&self, is_treated: bool) -> impl Iterator<Item = &Place> {
        self.places.iter().filter(move |place| place.is_treated == is_treated)
    }
}

/// Who is compared with whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Design {
    /// One for each week in which somebody began.
    pub cohorts: Vec<Cohort>,
    /// Services that are in no comparison, with the reason.
    pub left_out: Vec<(String, String)>,
    /// Whether services began in more than one week.
    pub is_staggered: bool,
    /// Whether some date has others beside those that began.
    pub is_controlled: bool,
}

impl Design {
    /// Lays out the comparison. `history` gives the weeks; which of them a metric can use is looked at later.
    #[must_use]
    pub fn of(history: &History, adoption: &Adoption, terms: &Terms) -> Self {
        let window = usize::try_from(terms.window_weeks).unwrap_or(usize::MAX);
        Self::with(history, adoption, window, terms.others)
    }

    pub(crate) fn with(history: &History, adoption: &Adoption, window: usize, others: Others) -> Self {
        let mut left_out: BTreeMap<String, String> = BTreeMap::new();
        // Who gave it up again is compared over fewer weeks, and the others over the same ones.
        let mut begun: BTreeMap<(usize, usize), Vec<(usize, Instant)>> = BTreeMap::new();
        for (place, service) in history.services.iter().enumerate() {
            let Some(began) = adoption.began.get(&service.service) else { continue };
            let (before, after) = history.around(*began);
            if before == 0 {
                left_out.insert(service.service.clone(), "it had begun before the first week".to_owned());
            } else if after >= history.weeks.len() {
                left_out.insert(service.service.clone(), "it begins after the last week".to_owned());
            } else {
                let given_up =
                    adoption.ended.get(&service.service).map_or(usize::MAX, |ended| history.around(*ended).0);
                begun.entry((after, given_up.max(after))).or_default().push((place, *began));
            }
        }
        let mut cohorts = Vec::new();
        let mut compared: BTreeSet<&str> = BTreeSet::new();
        for ((first_after, given_up), treated) in &begun {
            let date = treated.iter().map(|(_, began)| *began).min().unwrap_or(Instant(0));
            let before_end = history.around(date).0.min(*first_after);
            let before = (before_end.saturating_sub(window), before_end);
            let after_end = first_after.saturating_add(window).min(history.weeks.len()).min(*given_up);
            let after = (*first_after, after_end.max(*first_after));
            let span = (history.weeks[before.0].start, history.weeks[after.1.max(*first_after + 1) - 1].end);
            let mut places = Vec::new();
            for (place, service) in history.services.iter().enumerate() {
                let name = &service.service;
                let is_treated = treated.iter().any(|(own, _)| own == &place);
                let began = |began: &Instant| *began < span.1 || others == Others::Never;
                if !is_treated && adoption.began.get(name).is_some_and(began) {
                    continue;
                }
                if service.covariates.is_none() {
                    left_out.insert(name.clone(), "an attribute of it that is considered is not known".to_owned());
                    continue;
                }
                if let Some(other) = adoption.meanwhile(name, span.0, span.1) {
                    left_out.insert(name.clone(), format!("it {other} within the weeks that are compared"));
                    continue;
                }
                places.push(Place {
                    service: place,
                    name: name.clone(),
                    is_treated,
                    before,
                    after,
                    given_up: *given_up,
                });
            }
            if places.iter().any(|place| place.is_treated) {
                compared.extend(places.iter().map(|place| history.services[place.service].service.as_str()));
                cohorts.push(Cohort { date, first_after: *first_after, places });
            }
        }
        left_out.retain(|service, _| !compared.contains(service.as_str()));
        Self {
            is_staggered: cohorts.windows(2).any(|pair| pair[0].first_after != pair[1].first_after),
            is_controlled: cohorts.iter().any(|cohort| cohort.of(false).next().is_some()),
            cohorts,
            left_out: left_out.into_iter().collect(),
        }
    }

    /// How many services took it up.
    #[must_use]
    pub fn treated(&self) -> usize {
        self.names(true).len()
    }

    /// The services that took it up, or those they are compared with.
    #[must_use]
    pub fn names(&self, is_treated: bool) -> BTreeSet<&str> {
        self.cohorts.iter().flat_map(|cohort| cohort.of(is_treated)).map(|place| place.name.as_str()).collect()
    }

    /// What the design can carry, where a series without a control has so many points on its shorter side.
    #[must_use]
    pub fn grade(&self, is_randomised: bool, points_each_side: usize) -> DesignGrade {
        match (self.is_controlled, self.is_staggered) {
            (true, _) if is_randomised => DesignGrade::A,
            (true, true) => DesignGrade::B,
            (true, false) => DesignGrade::C,
            (false, _) if points_each_side >= FEWEST_POINTS && !self.is_staggered => DesignGrade::D,
            (false, _) => DesignGrade::E,
        }
    }
}
