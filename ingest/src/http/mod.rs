//! Asking a server for pages, and behaving while doing so.
//!
//! - [`Settings`] is the section of the configuration that every source with a server shares.
//! - [`Client`] asks: it holds requests in flight and bodies to their limits, tries again what may pass, waits where the
//!   server says so, and never speaks to a host that was not configured.
//! - [`RateRule`] is how a vendor says "not now".
//! - [`link`] reads the `Link` header.

mod answer;
mod client;
mod error;
mod hidden;
pub mod link;
mod origin;
mod patience;
mod pause;
mod rate;
mod request;
mod retry;
mod settings;
#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use client::{Client, Credentials, Lines, secret_value};
pub use error::{HttpError, HttpErrorKind, Refused};
pub use origin::Origin;
#[cfg(test)]
pub(crate) use pause::on_paper;
pub use pause::{Noted, Pause, Sleep};
pub use rate::{RateRule, Refusal, between, plain_rate, retry_after};
pub use request::{Request, Validator};
pub use settings::Settings;
