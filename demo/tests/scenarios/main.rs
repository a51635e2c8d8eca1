//! The scenarios, straight against the backend: sound, and with every fault planted.
//!
//! What the clients received is the only witness here: a fault counts as planted if it can be
//! seen in their raw logs, and a sound run if it cannot.

mod faults;
mod long;
mod seen;
mod sound;

use std::time::Duration;
use wsaudit_demo::scenario::{self, ScenarioOptions, ScenarioReport};
use wsaudit_demo::{Backend, BackendConfig, Fault};

/// Shorter than the real one, so that the two faults which wait for it are quick.
const AGENT_LIMIT: Duration = Duration::from_secs(1);

async fn play(fault: Option<Fault>, seed: u64) -> ScenarioReport {
    let config = BackendConfig {
        fault,
        seed,
        agent_limit: AGENT_LIMIT,
        ..Default::default()
    };
    let backend = Backend::start(config).await.expect("a free port");
    let options = ScenarioOptions {
        fault,
        seed,
        agent_limit: AGENT_LIMIT,
        ..Default::default()
    };
    let report = scenario::run(&backend.base_url(), &options).await;
    backend.stop().await;
    report.unwrap_or_else(|error| panic!("seed {seed}: {error}: {error:?}"))
}
