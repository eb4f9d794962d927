//! Following what changes, for as long as is wanted.

use futures::future::BoxFuture;

use super::{ALL, Reader, newest_time};
use crate::sources::argocd::details::{Details, Wanted};
use crate::sources::argocd::events::{Event, event};
use crate::sources::argocd::progress::{self, Look};
use crate::{Loss, SourceError, SourceErrorKind};

/// What a line of the stream told.
enum Told {
    /// An application changed.
    News,
    /// Nothing that was not known.
    Nothing,
    /// That the server is still there.
    Alive,
    /// That there is no more.
    End,
}

impl Reader<'_, '_> {
    /// Follows changes until `end`. A stream that drops is made good by the list, and so is what the server left out of
    /// the stream without a word.
    pub(super) async fn follow(&mut self, mut end: BoxFuture<'static, ()>) -> Result<(), SourceError> {
        let mut fruitless = 0;
        self.reporter.begin(&format!("following applications of `{}`", self.setup.config.name), None);
        while fruitless < self.setup.config.http.attempts {
            let mut lines = match self.api.stream().await {
                Ok(lines) => lines,
                Err(error) => {
                    self.give_up_following(&format!("{error}: {}", error.kind));
                    return Ok(());
                }
            };
            let (mut has_news, mut signs_of_life) = (false, 0);
            let has_ended = loop {
                let line = tokio::select! {
                    biased;
                    () = &mut end => break true,
                    line = lines.next() => line,
                };
                match line {
                    Ok(Some(line)) => match self.event(&line).await? {
                        Told::News => has_news = true,
                        Told::Nothing => {}
                        Told::Alive => signs_of_life += 1,
                        Told::End => break false,
                    },
                    Ok(None) => break false,
                    Err(error) => {
                        tracing::debug!(%error, cause = %error.kind, "the stream dropped");
                        break false;
                    }
                }
            };
            drop(lines);
            match self.list().await {
                Err(SourceError { doing, kind: SourceErrorKind::Http(error), .. }) => {
                    self.give_up_following(&format!("{doing}: {error}: {}", error.kind));
                    return Ok(());
                }
                listed => listed?,
            }
            if has_ended {
                return Ok(());
            }
            // Between two signs of life lies a quarter of a minute: then it was held, and nothing happened.
            fruitless = if has_news || signs_of_life > 1 { 0 } else { fruitless + 1 };
        }
        self.give_up_following("the stream of applications ends again and again without news");
        Ok(())
    }

    fn give_up_following(&mut self, why: &str) {
        self.reporter.gap(why);
        let entry = self.ledger.entry(ALL);
        entry.lose(Loss { start_at: None, end_at: None, reason: why.to_owned(), missing_count: None });
    }

    /// Takes one line of the stream.
    async fn event(&mut self, line: &[u8]) -> Result<Told, SourceError> {
        let (application, is_deleted) = match event(line) {
            Event::Changed(application) => (application, false),
            Event::Deleted(application) => (application, true),
            Event::Malformed(why) => {
                self.reporter.gap(&why);
                return Ok(Told::Nothing);
            }
            Event::Refused(why) => {
                tracing::debug!(why, "the server ended the stream");
                return Ok(Told::End);
            }
            Event::Alive => return Ok(Told::Alive),
            Event::Nothing => return Ok(Told::Nothing),
        };
        if !is_deleted && self.versions.get(&application.metadata.uid) == Some(&application.metadata.version) {
            return Ok(Told::Nothing);
        }
        let place = self.setup.place(&application);
        let stream = progress::stream(&place);
        let memory = progress::memory(&self.ledger, &stream);
        let is_other_health =
            memory.health.as_ref().is_none_or(|seen| seen.health != application.status.health.status);
        let details = if is_other_health && !is_deleted {
            Wanted::of(&application, &place, &memory, self.setup).get(self.api, self.setup, &application).await
        } else {
            Details::default()
        };
        let at = newest_time(&application).max(memory.looked_at).unwrap_or(self.now);
        let sha = self.sink.page(line.to_vec());
        self.take(&application, &place, &details, &sha, Look { at, range: self.range })?;
        if is_deleted {
            let memory = progress::Memory { is_gone: true, ..progress::memory(&self.ledger, &stream) };
            progress::remember(&mut self.ledger, &stream, &memory);
        }
        let ledger = &self.ledger;
        self.sink.checkpoint(|| ledger.to_cursor()).await?;
        Ok(Told::News)
    }
}
