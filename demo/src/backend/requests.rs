//! What each request does, and its reply.

use super::Platform;
use super::agents;
use super::state::{Caller, State};
use super::tables::StoredRun;
use super::threads::{Access, Thread};
use crate::protocol::ids::{MessageId, RequestId, SessionId, ThreadId};
use crate::protocol::{ClientMessage, Posted, Refusal, RunIds, ServerMessage};

/// Every so many threads there is an announcement to everybody.
const THREADS_PER_ANNOUNCEMENT: usize = 4;

/// Answers one text message, and starts the run it asks for.
pub(super) fn answer(platform: &Platform, caller: &Caller, text: &str) {
    let Ok(request) = serde_json::from_str::<ClientMessage>(text) else {
        return platform
            .state()
            .refuse(caller, request_id(text), Refusal::BadRequest, None);
    };
    let run = platform.state().answer(caller, request);
    if let Some((ids, script)) = run {
        let run = agents::play(platform.clone(), caller.session.clone(), ids, script);
        platform.tasks.spawn(run);
    }
}

/// Every message of the application is text.
pub(super) fn refuse_binary(platform: &Platform, caller: &Caller) {
    platform
        .state()
        .refuse(caller, None, Refusal::BadRequest, None);
}

/// The request id of a message that is no request, if it has one.
fn request_id(text: &str) -> Option<RequestId> {
    let message: serde_json::Value = serde_json::from_str(text).ok()?;
    Some(RequestId(message.get("request_id")?.as_str()?.to_owned()))
}

impl State {
    fn answer(
        &mut self,
        caller: &Caller,
        request: ClientMessage,
    ) -> Option<(RunIds, agents::Script)> {
        self.faults.spoke(&caller.session);
        match request {
            ClientMessage::CreateThread { request_id, title } => {
                self.create_thread(caller, request_id, title);
            }
            ClientMessage::ListThreads { request_id } => self.list_threads(caller, request_id),
            ClientMessage::OpenThread {
                request_id,
                thread_id,
            } => {
                self.open_thread(caller, request_id, thread_id);
            }
            ClientMessage::SendMessage {
                request_id,
                thread_id,
                text,
            } => {
                self.send_message(caller, request_id, thread_id, text);
            }
            ClientMessage::ShareThread {
                request_id,
                thread_id,
                to_session,
            } => {
                self.share_thread(caller, request_id, thread_id, &to_session);
            }
            ClientMessage::StartAgent {
                request_id,
                thread_id,
                agent,
            } => {
                return self.start_agent(caller, request_id, thread_id, &agent);
            }
        }
        None
    }

    fn create_thread(&mut self, caller: &Caller, request_id: RequestId, title: String) {
        let fresh = ThreadId(self.mint.id("thr_"));
        let thread_id = self.faults.thread_id(&caller.session, fresh);
        let (owner, user) = (caller.session.clone(), caller.user.clone());
        self.threads
            .create(thread_id.clone(), owner, user, title.clone());
        self.reply(
            caller,
            ServerMessage::ThreadCreated {
                request_id,
                thread_id,
                title,
            },
        );
        let created = self.threads.created;
        if created.is_multiple_of(THREADS_PER_ANNOUNCEMENT) {
            self.announce(format!("{created} threads have been created here"));
        }
    }

    fn list_threads(&mut self, caller: &Caller, request_id: RequestId) {
        let faults = &self.faults;
        let threads = self.threads.titles(|thread| {
            faults.allows(
                thread.allows(&caller.session, Access::List),
                Access::List,
                thread,
                caller,
            )
        });
        self.reply(
            caller,
            ServerMessage::ThreadList {
                request_id,
                threads,
            },
        );
    }

    fn open_thread(&mut self, caller: &Caller, request_id: RequestId, thread_id: ThreadId) {
        if self
            .permit(caller, &request_id, &thread_id, Access::Open)
            .is_none()
        {
            return;
        }
        let thread_id = self.faults.thread_answered(&caller.session, thread_id);
        let thread = self.threads.get(&thread_id);
        let messages = thread.map_or_else(Vec::new, |thread| thread.messages.clone());
        self.reply(
            caller,
            ServerMessage::Thread {
                request_id,
                thread_id,
                messages,
            },
        );
    }

    fn send_message(
        &mut self,
        caller: &Caller,
        request_id: RequestId,
        thread_id: ThreadId,
        text: String,
    ) {
        let Some((id, thread)) = self.permit(caller, &request_id, &thread_id, Access::Write) else {
            return;
        };
        let message = Posted { id, text };
        thread.messages.push(message.clone());
        self.reply(
            caller,
            ServerMessage::MessageAdded {
                request_id,
                thread_id,
                message,
            },
        );
    }

    fn share_thread(
        &mut self,
        caller: &Caller,
        request_id: RequestId,
        thread_id: ThreadId,
        to_session: &SessionId,
    ) {
        if !self.knows(to_session) {
            return self.refuse(caller, Some(request_id), Refusal::NotFound, Some(thread_id));
        }
        let Some((_, thread)) = self.permit(caller, &request_id, &thread_id, Access::Share) else {
            return;
        };
        thread.shared_to.insert(to_session.clone());
        let shared = ServerMessage::ThreadShared {
            thread_id,
            to_session: to_session.clone(),
        };
        self.emit(&caller.session, shared.clone());
        self.emit(to_session, shared);
    }

    fn start_agent(
        &mut self,
        caller: &Caller,
        request_id: RequestId,
        thread_id: ThreadId,
        agent: &str,
    ) -> Option<(RunIds, agents::Script)> {
        let Some(thinking) = agents::thinking(agent) else {
            self.refuse(caller, Some(request_id), Refusal::NotFound, None);
            return None;
        };
        self.permit(caller, &request_id, &thread_id, Access::Run)?;
        let (ids, script) = self.plan_run(caller, thinking);
        self.runs.push(StoredRun {
            id: ids.run_id.clone(),
            session: caller.session.clone(),
            thread: thread_id.clone(),
        });
        let thread_id = self.faults.thread_named(&caller.session, thread_id);
        let started = ServerMessage::AgentStarted {
            request_id,
            ids: ids.clone(),
            thread_id,
        };
        self.reply(caller, started);
        Some((ids, script))
    }

    /// The thread, with an id for a message in it, if the caller may use it so; else a refusal
    /// has been sent.
    fn permit(
        &mut self,
        caller: &Caller,
        request_id: &RequestId,
        thread_id: &ThreadId,
        access: Access,
    ) -> Option<(MessageId, &mut Thread)> {
        let verdict = match self.threads.get_mut(thread_id) {
            None => Err(Refusal::NotFound),
            Some(thread) => {
                let sound = thread.allows(&caller.session, access);
                let allowed = self.faults.allows(sound, access, thread, caller);
                if allowed {
                    Ok(())
                } else {
                    Err(Refusal::Forbidden)
                }
            }
        };
        if let Err(code) = verdict {
            self.refuse(
                caller,
                Some(request_id.clone()),
                code,
                Some(thread_id.clone()),
            );
            return None;
        }
        let message_id = MessageId(self.mint.id("msg_"));
        self.threads
            .get_mut(thread_id)
            .map(|thread| (message_id, thread))
    }

    fn refuse(
        &mut self,
        caller: &Caller,
        request_id: Option<RequestId>,
        code: Refusal,
        thread_id: Option<ThreadId>,
    ) {
        self.reply(
            caller,
            ServerMessage::Error {
                request_id,
                code,
                thread_id,
            },
        );
    }
}
