//! `handshake`: accepted, with the right subprotocol, Origin and credentials, and one holder for
//! each session id.

mod check;

use crate::rules::Matcher;

/// The opening handshake is as it should be.
///
/// ```toml
/// [[rule]]
/// id         = "one-session-one-holder"
/// title      = "a session id has one holder"
/// kind       = "handshake"
/// accepted   = true                                   # every handshake is answered 101
/// subprotocol = ["chat.v2"]                           # the chosen one; `""` for none
/// origin     = [{ regex = "^https://" }]              # what a browser sent; no Origin is no breach
/// credential = "required"                             # each accepted handshake presents one
/// url        = "no-secret"                            # no token in the request target
/// one-holder = ["user", "device", "credential"]       # one session id, two of these = violated
/// unshared   = ["credential"]                         # one of these, two session ids = violated
/// ```
///
/// At least one of the keys must be there.
#[derive(Debug, Clone, Default)]
pub struct Handshake {
    /// Every handshake is answered 101.
    pub accepted: Option<Demand>,
    /// Matchers, one of which the chosen subprotocol must match; empty: not checked.
    pub subprotocol: Vec<Matcher>,
    /// Matchers, one of which a present Origin must match; empty: not checked.
    pub origin: Vec<Matcher>,
    /// Each accepted handshake presents a credential.
    pub credential: Option<Demand>,
    /// No secret in the request target.
    pub clean_url: Option<Demand>,
    /// What must be the same in all connections of one session id.
    pub one_holder: Vec<HolderTrait>,
    /// What must not be the same in two session ids.
    pub unshared: Vec<HolderTrait>,
}

/// A check that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand;

/// What is known of a session's holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HolderTrait {
    /// Its user.
    User,
    /// Its device.
    Device,
    /// The credential that it presented.
    Credential,
}
