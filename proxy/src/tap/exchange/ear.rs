//! Who hears a body while it passes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use wsaudit_recording::{ConnectionId, Credit, HttpBody, HttpMessage, Nanos, Record, Seq};
use wsaudit_wire::{Decoded, Direction, Given, OutputCap, decode_content};

use crate::config::{Durability, OnRecorderFailure};
use crate::shared::Shared;
use crate::tap::commit::Commit;
use crate::tap::cost;

/// How many bytes of bodies are held in memory at once, of all exchanges. A body is held until it
/// ends, so an endless one holds what is recorded of it for as long as it lasts.
const MOST_HELD: u64 = 256 << 20;

/// What is cut off a body, and why.
const OVER_LIMIT: &str = "it is longer than --max-recorded-body";
const OVER_MEMORY: &str = "too many bodies were passing at once to keep more of it";

/// Hears one body, keeps what is to be recorded of it, and makes the record at its end.
///
/// The place and time of the end are taken when its last byte is read, before that byte is written
/// to the peer. With [`Durability::Strict`], the record is committed before it is written, too.
pub(crate) struct Ear {
    shared: Arc<Shared>,
    commit: Option<Commit>,
    hearing: Hearing,
}

enum Hearing {
    /// Nothing is heard: only the heads are recorded.
    Deaf,
    Body(Box<Body>),
    /// The record was sent.
    Done,
}

struct Body {
    credit: Credit,
    exchange: ConnectionId,
    direction: Direction,
    codings: Vec<String>,
    kept: Vec<u8>,
    held: HeldBytes,
    /// Bytes so far, kept or not.
    length: u64,
    cut: Option<&'static str>,
    end: Option<(Seq, Nanos)>,
}

/// The bytes of all bodies that are held.
#[derive(Debug, Default)]
pub(crate) struct AllHeld(AtomicU64);

/// Those of one body; given back when it is dropped.
struct HeldBytes {
    shared: Arc<Shared>,
    bytes: u64,
}

impl HeldBytes {
    /// Whether there is room for `more`.
    fn take(&mut self, more: u64) -> bool {
        let all = &self.shared.bodies.0;
        if all.fetch_add(more, Ordering::Relaxed) + more > MOST_HELD {
            all.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.bytes += more;
        true
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.shared
            .bodies
            .0
            .fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The message must not pass, since it cannot be recorded and the configuration wants that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unrecorded;

impl Ear {
    pub(super) fn new(
        shared: &Arc<Shared>,
        credit: Credit,
        exchange: ConnectionId,
        direction: Direction,
        codings: Vec<String>,
        commit: Option<Commit>,
    ) -> Self {
        let body = Body {
            credit,
            exchange,
            direction,
            codings,
            kept: Vec::new(),
            held: HeldBytes {
                shared: Arc::clone(shared),
                bytes: 0,
            },
            length: 0,
            cut: None,
            end: None,
        };
        Self {
            shared: Arc::clone(shared),
            commit,
            hearing: Hearing::Body(Box::new(body)),
        }
    }

    /// An ear that hears nothing, and only awaits what was sent before.
    pub(super) fn deaf(shared: &Arc<Shared>, commit: Option<Commit>) -> Self {
        Self {
            shared: Arc::clone(shared),
            commit,
            hearing: Hearing::Deaf,
        }
    }

    /// The next bytes of the body, without its chunking.
    pub(crate) fn hear(&mut self, data: &[u8]) {
        let Hearing::Body(body) = &mut self.hearing else {
            return;
        };
        body.length += data.len() as u64;
        if body.cut.is_some() {
            return;
        }
        let limit = self.shared.config.limits.recorded_body;
        let room = limit.saturating_sub(body.kept.len() as u64);
        let part = usize::try_from(room).map_or(data, |room| &data[..data.len().min(room)]);
        if body.held.take(part.len() as u64) {
            body.kept.extend_from_slice(part);
            if part.len() < data.len() {
                body.cut = Some(OVER_LIMIT);
            }
        } else {
            body.cut = Some(OVER_MEMORY);
        }
    }

    /// The body's last byte was read.
    pub(crate) fn whole(&mut self) {
        if let Hearing::Body(body) = &mut self.hearing
            && body.end.is_none()
        {
            let run = self.shared.sender.run();
            let at = run.now();
            body.end = Some((run.next_seq(1), at));
            if self.shared.config.durability == Durability::Strict {
                self.send(None);
            }
        }
    }

    /// Ready when what was sent so far is as safe as it must be for more to pass.
    pub(crate) fn poll_durable(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Unrecorded>> {
        let Some(commit) = &mut self.commit else {
            return Poll::Ready(Ok(()));
        };
        let outcome = ready!(commit.poll(cx));
        self.commit = None;
        Poll::Ready(match (outcome, self.shared.config.on_recorder_failure) {
            (Err(_), OnRecorderFailure::Close) => Err(Unrecorded),
            (Ok(()), _) | (Err(_), OnRecorderFailure::Continue) => Ok(()),
        })
    }

    /// The whole message was passed on.
    pub(crate) fn passed(&mut self) {
        self.whole();
        self.send(None);
    }

    /// The body ended too early; `why` says how.
    pub(crate) fn cut_off(&mut self, why: &str) {
        if let Hearing::Body(body) = &mut self.hearing {
            let run = self.shared.sender.run();
            let at = run.now();
            body.end.get_or_insert_with(|| (run.next_seq(1), at));
            self.send(Some(why));
        }
    }

    fn send(&mut self, cut_off: Option<&str>) {
        let Hearing::Body(body) = std::mem::replace(&mut self.hearing, Hearing::Done) else {
            return;
        };
        let Some((seq, at)) = body.end else {
            return;
        };
        let limit = self.shared.config.limits.recorded_body;
        let credit = body.credit.clone();
        let message = HttpMessage {
            seq,
            exchange: body.exchange,
            direction: body.direction,
            at,
            length: body.length,
            body: redacted(body.decoded(limit, cut_off), &self.shared),
        };
        if let HttpBody::Truncated { why, .. } = &message.body
            && self.shared.counters.truncated_body() == 0
        {
            tracing::warn!(%why, limit, "the beginning of a body is recorded, and all of it passes; said once");
        }
        let guard = Some(credit.take(cost::ROW + message.body.bytes().len() as u64));
        let records = vec![Record::Http(message)];
        let sender = &self.shared.sender;
        match self.shared.config.durability {
            Durability::Batch => sender.send(records, guard),
            Durability::Strict => self.commit = Some(Commit::send(sender, records, guard)),
        }
    }
}

/// What may be kept of a body: of what could not be looked at as a whole, nothing.
fn redacted(body: HttpBody, shared: &Shared) -> HttpBody {
    let config = &shared.config;
    if config.redact.is_empty() {
        return body;
    }
    let withheld = |why: String| {
        if shared.counters.withheld_body() == 0 {
            tracing::warn!(%why, "--redact could not look at a body, so it is not kept, and all of it passes; said once");
        }
        HttpBody::Undecodable {
            raw: Vec::new(),
            why: format!("withheld by redaction: {why}"),
        }
    };
    match body {
        HttpBody::Whole(bytes) => match config.redact.redact(&bytes, &config.redactor) {
            Ok(redacted) => HttpBody::Whole(redacted.into_owned()),
            Err(why) => withheld(why.to_string()),
        },
        HttpBody::Truncated { why, .. } | HttpBody::Undecodable { why, .. } => withheld(why),
    }
}

impl Body {
    /// What is recorded of it.
    fn decoded(self, limit: u64, cut_off: Option<&str>) -> HttpBody {
        let why = cut_off.or(self.cut);
        let given = if why.is_some() {
            Given::Beginning
        } else {
            Given::Whole
        };
        let cap = OutputCap(usize::try_from(limit).unwrap_or(usize::MAX));
        match decode_content(&self.codings, &self.kept, given, cap) {
            Decoded::Whole(bytes) => HttpBody::Whole(bytes),
            Decoded::Cut(kept) => HttpBody::Truncated {
                kept,
                why: why.unwrap_or(OVER_LIMIT).to_owned(),
            },
            Decoded::Failed(error) => HttpBody::Undecodable {
                raw: self.kept,
                why: error.to_string(),
            },
        }
    }
}

impl std::fmt::Debug for Ear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hearing = match &self.hearing {
            Hearing::Deaf => "deaf",
            Hearing::Body(_) => "body",
            Hearing::Done => "done",
        };
        f.debug_tuple("Ear").field(&hearing).finish()
    }
}
