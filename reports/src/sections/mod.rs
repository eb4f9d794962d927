//! The sections of the report: one file each, and one word each in the list below, in the order of the page.

use crate::Section;
use crate::model::Model;

/// Declares the sections.
macro_rules! sections {
    ($($name:ident),+ $(,)?) => {
        $(mod $name;)+

        /// Every section that has something to say; one that always has returns it without an `Option`.
        pub(crate) fn all(model: &Model<'_>) -> Vec<Section> {
            [$(Option::<Section>::from($name::section(model))),+].into_iter().flatten().collect()
        }
    };
}

sections! { summary, trends, services, strata, benchmarks, findings, interventions, failures, coverage, quality, definitions, again }
