//! The rules that are asked about: all that says whose something is, and who may see it.

use proptest::prelude::*;
use proptest::sample::select;
use wsaudit_verifier::facts::{Fact, Facts};
use wsaudit_verifier::rules::HolderKind;

use crate::lives::user;
use crate::random::{SESSIONS, holder_kinds, word};
use crate::told::{session_name, user_name};

const PACK: &str = r#"
[fields]
doc        = "/doc"
party      = "/party"
party_user = "/party_user"
[events]
draft    = { from = "client", name = "draft" }
join     = { from = "client", name = "join" }
leave    = { from = "client", name = "leave" }
made     = { from = "server", name = "made" }
joined   = { from = "server", name = "joined" }
opened   = { from = "server", name = "opened" }
left     = { from = "server", name = "left" }
shared   = { from = "server", name = "shared" }
unshared = { from = "server", name = "unshared" }
released = { from = "server", name = "released" }
motd     = { from = "server", name = "motd" }
[facts.docs]
from     = "csv"
path     = "docs.csv"
resource = "id"
owner    = "owner"
"#;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claims {
    None,
    Delivered,
    Named,
    Minted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Server,
    Within(HolderKind),
}

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) owner: HolderKind,
    pub(super) reach: Reach,
    pub(super) claims: Claims,
    /// By document: its owner, a session or a user by its number.
    pub(super) facts: Option<Vec<(usize, usize)>>,
    pub(super) complete: bool,
    pub(super) members: bool,
    pub(super) survives: bool,
    pub(super) released: bool,
    /// What shares name; `None`: there are none.
    pub(crate) shares: Option<HolderKind>,
}

impl Rule {
    /// The pack, with what it says of sessions.
    pub(crate) fn text(&self, session: &str) -> String {
        let complete = if self.complete {
            "complete = true\n"
        } else {
            ""
        };
        let reach = match self.reach {
            Reach::Server => "server",
            Reach::Within(kind) => word(kind),
        };
        let mut text = format!(
            "{PACK}{complete}{session}[[rule]]\nid = \"it\"\ntitle = \"it\"\nkind = \"owned\"\n\
             resource = \"doc\"\nbroadcast-by = \"motd\"\nowner = \"{}\"\nunique-within = \"{reach}\"\n",
            word(self.owner)
        );
        text += match (self.claims, self.owner) {
            (Claims::None, _) => "",
            (Claims::Delivered, _) => "claimed-by = \"made\"\n",
            (Claims::Minted, _) => "claimed-by = \"draft\"\n",
            (Claims::Named, HolderKind::User) => {
                "claimed-by = { event = \"made\", owner-at = \"party_user\" }\n"
            }
            (Claims::Named, _) => "claimed-by = { event = \"made\", owner-at = \"party\" }\n",
        };
        if self.facts.is_some() {
            text += "facts = \"docs\"\n";
        }
        if self.members {
            text += "members-by = [\"join\", \"joined\"]\nleft-by = [\"leave\", \"left\"]\n";
            text += &format!("survives-reconnect = {}\n", self.survives);
        }
        if self.released {
            text += "released-by = \"released\"\n";
        }
        if let Some(kind) = self.shares {
            let with = match kind {
                HolderKind::User => "party_user",
                HolderKind::Session | HolderKind::Connection => "party",
            };
            let grant = format!("with = \"{with}\", holder = \"{}\" }}\n", word(kind));
            text += &format!("shared-by = {{ event = \"shared\", {grant}");
            text += &format!("revoked-by = {{ event = \"unshared\", {grant}");
        }
        text
    }

    pub(crate) fn told(&self) -> Facts {
        let mut facts = Facts::default();
        let rows = self.facts.iter().flatten().map(|(doc, owner)| Fact {
            resource: format!("document-{doc}"),
            owner: match self.owner {
                HolderKind::User => user_name(*owner),
                HolderKind::Session | HolderKind::Connection => session_name(*owner),
            },
            origin: "docs.csv".to_owned(),
        });
        facts.extend("docs", rows);
        facts
    }
}

pub(crate) fn rules() -> impl Strategy<Value = Rule> {
    let reach = select(vec![
        Reach::Server,
        Reach::Server,
        Reach::Server,
        Reach::Within(HolderKind::User),
        Reach::Within(HolderKind::Session),
        Reach::Within(HolderKind::Connection),
    ]);
    let claims = select(vec![
        Claims::None,
        Claims::Delivered,
        Claims::Named,
        Claims::Minted,
    ]);
    let facts = proptest::collection::vec((0..3_usize, 0..SESSIONS), 0..4);
    let shares = select(vec![
        None,
        Some(HolderKind::Session),
        Some(HolderKind::User),
    ]);
    (
        holder_kinds(),
        reach,
        claims,
        proptest::option::weighted(0.3, facts),
        any::<[bool; 4]>(),
        shares,
    )
        .prop_map(
            |(owner, reach, claims, facts, [complete, members, survives, released], shares)| {
                let connections = owner == HolderKind::Connection;
                let claims = if connections && claims == Claims::Named {
                    Claims::Delivered
                } else {
                    claims
                };
                let facts = facts.filter(|_| !connections).map(|mut facts| {
                    if owner == HolderKind::User {
                        for (_, owner) in &mut facts {
                            *owner = user(*owner);
                        }
                    }
                    facts
                });
                Rule {
                    complete: complete && facts.is_some(),
                    members: members || claims == Claims::None && facts.is_none(),
                    owner,
                    reach,
                    claims,
                    facts,
                    survives,
                    released,
                    shares,
                }
            },
        )
}
