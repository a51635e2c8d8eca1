//! What all connections of a proxy share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wsaudit_recording::Sender;
use wsaudit_tagging::{Candidates, Issued, TagRules};

use crate::config::ProxyConfig;
use crate::counters::{Counters, Event};
use crate::tap::{AllHeld, Stalled};

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
}

impl Shared {
    /// Cookies that tag, and that answers have set.
    pub(crate) fn issued(&self) -> MutexGuard<'_, Issued> {
        // A cookie is noted in one go, or not at all.
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
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
