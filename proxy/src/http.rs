//! What the proxy has to know of HTTP/1.1: where a head ends, and where a body does.
//!
//! A client's connection has an upstream connection of its own, so heads and bodies pass as they are;
//! docs/decisions has the reasons.

pub(crate) mod body;
pub(crate) mod exchange;
pub(crate) mod lookout;
pub(crate) mod own_answer;
pub(crate) mod request;
