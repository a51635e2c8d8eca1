//! What may be kept of payloads where `--redact` is asked for.
//!
//! Only whole messages are looked at, joined and inflated: what is kept of frames, tails and control
//! frames must not hold a secret in pieces. So bytes that belong to no message that could be looked at
//! are withheld, and control frames show tokens.

use std::borrow::Cow;
use std::sync::Arc;

use wsaudit_recording::{MessageContent, Payload};
use wsaudit_tagging::{Redactor as _, Tag, Tagger};
use wsaudit_wire::{ClosePayload, Content, Direction, Message, Opcode};

use crate::shared::Shared;

/// The redaction of one connection's payloads.
#[derive(Clone)]
pub(super) struct Redaction {
    shared: Arc<Shared>,
}

/// A message, as it may be kept.
pub(super) struct Redacted {
    /// What it says of whose connection it is.
    pub(super) tags: Vec<Tag>,
    pub(super) content: MessageContent,
}

/// A frame's payload, and why it is withheld, where it is.
pub(super) type Control = (Payload, Option<String>);

impl Redaction {
    /// `None` where payloads are recorded as they are.
    pub(super) fn of(shared: &Arc<Shared>) -> Option<Self> {
        let shared = Arc::clone(shared);
        (!shared.config.redact.is_empty()).then_some(Self { shared })
    }

    /// The message that ended with a frame. `sent` is that frame's payload; `None` where it is longer
    /// than what is held of one.
    pub(super) fn message(
        &self,
        message: &Message,
        sent: Option<&[u8]>,
        direction: Direction,
        tagger: &mut Tagger,
    ) -> Redacted {
        let bytes = match &message.content {
            Content::AsSent => sent.ok_or_else(|| self.too_long()),
            Content::Joined(bytes) => Ok(bytes.as_slice()),
            Content::Truncated { .. } => Err(self.too_long()),
            Content::Undecodable(why) => Err(why.to_string()),
        };
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(why) => {
                return Redacted {
                    tags: Vec::new(),
                    content: MessageContent::Withheld(why),
                };
            }
        };
        let config = &self.shared.config;
        let redacted = config.redact.redact(bytes, &config.redactor);
        let shown = redacted.as_deref().ok();
        let tags = tagger.on_message(direction, bytes).into_iter();
        let tags = tags.map(|tag| config.redact.redact_tag(tag, shown, &config.redactor));
        Redacted {
            tags: tags.collect(),
            content: match redacted {
                Ok(bytes) => self.cut(bytes),
                Err(why) => MessageContent::Withheld(why.to_string()),
            },
        }
    }

    /// `--max-recorded-payload` cuts what redaction leaves: a cut before could cut a secret in two.
    fn cut(&self, bytes: Cow<'_, [u8]>) -> MessageContent {
        let full_length = bytes.len() as u64;
        match self.shared.config.limits.recorded_payload {
            Some(keep) if keep < full_length => {
                let mut kept = bytes.into_owned();
                kept.truncate(usize::try_from(keep).unwrap_or(usize::MAX));
                MessageContent::Truncated { kept, full_length }
            }
            _ => MessageContent::Whole(bytes.into_owned()),
        }
    }

    fn too_long(&self) -> String {
        let limit = self.shared.config.limits.message;
        format!("it is longer than the {limit} bytes that are looked at")
    }

    /// A control frame's payload: a token, so that a pong is still seen to answer its ping. A close
    /// frame's code stays. `sent` is `None` where it is longer than a control frame may be.
    pub(super) fn control(&self, opcode: Opcode, sent: Option<&[u8]>) -> Control {
        let Some(sent) = sent else {
            let why = "it is longer than a control frame may be".to_owned();
            return (Payload::Withheld, Some(why));
        };
        let code = match (opcode, sent) {
            (Opcode::CLOSE, [_]) => {
                let why = "one byte is no close code".to_owned();
                return (Payload::Withheld, Some(why));
            }
            (Opcode::CLOSE, _) => sent.len().min(2),
            _ => 0,
        };
        let (code, rest) = sent.split_at(code);
        let mut kept = code.to_vec();
        kept.extend_from_slice(&self.token(rest));
        (Payload::Whole(kept), None)
    }

    /// A close frame with the token of its reason.
    pub(super) fn close(&self, close: &ClosePayload) -> ClosePayload {
        ClosePayload {
            code: close.code,
            reason: self.token(&close.reason),
        }
    }

    fn token(&self, secret: &[u8]) -> Vec<u8> {
        if secret.is_empty() {
            return Vec::new();
        }
        let redactor = &self.shared.config.redactor;
        redactor.replacement(secret).into_bytes()
    }
}
