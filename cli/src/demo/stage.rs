//! One run: backend, proxy and clients, then the verifier.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::oneshot;
use wsaudit_demo::scenario::{self, ScenarioOptions, ScenarioReport};
use wsaudit_demo::{Backend, BackendConfig, Fault};
use wsaudit_proxy::{Proxy, ProxyConfig, Route};
use wsaudit_recording::{Writer, WriterOptions};
use wsaudit_tagging::{Source, TagRules};
use wsaudit_verifier::engine::Verification;
use wsaudit_verifier::history::RecordingSource;
use wsaudit_verifier::report::Report;
use wsaudit_verifier::rules::Pack;

use crate::interrupt::Unfinished;
use crate::record;
use crate::verify::{check, facts};

use super::database;

/// The packs that a run is verified with.
const RULES: [&str; 3] = ["agent-platform", "protocol", "handshake"];

/// Clients have closed their connections by then; this is for those that a fault holds up.
const DRAIN: Duration = Duration::from_secs(3);

/// What a run is called.
pub(super) fn name(fault: Option<Fault>) -> &'static str {
    fault.map_or("sound", Fault::name)
}

/// Plays the scenarios through the proxy, which records them. The recording is there when it is whole.
pub(super) async fn play(
    fault: Option<Fault>,
    seed: u64,
    recording: &Path,
) -> anyhow::Result<ScenarioReport> {
    let backend = Backend::start(BackendConfig {
        fault,
        seed,
        ..BackendConfig::default()
    });
    let backend = backend.await.context("cannot start the example backend")?;
    let config = ProxyConfig {
        drain: DRAIN,
        ..ProxyConfig::new(
            vec![Route::new(
                SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                backend.base_url().parse()?,
            )],
            sources()?,
            record::random_redactor()?,
        )
    };
    let options = WriterOptions {
        config: record::settings_of(&config, None),
        key_id: Some(config.redactor.key_id().to_owned()),
        ..WriterOptions::default()
    };
    // Half a recording would only be in the way of the next run.
    let directory = recording.parent().unwrap_or(Path::new("."));
    let unfinished = tempfile::Builder::new()
        .prefix(".playing-")
        .tempdir_in(directory)
        .with_context(|| format!("cannot write to {}", directory.display()))?;
    let _unfinished = Unfinished::new(unfinished.path());
    let playing = unfinished
        .path()
        .join(recording.file_name().unwrap_or_default());
    let writer = Writer::create(&playing, options)?;
    let proxy = Proxy::bind(config, writer).await?;
    let base = format!("http://{}", proxy.local_addr());
    let (end, ended) = oneshot::channel::<()>();
    let recorded = tokio::spawn(proxy.run(async move {
        // Dropping `end` ends it.
        let _ = ended.await;
    }));
    let options = ScenarioOptions {
        fault,
        seed,
        ..ScenarioOptions::default()
    };
    let played = scenario::run(&base, &options).await;
    drop(end);
    let summary = recorded.await.context("the proxy ended early")?;
    let tables = backend.tables();
    backend.stop().await;
    let played = played.with_context(|| format!("the clients could not play `{}`", name(fault)))?;
    summary
        .recording
        .context("the recording was not closed cleanly")?;
    database::write(&tables, &playing)?;
    put(&playing, recording)?;
    Ok(played)
}

/// Puts what was played in its place, the recording last: where it is, the rest is.
fn put(played: &Path, recording: &Path) -> anyhow::Result<()> {
    for path in [database::path, database::rules, Path::to_owned] {
        let to = path(recording);
        fs::rename(path(played), &to).with_context(|| format!("cannot write {}", to.display()))?;
    }
    Ok(())
}

/// Where the example application has its ids.
fn sources() -> anyhow::Result<TagRules> {
    let source = |text: &str| text.parse::<Source>();
    Ok(TagRules {
        session: vec![source("header:X-Session-ID")?, source("jwt:sid")?],
        user: vec![source("jwt:sub")?],
        device: vec![source("header:X-Device-Type")?],
    })
}

/// Verifies the recording of a run, also against its database.
pub(super) fn verify(recording: &Path) -> anyhow::Result<(Verification, Report)> {
    let shipped = RULES.map(Pack::shipped).into_iter();
    let mut packs = shipped.collect::<Result<Vec<_>, _>>()?;
    packs.push(database::pack(recording)?);
    let facts = facts::read(&packs, &[])?;
    let source = RecordingSource::open(recording, &recording.display().to_string())?;
    check(
        &packs,
        &facts,
        &[Box::new(source)],
        &[],
        Duration::ZERO,
        NonZeroUsize::MIN,
        &mut |_| {},
    )
}

/// The rules of the application's pack that are broken; those of the others by pack and id.
pub(super) fn broken_rules(report: &Report) -> Vec<String> {
    let broken = report.rules.iter().filter(|rule| rule.violations > 0);
    broken
        .map(|rule| match rule.pack.as_str() {
            "agent-platform" | "demo-database" => rule.id.clone(),
            pack => format!("{pack}/{}", rule.id),
        })
        .collect()
}
