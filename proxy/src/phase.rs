//! From running over draining to an end.

use std::future::Future;

use tokio::sync::watch;

/// What the proxy is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Accepting connections.
    Running,
    /// Accepting none; those that there are may end by themselves.
    Draining,
    /// The deadline has come: connections are ended.
    Ending,
}

/// A task's view of the phase.
#[derive(Debug, Clone)]
pub(crate) struct PhaseWatch(watch::Receiver<Phase>);

impl PhaseWatch {
    pub(crate) fn new() -> (watch::Sender<Phase>, Self) {
        let (sender, receiver) = watch::channel(Phase::Running);
        (sender, Self(receiver))
    }

    /// What the proxy is doing now.
    pub(crate) fn now(&self) -> Phase {
        *self.0.borrow()
    }

    /// Ends when the proxy drains, or ends.
    pub(crate) async fn draining(&mut self) {
        // A sender that is gone is an end as well.
        let _ = self.0.wait_for(|phase| *phase != Phase::Running).await;
    }

    /// Ends when connections are to be ended.
    pub(crate) async fn ending(&mut self) {
        let _ = self.0.wait_for(|phase| *phase == Phase::Ending).await;
    }

    /// What `future` gives; `None` where connections are to be ended before.
    pub(crate) async fn or_ending<F: Future>(&mut self, future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = self.ending() => None,
        }
    }
}
