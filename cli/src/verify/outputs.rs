//! Where reports go: one to standard output, others each to a file of its own.

use std::env;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use wsaudit_recording::SQLITE_MAGIC;
use wsaudit_verifier::report::{self, Audit};

use crate::failure;
use crate::file::{can_write, head, write_whole};
use crate::output::{Output, Paint};

/// GitHub takes at most 1 MiB of a step's summary, and drops a longer one whole.
const LONGEST_SUMMARY: usize = 1_000_000;

/// How reports are written, and where.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reports")]
pub(super) struct ReportArgs {
    /// How the report on standard output, or in --output, is written [default: text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write that report to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<Target>,
    /// Write a JSON report, too; `-`: to standard output
    #[arg(long, value_name = "FILE")]
    json: Option<Target>,
    #[arg(
        long,
        value_name = "FILE",
        help = "Write JUnit XML, too: a test case for each rule"
    )]
    junit: Option<Target>,
    /// Write SARIF 2.1.0, too: for code scanning
    #[arg(long, value_name = "FILE")]
    sarif: Option<Target>,
    /// Write Markdown, too
    #[arg(long, value_name = "FILE")]
    markdown: Option<Target>,
    #[arg(
        long,
        value_name = "FILE",
        help = "Write an HTML page, too: one file, with sessions over time"
    )]
    html: Option<Target>,
    /// For a job on GitHub: annotations behind the text, and a step summary; as --format github
    #[arg(long)]
    github: bool,
}

impl ReportArgs {
    /// Whether annotations go to standard output; what asks for several reports there is refused before.
    pub(super) fn are_for_github(&self) -> bool {
        let stays = matches!(self.output, None | Some(Target::Stdout));
        (self.github || self.format == Some(Format::Github)) && stays
    }
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For programs; docs/report.schema.json describes it
    Json,
    /// A test case for each rule, for whatever shows test results
    Junit,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// The text, then annotations; the Markdown goes to the step summary
    Github,
    /// A table of the rules, and the violations
    Markdown,
    /// A page for people that stands alone: evidence, filters, sessions over time
    Html,
}

/// Where a report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Stdout,
    File(PathBuf),
}

impl Target {
    /// The same for two names of one file.
    fn place(&self) -> Option<PathBuf> {
        let Self::File(path) = self else {
            return None;
        };
        let (directory, name) = (path.parent()?, path.file_name()?);
        let here = Path::new(".");
        let directory = Some(directory).filter(|it| !it.as_os_str().is_empty());
        let found = path.canonicalize().or_else(|_| {
            let directory = directory.unwrap_or(here).canonicalize()?;
            Ok::<_, std::io::Error>(directory.join(name))
        });
        Some(found.unwrap_or_else(|_| path.clone()))
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("expected a file, or `-` for standard output".to_owned()),
            "-" => Ok(Self::Stdout),
            path => Ok(Self::File(path.into())),
        }
    }
}

/// A report that was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Sink {
    format: Format,
    target: Target,
    /// What asked for it.
    flag: String,
}

/// The reports that were asked for.
#[derive(Debug)]
pub(super) struct Outputs {
    sinks: Vec<Sink>,
}

/// How the text for people is made; it may be coloured.
pub(super) type TextOf<'t> = dyn Fn(Paint, Option<usize>) -> String + 't;

impl Outputs {
    /// What the flags ask for; two reports never go to one place.
    pub(super) fn resolve(args: &ReportArgs) -> anyhow::Result<Self> {
        let mut sinks = Vec::new();
        let mut add = |format, target: Target, flag: &str| {
            let flag = flag.to_owned();
            sinks.push(Sink {
                format,
                target,
                flag,
            });
        };
        let more = [
            (Format::Json, &args.json, "--json"),
            (Format::Junit, &args.junit, "--junit"),
            (Format::Sarif, &args.sarif, "--sarif"),
            (Format::Markdown, &args.markdown, "--markdown"),
            (Format::Html, &args.html, "--html"),
        ];
        for (format, target, flag) in more {
            if let Some(target) = target {
                add(format, target.clone(), flag);
            }
        }
        if args.github {
            add(Format::Github, Target::Stdout, "--github");
        }
        match (args.format, &args.output) {
            (format, Some(target)) => {
                add(format.unwrap_or(Format::Text), target.clone(), "--output");
            }
            (Some(format), None) => add(format, Target::Stdout, "--format"),
            (None, None) => {
                if !sinks.iter().any(|sink| sink.target == Target::Stdout) {
                    sinks.push(Sink {
                        format: Format::Text,
                        target: Target::Stdout,
                        flag: "the text".to_owned(),
                    });
                }
            }
        }
        for (number, sink) in sinks.iter().enumerate() {
            let place = sink.target.place();
            let mut others = sinks[..number].iter();
            let other = others.find(|it| it.target.place() == place);
            if let Some(other) = other {
                bail!(
                    "{} and {} both write to {}: give one of them another file",
                    other.flag,
                    sink.flag,
                    sink.target
                );
            }
        }
        Ok(Self { sinks })
    }

    /// Whether one of them is the text.
    pub(super) fn want_text(&self) -> bool {
        let is_text = |sink: &Sink| matches!(sink.format, Format::Text | Format::Github);
        self.sinks.iter().any(is_text)
    }

    /// Whether each of them can be written, as far as that can be known before there is anything to write.
    /// Of several that cannot be, the last one is the error, and those before it are told. Nothing is left
    /// behind, and what is there stays as it is.
    pub(super) fn can_be_written(&self, output: &Output) -> anyhow::Result<()> {
        let mut failed = None;
        for sink in &self.sinks {
            let Target::File(path) = &sink.target else {
                continue;
            };
            let done = can_replace(path)
                .with_context(|| format!("{}: cannot write to {}", sink.flag, path.display()));
            if let Err(error) = done
                && let Some(before) = failed.replace(error)
            {
                failure::print(&before, output.color());
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Writes them all. What cannot be written is told, and the rest is written; whether all was.
    ///
    /// `told`: whether there is something to tell people; if not, all has been said on standard error.
    pub(super) fn write(
        &self,
        audit: &Audit,
        text: &TextOf<'_>,
        output: &mut Output,
        told: bool,
    ) -> anyhow::Result<Written> {
        let mut written = Written::All;
        for sink in &self.sinks {
            match &sink.target {
                Target::Stdout if told || sink.format != Format::Text => {
                    let report = rendered(sink.format, audit, &|| {
                        text(output.paint(), Output::columns())
                    });
                    output.write_all(report.as_bytes())?;
                }
                Target::Stdout => {}
                Target::File(path) => {
                    let report = rendered(sink.format, audit, &|| text(Paint::Plain, None));
                    let done = write_whole(path, report.as_bytes())
                        .with_context(|| format!("cannot write the report to {}", path.display()));
                    written.unless_failed(done, output);
                }
            }
        }
        if self.sinks.iter().any(|sink| sink.format == Format::Github)
            && let Some(path) = env::var_os("GITHUB_STEP_SUMMARY").filter(|it| !it.is_empty())
        {
            let done = add_to_summary(Path::new(&path), &report::markdown(audit))
                .context("cannot write the step summary");
            written.unless_failed(done, output);
        }
        Ok(written)
    }
}

/// Whether everything could be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    All,
    NotAll,
}

impl Written {
    fn unless_failed(&mut self, done: anyhow::Result<()>, output: &Output) {
        if let Err(error) = done {
            failure::print(&error, output.color());
            *self = Self::NotAll;
        }
    }
}

fn rendered(format: Format, audit: &Audit, text: &dyn Fn() -> String) -> String {
    match format {
        Format::Text => text(),
        Format::Json => report::audit_json(audit),
        Format::Junit => report::junit(audit),
        Format::Sarif => report::sarif(audit),
        Format::Markdown => report::markdown(audit),
        Format::Html => report::html(audit),
        Format::Github => format!("{}\n{}", text(), report::github(audit)),
    }
}

/// Whether a report can be written to a file. What is there may be an earlier report, and must not be a
/// recording or a rule pack: `--json a.db b.db` says nothing of a report's name.
fn can_replace(path: &Path) -> anyhow::Result<()> {
    let is_pack = path.extension().is_some_and(|it| it == "toml") && path.exists();
    // A pipe has no beginning that could be looked at.
    let is_file = path.metadata().is_ok_and(|it| it.is_file());
    let is_database = || head(path, SQLITE_MAGIC.len()).is_ok_and(|head| head == SQLITE_MAGIC);
    if is_pack || is_file && is_database() {
        bail!("it is there, and is no report; name another file");
    }
    Ok(can_write(path)?)
}

/// Adds to what earlier steps, or earlier commands of this one, have written.
fn add_to_summary(path: &Path, markdown: &str) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| path.display().to_string())?;
    let taken = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let left = LONGEST_SUMMARY.saturating_sub(taken);
    file.write_all(shortened(markdown, left).as_bytes())?;
    Ok(())
}

/// The beginning of a Markdown text that is too long, up to the end of a block.
fn shortened(markdown: &str, most: usize) -> String {
    const REST: &str = "\n\n... and more: the summary is cut here, the reports are whole\n";
    if markdown.len() <= most {
        return markdown.to_owned();
    }
    let mut end = most.saturating_sub(REST.len() + "</details>".len());
    while !markdown.is_char_boundary(end) {
        end -= 1;
    }
    let kept = &markdown[..end];
    let kept = &kept[..kept.rfind("\n\n").unwrap_or(0)];
    let open = kept.matches("<details>").count() > kept.matches("</details>").count();
    let close = if open { "\n\n</details>" } else { "" };
    format!("{kept}{close}{REST}")
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("standard output"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_that_is_too_long_ends_with_a_block() {
        let markdown = "a\n\n<details>b\n\nc\n\nd</details>\n".repeat(20);
        assert_eq!(shortened(&markdown, 10_000), markdown);
        for most in 0..400 {
            let short = shortened(&markdown, most);
            assert!(short.len() <= most.max(90), "{most}: {short}");
            assert_eq!(
                short.matches("<details>").count(),
                short.matches("</details>").count(),
                "{most}: {short}"
            );
        }
    }
}
