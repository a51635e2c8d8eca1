//! The parts of SARIF that are written. Section numbers are those of SARIF 2.1.0.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::report::excerpt::printable;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// 3.13: the document.
#[derive(Serialize)]
pub(super) struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

/// 3.14: one run of one tool.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    invocations: [Invocation; 1],
    /// What a column counts (3.14.17).
    column_kind: &'static str,
    results: Vec<SarifResult>,
}

/// 3.18.
#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

/// 3.19.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    information_uri: &'static str,
    rules: Vec<ReportingDescriptor>,
}

/// 3.49: a rule.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReportingDescriptor {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) short_description: Message,
    pub(super) properties: RuleProperties,
}

#[derive(Serialize)]
pub(super) struct RuleProperties {
    pub(super) kind: &'static str,
    pub(super) tags: [&'static str; 2],
}

/// 3.20: how the run went.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invocation {
    pub(super) execution_successful: bool,
    pub(super) exit_code: u8,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tool_execution_notifications: Vec<Notification>,
}

/// 3.58: trouble with the run itself.
#[derive(Serialize)]
pub(super) struct Notification {
    pub(super) descriptor: ReportingReference,
    pub(super) level: Level,
    pub(super) message: Message,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) locations: Vec<Location>,
}

/// 3.52.
#[derive(Serialize)]
pub(super) struct ReportingReference {
    pub(super) id: &'static str,
}

/// 3.27.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifResult {
    pub(super) rule_id: String,
    pub(super) rule_index: usize,
    pub(super) kind: Kind,
    pub(super) level: Level,
    pub(super) message: Message,
    pub(super) locations: Vec<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) related_locations: Vec<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) code_flows: Vec<CodeFlow>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) partial_fingerprints: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) suppressions: Vec<Suppression>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) properties: Option<ViolationProperties>,
}

/// What SARIF has no word for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ViolationProperties {
    pub(super) history: String,
    pub(super) recording: String,
    pub(super) seq: u64,
    pub(super) at: Option<f64>,
    pub(super) session: Option<String>,
    pub(super) user: Option<String>,
    pub(super) owner_session: Option<String>,
    pub(super) owner_user: Option<String>,
    pub(super) resource: Option<String>,
    pub(super) severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) baseline: Option<&'static str>,
}

/// 3.27.9.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) enum Kind {
    Pass,
    Open,
    NotApplicable,
    Fail,
}

/// 3.27.10: `none` for whatever is no failure.
#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "camelCase")]
pub(super) enum Level {
    None,
    Note,
    Error,
}

/// 3.35: why a result does not count.
#[derive(Serialize)]
pub(super) struct Suppression {
    pub(super) kind: &'static str,
    pub(super) status: &'static str,
    pub(super) justification: String,
}

/// 3.11.
#[derive(Serialize)]
pub(super) struct Message {
    text: String,
}

/// 3.28.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "SARIF's names")]
pub(super) struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) physical_location: Option<PhysicalLocation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) logical_locations: Vec<LogicalLocation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<Message>,
}

/// 3.29.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PhysicalLocation {
    pub(super) artifact_location: ArtifactLocation,
    pub(super) region: Region,
}

/// 3.4: a file. A relative reference is one from the top of the repository.
#[derive(Serialize)]
pub(super) struct ArtifactLocation {
    uri: String,
}

/// 3.30.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Region {
    pub(super) start_line: u32,
    pub(super) start_column: u32,
}

/// 3.33: a place by name: a rule, or a frame.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogicalLocation {
    pub(super) name: String,
    pub(super) fully_qualified_name: String,
}

/// 3.36.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CodeFlow {
    pub(super) message: Message,
    pub(super) thread_flows: Vec<ThreadFlow>,
}

/// 3.37.
#[derive(Serialize)]
pub(super) struct ThreadFlow {
    pub(super) id: String,
    pub(super) locations: Vec<ThreadFlowLocation>,
}

/// 3.38.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThreadFlowLocation {
    pub(super) location: Location,
    pub(super) execution_order: u32,
}

impl Log {
    pub(super) fn of(
        rules: Vec<ReportingDescriptor>,
        invocation: Invocation,
        results: Vec<SarifResult>,
    ) -> Self {
        Self {
            schema: SCHEMA,
            version: "2.1.0",
            runs: [Run {
                tool: Tool {
                    driver: Driver {
                        name: "wsaudit",
                        semantic_version: env!("CARGO_PKG_VERSION"),
                        information_uri: env!("CARGO_PKG_REPOSITORY"),
                        rules,
                    },
                },
                invocations: [invocation],
                column_kind: "unicodeCodePoints",
                results,
            }],
        }
    }
}

impl Message {
    pub(super) fn of(text: &str) -> Self {
        Self {
            text: printable(text),
        }
    }
}

impl Location {
    /// A file as a whole: a recording has no lines, and code scanning takes no place without one.
    pub(super) fn file(name: &str) -> Self {
        Self {
            physical_location: Some(PhysicalLocation {
                artifact_location: ArtifactLocation::of(name),
                region: Region {
                    start_line: 1,
                    start_column: 1,
                },
            }),
            ..Self::default()
        }
    }
}

impl LogicalLocation {
    pub(super) fn frame(recording: &str, seq: u64) -> Self {
        Self {
            name: format!("frame {seq}"),
            fully_qualified_name: printable(&format!("{recording}#{seq}")),
        }
    }
}

impl ArtifactLocation {
    /// A file by its path, as the user named it.
    pub(super) fn of(path: &str) -> Self {
        let relative = path.strip_prefix("./").unwrap_or(path);
        let scheme = if Path::new(path).is_absolute() {
            "file://"
        } else {
            ""
        };
        Self {
            uri: format!("{scheme}{}", encoded(relative)),
        }
    }
}

/// A path as RFC 3986 (section 3.3) writes it. `:` is encoded too: the first part of a relative path
/// must not look like a scheme.
fn encoded(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::ArtifactLocation;

    #[test]
    fn a_file_is_named_by_a_reference_that_every_reader_takes() {
        let uri = |path| ArtifactLocation::of(path).uri;
        assert_eq!(uri("./rules/a b.toml"), "rules/a%20b.toml");
        assert_eq!(uri("c:x/ü#1.db"), "c%3Ax/%C3%BC%231.db");
        assert_eq!(uri("/srv/a.db"), "file:///srv/a.db");
        assert_eq!(uri("../a.db"), "../a.db");
    }
}
