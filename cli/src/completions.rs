//! `wsaudit completions`: what a shell needs to complete commands and flags.
//!
//! `clap_complete` writes the scripts; what it does not offer is added to them. A test asks the shells.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::Context as _;
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
    let script = String::from_utf8(script).context("the script is no UTF-8")?;
    let packs = packs().join(" ");
    let script = match args.shell {
        Shell::Fish => {
            let script = script.replace(GIVES_UP, GOES_ON);
            script + &offers(&command, &packs)
        }
        Shell::Bash => {
            let files = "--rules)\n                    COMPREPLY=($(compgen -f \"${cur}\"))";
            let both = format!(
                "--rules)\n                    COMPREPLY=($(compgen -f -W \"{packs}\" -- \"${{cur}}\"))"
            );
            bash_show(&script.replace(files, &both), &packs)
        }
        Shell::Zsh => zsh(&script, &packs),
        _ => script,
    };
    output.write_all(script.as_bytes())?;
    Ok(Exit::Clean)
}

/// The names of shipped packs, which stand where a path may stand.
fn packs() -> Vec<&'static str> {
    #[cfg(feature = "verify")]
    let names = wsaudit_verifier::rules::Pack::shipped_names();
    #[cfg(not(feature = "verify"))]
    let names = Vec::new();
    names
}

/// In bash's script, `rules show` offers packs and paths beside its flags.
fn bash_show(script: &str, packs: &str) -> String {
    let head = "wsaudit__subcmd__rules__subcmd__show)\n            opts=\"";
    let Some((before, block)) = script.split_once(head) else {
        return script.to_owned();
    };
    let (block, rest) = block
        .split_once("\n            ;;\n")
        .unwrap_or((block, ""));
    let words = "compgen -W \"${opts}\"";
    let both = block.replace(words, "compgen -f -W \"${opts}\"");
    format!("{before}{head}{packs} {both}\n            ;;\n{rest}")
}

/// How fish's script ends its look for a subcommand. It also does so where the value of the flag before
/// the cursor is missing, which is what is asked for: `wsaudit --color <TAB>`.
const GIVES_UP: &str = "-- $cmd 2>/dev/null
    or return
";
const GOES_ON: &str = "-- $cmd 2>/dev/null
    or argparse -s (__fish_wsaudit_global_optspecs) -- $cmd[1..-2] 2>/dev/null
    or return
";

/// In zsh's script, what may be a pack or a path is asked of a function of its own.
fn zsh(script: &str, packs: &str) -> String {
    let ask = "_wsaudit_rules";
    let function = format!(
        "(( $+functions[{ask}] )) ||\n{ask}() {{\n    _alternative \"packs:shipped pack:({packs})\" \
         'files:rule file or directory:_files'\n}}\n"
    );
    let body = script
        .replace(":NAME|PATH:_default'", &format!(":NAME|PATH:{ask}'"))
        .replace(
            "a directory of rule files:_default'",
            &format!("a directory of rule files:{ask}'"),
        );
    // Before the script runs what it has defined.
    let runs = "\nif [ \"$funcstack[1]\"";
    body.replacen(runs, &format!("\n{function}{runs}"), 1)
}

/// For fish, what stands where `clap_complete` offers files alone.
fn offers(command: &Command, packs: &str) -> String {
    let mut lines = String::new();
    for first in command.get_subcommands() {
        let using = format!("__fish_wsaudit_using_subcommand {}", first.get_name());
        offer(first, &using, packs, &mut lines);
        for second in first.get_subcommands() {
            let name = second.get_name();
            let seen = format!("{using}; and __fish_seen_subcommand_from {name}");
            offer(second, &seen, packs, &mut lines);
        }
    }
    lines
}

/// Beneath `command`, which fish knows by `condition`.
fn offer(command: &Command, condition: &str, packs: &str, lines: &mut String) {
    // Writing to a string cannot fail.
    let mut line = |rest: String| {
        let _ = writeln!(lines, "complete -c wsaudit -n \"{condition}\" {rest}");
    };
    for argument in command.get_positionals() {
        let values = argument.get_possible_values();
        let names: Vec<_> = values.iter().map(PossibleValue::get_name).collect();
        if !names.is_empty() {
            line(format!("-f -a \"{}\"", names.join(" ")));
        } else if argument.get_id() == "pack" {
            line(format!("-a \"{packs}\""));
        }
    }
    if command.get_opts().any(|it| it.get_long() == Some("rules")) {
        line(format!("-l rules -r -F -a \"{packs}\""));
    }
}
