//! Close codes and the payload of a close frame (RFC 6455, sections 5.5.1 and 7.4).

use std::fmt;

use crate::{Anomaly, AnomalyKind};

/// A close code: any number survives, also one that must not be sent.
///
/// <https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(pub u16);

/// Writes the constants and the names of the codes from one table.
macro_rules! close_codes {
    ($($(#[$doc:meta])+ $name:ident = $code:literal, $text:literal;)+) => {
        impl CloseCode {
            $($(#[$doc])+ pub const $name: Self = Self($code);)+

            /// The registered name, in words; `None` for a code without one.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some($text),)+
                    _ => None,
                }
            }
        }
    };
}

close_codes! {
    /// The purpose of the connection is fulfilled.
    NORMAL_CLOSURE = 1000, "normal closure";
    /// A server goes down, or a browser leaves the page.
    GOING_AWAY = 1001, "going away";
    /// The peer broke the protocol.
    PROTOCOL_ERROR = 1002, "protocol error";
    /// A kind of data came that cannot be accepted.
    UNSUPPORTED_DATA = 1003, "unsupported data";
    /// Never sent: stands for a close frame without a code.
    NO_STATUS_RECEIVED = 1005, "no status received";
    /// Never sent: stands for an end without a close frame.
    ABNORMAL_CLOSURE = 1006, "abnormal closure";
    /// A message's data does not fit its type, such as text that is not UTF-8.
    INVALID_PAYLOAD_DATA = 1007, "invalid payload data";
    /// A message breaks the endpoint's policy.
    POLICY_VIOLATION = 1008, "policy violation";
    /// A message is too big.
    MESSAGE_TOO_BIG = 1009, "message too big";
    /// The server did not agree to an extension that the client needs.
    MANDATORY_EXTENSION = 1010, "mandatory extension";
    /// An unexpected condition.
    INTERNAL_ERROR = 1011, "internal error";
    /// The service restarts.
    SERVICE_RESTART = 1012, "service restart";
    /// The service is overloaded.
    TRY_AGAIN_LATER = 1013, "try again later";
    /// A gateway got an invalid response from its upstream.
    BAD_GATEWAY = 1014, "bad gateway";
    /// Never sent: stands for a failed TLS handshake.
    TLS_HANDSHAKE = 1015, "tls handshake failed";
}

impl CloseCode {
    /// Whether an endpoint may put this code into a close frame.
    ///
    /// RFC 6455, section 7.4.2: 3000 to 4999 are for libraries and applications; of those below,
    /// the registered ones, but for 1005, 1006 and 1015, which section 7.4.1 forbids to send.
    pub const fn is_valid_on_wire(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} ({name})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

/// What a close frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosePayload {
    /// The code; `None` where the payload has less than two bytes.
    pub code: Option<CloseCode>,
    /// The bytes after the code: UTF-8, where the sender keeps to the RFC.
    pub reason: Vec<u8>,
}

impl ClosePayload {
    /// Reads a close frame's payload, unmasked.
    pub fn parse(payload: &[u8]) -> Self {
        match payload.split_first_chunk::<2>() {
            Some((code, reason)) => Self {
                code: Some(CloseCode(u16::from_be_bytes(*code))),
                reason: reason.to_vec(),
            },
            None => Self {
                code: None,
                reason: Vec::new(),
            },
        }
    }

    /// The reason as text; what is not UTF-8 in it is replaced by U+FFFD.
    pub fn reason_text(&self) -> String {
        String::from_utf8_lossy(&self.reason).into_owned()
    }

    pub(crate) fn anomalies_of(payload: &[u8], anomalies: &mut Vec<Anomaly>) {
        if payload.len() == 1 {
            let detail = format!("the payload is the one byte 0x{:02x}", payload[0]);
            anomalies.push(Anomaly::new(AnomalyKind::InvalidClosePayload, detail));
        }
        let close = Self::parse(payload);
        if let Some(code) = close.code
            && !code.is_valid_on_wire()
        {
            let detail = format!("code {code}");
            anomalies.push(Anomaly::new(AnomalyKind::InvalidCloseCode, detail));
        }
        if let Err(error) = std::str::from_utf8(&close.reason) {
            let detail = format!(
                "the reason is not UTF-8 from its byte {} on",
                error.valid_up_to()
            );
            anomalies.push(Anomaly::new(AnomalyKind::InvalidClosePayload, detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CloseCode, ClosePayload};
    use crate::AnomalyKind;

    #[test]
    fn codes_that_stand_for_the_absence_of_one_are_not_valid_on_the_wire() {
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
            assert!(!CloseCode(code).is_valid_on_wire(), "{code}");
        }
        for code in [1000, 1003, 1007, 1014, 3000, 4999] {
            assert!(CloseCode(code).is_valid_on_wire(), "{code}");
        }
    }

    #[test]
    fn display_has_the_number_and_the_name() {
        assert_eq!(CloseCode::GOING_AWAY.to_string(), "1001 (going away)");
        assert_eq!(CloseCode(4001).to_string(), "4001");
    }

    #[test]
    fn payloads_and_their_anomalies() {
        let kinds = |payload: &[u8]| {
            let mut anomalies = Vec::new();
            ClosePayload::anomalies_of(payload, &mut anomalies);
            anomalies.into_iter().map(|a| a.kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds(b""), []);
        assert_eq!(kinds(b"\x03\xe8bye"), []);
        assert_eq!(kinds(b"\x03"), [AnomalyKind::InvalidClosePayload]);
        assert_eq!(kinds(b"\x03\xed"), [AnomalyKind::InvalidCloseCode]);
        assert_eq!(kinds(b"\x03\xe8\xff"), [AnomalyKind::InvalidClosePayload]);
        assert_eq!(ClosePayload::parse(b"\x03").code, None);
        assert_eq!(ClosePayload::parse(b"\x03\xe8bye").reason_text(), "bye");
    }
}
