//! `handshake`: accepted, with the right subprotocol, Origin and credentials, and one holder for
//! each session id.

mod check;

use crate::rules::Matcher;
use crate::rules::read::{Node, Table, one_of};

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
/// unshared   = ["credential", "token-id"]             # one of these, two session ids = violated
/// ```
///
/// At least one of the keys must be there.
///
/// A refused handshake breaks `accepted` only: the server has defended itself. Two users or devices of
/// one session id are a takeover whenever they come. Credentials are compared by their source, and may
/// be renewed: two at the same time are a takeover, one after the other is undecided. Where none of
/// the traits is known of all connections of a session, or only different ones, it is undecided.
///
/// It is exercised by each handshake; `one-holder` by connections that are not the only one (a second
/// one could have presented the session id of the first), `unshared` by two sessions. One demand does
/// not make up for another. It cannot see a takeover by somebody who presents the same of everything.
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
