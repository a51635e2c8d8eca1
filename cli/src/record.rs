//! `wsaudit record`: the flags of the proxy, its start, and its end.

mod address;
mod announce;
mod descriptors;
mod file;
mod flags;
mod key;
mod log;
mod resolve;
mod rotate;
mod settings;
mod signals;
mod size;
mod status;
mod summary;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;
use wsaudit_proxy::{Bound, Proxy, WhyEnded};
use wsaudit_recording::{PartNames, Writer, WriterOptions};

use crate::exit::Exit;
use crate::output::{ColorChoice, Output, Paint};

use announce::Level;
use flags::LogFormat;
pub(crate) use flags::RecordArgs;
use log::Log;
use resolve::Settings;

#[cfg(feature = "demo")]
pub(crate) use {key::random as random_redactor, settings::of as settings_of};

/// Records until a signal comes.
pub(crate) fn run(args: &RecordArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let Settings {
        config,
        out,
        append,
        rotation,
        log_format,
        counts_on_clients,
    } = Settings::resolve(args)?;
    let log = Log::start(log_format).context("cannot start the thread of the log")?;
    log_to_stderr(output.color(), log_format, &log)?;
    let _written = FlushedAtTheEnd(log.clone());
    if let Some(line) = descriptors::make_room(config.limits.connections)
        && counts_on_clients
    {
        log.announce(Level::Warning, &line);
    }
    let options = WriterOptions {
        config: settings::of(&config, rotation.as_ref()),
        rotation,
        key_id: Some(config.redactor.key_id().to_owned()),
        ..WriterOptions::default()
    };
    // It accepts, and looks after the rest; clients are served by threads of the proxy's own.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(address::refuse_circles(&config.routes))?;
    let drain = config.drain;
    let tags = config.tags.clone();
    if append && !config.redact.is_empty() {
        key::same_as_before(&out, config.redactor.key_id())?;
    }
    let writer = if append {
        Writer::append(&out, options)?
    } else {
        Writer::create(&out, options)?
    };
    let (run, file) = (writer.run().id(), writer.path());
    let parts = rotation.map(|_| PartNames::of(&out));
    let summary = runtime.block_on(async {
        let bound = match Proxy::bind(config, writer).await {
            Ok(bound) => bound,
            Err(error) => {
                if !append || parts.is_some() {
                    remove_unused(&file);
                }
                return Err(anyhow::Error::from(error));
            }
        };
        let signals = signals::Signals::install(drain, log.clone())?;
        let on = if parts.is_some() { " and on" } else { "" };
        let to = format!("recording to {}{on}", file.display());
        announce_routes(&bound, &to, &log);
        if let Some(addr) = bound.admin_addr() {
            let line = format!("serving /metrics and /healthz on http://{addr}");
            log.announce(Level::Info, &line);
        }
        // Lines for machines are not to be mixed with one for people.
        let watched = io::stderr().is_terminal() && !args.quiet && log_format == LogFormat::Text;
        let paint = output.color().paint(true);
        let status =
            watched.then(|| tokio::spawn(status::follow(bound.live(), paint, log.clone())));
        let summary = bound.run(signals.first()).await;
        if let Some(status) = status {
            status.abort();
            // It ends with its line, before the summary comes.
            let _ = status.await;
        }
        Ok(summary)
    })?;
    log.flush();
    let report = summary::Report::new(&summary, &file, parts.as_ref(), run, &tags);
    if args.json {
        report.write_json(output)?;
    } else {
        report.write_text(output)?;
    }
    output.flush()?;
    summary
        .recording
        .context("the recording was not closed cleanly")?;
    match summary.why {
        WhyEnded::Shutdown => Ok(Exit::Clean),
        WhyEnded::RecorderFailed(error) => {
            Err(anyhow::Error::from(error).context("the recorder failed, and traffic was ended"))
        }
    }
}

/// Says where each route is met, and whose server cannot be reached now.
fn announce_routes(bound: &Bound, to: &str, log: &Log) {
    let are_several = bound.routes().count() > 1;
    for route in bound.routes() {
        let urls = route.addrs.iter();
        let urls: Vec<_> = urls
            .map(|addr| format!("{}://{addr}", route.scheme))
            .collect();
        let urls = urls.join(" and ");
        let line = if are_several {
            format!("listening on {urls} for {} ({to})", route.upstream)
        } else {
            format!("listening on {urls} ({to})")
        };
        log.announce(Level::Info, &line);
        tokio::spawn(address::warn_where_nobody_listens(
            route.upstream.clone(),
            log.clone(),
        ));
    }
}

/// What was logged stands before whatever is said of the end.
struct FlushedAtTheEnd(Log);

impl Drop for FlushedAtTheEnd {
    fn drop(&mut self) {
        self.0.flush();
    }
}

/// Logs warnings and errors on standard error; `WSAUDIT_LOG`, else `RUST_LOG`, asks for more or less.
fn log_to_stderr(color: ColorChoice, format: LogFormat, log: &Log) -> anyhow::Result<()> {
    let log = log.clone();
    let wanted = ["WSAUDIT_LOG", "RUST_LOG"]
        .into_iter()
        .find_map(|name| Some((name, std::env::var(name).ok()?)));
    let filter = match wanted {
        Some((name, directives)) => EnvFilter::try_new(&directives).with_context(|| {
            format!("{name} is {directives:?}, which is no filter (try `info`)")
        })?,
        None => EnvFilter::new("warn"),
    };
    let ansi = color.paint(io::stderr().is_terminal()) == Paint::Ansi;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || log.clone())
        // A line that cannot be written would be told of with a panic, in whatever task has logged it.
        .log_internal_errors(false)
        .with_target(false);
    match format {
        LogFormat::Text => lines.with_ansi(ansi).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    Ok(())
}

/// Removes a recording that was begun for a proxy which then could not listen: left behind, it would
/// be in the way of the next attempt.
fn remove_unused(path: &std::path::Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        // Not there, or not removable: the next attempt says so.
        let _ = std::fs::remove_file(PathBuf::from(name));
    }
}
