//! What the numbers did before and after a dated change of working, for the services that changed and for the others.

use derive::{Definition, Derived, headline};
use lake::{Instant, tables::metrics};

/// How much a design can carry, from A (randomised) to E (before and after).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum DesignGrade {
    /// Chance decided who was treated, or when.
    A,
    /// Units began at different dates, and others had not begun.
    B,
    /// Units began at one date, and others never did.
    C,
    /// One series and one date without a control. It prints estimates and is at most inconclusive: a season or a level that
    /// wanders looks like an effect, and dates at which nothing happened do not tell it from one.
    D,
    /// One group, before and after, without a control that the design can rest on. It prints estimates and is at most
    /// inconclusive.
    E,
}

impl DesignGrade {
    /// The letter.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::A => 'A',
            Self::B => 'B',
            Self::C => 'C',
            Self::D => 'D',
            Self::E => 'E',
        }
    }

    /// What it is, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::A => "chance decided who began, or when",
            Self::B => "services began at different dates, beside others that had not begun",
            Self::C => "services began at one date, beside others that never did",
            Self::D => "one series and one date, without a control",
            Self::E => "before and after, without a control",
        }
    }
}

/// One metric around one change of working: a description without a verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Contrast<'a> {
    /// What was rolled out, with its version.
    pub practice: String,
    /// When.
    pub started_at: Instant,
    /// The metric.
    pub definition: &'static Definition,
    /// Which statistic of it.
    pub statistic: &'static str,
    /// The services that changed, pooled: before and from then on.
    pub adopters: Sides<'a>,
    /// The services that never did, pooled, over the same windows; null where every service changed.
    pub others: Option<Sides<'a>>,
    /// What the design can carry.
    pub grade: DesignGrade,
}

/// A number before and after.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sides<'a> {
    /// From the start of the period to the change.
    pub before: &'a metrics::Row,
    /// From the change to the end of the period.
    pub after: &'a metrics::Row,
}

/// Every metric around every dated change of working, in the order of their dates.
#[must_use]
pub fn before_after(derived: &Derived) -> Vec<Contrast<'_>> {
    let mut contrasts = Vec::new();
    for adoption in &derived.adoptions {
        for definition in headline() {
            let Some(statistic) = definition.gives.first() else { continue };
            let sides = |group: &str| {
                let find = |kind: &str| {
                    derived.metrics.iter().find(|row| {
                        row.service_group.as_deref() == Some(group)
                            && row.dimension.is_none()
                            && row.window_kind == kind
                            && row.metric == definition.metric
                            && row.statistic == *statistic
                    })
                };
                Some(Sides { before: find("before")?, after: find("after")? })
            };
            let Some(adopters) = sides(&adoption.adopters_group()) else { continue };
            contrasts.push(Contrast {
                practice: adoption.practice.clone(),
                started_at: adoption.started_at,
                definition,
                statistic,
                adopters,
                others: sides(&adoption.others_group()),
                grade: DesignGrade::E,
            });
        }
    }
    contrasts
}
