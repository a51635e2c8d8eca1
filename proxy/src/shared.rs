//! What all connections of a proxy share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wsaudit_recording::{Sender, WriteError, WriterState};
use wsaudit_tagging::{Candidates, Issued, TagRules};
use wsaudit_wire::{RequestHead, ResponseHead};

use crate::config::ProxyConfig;
use crate::counters::{Counters, Event};
use crate::tap::{AllHeld, Stalled};
use crate::whereabouts::Whereabouts;

/// What all connections of a proxy share.
pub(crate) struct Shared {
    pub(crate) config: ProxyConfig,
    pub(crate) sender: Sender,
    pub(crate) counters: Counters,
    pub(crate) stalled: Stalled,
    pub(crate) tags: Arc<TagRules>,
    pub(crate) candidates: Mutex<Candidates>,
    /// Cookies that tag, and that answers have set.
    pub(crate) issued: Mutex<Issued>,
    /// Bodies that are heard.
    pub(crate) bodies: AllHeld,
    /// Where the recording is.
    pub(crate) whereabouts: Mutex<Whereabouts>,
}

impl Shared {
    /// Cookies that tag, and that answers have set.
    pub(crate) fn issued(&self) -> MutexGuard<'_, Issued> {
        // A cookie is noted in one go, or not at all.
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what a plain answer says of sources that nobody named.
    pub(crate) fn answered(&self, request: &RequestHead, answer: &ResponseHead) {
        if answer.set_cookies().next().is_some() {
            let candidates = self.candidates.lock();
            let mut candidates = candidates.unwrap_or_else(PoisonError::into_inner);
            candidates.answered(request, answer);
        }
    }

    /// What the recorder does, and whether what it writes will be found.
    pub(crate) fn recorder(&self) -> WriterState {
        let path = self.sender.path();
        let whereabouts = self.whereabouts.lock();
        let mut whereabouts = whereabouts.unwrap_or_else(PoisonError::into_inner);
        match self.sender.state() {
            WriterState::Running if !whereabouts.is_in_place(&path) => {
                WriterState::Failed(WriteError::Gone { path })
            }
            state => state,
        }
    }
}

/// A client that is connected, until it is dropped.
pub(crate) struct Client(Arc<Shared>);

impl Client {
    pub(crate) fn came(shared: &Arc<Shared>) -> Self {
        shared.counters.event(Event::Connection);
        Self(Arc::clone(shared))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.0.counters.event(Event::Ended);
    }
}
