//! Events that a rule could not judge, because an id is not known. They are never passed over in
//! silence.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::event::Event;
use super::state::{ConnectionIx, Cx, Holder};
use crate::finding::{Doubt, Place, Subject};
use crate::rules::{HolderKind, Pointer};
use crate::verdict::Reason;

/// What to do where nothing says who the holder is.
pub(super) const fn source_wanted(kind: HolderKind) -> &'static str {
    match kind {
        HolderKind::Session => {
            "name a source with `wsaudit record --session`, or as `id` in the pack's [session]; \
             `wsaudit show` lists candidates"
        }
        HolderKind::User => {
            "name a source with `wsaudit record --user`, or as `user` in the pack's [session]; \
             `wsaudit show` lists candidates"
        }
        HolderKind::Connection => "name a source that identifies the connection",
    }
}

const AT_ONCE: &str =
    "record clients that open their WebSocket at once (Socket.IO: `transports: [\"websocket\"]`)";

/// Events that could not be judged: how many, and the first of them.
#[derive(Debug, Default)]
pub struct Skipped {
    count: u64,
    /// How many of them are of connections that nothing ever says the holder of.
    nobodys: u64,
    first: Option<(Place, ConnectionIx, String)>,
    /// Whom they are about; where they are about several, nobody, which may be anybody.
    about: Option<Subject>,
    /// Likewise, on each connection that never has a session.
    strangers: BTreeMap<ConnectionIx, (u64, Place, String)>,
}

impl Skipped {
    /// Counts one; `called` is its name.
    pub fn note(&mut self, event: &Event<'_>, called: impl Display) {
        self.count += 1;
        self.is_about(event.subject());
        self.first
            .get_or_insert_with(|| (event.place, event.connection, called.to_string()));
    }

    fn is_about(&mut self, subject: Subject) {
        let about = self.about.get_or_insert(subject);
        let whom = |it: Subject| {
            (
                it.session,
                it.user,
                it.connection.filter(|_| it.session.is_none()),
            )
        };
        if whom(*about) != whom(subject) {
            *about = Subject::default();
        }
    }

    /// Counts an event of a connection that speaks for nobody known here.
    pub fn note_unidentified(
        &mut self,
        cx: &Cx<'_>,
        kind: HolderKind,
        event: &Event<'_>,
        called: impl Display,
    ) {
        let state = cx.connection(event.connection);
        let is_nobodys = state.lanes.is_empty() && cx.first_name(kind, event.connection).is_none();
        let is_stranger = kind == HolderKind::Session && is_nobodys && state.info.http.is_none();
        if is_stranger {
            let first = || (0, event.place, called.to_string());
            let (count, ..) = self.strangers.entry(event.connection).or_insert_with(first);
            *count += 1;
        } else {
            self.nobodys += u64::from(is_nobodys);
            self.note(event, called);
        }
    }

    /// The doubt that events without an id leave; `id` says which one: `` the id of `run` ``.
    pub fn without_id(&self, cx: &Cx<'_>, id: &str) -> Option<Doubt> {
        let what = format!("without {id}");
        self.doubt(
            cx,
            Reason::Undecided,
            &what,
            "correct the pointer in the rule or in [fields], or leave the event out",
        )
    }

    /// The doubt that events leave in which there may be ids within an object or an array.
    pub(super) fn with_ids_within(&self, cx: &Cx<'_>, at: &Pointer) -> Option<Doubt> {
        let what = format!("with an object or a list at `{at}` that may have ids in it");
        let settle = format!(
            "point to where the id is in it, such as `{at}/id` or `{at}/*/id`, in the rule or in [fields], or leave \
             the event out"
        );
        self.doubt(cx, Reason::Undecided, &what, &settle)
    }

    /// The doubt that events leave which break a rule, if no other one came before them.
    pub fn after_a_loss(&self, cx: &Cx<'_>) -> Option<Doubt> {
        let (_, connection, _) = self.first.as_ref()?;
        let (what, settle) = if cx.connection(*connection).goes_on {
            (
                "after what may excuse it, and may have gone over the polling that the connection began with",
                AT_ONCE,
            )
        } else {
            (
                "after frames that may excuse it, and are missing, cannot be decoded or are nobody's",
                cx.settles_missing(),
            )
        };
        self.doubt(cx, Reason::Undecided, what, settle)
    }

    /// The doubt that events of unknown holders leave. A connection that never has a session is told
    /// once for all rules, and not here, where it was sent anything.
    pub fn without_holder(&self, cx: &Cx<'_>, kind: HolderKind) -> Option<Doubt> {
        let shared = self.first.as_ref().is_some_and(|(_, connection, _)| {
            kind == HolderKind::Session && !cx.connection(*connection).lanes.is_empty()
        });
        if shared {
            let what = "without naming a session, where several share the connection";
            let settle =
                "let every message name its session, or let the connection have one of its own";
            return self.doubt(cx, Reason::Unidentified, what, settle);
        }
        let is_blind = self.first.as_ref().is_some_and(|(place, connection, _)| {
            let from = cx.connection(*connection).blind_from;
            kind == HolderKind::Session
                && cx.first_name(kind, *connection).is_some()
                && from.is_some_and(|from| from <= place.seq)
        });
        if is_blind {
            let what = "naming a session of which frames that are missing or cannot be decoded may say \
                        that it shares the connection";
            return self.doubt(cx, Reason::Unidentified, what, cx.settles_missing());
        }
        let mut all = Self {
            count: self.count,
            nobodys: self.nobodys,
            first: self.first.clone(),
            about: self.about,
            ..Self::default()
        };
        for (connection, (count, place, called)) in &self.strangers {
            if cx.connection(*connection).received == 0 {
                all.count += count;
                all.nobodys += count;
                let first = (*place, *connection, called.clone());
                all.first = all.first.take().into_iter().chain([first]).min();
                all.is_about(cx.subject(Holder::Connection(*connection)));
            }
        }
        let when = match all.nobodys {
            0 => "before anything says",
            nobodys if nobodys == all.count => "where nothing says",
            _ => "where nothing says, or not yet,",
        };
        let belong = if all.count == 1 {
            "it belongs"
        } else {
            "they belong"
        };
        let what = match kind {
            HolderKind::Session | HolderKind::User => {
                format!("{when} which {} {belong} to", kind.as_str())
            }
            HolderKind::Connection => "on no connection".to_owned(),
        };
        let settle = match all.nobodys {
            0 => "name a source that identifies the connection from its first message on",
            _ => source_wanted(kind),
        };
        all.doubt(cx, Reason::Unidentified, &what, settle)
    }

    fn doubt(&self, cx: &Cx<'_>, reason: Reason, what: &str, settle: &str) -> Option<Doubt> {
        let (place, connection, called) = self.first.as_ref()?;
        let peer = cx.describe_connection(*connection);
        let message = match self.count {
            1 => format!("`{called}` came {what}, on {peer}"),
            count => {
                format!("{count} events came {what}; the first is `{called}` on {peer}")
            }
        };
        Some(Doubt {
            reason,
            message,
            settle: settle.to_owned(),
            place: Some(*place),
            subject: self.about.unwrap_or_default(),
        })
    }
}
