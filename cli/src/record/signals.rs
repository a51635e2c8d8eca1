//! Ctrl-C, SIGTERM, and SIGHUP, which comes when the terminal is closed: the first one ends the proxy in
//! order. A second Ctrl-C or SIGTERM ends it at once; hangups come in twos.

use std::process;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::oneshot;

use super::announce::Level;
use super::log::Log;

/// Signals that are listened for.
pub(super) struct Signals {
    first: oneshot::Receiver<()>,
}

impl Signals {
    /// Listens from here on.
    pub(super) fn install(drain: Duration, log: Log) -> anyhow::Result<Self> {
        let mut source = Source::new().context("cannot listen for signals")?;
        let (tell, first) = oneshot::channel();
        tokio::spawn(async move {
            source.first().await;
            let line = format!(
                "ending: open connections have {}; once more ends them at once, without a clean end",
                humantime::format_duration(drain)
            );
            log.announce(Level::Info, &line);
            // Whoever waited has ended already.
            let _ = tell.send(());
            source.second().await;
            let line = "ended at once; the recording is not closed cleanly";
            log.announce(Level::Error, line);
            log.flush();
            process::exit(2);
        });
        Ok(Self { first })
    }

    /// Ends with the first signal.
    pub(super) async fn first(self) {
        // The sender is dropped with the runtime only.
        let _ = self.first.await;
    }
}

#[cfg(unix)]
struct Source {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// `None` where it is ignored, as `nohup` does: it stays so.
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Source {
    fn new() -> std::io::Result<Self> {
        use crate::ignored::{AtStart, at_start};
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: match at_start(SignalKind::hangup().as_raw_value()) {
                AtStart::Ended => Some(signal(SignalKind::hangup())?),
                // Where nobody tells, it is not listened for: a `nohup` must hold.
                AtStart::Ignored | AtStart::Unknown => None,
            },
        })
    }

    async fn first(&mut self) {
        let Self { hangup, .. } = self;
        let hung_up = async {
            match hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hung_up => {}
        }
    }

    async fn second(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Source;

#[cfg(not(unix))]
impl Source {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn first(&mut self) {
        // Where it cannot be listened for, the process ends without us.
        let _ = tokio::signal::ctrl_c().await;
    }

    async fn second(&mut self) {
        self.first().await;
    }
}
