//! A recording made of plain values: a text case, or a test.

use wsaudit_recording::Question;
use wsaudit_wire::{Direction, Opcode};

use super::{
    Anomaly, Answered, Cursor, Moment, Outline, Reading, Source, SourceError, SourceMessage,
    SourcePayload, asking,
};

/// A recording in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemorySource {
    outline: Outline,
    /// In the order of `seq`.
    messages: Vec<MemoryMessage>,
}

/// A message, or a control frame, of a [`MemorySource`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryMessage {
    /// The place of its last frame, and when that was read.
    pub moment: Moment,
    /// The connection's number.
    pub connection: u64,
    /// The way it travelled.
    pub direction: Direction,
    /// Text, binary, close, ping, pong.
    pub opcode: Opcode,
    /// All of its bytes, joined and inflated.
    pub payload: Vec<u8>,
}

impl MemorySource {
    /// A recording of these; the messages may come in any order.
    pub fn new(outline: Outline, mut messages: Vec<MemoryMessage>) -> Self {
        messages.sort_by_key(|message| message.moment.seq);
        Self { outline, messages }
    }

    /// Its messages and control frames, in the order of their places.
    pub fn messages(&self) -> &[MemoryMessage] {
        &self.messages
    }

    /// Its anomalies, in order.
    pub fn anomalies(&self) -> &[Anomaly] {
        &self.outline.anomalies
    }
}

impl Source for MemorySource {
    fn outline(&self) -> &Outline {
        &self.outline
    }

    fn reading(&self) -> Result<Box<dyn Reading + '_>, SourceError> {
        Ok(Box::new(self))
    }

    fn ask(&self, question: &Question) -> Result<Answered, SourceError> {
        asking::ask(self, question).map_err(|error| SourceError {
            recording: self.outline.name.clone(),
            why: error.to_string(),
        })
    }

    fn payload(&self, seq: u64) -> Result<Option<Vec<u8>>, SourceError> {
        let found = self
            .messages
            .binary_search_by_key(&seq, |message| message.moment.seq);
        Ok(found.ok().map(|at| self.messages[at].payload.clone()))
    }
}

impl Reading for &MemorySource {
    fn begin(&mut self) -> Result<Box<dyn Cursor + '_>, SourceError> {
        Ok(Box::new(MemoryCursor {
            current: None,
            rest: self.messages.iter(),
        }))
    }
}

struct MemoryCursor<'s> {
    current: Option<&'s MemoryMessage>,
    rest: std::slice::Iter<'s, MemoryMessage>,
}

impl Cursor for MemoryCursor<'_> {
    fn advance(&mut self) -> Result<Option<Moment>, SourceError> {
        self.current = self.rest.next();
        Ok(self.current.map(|message| message.moment))
    }

    fn current(&self) -> Result<SourceMessage<'_>, SourceError> {
        let message = self.current.expect("`advance` found a message");
        Ok(SourceMessage {
            moment: message.moment,
            connection: message.connection,
            direction: message.direction,
            opcode: message.opcode,
            payload: SourcePayload::Whole(&message.payload),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(seq: u64, payload: &str) -> MemoryMessage {
        MemoryMessage {
            moment: Moment { seq, at: 0 },
            connection: 1,
            direction: Direction::ServerToClient,
            opcode: Opcode::TEXT,
            payload: payload.into(),
        }
    }

    #[test]
    fn messages_come_in_the_order_of_their_places_whatever_the_order_they_were_given_in() {
        let messages = vec![text(9, "c"), text(2, "a"), text(5, "b")];
        let source = MemorySource::new(Outline::default(), messages);
        let mut reading = source.reading().unwrap();
        let mut cursor = reading.begin().unwrap();
        let mut seen = Vec::new();
        while let Some(moment) = cursor.advance().unwrap() {
            assert_eq!(cursor.current().unwrap().moment, moment);
            let SourcePayload::Whole(bytes) = cursor.current().unwrap().payload else {
                panic!("memory holds whole messages");
            };
            seen.push((moment.seq, bytes.to_vec()));
        }
        assert_eq!(
            seen,
            [(2, b"a".to_vec()), (5, b"b".to_vec()), (9, b"c".to_vec())]
        );
    }

    #[test]
    fn a_payload_is_found_by_its_place() {
        let source = MemorySource::new(Outline::default(), vec![text(9, "c"), text(2, "a")]);
        assert_eq!(source.payload(9).unwrap().as_deref(), Some(&b"c"[..]));
        assert_eq!(source.payload(3).unwrap(), None);
    }
}
