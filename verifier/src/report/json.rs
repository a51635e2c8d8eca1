//! `--format json`: the report as one JSON document.

use serde::Serialize;

use super::{Audit, Report};

/// One history's report as one JSON document, indented, with a newline at its end.
pub fn json(report: &Report) -> String {
    document(report)
}

/// What a run tells, likewise: of one history its report, else an object with `histories`.
pub fn audit_json(audit: &Audit) -> String {
    match audit.only() {
        Some(report) => document(report),
        None => document(&audit.many()),
    }
}

fn document(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value)
        .expect("a report has text keys and finite numbers only");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::fs;
    use std::path::Path;

    use schemars::generate::SchemaSettings;
    use serde_json::{Value, json};

    use super::super::audit::ManyReports;
    use super::Report;

    /// The schema of what `audit_json` writes.
    fn schema() -> String {
        let mut generator = SchemaSettings::draft2020_12()
            .for_serialize()
            .into_generator();
        let report = generator.subschema_for::<Report>();
        let histories = generator.subschema_for::<ManyReports<'_>>();
        let definitions = generator.take_definitions(true);
        let schema: Value = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": "https://github.com/wsaudit/wsaudit/blob/main/docs/report.schema.json",
            "title": "Report of wsaudit verify, format 1",
            "description": "What `wsaudit verify --format json` writes: a report of one history, or, where a \
                directory was named, one for each history in it. Fields are added, never renamed or removed.",
            "anyOf": [report, histories],
            "$defs": definitions,
        });
        let mut text = serde_json::to_string_pretty(&schema).unwrap();
        text.push('\n');
        text
    }

    #[test]
    fn the_published_schema_is_that_of_the_types() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/report.schema.json");
        let made = schema();
        if env::var_os("WSAUDIT_WRITE_SCHEMA").is_some() {
            fs::write(&path, &made).unwrap();
        }
        let published = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            published == made,
            "docs/report.schema.json is not what the types of the report say: run this test with \
             WSAUDIT_WRITE_SCHEMA=1, and look at the difference"
        );
    }
}
