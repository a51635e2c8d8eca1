//! Ownership facts out of CSV files.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, bail};
use csv::{ReaderBuilder, StringRecord};
use wsaudit_verifier::facts::{Fact, Facts};
use wsaudit_verifier::rules::{FactsDef, Pack};

/// `--facts NAME=FILE.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FactsFile {
    name: String,
    path: PathBuf,
}

impl FromStr for FactsFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok(Self {
                name: name.to_owned(),
                path: path.into(),
            }),
            Some(_) | None => Err("write it as NAME=FILE.csv, NAME as in [facts.NAME]".to_owned()),
        }
    }
}

/// The facts of all packs; a file on the command line stands in for the one that a pack names.
pub(super) fn read(packs: &[Pack], files: &[FactsFile]) -> anyhow::Result<Facts> {
    for file in files {
        refuse_unknown(file, packs)?;
    }
    let mut facts = Facts::default();
    for (name, table) in packs.iter().flat_map(|pack| &pack.facts) {
        let given = files.iter().find(|file| file.name == *name);
        let path = given.map_or(table.csv.as_path(), |file| &file.path);
        let read = read_file(path, table).with_context(|| {
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

fn read_file(path: &Path, table: &FactsDef) -> anyhow::Result<Vec<Fact>> {
    let name = path.display().to_string();
    let file = File::open(path).with_context(|| name.clone())?;
    read_csv(file, &name, table)
}

/// The rows of a CSV file with a head line. A row without an owner says nothing.
fn read_csv(file: impl Read, name: &str, table: &FactsDef) -> anyhow::Result<Vec<Fact>> {
    let mut reader = ReaderBuilder::new().from_reader(file);
    let head = reader.headers().with_context(|| name.to_owned())?.clone();
    let resource = column(&head, &table.resource, name)?;
    let owner = column(&head, &table.owner, name)?;
    let mut facts = Vec::new();
    for row in reader.records() {
        let row = row.with_context(|| name.to_owned())?;
        let line = row.position().map_or(0, csv::Position::line);
        let cell = |column: usize| row.get(column).unwrap_or_default().to_owned();
        let (resource, owner) = (cell(resource), cell(owner));
        if resource.is_empty() {
            bail!("{name} line {line}: column `{}` is empty", table.resource);
        }
        if !owner.is_empty() {
            facts.push(Fact {
                resource,
                owner,
                origin: format!("{name} line {line}"),
            });
        }
    }
    Ok(facts)
}

fn column(head: &StringRecord, wanted: &str, name: &str) -> anyhow::Result<usize> {
    // Spreadsheets begin their files with a byte order mark.
    let clean = |cell: &str| cell.trim_start_matches('\u{FEFF}').trim().to_owned();
    let names: Vec<_> = head.iter().map(clean).collect();
    match names.iter().position(|cell| cell == wanted) {
        Some(column) => Ok(column),
        None => bail!(
            "{name} line 1: there is no column `{wanted}`; the columns are {}",
            names.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wsaudit_verifier::rules::Location;

    fn facts(text: &str) -> anyhow::Result<Vec<Fact>> {
        let table = FactsDef {
            csv: "threads.csv".into(),
            resource: "id".into(),
            owner: "session_id".into(),
            location: Location {
                file: "rules.toml".into(),
                line: 1,
                column: 1,
            },
        };
        read_csv(text.as_bytes(), "threads.csv", &table)
    }

    #[test]
    fn columns_are_found_by_name() {
        let found =
            facts("\u{FEFF}id,title,session_id\n42,\"a\nb\",s-1\n43,c,\n44,d,s-2\n").unwrap();
        let said: Vec<_> = found
            .iter()
            .map(|fact| {
                (
                    fact.resource.as_str(),
                    fact.owner.as_str(),
                    fact.origin.as_str(),
                )
            })
            .collect();
        assert_eq!(
            said,
            [
                ("42", "s-1", "threads.csv line 2"),
                ("44", "s-2", "threads.csv line 5")
            ]
        );
    }

    #[test]
    fn errors_name_the_line() {
        let error = |text: &str| format!("{:#}", facts(text).unwrap_err());
        assert_eq!(
            error("id,owner\n"),
            "threads.csv line 1: there is no column `session_id`; the columns are id, owner"
        );
        assert_eq!(
            error("id,session_id\na,s-1\n,s-2\n"),
            "threads.csv line 3: column `id` is empty"
        );
        assert!(error("id,session_id\na,s-1,x\n").contains("line: 2"));
    }

    #[test]
    fn a_flag_is_a_name_and_a_file() {
        let file: FactsFile = "threads=a=b.csv".parse().unwrap();
        assert_eq!(
            (file.name.as_str(), file.path),
            ("threads", PathBuf::from("a=b.csv"))
        );
        assert!("threads".parse::<FactsFile>().is_err());
        assert!("=x".parse::<FactsFile>().is_err());
    }
}
