//! The two ends of a connection and the two directions between them.

/// One end of a WebSocket connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// The end that opened the connection.
    Client,
    /// The end that accepted it.
    Server,
}

/// The way a frame travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Sent by the client; its frames are masked (RFC 6455, section 5.1).
    ClientToServer,
    /// Sent by the server; its frames are not masked.
    ServerToClient,
}

impl Direction {
    /// Both directions, client-to-server first.
    pub const BOTH: [Self; 2] = [Self::ClientToServer, Self::ServerToClient];

    /// The endpoint whose bytes travel this way.
    pub const fn sender(self) -> Endpoint {
        match self {
            Self::ClientToServer => Endpoint::Client,
            Self::ServerToClient => Endpoint::Server,
        }
    }

    /// The endpoint that these bytes reach.
    pub const fn receiver(self) -> Endpoint {
        self.opposite().sender()
    }

    /// The other way.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::ClientToServer => Self::ServerToClient,
            Self::ServerToClient => Self::ClientToServer,
        }
    }

    /// `client-to-server` or `server-to-client`, as recordings and reports write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientToServer => "client-to-server",
            Self::ServerToClient => "server-to-client",
        }
    }
}
