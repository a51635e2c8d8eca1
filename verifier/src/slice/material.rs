//! What can be cut from: messages and connections of all recordings, in memory and in one order.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{
    Anomaly, Connection, MemoryMessage, MemorySource, Moment, Outline, Source, SourceError,
    SourcePayload, Tag,
};
use crate::report::Violation;

/// How much is gathered; each holds the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// The messages that the argument names.
    Evidence,
    /// All messages of their connections.
    Connections,
    /// Everything.
    All,
}

impl Extent {
    pub(super) const ALL: [Self; 3] = [Self::Evidence, Self::Connections, Self::All];
}

/// Messages and connections, as one recording.
pub(super) struct Material {
    /// All but messages.
    outline: Outline,
    messages: Vec<MemoryMessage>,
    /// By place here: in which recording that is, and its place there.
    places: BTreeMap<u64, Place>,
    /// By a connection's number here: in which recording it is, and its number there.
    numbers: BTreeMap<u64, Place>,
}

/// What of one recording is in a slice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Connections and HTTP exchanges, by number.
    pub connections: BTreeSet<u64>,
    /// Messages, by place.
    pub messages: BTreeSet<u64>,
}

/// A recording, by its number, and a place in it, or a number.
type Place = (usize, u64);

impl Material {
    pub(super) fn gather(
        sources: &[Box<dyn Source>],
        violation: &Violation,
        extent: Extent,
    ) -> Result<Self, SourceError> {
        let mut gathering = Gathering::default();
        for (recording, source) in sources.iter().enumerate() {
            let chosen = Chosen::of(violation, source.as_ref(), extent);
            gathering.source(recording, source.as_ref(), &chosen)?;
        }
        Ok(gathering.finish())
    }

    pub(super) fn messages(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn connections(&self) -> usize {
        self.outline.connections.len()
    }

    /// Everything.
    pub(super) fn whole(&self) -> MemorySource {
        MemorySource::new(self.outline.clone(), self.messages.clone())
    }

    /// The messages and connections of these numbers.
    pub(super) fn part(&self, messages: &[usize], connections: &[usize]) -> MemorySource {
        let chosen = connections.iter();
        let connections: Vec<_> = chosen
            .map(|number| self.outline.connections[*number].clone())
            .collect();
        let is_there = |number: u64| connections.iter().any(|it| it.number == number);
        let anomalies = self.outline.anomalies.iter();
        let outline = Outline {
            anomalies: anomalies
                .filter(|anomaly| is_there(anomaly.connection))
                .cloned()
                .collect(),
            connections,
            ..self.outline.clone()
        };
        let messages = messages.iter().map(|number| self.messages[*number].clone());
        MemorySource::new(outline, messages.collect())
    }

    /// Of a part: by recording, its connections' numbers and its messages' places there.
    pub(super) fn origins(&self, part: &MemorySource) -> BTreeMap<usize, Origin> {
        let mut origins: BTreeMap<usize, Origin> = BTreeMap::new();
        for connection in &part.outline().connections {
            let (recording, number) = self.numbers[&connection.number];
            origins
                .entry(recording)
                .or_default()
                .connections
                .insert(number);
        }
        for message in part.messages() {
            let (recording, seq) = self.places[&message.moment.seq];
            origins.entry(recording).or_default().messages.insert(seq);
        }
        origins
    }

    /// The connections that these messages travel on.
    pub(super) fn carriers(&self, messages: &[usize]) -> BTreeSet<usize> {
        let numbers: BTreeSet<_> = messages
            .iter()
            .map(|number| self.messages[*number].connection)
            .collect();
        let connections = self.outline.connections.iter().enumerate();
        connections
            .filter(|(_, connection)| numbers.contains(&connection.number))
            .map(|(index, _)| index)
            .collect()
    }
}

/// What is taken of one recording.
enum Chosen {
    Messages(BTreeSet<u64>, BTreeSet<u64>),
    Connections(BTreeSet<u64>),
    All,
}

impl Chosen {
    fn of(violation: &Violation, source: &dyn Source, extent: Extent) -> Self {
        if extent == Extent::All {
            return Self::All;
        }
        let lines = violation.evidence.iter();
        let lines = lines.filter(|line| line.is_of(source));
        let subject = violation.connection.iter();
        let subject = subject
            .filter(|connection| connection.recording == source.outline().name)
            .map(|connection| connection.number);
        let connections = lines.clone().filter_map(|line| line.connection);
        let connections = connections.chain(subject).collect();
        match extent {
            Extent::Evidence => {
                Self::Messages(connections, lines.filter_map(|line| line.seq).collect())
            }
            Extent::Connections | Extent::All => Self::Connections(connections),
        }
    }

    fn connection(&self, number: u64) -> bool {
        match self {
            Self::Messages(connections, _) | Self::Connections(connections) => {
                connections.contains(&number)
            }
            Self::All => true,
        }
    }

    fn message(&self, connection: u64, seq: u64) -> bool {
        match self {
            Self::Messages(_, messages) => messages.contains(&seq),
            Self::Connections(connections) => connections.contains(&connection),
            Self::All => true,
        }
    }
}

/// What was gathered so far, with the recordings' own places and numbers.
#[derive(Default)]
struct Gathering {
    connections: Vec<(usize, Connection)>,
    messages: Vec<(usize, MemoryMessage)>,
    anomalies: Vec<(usize, Anomaly)>,
    span: Option<(i64, i64)>,
}

impl Gathering {
    fn source(
        &mut self,
        recording: usize,
        source: &dyn Source,
        chosen: &Chosen,
    ) -> Result<(), SourceError> {
        let outline = source.outline();
        let (start, end) = self.span.unwrap_or((outline.started_at, outline.ended_at));
        self.span = Some((start.min(outline.started_at), end.max(outline.ended_at)));
        let connections = outline.connections.iter();
        let connections = connections.filter(|connection| chosen.connection(connection.number));
        self.connections
            .extend(connections.map(|connection| (recording, connection.clone())));
        let anomalies = outline.anomalies.iter();
        let anomalies = anomalies.filter(|anomaly| chosen.connection(anomaly.connection));
        self.anomalies
            .extend(anomalies.map(|anomaly| (recording, anomaly.clone())));
        let mut reading = source.reading()?;
        let mut cursor = reading.begin()?;
        while let Some(moment) = cursor.advance()? {
            let message = cursor.current()?;
            let SourcePayload::Whole(payload) = message.payload else {
                continue;
            };
            if chosen.message(message.connection, moment.seq) {
                let message = MemoryMessage {
                    moment,
                    connection: message.connection,
                    direction: message.direction,
                    opcode: message.opcode,
                    payload: payload.to_vec(),
                };
                self.messages.push((recording, message));
            }
        }
        Ok(())
    }

    /// All of it as one recording: places and numbers are given anew, in the order of time.
    fn finish(mut self) -> Material {
        let order = self.order();
        let place = |recording: usize, seq: u64| order[&(recording, seq)];
        self.connections
            .sort_by_key(|(recording, connection)| place(*recording, connection.opened.seq));
        let numbers: BTreeMap<(usize, u64), u64> = self
            .connections
            .iter()
            .zip(1..)
            .map(|((recording, connection), number)| ((*recording, connection.number), number))
            .collect();
        let connections = self.connections.into_iter().map(|(recording, connection)| {
            let moment = |moment: Moment| Moment {
                seq: place(recording, moment.seq),
                ..moment
            };
            let tags = connection.tags.iter().map(|tag| Tag {
                from: place(recording, tag.from),
                ..tag.clone()
            });
            Connection {
                number: numbers[&(recording, connection.number)],
                opened: moment(connection.opened),
                answered: connection.answered.map(moment),
                closed: connection.closed.map(moment),
                tags: tags.collect(),
                ..connection
            }
        });
        let (started_at, ended_at) = self.span.unwrap_or_default();
        let outline = Outline {
            name: "slice".to_owned(),
            started_at,
            ended_at,
            connections: connections.collect(),
            anomalies: self
                .anomalies
                .into_iter()
                .map(|(recording, anomaly)| Anomaly {
                    connection: numbers[&(recording, anomaly.connection)],
                    moment: Moment {
                        seq: place(recording, anomaly.moment.seq),
                        ..anomaly.moment
                    },
                    ..anomaly
                })
                .collect(),
            ..Outline::default()
        };
        let mut messages: Vec<_> = self
            .messages
            .into_iter()
            .filter_map(|(recording, message)| {
                Some(MemoryMessage {
                    connection: *numbers.get(&(recording, message.connection))?,
                    moment: Moment {
                        seq: place(recording, message.moment.seq),
                        ..message.moment
                    },
                    ..message
                })
            })
            .collect();
        messages.sort_by_key(|message| message.moment.seq);
        Material {
            outline,
            messages,
            places: order.into_iter().map(|(place, seq)| (seq, place)).collect(),
            numbers: numbers
                .into_iter()
                .map(|(own, number)| (number, own))
                .collect(),
        }
    }

    /// A place for each place of each recording. Within one recording the order stays.
    fn order(&self) -> BTreeMap<Place, u64> {
        let mut known: BTreeMap<Place, i64> = BTreeMap::new();
        let mut tags = BTreeSet::new();
        for (recording, connection) in &self.connections {
            let moments = [
                Some(connection.opened),
                connection.answered,
                connection.closed,
            ];
            for moment in moments.into_iter().flatten() {
                known.insert((*recording, moment.seq), moment.at);
            }
            tags.extend(connection.tags.iter().map(|tag| (*recording, tag.from)));
        }
        for (recording, message) in &self.messages {
            known.insert((*recording, message.moment.seq), message.moment.at);
        }
        for (recording, anomaly) in &self.anomalies {
            known.insert((*recording, anomaly.moment.seq), anomaly.moment.at);
        }
        for tag in tags {
            // Where nothing else is: with what comes next there.
            let next = known.range(tag..=(tag.0, u64::MAX)).next();
            let at = next.map_or(i64::MAX, |(_, at)| *at);
            known.entry(tag).or_insert(at);
        }
        let mut places: Vec<_> = known.into_iter().collect();
        // A clock may step back within a recording; its own order counts there.
        let mut latest = BTreeMap::new();
        for ((recording, _), at) in &mut places {
            let latest = latest.entry(*recording).or_insert(i64::MIN);
            *latest = (*latest).max(*at);
            *at = *latest;
        }
        places.sort_by_key(|((recording, seq), at)| (*at, *recording, *seq));
        let places = places.into_iter().zip(1..);
        places.map(|((place, _), number)| (place, number)).collect()
    }
}
