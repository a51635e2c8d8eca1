//! S1: one user in four places at once, each authenticated on its own; and a second user.

use super::ScenarioError;
use super::stage::Stage;
use super::threads::{Owned, list};
use crate::client::{Client, SignIn, healthz};
use crate::protocol::ids::UserId;
use crate::{ClientMessage, Device};
use futures_util::future::{join_all, try_join_all};

/// Everybody who is connected from the beginning to the end.
#[derive(Debug)]
pub(super) struct Cast {
    /// The sessions on laptop, phone and desktop: they have threads and run agents.
    pub(super) workers: [Client; 3],
    /// The session on the tablet, which never sends anything.
    pub(super) listener: Client,
    /// A session of the second user.
    pub(super) other: Client,
}

impl Cast {
    pub(super) fn everybody(&self) -> impl Iterator<Item = &Client> {
        self.workers.iter().chain([&self.listener, &self.other])
    }

    pub(super) async fn leave(self, stage: &Stage<'_>) {
        let everybody = self.workers.into_iter().chain([self.listener, self.other]);
        let leaving = stage
            .schedule
            .shuffled(everybody)
            .into_iter()
            .map(|client| async {
                stage.schedule.pause().await;
                stage.close(client).await;
            });
        join_all(leaving).await;
    }
}

/// Signs five sessions in and connects them, all at once.
pub(super) async fn everybody(stage: &Stage<'_>) -> Result<Cast, ScenarioError> {
    healthz(stage.base).await.map_err(ScenarioError::SignIn)?;
    let user = &stage.options.user;
    let [laptop, phone, desktop, tablet] = Device::ALL;
    let other = async |device| enter(stage, &stage.options.other_user, device).await;
    // The pauses in `enter`, not the order here, decide who comes first.
    let (laptop, phone, desktop, listener, other) = tokio::try_join!(
        enter(stage, user, laptop),
        enter(stage, user, phone),
        enter(stage, user, desktop),
        enter(stage, user, tablet),
        other(laptop),
    )?;
    Ok(Cast {
        workers: [laptop, phone, desktop],
        listener,
        other,
    })
}

pub(super) async fn enter(
    stage: &Stage<'_>,
    user: &UserId,
    device: Device,
) -> Result<Client, ScenarioError> {
    stage.schedule.pause().await;
    let signed_in = stage.sign_in(user, device).await?;
    stage.schedule.pause().await;
    stage.connect(&signed_in).await
}

/// The second user signs in, and then claims the laptop session of the first one.
pub(super) async fn take_over(
    stage: &Stage<'_>,
    cast: &Cast,
    owned: &Owned,
) -> Result<(), ScenarioError> {
    let victim = cast.workers[0].session();
    let own = stage
        .sign_in(&stage.options.other_user, Device::TabletBrowser)
        .await?;
    let failed = |source| ScenarioError::Client {
        session: victim.clone(),
        doing: "taking the session over",
        source,
    };
    let intruder = Client::connect_as(stage.base, &own, victim, stage.schedule.seed())
        .await
        .map_err(failed)?;
    stage
        .ask(&intruder, "thread_list", |request_id| {
            ClientMessage::ListThreads { request_id }
        })
        .await?;
    let thread_id = owned.of_worker(0)[0].clone();
    stage
        .ask(&intruder, "thread", |request_id| {
            ClientMessage::OpenThread {
                request_id,
                thread_id,
            }
        })
        .await?;
    stage.close(intruder).await;
    Ok(())
}

/// The tablet session opens one more connection, and shows no token there.
pub(super) async fn without_token(stage: &Stage<'_>, cast: &Cast) -> Result<(), ScenarioError> {
    let nobody = SignIn {
        token: String::new(),
        ..cast.listener.holder().clone()
    };
    let client = stage.connect(&nobody).await?;
    list(stage, &client).await?;
    stage.close(client).await;
    Ok(())
}

/// Several sessions do the same at once, beginning in the order the seed gives.
pub(super) async fn at_once<'a, F>(
    stage: &Stage<'_>,
    clients: impl IntoIterator<Item = (usize, &'a Client)>,
    act: impl Fn(usize, &'a Client) -> F,
) -> Result<(), ScenarioError>
where
    F: Future<Output = Result<(), ScenarioError>>,
{
    let clients = stage.schedule.shuffled(clients);
    try_join_all(clients.into_iter().map(|(at, client)| act(at, client)))
        .await
        .map(drop)
}
