//! Bodies over plain HTTP of which only the beginning is there: what came is read, and what may be in the rest is in
//! doubt.

use std::path::Path;

use wsaudit_verifier::case::Case;
use wsaudit_verifier::engine::Verification;
use wsaudit_verifier::history::{
    Cursor, Moment, Outline, Reading, Rest, Source, SourceError, SourceMessage, SourcePayload,
};
use wsaudit_verifier::suite::{Directory, Prepared};
use wsaudit_verifier::verdict::{Reason, Verdict};
use wsaudit_wire::Direction;

/// A recording in which the answers to `GET /cut` are cut off behind what they are.
struct Cut {
    whole: Box<dyn Source>,
    rest: Rest,
}

impl Source for Cut {
    fn outline(&self) -> &Outline {
        self.whole.outline()
    }

    fn reading(&self) -> Result<Box<dyn Reading + '_>, SourceError> {
        let reading = self.whole.reading()?;
        Ok(Box::new(CutReading { of: self, reading }))
    }

    fn payload(&self, seq: u64) -> Result<Option<Vec<u8>>, SourceError> {
        self.whole.payload(seq)
    }
}

struct CutReading<'c> {
    of: &'c Cut,
    reading: Box<dyn Reading + 'c>,
}

impl Reading for CutReading<'_> {
    fn begin(&mut self) -> Result<Box<dyn Cursor + '_>, SourceError> {
        let (of, cursor) = (self.of, self.reading.begin()?);
        Ok(Box::new(CutCursor { of, cursor }))
    }
}

struct CutCursor<'c> {
    of: &'c Cut,
    cursor: Box<dyn Cursor + 'c>,
}

impl Cursor for CutCursor<'_> {
    fn advance(&mut self) -> Result<Option<Moment>, SourceError> {
        self.cursor.advance()
    }

    fn current(&self) -> Result<SourceMessage<'_>, SourceError> {
        let message = self.cursor.current()?;
        let mut connections = self.of.outline().connections.iter();
        let own = connections.find(|it| it.number == message.connection);
        let http = own.and_then(|own| own.http.as_ref());
        let payload = match message.payload {
            SourcePayload::Whole(kept)
                if message.direction == Direction::ServerToClient
                    && http.is_some_and(|http| http.path() == "/cut") =>
            {
                SourcePayload::Beginning {
                    kept,
                    why: "the server ended too early",
                    rest: self.of.rest,
                }
            }
            other => other,
        };
        Ok(SourceMessage { payload, ..message })
    }
}

/// What comes of two sessions of which one has a note, and the other one is sent that answer, cut off.
fn cut(media_type: &str, body: &str, rest: Rest) -> Verification {
    let text = format!(
        "# Cut off\n\n```trace\nrules: ./rules.toml\nA = session s-1\nB = session s-2\n\
         0.000  B  http GET /hello\n0.001  B  http 200\n\
         0.002  A  http POST /notes {{}}\n0.010  A  http 201 {{\"id\":\"note-4711\"}}\n\
         0.300  B  http GET /cut\n0.310  B  http 200 text {body:?}\n    Content-Type: {media_type}\n\
         9.000  end\nexpect clean\n```\n"
    );
    let case = Case::parse("case.md", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/http/bodies/case.md");
    let directory = Directory::of(&rules);
    let mut prepared = Prepared::new(&case, &directory).expect("its rules are there");
    let sources = prepared.sources.drain(..);
    let sources = sources.map(|whole| Box::new(Cut { whole, rest }) as Box<dyn Source>);
    prepared.sources = sources.collect();
    prepared.verify(&case).expect("memory can be read")
}

/// The doubts of `foreign-note`.
fn doubts(found: &Verification) -> Vec<(Reason, &str, &str)> {
    let doubts = found.rules[0].outcome.doubts.iter();
    doubts
        .map(|it| (it.reason, it.message.as_str(), it.settle.as_str()))
        .collect()
}

const STREAM: &str = "text/event-stream";

#[test]
fn of_a_stream_that_ends_with_its_connection_all_that_came_is_read() {
    let shown = "data: {\"note\":\"note-4711\"}\n\n";
    for rest in [Rest::NeverCame, Rest::NotKept] {
        assert_eq!(cut(STREAM, shown, rest).verdict, Verdict::Violated);
    }
    let found = cut(STREAM, "data: {\"note\":null}\n\n", Rest::NeverCame);
    assert_eq!((found.verdict, doubts(&found)), (Verdict::Clean, vec![]));
    let found = cut(STREAM, "data: {\"note\":null}\n\n", Rest::NotKept);
    let all = doubts(&found);
    let [(Reason::Undecodable, message, settle)] = all[..] else {
        panic!("{all:?}");
    };
    assert!(
        message.contains("of the answer to `GET /cut` at"),
        "{message}"
    );
    assert!(message.ends_with("the server ended too early"), "{message}");
    assert!(settle.contains("let its answer end before"), "{settle}");
}

#[test]
fn what_is_cut_off_in_a_stream_may_be_another_ones() {
    let found = cut(STREAM, "data: {\"note\":\"note-4711\"", Rest::NeverCame);
    let all = doubts(&found);
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(all[0].1.contains("the word note-4711"), "{all:?}");
}

#[test]
fn of_a_page_that_is_cut_off_the_rest_is_in_doubt_and_of_a_script_it_is_not() {
    let doubtful = |media_type, rest| !doubts(&cut(media_type, "<p>", rest)).is_empty();
    assert!(doubtful("text/html", Rest::NotKept));
    assert!(!doubtful("text/html", Rest::NeverCame));
    assert!(!doubtful("text/javascript", Rest::NotKept));
    assert!(doubtful("application/json", Rest::NeverCame));
}
