//! S3: the laptop session triggers events, while the tablet session only listens.

use super::ScenarioError;
use super::sign_in::Cast;
use super::stage::Stage;
use super::threads::{Owned, list};
use std::time::Duration;

/// How often the second user lists its threads, at most, while the run goes on.
const CHATTER: usize = 12;
const CHATTER_PACE: Duration = Duration::from_millis(15);

/// One run of the laptop session. The second user is busy meanwhile: in a backend with one
/// global "current session" it would be this one whenever an event of the run is sent.
pub(super) async fn trigger_and_listen(
    stage: &Stage<'_>,
    cast: &Cast,
    owned: &Owned,
) -> Result<(), ScenarioError> {
    let [laptop, ..] = &cast.workers;
    let Some(run) = stage
        .start(laptop, &owned.of_worker(0)[1], "researcher")
        .await?
    else {
        return Ok(());
    };
    let chatter = async {
        for _ in 0..CHATTER {
            list(stage, &cast.other).await?;
            tokio::time::sleep(CHATTER_PACE).await;
        }
        Ok(())
    };
    tokio::select! {
        // The run's end ends the chatter; the chatter's end does not end the run.
        finished = stage.finish(laptop, &run) => finished,
        Err(error) = chatter => Err(error),
    }
}
