//! Bytes that passed, and that nobody read for frames.

/// Why bytes passed unread though a WebSocket may be in them, or in those before them. What a gap says
/// of it, [`why`](Self::why), is one of these texts and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unread {
    /// An answer is no HTTP.
    NoHttp,
    /// An answer's head is longer than the recorder reads.
    LongHead,
    /// The chunks of an answer's body are broken, so that nobody can say where it ends.
    BrokenChunks,
    /// A CONNECT was granted.
    Connect,
    /// A 101 switched to another protocol than a WebSocket.
    OtherProtocol,
    /// An opening handshake was granted, and has a body. By RFC 9110, section 7.8 frames begin after
    /// it; a server that ignores it reads frames in it.
    HandshakeBody,
    /// A request's body holds the first line of a request, and later a 101 came: the server may have
    /// ignored the body, and have answered what is in it.
    HiddenRequest,
    /// A 101 came when no answer was due: the server has read a request where the proxy has not.
    UnaskedSwitch,
}

impl Unread {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::NoHttp,
        Self::LongHead,
        Self::BrokenChunks,
        Self::Connect,
        Self::OtherProtocol,
        Self::HandshakeBody,
        Self::HiddenRequest,
        Self::UnaskedSwitch,
    ];

    /// What the gap says.
    pub const fn why(self) -> &'static str {
        match self {
            Self::NoHttp => "the upstream's answer is no HTTP: the connection passes unread",
            Self::LongHead => {
                "the head of the upstream's answer is longer than --max-head: the connection passes unread"
            }
            Self::BrokenChunks => {
                "an answer's chunks are broken: the rest of its connection passes unread"
            }
            Self::Connect => "a CONNECT was granted: its tunnel passes unread",
            Self::OtherProtocol => "a 101 that opens no WebSocket: what follows it passes unread",
            Self::HandshakeBody => {
                "the opening handshake has a body: a server that ignores it reads frames in it, \
                 which pass unread"
            }
            Self::HiddenRequest => {
                "a request's body holds another request: a server that ignores the body may have \
                 answered that one with the 101, and what the body holds passed unread"
            }
            Self::UnaskedSwitch => {
                "a 101 came when no answer was due, as from a server that ignores a body with a \
                 request in it: the connection passes unread"
            }
        }
    }

    /// What a gap is about, from its text; `None`: something else.
    pub fn of(why: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unread| unread.why() == why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_of_one_reason() {
        for unread in Unread::ALL {
            assert_eq!(Unread::of(unread.why()), Some(unread));
        }
        assert_eq!(Unread::of("the recorder stalled for 5s"), None);
    }
}
