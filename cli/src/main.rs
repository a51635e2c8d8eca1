//! `wsaudit`: flags, wiring and exit codes. What it does is done by the crates that it wires; each
//! command is one file here.

#[cfg(feature = "verify")]
mod bar;
mod completions;
mod exit;
mod failure;
#[cfg(feature = "verify")]
mod file;
#[cfg(all(unix, any(feature = "record", feature = "verify")))]
mod ignored;
#[cfg(feature = "verify")]
mod interrupt;
#[cfg(feature = "verify")]
mod linked;
mod man;
mod numbers;
mod output;
mod shell;
mod status;
#[cfg(feature = "verify")]
mod table;

#[cfg(feature = "demo")]
mod demo;
#[cfg(feature = "verify")]
mod explain;
#[cfg(feature = "record")]
mod record;
#[cfg(feature = "verify")]
mod rules;
#[cfg(feature = "verify")]
mod show;
#[cfg(feature = "verify")]
mod slice;
#[cfg(feature = "verify")]
mod test_command;
#[cfg(feature = "verify")]
mod verify;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use mimalloc::MiMalloc;

use exit::Exit;
use output::{ColorChoice, Output, Paint};

/// Records WebSocket traffic at the protocol level and proves, or disproves, that sessions are
/// isolated from each other.
#[derive(Debug, Parser)]
#[command(version, after_help = exit::HELP, subcommand_required = true, arg_required_else_help = true)]
struct Arguments {
    /// When to use colours; `auto`: on a terminal, unless `NO_COLOR` is set
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: ColorChoice,
    #[command(subcommand)]
    command: Command,
}

/// A payload is allocated where it is read and freed where it is written, on another thread (decision 0024).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[derive(Debug, Subcommand)]
enum Command {
    #[cfg(feature = "record")]
    Record(Box<record::RecordArgs>),
    #[cfg(feature = "verify")]
    Verify(verify::VerifyArgs),
    #[cfg(feature = "verify")]
    Explain(explain::ExplainArgs),
    #[cfg(feature = "verify")]
    Slice(slice::SliceArgs),
    #[cfg(feature = "verify")]
    Test(test_command::TestArgs),
    #[cfg(feature = "verify")]
    Rules(rules::RulesArgs),
    #[cfg(feature = "verify")]
    Show(show::ShowArgs),
    #[cfg(feature = "demo")]
    Demo(demo::DemoArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

fn main() -> ExitCode {
    let Arguments { color, command } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(told) => return told_instead(&told),
    };
    let mut output = Output::new(color);
    let ran = listen(&command).and_then(|()| run(&command, &mut output));
    let ran = ran.and_then(|exit| {
        output.finish()?;
        Ok(exit)
    });
    match ran {
        Ok(exit) => exit.into(),
        Err(error) => {
            failure::print(&error, color);
            Exit::Failed.into()
        }
    }
}

/// Help, the version, or what is wrong with the arguments. Of itself, clap would not see that help cannot
/// be written.
fn told_instead(told: &clap::Error) -> ExitCode {
    if told.use_stderr() {
        told.exit();
    }
    let mut output = Output::new(ColorChoice::Auto);
    let paint = output.color().paint(io::stdout().is_terminal());
    let text = match paint {
        Paint::Plain => told.render().to_string(),
        Paint::Ansi => told.render().ansi().to_string(),
    };
    let written = output
        .write_all(text.as_bytes())
        .map_err(anyhow::Error::from);
    match written.and_then(|()| output.finish()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            failure::print(&error, ColorChoice::Auto);
            Exit::Failed.into()
        }
    }
}

/// A recorder that is interrupted ends in order; other commands end at once.
fn listen(command: &Command) -> anyhow::Result<()> {
    match command {
        #[cfg(feature = "record")]
        Command::Record(_) => {}
        #[cfg(feature = "verify")]
        _ => interrupt::listen()?,
        #[cfg(not(feature = "verify"))]
        _ => {}
    }
    Ok(())
}

fn run(command: &Command, output: &mut Output) -> anyhow::Result<Exit> {
    match command {
        #[cfg(feature = "record")]
        Command::Record(args) => record::run(args, output),
        #[cfg(feature = "verify")]
        Command::Verify(args) => verify::run(args, output),
        #[cfg(feature = "verify")]
        Command::Explain(args) => explain::run(args, output),
        #[cfg(feature = "verify")]
        Command::Slice(args) => slice::run(args, output),
        #[cfg(feature = "verify")]
        Command::Test(args) => test_command::run(args, output),
        #[cfg(feature = "verify")]
        Command::Rules(args) => rules::run(args, output),
        #[cfg(feature = "verify")]
        Command::Show(args) => show::run(args, output),
        #[cfg(feature = "demo")]
        Command::Demo(args) => demo::run(args, output),
        Command::Completions(args) => completions::run(args, Arguments::command(), output),
        Command::Man(args) => man::run(args, Arguments::command(), output),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_flags_do_not_contradict_each_other() {
        super::Arguments::command().debug_assert();
    }

    /// Each command, and each of those below it, by its name.
    fn commands(command: &clap::Command, name: &str, all: &mut Vec<(String, clap::Command)>) {
        for below in command.get_subcommands() {
            let name = format!("{name} {}", below.get_name());
            all.push((name.clone(), below.clone()));
            commands(below, &name, all);
        }
    }

    /// Examples can be pasted from a terminal of 80 columns, and prose is wrapped by it, once.
    #[test]
    fn every_command_has_examples_that_fit_a_terminal() {
        let mut all = Vec::new();
        commands(&super::Arguments::command(), "wsaudit", &mut all);
        assert!(all.len() > 10);
        for (name, mut command) in all {
            let after = command.get_after_help().map(ToString::to_string);
            let after = after.unwrap_or_default();
            assert!(after.contains("Examples:\n"), "{name}");
            assert!(after.contains("Exit codes:\n"), "{name}");
            let lines: Vec<_> = after.lines().collect();
            for pair in lines.windows(2) {
                let is_prose = |line: &str| !line.is_empty() && !line.starts_with(' ');
                assert!(
                    !(is_prose(pair[0]) && is_prose(pair[1])),
                    "{name}: a paragraph is one line, which the terminal wraps: {pair:?}"
                );
            }
            command = command.term_width(80);
            let help = command.render_long_help().to_string();
            for line in lines.iter().filter(|line| line.starts_with(' ')) {
                assert!(line.len() <= 80, "{name}: {line}");
                assert!(help.contains(line), "{name}: {line}");
            }
            for line in help.lines() {
                assert!(line.chars().count() <= 80, "{name}: {line}");
            }
        }
    }
}
