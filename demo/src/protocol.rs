//! The messages of the application: JSON objects in text frames, told apart by `type`.

pub(crate) mod ids;

use ids::{AgentId, ContextId, MessageId, RequestId, RunId, SessionId, ThreadId, UserId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// From where a session is used; the header `X-Device-Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Device {
    /// A browser on a laptop.
    LaptopBrowser,
    /// A browser on a phone.
    MobileBrowser,
    /// The installed application.
    DesktopApp,
    /// A browser on a tablet.
    TabletBrowser,
}

impl Device {
    /// All four, in the order of scenario S1.
    pub const ALL: [Self; 4] = [
        Self::LaptopBrowser,
        Self::MobileBrowser,
        Self::DesktopApp,
        Self::TabletBrowser,
    ];

    /// As on the wire, such as `LAPTOP_BROWSER`.
    pub fn name(self) -> &'static str {
        match self {
            Self::LaptopBrowser => "LAPTOP_BROWSER",
            Self::MobileBrowser => "MOBILE_BROWSER",
            Self::DesktopApp => "DESKTOP_APP",
            Self::TabletBrowser => "TABLET_BROWSER",
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the fields are the wire's; the variants say what is asked"
)]
pub enum ClientMessage {
    /// A new thread; answered by `thread_created`.
    CreateThread {
        request_id: RequestId,
        title: String,
    },
    /// The threads the session may see; answered by `thread_list`.
    ListThreads { request_id: RequestId },
    /// A thread's content; answered by `thread` or refused by `error`.
    OpenThread {
        request_id: RequestId,
        thread_id: ThreadId,
    },
    /// One more message in a thread; answered by `message_added` or refused.
    SendMessage {
        request_id: RequestId,
        thread_id: ThreadId,
        text: String,
    },
    /// Lets another session use a thread; told to both by `thread_shared`.
    ShareThread {
        request_id: RequestId,
        thread_id: ThreadId,
        to_session: SessionId,
    },
    /// Runs an agent on a thread; answered by `agent_started`, followed by the run's events.
    StartAgent {
        request_id: RequestId,
        thread_id: ThreadId,
        agent: String,
    },
}

impl ClientMessage {
    /// The id that the reply repeats.
    pub fn request_id(&self) -> &RequestId {
        match self {
            Self::CreateThread { request_id, .. }
            | Self::ListThreads { request_id }
            | Self::OpenThread { request_id, .. }
            | Self::SendMessage { request_id, .. }
            | Self::ShareThread { request_id, .. }
            | Self::StartAgent { request_id, .. } => request_id,
        }
    }
}

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Refusal {
    Forbidden,
    NotFound,
    BadRequest,
}

/// A line of `thread_list`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ThreadTitle {
    pub(crate) id: ThreadId,
    pub(crate) title: String,
}

/// A message of a thread.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Posted {
    pub(crate) id: MessageId,
    pub(crate) text: String,
}

/// Which run an agent event belongs to.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are the wire's")]
pub(crate) struct RunIds {
    pub(crate) run_id: RunId,
    pub(crate) agent_id: AgentId,
    pub(crate) context_id: ContextId,
}

/// What the server says; `type` and `session_id` are the [`Envelope`]'s.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum ServerMessage {
    SessionReady {
        user_id: UserId,
        context_id: ContextId,
    },
    ThreadCreated {
        request_id: RequestId,
        thread_id: ThreadId,
        title: String,
    },
    ThreadList {
        request_id: RequestId,
        threads: Vec<ThreadTitle>,
    },
    Thread {
        request_id: RequestId,
        thread_id: ThreadId,
        messages: Vec<Posted>,
    },
    MessageAdded {
        request_id: RequestId,
        thread_id: ThreadId,
        message: Posted,
    },
    ThreadShared {
        thread_id: ThreadId,
        to_session: SessionId,
    },
    Error {
        /// Absent where the request could not be read.
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<RequestId>,
        code: Refusal,
        #[serde(skip_serializing_if = "Option::is_none")]
        thread_id: Option<ThreadId>,
    },
    AgentStarted {
        request_id: RequestId,
        #[serde(flatten)]
        ids: RunIds,
        thread_id: ThreadId,
    },
    AgentThinking {
        #[serde(flatten)]
        ids: RunIds,
        step: u32,
    },
    AgentCompleted {
        #[serde(flatten)]
        ids: RunIds,
        result: String,
    },
    Announcement {
        text: String,
    },
}

impl ServerMessage {
    /// The wire's `type`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::SessionReady { .. } => "session_ready",
            Self::ThreadCreated { .. } => "thread_created",
            Self::ThreadList { .. } => "thread_list",
            Self::Thread { .. } => "thread",
            Self::MessageAdded { .. } => "message_added",
            Self::ThreadShared { .. } => "thread_shared",
            Self::Error { .. } => "error",
            Self::AgentStarted { .. } => "agent_started",
            Self::AgentThinking { .. } => "agent_thinking",
            Self::AgentCompleted { .. } => "agent_completed",
            Self::Announcement { .. } => "announcement",
        }
    }
}

/// A server message with the session it is meant for; none for what is said to everybody.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Envelope {
    #[serde(rename = "type")]
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session_id: Option<SessionId>,
    #[serde(flatten)]
    pub(crate) message: ServerMessage,
}

impl Envelope {
    pub(crate) fn to(session: &SessionId, message: ServerMessage) -> Self {
        Self {
            name: message.name(),
            session_id: Some(session.clone()),
            message,
        }
    }

    pub(crate) fn to_everybody(message: ServerMessage) -> Self {
        Self {
            name: message.name(),
            session_id: None,
            message,
        }
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers under string keys always serialize")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_message_is_flat_with_its_type_first() {
        let message = ServerMessage::AgentThinking {
            ids: RunIds {
                run_id: RunId("run_1".into()),
                agent_id: AgentId("agt_1".into()),
                context_id: ContextId("ctx_1".into()),
            },
            step: 2,
        };
        assert_eq!(
            Envelope::to(&SessionId("s-1".into()), message).to_json(),
            r#"{"type":"agent_thinking","session_id":"s-1","run_id":"run_1","agent_id":"agt_1","context_id":"ctx_1","step":2}"#
        );
    }

    #[test]
    fn the_device_is_named_alike_in_json_and_in_the_header() {
        for device in Device::ALL {
            let json = serde_json::to_string(&device).expect("a unit variant");
            assert_eq!(json, format!("\"{device}\""));
        }
    }
}
