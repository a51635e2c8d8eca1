//! One order over all recordings: steps in connections' lives, tags and messages.

use std::collections::BTreeMap;

use wsaudit_tagging::TagKind;

use super::state::{ConnectionIx, Cx};
use crate::history::{
    Connection, Cursor, Moment, Outline, Reading, SourceError, SourceMessage, Tag,
};
use crate::rules::Lifecycle;

/// Something that happened, other than a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A step in a connection's life.
    Step(Lifecycle),
    /// The connection's tag of that index holds from here on.
    Tag(usize),
    /// The connection's lane of that index is there from here on.
    Lane(usize),
    /// The first HTTP exchange of a session begins: from here on the session is there.
    Present,
    /// The last one has ended. The mark is of the first exchange, which stands for all.
    Gone,
}

/// A mark, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marked {
    pub(super) recording: u16,
    pub(super) moment: Moment,
    pub(super) connection: ConnectionIx,
    pub(super) mark: Mark,
}

/// The next thing in the order.
pub(super) enum Item<'s> {
    /// A step or a tag.
    Mark(Marked),
    /// A message.
    Message {
        recording: u16,
        connection: ConnectionIx,
        message: SourceMessage<'s>,
    },
}

/// The time of a tag before it is known: that of what stands at its place, or comes next.
const WITH_WHAT_COMES: i64 = i64::MAX;

/// One recording's part of the timeline.
struct Track<'h> {
    name: String,
    marks: Vec<(Moment, ConnectionIx, Mark)>,
    next_mark: usize,
    cursor: Box<dyn Cursor + 'h>,
    /// The message that comes next, without its bytes: the cursor stands on it.
    pending: Option<Moment>,
    /// By connection number, sorted: its index over all recordings.
    connections: Vec<(u64, ConnectionIx)>,
}

/// Merges recordings by time; within one, the order is that of `seq`.
pub(super) struct Timeline<'h> {
    tracks: Vec<Track<'h>>,
    /// The track whose message was handed out last: its cursor goes on before anything else does.
    taken: Option<u16>,
}

impl<'h> Timeline<'h> {
    pub(super) fn new(
        cx: &Cx<'_>,
        readings: &'h mut [Box<dyn Reading + '_>],
    ) -> Result<Self, SourceError> {
        let mut first = 0;
        let mut tracks = Vec::new();
        for (outline, reading) in cx.outlines.iter().zip(readings) {
            let track = Track::new(cx, outline, first, reading.begin()?);
            first += u32::try_from(outline.connections.len()).expect("fewer than 2^32 connections");
            tracks.push(track);
        }
        for track in &mut tracks {
            track.pending = track.cursor.advance()?;
        }
        Ok(Self {
            tracks,
            taken: None,
        })
    }

    /// The next thing in the order; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Item<'_>>, SourceError> {
        if let Some(taken) = self.taken.take() {
            let track = &mut self.tracks[usize::from(taken)];
            track.pending = track.cursor.advance()?;
        }
        let Some(recording) = self.earliest() else {
            return Ok(None);
        };
        let track = &mut self.tracks[usize::from(recording)];
        if let Some((moment, connection, mark)) = track.take_mark() {
            return Ok(Some(Item::Mark(Marked {
                recording,
                moment,
                connection,
                mark,
            })));
        }
        self.taken = Some(recording);
        let message = track.cursor.current()?;
        let connection = track
            .connection(message.connection)
            .ok_or_else(|| SourceError {
                recording: track.name.clone(),
                why: format!(
                    "frame {} belongs to connection {}, which is not in the recording",
                    message.moment.seq, message.connection
                ),
            })?;
        Ok(Some(Item::Message {
            recording,
            connection,
            message,
        }))
    }
}

impl Timeline<'_> {
    /// The track of what comes next; `None` at the end.
    fn earliest(&self) -> Option<u16> {
        if let [only] = &self.tracks[..] {
            return only.next_at().map(|_| 0);
        }
        let tracks = (0_u16..).zip(&self.tracks);
        let next = tracks.filter_map(|(recording, track)| Some((track.next_at()?.at, recording)));
        next.min().map(|(_, recording)| recording)
    }
}

impl<'h> Track<'h> {
    fn new(cx: &Cx<'_>, outline: &Outline, first: u32, cursor: Box<dyn Cursor + 'h>) -> Self {
        let mut marks = Vec::new();
        let mut connections = Vec::new();
        for (connection, index) in outline.connections.iter().zip(first..) {
            let index = ConnectionIx(index);
            connections.push((connection.number, index));
            if connection.http.is_none() {
                marks.extend(life(connection, index));
            }
            // When that is, what stands there or comes next says; a handshake says it at once.
            let from = |tag: &Tag| Moment {
                seq: tag.from,
                at: if tag.from <= connection.opened.seq {
                    connection.opened.at
                } else {
                    WITH_WHAT_COMES
                },
            };
            for (number, tag) in connection.tags.iter().enumerate() {
                marks.push((from(tag), index, Mark::Tag(number)));
            }
            for (number, lane) in cx.connection(index).lanes.iter().enumerate() {
                marks.push((from(lane), index, Mark::Lane(number)));
            }
        }
        marks.extend(presence(outline, first));
        connections.sort_unstable();
        // A tag of the place where a step is comes before the step: it is known in it.
        marks.sort_by_key(|(moment, connection, mark)| {
            let rank = match mark {
                Mark::Step(Lifecycle::Open) | Mark::Present => 0,
                Mark::Tag(_) | Mark::Lane(_) => 1,
                Mark::Step(_) | Mark::Gone => 2,
            };
            (moment.seq, *connection, rank)
        });
        let mut next = outline.ended_at;
        for (moment, ..) in marks.iter_mut().rev() {
            if moment.at == WITH_WHAT_COMES {
                moment.at = next;
            }
            next = moment.at;
        }
        Self {
            name: outline.name.clone(),
            marks,
            next_mark: 0,
            cursor,
            pending: None,
            connections,
        }
    }

    /// The next thing of this track: a mark before a message of the same place.
    fn next_at(&self) -> Option<Moment> {
        let mark = self.marks.get(self.next_mark).map(|(moment, ..)| *moment);
        match (mark, self.pending) {
            (Some(mark), Some(message)) if message.seq < mark.seq => Some(message),
            (Some(mark), Some(message)) => Some(Moment {
                at: mark.at.min(message.at),
                ..mark
            }),
            (mark, message) => mark.or(message),
        }
    }

    /// Takes the next mark, if it comes before the next message.
    fn take_mark(&mut self) -> Option<(Moment, ConnectionIx, Mark)> {
        let (mut moment, connection, mark) = *self.marks.get(self.next_mark)?;
        if let Some(message) = self.pending {
            if message.seq < moment.seq {
                return None;
            }
            if let Mark::Tag(_) | Mark::Lane(_) = mark {
                moment.at = moment.at.min(message.at);
            }
        }
        self.next_mark += 1;
        Some((moment, connection, mark))
    }

    fn connection(&self, number: u64) -> Option<ConnectionIx> {
        let all = &self.connections;
        // They are numbered one by one: where none is missing, it is so many behind the first.
        let behind = usize::try_from(number.checked_sub(all.first()?.0)?).ok()?;
        if let Some((found, connection)) = all.get(behind)
            && *found == number
        {
            return Some(*connection);
        }
        let at = all.binary_search_by_key(&number, |(number, _)| *number);
        Some(all[at.ok()?].1)
    }
}

/// The steps in a connection's life.
fn life(
    connection: &Connection,
    index: ConnectionIx,
) -> impl Iterator<Item = (Moment, ConnectionIx, Mark)> {
    let step = if connection.accepted() {
        Lifecycle::Accepted
    } else {
        Lifecycle::Refused
    };
    let steps = [
        Some((connection.opened, Lifecycle::Open)),
        connection.answered.map(|moment| (moment, step)),
        connection.closed.map(|moment| (moment, Lifecycle::Closed)),
    ];
    let steps = steps.into_iter().flatten();
    steps.map(move |(moment, step)| (moment, index, Mark::Step(step)))
}

/// When sessions are there that speak over plain HTTP: from their first exchange to the end of their
/// last one. An exchange is over in milliseconds; whoever asks again was there in between.
fn presence(outline: &Outline, first: u32) -> Vec<(Moment, ConnectionIx, Mark)> {
    let mut sessions: BTreeMap<&str, (Moment, ConnectionIx, Option<Moment>)> = BTreeMap::new();
    for (connection, index) in outline.connections.iter().zip(first..) {
        let mut tags = connection.tags.iter().rev();
        let session = tags.find(|tag| tag.kind == TagKind::Session);
        if let (Some(_), Some(session)) = (&connection.http, session) {
            let there = sessions.entry(&session.value).or_insert((
                connection.opened,
                ConnectionIx(index),
                connection.closed,
            ));
            // One that has not ended is there to the end.
            there.2 = there.2.and_then(|last| Some(last.max(connection.closed?)));
        }
    }
    let marks = sessions.into_values().flat_map(|(from, index, to)| {
        let gone = to.map(|to| (to, index, Mark::Gone));
        [Some((from, index, Mark::Present)), gone]
    });
    marks.flatten().collect()
}
