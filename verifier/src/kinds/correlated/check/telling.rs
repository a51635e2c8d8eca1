//! What `correlated` says of an answer to nothing.

use wsaudit_wire::{Direction, Endpoint};

use super::{Elsewhere, Stands, Unjudged, Unread, Why};
use crate::engine::{Carried, ConnectionIx, Cx, Holder, Line};
use crate::finding::{Doubt, Evidence, Subject, Violation};
use crate::kinds::correlated::said::{Act, Key};
use crate::kinds::correlated::table::Standing;
use crate::verdict::Reason;

/// An answer to something that is not open on its connection.
pub(super) fn unsolicited(
    cx: &Cx<'_>,
    message: &Carried<'_>,
    act: &Act,
    standing: Standing,
    elsewhere: Option<&Elsewhere>,
) -> Violation {
    let (space, called) = (act.key.space.as_str(), act.called);
    let what = describe(&act.key);
    let who = who_is(cx, message.connection);
    let asker = word(act.key.asked.sender());
    let (happened, role) = match standing {
        Standing::Ended(_) => ("after its last answer", "after its end"),
        Standing::Cancelled(_) => ("long after it was cancelled", "after it was cancelled"),
        Standing::Due | Standing::Unasked => (
            "which its {asker} had not asked for",
            "that was not asked for",
        ),
    };
    let happened = happened.replace("{asker}", asker);
    let mut evidence = vec![cx.identity(Line::whole(message.connection), message.place)];
    let before = match standing {
        Standing::Ended(place) => Some((place, "it was answered for the last time")),
        Standing::Cancelled(place) => Some((place, "it was cancelled")),
        Standing::Due | Standing::Unasked => None,
    };
    evidence
        .extend(before.map(|(place, text)| Evidence::at(place, text).pointing_at(&*act.key.id)));
    let mut owner = Subject::default();
    let (mut whose, mut theirs) = (String::new(), String::new());
    if let Some(elsewhere) = elsewhere {
        owner = cx.subject(Holder::Connection(elsewhere.connection));
        let other = who_is(cx, elsewhere.connection);
        let (is, until) = match elsewhere.stands {
            Stands::Yes => ("is", ""),
            Stands::NoMore => ("was", " when it ended"),
        };
        let others = match elsewhere.others {
            0 => String::new(),
            others => format!(" (and on {others} more)"),
        };
        whose = format!("; {what} {is} open on {other}{until}");
        theirs = format!(", open on another connection{until}");
        let text = format!("{what} {is} open on {other}{until}{others}");
        evidence.push(Evidence::at(elsewhere.asked, text).pointing_at(&*act.key.id));
    }
    let text = format!("{who} was sent `{called}` of {what}, {happened}");
    let by = word(message.direction.sender());
    let text = match message.direction {
        Direction::ServerToClient => text,
        Direction::ClientToServer => {
            format!("the client of {who} sent `{called}` of {what}, {happened}")
        }
    };
    evidence.push(Evidence::at(message.place, &*text).pointing_at(&*act.key.id));
    Violation {
        roles: format!("`{called}` by the {by} of a {space} {role}{theirs}"),
        owner,
        resource: Some(act.key.id.to_string()),
        evidence,
        expected: format!(
            "`{called}` answers a {space} that is open on its own connection; it was sent, so this is final"
        ),
        ..Violation::new(
            cx.subject(Holder::Connection(message.connection)),
            message.place,
            format!("{text}{whose}"),
        )
    }
}

impl Unjudged {
    pub(super) fn doubt(&self, cx: &Cx<'_>) -> Doubt {
        let (what, called) = (describe(&self.act.key), self.act.called);
        let name = cx.describe_connection(self.connection);
        let which = match self.count {
            1 => format!("`{called}` of {what} on {name} answers"),
            count => format!("{count} answers on {name} (the first: `{called}` of {what}) answer"),
        };
        let (why, settle) = match self.why {
            Why::Hidden => (
                "frames before it are missing or cannot be read",
                cx.settles_missing_or_cut(),
            ),
            Why::BegunElsewhere => (
                "the connection goes on with what was asked elsewhere (polling, or an earlier connection)",
                "record a client that begins with WebSocket, or accept undecided in the pack",
            ),
        };
        Doubt {
            reason: Reason::Undecided,
            message: format!("{which} nothing that was recorded there: {why}"),
            settle: settle.to_owned(),
            place: Some(self.place),
            subject: cx.subject(Holder::Connection(self.connection)),
        }
    }
}

impl Unread {
    pub(super) fn doubt(&self, cx: &Cx<'_>) -> Doubt {
        let (seq, name) = (self.place.seq, cx.describe_connection(self.connection));
        Doubt {
            reason: Reason::Undecodable,
            message: match self.count {
                1 => {
                    format!("frame {seq} on {name} cannot be read, and may have asked or answered")
                }
                count => format!(
                    "{count} messages cannot be read, and may have asked or answered; the first is frame {seq} on {name}"
                ),
            },
            settle: "record whole payloads, in a form that the framing's page names".to_owned(),
            place: Some(self.place),
            subject: cx.subject(Holder::Connection(self.connection)),
        }
    }
}

/// A request or subscription in a sentence: `request 7`, `request 13 of /admin`.
fn describe(key: &Key) -> String {
    let (space, id) = (key.space.as_str(), &key.id);
    match &*key.within {
        "" => format!("{space} {id}"),
        within => format!("{space} {id} of {within}"),
    }
}

/// A connection, with its session where it has one.
fn who_is(cx: &Cx<'_>, connection: ConnectionIx) -> String {
    let name = cx.describe_connection(connection);
    match cx.connection(connection).session {
        Some(session) => format!("{name} (session {})", cx.session_name(session)),
        None => name,
    }
}

const fn word(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Client => "client",
        Endpoint::Server => "server",
    }
}
