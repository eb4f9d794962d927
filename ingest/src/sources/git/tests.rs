//! Real repositories, read and compared with what plain git commands say.

mod clones;
mod commits;
mod history;
mod parsers;
mod releases;
mod repository;
mod safety;

use crate::contract::Contract;

/// This source as the tests that hold for every source need it.
pub(crate) fn contract() -> Contract {
    let repository = repository::Repository::new();
    repository.commit("a.txt", "Begin");
    repository.tag("v1.0.0");
    repository.commit("a.txt", "Go on");
    repository.tag("v1.1.0");
    Contract::local(crate::sources::Config::git(repository.config()), repository)
}
