//! `wsaudit explain`: a violation with all that was around it.

use std::io::Write as _;

use clap::Args;
use wsaudit_verifier::report::{story, story_text};

use crate::exit::Exit;
use crate::output::Output;
use crate::verify::{Wanted, palette};

const EXAMPLES: &str = "\
The fingerprint is the last line of each violation that `wsaudit verify` tells; \
its beginning is enough. Give the same --rules. Payloads that prove something \
are shown whole (up to 4,000 characters).

Examples:
  wsaudit explain --rules agent-platform traffic.db 3f9c2d1e
  wsaudit explain --rules my-rules.toml --around 10 mon.db tue.db 3f9c2d1e
  wsaudit explain --rules my-rules.toml --json traffic.db 3f9c2d1e

Exit codes:
  0  told
  2  there is no such violation, or something could not be read";

/// Tell one violation whole: the argument, who was there, and the frames around it
#[derive(Debug, Args)]
#[command(
    after_help = EXAMPLES,
    override_usage = "wsaudit explain [OPTIONS] <RECORDING>... <FINGERPRINT>"
)]
pub(crate) struct ExplainArgs {
    /// How many frames are shown before and after each that proves something
    #[arg(long, value_name = "N", default_value_t = 3)]
    around: usize,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    wanted: Wanted,
}

/// Verifies, finds, tells.
pub(crate) fn run(args: &ExplainArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let verified = args.wanted.verify(output)?;
    let found = args.wanted.find(&verified.report)?;
    let story = story(
        &verified.report,
        found,
        &verified.verification,
        verified.sources(),
        args.around,
    )?;
    if args.json {
        serde_json::to_writer_pretty(&mut *output, &story)?;
        writeln!(output)?;
    } else {
        let text = story_text(
            &verified.report,
            &story,
            palette(output.paint()),
            Output::columns(),
        );
        output.write_all(text.as_bytes())?;
    }
    Ok(Exit::Clean)
}
