//! What the recorder says of itself on standard error, beside its log: where it listens, and that it ends.
//! It has the log's form, so that who reads a log in JSON finds nothing else there.

use std::time::SystemTime;

use serde::Serialize;

use super::flags::LogFormat;
use crate::output::say;

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

/// One line, whatever `WSAUDIT_LOG` lets through.
pub(super) fn announce(format: LogFormat, level: Level, message: &str) {
    match format {
        LogFormat::Text => {
            let before = match level {
                Level::Info => "",
                Level::Warning => "warning: ",
                Level::Error => "error: ",
            };
            say(&format!("{before}{message}"));
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
            say(&serde_json::to_string(&line).unwrap_or_default());
        }
    }
}
