//! The sources: one folder each, and one word each in the list below.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::Source;

/// Declares every source: its module, its section of the configuration and its place in the registry.
macro_rules! sources {
    ($($name:ident),+ $(,)?) => {
        $(pub mod $name;)+

        /// The settings of one source, by the source's name.
        #[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
        #[serde(tag = "type", rename_all = "snake_case")]
        #[allow(non_camel_case_types, reason = "a variant is spelt as the source is named in the configuration")]
        #[allow(clippy::large_enum_variant, reason = "there are a few of them, each made once")]
        pub enum Config {
            $(#[doc = concat!("Settings of the `", stringify!($name), "` source.")]
            $name($name::Config),)+
        }

        impl Config {
            /// The source these settings describe.
            #[must_use]
            pub fn source(&self) -> Box<dyn Source> {
                match self {
                    $(Self::$name(config) => Box::new($name::open(config.clone())),)+
                }
            }
        }

        /// Reads the settings of the source of that name, all but its `type`; none where there is no such source. Unlike
        /// those of a whole [`Config`], an error of theirs knows where it stands.
        pub fn read<'de, D: Deserializer<'de>>(name: &str, settings: D) -> Option<Result<Config, D::Error>> {
            $(if name == stringify!($name) {
                return Some($name::Config::deserialize(settings).map(Config::$name));
            })+
            None
        }

        /// Every source as the tests that hold for all of them need it.
        #[cfg(test)]
        pub(crate) fn contracts() -> Vec<(&'static str, crate::contract::Contract)> {
            vec![$((stringify!($name), $name::contract())),+]
        }

        /// One source as those tests need it.
        #[cfg(test)]
        pub(crate) fn contract(name: &str) -> Option<crate::contract::Contract> {
            $(if name == stringify!($name) {
                return Some($name::contract());
            })+
            None
        }

        /// Name and description of every source.
        #[must_use]
        pub fn all() -> Vec<About> {
            vec![$(About { name: stringify!($name), what: $name::WHAT, fills: $name::FILLS }),+]
        }
    };
}

/// What a source is, for people.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Its name.
    pub name: &'static str,
    /// What it reads, in a sentence.
    pub what: &'static str,
    /// The tables it may fill.
    pub fills: &'static [&'static str],
}

sources! { argocd, files, git, github, prometheus, simulated }

/// The source that somebody probably meant.
#[must_use]
pub fn nearest(name: &str) -> Option<&'static str> {
    crate::suggest::nearest(name, all().into_iter().map(|source| source.name))
}
