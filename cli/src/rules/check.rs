//! `wsaudit rules check`: everything that is wrong in rule files.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use wsaudit_verifier::rules::{Checked, LoadError};
use wsaudit_verifier::tree::Tree;

use crate::exit::Exit;
use crate::linked;
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
        let packs = find(path)?;
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

/// The packs at a path: itself, or, where it is a directory, those of it and the directories below that
/// have rule files.
fn find(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let Tree { mut files, links } = Tree::beneath(path)?;
    linked::say_left_out(&links, "to check");
    files.retain(|file| is_rule_file(file));
    let mut packs: Vec<_> = files
        .iter()
        .filter_map(|file| file.parent().map(Path::to_owned))
        .collect();
    packs.sort();
    packs.dedup();
    Ok(packs)
}

/// Whether it is TOML with a section that only rule files have: not every `*.toml` is one.
fn is_rule_file(path: &Path) -> bool {
    if path.extension().is_none_or(|extension| extension != "toml") {
        return false;
    }
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines()
        .any(|line| line.starts_with("[pack]") || line.starts_with("[[rule]]"))
}
