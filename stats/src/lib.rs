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
//! | and a quantile of data in groups of which a later part is censored? | [`censored_quantile_bca`] |
//! | and of which some have not ended yet? | [`kaplan_meier_quantile_bca`] |
//! | what changed in one series at one date? | [`InterruptedSeries`], [`LocalLevel`] |
//! | what did a treatment do that units took up at different dates? | [`GroupTimeEffects`] |
//! | and by a second look? | [`imputation_effect`], [`sun_abraham`]; as a contrast [`two_way_fixed_effects`] |
//! | and to counts, as a ratio? | [`count_effect`] |
//! | and would its dates, dealt out to other units, show as much? | [`placebo_adoption`] |
//! | how often does a procedure find an effect before there was any? | [`placebo_dates`] |

mod bootstrap;
mod censored_quantile;
mod count_effect;
mod distributions;
mod golden;
mod interrupted_series;
mod interval;
mod linear;
mod local_level;
mod panel;
mod placebo;
mod proportions;
mod quantiles;
mod random;
mod rates;
mod staggered;
mod step_function;
mod survival;
mod wald;

pub use bootstrap::{
    Bca, BootstrapError, ResamplePlace, basic_interval, bca_interval, cluster_bootstrap, cluster_bootstrap_bca,
    percentile_interval,
};
pub use censored_quantile::{
    CensoredBootstrapError, CensoredQuantile, CensoredQuantileError, Completion, Subject, censored_quantile_bca,
};
pub use count_effect::{CountEffect, CountEffectError, CountModel, count_effect};
pub use distributions::{
    DistributionError, beta_quantile, chi_squared_quantile, chi_squared_upper_tail, f_quantile, f_upper_tail,
    gamma_quantile, normal_quantile, normal_upper_tail, student_t_quantile, student_t_upper_tail,
};
pub use interrupted_series::{
    CounterfactualPoint, InterruptedSeries, Likelihood, ResidualTest, RobustCovariance, SeriesError, SeriesFit,
};
pub use interval::{ConfidenceError, Interval};
pub use linear::LinearError;
pub use local_level::{LevelAt, LocalLevel, LocalLevelError};
pub use panel::{Panel, PanelError, PanelUnit};
pub use placebo::{
    PlaceboDate, PlaceboDates, PlaceboError, PlaceboStatistic, PlaceboTest, placebo_adoption, placebo_dates,
};
pub use proportions::{ProportionError, clopper_pearson_interval, wilson_interval};
pub use quantiles::{
    QuantileError, median_lower, median_lower_i64, quantile, quantile_i64, quantile_i64_in_place, quantile_in_place,
};
pub use random::Philox;
pub use rates::{
    FrequencyInterval, FrequencyMethod, RateError, Rest, frequency_interval, frequency_interval_with_rest,
    pearson_dispersion, poisson_interval, quasi_poisson_interval,
};
pub use staggered::{
    Adjustment, BasePeriod, Controls, EffectAt, EffectsAt, GroupTimeEffect, GroupTimeEffects, Imputation, LeadTest,
    StaggeredError, StaggeredPlan, imputation_effect, sun_abraham, two_way_fixed_effects,
};
pub use step_function::QuantileEstimate;
pub use survival::{
    KaplanMeier, QuantileInterval, RestrictedMean, SurvivalBootstrapError, SurvivalError, SurvivalStep,
    kaplan_meier_quantile_bca,
};
pub use wald::{Wald, WaldError};
