//! `wsaudit completions`: what a shell needs to complete commands and flags.

use std::io::Write as _;

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
    Ok(Exit::Clean)
}
