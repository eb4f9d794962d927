//! What every source with a server may set.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a server is spoken to.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Most requests in flight to the server at once. Default: 4.
    #[schemars(range(min = 1, max = 100))]
    pub requests_in_flight: usize,
    /// How often a request is tried before it counts as failed. Default: 6.
    #[schemars(range(min = 1, max = 20))]
    pub attempts: u32,
    /// Seconds until a connection has to stand. Default: 10.
    #[schemars(range(min = 1, max = 600))]
    pub connect_timeout_seconds: u64,
    /// Seconds without a byte after which an answer counts as broken off. Default: 30.
    #[schemars(range(min = 1, max = 600))]
    pub read_timeout_seconds: u64,
    /// Seconds after which an answer has to be there whole. Default: 300.
    #[schemars(range(min = 1, max = 3600))]
    pub answer_timeout_seconds: u64,
    /// Most mebibytes of one answer, unpacked; a larger one is refused. Default: 64.
    #[schemars(range(min = 1, max = 4096))]
    pub answer_limit_mebibytes: usize,
    /// Longest wait, in seconds, that the server may ask for before its stream is given up for this time. Default: 3700,
    /// a little over the hour after which most budgets are renewed.
    #[schemars(range(min = 0, max = 86400))]
    pub longest_wait_seconds: u64,
    /// Certificates (PEM) of authorities to trust beside those of the machine.
    #[schemars(example = &"/etc/ssl/our-authority.pem")]
    pub ca_file: Option<PathBuf>,
    /// Certificate and private key (PEM, in one file) to show to the server, for mutual TLS.
    pub identity_file: Option<PathBuf>,
    /// Other origins under which the server may call itself in its links, such as one behind a proxy: links that
    /// begin with one of them are followed on the configured server instead.
    #[schemars(example = ["https://api.internal.example"])]
    pub also_called: Vec<String>,
    /// A proxy to go through, without name and password. Variables such as `HTTPS_PROXY` are not followed.
    #[schemars(example = &"http://proxy.internal.example:3128")]
    pub proxy: Option<String>,
    /// Whether a secret may be sent over plain HTTP to another machine. Default: no.
    pub secrets_over_plain_http: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            requests_in_flight: 4,
            attempts: 6,
            connect_timeout_seconds: 10,
            read_timeout_seconds: 30,
            answer_timeout_seconds: 300,
            answer_limit_mebibytes: 64,
            longest_wait_seconds: 3700,
            ca_file: None,
            identity_file: None,
            also_called: Vec::new(),
            proxy: None,
            secrets_over_plain_http: false,
        }
    }
}
