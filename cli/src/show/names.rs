//! The names of messages.

use std::collections::BTreeMap;

use wsaudit_verifier::decode::{Extractor, ExtractorBuilder, SlotId, Value};
use wsaudit_verifier::rules::{Codec, LoadError, Pack};

/// Reads a message's name from where names usually are.
pub(super) struct Names {
    extractor: Extractor,
    slots: Vec<SlotId>,
    met: BTreeMap<String, u64>,
}

impl Names {
    pub(super) fn new() -> Result<Self, LoadError> {
        let mut builder = ExtractorBuilder::default();
        // A pack that says nothing of names, so that it has the usual places.
        let slots = Pack::shipped("protocol")?
            .name_at
            .iter()
            .map(|pointer| builder.slot(pointer))
            .collect();
        Ok(Self {
            extractor: builder.build(),
            slots,
            met: BTreeMap::new(),
        })
    }

    /// The name of a message; `None` where it has none, or is no JSON.
    pub(super) fn of(&mut self, message: &[u8]) -> Option<String> {
        self.extractor.read(Codec::Json, message).ok()?;
        let values = self.extractor.values();
        let mut named = self.slots.iter().flat_map(|slot| values.of(*slot));
        let name = named.find_map(Value::as_id)?.to_owned();
        *self.met.entry(name.clone()).or_default() += 1;
        Some(name)
    }

    /// The names that were met, the most frequent first.
    pub(super) fn met(&self) -> Vec<&str> {
        let mut met: Vec<_> = self.met.iter().collect();
        met.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        met.into_iter().map(|(name, _)| name.as_str()).collect()
    }
}
