//! `wsaudit rules`: what rules there are, whether one's own are sound, and where to begin.

mod check;
mod new;
mod read;
mod written;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use wsaudit_verifier::manual;

use crate::exit::Exit;
use crate::output::Output;

const EXAMPLES: &str = "\
Without a command, the shipped packs are listed with their rules.

Examples:
  wsaudit rules
  wsaudit rules show agent-platform
  wsaudit rules kinds owned
  wsaudit rules new traffic.db --out my-rules.toml
  wsaudit rules check my-rules.toml
  wsaudit rules schema --out pack.schema.json

Exit codes:
  0  done, and every pack that was checked is sound
  1  a pack is not, or a file differs from what --check compares it with
  2  something could not be read or written";

const CHECK: &str = "\
Everything that is wrong is told at once, each with its file, line and column, \
what was expected, and the nearest valid word. A warning names an event or a \
field that no rule speaks of: misspelt, or not needed; where it is meant, let \
its name begin with `_`.

A path is a rule file, or a directory: one pack of all its *.toml files. A \
directory without any is searched for such directories and files below it.

Examples:
  wsaudit rules check my-rules.toml
  wsaudit rules check rules/ fixtures/
  wsaudit rules check --deny-warnings rules/agent-platform

Exit codes:
  0  sound
  1  something is wrong
  2  a path could not be read, or holds no rule file";

const NEW: &str = "\
Message names become events, values that look like ids become fields. What every \
message of the recording kept to is drafted as a rule, with what was counted \
beside it; guesses, and what no rule uses, are comments. A recording that \
already leaks teaches nothing about isolation: read the draft.

Examples:
  wsaudit rules new traffic.db --out my-rules.toml
  wsaudit rules new monday.db tuesday.db | less

Exit codes:
  0  written
  2  a recording could not be read, or FILE.toml exists or cannot be written";

const LIST: &str = "\
Examples:
  wsaudit rules list

Exit codes:
  0  listed";

const SHOW: &str = "\
Examples:
  wsaudit rules show agent-platform
  wsaudit rules show my-rules.toml

Exit codes:
  0  shown
  2  the pack cannot be read";

const KINDS: &str = "\
Examples:
  wsaudit rules kinds
  wsaudit rules kinds owned

Exit codes:
  0  shown
  2  there is no such kind";

const SCHEMA: &str = "\
An editor that knows TOML schemas (Even Better TOML, taplo) reads it where a \
rule file begins with `#:schema ./pack.schema.json`.

Examples:
  wsaudit rules schema --out pack.schema.json
  wsaudit rules schema --check pack.schema.json

Exit codes:
  0  written
  1  --check found a difference
  2  FILE cannot be read or written";

const DOC: &str = "\
Examples:
  wsaudit rules doc | less
  wsaudit rules doc --check docs/rules.md

Exit codes:
  0  written
  1  --check found a difference
  2  FILE cannot be read or written";

/// List, describe and check rule packs
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct RulesArgs {
    #[command(subcommand)]
    command: Option<RulesCommand>,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    /// List the shipped packs with their rules
    #[command(after_help = LIST)]
    List,
    /// Describe a pack: its rules, its kinds and what each proves, its events
    #[command(after_help = SHOW)]
    Show {
        /// A shipped pack, a rule file, or a directory of rule files
        #[arg(value_name = "PACK")]
        pack: String,
    },
    /// List the kinds of rules, or describe one
    #[command(after_help = KINDS)]
    Kinds {
        /// The kind to describe
        #[arg(value_name = "KIND", value_parser = PossibleValuesParser::new(manual::kinds()))]
        kind: Option<String>,
    },
    /// Tell everything that is wrong in rule files
    #[command(after_help = CHECK)]
    Check(check::CheckArgs),
    /// Write the start of a pack from what recordings hold
    #[command(after_help = NEW)]
    New(new::NewArgs),
    /// Write the JSON Schema of rule files, for editors
    #[command(after_help = SCHEMA)]
    Schema(written::WrittenArgs),
    /// Write the manual of rules as one Markdown text: the file, the kinds, the shipped packs
    #[command(after_help = DOC)]
    Doc(written::WrittenArgs),
}

/// Runs it.
pub(crate) fn run(args: &RulesArgs, output: &mut Output) -> anyhow::Result<Exit> {
    use wsaudit_verifier::manual::book;
    use wsaudit_verifier::rules::schema::schema;
    match args.command.as_ref().unwrap_or(&RulesCommand::List) {
        RulesCommand::List => read::list(output),
        RulesCommand::Show { pack } => read::show(pack, output),
        RulesCommand::Kinds { kind: None } => read::kinds(output),
        RulesCommand::Kinds { kind: Some(kind) } => read::kind(kind, output),
        RulesCommand::Check(args) => check::run(args, output),
        RulesCommand::New(args) => new::run(args, output),
        RulesCommand::Schema(args) => written::run(args, &schema(), output),
        RulesCommand::Doc(args) => written::run(args, &book(), output),
    }
}
