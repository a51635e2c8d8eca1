//! Recordings out of traces, and how a pack's only rule stands over them.

use std::path::Path;
use std::time::Duration;

use wsaudit_verifier::case::Case;
use wsaudit_verifier::engine::{Input, verify};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::Source;
use wsaudit_verifier::rules::Pack;
use wsaudit_verifier::suite::{Directory, Prepared};
use wsaudit_verifier::verdict::State;

fn recording(pack: &str, trace: &str) -> Box<dyn Source> {
    let text = format!(
        "# A recording\n\n```toml\n{pack}```\n\n```trace\n{trace}\n\nexpect undecided it\n```\n"
    );
    let case = Case::parse("case.md", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let directory = Directory::of(Path::new("case.md"));
    let prepared = Prepared::new(&case, &directory).expect("a case with its own rules");
    let mut sources = prepared.sources.into_iter();
    sources.next().expect("a case is a recording")
}

/// How the rule of `pack` stands over two recordings, each told as the trace of a case, whose clocks may disagree by
/// `skew` ms.
pub(crate) fn state(pack: &str, facts: &Facts, traces: [&str; 2], skew: u64) -> State {
    let sources = traces.map(|trace| recording(pack, trace));
    let pack = Pack::from_texts(&[("pack.toml", pack)]).unwrap_or_else(|errors| panic!("{errors}"));
    let input = Input {
        packs: std::slice::from_ref(&pack),
        facts,
        sources: &sources,
        unread: &[],
        skew: Duration::from_millis(skew),
    };
    let found = verify(&input, &mut |_| {}).expect("memory can be read");
    found.rules[0].state
}
