//! What the messages of framings on top of WebSocket are made of, where they are no JSON: for the codecs, and for
//! `correlated`.

pub(crate) mod socket_io;
pub(crate) mod stomp;
