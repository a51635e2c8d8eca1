//! Frames, one line each. The last frame of a message stands for the message.

use std::io::Write as _;

use serde::Serialize;
use wsaudit_recording::{
    ConnectionId, Connections, Filter, FrameRow, MessagePayload, MessageRow, Nanos, Reader, RunId,
    TagKind,
};
use wsaudit_verifier::report::{escaped, excerpt};
use wsaudit_wire::{Direction, Opcode};

use super::ShowArgs;
use super::identity::Identities;
use super::names::Names;
use crate::numbers::grouped;
use crate::output::{Output, say};

/// A frame, for JSON.
#[derive(Debug, Serialize)]
struct Line<'l> {
    seq: u64,
    /// Seconds since the recording began.
    at: f64,
    connection: u64,
    session: Option<&'l str>,
    user: Option<&'l str>,
    device: Option<&'l str>,
    direction: &'static str,
    opcode: String,
    fin: bool,
    /// The payload's length by the frame's header, in bytes.
    size: u64,
    /// The message that ends here; null: none does.
    message: Option<MessageLine>,
}

/// A message, or a control frame.
#[derive(Debug, Default, Serialize)]
struct MessageLine {
    first_seq: u64,
    opcode: String,
    name: Option<String>,
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// What is no text, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated_to: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undecodable: Option<String>,
    /// Why redaction did not keep it.
    #[serde(skip_serializing_if = "Option::is_none")]
    withheld: Option<String>,
}

/// Shows the frames that the flags select.
pub(super) fn show(
    args: &ShowArgs,
    reader: &Reader,
    identities: &Identities,
    output: &mut Output,
) -> anyhow::Result<()> {
    let filter = filter(args, identities);
    let clock = Clock::read(reader)?;
    let mut names = Names::new()?;
    let mut frames = reader.frames(filter.clone())?;
    let mut frames = frames.rows()?;
    let mut messages = reader.messages(filter)?;
    let mut messages = messages.rows()?;
    messages.advance()?;
    let mut shown = 0;
    while let Some(frame) = frames.next()? {
        let message = messages.current()?.filter(|it| it.seq == frame.seq);
        let ends = message.is_some();
        let session = identities.at(frame.connection, TagKind::Session, frame.seq);
        let name = match message.map(|message| message.payload) {
            Some(MessagePayload::Bytes(bytes)) if !frame.header.opcode().is_control() => {
                names.of(bytes)
            }
            _ => None,
        };
        let wanted = args.session.as_deref().is_none_or(|it| session == Some(it))
            && args
                .event
                .as_deref()
                .is_none_or(|it| name.as_deref() == Some(it));
        if wanted {
            if shown == args.limit && args.limit > 0 {
                output.flush()?;
                say(&format!(
                    "more follow: the first {} are shown; --limit 0 shows all",
                    grouped(shown)
                ));
                return Ok(());
            }
            shown += 1;
            let at = clock.seconds(reader, frame.connection, frame.last_at);
            if args.json {
                let line = Line {
                    seq: frame.seq.0,
                    at,
                    connection: frame.connection.0,
                    session,
                    user: identities.at(frame.connection, TagKind::User, frame.seq),
                    device: identities.at(frame.connection, TagKind::Device, frame.seq),
                    direction: frame.direction.as_str(),
                    opcode: frame.header.opcode().to_string(),
                    fin: frame.header.fin(),
                    size: frame.header.declared_length,
                    message: message.map(|message| MessageLine::new(&message, name)),
                };
                serde_json::to_writer(&mut *output, &line)?;
                writeln!(output)?;
            } else {
                let text = text_line(at, &frame, session, message.as_ref());
                writeln!(output, "{text}")?;
            }
        }
        if ends {
            messages.advance()?;
        }
        if output.is_deserted() {
            return Ok(());
        }
    }
    if shown == 0 {
        say(&nothing(args, &names));
    }
    Ok(())
}

fn filter(args: &ShowArgs, identities: &Identities) -> Filter {
    let mut connections = Connections::All;
    if let Some(session) = &args.session {
        connections = Connections::Only(identities.connections_of(session));
    }
    if let Some(number) = args.connection {
        let only = ConnectionId(number);
        connections = match connections {
            Connections::Only(some) if !some.contains(&only) => Connections::Only([].into()),
            Connections::All | Connections::Only(_) => Connections::Only([only].into()),
        };
    }
    Filter {
        connections,
        ..Filter::ALL
    }
}

fn nothing(args: &ShowArgs, names: &Names) -> String {
    let Some(event) = &args.event else {
        return "no frames".to_owned();
    };
    let met = names.met();
    if met.is_empty() {
        return format!(
            "no message is named {event:?}; none has a name at /type, /event and the like"
        );
    }
    let met: Vec<_> = met.into_iter().take(20).map(escaped).collect();
    format!(
        "no message is named {event:?}; names are {}",
        met.join(", ")
    )
}

/// `+3.201 s      1042  s-1 -> server  text        312 B  {"type":...`
fn text_line(
    at: f64,
    frame: &FrameRow<'_>,
    session: Option<&str>,
    message: Option<&MessageRow<'_>>,
) -> String {
    let client = session.map_or_else(|| format!("connection {}", frame.connection.0), escaped);
    let way = match frame.direction {
        Direction::ClientToServer => format!("{client} -> server"),
        Direction::ServerToClient => format!("server -> {client}"),
    };
    let opcode = frame.header.opcode();
    let kind = match message {
        Some(message) if message.first_seq != message.seq => {
            format!(
                "{opcode} (ends {} from {})",
                message.opcode, message.first_seq.0
            )
        }
        Some(_) => opcode.to_string(),
        None => format!("{opcode} (part)"),
    };
    let payload = message.map_or_else(String::new, |message| match message.payload {
        MessagePayload::Bytes(bytes) if opcode == Opcode::CLOSE => close(bytes),
        MessagePayload::Bytes(bytes) => excerpt(bytes, None).text,
        MessagePayload::Truncated { kept, full_length } => format!(
            "{} (of {} bytes, {} were kept)",
            excerpt(kept, None).text,
            grouped(full_length),
            grouped(kept.len() as u64)
        ),
        MessagePayload::Undecodable(why) => format!("(undecodable: {why})"),
        MessagePayload::Withheld(why) => format!("(withheld: {why})"),
    });
    let line = format!(
        "{:>+11.3} s  {:>7}  {way}  {kind:<6}  {:>7} B  {payload}",
        at,
        frame.seq.0,
        grouped(frame.header.declared_length)
    );
    line.trim_end().to_owned()
}

/// The code and the reason of a close frame (RFC 6455, section 5.5.1).
fn close(payload: &[u8]) -> String {
    match payload {
        [first, second, reason @ ..] => {
            let code = u16::from_be_bytes([*first, *second]);
            format!("{code} {}", escaped(&String::from_utf8_lossy(reason)))
        }
        [] => "(no code)".to_owned(),
        [_] => "(one byte, which is no code)".to_owned(),
    }
}

impl MessageLine {
    fn new(message: &MessageRow<'_>, name: Option<String>) -> Self {
        let mut line = Self {
            first_seq: message.first_seq.0,
            opcode: message.opcode.to_string(),
            name,
            ..Self::default()
        };
        match message.payload {
            MessagePayload::Bytes(bytes) => {
                line.size = Some(bytes.len() as u64);
                line.put(bytes);
            }
            MessagePayload::Truncated { kept, full_length } => {
                line.size = Some(full_length);
                line.truncated_to = Some(kept.len());
                line.put(kept);
            }
            MessagePayload::Undecodable(why) => line.undecodable = Some(why.to_owned()),
            MessagePayload::Withheld(why) => line.withheld = Some(why.to_owned()),
        }
        line
    }

    fn put(&mut self, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.text = Some(text.to_owned()),
            Err(_) => {
                self.hex = Some(hexadecimal(bytes));
            }
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    nibbles
        .filter_map(|nibble| char::from_digit(nibble.into(), 16))
        .collect()
}

/// Times since the beginning of the recording.
pub(super) struct Clock {
    runs: std::collections::BTreeMap<ConnectionId, RunId>,
    began: u64,
}

impl Clock {
    pub(super) fn read(reader: &Reader) -> anyhow::Result<Self> {
        let connections = reader.connections()?;
        Ok(Self {
            runs: connections
                .iter()
                .map(|it| (it.id, it.run))
                .chain(reader.exchanges()?.iter().map(|it| (it.id, it.run)))
                .collect(),
            began: reader.runs().first().map_or(0, |run| run.started_at),
        })
    }

    /// Nanoseconds since the Unix epoch.
    pub(super) fn unix(&self, reader: &Reader, connection: ConnectionId, at: Nanos) -> u64 {
        let run = self.runs.get(&connection).copied().unwrap_or(RunId(1));
        reader.time(run, at).unwrap_or(at.0)
    }

    /// Seconds since the recording began, rounded to microseconds.
    pub(super) fn seconds(&self, reader: &Reader, connection: ConnectionId, at: Nanos) -> f64 {
        let since = self.unix(reader, connection, at).saturating_sub(self.began);
        (since as f64 / 1e3).round() / 1e6
    }
}
