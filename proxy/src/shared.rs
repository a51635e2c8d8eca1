//! What all connections of a proxy share.

use std::sync::{Arc, Mutex};

use wsaudit_recording::Sender;
use wsaudit_tagging::{Candidates, TagRules};

use crate::config::ProxyConfig;
use crate::counters::Counters;
use crate::dial::Dialer;
use crate::tap::Stalled;

/// What all connections of a proxy share.
pub(crate) struct Shared {
    pub(crate) config: ProxyConfig,
    pub(crate) dialer: Dialer,
    pub(crate) sender: Sender,
    pub(crate) counters: Counters,
    pub(crate) stalled: Stalled,
    pub(crate) tags: Arc<TagRules>,
    pub(crate) candidates: Mutex<Candidates>,
}
