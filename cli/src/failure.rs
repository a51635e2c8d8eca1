//! What is said when a command cannot go on.

#[cfg(feature = "verify")]
use std::io::Write as _;
use std::io::{self, IsTerminal as _};

#[cfg(feature = "verify")]
use crate::exit::Exit;
#[cfg(feature = "verify")]
use crate::output::Output;
use crate::output::{ColorChoice, Paint, say};

/// Prints an error with its causes on standard error, in one line; what is wrong in rule files is
/// printed with their lines.
pub(crate) fn print(error: &anyhow::Error, color: ColorChoice) {
    let paint = color.paint(io::stderr().is_terminal());
    #[cfg(feature = "verify")]
    if let Some(error) = error.downcast_ref::<wsaudit_verifier::rules::LoadError>()
        && let wsaudit_verifier::rules::LoadError::Rules(errors) = error
    {
        say(&errors.render(paint.style()));
        return;
    }
    say(&format!("{} {}", paint.error("error:"), in_one_line(error)));
}

/// What a command came to. In the log of a job on GitHub, what kept it from beginning is annotated, too.
#[cfg(feature = "verify")]
pub(crate) fn annotated(
    ended: anyhow::Result<Exit>,
    on_github: bool,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    if let Err(error) = &ended
        && on_github
    {
        output.write_all(annotations(error).as_bytes())?;
        output.finish()?;
    }
    ended
}

/// An error as annotations, at the places where something is wrong.
#[cfg(feature = "verify")]
fn annotations(error: &anyhow::Error) -> String {
    use wsaudit_verifier::report::failure_github;
    use wsaudit_verifier::rules::LoadError;

    let wrong = match error.downcast_ref() {
        Some(LoadError::Rules(errors)) => errors.diagnostics(),
        _ => &[],
    };
    failure_github(wrong, &in_one_line(error))
}

/// The error and its causes. A cause that a message repeats already is left out.
pub(crate) fn in_one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if line.contains(&text) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&text);
    }
    line
}

impl Paint {
    fn error(self, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Ansi => format!("\u{1b}[1;31m{text}\u{1b}[0m"),
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    #[test]
    fn causes_stand_in_one_line_and_none_twice() {
        let error = anyhow!("no such port").context("cannot listen: no such port");
        assert_eq!(super::in_one_line(&error), "cannot listen: no such port");
        let error = anyhow!("no such port").context("cannot listen");
        assert_eq!(super::in_one_line(&error), "cannot listen: no such port");
    }
}
