//! Ownership facts: where the packs say, or where the command line says instead.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context as _, bail};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::rules::Pack;

/// `--facts NAME=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FactsFile {
    name: String,
    path: PathBuf,
}

impl FromStr for FactsFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            // The shell's history and the list of processes would show the password.
            Some((_, url)) if url.starts_with("postgres://") || url.starts_with("postgresql://") => Err(
                "a database's URL belongs into the environment: name the variable in the pack, as `url-from`"
                    .to_owned(),
            ),
            Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok(Self {
                name: name.to_owned(),
                path: path.into(),
            }),
            Some(_) | None => Err("write it as NAME=FILE, NAME as in [facts.NAME]".to_owned()),
        }
    }
}

/// The facts of all packs; a file on the command line stands in for the one that a pack names.
pub(crate) fn read(packs: &[Pack], files: &[FactsFile]) -> anyhow::Result<Facts> {
    for file in files {
        refuse_unknown(file, packs)?;
    }
    let mut facts = Facts::default();
    for (name, table) in packs.iter().flat_map(|pack| &pack.facts) {
        let given = files.iter().find(|file| file.name == *name);
        let given = given.map(|file| file.path.as_path());
        let read = wsaudit_facts::read(table, given).with_context(|| {
            let at = &table.location;
            format!("cannot read the facts `{name}` ({}:{})", at.file, at.line)
        })?;
        facts.extend(name, read);
    }
    Ok(facts)
}

fn refuse_unknown(file: &FactsFile, packs: &[Pack]) -> anyhow::Result<()> {
    let known: Vec<_> = packs
        .iter()
        .flat_map(|pack| pack.facts.keys().map(String::as_str))
        .collect();
    if known.contains(&file.name.as_str()) {
        return Ok(());
    }
    if known.is_empty() {
        bail!(
            "--facts {}: no rule pack asks for facts; one does with [facts.{}]",
            file.name,
            file.name
        );
    }
    bail!(
        "--facts {}: the rule packs ask for {}",
        file.name,
        known.join(", ")
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_a_name_and_a_file() {
        let file: FactsFile = "threads=a=b.csv".parse().unwrap();
        assert_eq!(
            (file.name.as_str(), file.path),
            ("threads", PathBuf::from("a=b.csv"))
        );
        assert!("threads".parse::<FactsFile>().is_err());
        assert!("=x".parse::<FactsFile>().is_err());
        let url = "threads=postgres://me:secret@db/shop".parse::<FactsFile>();
        assert!(url.is_err_and(|error| error.contains("url-from") && !error.contains("secret")));
    }
}
