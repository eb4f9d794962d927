//! The one server a client speaks to.

use std::net::IpAddr;

use url::{Host, Url};

use super::error::HttpErrorKind;

/// Scheme, host, port and path prefix of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    base: Url,
    also_called: Vec<url::Origin>,
}

impl Origin {
    /// The server at `base`, which may have a path under which everything lies.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it. Names and passwords belong to no address.
    pub fn parse(base: &str, also_called: &[String]) -> Result<Self, String> {
        let url = |text: &str| -> Result<Url, String> {
            let url = Url::parse(text.trim()).map_err(|error| format!("`{}` is no address: {error}", shown(text)))?;
            if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
                return Err(format!("`{}` is no http or https address", shown(text)));
            }
            if !url.username().is_empty() || url.password().is_some() {
                return Err(format!("`{}` holds a name or a password, which belong elsewhere", shown(text)));
            }
            if url.query().is_some() || url.fragment().is_some() {
                return Err(format!("`{}` has a query, which a base address must not have", shown(text)));
            }
            Ok(url)
        };
        let mut base = url(base)?;
        let path = format!("{}/", base.path().trim_end_matches('/'));
        base.set_path(&path);
        let also_called =
            also_called.iter().map(|text| url(text).map(|url| url.origin())).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { base, also_called })
    }

    /// The address of a path below the base, each part percent-encoded, with a query.
    #[must_use]
    pub fn at<K: AsRef<str>, V: AsRef<str>>(&self, parts: &[&str], query: &[(K, V)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// The base address.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// An address the server gave, if it is on this server; one under another name of the server is put under this one.
    ///
    /// # Errors
    /// [`HttpErrorKind::OtherHost`] where it leads elsewhere.
    pub fn own(&self, mut url: Url) -> Result<Url, HttpErrorKind> {
        if url.origin() == self.base.origin() {
            return Ok(url);
        }
        let elsewhere = HttpErrorKind::OtherHost { host: url.origin().ascii_serialization() };
        if !self.also_called.contains(&url.origin()) {
            return Err(elsewhere);
        }
        let moved = url.set_scheme(self.base.scheme()).is_ok()
            && url.set_host(self.base.host_str()).is_ok()
            && url.set_port(self.base.port()).is_ok();
        if moved { Ok(url) } else { Err(elsewhere) }
    }

    /// Whether what is sent can be read on the way: plain HTTP to another machine.
    #[must_use]
    pub fn is_readable_on_the_way(&self) -> bool {
        let is_here = match self.base.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
            None => false,
        };
        self.base.scheme() == "http" && !is_here
    }
}

/// An address as it may be shown: without name, password and query.
pub(super) fn shown(text: &str) -> String {
    match Url::parse(text.trim()) {
        Ok(url) if url.has_host() => shown_url(&url),
        _ => {
            let plain = text.split(['?', '#']).next().unwrap_or_default();
            plain.rsplit('@').next().unwrap_or_default().to_owned()
        }
    }
}

/// As [`shown`], of what is an address. Queries may hold tokens, so only harmless ones are kept.
pub(super) fn shown_url(url: &Url) -> String {
    const HARMLESS: [&str; 6] = ["page", "per_page", "since", "until", "created", "sort"];
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| HARMLESS.contains(&name.as_ref()))
        .map(|(n, v)| (n.into(), v.into()))
        .collect();
    let mut url = url.clone();
    // An address without a host has neither; then there is nothing to hide.
    let _hidden = url.set_username("").is_ok() && url.set_password(None).is_ok();
    url.set_fragment(None);
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
    url.into()
}
