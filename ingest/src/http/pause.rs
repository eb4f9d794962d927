//! Waiting.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;

/// How a client waits.
pub trait Sleep: Send + Sync {
    /// Ends after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The way a client waits: really, or, in tests, only on paper.
#[derive(Clone)]
pub struct Pause(Arc<dyn Sleep>);

impl Pause {
    /// Waits by the machine's clock.
    #[must_use]
    pub fn real() -> Self {
        #[cfg(test)]
        if let Some(noted) = on_paper::HERE.with_borrow(Clone::clone) {
            return Self(noted);
        }
        Self(Arc::new(Real))
    }

    /// Waits not at all, and notes how long it would have.
    #[must_use]
    pub fn noted() -> (Self, Arc<Noted>) {
        let noted = Arc::new(Noted::default());
        (Self(noted.clone()), noted)
    }

    pub(super) async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }
}

impl fmt::Debug for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pause")
    }
}

/// Waits of whole sources in tests, which make their clients themselves.
#[cfg(test)]
pub(crate) mod on_paper {
    use std::cell::RefCell;
    use std::sync::Arc;

    use super::Noted;

    thread_local! {
        pub(super) static HERE: RefCell<Option<Arc<Noted>>> = const { RefCell::new(None) };
    }

    /// As long as it lives, whoever waits by the machine's clock on this thread only notes how long it would have.
    pub(crate) struct OnPaper(Arc<Noted>);

    impl OnPaper {
        pub(crate) fn begin() -> Self {
            let noted = Arc::new(Noted::default());
            HERE.set(Some(noted.clone()));
            Self(noted)
        }

        /// What was noted so far.
        pub(crate) fn noted(&self) -> &Noted {
            &self.0
        }
    }

    impl Drop for OnPaper {
        fn drop(&mut self) {
            HERE.set(None);
        }
    }
}

struct Real;

impl Sleep for Real {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// The waits that were asked for.
#[derive(Debug, Default)]
pub struct Noted(Mutex<Vec<Duration>>);

impl Noted {
    /// How long each wait would have been, in order.
    #[must_use]
    pub fn waits(&self) -> Vec<Duration> {
        self.0.lock().map(|waits| waits.clone()).unwrap_or_default()
    }
}

impl Sleep for Noted {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if let Ok(mut waits) = self.0.lock() {
            waits.push(duration);
        }
        Box::pin(tokio::task::yield_now())
    }
}
