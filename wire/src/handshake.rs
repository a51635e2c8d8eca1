//! What the two heads of an opening handshake owe to each other (RFC 6455, section 4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use crate::{Anomaly, AnomalyKind, Extension, RequestHead, ResponseHead};

/// RFC 6455, section 1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key` (RFC 6455, section 4.2.2).
pub fn accept_value(key: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(key.trim_ascii());
    hash.update(GUID);
    STANDARD.encode(hash.finalize())
}

/// Whether frames follow the two heads: the answer is 101, and what it switches to is a WebSocket. That
/// is what its `Upgrade` says; where it has none, what the request asked for. Clients that do not look
/// at all of its fields go on, so the answer need not be as RFC 6455 wants it.
pub fn opens_websocket(request: &RequestHead, response: &ResponseHead) -> bool {
    response.status() == 101
        && match response.headers().get("Upgrade") {
            Some(_) => response.headers().has_token("Upgrade", "websocket"),
            None => request.is_websocket_upgrade(),
        }
}

/// What breaks RFC 6455 in the heads of a handshake whose answer was 101.
pub fn handshake_anomalies(request: &RequestHead, response: &ResponseHead) -> Vec<Anomaly> {
    let mut anomalies = Vec::new();
    let mut report = |kind, detail: String| anomalies.push(Anomaly::new(kind, detail));
    let keys: Vec<_> = request.headers().all("Sec-WebSocket-Key").collect();
    match keys[..] {
        [ref key] => {
            // Section 4.1: "a randomly selected 16-byte value that has been base64-encoded".
            if STANDARD.decode(key.value).map_or(0, |bytes| bytes.len()) != 16 {
                let detail = format!("`{}`", String::from_utf8_lossy(key.value));
                report(AnomalyKind::InvalidKey, detail);
            }
        }
        _ => report(AnomalyKind::InvalidKey, format!("{} keys", keys.len())),
    }
    let version = request.headers().get("Sec-WebSocket-Version");
    if version != Some(b"13") {
        let version = version.map_or("none".into(), String::from_utf8_lossy);
        report(AnomalyKind::WrongVersion, format!("version {version}"));
    }
    let accepts: Vec<_> = response.headers().all("Sec-WebSocket-Accept").collect();
    let expected = keys.first().map(|key| accept_value(key.value));
    match (&accepts[..], expected) {
        ([accept], Some(expected)) if accept.value == expected.as_bytes() => {}
        ([], _) => report(AnomalyKind::WrongAccept, "none".to_owned()),
        ([accept, ..], expected) => {
            let value = String::from_utf8_lossy(accept.value);
            let expected = expected.unwrap_or_else(|| "none".to_owned());
            let detail = format!("`{value}` where `{expected}` was expected");
            report(AnomalyKind::WrongAccept, detail);
        }
    }
    if !response.is_websocket_upgrade() {
        let lacks = |field, token| !response.headers().has_token(field, token);
        let mut lacking = Vec::new();
        if lacks("Upgrade", "websocket") {
            lacking.push("Upgrade: websocket");
        }
        if lacks("Connection", "upgrade") {
            lacking.push("Connection: Upgrade");
        }
        let detail = format!("without {}", lacking.join(" and "));
        report(AnomalyKind::IncompleteSwitch, detail);
    }
    if let Some(chosen) = response.subprotocol()
        && !request.subprotocols().any(|offer| offer.value == chosen)
    {
        // The name is not repeated here: a token may be smuggled in it.
        let offered = request.subprotocols().count();
        let detail = format!("none of the {offered} that were offered");
        report(AnomalyKind::UnofferedSubprotocol, detail);
    }
    let field = "Sec-WebSocket-Extensions";
    let mut malformed = Vec::new();
    let offers = Extension::parse_list(
        request.headers().all(field).map(|field| field.value),
        &mut malformed,
    );
    let chosen = Extension::parse_list(
        response.headers().all(field).map(|field| field.value),
        &mut Vec::new(),
    );
    for extension in chosen {
        if !offers.iter().any(|offer| offer.is_named(&extension.name)) {
            let detail = format!("`{}`", extension.name);
            report(AnomalyKind::UnofferedExtension, detail);
        }
    }
    anomalies.append(&mut malformed);
    response.extensions(&mut anomalies);
    anomalies
}
