//! Sources against real servers, which are started on this machine where they are installed.

mod prometheus;
mod servers;
