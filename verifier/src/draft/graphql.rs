//! What a message of GraphQL is about. Its type says only how it is sent: every answer to a subscription is a `next`
//! (graphql-transport-ws), or `data` (graphql-ws).

use serde_json::Value;
use wsaudit_wire::Direction;

use super::observe::About;
use crate::history::Connection;
use crate::kinds::correlated::Framing;

/// Whether the handshake of a connection says that it speaks GraphQL.
pub(super) fn is_spoken(connection: &Connection) -> bool {
    match Framing::of_handshake(connection) {
        Some(Framing::GraphqlTransportWs | Framing::GraphqlWs) => true,
        Some(_) | None => false,
    }
}

/// What tells a message of that name from others of it.
pub(super) fn about(sender: Direction, name: &str, message: &Value) -> About {
    match (sender, name) {
        (Direction::ServerToClient, "next" | "data") => {
            let data = message.pointer("/payload/data").and_then(Value::as_object);
            let mut fields = data.into_iter().flat_map(|data| data.keys());
            // Of several, each would be an event, and which one an id was first seen in is not known.
            match (fields.next(), fields.next()) {
                (Some(field), None) if is_name(field) => About::Field(field.clone()),
                _ => About::Untold,
            }
        }
        (Direction::ClientToServer, "subscribe" | "start") => {
            match message.pointer("/payload/operationName") {
                Some(Value::String(name)) if is_name(name) => About::Operation(name.clone()),
                _ => About::Untold,
            }
        }
        _ => About::Name,
    }
}

/// What a field or an operation may be called: <https://spec.graphql.org/October2021/#sec-Names>.
fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
    text.bytes().all(is_part)
        && !text.is_empty()
        && !text.starts_with(|it: char| it.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_by_their_one_field_and_operations_by_their_name() {
        let of = |sender, text: &str| {
            let message: Value = serde_json::from_str(text).expect("JSON");
            let name = message["type"].as_str().expect("a type").to_owned();
            about(sender, &name, &message)
        };
        let server = |text: &str| of(Direction::ServerToClient, text);
        let client = |text: &str| of(Direction::ClientToServer, text);
        assert_eq!(
            server(r#"{"type":"next","payload":{"data":{"noteAdded":{"id":1}}}}"#),
            About::Field("noteAdded".to_owned())
        );
        for untold in [
            r#"{"type":"data","payload":{"data":{"a":1,"b":2}}}"#,
            r#"{"type":"data","payload":{"data":{}}}"#,
            r#"{"type":"next","payload":{"errors":[]}}"#,
            r#"{"type":"next","payload":{"data":{"a/b":1}}}"#,
        ] {
            assert_eq!(server(untold), About::Untold, "{untold}");
        }
        assert_eq!(server(r#"{"type":"complete","id":"1"}"#), About::Name);
        assert_eq!(
            client(r#"{"type":"subscribe","payload":{"operationName":"Notes"}}"#),
            About::Operation("Notes".to_owned())
        );
        assert_eq!(client(r#"{"type":"start","payload":{}}"#), About::Untold);
        assert_eq!(client(r#"{"type":"ping"}"#), About::Name);
    }
}
