//! Everything that a verification says.

use crate::engine::{Input, verify};
use crate::report::{Palette, Shown, TextOptions, json, report, text};
use crate::survey::survey;

/// The reports in each format, or why there is none.
pub(super) fn told(input: &Input<'_>) -> Result<String, String> {
    let verification = verify(input, &mut |_| {}).map_err(|error| error.to_string())?;
    let report = report(input.packs, &verification, input.sources).map_err(|it| it.to_string())?;
    let survey = survey(input.packs, input.sources).map_err(|error| error.to_string())?;
    let options = TextOptions {
        palette: &Palette::PLAIN,
        width: None,
        shown: Shown::All,
        coverage: Some(&verification.coverage),
        survey: Some(&survey),
        misses: Some(&verification.coverage),
        remark: None,
    };
    let text = text(&report, &options);
    // What a peer sent must not steer the terminal of who reads about it.
    let control = text.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(control, None, "a control character in {text}");
    Ok(json(&report) + &text)
}
