//! `protocol`: no anomaly of RFC 6455 and RFC 7692.
//!
//! # What it proves
//!
//! Both sides kept to the framing: masking, lengths, reserved bits and opcodes, fragmentation, UTF-8, compression, closing.
//!
//! # Why
//!
//! What breaks the protocol is read differently by different implementations; what one drops, another may deliver.
//!
//! # Example
//!
//! ```toml
//! [pack]
//! name   = "framing"
//! format = 1
//!
//! [[rule]]
//! id     = "server-keeps-to-the-protocol"
//! title  = "the server keeps to RFC 6455 and RFC 7692"
//! kind   = "protocol"
//! ignore = ["non-minimal-length"]
//! from   = "server"
//! ```
//!
//! # Keys
//!
//! - `ignore`: codes of anomalies that are no breach here.
//! - `from`: only what the `"server"` (`"client"`) sent; default: both.
//!
//! # What it cannot see
//!
//! It is exercised by each connection that was accepted or carried anything. A connection that upgrades to something else than
//! WebSocket is not looked at.

mod check;

use wsaudit_wire::AnomalyKind;

use crate::rules::read::{SENDERS, Table};

/// A `protocol` rule.
#[derive(Debug, Clone, Default)]
pub struct Protocol {
    /// Codes that are no breach here.
    pub ignore: Vec<String>,
    /// Only what this side sent.
    pub from: Option<wsaudit_wire::Direction>,
}

impl Protocol {
    pub(crate) fn read(table: &mut Table<'_>) -> Self {
        let codes: Vec<_> = AnomalyKind::ALL
            .iter()
            .map(|kind| (kind.code(), *kind))
            .collect();
        let ignore = table.get("ignore").map_or_else(Vec::new, |node| {
            node.items()
                .into_iter()
                .filter_map(|node| node.word(&codes))
                .collect::<Vec<_>>()
        });
        let from = table.get("from").and_then(|node| node.word(&SENDERS));
        Self {
            ignore: ignore.iter().map(|kind| kind.code().to_owned()).collect(),
            from,
        }
    }
}
