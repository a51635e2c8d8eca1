//! What there is to read: packs and kinds.

use std::io::Write as _;

use anyhow::Context as _;
use wsaudit_verifier::manual;
use wsaudit_verifier::rules::Pack;

use crate::exit::Exit;
use crate::output::Output;

/// The shipped packs with their rules.
pub(super) fn list(output: &mut Output) -> anyhow::Result<Exit> {
    for pack in manual::shipped_packs() {
        let title = pack.title.as_deref().unwrap_or_default();
        writeln!(output, "{}: {title}", pack.name)?;
        let ids = pack.rules.iter().map(|rule| rule.id.len());
        let width = ids.max().unwrap_or_default();
        for rule in &pack.rules {
            writeln!(
                output,
                "  {:width$}  {:9}  {}",
                rule.id,
                rule.spec.kind(),
                rule.title
            )?;
        }
        writeln!(output)?;
    }
    writeln!(
        output,
        "`wsaudit rules show PACK` describes one, `wsaudit verify --rules PACK RECORDING` runs it."
    )?;
    Ok(Exit::Clean)
}

/// One pack.
pub(super) fn show(name: &str, output: &mut Output) -> anyhow::Result<Exit> {
    let pack = Pack::resolve(name)?;
    output.write_all(manual::about_pack(&pack).as_bytes())?;
    Ok(Exit::Clean)
}

/// The kinds, each in a line.
pub(super) fn kinds(output: &mut Output) -> anyhow::Result<Exit> {
    let kinds = manual::kinds();
    let width = kinds.iter().map(|kind| kind.len()).max();
    let width = width.unwrap_or_default();
    for kind in kinds {
        writeln!(output, "{kind:width$}  {}", manual::summary(kind))?;
    }
    writeln!(output, "\n`wsaudit rules kinds KIND` describes one.")?;
    Ok(Exit::Clean)
}

/// One kind.
pub(super) fn kind(name: &str, output: &mut Output) -> anyhow::Result<Exit> {
    let page = manual::kind(name).with_context(|| format!("no kind of rules `{name}`"))?;
    writeln!(output, "{}", page.trim_end())?;
    Ok(Exit::Clean)
}
