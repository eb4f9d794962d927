//! How a source tells whoever is watching how far it is.

/// Receives progress and gaps. A gap is a partial failure: work goes on, and the report shows it.
pub trait Reporter: Send + Sync {
    /// A piece of work begins, of `total` steps where that is known.
    fn begin(&self, what: &str, total: Option<u64>);
    /// `steps` more are done.
    fn advance(&self, steps: u64);
    /// Something could not be read.
    fn gap(&self, sentence: &str);
    /// Nothing happens for `seconds`, because of `why`, such as a rate limit.
    fn waiting(&self, _seconds: u64, _why: &str) {}
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn begin(&self, _what: &str, _total: Option<u64>) {}
    fn advance(&self, _steps: u64) {}
    fn gap(&self, _sentence: &str) {}
}
