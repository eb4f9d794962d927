//! Estimators and their intervals: slices in, structs out.
//!
//! Every function here is pure. The same numbers give the same answer whatever their order, the number of threads or
//! the machine: sums run in sorted order, transcendental functions come from `libm`, and randomness comes from a seed
//! that the caller passes. A question without an answer is an error, never a NaN.
//!
//! | question | function |
//! | --- | --- |
//! | how sure is a share? | [`wilson_interval`], [`clopper_pearson_interval`] |
//! | how sure is a rate? | [`frequency_interval`], [`poisson_interval`], [`quasi_poisson_interval`] |
//! | and when some periods were not watched whole? | [`frequency_interval_with_rest`] |
//! | what is the quantile of complete data? | [`quantile`], [`quantile_i64`], [`median_lower`], [`median_lower_i64`] |
//! | what is the quantile when some have not ended yet? | [`KaplanMeier`] |
//! | and when only a later part of the time is censored? | [`CensoredQuantile`] |
//! | how sure is a statistic of data that come in groups? | [`cluster_bootstrap_bca`] |
//! | and a quantile of data in groups of which a later part is censored? | [`censored_quantile_bca`], [`censored_quantiles_bca`] |
//! | and of which some have not ended yet? | [`kaplan_meier_quantile_bca`], [`kaplan_meier_quantiles_bca`] |

mod bootstrap;
mod censored_quantile;
mod distributions;
mod interval;
mod linear;
mod proportions;
mod quantiles;
mod random;
mod rates;
mod step_function;
mod survival;

pub use bootstrap::{
    Bca, BootstrapError, ResamplePlace, basic_interval, bca_interval, cluster_bootstrap, cluster_bootstrap_bca,
    percentile_interval,
};
pub use censored_quantile::{
    CensoredBootstrapError, CensoredQuantile, CensoredQuantileError, Completion, Subject, censored_quantile_bca,
    censored_quantiles_bca,
};
pub use distributions::{
    DistributionError, beta_quantile, chi_squared_quantile, chi_squared_upper_tail, f_quantile, f_upper_tail,
    gamma_quantile, normal_quantile, normal_upper_tail, student_t_quantile, student_t_upper_tail,
};
pub use interval::{ConfidenceError, Interval};
pub use linear::LinearError;
pub use proportions::{ProportionError, clopper_pearson_interval, wilson_interval};
pub use quantiles::{
    QuantileError, median_lower, median_lower_i64, quantile, quantile_i64, quantile_i64_in_place, quantile_in_place,
    quantile_of_sorted,
};
pub use random::Philox;
pub use rates::{
    FrequencyInterval, FrequencyMethod, RateError, Rest, frequency_interval, frequency_interval_with_rest,
    pearson_dispersion, poisson_interval, quasi_poisson_interval,
};
pub use step_function::QuantileEstimate;
pub use survival::{
    KaplanMeier, QuantileInterval, RestrictedMean, SurvivalBootstrapError, SurvivalError, SurvivalStep,
    kaplan_meier_quantile_bca, kaplan_meier_quantiles_bca,
};
