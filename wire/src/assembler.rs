//! Joins and inflates the frames of one direction into messages.

mod header_checks;
mod kept;
mod message;
mod open;
mod window;

use header_checks::{BitOwner, check_header, check_order};
use kept::Kept;
pub use kept::OutputCap;
pub use message::{Content, Ended, Frames, Message, Undecodable};
use open::{Body, Current, Open, Place, TextCheck};
use window::SharedWindow;

use crate::inflate::Corrupt;
use crate::{Anomaly, AnomalyKind, ClosePayload, Direction, Extensions, FrameHeader, Opcode, Rest};

/// A control frame's payload is at most this long (RFC 6455, section 5.5); of a longer one, this much
/// is looked at.
const CONTROL_LIMIT: usize = 125;

/// Joins and inflates the frames of one direction, and reports what breaks the RFCs.
///
/// It is driven by a deframer's pieces: [`header`](Self::header), any number of
/// [`payload`](Self::payload)s (unmasked), [`end`](Self::end); anomalies are taken with
/// [`take_anomalies`](Self::take_anomalies) after any of them. A payload is not buffered unless it
/// has to be joined or inflated, and then up to the output cap.
#[derive(Debug)]
pub struct Assembler {
    direction: Direction,
    /// `None` where permessage-deflate was not agreed.
    deflate: Option<SharedWindow>,
    /// The names of unknown extensions, joined; `None` without any.
    unknown_extensions: Option<String>,
    cap: OutputCap,
    current: Current,
    open: Option<Open>,
    closing: Closing,
    anomalies: Vec<Anomaly>,
    /// How many of these count; `None`: all. What follows data after a close frame is no more than that.
    counting: Option<usize>,
}

/// How far the closing handshake of this direction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    NotBegun,
    CloseSent,
    /// Data came after the close frame; this is said once.
    DataReported,
}

impl Assembler {
    /// An assembler for one direction of a connection that agreed on `extensions`.
    pub fn new(direction: Direction, extensions: &Extensions, cap: OutputCap) -> Self {
        let unknown = &extensions.unknown;
        Self {
            direction,
            deflate: extensions
                .deflate
                .map(|agreed| SharedWindow::new(agreed.side(direction))),
            unknown_extensions: (!unknown.is_empty()).then(|| unknown.join(", ")),
            cap,
            current: Current::Between,
            open: None,
            closing: Closing::NotBegun,
            anomalies: Vec::new(),
            counting: None,
        }
    }

    /// A frame begins. Gives the message before, where this frame cuts it off; its last frame is the
    /// last data frame before this one.
    pub fn header(&mut self, header: &FrameHeader) -> Option<Message> {
        let owner = match (&self.unknown_extensions, &self.deflate) {
            (Some(_), _) => BitOwner::Unknown,
            (None, Some(_)) => BitOwner::Deflate,
            (None, None) => BitOwner::Nobody,
        };
        let before = self.anomalies.len();
        check_header(self.direction, owner, header, &mut self.anomalies);
        let opcode = header.opcode();
        let is_wrong = self.anomalies.len() > before;
        if is_wrong || !opcode.is_control() {
            self.check_closing(opcode, before);
        }
        if opcode.is_control() {
            self.current = Current::Control {
                opcode,
                payload: Vec::new(),
            };
            return None;
        }
        if opcode.is_reserved() {
            let why = Undecodable::ReservedOpcode(opcode);
            self.current = Current::Stray { opcode, why };
            return None;
        }
        check_order(
            self.open.as_ref().map(|o| o.opcode),
            opcode,
            &mut self.anomalies,
        );
        if opcode != Opcode::CONTINUATION {
            let cut_off = self.cut_off(Undecodable::CutOff);
            self.open = Some(self.begin_message(header));
            self.current = Current::Data {
                header: *header,
                place: Place::First,
            };
            return cut_off;
        }
        self.current = if self.open.is_some() {
            self.note_extension_bits(header);
            Current::Data {
                header: *header,
                place: Place::Later,
            }
        } else {
            let why = Undecodable::StrayContinuation;
            Current::Stray { opcode, why }
        };
        None
    }

    /// The next bytes of the frame's payload, unmasked.
    pub fn payload(&mut self, bytes: &[u8]) {
        match &mut self.current {
            Current::Between | Current::Stray { .. } => {}
            Current::Control { payload, .. } => {
                let room = CONTROL_LIMIT - payload.len();
                payload.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            Current::Data { .. } => self.data(bytes),
        }
    }

    /// The frame ends: what it was, and the message that is complete with it.
    pub fn end(&mut self) -> Ended {
        match std::mem::replace(&mut self.current, Current::Between) {
            Current::Between => Ended::Fragment,
            Current::Control { opcode, payload } => self.end_control(opcode, &payload),
            Current::Stray { opcode, why } => Ended::Message(Message {
                opcode,
                frames: Frames::One,
                content: Content::Undecodable(why),
            }),
            Current::Data { header, place } if !header.fin() => match place {
                Place::First => Ended::FirstFragment,
                Place::Later => Ended::Fragment,
            },
            Current::Data { .. } => match self.open.take() {
                Some(open) => Ended::Message(self.complete(open)),
                None => Ended::Fragment,
            },
        }
    }

    /// The stream ends, with that rest in its deframer. Gives the message that is not complete, where
    /// a whole frame of it was read; its last frame is the last whole data frame.
    pub fn finish(&mut self, rest: Rest<'_>) -> Option<Message> {
        let detail = match rest {
            Rest::Nothing => None,
            Rest::Header(bytes) => Some(format!("{} bytes of a header", bytes.len())),
            Rest::Payload { header, received } => Some(format!(
                "{received} of {} payload bytes of a {} frame",
                header.declared_length,
                header.opcode()
            )),
        };
        if let Some(detail) = detail {
            self.report(AnomalyKind::IncompleteFrame, detail);
        }
        let within_its_first_frame = matches!(
            self.current,
            Current::Data {
                place: Place::First,
                ..
            }
        );
        self.current = Current::Between;
        let open = self.cut_off(Undecodable::StreamEnded)?;
        if within_its_first_frame {
            return None;
        }
        let detail = format!("a {} message lacks its last fragment", open.opcode);
        self.report(AnomalyKind::IncompleteMessage, detail);
        Some(open)
    }

    /// The anomalies seen since this was called last.
    pub fn take_anomalies(&mut self) -> Vec<Anomaly> {
        let mut all = std::mem::take(&mut self.anomalies);
        if let Some(counting) = &mut self.counting {
            all.truncate(std::mem::take(counting));
        }
        all
    }

    fn report(&mut self, kind: AnomalyKind, detail: impl Into<String>) {
        self.anomalies.push(Anomaly::new(kind, detail));
    }

    /// RFC 6455, section 5.5.1: "The application MUST NOT send any more data frames after sending a
    /// Close frame." Nor is it a stream of frames any more: whoever receives more discards it (section 1.4), and what
    /// is wrong with it (the anomalies from `before` on) is not told besides.
    fn check_closing(&mut self, opcode: Opcode, before: usize) {
        if self.closing == Closing::CloseSent {
            self.closing = Closing::DataReported;
            self.anomalies.truncate(before);
            self.report(
                AnomalyKind::DataAfterClose,
                format!("a {opcode} frame, and maybe more"),
            );
            self.counting = Some(self.anomalies.len());
        }
    }

    fn begin_message(&mut self, header: &FrameHeader) -> Open {
        let body = match (self.unknown_extension_of(header), &mut self.deflate) {
            (Some(names), window) => {
                if let Some(window) = window
                    && header.rsv1()
                {
                    window.lose();
                }
                Body::Undecodable(Undecodable::UnknownExtension(names))
            }
            (None, Some(window)) if header.rsv1() => {
                if window.is_lost() {
                    Body::Undecodable(Undecodable::ContextLost)
                } else {
                    Body::Inflated(Kept::new(self.cap))
                }
            }
            (None, _) if header.fin() => Body::AsSent,
            (None, _) => Body::Joined(Kept::new(self.cap)),
        };
        Open {
            opcode: header.opcode(),
            frames: if header.fin() {
                Frames::One
            } else {
                Frames::Several
            },
            text: TextCheck::new(header.opcode()),
            body,
        }
    }

    /// The unknown extensions, where a bit of the header is theirs.
    fn unknown_extension_of(&self, header: &FrameHeader) -> Option<String> {
        let theirs = header.rsv2() || header.rsv3() || (header.rsv1() && self.deflate.is_none());
        self.unknown_extensions.clone().filter(|_| theirs)
    }

    fn note_extension_bits(&mut self, header: &FrameHeader) {
        let Some(names) = self.unknown_extension_of(header) else {
            return;
        };
        if let Some(open) = &mut self.open {
            let body = Body::Undecodable(Undecodable::UnknownExtension(names));
            if let Body::Inflated(_) = std::mem::replace(&mut open.body, body) {
                self.lose_window();
            }
        }
    }

    fn lose_window(&mut self) {
        if let Some(window) = &mut self.deflate {
            window.lose();
        }
    }

    fn data(&mut self, bytes: &[u8]) {
        let Some(Open { text, body, .. }) = &mut self.open else {
            return;
        };
        match (body, &mut self.deflate) {
            (Body::AsSent, _) => text.push(bytes),
            (Body::Joined(kept), _) => {
                text.push(bytes);
                kept.push(bytes);
            }
            (Body::Inflated(kept), Some(window)) => {
                let mut sink = |piece: &[u8]| {
                    text.push(piece);
                    kept.push(piece);
                };
                if let Err(corrupt) = window.push(bytes, &mut sink) {
                    let why = self.corrupt(corrupt);
                    if let Some(open) = &mut self.open {
                        open.body = Body::Undecodable(why);
                    }
                }
            }
            (Body::Undecodable(_), _) | (Body::Inflated(_), None) => {}
        }
    }

    fn complete(&mut self, open: Open) -> Message {
        let Open {
            opcode,
            frames,
            mut text,
            body,
        } = open;
        let content = match body {
            Body::AsSent => Content::AsSent,
            Body::Joined(kept) => kept.into_content(),
            Body::Undecodable(why) => Content::Undecodable(why),
            Body::Inflated(mut kept) => {
                let ended = self.deflate.as_mut().map(|window| {
                    window.end_message(&mut |piece: &[u8]| {
                        text.push(piece);
                        kept.push(piece);
                    })
                });
                match ended {
                    Some(Err(corrupt)) => Content::Undecodable(self.corrupt(corrupt)),
                    Some(Ok(())) | None => kept.into_content(),
                }
            }
        };
        // Of a message that cannot be told, nor can its text.
        let undecodable = matches!(content, Content::Undecodable(_));
        if let Some(invalid) = text.finish().filter(|_| !undecodable) {
            let detail = format!("from byte {} of the message on", invalid.0);
            self.report(AnomalyKind::InvalidUtf8, detail);
        }
        Message {
            opcode,
            frames,
            content,
        }
    }

    fn corrupt(&mut self, corrupt: Corrupt) -> Undecodable {
        let detail = format!("after {} inflated bytes of the message", corrupt.after);
        self.report(AnomalyKind::DeflateError, detail);
        self.lose_window();
        Undecodable::Corrupt {
            after: corrupt.after,
        }
    }

    /// Gives the open message up.
    fn cut_off(&mut self, why: Undecodable) -> Option<Message> {
        let open = self.open.take()?;
        if let Body::Inflated(_) = open.body {
            self.lose_window();
        }
        Some(Message {
            opcode: open.opcode,
            frames: open.frames,
            content: Content::Undecodable(why),
        })
    }

    fn end_control(&mut self, opcode: Opcode, payload: &[u8]) -> Ended {
        if opcode != Opcode::CLOSE {
            return Ended::Control(opcode);
        }
        ClosePayload::anomalies_of(payload, &mut self.anomalies);
        if self.closing == Closing::NotBegun {
            self.closing = Closing::CloseSent;
        }
        Ended::Close(ClosePayload::parse(payload))
    }
}
