//! Sessions whose cookie is renewed: an answer that sets a cookie, to a request which presented one, goes to the same holder,
//! who goes on under another value (decision 0028).
//!
//! ```text
//!   POST /login  Cookie: sid=a  ->  Set-Cookie: sid=b     a and b are one session
//! ```
//!
//! Before anything is checked, the tags of all values of one session are given the name of the first one. Where it is not sure
//! that the values have one holder, they stay sessions of their own that are *kin*: what one does to the other is undecided.

mod chains;

use std::collections::{BTreeMap, BTreeSet};

use wsaudit_tagging::{AlreadyRedacted, Renewal, TagKind};
use wsaudit_wire::{RequestHead, ResponseHead};

use self::chains::{Chains, Known};
use super::state::{Cx, SessionIx};
use crate::finding::{Note, Outcome, Place, Subject, Violation};
use crate::history::{Connection, Moment, Outline, Tag};

/// Which ids are one session, and which may be.
#[derive(Debug, Default)]
pub(super) struct Renewed {
    /// By id: the name of its session, where that is another one.
    names: BTreeMap<String, String>,
    /// By the name of a session: what is known of it.
    known: BTreeMap<String, Known>,
    /// Exchanges that were asked for one session and answered to another.
    switches: Vec<Switch>,
    /// Names of the cookies that are renewed.
    cookies: BTreeSet<String>,
    /// The first answer that renews one.
    first: Option<Place>,
}

impl Known {
    /// Whether the two are surely not one session: they are of different users.
    fn is_apart_from(&self, other: &Self) -> bool {
        !self.users.is_empty() && !other.users.is_empty() && self.users.is_disjoint(&other.users)
    }

    /// Why the two may be one session; `None`: they are not.
    fn may_be(&self, other: &Self) -> Option<Why> {
        if self.is_apart_from(other) {
            None
        } else if self.kin == other.kin {
            Some(Why::Kin)
        } else if self.may_be_renewed || other.may_be_renewed {
            Some(Why::Missing)
        } else {
            None
        }
    }
}

/// Why two sessions may be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// An answer set the cookie of one for whoever presented the other's.
    Kin,
    /// One may have done so in frames that are missing.
    Missing,
}

/// An exchange that begins with one session and ends with another.
#[derive(Debug)]
struct Switch {
    recording: u16,
    from: u64,
    to: u64,
    sessions: [String; 2],
}

impl Renewed {
    /// Looks at what answers make of the cookies that say whose a session is.
    pub(super) fn find(outlines: &[&Outline]) -> Self {
        let cookies = cookies(outlines);
        if cookies.is_empty() {
            return Self::default();
        }
        let answers = answers(outlines, &cookies);
        if answers.iter().all(|answer| !answer.renews()) {
            return Self::default();
        }
        let mut chains = Chains::new(&answers);
        let lossy_from: Vec<_> = outlines
            .iter()
            .map(|outline| lossy_from(outline, outlines.len()))
            .collect();
        for (recording, connection) in connections(outlines) {
            chains.see(connection, lossy_from[usize::from(recording)]);
        }
        let renewals = answers.iter().filter(|answer| answer.renews());
        let sessions = chains.sessions();
        let mut renewed = Self {
            names: sessions.names,
            known: sessions.known,
            cookies: renewals.clone().map(|one| one.cookie.clone()).collect(),
            first: renewals.map(|one| one.place).min(),
            ..Self::default()
        };
        renewed.switches = renewed.switches_in(outlines);
        renewed
    }

    /// Whether no cookie is renewed.
    pub(super) fn is_none(&self) -> bool {
        self.first.is_none()
    }

    /// The name of the session of that id.
    pub(super) fn name<'n>(&'n self, id: &'n str) -> &'n str {
        self.names.get(id).map_or(id, String::as_str)
    }

    /// Gives the tags of one session one name, and so the credentials that are its cookies.
    pub(super) fn rename(&self, tags: &mut [Tag]) {
        for tag in tags.iter_mut() {
            let names_session = match tag.kind {
                TagKind::Session | TagKind::Credential => true,
                TagKind::User | TagKind::Device | TagKind::Claim => false,
            };
            if names_session && let Some(name) = self.names.get(&tag.value) {
                tag.value.clone_from(name);
            }
        }
    }

    fn switches_in(&self, outlines: &[&Outline]) -> Vec<Switch> {
        let mut switches = Vec::new();
        for (recording, connection) in connections(outlines) {
            let mut sessions = connection
                .tags
                .iter()
                .filter(|tag| tag.kind == TagKind::Session);
            let (Some(_), Some(first), Some(last)) = (
                &connection.http,
                sessions.next().map(|tag| self.name(&tag.value)),
                sessions.next_back().map(|tag| self.name(&tag.value)),
            ) else {
                continue;
            };
            if first != last {
                switches.push(Switch {
                    recording,
                    from: connection.opened.seq,
                    to: connection.closed.map_or(u64::MAX, |closed| closed.seq),
                    sessions: [first.to_owned(), last.to_owned()],
                });
            }
        }
        switches
    }

    /// What breaks a rule only if two sessions are two that may be one is in doubt.
    pub(super) fn doubt(&self, cx: &Cx<'_>, outcome: &mut Outcome) {
        let settle = "record with a `--session` source that stays the same when the cookie is renewed, or with a \
                      `--user` source that tells whose each session is";
        outcome.doubt(|violation| {
            let (one, other, why) = self.may_be_one(cx, violation)?;
            let why = match why {
                Why::Kin => "an answer renewed the cookie",
                Why::Missing => "an answer may have renewed the cookie in frames that are missing",
            };
            let why = format!("sessions {one} and {other} may be one: {why}");
            Some((why, settle))
        });
    }

    /// The sessions that a violation takes for two, and that may be one.
    fn may_be_one<'c>(
        &'c self,
        cx: &'c Cx<'_>,
        violation: &Violation,
    ) -> Option<(&'c str, &'c str, Why)> {
        let name = |session: Option<SessionIx>| session.map(|session| cx.session_name(session));
        let subject = name(violation.subject.session)?;
        let own = self.known.get(subject);
        let Some(owner) = name(violation.owner.session) else {
            let own = own?;
            let mut others = self.known.iter();
            let other = others
                .find(|(other, known)| *other != subject && own.may_be(known) == Some(Why::Kin));
            return other.map(|(other, _)| (subject, other.as_str(), Why::Kin));
        };
        if subject == owner {
            return None;
        }
        let Place { recording, seq } = violation.offending;
        let switched = self.switches.iter().any(|switch| {
            let [one, other] = switch.sessions.each_ref().map(String::as_str);
            switch.recording == recording
                && (switch.from..=switch.to).contains(&seq)
                && ((one, other) == (subject, owner) || (one, other) == (owner, subject))
        });
        let why = if switched {
            Why::Kin
        } else {
            own?.may_be(self.known.get(owner)?)?
        };
        Some((owner, subject, why))
    }

    /// What is worth knowing though nothing is wrong: that ids are one session.
    pub(super) fn note(&self) -> Option<Note> {
        let place = self.first?;
        let sessions: BTreeSet<_> = self.names.values().collect();
        if sessions.is_empty() {
            return None;
        }
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let (number, what) = match sessions.len() {
            1 => ("1", "session goes"),
            several => (&*several.to_string(), "sessions go"),
        };
        Some(Note {
            message: format!(
                "{number} {what} on under {} values of the cookie {}, which answers renewed for whoever presented the one \
                 before: these are one session each, and so are two users of one browser, unless something says who they are",
                self.names.len() + sessions.len(),
                cookies.join(", "),
            ),
            place,
            subject: Subject::default(),
        })
    }
}

/// An answer that sets a cookie which says whose a session is.
#[derive(Debug)]
struct Answer {
    place: Place,
    /// When, in nanoseconds since the Unix epoch.
    at: i64,
    cookie: String,
    renewal: Renewal,
}

impl Answer {
    /// Whether it sets another value than was presented.
    fn renews(&self) -> bool {
        let before = self.renewal.before.as_ref();
        before.is_some_and(|before| *before != self.renewal.now)
    }
}

/// From where on a recording, one of so many, may lack an answer.
fn lossy_from(outline: &Outline, recordings: usize) -> u64 {
    if recordings > 1 {
        return 0;
    }
    let gaps = outline.gaps.iter().map(|gap| gap.from);
    let end = outline.unclean.iter();
    let end = end.map(|unclean| unclean.last.map_or(0, |last| last + 1));
    let runs = outline.parts.windows(2);
    let later = runs
        .filter(|pair| pair[0].run != pair[1].run || pair[0].number + 1 != pair[1].number)
        .map(|pair| pair[1].first_seq);
    gaps.chain(end).chain(later).min().unwrap_or(u64::MAX)
}

fn connections<'o>(
    outlines: &'o [&'o Outline],
) -> impl Iterator<Item = (u16, &'o Connection)> + use<'o> {
    (0..).zip(outlines).flat_map(|(recording, outline)| {
        let all = outline.connections.iter();
        all.map(move |connection| (recording, connection))
    })
}

/// The name of the cookie that a tag was taken from.
fn cookie_of(tag: &Tag) -> Option<&str> {
    let source = tag.source.as_str();
    source
        .strip_prefix("cookie:")
        .or_else(|| source.strip_prefix("set-cookie:"))
}

/// The names of the cookies that say whose a session is.
fn cookies<'o>(outlines: &'o [&'o Outline]) -> BTreeSet<&'o str> {
    let tags = connections(outlines).flat_map(|(_, connection)| &connection.tags);
    tags.filter(|tag| tag.kind == TagKind::Session)
        .filter_map(cookie_of)
        .collect()
}

/// The answers that set one of these cookies, in the order of time.
fn answers(outlines: &[&Outline], cookies: &BTreeSet<&str>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (recording, connection) in connections(outlines) {
        let Some(Moment { seq, at }) = connection.answered else {
            continue;
        };
        // Most answers set none, and need not be read.
        if !has_field(&connection.response_head) {
            continue;
        }
        let request = RequestHead::parse(&connection.request_head);
        let response = ResponseHead::parse(&connection.response_head);
        let (Ok(request), Ok(response)) = (request, response) else {
            continue;
        };
        for cookie in cookies {
            let renewal = Renewal::of(cookie, &request, &response, &AlreadyRedacted);
            answers.extend(renewal.map(|renewal| Answer {
                place: Place { recording, seq },
                at,
                cookie: (*cookie).to_owned(),
                renewal,
            }));
        }
    }
    answers.sort_by_key(|answer| (answer.at, answer.place));
    answers
}

fn has_field(head: &[u8]) -> bool {
    let name = b"set-cookie:";
    head.windows(name.len())
        .any(|window| window.eq_ignore_ascii_case(name))
}
