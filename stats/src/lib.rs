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
//! | do two shares differ, by how much, and by less than a margin? | [`risk_difference_interval`], [`risk_difference_test`], [`newcombe_interval`], [`fisher_exact_test`] |
//! | and as a ratio? | [`risk_ratio_interval`], [`odds_ratio_interval`] |
//! | and over strata that differ? | [`stratified_risk_difference_interval`], [`stratified_risk_difference_test`], [`mantel_haenszel_risk_difference`] |
//! | do two rates differ? | [`rate_ratio_exact_interval`], [`rate_ratio_exact_test`], [`rate_ratio_score_interval`], [`rate_ratio_score_test`], [`rate_difference_score_interval`] |
//! | what explains counts that vary more than Poisson counts? | [`CountRegression`] |
//! | and shares of trials that come in groups? | [`ShareRegression`] |
//! | what is the quantile of complete data? | [`quantile`], [`quantile_i64`], [`median_lower`], [`median_lower_i64`] |
//! | what is the quantile when some have not ended yet? | [`KaplanMeier`] |
//! | and when only a later part of the time is censored? | [`CensoredQuantile`] |
//! | what share has had an event, where another may come first? | [`CumulativeIncidence`], [`incidence_difference`] |
//! | how sure is a statistic of data that come in groups? | [`cluster_bootstrap_bca`] |
//! | and a quantile of data in groups of which a later part is censored? | [`censored_quantile_bca`], [`censored_quantiles_bca`] |
//! | and of which some have not ended yet? | [`kaplan_meier_quantile_bca`], [`kaplan_meier_quantiles_bca`] |
//! | how large is an effect that two groups show? | [`log_risk_ratio`], [`log_odds_ratio`], [`risk_difference`], [`log_rate_ratio`], [`log_ratio_of_means`], [`standardised_mean_difference`] |
//! | how much higher, or by what ratio, does one sample lie? | [`hodges_lehmann_shift`], [`hodges_lehmann_ratio`] |
//! | which of two samples tends to be larger? | [`RankComparison`]; of pairs [`SignedRank`] |
//! | how do the means of two samples differ? | [`welch_difference`], [`log_ratio_of_geometric_means`], [`yuen_difference`]; of pairs [`paired_difference`] |
//! | and with covariates, where several outcomes come from one unit? | [`ClusteredRegression`] |
//! | is an effect within margins? | [`equivalence_test`] |
//! | how strong would something unseen have to be to explain it away? | [`e_value`], [`e_value_of_standardised_difference`], [`e_value_of_risk_difference`] |
//! | which of several tests may be claimed? | [`adjusted_p_values`], [`combined_p_value`] |
//! | and of their quantiles, where values come in units? | [`quantile_ratio`] |
//! | would chance alone show as large a difference? | [`permutation_test`], [`stratified_permutation_test`] |
//! | how sure is the mean of a series whose neighbours are alike? | [`circular_block_bootstrap`], [`bootstrap_standard_error`] |
//! | how much must be observed, and what could be seen in what is? | [`sample_size_of_log_ratio`], [`exposure_for_rate_ratio`], [`sample_size_of_shares`]; [`detectable_log_ratio`], [`detectable_rate_ratio`], [`detectable_share`] |
//! | what do many effects say together? | [`pool`], [`Pooled::interval`] |
//! | and what would one more place see? | [`pivotal_prediction_interval`], [`Pooled::prediction_interval`] |
//! | how much do they differ? | [`tau2_restricted_likelihood`], [`tau2_dersimonian_laird`], [`tau2_paule_mandel`], [`tau2_interval`] |
//! | which of them carry the answer? | [`leave_one_out`], [`influence`], [`cumulative_pool`], [`shrunken_effects`] |
//! | does something known about the places explain it? | [`meta_regression`] |
//! | and when several effects come from one place? | [`collapse`], [`three_level`] |
//! | do small studies say something else? | [`egger_test`], [`egger_mixed_test`], [`peese_test`], [`begg_rank_test`], [`trim_and_fill`], [`selection_model`], [`henmi_copas_interval`], [`fail_safe_n`] |
//! | is there any effect, by symmetry alone? | [`sign_flip_test`] |
//! | what is the centre when a few of the values lie? | [`trimmed_mean_interval`], [`trimmed_mean`], [`winsorized_mean`], [`geometric_median`], [`median_of_units`], [`fault_tolerant_intersection`] |
//! | how far could so many liars move it? | [`reachable_trimmed_mean`], [`reachable_median`] |
//! | what do others do about liars? | [`krum`], [`multi_krum`], [`nearest_neighbour_mixing`], [`mean_around_median`], [`minimum_diameter_mean`], [`median_of_bounds`], [`lower_weighted_median`] |
//! | how many must agree? | [`quorum`] |
//! | what holds whichever few of the values are lies? | [`leave_out_hull`], [`leave_out_p_value`], [`pooled_hull`] |
//! | how many lies does a conclusion bear, and whose withdrawal blocks it? | [`sound_against`], [`fewest_withdrawals`], [`smallest_blocking_set`] |
//! | did a replication succeed? | [`ReplicationPair`], [`sceptical_p_value`], [`sceptical_level`], [`edgington_p_value`], [`replication_probability`] |
//! | do all studies point the same way? | [`HarmonicMean`] |
//! | may I look whenever I like? | [`confidence_sequence`], [`NormalMixture`], [`MixtureTest`], [`stitched_boundary`], [`gamma_exponential_boundary`] |
//! | and when the looks are declared? | [`Looks`] |
//! | which of two rates of success is it, as early as can be? | [`RatioTest`] |
//! | which of two arms waits longer, up to a horizon? | [`restricted_mean_contrast`], [`stratified_restricted_mean`], [`restricted_mean_ratio_bca`] |
//! | and by a median or another quantile? | [`quantile_ratio_bca`] |
//! | do groups have one hazard? | [`log_rank`], [`log_rank_stratified`] |
//! | by what ratio do hazards differ, covariates considered? | [`ProportionalHazards`] |
//! | what changed in one series at one date? | [`InterruptedSeries`], [`LocalLevel`] |
//! | by how much did units change beyond others, at one date or several? | [`change_contrast`], [`change_contrast_of_counts`]; covariates considered [`change_contrast_adjusted`], [`change_contrast_of_counts_adjusted`] |
//! | and by restricted means or quantiles of times? | [`curve_change`] |
//! | what did a treatment do that units took up at different dates? | [`GroupTimeEffects`] |
//! | and by a second look? | [`imputation_effect`], [`sun_abraham`]; as a contrast [`two_way_fixed_effects`] |
//! | and one or two units, against a mixture of others? | [`synthetic_control`], [`placebo_units`], [`synthetic_difference`], [`placebo_variance`] |
//! | and to counts, as a ratio? | [`count_effect`] |
//! | and would its dates, dealt out to other units, show as much? | [`placebo_adoption`] |
//! | how often does a procedure find an effect before there was any? | [`placebo_dates`] |

mod block_bootstrap;
mod bootstrap;
mod censored_quantile;
mod change_contrast;
mod clustered_regression;
mod competing_risks;
mod confidence_sequence;
mod count_effect;
mod count_regression;
mod distributions;
mod e_value;
mod effect_sizes;
mod equivalence;
mod exact_table;
mod glm;
mod interrupted_series;
mod interval;
mod leave_f_out;
mod linear;
mod local_level;
mod log_rank;
mod means;
mod meta_analysis;
mod multiplicity;
mod numeric;
mod panel;
mod permutation;
mod placebo;
mod power;
mod proportional_hazards;
mod proportions;
mod quantile_ratio;
mod quantiles;
mod random;
mod ranks;
mod rates;
mod ratio_interval;
mod replicates;
mod replication;
mod robust_location;
mod score;
mod share_regression;
mod staggered;
mod step_function;
mod survival;
mod synthetic_control;
mod two_proportions;
mod two_rates;
mod wald;

pub use block_bootstrap::{circular_block_bootstrap, circular_block_mean};
pub use bootstrap::{
    Bca, BootstrapError, ResamplePlace, basic_interval, bca_interval, bootstrap_standard_error, cluster_bootstrap,
    cluster_bootstrap_bca, cluster_bootstrap_on, percentile_interval,
};
pub use censored_quantile::{
    CensoredBootstrapError, CensoredQuantile, CensoredQuantileError, Completion, Subject, censored_quantile_bca,
    censored_quantiles_bca,
};
pub use change_contrast::{
    ChangeContrast, ChangeContrastError, ChangeSpread, UnitChange, UnitCounts, change_contrast,
    change_contrast_adjusted, change_contrast_of_counts, change_contrast_of_counts_adjusted,
};
pub use clustered_regression::{ClusteredError, ClusteredRegression};
pub use competing_risks::{
    CumulativeIncidence, EndKind, IncidenceError, IncidenceShare, IncidenceStep, incidence_difference,
};
pub use confidence_sequence::{
    Look, Looks, MixtureTest, NormalMixture, RatioDecision, RatioTest, SequentialError, SequentialRatio,
    confidence_sequence, gamma_exponential_boundary, stitched_boundary,
};
pub use count_effect::{CountEffect, CountEffectError, CountModel, count_effect};
pub use count_regression::{CountCovariance, CountDispersion, CountRegression, CountRegressionError};
pub use distributions::{
    DistributionError, beta_quantile, chi_squared_quantile, chi_squared_upper_tail, f_quantile, f_upper_tail,
    gamma_quantile, normal_quantile, normal_upper_tail, student_t_quantile, student_t_upper_tail,
};
pub use e_value::{
    EValue, EValueError, RatioKind, e_value, e_value_of_risk_difference, e_value_of_standardised_difference,
};
pub use effect_sizes::{
    EffectSize, EffectSizeError, Proportion, Summary, log_odds_ratio, log_rate_ratio, log_ratio_of_means,
    log_ratio_of_means_corrected, log_risk_ratio, risk_difference, standardised_mean_difference,
};
pub use equivalence::{Equivalence, EquivalenceError, equivalence_test};
pub use exact_table::{ExactTableError, FisherTest, fisher_exact_test};
pub use interrupted_series::{
    CounterfactualPoint, InterruptedSeries, Likelihood, ResidualTest, RobustCovariance, SeriesError, SeriesFit,
};
pub use interval::{ConfidenceError, Interval};
pub use leave_f_out::{
    BlockingSet, HullError, LeaveOutHull, PooledHull, Side, fewest_withdrawals, leave_out_hull, leave_out_p_value,
    pooled_hull, smallest_blocking_set, sound_against,
};
pub use linear::LinearError;
pub use local_level::{LevelAt, LocalLevel, LocalLevelError};
pub use log_rank::{ChiSquaredTest, GroupEvents, LogRank, LogRankError, LogRankWeight, log_rank, log_rank_stratified};
pub use means::{MeansError, log_ratio_of_geometric_means, paired_difference, welch_difference, yuen_difference};
pub use meta_analysis::{
    ClusterRobust, CollapseWeights, Collapsed, CombineError, FailSafe, HenmiCopas, HeterogeneityInterval,
    HeterogeneityTest, Influence, MetaRegression, MissingSide, Pooled, PooledMethod, PooledTest, PredictionFreedom,
    RankCorrelation, RegressionCoefficient, ReportedSide, SelectionModel, ShrunkenEffect, SmallStudyRegression,
    Tau2Method, ThreeLevel, TrimAndFill, TrimEstimator, begg_rank_test, collapse, cumulative_pool, egger_mixed_test,
    egger_test, fail_safe_n, henmi_copas_interval, influence, leave_one_out, meta_regression, peese_test,
    pivotal_prediction_interval, pool, selection_model, shrunken_effects, sign_flip_test, tau2_dersimonian_laird,
    tau2_interval, tau2_paule_mandel, tau2_restricted_likelihood, three_level, trim_and_fill,
};
pub use multiplicity::{Adjust, Combination, MultiplicityError, adjusted_p_values, combined_p_value};
pub use panel::{Panel, PanelError, PanelUnit};
pub use permutation::{
    PermutationError, PermutationTest, permutation_test, stratified_permutation_test, stratified_permutation_test_on,
};
pub use placebo::{
    PlaceboDate, PlaceboDates, PlaceboError, PlaceboStatistic, PlaceboTest, placebo_adoption, placebo_dates,
};
pub use power::{
    Detectable, PowerError, PowerPlan, detectable_log_ratio, detectable_rate_ratio, detectable_share,
    exposure_for_rate_ratio, sample_size_of_log_ratio, sample_size_of_shares,
};
pub use proportional_hazards::{HazardError, HazardSubject, ProportionalHazards, ProportionalityTest, Ties};
pub use proportions::{ProportionError, clopper_pearson_interval, wilson_interval};
pub use quantile_ratio::{Arm, ArmUnits, QuantileRatio, QuantileRatioError, quantile_ratio};
pub use quantiles::{
    QuantileError, median_lower, median_lower_i64, quantile, quantile_i64, quantile_i64_in_place, quantile_in_place,
    quantile_of_sorted,
};
pub use random::Philox;
pub use ranks::{
    HodgesLehmann, Pairs, RankComparison, RankError, RankMethod, RankTest, SignedRank, hodges_lehmann_ratio,
    hodges_lehmann_shift,
};
pub use rates::{
    FrequencyInterval, FrequencyMethod, RateError, Rest, frequency_interval, frequency_interval_with_rest,
    pearson_dispersion, poisson_interval, quasi_poisson_interval,
};
pub use ratio_interval::RatioInterval;
pub use replication::{
    HarmonicDirection, HarmonicMean, HarmonicWeights, Recalibration, ReplicationError, ReplicationPair,
    edgington_p_value, replication_probability, sceptical_level, sceptical_p_value, sceptical_z,
};
pub use robust_location::{
    Bounds, GeometricMedian, Krum, KrumNeighbours, Quorum, RobustError, TrimmedError, TrimmedMean,
    fault_tolerant_intersection, geometric_median, intersection, krum, lower_weighted_median, mean_around_median,
    median_of_bounds, median_of_units, minimum_diameter_mean, multi_krum, nearest_neighbour_mixing, quorum,
    reachable_median, reachable_trimmed_mean, trimmed_mean, trimmed_mean_interval, winsorized_mean,
};
pub use score::ScoreMethod;
pub use share_regression::{ShareCorrelation, ShareRegression, ShareRegressionError};
pub use staggered::{
    Adjustment, BasePeriod, Controls, EffectAt, EffectsAt, GroupTimeEffect, GroupTimeEffects, Imputation, LeadTest,
    StaggeredError, StaggeredPlan, imputation_effect, sun_abraham, two_way_fixed_effects,
};
pub use step_function::QuantileEstimate;
pub use survival::{
    ChangedSubject, ClusteredRatio, ContrastError, CurveChange, CurveSummary, KaplanMeier, QuantileInterval,
    RestrictedMean, RestrictedMeanContrast, StratifiedContrast, StratumWeight, SurvivalBootstrapError, SurvivalError,
    SurvivalStep, curve_change, kaplan_meier_quantile_bca, kaplan_meier_quantiles_bca, quantile_ratio_bca,
    restricted_mean_contrast, restricted_mean_ratio_bca, stratified_restricted_mean,
};
pub use synthetic_control::{
    PlaceboUnit, PlaceboUnits, PlaceboVariance, SyntheticControl, SyntheticError, WeightedDifference, placebo_units,
    placebo_variance, synthetic_control, synthetic_difference,
};
pub use two_proportions::{
    ScoreTest, TwoProportionError, mantel_haenszel_risk_difference, newcombe_interval, odds_ratio_interval,
    risk_difference_interval, risk_difference_test, risk_ratio_interval, stratified_risk_difference_interval,
    stratified_risk_difference_test,
};
pub use two_rates::{
    Rate, RateRatioTest, TwoRateError, rate_difference_score_interval, rate_ratio_exact_interval,
    rate_ratio_exact_test, rate_ratio_score_interval, rate_ratio_score_test,
};
pub use wald::{Wald, WaldError};
