//! S2: three sessions run three agents each, all nine at once.

use super::ScenarioError;
use super::sign_in::{Cast, at_once};
use super::stage::Stage;
use super::threads::Owned;
use futures_util::future::try_join_all;

const AGENTS: [&str; 3] = ["researcher", "planner", "writer"];

pub(super) async fn run_nine(
    stage: &Stage<'_>,
    cast: &Cast,
    owned: &Owned,
) -> Result<(), ScenarioError> {
    at_once(
        stage,
        cast.workers.iter().enumerate(),
        |at, client| async move {
            let thread = &owned.of_worker(at)[0];
            let agents = stage.schedule.shuffled(AGENTS);
            try_join_all(agents.iter().map(|agent| stage.run(client, thread, agent)))
                .await
                .map(drop)
        },
    )
    .await
}
