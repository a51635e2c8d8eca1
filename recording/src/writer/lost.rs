//! What is kept, and what is counted, while the recorder cannot write.

use std::collections::VecDeque;

use crate::record::{GapRecord, HttpBody, Nanos, Payload, Record, Seq};

/// Handshakes and tails kept in memory until the recorder writes again, in bytes; beyond that heads
/// and tails are given up.
const HEADS_LIMIT: usize = 64 << 20;

/// Anomalies and gaps kept in memory until the recorder writes again.
const NOTES_LIMIT: usize = 100_000;

/// Kept records that are written at once when writing is tried again. All of them may take more room
/// than has become free on a disk that was full.
const PART: usize = 100;

/// The records of a time of failure.
///
/// What is known of connections is kept (a few rows for each), so that every later frame finds its
/// connection and its session. Frames are only counted.
#[derive(Debug, Default)]
pub(super) struct Lost {
    /// In the order of observation: first the transaction that failed, then what is kept.
    kept: VecDeque<Record>,
    head_bytes: usize,
    notes: usize,
    frames: u64,
    range: Option<(Seq, Seq)>,
}

impl Lost {
    /// Begins with the records of the transaction that failed; they will be written whole.
    pub(super) fn new(transaction: Vec<Record>) -> Self {
        Self {
            kept: transaction.into(),
            ..Self::default()
        }
    }

    /// Takes the records of a batch that came while nothing could be written.
    pub(super) fn take(&mut self, records: Vec<Record>) {
        for record in records {
            self.take_one(record);
        }
    }

    fn take_one(&mut self, mut record: Record) {
        match &mut record {
            Record::Frame(frame) => {
                self.frames += 1;
                self.lose(frame.seq);
                return;
            }
            Record::Message(message) => {
                self.lose(message.seq);
                return;
            }
            // Its frame comes later, and is counted, or found to be incomplete.
            Record::Chunk(_) => return,
            Record::Tail(tail) => {
                if let Payload::Whole(bytes) = &tail.payload {
                    self.head_bytes += bytes.len();
                }
                if self.head_bytes > HEADS_LIMIT {
                    return;
                }
            }
            Record::Anomaly(anomaly) => {
                self.notes += 1;
                if self.notes > NOTES_LIMIT {
                    self.lose(anomaly.seq);
                    return;
                }
            }
            Record::Gap(gap) => {
                self.notes += 1;
                if self.notes > NOTES_LIMIT {
                    let (from, to) = (gap.from, gap.to);
                    self.frames += gap.frames.unwrap_or(0);
                    self.lose(from);
                    self.lose(to);
                    return;
                }
            }
            Record::Opened(opened) => {
                self.trim(&mut opened.request_head);
            }
            Record::Answered(answered) => {
                self.trim(&mut answered.response_head);
            }
            Record::ExchangeOpened(opened) => {
                self.trim(&mut opened.request_head);
            }
            Record::ExchangeAnswered(answered) => {
                self.trim(&mut answered.response_head);
            }
            // That there was one is known; what it said is lost.
            Record::Http(message) => {
                self.frames += 1;
                self.lose(message.seq);
                message.body = HttpBody::Truncated {
                    kept: Vec::new(),
                    why: "the recorder failed".to_owned(),
                };
            }
            Record::Closed(_) | Record::Tag(_) | Record::ExchangeEnded(_) => {}
        }
        self.kept.push_back(record);
    }

    fn trim(&mut self, head: &mut Vec<u8>) {
        if self.head_bytes + head.len() > HEADS_LIMIT {
            *head = Vec::new();
        }
        self.head_bytes += head.len();
    }

    /// `seq` is missing.
    pub(super) fn lose(&mut self, seq: Seq) {
        self.range = Some(match self.range {
            None => (seq, seq),
            Some((from, to)) => (from.min(seq), to.max(seq)),
        });
    }

    /// Frames that were counted and dropped.
    pub(super) const fn frames(&self) -> u64 {
        self.frames
    }

    /// What is to be written next; a part of what is kept, so that little room is enough to begin.
    pub(super) fn part(&self) -> impl Iterator<Item = &Record> {
        self.kept.iter().take(PART)
    }

    /// The part was written.
    pub(super) fn written(&mut self) {
        let count = self.kept.len().min(PART);
        self.kept.drain(..count);
    }

    /// Whether the part is the last one.
    pub(super) fn is_last_part(&self) -> bool {
        self.kept.len() <= PART
    }

    /// The gap; `None` where nothing was dropped.
    pub(super) fn gap(&self, at: Nanos, why: &str) -> Option<GapRecord> {
        let (from, to) = self.range?;
        Some(GapRecord {
            connection: None,
            from,
            to,
            at,
            frames: Some(self.frames),
            why: why.to_owned(),
        })
    }
}
