//! `wsaudit man`: manual pages, one for each command.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::builder::Resettable;
use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::exit::Exit;
use crate::output::{Output, say};

const EXAMPLES: &str = "\
Without --out, the page of `wsaudit` itself is written to standard output; with \
it, the pages of all commands to files of that directory (wsaudit.1, \
wsaudit-verify.1, ...), which are replaced.

Examples:
  wsaudit man | man -l -
  wsaudit man --out ~/.local/share/man/man1
  man wsaudit-verify

Exit codes:
  0  written
  2  a page could not be written";

/// An argument that is empty; one that is not there would leave its place to the next one.
const NO_DATE: &str = "\"\"";

/// Write manual pages
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ManArgs {
    /// Write every page to this directory, which is made if it is not there
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Writes them.
pub(crate) fn run(args: &ManArgs, command: Command, output: &mut Output) -> anyhow::Result<Exit> {
    let Some(directory) = &args.out else {
        output.write_all(&page(command)?)?;
        return Ok(Exit::Clean);
    };
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let count = write_all(command, "wsaudit", directory)?;
    say(&format!("{count} pages written to {}", directory.display()));
    Ok(Exit::Clean)
}

/// The page of a command, and of every command below it.
fn write_all(command: Command, name: &str, directory: &Path) -> anyhow::Result<usize> {
    let below: Vec<_> = command.get_subcommands().cloned().collect();
    let path = directory.join(format!("{name}.1"));
    // The names of a page are leaked once a run: clap wants them to live as long as the program.
    let called: &'static str = Box::leak(name.to_owned().into_boxed_str());
    let page = page(command.name(called).bin_name(name.replace('-', " ")))?;
    fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
    let mut count = 1;
    for command in below {
        let name = format!("{name}-{}", command.get_name());
        count += write_all(command, &name, directory)?;
    }
    Ok(count)
}

fn page(command: Command) -> anyhow::Result<Vec<u8>> {
    let after = command.get_after_help().map(ToString::to_string);
    // `help` has no page: every page is one.
    let command = command
        .after_help(Resettable::Reset)
        .disable_help_subcommand(true);
    let name = command.get_name().to_owned();
    let mut page = Vec::new();
    Man::new(command)
        .title(name.to_uppercase())
        .date(NO_DATE)
        .source(concat!("wsaudit ", env!("CARGO_PKG_VERSION")))
        .manual("wsaudit")
        .render(&mut page)?;
    sections(&after.unwrap_or_default()).to_writer(&mut page)?;
    see_also(&name).to_writer(&mut page)?;
    Ok(page)
}

/// The pages above, up to that of `wsaudit` itself.
fn see_also(name: &str) -> Roff {
    let ends = name.match_indices('-').map(|(end, _)| end);
    let above: Vec<_> = ends.map(|end| format!("{}(1)", &name[..end])).collect();
    let mut roff = Roff::new();
    if !above.is_empty() {
        roff.control("SH", ["SEE ALSO"]);
        roff.text([roman(above.join(", "))]);
    }
    roff
}

/// What stands behind the options in `--help`, in the sections where readers of manual pages look for
/// it. What is indented there stays line for line, so that it can be pasted.
fn sections(after: &str) -> Roff {
    let (mut notes, mut examples, mut exit) = (Roff::new(), Roff::new(), Roff::new());
    let section = |roff: &mut Roff, name, lines: &str| {
        if *roff == Roff::new() {
            roff.control("SH", [name]);
        } else {
            roff.control("PP", []);
        }
        block(lines, roff);
    };
    for lines in after.split("\n\n") {
        if let Some(lines) = lines.strip_prefix("Examples:\n") {
            section(&mut examples, "EXAMPLES", lines);
        } else if let Some(lines) = lines.strip_prefix("Exit codes:\n") {
            section(&mut exit, "EXIT STATUS", lines);
        } else {
            section(&mut notes, "NOTES", lines);
        }
    }
    [notes, examples, exit].into_iter().collect()
}

fn block(lines: &str, roff: &mut Roff) {
    let mut verbatim = false;
    for line in lines.lines() {
        if line.starts_with(' ') != verbatim {
            verbatim = !verbatim;
            roff.control(if verbatim { "nf" } else { "fi" }, []);
        }
        roff.text([roman(line)]);
    }
    if verbatim {
        roff.control("fi", []);
    }
}
