//! Real repositories, read and compared with what plain git commands say.

mod clones;
mod commits;
mod history;
mod parsers;
mod releases;
mod repository;
mod safety;
