//! The source against planted worlds.

mod alertmanager;
mod faults;
mod fake;
mod intervals;
mod oracle;
mod planted;
mod reading;
mod runs;
mod series;
mod settings;
mod support;
mod thin;
mod webhook;
mod windows;
mod wire;
