//! Regression of hazards on covariates: proportional hazards with ties, strata and clusters.

use nalgebra::{DMatrix, DVector};

use crate::distributions::DistributionError;
use crate::linear::sandwich;
use crate::log_rank::{ChiSquaredTest, positive_definite, quadratic_form};
use crate::survival::{KaplanMeier, SurvivalError};
use crate::wald::Wald;

mod risk;
#[cfg(test)]
mod tests;

use risk::{Likelihood, Problem};

/// Steps of Newton's method at most.
const STEPS: usize = 100;

/// Halvings of one step at most.
const HALVINGS: usize = 40;

/// A step that moves no coefficient by more than this, for covariates of standard deviation 1, is the last one.
const LAST_STEP: f64 = 1e-9;

/// Log hazards of two subjects that differ by more than this are on their way to infinity.
const LARGEST_SPREAD: f64 = 30.0;

/// Why hazards have no regression.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum HazardError {
    /// The durations are not possible.
    #[error(transparent)]
    Survival(#[from] SurvivalError),
    /// A subject has another number of covariates than the first one, or none.
    #[error("subject `{subject}` has `{covariates}` covariates, the first subject has `{expected}`; one is the least")]
    Covariates {
        /// Its place, from 0.
        subject: usize,
        /// How many covariates it has.
        covariates: usize,
        /// How many the first subject has.
        expected: usize,
    },
    /// A covariate is not finite.
    #[error("a covariate of subject `{subject}` is not finite")]
    NotFinite {
        /// Its place, from 0.
        subject: usize,
    },
    /// Nobody has the event.
    #[error("no subject has the event")]
    NoEvents,
    /// A covariate is a combination of those before it among all that are at risk together.
    #[error("covariate `{covariate}` does not vary, beyond the covariates before it, among those at risk at an event")]
    Collinear {
        /// Its place, from 0.
        covariate: usize,
    },
    /// The likelihood rises without end: some combination of covariates puts the subject with the event first each time.
    #[error("the likelihood rises for ever as the coefficient of covariate `{covariate}` grows: no estimate is finite")]
    Monotone {
        /// The covariate, from 0, whose coefficient, for a standard deviation of 1, had gone farthest.
        covariate: usize,
    },
    /// Newton's method did not settle.
    #[error("the likelihood was not at its top after `{steps}` steps")]
    NotSettled {
        /// How many steps were taken.
        steps: usize,
    },
    /// There are too few clusters for a variance between them.
    #[error("`{coefficients}` coefficients need more clusters than that for a robust variance, got `{clusters}`")]
    TooFewClusters {
        /// How many clusters there are.
        clusters: usize,
        /// How many coefficients there are.
        coefficients: usize,
    },
    /// A variance is not positive.
    #[error("the variance of coefficient `{covariate}` is not positive")]
    NoSpread {
        /// The coefficient, from 0.
        covariate: usize,
    },
    /// A tail could not be computed.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
}

/// What is known of one subject.
#[derive(Debug, Clone, PartialEq)]
pub struct HazardSubject {
    /// How long it was followed.
    pub duration: f64,
    /// Whether it then had the event; otherwise the event is still awaited.
    pub observed: bool,
    /// What is known of it from the start.
    pub covariates: Vec<f64>,
    /// Subjects of one stratum share a baseline hazard, of any shape.
    pub stratum: u64,
    /// Subjects of one name may depend on one another; a subject without a name is a cluster of its own.
    pub cluster: Option<u64>,
}

impl HazardSubject {
    /// A subject of stratum 0, its own cluster.
    #[must_use]
    pub fn new(duration: f64, observed: bool, covariates: Vec<f64>) -> Self {
        Self { duration, observed, covariates, stratum: 0, cluster: None }
    }
}

/// How events of one time share their likelihood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ties {
    /// On average each leaves while the others are still there in part: near to the exact likelihood.
    Efron,
    /// All leave while all are still there: biased towards 0 where many tie.
    Breslow,
}

/// Whether the effect of covariates changes over time.
#[derive(Debug, Clone, PartialEq)]
pub struct ProportionalityTest {
    /// For each covariate, the test that its coefficient does not change.
    pub covariates: Vec<ChiSquaredTest>,
    /// The test that none of them does.
    pub together: ChiSquaredTest,
}

/// A regression of log hazards on covariates.
///
/// # Model
/// ```text
/// h(t | z, s) = h_s(t) exp(βᵀz)
/// ```
/// The baseline `h_s` of a stratum is free. Censoring is independent of the event given covariates and stratum.
///
/// # Formula
/// ```text
/// ℓ(β) = Σ_t [ Σ_{i in D(t)} βᵀzᵢ − Σ_{l=0}^{d−1} ln(S₀(t) − c_l S₀ᴰ(t)) ]      c_l = l/d (Efron) or 0 (Breslow)
/// ```
/// `D(t)` are the `d` subjects with the event at `t`; `S₀` sums `exp(βᵀz)` over those of the stratum at risk, `S₀ᴰ` over
/// `D`. Newton's method from 0 with steps halved until `ℓ` does not fall, on covariates of mean 0 and standard deviation 1;
/// it ends with the first step that moves no such coefficient by more than 1e-9.
///
/// # Use with care
/// A hazard ratio is no ratio of durations, and averages over time what may change in time; see
/// [`Self::proportionality`], and [`restricted_mean_contrast`](crate::restricted_mean_contrast) for an answer in hours. A
/// likelihood without a top is an error, [`HazardError::Monotone`]: log hazards of two subjects that differ by more than 30
/// count as that.
///
/// # Examples
/// ```
/// use stats::{HazardSubject, ProportionalHazards, Ties};
/// let subject = |hours, is_treated: bool| HazardSubject::new(hours, true, vec![f64::from(u8::from(is_treated))]);
/// let subjects = [subject(1.0, true), subject(2.0, false), subject(3.0, true), subject(4.0, false)];
/// let fit = ProportionalHazards::fit(&subjects, Ties::Efron)?;
/// // With x = exp(β): x/(2x + 2) · 1/(x + 2) · x/(x + 1), at its top where x² = x + 4.
/// let x = 0.5 * (1.0 + 17.0_f64.sqrt());
/// assert!((fit.coefficients()[0] - x.ln()).abs() < 1e-9);
/// # Ok::<(), stats::HazardError>(())
/// ```
///
/// # References
/// Cox (1972), Journal of the Royal Statistical Society B 34, 187–220. Efron (1977), Journal of the American Statistical
/// Association 72, 557–565. Breslow (1974), Biometrics 30, 89–99. Heinze & Schemper (2001), Biometrics 57, 114–119
/// (likelihoods without a top).
#[derive(Debug, Clone, PartialEq)]
pub struct ProportionalHazards {
    problem: Problem,
    /// For covariates of mean 0 and standard deviation 1.
    standard: DVector<f64>,
    at_zero: Likelihood,
    at_top: Likelihood,
    /// Inverse of the information, for standard covariates.
    inverse: DMatrix<f64>,
    coefficients: Vec<f64>,
}

impl ProportionalHazards {
    /// Fits the coefficients.
    ///
    /// # Errors
    /// [`HazardError`] when a subject is not possible, nobody has the event, a covariate does not vary among those at risk,
    /// or the likelihood has no top.
    pub fn fit(subjects: &[HazardSubject], ties: Ties) -> Result<Self, HazardError> {
        check(subjects)?;
        let problem = Problem::of(subjects, ties)?;
        let at_zero = problem.likelihood(&DVector::zeros(problem.columns())).ok_or(HazardError::NoEvents)?;
        if let Some(covariate) = first_without_information(&at_zero.information) {
            return Err(HazardError::Collinear { covariate });
        }
        let (standard, at_top) = climb(&problem, &at_zero)?;
        let inverse = positive_definite(&at_top.information).ok_or_else(|| monotone(&standard))?.inverse();
        let coefficients = standard.iter().zip(problem.scales()).map(|(beta, scale)| beta / scale).collect();
        Ok(Self { problem, standard, at_zero, at_top, inverse, coefficients })
    }

    /// The coefficients: logarithms of the hazard ratio for one unit of each covariate.
    #[must_use]
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// The logarithm of the partial likelihood at the coefficients.
    #[must_use]
    pub fn log_likelihood(&self) -> f64 {
        self.at_top.value
    }

    /// The logarithm of the partial likelihood where all coefficients are 0.
    #[must_use]
    pub fn log_likelihood_at_zero(&self) -> f64 {
        self.at_zero.value
    }

    /// Gives the coefficients with the standard errors of the model, from the inverse of the information.
    ///
    /// # Errors
    /// [`HazardError`] when a variance is not positive.
    pub fn effects(&self) -> Result<Vec<Wald>, HazardError> {
        self.with_variance(&self.inverse)
    }

    /// Gives the coefficients with standard errors that hold when subjects of a cluster depend on one another and when the
    /// model is wrong.
    ///
    /// # Formula
    /// ```text
    /// V = I⁻¹ (Σ_g s_g s_gᵀ) I⁻¹      s_g = Σ_{i in g} score residual of subject i
    /// ```
    /// A residual is what the subject adds to the score: its covariates less the mean of those at risk, at its event, minus
    /// the same over the time that it was at risk, by the hazard it had. No small-sample factor is applied.
    ///
    /// # Errors
    /// [`HazardError`] when there are not more clusters than coefficients, or a variance is not positive.
    ///
    /// # Use with care
    /// Below about forty clusters the standard errors are too small.
    ///
    /// # References
    /// Lin & Wei (1989), Journal of the American Statistical Association 84, 1074–1078. Lee, Wei & Amato (1992), in Survival
    /// Analysis: State of the Art, 237–247.
    pub fn robust_effects(&self) -> Result<Vec<Wald>, HazardError> {
        let (clusters, coefficients) = (self.problem.clusters(), self.problem.columns());
        if clusters <= coefficients {
            return Err(HazardError::TooFewClusters { clusters, coefficients });
        }
        let residuals = self.problem.score_residuals(&self.standard);
        self.with_variance(&sandwich(&self.inverse, &residuals, &self.problem.cluster_of_subject()))
    }

    /// Gives the test that all coefficients are 0, by the score there.
    ///
    /// With one covariate that names two groups, and no ties, this is the log-rank test.
    ///
    /// # Errors
    /// [`HazardError`] when a tail could not be computed.
    pub fn score_test(&self) -> Result<ChiSquaredTest, HazardError> {
        self.test(quadratic_form(&self.at_zero.information, &self.at_zero.score))
    }

    /// Gives the test that all coefficients are 0, by twice the difference of the log likelihoods.
    ///
    /// # Errors
    /// [`HazardError`] when a tail could not be computed.
    pub fn likelihood_ratio_test(&self) -> Result<ChiSquaredTest, HazardError> {
        self.test(Some(2.0 * (self.at_top.value - self.at_zero.value)))
    }

    /// Gives the test that all coefficients are 0, by their distance from it.
    ///
    /// # Errors
    /// [`HazardError`] when a tail could not be computed.
    pub fn wald_test(&self) -> Result<ChiSquaredTest, HazardError> {
        self.test(Some(self.standard.dot(&(&self.at_top.information * &self.standard))))
    }

    /// Tests whether coefficients change over time.
    ///
    /// # Model
    /// ```text
    /// β(t) = β + θ g(t)      g(t) = 1 − S(t−)
    /// ```
    /// `S` is the curve of [`KaplanMeier`] of all subjects together. The hypothesis is `θ = 0`.
    ///
    /// # Formula
    /// ```text
    /// u = Σ g rᵢ      χ² = uᵀ (I_θθ − I_θβ I_ββ⁻¹ I_βθ)⁻¹ u
    /// ```
    /// `rᵢ` are the residuals of Schoenfeld, one for each event, and `I` the information of `(β, θ)`: the score test. The test
    /// of one covariate lets only its own coefficient change.
    ///
    /// # Errors
    /// [`HazardError::Collinear`] when events are too few, or at too few times, to see a change.
    ///
    /// # References
    /// Grambsch & Therneau (1994), Biometrika 81, 515–526, with the information at each event instead of its mean.
    pub fn proportionality(&self) -> Result<ProportionalityTest, HazardError> {
        let columns = self.problem.columns();
        let changes = self.problem.changes(&self.standard, &self.event_shares()?);
        let left = &changes.squared - &changes.crossed * &self.inverse * changes.crossed.transpose();
        // What is left of each direction must be more than rounding leaves of what it was.
        let seen = |covariate: usize| left[(covariate, covariate)] > 1e-10 * changes.squared[(covariate, covariate)];
        if let Some(covariate) = (0..columns).find(|covariate| !seen(*covariate)) {
            return Err(HazardError::Collinear { covariate });
        }
        let covariates = (0..columns)
            .map(|covariate| {
                let score = changes.score[covariate];
                Ok(ChiSquaredTest::of(score * score / left[(covariate, covariate)], 1)?)
            })
            .collect::<Result<_, HazardError>>()?;
        Ok(ProportionalityTest { covariates, together: self.test(quadratic_form(&left, &changes.score))? })
    }

    /// `1 − S(t−)` of all subjects, ascending by time of event.
    fn event_shares(&self) -> Result<Vec<(f64, f64)>, HazardError> {
        let (durations, observed): (Vec<f64>, Vec<bool>) = self.problem.durations().unzip();
        let curve = KaplanMeier::fit(&durations, &observed)?;
        let before = std::iter::once(1.0).chain(curve.steps().iter().map(|step| step.survival));
        Ok(curve.steps().iter().zip(before).map(|(step, before)| (step.time, 1.0 - before)).collect())
    }

    fn with_variance(&self, variance: &DMatrix<f64>) -> Result<Vec<Wald>, HazardError> {
        let effect = |(covariate, (estimate, scale)): (usize, (&f64, &f64))| {
            let error = variance[(covariate, covariate)].sqrt() / scale;
            Wald::normal(*estimate, error).ok_or(HazardError::NoSpread { covariate })
        };
        self.coefficients.iter().zip(self.problem.scales()).enumerate().map(effect).collect()
    }

    fn test(&self, statistic: Option<f64>) -> Result<ChiSquaredTest, HazardError> {
        let columns = self.problem.columns();
        let statistic = statistic.ok_or(HazardError::Collinear { covariate: columns - 1 })?;
        Ok(ChiSquaredTest::of(statistic, columns)?)
    }
}

/// Newton's method with halved steps, from 0.
fn climb(problem: &Problem, at_zero: &Likelihood) -> Result<(DVector<f64>, Likelihood), HazardError> {
    let mut place = DVector::zeros(problem.columns());
    let mut here = at_zero.clone();
    for _ in 0..STEPS {
        let factor = positive_definite(&here.information).ok_or_else(|| monotone(&place))?;
        let mut step = factor.solve(&here.score);
        let mut halvings = 0;
        let there = loop {
            let there = problem.likelihood(&(&place + &step));
            // Near the top the likelihood is flat to the last bits: those do not count as a fall.
            let slack = 1e-12 * here.value.abs();
            match there.filter(|there| there.value >= here.value - slack) {
                Some(there) => break there,
                None if halvings < HALVINGS => step *= 0.5,
                None => return Err(HazardError::NotSettled { steps: halvings }),
            }
            halvings += 1;
        };
        place += &step;
        here = there;
        if problem.spread(&place) > LARGEST_SPREAD {
            return Err(monotone(&place));
        }
        if step.amax() <= LAST_STEP {
            return Ok((place, here));
        }
    }
    Err(HazardError::NotSettled { steps: STEPS })
}

fn monotone(place: &DVector<f64>) -> HazardError {
    HazardError::Monotone { covariate: place.iamax() }
}

/// The first column that the information does not tell from those before it.
fn first_without_information(information: &DMatrix<f64>) -> Option<usize> {
    (0..information.ncols()).find(|column| {
        let leading = information.view((0, 0), (column + 1, column + 1)).into_owned();
        positive_definite(&leading).is_none()
    })
}

fn check(subjects: &[HazardSubject]) -> Result<(), HazardError> {
    let first = subjects.first().ok_or(SurvivalError::NoDurations)?;
    let expected = first.covariates.len();
    for (place, subject) in subjects.iter().enumerate() {
        let covariates = subject.covariates.len();
        if covariates != expected || covariates == 0 {
            return Err(HazardError::Covariates { subject: place, covariates, expected });
        }
        if !(subject.duration >= 0.0 && subject.duration.is_finite()) {
            return Err(SurvivalError::Duration { duration: subject.duration }.into());
        }
        if !subject.covariates.iter().all(|covariate| covariate.is_finite()) {
            return Err(HazardError::NotFinite { subject: place });
        }
    }
    if subjects.iter().any(|subject| subject.observed) { Ok(()) } else { Err(HazardError::NoEvents) }
}
