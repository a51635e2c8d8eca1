//! Breaches of RFC 6455 and RFC 7692: seen, named, and never a reason to refuse bytes.

/// A breach that was observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anomaly {
    /// Which one.
    pub kind: AnomalyKind,
    /// The values, for a person: `length 5 written in 16 bits`.
    pub detail: String,
}

impl Anomaly {
    pub(crate) fn new(kind: AnomalyKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }
}

/// Writes the enum, the list of its values, and what is said of each of them, from one table.
macro_rules! anomaly_kinds {
    ($($(#[$doc:meta])* $kind:ident: $code:literal, $clause:literal, $description:literal;)+) => {
        /// What kind of breach.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AnomalyKind {
            $(#[doc = $description] #[doc = concat!(" (", $clause, ").")] $(#[$doc])* $kind,)+
        }

        impl AnomalyKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)+];

            /// A stable name in kebab-case, as recordings and rules write it.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$kind => $code,)+ }
            }

            /// The clause that is broken: `RFC 6455, section 5.1`.
            pub const fn clause(self) -> &'static str {
                match self { $(Self::$kind => $clause,)+ }
            }

            /// What it is, in one line.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$kind => $description,)+ }
            }
        }
    };
}

anomaly_kinds! {
    UnmaskedClientFrame: "unmasked-client-frame", "RFC 6455, section 5.1",
        "a client sent a frame that is not masked";
    MaskedServerFrame: "masked-server-frame", "RFC 6455, section 5.1",
        "a server sent a frame that is masked";
    NonMinimalLength: "non-minimal-length", "RFC 6455, section 5.2",
        "a payload length was not written in the shortest form";
    LengthHighBit: "length-high-bit", "RFC 6455, section 5.2",
        "the most significant bit of a 64-bit payload length is set";
    ReservedOpcode: "reserved-opcode", "RFC 6455, section 5.2",
        "a frame has an opcode without a meaning";
    ReservedBit: "reserved-bit", "RFC 6455, section 5.2",
        "a reserved bit is set that no agreed extension gives a meaning";
    CompressedControl: "compressed-control", "RFC 7692, section 6",
        "a control frame is marked as compressed";
    CompressedContinuation: "compressed-continuation", "RFC 7692, section 6",
        "a continuation frame is marked as compressed";
    FragmentedControl: "fragmented-control", "RFC 6455, section 5.5",
        "a control frame is fragmented";
    OversizedControl: "oversized-control", "RFC 6455, section 5.5",
        "a control frame's payload is longer than 125 bytes";
    UnexpectedContinuation: "unexpected-continuation", "RFC 6455, section 5.4",
        "a continuation frame came where no message was begun";
    ExpectedContinuation: "expected-continuation", "RFC 6455, section 5.4",
        "a message began before the one before it was complete";
    InvalidUtf8: "invalid-utf8", "RFC 6455, section 8.1",
        "a text message is not valid UTF-8";
    InvalidCloseCode: "invalid-close-code", "RFC 6455, section 7.4",
        "a close frame has a code that must not be sent";
    InvalidClosePayload: "invalid-close-payload", "RFC 6455, section 5.5.1",
        "a close frame's payload is one byte, or its reason is not valid UTF-8";
    DataAfterClose: "data-after-close", "RFC 6455, section 5.5.1",
        "a data frame was sent after a close frame";
    DeflateError: "deflate-error", "RFC 7692, section 7.2.2",
        "a compressed message cannot be inflated";
    IncompleteFrame: "incomplete-frame", "RFC 6455, section 5.2",
        "the stream ended within a frame";
    IncompleteMessage: "incomplete-message", "RFC 6455, section 5.4",
        "the stream ended between the fragments of a message";
    InvalidKey: "invalid-key", "RFC 6455, section 4.1",
        "the request's Sec-WebSocket-Key is missing, doubled, or not 16 bytes in base64";
    WrongVersion: "wrong-version", "RFC 6455, section 4.1",
        "the request's Sec-WebSocket-Version is not 13";
    WrongAccept: "wrong-accept", "RFC 6455, section 4.1",
        "the response's Sec-WebSocket-Accept does not answer the request's key";
    IncompleteSwitch: "incomplete-switch", "RFC 6455, section 4.1",
        "the response's status is 101, and it lacks Upgrade: websocket or Connection: Upgrade";
    UnofferedSubprotocol: "unoffered-subprotocol", "RFC 6455, section 4.1",
        "the server chose a subprotocol that the client did not offer";
    UnofferedExtension: "unoffered-extension", "RFC 6455, section 4.1",
        "the server chose an extension that the client did not offer";
    InvalidExtensions: "invalid-extensions", "RFC 6455, section 9.1",
        "a Sec-WebSocket-Extensions value, or a parameter in it, is malformed";
}

impl AnomalyKind {
    /// The kind of that code; `None` for any other text.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::AnomalyKind;

    #[test]
    fn codes_are_distinct_kebab_case_and_lead_back_to_their_kind() {
        let codes: BTreeSet<_> = AnomalyKind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), AnomalyKind::ALL.len());
        for &kind in AnomalyKind::ALL {
            assert_eq!(AnomalyKind::from_code(kind.code()), Some(kind));
            assert!(
                kind.code()
                    .chars()
                    .all(|c| c == '-' || c.is_ascii_lowercase() || c.is_ascii_digit()),
                "{}",
                kind.code()
            );
            assert!(kind.clause().starts_with("RFC "), "{}", kind.clause());
        }
    }
}
