//! `handshake`: accepted, with the right subprotocol, Origin and credentials, and one holder for each session id.
//!
//! # What it proves
//!
//! Each opening handshake is as it should be; and nobody holds a session id beside its holder.
//!
//! # Why
//!
//! A client can present any session id that it likes. Every other rule takes a session for one holder: whether it is, this kind
//! checks.
//!
//! # Example
//!
//! ```toml
//! [pack]
//! name   = "sessions"
//! format = 1
//!
//! [[rule]]
//! id          = "one-session-one-holder"
//! title       = "each handshake is accepted, and a session id has one holder"
//! kind        = "handshake"
//! accepted    = true
//! subprotocol = ["chat.v2"]
//! origin      = [{ regex = "^https://" }]
//! credential  = "required"
//! url         = "no-secret"
//! one-holder  = ["user", "device", "credential"]
//! unshared    = ["credential", "token-id"]
//! ```
//!
//! # Keys
//!
//! At least one of them.
//!
//! - `accepted`: `true`: every handshake is answered 101.
//! - `subprotocol`: matchers, one of which the chosen subprotocol matches; `""` for none.
//! - `origin`: matchers, one of which the Origin of a browser matches; no Origin is no breach.
//! - `credential`: `"required"`: each accepted handshake presents one.
//! - `url`: `"no-secret"`: no token in the request target.
//! - `one-holder`: what is the same in all connections of one session id: `"user"`, `"device"`, `"credential"`, `"token-id"`. One
//!   session id with two of these is violated.
//! - `unshared`: likewise, what no two session ids have in common.
//!
//! # What it cannot see
//!
//! A refused handshake breaks `accepted` only: the server has defended itself. Two users or devices of one session id are a takeover
//! whenever they come. Credentials are compared by their source, and may be renewed: two at the same time are a takeover, one after
//! the other is undecided. Where none of the traits is known of all connections of a session, or only different ones, it is
//! undecided.
//!
//! It is exercised by each handshake; `one-holder` by connections that are not the only one (a second one could have presented the
//! session id of the first), `unshared` by two sessions. One demand does not make up for another. It cannot see a takeover by
//! somebody who presents the same of everything.

mod check;

use crate::rules::Matcher;
use crate::rules::read::{Node, Table, one_of};

/// A `handshake` rule.
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
    /// The id of its token: the JWT claim `jti` (a tag of kind claim and source `jwt:jti`). Two
    /// tokens may differ, and still be issued under one id.
    TokenId,
}

impl Handshake {
    pub(crate) fn read(table: &mut Table<'_>) -> Self {
        const TRAITS: [(&str, HolderTrait); 4] = [
            ("user", HolderTrait::User),
            ("device", HolderTrait::Device),
            ("credential", HolderTrait::Credential),
            ("token-id", HolderTrait::TokenId),
        ];
        const DEMANDS: [&str; 7] = [
            "accepted",
            "subprotocol",
            "origin",
            "credential",
            "url",
            "one-holder",
            "unshared",
        ];
        let accepted = table.get("accepted").and_then(|node| {
            let yes = node.yes_or_no()?;
            if !yes {
                node.error("`accepted = false` demands nothing")
                    .label("leave it out; that none is accepted is `kind = \"never\"` with `@accepted`")
                    .emit();
            }
            yes.then_some(Demand)
        });
        let subprotocol = table
            .get("subprotocol")
            .map_or_else(Vec::new, Node::matchers);
        let origin = table.get("origin").map_or_else(Vec::new, Node::matchers);
        let credential = table
            .get("credential")
            .and_then(|node| node.word(&[("required", Demand)]));
        let clean_url = table
            .get("url")
            .and_then(|node| node.word(&[("no-secret", Demand)]));
        let mut traits = |key: &str| -> Vec<HolderTrait> {
            table.get(key).map_or_else(Vec::new, |node| {
                node.one_or_more()
                    .into_iter()
                    .filter_map(|node| node.word(&TRAITS))
                    .collect()
            })
        };
        let one_holder = traits("one-holder");
        let unshared = traits("unshared");
        if !table.has_any(&DEMANDS) {
            table
                .error("this rule asks for nothing")
                .label(format_args!("expected {}", one_of(DEMANDS)))
                .emit();
        }
        Self {
            accepted,
            subprotocol,
            origin,
            credential,
            clean_url,
            one_holder,
            unshared,
        }
    }
}
