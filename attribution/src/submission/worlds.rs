//! Streams of events for tests: honest ones of several kinds, all of them invented.

use stats::Philox;

use super::Streams;

pub(crate) const HOUR: f64 = 3_600.0;
pub(crate) const DAY: f64 = 86_400.0;
/// Where they begin, a Monday.
pub(crate) const START: f64 = 1_767_571_200.0;

/// How honest events come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// At any time.
    Poisson,
    /// In bursts: each event brings others within minutes.
    Bursts,
    /// In working hours of working days.
    WorkingHours,
    /// Every working day at ten, give or take a minute: a release train.
    Train,
    /// At whole hours: a nightly or hourly job.
    Scheduled,
}

pub(crate) const KINDS: [Kind; 5] = [Kind::Poisson, Kind::Bursts, Kind::WorkingHours, Kind::Train, Kind::Scheduled];

/// The waiting time until the next of events that come so often a day.
pub(crate) fn waiting(random: &mut Philox, per_day: f64) -> f64 {
    -(1.0 - random.unit()).ln() / per_day * DAY
}

/// One stream.
pub(crate) fn stream(random: &mut Philox, kind: Kind, weeks: u32, per_day: f64) -> Vec<i64> {
    let end = START + f64::from(weeks) * 7.0 * DAY;
    let (mut times, mut at) = (Vec::new(), START);
    loop {
        at += waiting(random, per_day);
        if at >= end {
            break;
        }
        let hour = (at % DAY) / HOUR;
        let is_working_day = ((at - START) / DAY) % 7.0 < 5.0;
        match kind {
            Kind::Poisson => times.push(at),
            Kind::Bursts => {
                times.push(at);
                while random.unit() < 0.6 {
                    times.push(at + 600.0 * random.unit());
                }
            }
            Kind::WorkingHours => times.extend((is_working_day && (8.0..18.0).contains(&hour)).then_some(at)),
            Kind::Train | Kind::Scheduled => {}
        }
    }
    if let Kind::Train | Kind::Scheduled = kind {
        for day in (0..weeks * 7).filter(|day| day % 7 < 5) {
            let noise = if matches!(kind, Kind::Train) { 60.0 * random.unit() } else { 0.0 };
            times.push(START + f64::from(day) * DAY + 10.0 * HOUR + noise);
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "times of this century")]
    times.iter().map(|at| at.floor() as i64).collect()
}

/// A submission of services that deploy in one way, each at its own rate.
pub(crate) fn world(seed: u64, kind: Kind, services: u64) -> Streams {
    let own = (0..services).map(|service| {
        let mut random = Philox::new(seed, service);
        let per_day = 0.5 + 2.0 * random.unit();
        (format!("deployments of `s{service}`"), stream(&mut random, kind, 26, per_day))
    });
    Streams::new(own)
}
