//! `wsaudit test --update`: cases that expect what is found.

use std::io::Write as _;

use anyhow::Context as _;
use wsaudit_verifier::suite::{CaseFile, Updated, update};

use crate::exit::Exit;
use crate::file::write_whole;
use crate::numbers::counted;
use crate::output::Output;

/// Updates cases. One that cannot be read or run is told, and left as it is.
pub(super) fn run(files: &[CaseFile], output: &mut Output) -> anyhow::Result<Exit> {
    let (mut updated, mut failed) = (0, 0);
    for file in files {
        match update(&file.name, &file.text, &file.directory) {
            Updated::Same => {}
            Updated::Changed(text) => {
                write_whole(&file.path, text.as_bytes())
                    .with_context(|| format!("cannot write {}", file.path.display()))?;
                updated += 1;
                tell(file, &text, output)?;
            }
            Updated::Refused(mismatches) => {
                failed += 1;
                for mismatch in mismatches {
                    writeln!(output, "{mismatch}")?;
                }
                writeln!(output, "{}: not updated", file.name)?;
            }
        }
    }
    let cases = counted(files.len() as u64, "case");
    writeln!(output, "{cases}: {updated} updated, {failed} failed")?;
    Ok(match failed {
        0 => Exit::Clean,
        _ => Exit::Violated,
    })
}

/// The lines that went, and those that came.
fn tell(file: &CaseFile, text: &str, output: &mut Output) -> anyhow::Result<()> {
    let (before, after): (Vec<_>, Vec<_>) = (file.text.lines().collect(), text.lines().collect());
    writeln!(output, "{}: updated", file.name)?;
    for line in differences(&before, &after) {
        writeln!(output, "{line}")?;
    }
    Ok(())
}

/// `-12  ...` for a line that went, `+12  ...` for one that came, in order.
fn differences(before: &[&str], after: &[&str]) -> Vec<String> {
    // The longest common part from each pair of places on.
    let mut common = vec![vec![0_u32; after.len() + 1]; before.len() + 1];
    for a in (0..before.len()).rev() {
        for b in (0..after.len()).rev() {
            common[a][b] = if before[a] == after[b] {
                common[a + 1][b + 1] + 1
            } else {
                common[a + 1][b].max(common[a][b + 1])
            };
        }
    }
    let (mut a, mut b) = (0, 0);
    let mut lines = Vec::new();
    while a < before.len() || b < after.len() {
        if a < before.len() && b < after.len() && before[a] == after[b] {
            (a, b) = (a + 1, b + 1);
        } else if b == after.len() || (a < before.len() && common[a + 1][b] >= common[a][b + 1]) {
            lines.push(format!("  -{:<4} {}", a + 1, before[a]));
            a += 1;
        } else {
            lines.push(format!("  +{:<4} {}", b + 1, after[b]));
            b += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::differences;

    #[test]
    fn only_what_changed_is_told() {
        let lines = differences(&["a", "b", "c", "d"], &["a", "x", "c", "d", "e"]);
        assert_eq!(lines, ["  -2    b", "  +2    x", "  +5    e"]);
        assert!(differences(&["a"], &["a"]).is_empty());
    }
}
