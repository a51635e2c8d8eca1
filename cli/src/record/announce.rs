//! What the recorder says of itself on standard error, beside its log: where it listens, and that it ends.
//! It has the log's form, so that who reads a log in JSON finds nothing else there.

use std::time::SystemTime;

use serde::Serialize;

use super::flags::LogFormat;

/// A line of the log, as `tracing-subscriber` writes it.
#[derive(Serialize)]
struct Line<'t> {
    timestamp: String,
    level: &'static str,
    message: &'t str,
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// How things are.
    Info,
    /// Something that may have to be mended.
    Warning,
    /// Something that went wrong.
    Error,
}

/// One line, in the log's form.
pub(super) fn rendered(format: LogFormat, level: Level, message: &str) -> String {
    match format {
        LogFormat::Text => {
            let before = match level {
                Level::Info => "",
                Level::Warning => "warning: ",
                Level::Error => "error: ",
            };
            format!("{before}{message}")
        }
        LogFormat::Json => {
            let line = Line {
                timestamp: humantime::format_rfc3339_micros(SystemTime::now()).to_string(),
                level: match level {
                    Level::Info => "INFO",
                    Level::Warning => "WARN",
                    Level::Error => "ERROR",
                },
                message,
            };
            // Text and numbers are always JSON.
            serde_json::to_string(&line).unwrap_or_default()
        }
    }
}
