//! What looks like a leak and is none: a share, a reconnect, a second connection.

use super::ScenarioError;
use super::sign_in::{Cast, enter};
use super::stage::Stage;
use super::threads::{Owned, list, open};
use crate::client::Client;
use crate::{ClientMessage, Device};

/// All decoys; gives the cast back with the desktop session on its new connection.
pub(super) async fn play(
    stage: &Stage<'_>,
    cast: Cast,
    owned: &Owned,
) -> Result<Cast, ScenarioError> {
    let Cast {
        workers: [laptop, phone, desktop],
        listener,
        other,
    } = cast;
    share(stage, &laptop, &phone, owned).await?;
    let (desktop, guest) = reconnect(stage, desktop, owned).await?;
    second_connection(stage, &phone, owned).await?;
    stage.close(guest).await;
    Ok(Cast {
        workers: [laptop, phone, desktop],
        listener,
        other,
    })
}

/// The laptop session shares a thread to the phone session, which then lists and opens it.
async fn share(
    stage: &Stage<'_>,
    laptop: &Client,
    phone: &Client,
    owned: &Owned,
) -> Result<(), ScenarioError> {
    let shared = &owned.of_worker(0)[0];
    laptop
        .send(|request_id| ClientMessage::ShareThread {
            request_id,
            thread_id: shared.clone(),
            to_session: phone.session().clone(),
        })
        .map_err(|source| ScenarioError::Client {
            session: laptop.session().clone(),
            doing: "sharing a thread",
            source,
        })?;
    for client in [laptop, phone] {
        stage
            .expect(client, "thread_shared", |it| it.has("thread_id", &shared.0))
            .await?;
    }
    list(stage, phone).await?;
    open(stage, phone, shared.clone()).await
}

/// The desktop session reconnects; meanwhile a new session of the second user has come, which
/// sits where the desktop session sat. Gives both connections.
async fn reconnect(
    stage: &Stage<'_>,
    desktop: Client,
    owned: &Owned,
) -> Result<(Client, Client), ScenarioError> {
    let holder = desktop.holder().clone();
    stage.close(desktop).await;
    let guest = enter(stage, &stage.options.other_user, Device::TabletBrowser).await?;
    let desktop = stage.connect(&holder).await?;
    let thread = &owned.of_worker(2)[0];
    open(stage, &desktop, thread.clone()).await?;
    stage.run(&desktop, thread, "planner").await?;
    Ok((desktop, guest))
}

/// The phone session has a second connection for a while, and runs an agent from there.
async fn second_connection(
    stage: &Stage<'_>,
    phone: &Client,
    owned: &Owned,
) -> Result<(), ScenarioError> {
    let second = stage.connect(phone.holder()).await?;
    let thread = &owned.of_worker(1)[1];
    open(stage, &second, thread.clone()).await?;
    open(stage, phone, thread.clone()).await?;
    stage.run(&second, thread, "writer").await?;
    stage.close(second).await;
    Ok(())
}
