//! `wsaudit record`: the flags of the proxy, its start, and its end.

mod address;
mod key;
mod settings;
mod signals;
mod summary;

use std::io::{self, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;
use wsaudit_proxy::{
    Durability, IgnorePath, ListenerTls, OnRecorderFailure, Proxy, ProxyConfig, Upstream, WhyEnded,
};
use wsaudit_recording::{Writer, WriterOptions};
use wsaudit_tagging::{Source, TagRules};

use crate::exit::Exit;
use crate::output::{ColorChoice, Output, Paint, say};

#[cfg(feature = "demo")]
pub(crate) use {key::random as random_redactor, settings::of as settings_of};

const EXAMPLES: &str = "\
Sources of ids, for --session, --user and --device; each can be given several times, and the first
that yields wins:
  header:NAME  cookie:NAME  query:NAME  path:REGEX  subprotocol:REGEX  jwt:CLAIM
  message:POINTER (a message of the client, for a login in the first message)
  set-cookie:NAME  server-message:POINTER

Examples:
  wsaudit record --listen 127.0.0.1:9000 --upstream http://127.0.0.1:8000 --out traffic.db
  wsaudit record --listen 127.0.0.1:9000 --upstream https://staging.example --out traffic.db \\
      --session header:X-Session-ID --session query:session_id --user jwt:sub
  wsaudit record --listen 127.0.0.1:9443 --tls-cert cert.pem --tls-key key.pem \\
      --upstream http://127.0.0.1:8000 --out traffic.db --ignore-path /livereload

Ctrl-C and SIGTERM let open connections end (--drain), and close the recording cleanly.
What happens meanwhile is logged on standard error; WSAUDIT_LOG (or RUST_LOG) sets how much: debug,
info, warn (the default).

Exit codes: 0 the recording was closed cleanly, 2 it could not be begun or not be ended.";

/// Record WebSocket traffic: a transparent proxy in front of a server
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RecordArgs {
    /// Where clients connect; port 0 takes a free one
    #[arg(long, value_name = "ADDR", value_parser = address::listen)]
    listen: SocketAddr,
    /// The server, as http, https, ws or wss URL
    // Parsed by us: clap would repeat the credentials in a URL that is refused for them.
    #[arg(long, value_name = "URL")]
    upstream: String,
    /// The recording, an SQLite file that is readable by its owner only
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Add a run to a recording that exists
    #[arg(long)]
    append: bool,
    /// Where the session's id is
    #[arg(long, value_name = "SOURCE")]
    session: Vec<Source>,
    /// Where the user's id is
    #[arg(long, value_name = "SOURCE")]
    user: Vec<Source>,
    /// Where the device, or type of session, is
    #[arg(long, value_name = "SOURCE")]
    device: Vec<Source>,
    /// A path that is proxied and not recorded: /livereload, /_next/*
    #[arg(long, value_name = "PATH")]
    ignore_path: Vec<IgnorePath>,
    /// The listener's certificate and its chain, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of the listener's certificate, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// A certificate authority, as PEM, that the upstream's certificate may be from besides the
    /// public ones
    #[arg(long, value_name = "FILE")]
    upstream_ca: Option<PathBuf>,
    /// What comes first, the peer or the disk
    #[arg(long, value_enum, default_value_t, value_name = "MODE")]
    durability: DurabilityFlag,
    /// How long traffic waits for the recorder before it goes on with a gap
    #[arg(long, default_value = "5s", value_name = "TIME", value_parser = humantime::parse_duration)]
    max_stall: Duration,
    /// What happens to traffic that cannot be recorded
    #[arg(long, value_enum, default_value_t, value_name = "POLICY")]
    on_recorder_failure: OnRecorderFailureFlag,
    /// How long open connections may go on after Ctrl-C or SIGTERM
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = humantime::parse_duration)]
    drain: Duration,
    /// The key of the hashes that stand for secrets: 32 bytes or more, raw, hexadecimal or base64;
    /// with none, a random one. Recordings of one key can be compared
    #[arg(long, value_name = "FILE")]
    redaction_key_file: Option<PathBuf>,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum DurabilityFlag {
    /// Bytes go on at once; a commit, synced, about every 1,000 frames or 100 ms
    #[default]
    Batch,
    /// No frame reaches its peer before it is committed and synced
    Strict,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum OnRecorderFailureFlag {
    /// It goes on, and the recording has a gap
    #[default]
    Continue,
    /// It ends
    Close,
}

/// Records until a signal comes.
pub(crate) fn run(args: &RecordArgs, output: &mut Output) -> anyhow::Result<Exit> {
    log_to_stderr(output.color())?;
    let config = args.config()?;
    let options = WriterOptions {
        config: settings::of(&config),
        key_id: Some(config.redactor.key_id().to_owned()),
        ..WriterOptions::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let scheme = if config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let tags = config.tags.clone();
    let upstream = config.upstream.clone();
    let writer = if args.append {
        Writer::append(&args.out, options)?
    } else {
        Writer::create(&args.out, options)?
    };
    let run = writer.run().id();
    let summary = runtime.block_on(async {
        let bound = match Proxy::bind(config, writer).await {
            Ok(bound) => bound,
            Err(error) => {
                if !args.append {
                    remove_unused(&args.out);
                }
                return Err(anyhow::Error::from(error));
            }
        };
        let signals = signals::Signals::install(args.drain)?;
        say(&format!(
            "listening on {scheme}://{} (recording to {})",
            bound.local_addr(),
            args.out.display()
        ));
        tokio::spawn(address::warn_where_nobody_listens(upstream));
        Ok(bound.run(signals.first()).await)
    })?;
    let report = summary::Report::new(&summary, &args.out, run, &tags);
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

impl RecordArgs {
    fn config(&self) -> anyhow::Result<ProxyConfig> {
        let upstream: Upstream = self.upstream.parse()?;
        if self.upstream_ca.is_some() && !speaks_tls(&upstream) {
            bail!("--upstream-ca is for https or wss upstreams; {upstream} is neither");
        }
        let redactor = match &self.redaction_key_file {
            Some(path) => key::from_file(path)?,
            None => key::random()?,
        };
        let tags = TagRules {
            session: self.session.clone(),
            user: self.user.clone(),
            device: self.device.clone(),
        };
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => Some(ListenerTls {
                cert: cert.clone(),
                key: key.clone(),
            }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                bail!("--tls-cert and --tls-key go together: give both, or neither")
            }
        };
        Ok(ProxyConfig {
            tls,
            upstream_ca: self.upstream_ca.clone(),
            ignore_paths: self.ignore_path.clone(),
            durability: match self.durability {
                DurabilityFlag::Batch => Durability::Batch,
                DurabilityFlag::Strict => Durability::Strict,
            },
            on_recorder_failure: match self.on_recorder_failure {
                OnRecorderFailureFlag::Continue => OnRecorderFailure::Continue,
                OnRecorderFailureFlag::Close => OnRecorderFailure::Close,
            },
            max_stall: self.max_stall,
            drain: self.drain,
            ..ProxyConfig::new(self.listen, upstream, tags, redactor)
        })
    }
}

fn speaks_tls(upstream: &Upstream) -> bool {
    let scheme = upstream.url().split("://").next().unwrap_or_default();
    ["https", "wss"]
        .iter()
        .any(|it| scheme.eq_ignore_ascii_case(it))
}

/// Logs warnings and errors on standard error; `WSAUDIT_LOG`, else `RUST_LOG`, asks for more or less.
fn log_to_stderr(color: ColorChoice) -> anyhow::Result<()> {
    let wanted = ["WSAUDIT_LOG", "RUST_LOG"]
        .into_iter()
        .find_map(|name| Some((name, std::env::var(name).ok()?)));
    let filter = match wanted {
        Some((name, directives)) => EnvFilter::try_new(&directives).with_context(|| {
            format!("{name} is {directives:?}, which is no filter (try `info`)")
        })?,
        None => EnvFilter::new("warn"),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(color.paint(io::stderr().is_terminal()) == Paint::Ansi)
        .with_target(false)
        .init();
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
