//! `doracle receive`: takes what sources push.

use anyhow::{Context, Result};
use ingest::receive::{Limits, Receiver, Surroundings, listen, serve};
use lake::Lake;
use tokio::sync::watch;

use crate::cli::ReceiveArguments;
use crate::commands::ingest::chosen;
use crate::exit::{Outcome, UsageError};
use crate::pipeline::{self, Environment};
use crate::progress::Progress;
use crate::settings::Layered;
use crate::terminal::Terminal;

pub(crate) async fn run(terminal: &Terminal, layered: &Layered, own: &ReceiveArguments) -> Result<Outcome> {
    let mut receivers: Vec<Box<dyn Receiver>> = Vec::new();
    for source in chosen(layered, &own.streams)? {
        receivers.extend(source.receiver()?);
    }
    if receivers.is_empty() {
        return Err(UsageError {
            message: "no source is configured to take deliveries".to_owned(),
            hint: Some("a source takes them once its `[sources.receive]` is set".to_owned()),
        }
        .into());
    }
    let listener = listen(&own.listen).await?;
    let address = listener.local_addr().context("could not tell where it listens")?;
    for receiver in &receivers {
        terminal.say(format!("taking deliveries at http://{address}{}", receiver.path()));
    }
    let lake = Lake::open_or_create(&layered.location()?).await?;
    let (stop, stopped) = watch::channel(false);
    let progress = Progress::new(terminal);
    let surroundings = Surroundings {
        lake: &lake,
        variables: &Environment,
        clock: &pipeline::now,
        limits: Limits::default(),
        reporter: &progress,
    };
    let serving = serve(listener, receivers, surroundings, stopped);
    tokio::pin!(serving);
    let served = tokio::select! {
        served = serving.as_mut() => served,
        () = interrupted() => {
            // What was taken is committed before the end.
            let told = stop.send(true);
            tracing::info!(told = told.is_ok(), "stopping");
            serving.await
        }
    };
    served?;
    Ok(Outcome::Done)
}

/// Ends when somebody wants us to end.
async fn interrupted() {
    #[cfg(unix)]
    if let Ok(mut terminated) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
        return;
    }
    drop(tokio::signal::ctrl_c().await);
}
