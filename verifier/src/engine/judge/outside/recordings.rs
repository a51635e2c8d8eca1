//! What the recordings lack, as a whole or in places.

use std::collections::BTreeMap;

use wsaudit_recording::Unread;

use super::{Judge, OutsideDoubt, Touches};
use crate::engine::ALL_PARTS;
use crate::finding::{Doubt, Place, Subject};
use crate::history::{ClockStep, Connection, During, Gap, GapCause, Outline, SourceError};
use crate::verdict::Reason;

impl Judge<'_, '_> {
    pub(super) fn gaps(&self, pack: usize, recording: u16, outline: &Outline) -> Vec<OutsideDoubt> {
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
    pub(super) fn clock(&self, outline: &Outline) -> Option<OutsideDoubt> {
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
}

pub(super) fn unread(error: &SourceError) -> OutsideDoubt {
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

pub(super) fn unclean(recording: u16, outline: &Outline) -> Option<OutsideDoubt> {
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

pub(super) fn goes_on(outline: &Outline) -> Option<OutsideDoubt> {
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

fn seconds(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / 1e9
}
