//! S4: three sessions with two threads each; each opens its own and is refused foreign ones.

use super::ScenarioError;
use super::sign_in::{Cast, at_once};
use super::stage::Stage;
use crate::ClientMessage;
use crate::client::Client;
use crate::protocol::ids::ThreadId;
use futures_util::future::try_join_all;

const THREADS_PER_SESSION: usize = 2;

/// The threads of each worker.
#[derive(Debug)]
pub(super) struct Owned([Vec<ThreadId>; 3]);

impl Owned {
    pub(super) fn of_worker(&self, at: usize) -> &[ThreadId] {
        &self.0[at]
    }

    /// The first thread of the next worker round the table.
    fn foreign_to(&self, at: usize) -> ThreadId {
        self.0[(at + 1) % self.0.len()][0].clone()
    }
}

/// Six threads, all at once, and the announcement that so many bring about.
pub(super) async fn create(stage: &Stage<'_>, cast: &Cast) -> Result<Owned, ScenarioError> {
    let threads = cast.workers.iter().map(|client| {
        try_join_all((1..=THREADS_PER_SESSION).map(|number| create_one(stage, client, number)))
    });
    let mut threads = try_join_all(threads).await?.into_iter();
    let owned = Owned(std::array::from_fn(|_| threads.next().unwrap_or_default()));
    for client in cast.everybody() {
        stage.expect(client, "announcement", |_| true).await?;
    }
    Ok(owned)
}

async fn create_one(
    stage: &Stage<'_>,
    client: &Client,
    number: usize,
) -> Result<ThreadId, ScenarioError> {
    let wanted = "thread_created";
    let device = client.holder().device;
    let title = format!("plan {number} from {device}");
    let created = stage
        .ask(client, wanted, |request_id| ClientMessage::CreateThread {
            request_id,
            title,
        })
        .await?;
    let thread = created.as_ref().and_then(|it| it.text("thread_id"));
    thread
        .map(|id| ThreadId(id.to_owned()))
        .ok_or_else(|| ScenarioError::Unexpected {
            session: client.session().clone(),
            doing: wanted,
            wanted,
            got: created.map_or_else(String::new, |it| it.json.to_string()),
        })
}

/// Each worker lists, opens and writes its own, and tries others; so does the second user.
pub(super) async fn visit(
    stage: &Stage<'_>,
    cast: &Cast,
    owned: &Owned,
) -> Result<(), ScenarioError> {
    let workers = at_once(
        stage,
        cast.workers.iter().enumerate(),
        |at, client| async move {
            list(stage, client).await?;
            for thread in stage.schedule.shuffled(owned.of_worker(at)) {
                write(stage, client, thread.clone()).await?;
                open(stage, client, thread.clone()).await?;
            }
            try_foreign(stage, client, owned.foreign_to(at)).await?;
            try_foreign(stage, client, ThreadId("thr_unknown".to_owned())).await
        },
    );
    let other = try_foreign(stage, &cast.other, owned.of_worker(0)[1].clone());
    tokio::try_join!(workers, other).map(drop)
}

pub(super) async fn list(stage: &Stage<'_>, client: &Client) -> Result<(), ScenarioError> {
    let list = |request_id| ClientMessage::ListThreads { request_id };
    stage.ask(client, "thread_list", list).await.map(drop)
}

pub(super) async fn open(
    stage: &Stage<'_>,
    client: &Client,
    thread_id: ThreadId,
) -> Result<(), ScenarioError> {
    let open = |request_id| ClientMessage::OpenThread {
        request_id,
        thread_id,
    };
    stage.ask(client, "thread", open).await.map(drop)
}

async fn write(
    stage: &Stage<'_>,
    client: &Client,
    thread_id: ThreadId,
) -> Result<(), ScenarioError> {
    let text = format!("a note from {}", client.holder().device);
    let write = |request_id| ClientMessage::SendMessage {
        request_id,
        thread_id,
        text,
    };
    stage.ask(client, "message_added", write).await.map(drop)
}

async fn try_foreign(
    stage: &Stage<'_>,
    client: &Client,
    foreign: ThreadId,
) -> Result<(), ScenarioError> {
    let thread_id = foreign.clone();
    let open = |request_id| ClientMessage::OpenThread {
        request_id,
        thread_id,
    };
    stage.trespass(client, open).await?;
    let thread_id = foreign.clone();
    let text = "a note that nobody may see".to_owned();
    let write = |request_id| ClientMessage::SendMessage {
        request_id,
        thread_id,
        text,
    };
    stage.trespass(client, write).await?;
    let start = |request_id| ClientMessage::StartAgent {
        request_id,
        thread_id: foreign,
        agent: "writer".to_owned(),
    };
    stage.trespass(client, start).await
}
