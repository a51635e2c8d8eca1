//! Waiting until records are on disk.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;
use wsaudit_recording::{CreditGuard, Record, Sender, WriteError};

/// Records that were sent, and are not known to be on disk.
#[derive(Debug)]
pub(crate) struct Commit(oneshot::Receiver<Result<(), WriteError>>);

/// The records are not on disk, and will not be; the writer counts them as lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotCommitted;

impl Commit {
    pub(crate) fn send(sender: &Sender, records: Vec<Record>, credit: Option<CreditGuard>) -> Self {
        let (tell, told) = oneshot::channel();
        sender.send_and_notify(records, credit, move |outcome| {
            // Nobody waits for the records of a connection that has ended.
            let _ = tell.send(outcome);
        });
        Self(told)
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), NotCommitted>> {
        Poll::Ready(match ready!(Pin::new(&mut self.0).poll(cx)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(NotCommitted),
        })
    }
}
