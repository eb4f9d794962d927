//! Findings as a page: view models, charts, HTML, Markdown and JSON.
//!
//! [`report`] turns what was derived into a [`Document`], section by section (one file each in `sections/`), and the
//! document into its three forms. Everything in a document is already counted and, but for the points of a chart,
//! already written out; the renderers calculate nothing.

pub mod benchmarks;
mod chart;
mod document;
mod finding;
pub mod format;
mod html;
mod inline;
mod markdown;
mod model;
mod report;
mod sections;
mod site;

pub use document::*;
pub use finding::finding;
pub use report::{Report, ReportContext, ReportError, report};
pub use site::{DATA, SiteContext, SiteFiles, site};
