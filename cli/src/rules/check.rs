//! `wsaudit rules check`: everything that is wrong in rule files.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use wsaudit_verifier::rules::{Checked, LoadError};

use crate::exit::Exit;
use crate::numbers::counted;
use crate::output::Output;

/// What is checked.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Rule files, and directories of them; shipped packs by their names
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Take warnings for errors
    #[arg(long)]
    deny_warnings: bool,
}

#[derive(Debug, Default)]
struct Found {
    /// Packs in which nothing is wrong,
    packs: u64,
    /// and their rules. What is broken has no rules that can be counted.
    rules: u64,
    errors: u64,
    warnings: u64,
    /// Packs in which something is wrong.
    broken: u64,
    unread: u64,
}

/// Checks each pack, and tells of all of them.
pub(super) fn run(args: &CheckArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let mut found = Found::default();
    let mut unread = None;
    for path in &args.paths {
        let mut packs = Vec::new();
        find(path, &mut packs)?;
        if packs.is_empty() {
            bail!(
                "no rule file in {} or below: expected *.toml files with a [pack]",
                path.display()
            );
        }
        for pack in packs {
            unread = unread.or(check(&pack, &mut found, output)?);
        }
    }
    writeln!(output, "{}", summary(&found))?;
    if let Some(error) = unread {
        return Err(error.into());
    }
    let wrong = found.errors
        + if args.deny_warnings {
            found.warnings
        } else {
            0
        };
    Ok(match wrong {
        0 => Exit::Clean,
        _ => Exit::Violated,
    })
}

/// `1 pack, 3 rules: 0 errors, 2 warnings`, `1 broken pack: 2 errors, 0 warnings`
fn summary(found: &Found) -> String {
    let mut what = Vec::new();
    if found.packs > 0 {
        what.push(counted(found.packs, "pack"));
        what.push(counted(found.rules, "rule"));
    }
    if found.broken > 0 {
        what.push(counted(found.broken, "broken pack"));
    }
    if found.unread > 0 {
        what.push(format!("{} could not be read", found.unread));
    }
    format!(
        "{}: {}, {}",
        what.join(", "),
        counted(found.errors, "error"),
        counted(found.warnings, "warning"),
    )
}

/// Checks one pack; what could not be read at all is given back.
fn check(path: &Path, found: &mut Found, output: &mut Output) -> anyhow::Result<Option<LoadError>> {
    let style = output.paint().style();
    let wrong = match Checked::resolve(&path.to_string_lossy()) {
        Ok(checked) => {
            found.packs += 1;
            found.rules += checked.pack.rules.len() as u64;
            found.warnings += checked.warnings.len() as u64;
            checked.warnings
        }
        Err(LoadError::Rules(errors)) => {
            found.broken += 1;
            found.errors += errors.diagnostics().len() as u64;
            errors.diagnostics().to_vec()
        }
        Err(error) => {
            found.unread += 1;
            return Ok(Some(error));
        }
    };
    for diagnostic in wrong {
        writeln!(output, "{}\n", diagnostic.render(style))?;
    }
    Ok(None)
}

/// The packs at a path: itself, or, where it is a directory without rule files, those below it.
fn find(path: &Path, packs: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if !path.is_dir() {
        packs.push(path.to_owned());
        return Ok(());
    }
    let cannot = || format!("cannot read the directory {}", path.display());
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).with_context(cannot)? {
        entries.push(entry.with_context(cannot)?.path());
    }
    entries.sort();
    if entries.iter().any(|path| is_rule_file(path)) {
        packs.push(path.to_owned());
    }
    for below in entries.iter().filter(|path| path.is_dir()) {
        // What begins with a dot, or holds programs, is nobody's rules.
        let name = below.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with('.') && name != "node_modules" && name != "target" {
            find(below, packs)?;
        }
    }
    Ok(())
}

/// Whether it is TOML with a section that only rule files have: not every `*.toml` is one.
fn is_rule_file(path: &Path) -> bool {
    if path.is_dir() || path.extension().is_none_or(|extension| extension != "toml") {
        return false;
    }
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines()
        .any(|line| line.starts_with("[pack]") || line.starts_with("[[rule]]"))
}
