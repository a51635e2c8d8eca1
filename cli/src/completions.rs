//! `wsaudit completions`: what a shell needs to complete commands and flags.

use std::fmt::Write as _;
use std::io::Write as _;

use clap::builder::PossibleValue;
use clap::{Args, Command};
use clap_complete::{Shell, generate};

use crate::exit::Exit;
use crate::output::Output;

const EXAMPLES: &str = "\
Examples:
  wsaudit completions bash > ~/.local/share/bash-completion/completions/wsaudit
  wsaudit completions zsh > ~/.zfunc/_wsaudit
  wsaudit completions fish > ~/.config/fish/completions/wsaudit.fish

The directory must be there (mkdir -p); zsh must know it: fpath+=~/.zfunc before \
compinit in ~/.zshrc. A new shell has them.

Exit codes:
  0  written
  2  it could not be written, or the usage was wrong";

/// Write completions of commands and flags for a shell
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Writes them.
pub(crate) fn run(
    args: &CompletionsArgs,
    mut command: Command,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    generate(args.shell, &mut command, "wsaudit", &mut script);
    output.write_all(&script)?;
    if args.shell == Shell::Fish {
        output.write_all(words(&command).as_bytes())?;
    }
    Ok(Exit::Clean)
}

/// For fish, the words that stand where no flag is before them: `clap_complete` offers files there.
fn words(command: &Command) -> String {
    let mut lines = String::new();
    for first in command.get_subcommands() {
        let using = format!("__fish_wsaudit_using_subcommand {}", first.get_name());
        offer(first, &using, &mut lines);
        for second in first.get_subcommands() {
            let name = second.get_name();
            let seen = format!("{using}; and __fish_seen_subcommand_from {name}");
            offer(second, &seen, &mut lines);
        }
    }
    lines
}

/// Beneath `command`, which fish knows by `condition`.
fn offer(command: &Command, condition: &str, lines: &mut String) {
    for argument in command.get_positionals() {
        let values = argument.get_possible_values();
        let names: Vec<_> = values.iter().map(PossibleValue::get_name).collect();
        if !names.is_empty() {
            let names = names.join(" ");
            // Writing to a string cannot fail.
            let _ = writeln!(
                lines,
                "complete -c wsaudit -n \"{condition}\" -f -a \"{names}\""
            );
        }
    }
}
