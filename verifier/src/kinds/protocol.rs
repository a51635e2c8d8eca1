//! `protocol`: no anomaly of RFC 6455 and RFC 7692.

mod check;

use wsaudit_wire::AnomalyKind;

use crate::rules::read::{SENDERS, Table};

/// No anomaly.
///
/// ```toml
/// [[rule]]
/// id     = "protocol"
/// title  = "both sides keep to RFC 6455 and RFC 7692"
/// kind   = "protocol"
/// ignore = ["non-minimal-length"]      # anomaly codes
/// from   = "server"                    # only what the server (client) sent; default: both
/// ```
///
/// It is exercised by each connection that was accepted or carried anything.
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
