//! The parts of a run that was cut into several files (`wsaudit record --rotate`), as one recording.
//!
//! Verified together they are what the uncut recording would have been: a connection that goes on in
//! the next part is the same one, and messages come in the order of `seq`, whatever part they are
//! in. A part that is missing is a gap.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::rc::Rc;

use wsaudit_recording::Question;

use super::{
    Answered, ClockStep, Connection, Cursor, Gap, GapCause, Moment, Outline, Part, Reading, Source,
    SourceError, SourceMessage, Unclean,
};

/// Two files that hold the same part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{first} and {second} are the same recording (part {part} of run {run}): give each one once"
)]
pub struct SamePart {
    /// One file.
    pub first: String,
    /// The other.
    pub second: String,
    /// The part.
    pub part: u32,
    /// The run's UUID.
    pub run: String,
}

/// Recordings as histories: the parts of a run become one, in whatever order they are given; the
/// others stay as they are.
pub fn join(sources: &[Rc<dyn Source>]) -> Result<Vec<Box<dyn Source>>, SamePart> {
    refuse_twice(sources)?;
    let mut groups: Vec<Vec<Rc<dyn Source>>> = Vec::new();
    for source in sources {
        let runs = |source: &Rc<dyn Source>| -> Vec<String> {
            let parts = &source.outline().parts;
            parts.iter().map(|part| part.run.clone()).collect()
        };
        let own = runs(source);
        let shares = |other: &Rc<dyn Source>| runs(other).iter().any(|run| own.contains(run));
        // A file of two runs (one was added to the last part of the other) is with the parts of both.
        let (with, mut others): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .partition(|group| group.iter().any(shares));
        let mut group: Vec<_> = with.into_iter().flatten().collect();
        group.push(Rc::clone(source));
        others.push(group);
        groups = others;
    }
    // In the order in which the first file of each was given.
    groups.sort_by_key(|group| {
        let given = |one: &Rc<dyn Source>| sources.iter().position(|other| Rc::ptr_eq(one, other));
        group.iter().filter_map(given).min()
    });
    Ok(groups.into_iter().map(whole).collect())
}

/// One part in two files would be a history in which everything happens twice.
fn refuse_twice(sources: &[Rc<dyn Source>]) -> Result<(), SamePart> {
    let mut seen = BTreeMap::new();
    for source in sources {
        let outline = source.outline();
        for part in &outline.parts {
            if let Some(first) = seen.insert((&part.run, part.number), &outline.name) {
                return Err(SamePart {
                    first: first.clone(),
                    second: outline.name.clone(),
                    part: part.number,
                    run: part.run.clone(),
                });
            }
        }
    }
    Ok(())
}

/// One recording of the files that belong together.
fn whole(mut files: Vec<Rc<dyn Source>>) -> Box<dyn Source> {
    let place = |file: &Rc<dyn Source>| {
        let part = file.outline().parts.first();
        part.map(|part| (part.number, part.first_seq))
    };
    files.sort_by_key(place);
    let parts = files.iter().flat_map(|file| &file.outline().parts);
    let is_whole = files.len() == 1 && parts.clone().all(Part::is_whole);
    match files.pop() {
        Some(only) if is_whole => Box::new(only),
        last => {
            files.extend(last);
            Box::new(Joined::new(files))
        }
    }
}

impl Part {
    /// Whether nothing comes before or after it.
    const fn is_whole(&self) -> bool {
        self.number == 1 && !self.continued
    }
}

/// The parts of a run.
struct Joined {
    /// In the order of their numbers.
    files: Vec<Rc<dyn Source>>,
    outline: Outline,
}

impl Joined {
    fn new(files: Vec<Rc<dyn Source>>) -> Self {
        let outlines: Vec<_> = files.iter().map(Source::outline).collect();
        let outline = join_outlines(&outlines);
        Self { files, outline }
    }
}

fn join_outlines(files: &[&Outline]) -> Outline {
    let mut connections: BTreeMap<u64, (Connection, usize)> = BTreeMap::new();
    for (place, file) in files.iter().enumerate() {
        let begun = file.parts.first().map_or(0, |part| part.first_seq);
        for connection in &file.connections {
            let (_, last) = connections
                .entry(connection.number)
                .and_modify(|(known, _)| go_on(known, connection, begun))
                .or_insert_with(|| (connection.clone(), place));
            *last = place;
        }
    }
    let connections = connections.into_values();
    let mut connections: Vec<_> = connections
        .map(|(mut connection, last)| {
            let lost = files
                .get(last + 1)
                .and_then(|next| lost_between(files[last], next));
            connection.closed = connection.closed.or(lost);
            connection
        })
        .collect();
    connections.sort_by_key(|connection| connection.opened);
    let parts: Vec<_> = files.iter().flat_map(|file| file.parts.clone()).collect();
    let (missing, goes_on) = missing(files, &connections);
    let gaps = files.iter().flat_map(|file| file.gaps.clone());
    let anomalies = files.iter().flat_map(|file| file.anomalies.clone());
    // A part that another one follows has all that came before the cut, however it was closed.
    let unclean = files.last().and_then(|last| {
        let unclean = last.unclean.clone()?;
        Some(match files {
            [_] => unclean,
            [..] => Unclean {
                why: format!("{}: {}", last.name, unclean.why),
                ..unclean
            },
        })
    });
    Outline {
        name: name(files),
        started_at: files.iter().map(|file| file.started_at).min().unwrap_or(0),
        ended_at: files.iter().map(|file| file.ended_at).max().unwrap_or(0),
        unclean,
        gaps: gaps.chain(missing).collect(),
        anomalies: anomalies.collect(),
        connections,
        parts,
        goes_on,
        clock_steps: clock_steps(files),
        record_http: files.last().and_then(|file| file.record_http.clone()),
    }
}

/// Each part repeats what was noted before it.
fn clock_steps(files: &[&Outline]) -> Vec<ClockStep> {
    let mut steps: Vec<_> = files
        .iter()
        .flat_map(|file| file.clock_steps.clone())
        .collect();
    steps.sort_unstable();
    steps.dedup();
    steps
}

/// `traffic-000001.db to traffic-000003.db (3 parts)`.
fn name(files: &[&Outline]) -> String {
    match files {
        [] => String::new(),
        [only] => only.name.clone(),
        [first, .., last] => format!("{} to {} ({} parts)", first.name, last.name, files.len()),
    }
}

/// What a further part, begun at a place, says of a connection that was open at the cut.
fn go_on(known: &mut Connection, next: &Connection, begun: u64) {
    if known.answered.is_none() && next.answered.is_some() {
        known.answered = next.answered;
        known.status = next.status;
        known.response_head.clone_from(&next.response_head);
        known.subprotocol.clone_from(&next.subprotocol);
    }
    known.closed = known.closed.or(next.closed);
    for tag in &next.tags {
        // Those that held at the cut are in both.
        if tag.from >= begun || !known.tags.contains(tag) {
            known.tags.push(tag.clone());
        }
    }
}

/// From where on nothing is known of a connection that was open at the end of one file, and that the next one,
/// in which connections that go on are told again, does not have: it ended in a part that is missing in between.
fn lost_between(file: &Outline, next: &Outline) -> Option<Moment> {
    let (last, first) = (file.parts.last()?, next.parts.first()?);
    let is_missing = last.run == first.run && last.number.saturating_add(1) < first.number;
    is_missing.then(|| Moment {
        seq: last.last_seq.saturating_add(1),
        at: file.ended_at,
    })
}

/// A gap for each part that is missing before others, and what is missing after the last one.
fn missing(files: &[&Outline], connections: &[Connection]) -> (Vec<Gap>, Option<String>) {
    let mut runs: BTreeMap<&str, Vec<(&Outline, &Part)>> = BTreeMap::new();
    for file in files {
        for part in &file.parts {
            runs.entry(&part.run).or_default().push((file, part));
        }
    }
    let mut gaps = Vec::new();
    let mut goes_on = None;
    for (run, mut parts) in runs {
        parts.sort_by_key(|(_, part)| part.number);
        let mut before: Option<&Part> = None;
        for (file, part) in &parts {
            let expected = before.map_or(1, |before| before.number.saturating_add(1));
            if part.number > expected {
                let from = match before {
                    Some(before) => before.last_seq.saturating_add(1),
                    // The connections that were open then began in it.
                    None => connections
                        .iter()
                        .map(|connection| connection.opened.seq)
                        .fold(part.first_seq, u64::min),
                };
                gaps.push(Gap {
                    connection: None,
                    from,
                    to: from.max(part.first_seq.saturating_sub(1)),
                    frames: None,
                    why: format!(
                        "{} of run {run} {} missing, and {} is part {}",
                        numbers(expected, part.number - 1),
                        if part.number - 1 > expected {
                            "are"
                        } else {
                            "is"
                        },
                        file.name,
                        part.number
                    ),
                    cause: GapCause::MissingPart,
                });
            }
            before = Some(part);
        }
        if let Some((file, last)) = parts.last()
            && last.continued
        {
            goes_on = Some(format!(
                "part {} of run {run} is missing: {} says that it goes on there",
                last.number.saturating_add(1),
                file.name
            ));
        }
    }
    (gaps, goes_on)
}

/// `part 2`, `parts 2 to 4`.
fn numbers(first: u32, last: u32) -> String {
    if first == last {
        format!("part {first}")
    } else {
        format!("parts {first} to {last}")
    }
}

impl Source for Joined {
    fn outline(&self) -> &Outline {
        &self.outline
    }

    fn reading(&self) -> Result<Box<dyn Reading + '_>, SourceError> {
        let readings = self.files.iter().map(Source::reading);
        Ok(Box::new(JoinedReading(readings.collect::<Result<_, _>>()?)))
    }

    fn payload(&self, seq: u64) -> Result<Option<Vec<u8>>, SourceError> {
        for file in self.files.iter().rev() {
            if let Some(payload) = file.payload(seq)? {
                return Ok(Some(payload));
            }
        }
        Ok(None)
    }

    /// Each part is asked by itself; a connection that goes on is in several, and told once.
    fn ask(&self, question: &Question) -> Result<Answered, SourceError> {
        let mut all = Answered::default();
        for file in &self.files {
            all.add(file.ask(question)?);
        }
        Ok(all)
    }

    fn file_of(&self, seq: u64) -> &str {
        let begins = |file: &&Rc<dyn Source>| {
            let part = file.outline().parts.first();
            part.is_none_or(|part| part.first_seq <= seq)
        };
        // Near a cut, a frame may be in the part after the one in whose range it is.
        let known = |file: &&Rc<dyn Source>| matches!(file.payload(seq), Ok(Some(_)));
        let mut files = self.files.iter();
        files
            .find(known)
            .or_else(|| self.files.iter().rfind(begins))
            .map_or(&self.outline.name, |file| &file.outline().name)
    }
}

struct JoinedReading<'s>(Vec<Box<dyn Reading + 's>>);

impl Reading for JoinedReading<'_> {
    fn begin(&mut self) -> Result<Box<dyn Cursor + '_>, SourceError> {
        let mut cursors = Vec::new();
        let mut next = BinaryHeap::new();
        for (file, reading) in self.0.iter_mut().enumerate() {
            let mut cursor = reading.begin()?;
            if let Some(moment) = cursor.advance()? {
                next.push(Reverse((moment, file)));
            }
            cursors.push(cursor);
        }
        Ok(Box::new(JoinedCursor {
            cursors,
            next,
            current: None,
            at: i64::MIN,
        }))
    }
}

/// The messages of all parts, by `seq`.
struct JoinedCursor<'s> {
    cursors: Vec<Box<dyn Cursor + 's>>,
    /// The message at which each cursor stands, but for the current one.
    next: BinaryHeap<Reverse<(Moment, usize)>>,
    /// The file whose cursor stands at the current message.
    current: Option<usize>,
    /// The time of the current message; kept from running backwards, as within one recording.
    at: i64,
}

impl Cursor for JoinedCursor<'_> {
    fn advance(&mut self) -> Result<Option<Moment>, SourceError> {
        if let Some(file) = self.current.take()
            && let Some(moment) = self.cursors[file].advance()?
        {
            self.next.push(Reverse((moment, file)));
        }
        let Some(Reverse((moment, file))) = self.next.pop() else {
            return Ok(None);
        };
        self.current = Some(file);
        self.at = self.at.max(moment.at);
        Ok(Some(Moment {
            seq: moment.seq,
            at: self.at,
        }))
    }

    fn current(&self) -> Result<SourceMessage<'_>, SourceError> {
        let file = self.current.expect("`advance` found a message");
        let message = self.cursors[file].current()?;
        Ok(SourceMessage {
            moment: Moment {
                seq: message.moment.seq,
                at: self.at,
            },
            ..message
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Part `number` of a run in which a second has a hundred places, with these connections open at its end.
    fn part(number: u32, open: &[u64]) -> Outline {
        let begin = u64::from(number) * 100;
        let connection = |number: &u64| {
            let (seq, at) = (*number, 0);
            Connection::new(*number, Moment { seq, at })
        };
        Outline {
            ended_at: i64::from(number) * 1_000_000_000,
            connections: open.iter().map(connection).collect(),
            parts: vec![Part {
                run: "r".to_owned(),
                number,
                continued: true,
                first_seq: begin,
                last_seq: begin + 99,
                file: format!("{number}.db"),
            }],
            ..Outline::default()
        }
    }

    #[test]
    fn what_ended_in_a_missing_part_is_known_to_where_that_begins() {
        let (first, second, fourth) = (part(1, &[1, 2]), part(2, &[1, 2, 3]), part(4, &[2]));
        let joined = join_outlines(&[&first, &second, &fourth]);
        let closed: Vec<_> = joined
            .connections
            .iter()
            .map(|connection| connection.closed)
            .collect();
        let lost = Some(Moment {
            seq: 300,
            at: 2_000_000_000,
        });
        assert_eq!(closed, [lost, None, lost]);
    }

    /// A file of one part, as nobody writes it and anybody can.
    fn tampered(number: u32, continued: bool) -> Outline {
        let part = Part {
            run: "r".to_owned(),
            number,
            continued,
            first_seq: u64::MAX,
            last_seq: u64::MAX,
            file: "a.db".to_owned(),
        };
        Outline {
            name: "a.db".to_owned(),
            parts: vec![part],
            ..Outline::default()
        }
    }

    #[test]
    fn numbers_at_the_end_of_their_range_are_told_as_they_are() {
        let (first, last) = (tampered(1, true), tampered(u32::MAX, true));
        let (gaps, goes_on) = missing(&[&first, &last], &[]);
        let [gap] = &gaps[..] else {
            panic!("{gaps:?}");
        };
        assert_eq!((gap.from, gap.to), (u64::MAX, u64::MAX));
        assert!(
            gap.why
                .starts_with("parts 2 to 4294967294 of run r are missing")
        );
        assert!(goes_on.is_some_and(|why| why.starts_with("part 4294967295 of run r")));
    }
}
