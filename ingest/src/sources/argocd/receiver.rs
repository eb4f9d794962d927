//! Takes what Argo CD notifications push: an application, whole or as far as it is read.

use http::HeaderName;
use serde_json::Value;

use super::FILLS;
use super::config::{Config, Receive};
use super::details::Details;
use super::list::application;
use super::progress::Memory;
use super::rows::{Rows, Setup};
use crate::receive::{Delivery, Receiver, Refused, is_secret};
use crate::{Range, Secret, Sink, SourceError, SourceErrorKind, Variables};

/// Takes the notifications of one instance.
pub(super) struct Notifications {
    setup: Setup,
    receive: Receive,
    header: HeaderName,
    path: String,
    secret: Option<Secret>,
}

impl Notifications {
    /// A receiver that is not armed yet.
    ///
    /// # Errors
    /// [`SourceError`] where the settings cannot be understood.
    pub(super) fn new(config: &Config, receive: &Receive) -> Result<Self, SourceError> {
        let header = HeaderName::try_from(&receive.header).map_err(|error| {
            let doing = format!("could not understand `header = \"{}\"`", receive.header);
            SourceError::new(doing, SourceErrorKind::Settings(error.to_string()))
        })?;
        Ok(Self {
            setup: Setup::new(config)?,
            receive: receive.clone(),
            header,
            path: format!("/argocd/{}", config.name),
            secret: None,
        })
    }

    /// The application in a delivery, which stands in `app`, or is all of it.
    fn rows(&self, body: &[u8]) -> Result<Rows, Refused> {
        let mut body: Value =
            serde_json::from_slice(body).map_err(|error| Refused::Unusable(format!("it is no JSON: {error}")))?;
        let content = match body.get_mut("app") {
            Some(content) => content.take(),
            None => body,
        };
        let application = application(content, "the delivery").map_err(Refused::Unusable)?;
        let place = self.setup.place(&application);
        let rows = Rows::of(&self.setup, &application, &place, &Details::default(), &Memory::default());
        Ok(rows.within(Range::default()))
    }
}

impl Receiver for Notifications {
    fn path(&self) -> &str {
        &self.path
    }

    fn stream(&self) -> String {
        format!("{} notifications", self.setup.stream())
    }

    fn fills(&self) -> &'static [&'static str] {
        FILLS
    }

    fn arm(&mut self, variables: &dyn Variables) -> Result<(), SourceError> {
        self.secret = Some(self.receive.secret.secret(variables)?);
        Ok(())
    }

    fn accept(&self, delivery: &Delivery<'_>, sink: &mut Sink<'_>) -> Result<(), Refused> {
        let sent = delivery.headers.get(&self.header).map(http::HeaderValue::as_bytes);
        if !self.secret.as_ref().is_some_and(|secret| is_secret(sent, secret)) {
            return Err(Refused::Unauthorised);
        }
        let rows = self.rows(delivery.body)?;
        let sha = sink.page(delivery.body.to_vec());
        sink.rows(rows.deployments, Some(&sha))?;
        sink.rows(rows.health, Some(&sha))?;
        sink.rows(rows.inventory, Some(&sha))?;
        sink.rows(rows.images, Some(&sha))?;
        sink.rows(rows.inputs, Some(&sha))?;
        Ok(())
    }
}
