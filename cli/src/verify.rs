//! `wsaudit verify`: rule packs over recordings, and the report.

mod asked;
mod baseline;
pub(crate) mod facts;
mod histories;
mod outputs;
mod progress;
mod recordings;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use wsaudit_verifier::engine::{Coverage, Input, Verification, verify_with};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::{Source, SourceError};
use wsaudit_verifier::report::{
    Audit, Palette, Report, Shown, TextOptions, report, text, text_of_many,
};
use wsaudit_verifier::rules::Pack;
use wsaudit_verifier::survey::{Survey, survey};

use crate::exit::Exit;
use crate::failure;
use crate::output::{Output, Paint};
use crate::shell::quoted;

use asked::Asked;
pub(crate) use asked::{Verified, Wanted};
use baseline::{BaselineArgs, Known};
use histories::Histories;
use outputs::{Outputs, ReportArgs, Written};
use progress::Progress;
use recordings::Recordings;

/// What is checked where nobody says what.
const DEFAULT_RULES: [&str; 3] = ["protocol", "handshake", "correlated"];

const EXAMPLES: &str = "\
Rules are shipped packs, by name (agent-platform, correlated, handshake, \
protocol), rule files, or directories of them. With none, protocol, handshake \
and correlated are checked, and the messages and id-like fields are listed that \
no rule mentions: the start of a pack of your own (wsaudit rules new).

Several recordings are one history, merged by time. Their clocks may disagree by \
--skew: what they show closer to each other than that may have happened the \
other way round, and leaves a rule that rests on it undecided. Parts of one run \
share a clock. A directory stands for the recordings beneath it, each a history \
of its own (parts of one run are one).

Several reports can be written at once, each to a file of its own; `-` is \
standard output. With a report on standard output, the text is not printed. \
Where one cannot be written, that is told before anything is verified, and the \
exit code is 2; one that fails later is told, and the rest is written.

Examples:
  wsaudit verify traffic.db
  wsaudit verify --rules my-rules.toml traffic.db
  wsaudit verify --rules agent-platform --rules protocol mon.db tue.db
  wsaudit verify --rules rules/ --skew 5ms eu.db us.db
  wsaudit verify --rules rules/ --facts threads=user_threads.csv traffic.db
  wsaudit verify --rules rules/ --html report.html traffic.db
  wsaudit verify --rules rules/ --format json --output report.json traffic.db
  wsaudit verify fixtures/ --junit out.xml --sarif out.sarif --github
  wsaudit verify --rules rules/ --write-baseline known.toml traffic.db
  wsaudit verify --rules rules/ --baseline known.toml traffic.db

Exit codes:
  0  clean: every rule holds, and nothing speaks against believing it
  1  violated: a rule is broken in a way that no baseline knows
  2  something could not be read or written (what could be is reported all the
     same), or the usage was wrong
  3  inconclusive: nothing is broken, and something keeps the recording from
     proving the rest: a gap, an unidentified connection, a rule that nothing
     could have broken, ...";

/// Verify recordings: find what leaked from one session into another
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VerifyArgs {
    /// The recordings: one history; or directories of them, each a history of its own
    // Before the flags: the heading of those that come last would be its, too.
    #[arg(required = true, value_name = "RECORDING")]
    recordings: Vec<PathBuf>,
    #[command(flatten)]
    asked: Asked,
    /// Tell every violation, not only the first ones of each rule
    #[arg(long)]
    all: bool,
    /// Tell how often each event and pointer of the rules matched, and what no rule mentions
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    reports: ReportArgs,
    #[command(flatten)]
    known: BaselineArgs,
}

/// What the text says beside the report of a history.
struct Aside {
    coverage: Coverage,
    survey: Option<Survey>,
}

/// Verifies recordings, and writes the reports. On GitHub, what keeps it from beginning is annotated, too.
pub(crate) fn run(args: &VerifyArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let outputs = Outputs::resolve(&args.reports)?;
    let ended = verify_all(args, &outputs, output);
    failure::annotated(ended, args.reports.are_for_github(), output)
}

fn verify_all(args: &VerifyArgs, outputs: &Outputs, output: &mut Output) -> anyhow::Result<Exit> {
    // Before all the work, not after it.
    outputs.can_be_written(output)?;
    let known = Known::read(&args.known)?;
    let (packs, facts) = args.asked.load()?;
    let without_rules = args.asked.rules.is_empty();
    let histories = Histories::of(&args.recordings)?;
    // Of many histories, what no rule covers would hide what is wrong.
    let coverage = args.verbose || (without_rules && !histories.are_many());
    let mut progress = Progress::new(histories.each().len());
    let (mut reports, mut asides) = (Vec::new(), Vec::new());
    for paths in histories.each() {
        let mut recordings = Recordings::open(paths, output.color())?;
        progress.begin(recordings.messages_at_most());
        let (verification, report) = recordings.verify(
            &packs,
            &facts,
            (args.asked.skew(), args.asked.threads()),
            &mut progress,
        )?;
        let survey = (coverage && outputs.want_text())
            .then(|| survey(&packs, recordings.sources()))
            .transpose()?;
        reports.push(report);
        asides.push(Aside {
            coverage: verification.coverage,
            survey,
        });
    }
    progress.end();
    let read = reports.iter().any(|report| !report.recordings.is_empty());
    let remark = remark(&packs, without_rules, &histories, &reports);
    let mut audit = if histories.are_many() {
        Audit::of_many(reports)
    } else {
        reports
            .into_iter()
            .next()
            .map_or_else(|| Audit::of_many(Vec::new()), Audit::of)
    };
    known.apply(&mut audit);
    audit.remark = remark;
    let remark = audit.remark.as_deref();
    let told = |paint: Paint, width: Option<usize>| {
        let options = |number: usize| TextOptions {
            palette: palette(paint),
            width,
            shown: if args.all { Shown::All } else { Shown::DEFAULT },
            coverage: asides
                .get(number)
                .filter(|_| coverage)
                .map(|it| &it.coverage),
            survey: asides.get(number).and_then(|it| it.survey.as_ref()),
            misses: asides
                .get(number)
                .filter(|_| !coverage)
                .map(|it| &it.coverage),
            remark: remark.filter(|_| !histories.are_many()),
        };
        match &audit.histories[..] {
            [report] if !histories.are_many() => text(report, &options(0)),
            _ => text_of_many(&audit, &options, args.verbose, remark),
        }
    };
    // Where nothing could be read, that has been said, and is all there is to say.
    let written = outputs.write(&audit, &told, output, read)?;
    known.write(&audit)?;
    output.finish()?;
    Ok(match written {
        Written::All if !audit.is_incomplete() => Exit::of(&audit),
        Written::All | Written::NotAll => Exit::Failed,
    })
}

/// Said where no rule knows the application: a clean verdict must not be taken for isolation.
/// Where nothing could be read, there is no verdict to mistake.
fn remark(
    packs: &[Pack],
    without_rules: bool,
    histories: &Histories,
    reports: &[Report],
) -> Option<String> {
    let mut rules = packs.iter().flat_map(|pack| &pack.rules);
    if rules.any(|rule| rule.spec.knows_the_application()) {
        return None;
    }
    let checked = if without_rules {
        "checked without --rules: only what holds for every application."
    } else {
        "none of these rules knows the application's messages: they say only what holds for every application."
    };
    let mut each = histories.each().iter().zip(reports);
    let (paths, report) = each.find(|(_, report)| !report.recordings.is_empty())?;
    let first: Vec<_> = paths
        .iter()
        .map(|path| path.to_string_lossy())
        .filter(|path| !report.unread.iter().any(|it| it.recording == **path))
        .map(|path| quoted(&path))
        .collect();
    Some(format!(
        "{checked} Whether sessions are isolated, only rules that know these messages can tell; to begin some: \
         `wsaudit rules new {} --out my-rules.toml`",
        first.join(" ")
    ))
}

/// The packs that were asked for, or those that hold for every application.
fn load(rules: &[String]) -> anyhow::Result<Vec<Pack>> {
    // A `LoadError` is kept as it is: what is wrong in rule files is printed with its lines.
    let packs: Vec<Pack> = if rules.is_empty() {
        DEFAULT_RULES
            .into_iter()
            .map(Pack::shipped)
            .collect::<Result<_, _>>()?
    } else {
        rules
            .iter()
            .map(|name| Pack::resolve(name))
            .collect::<Result<_, _>>()?
    };
    for (index, pack) in packs.iter().enumerate() {
        if packs[..index].iter().any(|other| other.name == pack.name) {
            bail!(
                "two rule packs are named `{}`: give each one once, or rename one in its [pack]",
                pack.name
            );
        }
    }
    Ok(packs)
}

/// One verification with its report.
pub(crate) fn check(
    packs: &[Pack],
    facts: &Facts,
    sources: &[Box<dyn Source>],
    unread: &[SourceError],
    skew: Duration,
    threads: NonZeroUsize,
    progress: &mut dyn FnMut(u64),
) -> anyhow::Result<(Verification, Report)> {
    let input = Input {
        packs,
        facts,
        sources,
        unread,
        skew,
    };
    let verification = verify_with(&input, threads, progress)?;
    let report = report(packs, &verification, sources)?;
    Ok((verification, report))
}

/// The colours of a report.
pub(crate) const fn palette(paint: Paint) -> &'static Palette {
    match paint {
        Paint::Plain => &Palette::PLAIN,
        Paint::Ansi => &Palette::ANSI,
    }
}
