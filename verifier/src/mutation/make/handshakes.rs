//! What goes wrong with connections.

use wsaudit_tagging::TagKind;
use wsaudit_wire::Direction;

use super::{Looks, Maker};
use crate::history::{Anomaly, Connection};
use crate::mutation::Operator;

impl Maker<'_> {
    pub(super) fn handshakes(&mut self, looks: Looks) {
        let connections = &self.history.outline.connections;
        for (index, connection) in connections.iter().enumerate() {
            if !connection.accepted() {
                continue;
            }
            if looks.holders {
                self.holder(index, connection);
            }
            if looks.credentials {
                self.credential(index, connection);
            }
            if looks.acceptance {
                self.refused(index, connection);
            }
            if looks.address {
                self.address(index, connection);
            }
            if looks.protocol {
                self.anomaly(connection);
            }
        }
    }

    fn refused(&mut self, index: usize, connection: &Connection) {
        let what = "the handshake is refused".to_owned();
        self.add(Operator::Refuse, connection.opened.seq, what, |history| {
            let refused = &mut history.outline.connections[index];
            refused.status = Some(403);
            refused.closed = refused.answered;
            let number = refused.number;
            history.messages.retain(|it| it.connection != number);
        });
    }

    fn address(&mut self, index: usize, connection: &Connection) {
        let what = "a credential stands in the address".to_owned();
        self.add(
            Operator::TokenInUrl,
            connection.opened.seq,
            what,
            |history| {
                let head = &mut history.outline.connections[index].request_head;
                *head = with_token(head);
            },
        );
    }

    fn anomaly(&mut self, connection: &Connection) {
        let what = "a frame of the client is not masked".to_owned();
        self.add(Operator::Anomaly, connection.opened.seq, what, |history| {
            history.outline.anomalies.push(Anomaly {
                connection: connection.number,
                direction: Direction::ClientToServer,
                moment: connection.opened,
                code: "unmasked-client-frame".to_owned(),
                detail: "length 5".to_owned(),
            });
        });
    }

    /// The first connection of another session.
    fn stranger(&self, connection: &Connection) -> Option<&Connection> {
        let first = |kind: TagKind, of: &Connection| {
            let mut tags = of.tags.iter().filter(|tag| tag.kind == kind);
            tags.next().map(|tag| tag.value.clone())
        };
        let own = first(TagKind::Session, connection)?;
        self.history.outline.connections.iter().find(|other| {
            other.accepted() && first(TagKind::Session, other).is_some_and(|it| it != own)
        })
    }

    fn holder(&mut self, index: usize, connection: &Connection) {
        let session = |of: &Connection| {
            let mut tags = of.tags.iter().filter(|tag| tag.kind == TagKind::Session);
            tags.next().map(|tag| tag.value.clone())
        };
        let other = self.stranger(connection);
        let Some((own, other)) = session(connection).zip(other.and_then(session)) else {
            return;
        };
        let what = format!("the connection speaks for session {other} instead of {own}");
        self.add(Operator::Takeover, connection.opened.seq, what, |history| {
            let taken = &mut history.outline.connections[index];
            let tags = taken.tags.iter_mut();
            for tag in tags.filter(|tag| tag.kind == TagKind::Session) {
                tag.value.clone_from(&other);
            }
            taken.request_head = in_head(&taken.request_head, &own, &other);
        });
    }

    fn credential(&mut self, index: usize, connection: &Connection) {
        let is_credential = |tag: &&crate::history::Tag| {
            tag.kind == TagKind::Credential
                || (tag.kind == TagKind::Claim && tag.source == "jwt:jti")
        };
        let seq = connection.opened.seq;
        let own = connection.tags.iter().find(is_credential);
        let in_head = header(&connection.request_head, "authorization");
        if own.is_none() && in_head.is_none() {
            return;
        }
        let what = "the connection presents no credential".to_owned();
        self.add(Operator::NoCredential, seq, what, |history| {
            let bare = &mut history.outline.connections[index];
            bare.tags.retain(|tag| !is_credential(&tag));
            bare.request_head = without(&bare.request_head, "authorization");
        });
        let Some(other) = self.stranger(connection) else {
            return;
        };
        let theirs: Vec<_> = other.tags.iter().filter(is_credential).cloned().collect();
        let head = header(&other.request_head, "authorization");
        if theirs.is_empty() && head.is_none() {
            return;
        }
        let number = self.name(other.number, other.opened.seq);
        let what = format!("the connection presents the credential of {number}");
        self.add(Operator::ShareCredential, seq, what, |history| {
            let shared = &mut history.outline.connections[index];
            shared.tags.retain(|tag| !is_credential(&tag));
            let tags = theirs.into_iter();
            shared.tags.extend(tags.map(|mut tag| {
                tag.from = seq;
                tag
            }));
            if let Some(line) = head {
                let bare = without(&shared.request_head, "authorization");
                let end = bare.len().saturating_sub(2);
                shared.request_head = [&bare[..end], line.as_bytes(), b"\r\n\r\n"].concat();
            }
        });
    }
}

fn lines(head: &[u8]) -> impl Iterator<Item = String> {
    let text = String::from_utf8_lossy(head).into_owned();
    let lines: Vec<_> = text.split("\r\n").map(str::to_owned).collect();
    lines.into_iter()
}

fn is_header(line: &str, name: &str) -> bool {
    line.split_once(':')
        .is_some_and(|(header, _)| header.trim().eq_ignore_ascii_case(name))
}

/// The line of a header.
fn header(head: &[u8], name: &str) -> Option<String> {
    lines(head).find(|line| is_header(line, name))
}

/// A head without that header.
fn without(head: &[u8], name: &str) -> Vec<u8> {
    let kept: Vec<_> = lines(head).filter(|line| !is_header(line, name)).collect();
    kept.join("\r\n").into_bytes()
}

fn in_head(head: &[u8], own: &str, other: &str) -> Vec<u8> {
    String::from_utf8_lossy(head)
        .replace(own, other)
        .into_bytes()
}

/// A head whose target ends in a token, as the recorder keeps one: redacted.
fn with_token(head: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(head);
    let Some((first, rest)) = text.split_once("\r\n") else {
        return head.to_vec();
    };
    let words: Vec<_> = first.split(' ').collect();
    let [method, target, version] = words[..] else {
        return head.to_vec();
    };
    let mark = if target.contains('?') { '&' } else { '?' };
    format!("{method} {target}{mark}access_token=redacted-0123456789abcdef {version}\r\n{rest}")
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_change_in_one_place() {
        let head = b"GET /ws?a=1 HTTP/1.1\r\nHost: x\r\nauthorization: Bearer y\r\n\r\n";
        assert_eq!(
            without(head, "Authorization"),
            b"GET /ws?a=1 HTTP/1.1\r\nHost: x\r\n\r\n"
        );
        assert_eq!(
            header(head, "Authorization").as_deref(),
            Some("authorization: Bearer y")
        );
        assert!(with_token(head).starts_with(b"GET /ws?a=1&access_token="));
    }
}
