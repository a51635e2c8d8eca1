//! The settings of a run, as the recording keeps them.

use serde_json::json;
use wsaudit_proxy::{Durability, OnRecorderFailure, ProxyConfig};
use wsaudit_tagging::TagKind;

/// The settings as JSON, without secrets: files are named, not read.
pub(crate) fn of(config: &ProxyConfig) -> String {
    let sources = |kind| -> Vec<String> {
        let sources = config.tags.sources(kind).iter();
        sources.map(ToString::to_string).collect()
    };
    json!({
        "listen": config.listen.to_string(),
        "upstream": config.upstream.to_string(),
        "session": sources(TagKind::Session),
        "user": sources(TagKind::User),
        "device": sources(TagKind::Device),
        "ignored_paths": config.ignore_paths.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "tls": config.tls.is_some(),
        "durability": match config.durability {
            Durability::Batch => "batch",
            Durability::Strict => "strict",
        },
        "on_recorder_failure": match config.on_recorder_failure {
            OnRecorderFailure::Continue => "continue",
            OnRecorderFailure::Close => "close",
        },
        "max_stall_seconds": config.max_stall.as_secs_f64(),
        "drain_seconds": config.drain.as_secs_f64(),
    })
    .to_string()
}
