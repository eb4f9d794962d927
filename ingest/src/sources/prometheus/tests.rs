//! The source against planted worlds.

mod fake;
mod planted;
mod thin;
mod support;
