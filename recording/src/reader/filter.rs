//! Which frames are to be read.

use std::collections::BTreeSet;

use crate::column::signed;
use crate::record::{ConnectionId, Seq};

/// Which connections are meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Connections {
    /// Each.
    #[default]
    All,
    /// These.
    Only(BTreeSet<ConnectionId>),
}

impl Connections {
    pub(super) fn contains(&self, connection: ConnectionId) -> bool {
        match self {
            Self::All => true,
            Self::Only(some) => some.contains(&connection),
        }
    }
}

/// Which frames, or messages (by their last frame), are to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Those of these connections.
    pub connections: Connections,
    /// From this place on.
    pub from: Seq,
    /// Up to this place, included.
    pub to: Seq,
}

impl Filter {
    /// Everything.
    pub const ALL: Self = Self {
        connections: Connections::All,
        from: Seq(0),
        to: Seq(u64::MAX),
    };

    /// The bounds as the column holds them; a place beyond 2^63 does not exist.
    pub(super) fn bounds(&self) -> [i64; 2] {
        let clamp = |seq: Seq| signed(seq.0.min(i64::MAX as u64));
        [clamp(self.from), clamp(self.to)]
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self::ALL
    }
}
