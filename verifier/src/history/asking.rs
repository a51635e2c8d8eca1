//! What a recording answers that is asked as a whole; and a recording in memory made one that can be
//! asked.

use std::collections::BTreeSet;

use hashbrown::HashSet;

use wsaudit_recording::{
    AnomalyRecord, Answer, AskError, ConnectionAnswered, ConnectionClosed, ConnectionId,
    ConnectionOpened, ExchangeAnswered, ExchangeEnded, ExchangeOpened, FrameRecord, GapRecord,
    HowEnded, HowExchangeEnded, HttpBody, HttpMessage, Incomplete, Nanos, Payload, Payloads,
    Question, QuestionLimits, QuestionRow, Record, Scratch, Seq, TagRecord,
};
use wsaudit_wire::{Direction, FrameHeader, LengthForm};

use super::{Connection, MemoryMessage, MemorySource, Source};

/// What a recording answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answered {
    /// The rows of all of its files.
    pub rows: Vec<QuestionRow>,
    /// Whether there are more.
    pub more: bool,
    /// What the counting query counts, in all files together; `None`: there is none.
    pub count: Option<u64>,
    /// Messages that the query did not see whole.
    pub incomplete: Vec<Incomplete>,
    /// How many files were asked, each by itself.
    pub files: usize,
}

impl Answered {
    pub(super) fn of(answer: Answer) -> Self {
        Self {
            rows: answer.rows,
            more: answer.more,
            count: answer.count,
            incomplete: answer.incomplete,
            files: 1,
        }
    }

    /// And what another part of the same run says.
    pub(super) fn add(&mut self, other: Self) {
        let mut known: HashSet<_> = self.rows.iter().cloned().collect();
        let new = other.rows.into_iter();
        self.rows
            .extend(new.filter(|row| known.insert(row.clone())));
        self.more |= other.more;
        self.count = match (self.count, other.count) {
            (Some(one), Some(another)) => Some(one.saturating_add(another)),
            (one, another) => one.or(another),
        };
        self.incomplete.extend(other.incomplete);
        self.files += other.files;
    }
}

/// Asks a recording in memory, by way of the tables that it would have.
pub(super) fn ask(source: &MemorySource, question: &Question) -> Result<Answered, AskError> {
    let started_at = source.outline().started_at;
    let scratch = Scratch::new(unsigned(started_at), &records(source, started_at))?;
    let answer = scratch.ask(question, QuestionLimits::default())?;
    Ok(Answered::of(answer))
}

fn unsigned(nanoseconds: i64) -> u64 {
    u64::try_from(nanoseconds).unwrap_or(0)
}

fn records(source: &MemorySource, started_at: i64) -> Vec<Record> {
    let clock = |at: i64| Nanos(unsigned(at.saturating_sub(started_at)));
    let outline = source.outline();
    let mut records = Vec::new();
    let exchanges: BTreeSet<_> = outline
        .connections
        .iter()
        .filter(|connection| connection.http.is_some())
        .map(|connection| connection.number)
        .collect();
    for connection in &outline.connections {
        records.extend(life(connection, &clock));
    }
    for message in source.messages() {
        let at = clock(message.moment.at);
        records.push(if exchanges.contains(&message.connection) {
            exchanged(message, at)
        } else {
            framed(message, at)
        });
    }
    records.extend(outline.anomalies.iter().map(|anomaly| {
        Record::Anomaly(AnomalyRecord {
            connection: ConnectionId(anomaly.connection),
            direction: anomaly.direction,
            seq: Seq(anomaly.moment.seq),
            at: clock(anomaly.moment.at),
            code: anomaly.code.clone(),
            detail: anomaly.detail.clone(),
        })
    }));
    records.extend(outline.gaps.iter().map(|gap| {
        Record::Gap(GapRecord {
            connection: gap.connection.map(ConnectionId),
            from: Seq(gap.from),
            to: Seq(gap.to),
            at: Nanos(0),
            frames: gap.frames,
            why: gap.why.clone(),
        })
    }));
    records
}

/// A connection or exchange from its opening to its end, and its tags.
fn life(connection: &Connection, clock: &impl Fn(i64) -> Nanos) -> Vec<Record> {
    let id = ConnectionId(connection.number);
    let (opened, client_addr) = (connection.opened, String::new());
    let (seq, at) = (Seq(opened.seq), clock(opened.at));
    let (upstream, http_version) = (String::new(), "HTTP/1.1".to_owned());
    let request_head = connection.request_head.clone();
    let response_head = connection.response_head.clone();
    let answered = connection
        .answered
        .map(|moment| (Seq(moment.seq), clock(moment.at)));
    let closed = connection
        .closed
        .map(|moment| (Seq(moment.seq), clock(moment.at)));
    let mut records = match &connection.http {
        None => vec![Record::Opened(ConnectionOpened {
            id,
            seq,
            at,
            client_addr,
            upstream,
            http_version,
            tls: None,
            request_head,
            payloads: Payloads::WireExact,
        })],
        Some(http) => vec![Record::ExchangeOpened(ExchangeOpened {
            id,
            seq,
            at,
            client_addr,
            upstream,
            http_version,
            method: http.method.clone(),
            target: http.target.clone(),
            request_head,
        })],
    };
    records.extend(answered.map(|(seq, at)| match connection.http {
        None => Record::Answered(ConnectionAnswered {
            id,
            seq,
            at,
            response_head,
            status: connection.status,
            subprotocol: connection.subprotocol.clone(),
            extensions: None,
            tls: None,
        }),
        Some(_) => Record::ExchangeAnswered(ExchangeAnswered {
            id,
            seq,
            at,
            status: connection.status.unwrap_or(0),
            response_head,
        }),
    }));
    records.extend(closed.map(|(seq, at)| match connection.http {
        None => Record::Closed(ConnectionClosed {
            id,
            seq,
            at,
            how: HowEnded::Fin,
            closed_by: None,
            close_code: None,
            close_reason: None,
        }),
        Some(_) => Record::ExchangeEnded(ExchangeEnded {
            id,
            seq,
            at,
            how: HowExchangeEnded::Answered,
        }),
    }));
    records.extend(connection.tags.iter().map(|tag| {
        Record::Tag(TagRecord {
            connection: id,
            from: Seq(tag.from),
            kind: tag.kind,
            value: tag.value.clone(),
            source: tag.source.clone(),
            provenance: tag.provenance,
        })
    }));
    records
}

/// A message in one frame.
fn framed(message: &MemoryMessage, at: Nanos) -> Record {
    let length = message.payload.len();
    Record::Frame(FrameRecord {
        seq: Seq(message.moment.seq),
        connection: ConnectionId(message.connection),
        direction: message.direction,
        first_at: at,
        last_at: at,
        header: FrameHeader {
            first_byte: 0x80 | message.opcode.bits(),
            masking_key: match message.direction {
                Direction::ClientToServer => Some([0; 4]),
                Direction::ServerToClient => None,
            },
            length_form: LengthForm::minimal(length as u64),
            declared_length: length as u64,
        },
        payload: Payload::Whole(message.payload.clone()),
    })
}

fn exchanged(message: &MemoryMessage, at: Nanos) -> Record {
    Record::Http(HttpMessage {
        seq: Seq(message.moment.seq),
        exchange: ConnectionId(message.connection),
        direction: message.direction,
        at,
        length: message.payload.len() as u64,
        body: HttpBody::Whole(message.payload.clone()),
    })
}

#[cfg(test)]
mod tests {
    use wsaudit_recording::Named;

    use super::*;

    fn part(seqs: &[u64], count: Option<u64>) -> Answered {
        let row = |seq: &u64| QuestionRow {
            named: Named::Place(Seq(*seq), ConnectionId(1)),
            texts: std::collections::BTreeMap::new(),
        };
        Answered {
            rows: seqs.iter().map(row).collect(),
            count,
            files: 1,
            ..Answered::default()
        }
    }

    #[test]
    fn what_two_parts_say_alike_is_told_once_and_counts_are_added() {
        let mut all = Answered::default();
        // The opening of a connection that goes on is in both parts.
        all.add(part(&[1, 5], Some(2)));
        all.add(part(&[1, 9], Some(3)));
        assert_eq!(
            all,
            Answered {
                files: 2,
                ..part(&[1, 5, 9], Some(5))
            }
        );
    }
}
