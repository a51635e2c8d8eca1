//! Doubts that stand outside the rules: what the recordings lack, and which rules that touches.

use std::collections::BTreeMap;

use wsaudit_recording::Unread;

use super::super::run::Finished;
use super::super::skipped::source_wanted;
use super::super::state::{ConnectionIx, Holder};
use crate::decode::DecodeError;
use crate::finding::{Doubt, Place, Subject, WITHOUT_GAPS, WITHOUT_GAPS_AND_WHOLE};
use crate::history::{ClockStep, Connection, During, Gap, GapCause, Outline, SourceError};
use crate::rules::{HolderKind, Pack, Rule};
use crate::verdict::Reason;

/// A doubt from outside the rules, and which rules it touches.
pub(super) struct OutsideDoubt {
    pub(super) doubt: Doubt,
    touches: Touches,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Touches {
    Every,
    ThoseThatReadMessages,
    /// They, and those that are about holders, of whom messages tell.
    ThoseThatLearnFromMessages,
    ThoseAbout(HolderKind),
    /// An exchange over HTTP, of which the pack's events say nothing.
    ThoseThatSeeAllExchanges,
}

impl OutsideDoubt {
    /// Whether it keeps a rule from being believed.
    pub(super) fn touches(&self, rule: &Rule) -> bool {
        match self.touches {
            Touches::Every => true,
            Touches::ThoseThatReadMessages => rule.spec.reads_messages(),
            Touches::ThoseThatLearnFromMessages => {
                rule.spec.reads_messages() || rule.spec.needs_holders()
            }
            Touches::ThoseAbout(kind) => rule.spec.holders() == kind,
            Touches::ThoseThatSeeAllExchanges => rule.spec.sees_all_exchanges(),
        }
    }
}

pub(super) struct Judge<'j, 'h> {
    pub(super) packs: &'j [Pack],
    pub(super) unread: &'j [SourceError],
    pub(super) finished: &'j Finished<'h>,
    /// How far the clocks of recordings may be apart, in nanoseconds.
    pub(super) skew: i64,
}

impl Judge<'_, '_> {
    /// The doubts that stand outside a pack's rules.
    pub(super) fn outside(&self, pack: usize) -> Vec<OutsideDoubt> {
        let mut doubts: Vec<_> = self.unread.iter().map(unread).collect();
        for (recording, outline) in (0_u16..).zip(&self.finished.cx.outlines) {
            doubts.extend(unclean(recording, outline));
            doubts.extend(goes_on(outline));
            doubts.extend(self.gaps(pack, recording, outline));
            doubts.extend(self.clock(outline));
        }
        doubts.extend(self.undecodable(pack));
        doubts.extend(self.unidentified(pack));
        doubts.extend(self.pathless(pack));
        doubts
    }

    fn gaps(&self, pack: usize, recording: u16, outline: &Outline) -> Vec<OutsideDoubt> {
        let cx = &self.finished.cx;
        // What is missing of a connection of which nothing else is known may be the pack's.
        let out_of_scope: BTreeMap<u64, &Connection> = cx
            .connections()
            .filter(|(index, state)| {
                state.recording == recording && !self.finished.scopes[pack][index.0 as usize]
            })
            .map(|(_, state)| (state.info.number, state.info))
            .collect();
        let touches = |gap: &Gap| {
            let number = gap.connection?;
            let other = out_of_scope.get(&number)?;
            Some(
                other
                    .http
                    .as_ref()
                    .map(|_| Touches::ThoseThatSeeAllExchanges),
            )
        };
        let gaps = outline.gaps.iter();
        gaps.filter_map(|gap| Some((gap, touches(gap).unwrap_or(Some(Touches::Every))?)))
            .map(|(gap, touches)| {
                let frames = gap
                    .frames
                    .map_or("frames".to_owned(), |n| format!("{n} frames"));
                let whose = gap
                    .connection
                    .map_or(String::new(), |number| format!(" of connection {number}"));
                let settle = match gap.cause {
                    GapCause::Recorder => "see to what made them missing, and record again",
                    GapCause::Unread(unread) => settles(unread),
                    GapCause::MissingPart => ALL_PARTS,
                };
                OutsideDoubt {
                    doubt: Doubt {
                        reason: Reason::Gap,
                        message: format!(
                            "{frames}{whose} between {} and {} are missing: {}",
                            gap.from, gap.to, gap.why
                        ),
                        settle: settle.to_owned(),
                        place: Some(Place {
                            recording,
                            seq: gap.from,
                        }),
                        subject: Subject::default(),
                    },
                    touches,
                }
            })
            .collect()
    }

    /// The first time that the clock was set so far that it matters: within a run only against other
    /// recordings, and beyond the tolerance that was stated for them.
    fn clock(&self, outline: &Outline) -> Option<OutsideDoubt> {
        let alone = self.finished.cx.outlines.len() == 1;
        let matters = |step: &&ClockStep| match step.during {
            During::ARun => !alone && step.by.abs() > self.skew,
            During::ThePause => true,
        };
        let step = outline.clock_steps.iter().find(matters)?;
        let (way, by) = if step.by < 0 {
            ("back", -step.by)
        } else {
            ("ahead", step.by)
        };
        let set = format!(
            "the clock of {} was set {way} by {:.3} s before +{:.3} s",
            outline.name,
            seconds(by),
            self.finished.cx.seconds(step.at)
        );
        let (message, settle) = match step.during {
            During::ARun => (
                format!(
                    "{set}, while it recorded: its order against the other recordings is not known"
                ),
                "record again with clocks that are kept (NTP), or state a --skew beyond that step",
            ),
            During::ThePause => (
                format!(
                    "{set}, between two runs: how long it was from one to the other is not known"
                ),
                "record again in one run, or verify recordings of one run each",
            ),
        };
        Some(OutsideDoubt {
            doubt: Doubt {
                reason: Reason::Undecided,
                message,
                settle: settle.to_owned(),
                place: None,
                subject: Subject::default(),
            },
            touches: Touches::ThoseThatReadMessages,
        })
    }

    fn undecodable(&self, pack: usize) -> Option<OutsideDoubt> {
        let undecodable = &self.finished.tally.undecodable[pack];
        let (place, connection, error) = undecodable.first.as_ref()?;
        let cx = &self.finished.cx;
        let (connection_name, seq) = (cx.describe_connection(*connection), place.seq);
        let is_exchange = cx.connection(*connection).info.http.is_some();
        let message = match undecodable.count {
            1 => format!("frame {seq} on {connection_name} cannot be decoded: {error}"),
            count => format!(
                "{count} messages cannot be decoded; the first is frame {seq} on \
                 {connection_name}: {error}"
            ),
        };
        let codec = self.packs[pack].codec.as_str();
        Some(OutsideDoubt {
            doubt: Doubt {
                reason: Reason::Undecodable,
                message,
                settle: match error {
                    DecodeError::Withheld { .. } => "record again with a --redact that can be \
                         followed in such messages (an expression needs no JSON), or leave the \
                         connection out with [scope]"
                        .to_owned(),
                    _ if is_exchange => "record again with a larger \
                         --max-recorded-body, or choose other paths with --record-http"
                        .to_owned(),
                    _ => format!(
                        "choose another codec than `{codec}` in [message], or leave the \
                         connection out with [scope]"
                    ),
                },
                place: Some(*place),
                subject: cx.subject(Holder::Connection(*connection)),
            },
            touches: if cx.learns_from_messages() {
                Touches::ThoseThatLearnFromMessages
            } else {
                Touches::ThoseThatReadMessages
            },
        })
    }

    /// Connections without a session, told to rules about sessions as that, and to rules about users by
    /// what is missing there: the user, or the session alone.
    fn unidentified(&self, pack: usize) -> Vec<OutsideDoubt> {
        let cx = &self.finished.cx;
        let unidentified = cx.connections().filter(|(index, state)| {
            self.finished.scopes[pack][index.0 as usize]
                // Of exchanges, those that a rule could not judge are told by the rule.
                && state.info.http.is_none()
                && state.identified_from.is_none()
                // Where several sessions share it, rules tell which messages name none.
                && state.lanes.is_empty()
                && state.received > 0
        });
        let all: Vec<_> = unidentified.map(|(index, _)| index).collect();
        let (without_user, with_user): (Vec<_>, Vec<_>) = all
            .iter()
            .copied()
            .partition(|index| cx.first_name(HolderKind::User, *index).is_none());
        let about = [
            (HolderKind::Session, HolderKind::Session, all),
            (HolderKind::User, HolderKind::User, without_user),
            (HolderKind::User, HolderKind::Session, with_user),
        ];
        about
            .into_iter()
            .filter_map(|(rules, missing, connections)| self.nobodys(rules, missing, &connections))
            .collect()
    }

    /// That nothing says whose connections are, told to the rules about some kind of holder.
    fn nobodys(
        &self,
        rules: HolderKind,
        missing: HolderKind,
        connections: &[ConnectionIx],
    ) -> Option<OutsideDoubt> {
        let (first, others) = connections.split_first()?;
        let cx = &self.finished.cx;
        let name = cx.describe_connection(*first);
        let which = missing.as_str();
        let message = match others.len() {
            0 => format!("nothing says which {which} {name} belongs to"),
            others => format!("nothing says which {which} {name} and {others} more belong to"),
        };
        let state = cx.connection(*first);
        Some(OutsideDoubt {
            doubt: Doubt {
                reason: Reason::Unidentified,
                message,
                settle: source_wanted(missing).to_owned(),
                place: Some(Place {
                    recording: state.recording,
                    seq: state.info.opened.seq,
                }),
                subject: Subject {
                    connection: Some(*first),
                    ..Subject::default()
                },
            },
            touches: Touches::ThoseAbout(rules),
        })
    }
}

impl Judge<'_, '_> {
    /// Whether all that a pack's rules miss is in parts of the run that are not here.
    pub(super) fn lacks_parts_alone(&self, pack: usize) -> bool {
        let outlines = || self.finished.cx.outlines.iter();
        let mut gaps = outlines().flat_map(|outline| &outline.gaps);
        let lacks_parts = outlines().any(|outline| outline.goes_on.is_some())
            || gaps.clone().any(|gap| gap.cause == GapCause::MissingPart);
        lacks_parts
            && gaps.all(|gap| gap.cause == GapCause::MissingPart)
            && self.finished.tally.undecodable[pack].first.is_none()
    }
}

/// Where nothing is missing but parts of the run, nothing need be recorded again.
pub(super) fn ask_for_parts(doubt: &mut Doubt) {
    if [WITHOUT_GAPS, WITHOUT_GAPS_AND_WHOLE].contains(&doubt.settle.as_str()) {
        ALL_PARTS.clone_into(&mut doubt.settle);
    }
}

impl Judge<'_, '_> {
    /// Connections of which nothing says whether the pack is about them: it is taken for not.
    fn pathless(&self, pack: usize) -> Option<OutsideDoubt> {
        if self.packs[pack].scope.path.is_empty() {
            return None;
        }
        let cx = &self.finished.cx;
        let mut pathless = cx.connections().filter(|(_, state)| {
            state.info.http.is_none() && state.path.is_empty() && state.carried > 0
        });
        let (first, state) = pathless.next()?;
        let name = cx.describe_connection(first);
        let which = match pathless.count() {
            0 => name,
            others => format!("{name} and {others} more"),
        };
        Some(OutsideDoubt {
            doubt: Doubt {
                reason: Reason::Undecided,
                message: format!(
                    "whether [scope] is about {which} is not known: the recording has no request head"
                ),
                settle: "record again, with the heads".to_owned(),
                place: Some(Place {
                    recording: state.recording,
                    seq: state.info.opened.seq,
                }),
                subject: cx.subject(Holder::Connection(first)),
            },
            touches: Touches::Every,
        })
    }
}

fn unread(error: &SourceError) -> OutsideDoubt {
    OutsideDoubt {
        doubt: Doubt {
            reason: Reason::Unread,
            message: if error.why.starts_with(&error.recording) {
                format!("nothing is known of {}", error.why)
            } else {
                format!("nothing is known of {}: {}", error.recording, error.why)
            },
            settle: "verify again with a copy that can be read, or leave it out".to_owned(),
            place: None,
            subject: Subject::default(),
        },
        touches: Touches::Every,
    }
}

fn unclean(recording: u16, outline: &Outline) -> Option<OutsideDoubt> {
    let unclean = outline.unclean.as_ref()?;
    let (name, why) = (&outline.name, &unclean.why);
    Some(OutsideDoubt {
        doubt: Doubt {
            reason: Reason::Unclean,
            // Of a recording, it is said of its runs.
            message: if why.ends_with("not closed cleanly") {
                format!("{name}: {why}")
            } else {
                format!("{name} was not closed cleanly: {why}")
            },
            settle: "if the recorder still runs, end it with Ctrl-C or SIGTERM, and verify again; if it was \
                     killed, record again: what came last was lost"
                .to_owned(),
            place: unclean.last.map(|seq| Place { recording, seq }),
            subject: Subject::default(),
        },
        touches: Touches::Every,
    })
}

/// What settles that bytes passed unread: no stall was the reason, and without a change they pass so again.
const fn settles(unread: Unread) -> &'static str {
    match unread {
        Unread::NoHttp => {
            "record again with a server whose answers are HTTP/1.1, or keep what is no HTTP away from \
             the recorder's port"
        }
        Unread::LongHead => "record again with a larger --max-head",
        Unread::BrokenChunks => {
            "record again with a server that ends its chunked answers as RFC 9112, section 7.1 has it"
        }
        Unread::Connect => {
            "record again with clients that connect to the recorder itself, and not through it with \
             CONNECT"
        }
        Unread::OtherProtocol => {
            "keep the other protocol away from the recorder's port (--ignore-path, where it has a path \
             of its own) and record again, or leave the connection out with [scope]"
        }
        Unread::HandshakeBody => {
            "record again with a client whose opening handshake has no body (no Content-Length but 0, \
             no Transfer-Encoding)"
        }
        Unread::HiddenRequest | Unread::UnaskedSwitch => {
            "find the client that sends a request within another one's body, and record again without \
             it; have the server read bodies, or close the connection after a request whose body it \
             has not read"
        }
    }
}

/// What settles that a part of a run is missing.
const ALL_PARTS: &str = "verify with all parts of the run";

fn seconds(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / 1e9
}

fn goes_on(outline: &Outline) -> Option<OutsideDoubt> {
    Some(OutsideDoubt {
        doubt: Doubt {
            reason: Reason::Gap,
            message: outline.goes_on.clone()?,
            settle: ALL_PARTS.to_owned(),
            place: None,
            subject: Subject::default(),
        },
        touches: Touches::Every,
    })
}
