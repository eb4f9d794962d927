//! Table `metrics`.

use crate::{Instant, contract::table};

table! {
    /// One number: a statistic of a metric over a window, for a service or a group of services.
    metrics v 2, Derived, key [
        metric, definition, service, environment, service_group, dimension, stratum, window_kind, window_start_at,
        statistic, as_of_at, input_digest
    ] {
        /// Metric.
        metric: String,
        /// Definition that gave the number, as `id@version`.
        definition: String,
        /// Service; null for a group, which is pooled from rows.
        service: Option<String>,
        /// Environment.
        environment: String,
        /// Group of services (`all`, a team); null for a single service.
        service_group: Option<String>,
        /// What the number is split by, such as `author_kind`; null for the whole.
        dimension: Option<String>,
        /// The part it is of, such as `agent`; `mixed` for rollouts that carried several, `none` for those that carried
        /// no change. Where everything is in one part only the whole has numbers.
        stratum: Option<String>,
        /// `period` for the whole range; `week`, `month`, `quarter` or `train` for one of its windows; `before` and
        /// `after` around an intervention.
        window_kind: String,
        /// Start of the window.
        window_start_at: Instant,
        /// End of the window, excluded.
        window_end_at: Instant,
        /// Which statistic, such as `rate`, `p50` or `count`.
        statistic: String,
        /// The number; null where there is no data, never 0 for it.
        value: Option<f64>,
        /// The number is only known to be greater than this: the data end before the curve reaches the quantile.
        above: Option<f64>,
        /// Unit of `value`.
        unit: String,
        /// How many observations stand behind it.
        n: i64,
        /// Lower end of the interval, in the unit of `value`.
        ci_low: Option<f64>,
        /// Upper end; null with a method named means that the data do not bound it.
        ci_high: Option<f64>,
        /// How the interval was made, or why there is none.
        ci_method: String,
        /// Share of the window that was read, from 0 to 1.
        coverage_rate: f64,
        /// The window ends so close to the as-of time that late records may still change it.
        is_immature: bool,
        /// Until when the data were looked at.
        as_of_at: Instant,
        /// Digest of the canonical form of the input tables.
        input_digest: String,
    }
}
