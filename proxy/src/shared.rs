//! What all connections of a proxy share.

use std::sync::{Arc, Mutex};

use wsaudit_recording::Sender;
use wsaudit_tagging::{Candidates, TagRules};

use crate::config::ProxyConfig;
use crate::counters::{Counters, Event};
use crate::tap::Stalled;

/// What all connections of a proxy share.
pub(crate) struct Shared {
    pub(crate) config: ProxyConfig,
    pub(crate) sender: Sender,
    pub(crate) counters: Counters,
    pub(crate) stalled: Stalled,
    pub(crate) tags: Arc<TagRules>,
    pub(crate) candidates: Mutex<Candidates>,
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
