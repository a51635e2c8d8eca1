//! `protocol`: no anomaly of RFC 6455 and RFC 7692.

mod check;

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
#[derive(Debug, Clone, Default)]
pub struct Protocol {
    /// Codes that are no breach here.
    pub ignore: Vec<String>,
    /// Only what this side sent.
    pub from: Option<wsaudit_wire::Direction>,
}
