//! The settings of a run, as the recording keeps them.

use serde_json::{Value, json};
use wsaudit_proxy::{Durability, OnRecorderFailure, ProxyConfig, Route, Verification};
use wsaudit_recording::Rotation;
use wsaudit_tagging::TagKind;

/// The settings as JSON, without secrets: files are named, not read.
pub(crate) fn of(config: &ProxyConfig, rotation: Option<&Rotation>) -> String {
    let sources = |kind| -> Vec<String> {
        let sources = config.tags.sources(kind).iter();
        sources.map(ToString::to_string).collect()
    };
    json!({
        "routes": config.routes.iter().map(route).collect::<Vec<_>>(),
        "session": sources(TagKind::Session),
        "user": sources(TagKind::User),
        "device": sources(TagKind::Device),
        "redact": config.redact.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "ignored_paths": config.ignore_paths.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "record_http": config.record_http.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "durability": match config.durability {
            Durability::Batch => "batch",
            Durability::Strict => "strict",
        },
        "on_recorder_failure": match config.on_recorder_failure {
            OnRecorderFailure::Continue => "continue",
            OnRecorderFailure::Close => "close",
        },
        "max_stall_seconds": config.max_stall.as_secs_f64(),
        "max_connections": config.limits.connections,
        "max_head": config.limits.head,
        "handshake_timeout_seconds": config.limits.handshake.as_secs_f64(),
        "max_recorded_payload": config.limits.recorded_payload,
        "max_recorded_body": config.limits.recorded_body,
        "drain_seconds": config.drain.as_secs_f64(),
        "rotate": rotation.map(|rotation| json!({
            "bytes": rotation.size,
            "seconds": rotation.every.map(|every| every.as_secs_f64()),
        })),
    })
    .to_string()
}

fn route(route: &Route) -> Value {
    let upstream = match &route.upstream_tls.verification {
        Verification::Off => "off",
        Verification::Authorities(None) => "public",
        Verification::Authorities(Some(_)) => "public and upstream-ca",
    };
    json!({
        "listen": route.listen.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        "upstream": route.upstream.to_string(),
        "tls": route.tls.is_some(),
        "upstream_verification": upstream,
        "upstream_client_certificate": route.upstream_tls.client.is_some(),
        "set_host": route.edits.host.as_ref().map(ToString::to_string),
        "set_origin": route.edits.origin.as_ref().map(ToString::to_string),
    })
}
