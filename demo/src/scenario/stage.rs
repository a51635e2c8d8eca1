//! What all acts of a run share: how clients ask, wait, and are logged.

use super::patience::{Patience, Wait};
use super::{ConnectionLog, ScenarioError, ScenarioOptions, ScenarioReport, Schedule};
use crate::client::{Client, ClientError, Received, SignIn, sign_in};
use crate::protocol::ids::{RequestId, RunId, ThreadId, UserId};
use crate::{ClientMessage, Device, Fault};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Stage<'a> {
    pub(super) base: &'a str,
    pub(super) options: &'a ScenarioOptions,
    pub(super) schedule: Schedule,
    patience: Patience,
    record: Mutex<ScenarioReport>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(base: &'a str, options: &'a ScenarioOptions) -> Self {
        let record = ScenarioReport {
            logs: Vec::new(),
            runs_completed: 0,
            refused: 0,
            refused_handshakes: 0,
            slowest_greeting: Duration::ZERO,
            missed: 0,
            took: Duration::ZERO,
        };
        Self {
            base,
            options,
            schedule: Schedule::new(options.seed),
            patience: Patience::with(options),
            record: Mutex::new(record),
        }
    }

    fn record(&self) -> MutexGuard<'_, ScenarioReport> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn sign_in(
        &self,
        user: &UserId,
        device: Device,
    ) -> Result<SignIn, ScenarioError> {
        sign_in(self.base, user, device)
            .await
            .map_err(ScenarioError::SignIn)
    }

    /// A connection of a session, after the server's greeting.
    pub(super) async fn connect(&self, sign_in: &SignIn) -> Result<Client, ScenarioError> {
        let doing = "connecting";
        let failed = |source| ScenarioError::Client {
            session: sign_in.session_id.clone(),
            doing,
            source,
        };
        let start = Instant::now();
        let mut opened = Client::connect(self.base, sign_in, self.schedule.seed()).await;
        if let Err(ClientError::Refused { .. }) = opened
            && self.options.fault == Some(Fault::ValidSessionRefused)
        {
            self.record().refused_handshakes += 1;
            opened = Client::connect(self.base, sign_in, self.schedule.seed()).await;
        }
        let client = opened.map_err(failed)?;
        let greeting = self.patience.greeting;
        client
            .wait("session_ready", greeting, |it| it.name() == "session_ready")
            .await
            .map_err(failed)?;
        let mut record = self.record();
        record.slowest_greeting = record.slowest_greeting.max(start.elapsed());
        drop(record);
        Ok(client)
    }

    /// Asks, and insists on a reply of the type `wanted`; none where the fault swallowed it.
    pub(super) async fn ask(
        &self,
        client: &Client,
        wanted: &'static str,
        request: impl FnOnce(RequestId) -> ClientMessage,
    ) -> Result<Option<Received>, ScenarioError> {
        let Some(reply) = self.attempt(client, wanted, request).await? else {
            return Ok(None);
        };
        if reply.name() == wanted {
            return Ok(Some(reply));
        }
        match self.options.fault {
            Some(Fault::OwnThreadRefused) if reply.name() == "error" => Ok(None),
            _ => Err(unexpected(client, wanted, &reply)),
        }
    }

    /// Asks for what a sound server refuses.
    pub(super) async fn trespass(
        &self,
        client: &Client,
        request: impl FnOnce(RequestId) -> ClientMessage,
    ) -> Result<(), ScenarioError> {
        let Some(reply) = self.attempt(client, "error", request).await? else {
            return Ok(());
        };
        if reply.name() == "error" {
            self.record().refused += 1;
            return Ok(());
        }
        // Being answered is what a planted fault may be about.
        match self.options.fault {
            Some(_) => Ok(()),
            None => Err(unexpected(client, "error", &reply)),
        }
    }

    async fn attempt(
        &self,
        client: &Client,
        doing: &'static str,
        request: impl FnOnce(RequestId) -> ClientMessage,
    ) -> Result<Option<Received>, ScenarioError> {
        self.schedule.pause().await;
        let wait = self.patience.reply;
        let reply = client.ask(wait.time(), request).await;
        self.tolerate(client, doing, wait, reply)
    }

    /// A message that is no reply, such as `thread_shared`.
    pub(super) async fn expect(
        &self,
        client: &Client,
        what: &'static str,
        like: impl Fn(&Received) -> bool,
    ) -> Result<(), ScenarioError> {
        let wait = self.patience.run;
        let received = client
            .wait(what, wait.time(), |it| it.name() == what && like(it))
            .await;
        self.tolerate(client, what, wait, received).map(drop)
    }

    /// Starts a run and gives its id, where the reply came.
    pub(super) async fn start(
        &self,
        client: &Client,
        thread: &ThreadId,
        agent: &str,
    ) -> Result<Option<RunId>, ScenarioError> {
        let (thread_id, agent) = (thread.clone(), agent.to_owned());
        let started = self
            .ask(client, "agent_started", |request_id| {
                ClientMessage::StartAgent {
                    request_id,
                    thread_id,
                    agent,
                }
            })
            .await?;
        Ok(started.and_then(|it| it.text("run_id").map(|run| RunId(run.to_owned()))))
    }

    /// Waits until a run has thought and has completed, in whatever order.
    pub(super) async fn finish(&self, client: &Client, run: &RunId) -> Result<(), ScenarioError> {
        let wait = self.patience.run;
        for step in ["agent_thinking", "agent_completed"] {
            let of_run = |it: &Received| it.name() == step && it.has("run_id", &run.0);
            let received = client.wait(step, wait.time(), of_run).await;
            match self.tolerate(client, step, wait, received)? {
                Some(event) if event.name() == "agent_completed" => {
                    self.record().runs_completed += 1;
                }
                Some(_) => {}
                // What comes after a swallowed event is swallowed too: do not wait twice.
                None => break,
            }
        }
        Ok(())
    }

    /// Both of the above.
    pub(super) async fn run(
        &self,
        client: &Client,
        thread: &ThreadId,
        agent: &str,
    ) -> Result<(), ScenarioError> {
        match self.start(client, thread, agent).await? {
            Some(run) => self.finish(client, &run).await,
            None => Ok(()),
        }
    }

    fn tolerate(
        &self,
        client: &Client,
        doing: &'static str,
        wait: Wait,
        received: Result<Received, ClientError>,
    ) -> Result<Option<Received>, ScenarioError> {
        match (received, wait) {
            (Ok(received), _) => Ok(Some(received)),
            (Err(ClientError::NothingReceived { .. }), Wait::May(_)) => {
                self.record().missed += 1;
                Ok(None)
            }
            (Err(source), _) => Err(ScenarioError::Client {
                session: client.session().clone(),
                doing,
                source,
            }),
        }
    }

    /// Sees the closing handshake through and keeps the log.
    pub(super) async fn close(&self, client: Client) {
        let session = client.session().clone();
        let holder = client.holder().clone();
        let received = client.close().await;
        self.record().logs.push(ConnectionLog {
            holder,
            session,
            received,
        });
    }

    pub(super) fn report(self, took: Duration) -> ScenarioReport {
        let record = self
            .record
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        ScenarioReport { took, ..record }
    }
}

fn unexpected(client: &Client, wanted: &'static str, got: &Received) -> ScenarioError {
    ScenarioError::Unexpected {
        session: client.session().clone(),
        doing: wanted,
        wanted,
        got: got.json.to_string(),
    }
}
