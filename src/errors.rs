//! The pages behind error codes: one Markdown file each in `errors/`.

/// Declares the pages from the list of codes.
macro_rules! pages {
    ($($room:ident::$kind:ident),+ $(,)?) => {
        /// Every code with its page.
        pub(crate) const PAGES: &[(&str, &str)] = &[
            $((
                concat!(stringify!($room), "::", stringify!($kind)),
                include_str!(concat!("errors/", stringify!($room), "_", stringify!($kind), ".md")),
            )),+
        ];
    };
}

pages! {
    command::failed, command::locked, command::usage,
    config::read, config::value, config::wrong,
    derive::empty_period, derive::long_period, derive::nothing, derive::query, derive::shape, derive::unknown,
    ingest::auth, ingest::connection, ingest::content, ingest::input, ingest::io, ingest::limited, ingest::other_host,
    ingest::program, ingest::refused, ingest::rows, ingest::settings,
    lake::contended, lake::damaged, lake::missing, lake::newer, lake::no_version, lake::not_a_lake, lake::older,
    lake::query, lake::rows, lake::storage, lake::table, lake::unfinishable,
    submission::file, submission::key, submission::manifest, submission::refused, submission::registry,
}
