//! `wsaudit slice`: a recording cut down to a fixture that still violates.

mod recording;
mod relative;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use wsaudit_verifier::case::Case;
use wsaudit_verifier::finding;
use wsaudit_verifier::report::Violation;
use wsaudit_verifier::slice::{Target, slice};
use wsaudit_verifier::suite::{Directory, run_case};

use crate::bar::target;
use crate::exit::Exit;
use crate::file::{can_write, write_new};
use crate::interrupt;
use crate::numbers::counted;
use crate::output::{Output, say};
use crate::verify::{Verified, Wanted};

use relative::relative;

const EXAMPLES: &str = "\
Messages and connections are left out as long as the rule still finds a \
violation of the same fingerprint, and argues as it did; what is left is written as a case \
(docs/cases.md), read again and run: it is a fixture that `wsaudit test` takes \
as it is. With --out FILE.db the frames of one recording are copied as they are \
into a new one, which is verified. Ids and payloads stay as they were recorded: \
look at them before you commit it.

Examples:
  wsaudit slice --rules my-rules.toml traffic.db 3f9c2d1e --out cases/room.md
  wsaudit slice --rules my-rules.toml traffic.db 3f9c2d1e --out room.db
  wsaudit slice --rules agent-platform monday.db tuesday.db 3f9c2d1e

Exit codes:
  0  written
  2  there is no such violation, it could not be cut out, or something could
     not be read or written";

/// Cut recordings down to a case, or a recording, that shows one violation
#[derive(Debug, Args)]
#[command(
    after_help = EXAMPLES,
    override_usage = "wsaudit slice [OPTIONS] <RECORDING>... <FINGERPRINT>"
)]
pub(crate) struct SliceArgs {
    /// Write to this file, which must not be there yet: *.md is a case, *.db a recording [default: a
    /// case, on standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    wanted: Wanted,
}

/// Verifies, finds, cuts, checks, writes.
pub(crate) fn run(args: &SliceArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let form = form(args.out.as_deref())?;
    let verified = args.wanted.verify(output)?;
    let (violation, _) = args.wanted.find(&verified.report)?;
    let target = Target {
        packs: &verified.packs,
        facts: &verified.facts,
        sources: verified.sources(),
        violation,
    };
    let bar = bar();
    let slice = slice(&target, &mut |left| {
        bar.set_message(counted(left as u64, "message"));
        bar.tick();
    });
    bar.finish_and_clear();
    let slice = slice?;
    let shown = counted(slice.source.messages().len() as u64, "message");
    let all = verified.report.messages;
    match form {
        Form::Recording(path) => {
            recording::write(path, &slice, &verified)?;
            say(&format!("{}: {shown} of {all}", path.display()));
        }
        Form::Case(path) => {
            let rules = rules(args, &verified, violation)?;
            // What the slice shows is told, not what was around it in the recording.
            let told = slice.violation()?;
            let title = format!("{}: {}", violation.rule, one_line(&told.message));
            let text = slice.case(&title, &prose(&verified, violation, &told), &rules);
            let text = text.map_err(|why| {
                anyhow::anyhow!(
                    "{why}; `--out FILE.db` writes it as a recording, which holds anything"
                )
            })?;
            check(path.unwrap_or(Path::new("slice.md")), &text)?;
            match path {
                Some(path) => {
                    write_new(path, text.as_bytes())
                        .with_context(|| format!("cannot write {}", path.display()))?;
                    say(&format!(
                        "{}: {shown} of {all}; `wsaudit test {0}` runs it",
                        path.display()
                    ));
                }
                None => output.write_all(text.as_bytes())?,
            }
        }
    }
    Ok(Exit::Clean)
}

/// On standard error, where that is a terminal.
fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, target());
    if let Ok(style) = ProgressStyle::with_template("cutting: {msg} left") {
        bar.set_style(style);
    }
    interrupt::takes_away(&bar);
    bar
}

/// What is written.
#[derive(Clone, Copy)]
enum Form<'a> {
    /// A text case, to a file or to standard output.
    Case(Option<&'a Path>),
    /// A recording.
    Recording(&'a Path),
}

fn form(out: Option<&Path>) -> anyhow::Result<Form<'_>> {
    let Some(path) = out else {
        return Ok(Form::Case(None));
    };
    let form = match path.extension().and_then(|extension| extension.to_str()) {
        Some("md") => Form::Case(Some(path)),
        Some("db") => Form::Recording(path),
        _ => bail!(
            "--out {}: a case is called *.md, a recording *.db",
            path.display()
        ),
    };
    if path.exists() {
        bail!("{} exists; name another file, or remove it", path.display());
    }
    // Before all the work, not after it.
    can_write(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(form)
}

/// The case is run as `wsaudit test` would.
fn check(name: &Path, text: &str) -> anyhow::Result<()> {
    let case = Case::parse(&name.display().to_string(), text)?;
    let result = run_case(&case, &Directory::of(name));
    if let Some(mismatch) = result.mismatches.first() {
        bail!("the case does not show what the recording does: {mismatch}");
    }
    Ok(())
}

/// How the case names the pack: a shipped one by its name, a file by its path from the case.
fn rules(args: &SliceArgs, verified: &Verified, violation: &Violation) -> anyhow::Result<String> {
    let packs = verified.packs.iter();
    let at = packs.clone().position(|pack| pack.name == violation.pack);
    let Some(given) = at.and_then(|at| args.wanted.asked.rules.get(at)) else {
        return Ok(violation.pack.clone());
    };
    let path = Path::new(given);
    if !path.exists() {
        return Ok(given.clone());
    }
    let from = args.out.as_deref().and_then(Path::parent);
    let from = from.filter(|from| !from.as_os_str().is_empty());
    let path = relative(path, from.unwrap_or(Path::new(".")))
        .with_context(|| format!("cannot name {} from the case", path.display()))?;
    let path = path.to_str().context("the path of the rules is no UTF-8")?;
    if path.contains([',', '\n']) {
        bail!("{path}: a case cannot name rules whose path has a comma or a line break in it");
    }
    Ok(path.to_owned())
}

fn prose(verified: &Verified, violation: &Violation, shown: &finding::Violation) -> String {
    let recordings = verified.report.recordings.iter();
    let names: Vec<_> = recordings
        .map(|recording| file_name(&recording.name))
        .collect();
    let mut lines = vec![format!(
        "Cut from {} by `wsaudit slice`; fingerprint {}.\n",
        names.join(" and "),
        violation.fingerprint
    )];
    for (number, line) in (1..).zip(&shown.evidence) {
        lines.push(format!("{number}. {}", one_line(&line.text)));
    }
    lines.push(format!("\nExpected: {}", one_line(&shown.expected)));
    lines.join("\n")
}

/// Where a recording was is nobody's business who reads the case.
fn file_name(path: &str) -> String {
    let name = Path::new(path).file_name().unwrap_or_default();
    one_line(&name.to_string_lossy())
}

/// Text from the wire, on one line: it must not begin a block of the case.
fn one_line(text: &str) -> String {
    let plain = |character: char| match character {
        '`' => '\'',
        character if character.is_control() => ' ',
        character => character,
    };
    text.chars().map(plain).collect()
}
