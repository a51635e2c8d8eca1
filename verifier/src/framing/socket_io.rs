//! Packets of Socket.IO 3 and later, and what they were before:
//! `<type>[<attachments>-][<namespace>,][<ack id>][JSON]`. Engine.IO's type `4` stands before them.
//! <https://socket.io/docs/v4/socket-io-protocol/>

/// A packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Packet<'p> {
    /// Its type: `b'2'` is an event.
    pub(crate) kind: u8,
    /// The main one is `/`.
    pub(crate) namespace: &'p str,
    /// What ties an acknowledgement to its event; empty: nothing does.
    pub(crate) ack: &'p str,
    /// What it carries; may be empty.
    pub(crate) json: &'p str,
}

impl<'p> Packet<'p> {
    /// Reads what follows Engine.IO's `4`; `None`: it is no packet.
    pub(crate) fn read(text: &'p str) -> Option<Self> {
        let kind = *text.as_bytes().first()?;
        let mut rest = text.get(1..)?;
        if matches!(kind, b'5' | b'6') {
            rest = rest.split_once('-')?.1;
        }
        let mut namespace = "/";
        if rest.starts_with('/') {
            (namespace, rest) = rest.split_once(',').unwrap_or((rest, ""));
            // What follows `?` is the old way to send a query along.
            namespace = namespace.split('?').next().unwrap_or(namespace);
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (ack, json) = rest.split_at(digits);
        Some(Self {
            kind,
            namespace,
            ack,
            json,
        })
    }
}
