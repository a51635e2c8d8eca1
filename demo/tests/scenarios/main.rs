//! The scenarios, straight against the backend: sound, and with every fault planted.
//!
//! What the clients received, and what the database holds, are the only witnesses here: a fault counts as planted if it can be
//! seen in them, and a sound run if it cannot.

mod faults;
mod long;
mod seen;
mod sound;

use std::ops::Deref;
use std::time::Duration;
use wsaudit_demo::scenario::{self, ScenarioOptions, ScenarioReport};
use wsaudit_demo::{Backend, BackendConfig, Fault, Tables};

/// Shorter than the real ones, so that the faults which wait for them are quick.
const AGENT_LIMIT: Duration = Duration::from_secs(1);
const ESTABLISHING_LIMIT: Duration = Duration::from_secs(3);

/// What the clients saw, and what the backend's database held in the end.
#[derive(Debug)]
struct Played {
    report: ScenarioReport,
    tables: Tables,
}

impl Deref for Played {
    type Target = ScenarioReport;

    fn deref(&self) -> &ScenarioReport {
        &self.report
    }
}

async fn play(fault: Option<Fault>, seed: u64) -> Played {
    let config = BackendConfig {
        fault,
        seed,
        agent_limit: AGENT_LIMIT,
        establishing_limit: ESTABLISHING_LIMIT,
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
    let tables = backend.tables();
    backend.stop().await;
    let report = report.unwrap_or_else(|error| panic!("seed {seed}: {error}: {error:?}"));
    Played { report, tables }
}
