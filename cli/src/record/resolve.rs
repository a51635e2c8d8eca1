//! From flags and file to what the proxy does: a flag overrides what the file says.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use anyhow::{Context as _, bail};
use wsaudit_proxy::{
    ClientCertificate, Durability, Edits, Limits, ListenerTls, OnRecorderFailure, ProxyConfig,
    Route, Upstream, UpstreamTls, Verification,
};
use wsaudit_recording::Rotation;
use wsaudit_tagging::{PayloadRules, TagRules};

use super::file::{Configuration, FileRoute};
use super::flags::{DurabilityFlag, LogFormat, OnRecorderFailureFlag, RecordArgs};
use super::{key, rotate};

/// What `wsaudit record` is to do.
pub(super) struct Settings {
    pub(super) config: ProxyConfig,
    pub(super) out: PathBuf,
    pub(super) append: bool,
    pub(super) rotation: Option<Rotation>,
    pub(super) log_format: LogFormat,
    /// Whether somebody said how many clients may be connected.
    pub(super) counts_on_clients: bool,
}

impl Settings {
    /// An error where the two together do not say enough, or something that cannot be.
    pub(super) fn resolve(args: &RecordArgs) -> anyhow::Result<Self> {
        let file = match &args.config {
            Some(path) => Configuration::read(path)?,
            None => Configuration::default(),
        };
        let missing = missing(args, &file);
        let out = args.out.clone().or(file.out);
        let out = out.with_context(|| missing.clone())?;
        if out.as_os_str() == "-" {
            bail!(
                "--out -: a recording is an SQLite file, and is not written to standard output; name a file"
            );
        }
        let key = args
            .redaction_key_file
            .as_ref()
            .or(file.redaction_key_file.as_ref());
        let redactor = match key {
            Some(path) => key::from_file(path)?,
            None => key::random()?,
        };
        let tags = TagRules {
            session: first(&args.session, file.session.id),
            user: first(&args.user, file.session.user),
            device: first(&args.device, file.session.device),
        };
        let rotation = rotate::rotation(&first(&args.rotate, file.rotate))?;
        let routes = routes(args, file.route, &missing)?;
        let limits = Limits::default();
        let clients = args.max_connections.or(file.max_connections);
        let head = args.max_head.or(file.max_head);
        let limits = Limits {
            connections: clients.unwrap_or(limits.connections),
            head: match head {
                Some(head) => usize::try_from(head).context("--max-head is too large")?,
                None => limits.head,
            },
            handshake: args
                .handshake_timeout
                .or(file.handshake_timeout)
                .unwrap_or(limits.handshake),
            recorded_payload: args.max_recorded_payload.or(file.max_recorded_payload),
            recorded_body: args
                .max_recorded_body
                .or(file.max_recorded_body)
                .unwrap_or(limits.recorded_body),
            ..limits
        };
        let defaults = ProxyConfig::new(routes, tags, redactor);
        let config = ProxyConfig {
            redact: PayloadRules::new(first(&args.redact, file.redact)),
            ignore_paths: first(&args.ignore_path, file.ignore_path),
            record_http: first(&args.record_http, file.record_http),
            durability: match args.durability.or(file.durability).unwrap_or_default() {
                DurabilityFlag::Batch => Durability::Batch,
                DurabilityFlag::Strict => Durability::Strict,
            },
            on_recorder_failure: match args
                .on_recorder_failure
                .or(file.on_recorder_failure)
                .unwrap_or_default()
            {
                OnRecorderFailureFlag::Continue => OnRecorderFailure::Continue,
                OnRecorderFailureFlag::Close => OnRecorderFailure::Close,
            },
            max_stall: args
                .max_stall
                .or(file.max_stall)
                .unwrap_or(defaults.max_stall),
            drain: args.drain.or(file.drain).unwrap_or(defaults.drain),
            admin: args.admin.or(file.admin),
            // Where nobody knows how many cores there are, one thread serves all.
            threads: args
                .threads
                .or(file.threads)
                .or_else(|| thread::available_parallelism().ok())
                .or(Some(NonZeroUsize::MIN)),
            limits,
            ..defaults
        };
        Ok(Self {
            counts_on_clients: clients.is_some(),
            config,
            out,
            append: args.append || file.append,
            rotation,
            log_format: args.log_format.or(file.log_format).unwrap_or_default(),
        })
    }
}

/// A list on the command line replaces the file's.
fn first<T: Clone>(flags: &[T], file: Vec<T>) -> Vec<T> {
    if flags.is_empty() {
        file
    } else {
        flags.to_vec()
    }
}

/// What cannot be done without, and that neither says.
fn missing(args: &RecordArgs, file: &Configuration) -> String {
    let no_route = file.route.is_empty();
    let wanted = [
        (no_route && args.listen.is_none(), "--listen ADDR"),
        (no_route && args.upstream.is_none(), "--upstream URL"),
        (args.out.is_none() && file.out.is_none(), "--out FILE"),
    ];
    let flags: Vec<_> = wanted
        .into_iter()
        .filter_map(|(missing, flag)| missing.then_some(flag))
        .collect();
    format!(
        "missing: {}; or a --config that says it, with a [[route]] and `out` (docs/operating.md)",
        flags.join(", ")
    )
}

/// The file's routes; flags change the one that there is, or make one.
fn routes(
    args: &RecordArgs,
    mut file: Vec<FileRoute>,
    missing: &str,
) -> anyhow::Result<Vec<Route>> {
    let flags = args.listen.is_some()
        || args.upstream.is_some()
        || args.tls_cert.is_some()
        || args.upstream_ca.is_some()
        || args.upstream_insecure
        || args.upstream_cert.is_some()
        || args.set_host.is_some()
        || args.set_origin.is_some();
    if flags || file.is_empty() {
        if file.len() > 1 {
            bail!(
                "the file has {} routes, so flags cannot say which one they are for: \
                 leave out --listen, --upstream, --set-host, --set-origin and the flags for TLS, or the \
                 further routes",
                file.len()
            );
        }
        let one = file.pop();
        let listen = args.listen.clone();
        let listen = listen.or_else(|| one.as_ref().map(|route| route.listen.clone()));
        let listen = listen.with_context(|| missing.to_owned())?;
        let upstream = match &args.upstream {
            Some(url) => Some(url.parse()?),
            None => one.as_ref().map(|route| route.upstream.clone()),
        };
        let upstream = upstream.with_context(|| missing.to_owned())?;
        let old = one.as_ref();
        let insecure = args.upstream_insecure
            || args.upstream_ca.is_none() && old.is_some_and(|route| route.upstream_insecure);
        let either = |flag: &Option<PathBuf>, file: fn(&FileRoute) -> &Option<PathBuf>| {
            flag.clone().or_else(|| file(old?).clone())
        };
        file = vec![FileRoute {
            listen,
            upstream,
            tls_cert: either(&args.tls_cert, |route| &route.tls_cert),
            tls_key: either(&args.tls_key, |route| &route.tls_key),
            upstream_ca: if args.upstream_insecure {
                None
            } else {
                either(&args.upstream_ca, |route| &route.upstream_ca)
            },
            upstream_insecure: insecure,
            upstream_cert: either(&args.upstream_cert, |route| &route.upstream_cert),
            upstream_key: either(&args.upstream_key, |route| &route.upstream_key),
            set_host: args.set_host.clone().or_else(|| old?.set_host.clone()),
            set_origin: args.set_origin.clone().or_else(|| old?.set_origin.clone()),
        }];
    }
    file.into_iter().map(route).collect()
}

fn route(given: FileRoute) -> anyhow::Result<Route> {
    let FileRoute {
        listen,
        upstream,
        tls_cert,
        tls_key,
        upstream_ca,
        upstream_insecure,
        upstream_cert,
        upstream_key,
        set_host,
        set_origin,
    } = given;
    let given = [
        ("--upstream-ca", upstream_ca.is_some()),
        ("--upstream-insecure", upstream_insecure),
        ("--upstream-cert", upstream_cert.is_some()),
    ];
    if !speaks_tls(&upstream)
        && let Some((flag, _)) = given.iter().find(|(_, given)| *given)
    {
        bail!("{flag} is for https or wss upstreams; {upstream} is neither");
    }
    if upstream_ca.is_some() && upstream_insecure {
        bail!("--upstream-ca and --upstream-insecure contradict each other: give one of them");
    }
    let verification = if upstream_insecure {
        Verification::Off
    } else {
        Verification::Authorities(upstream_ca)
    };
    let tls = pair("--tls-cert", tls_cert, "--tls-key", tls_key)?;
    let client = pair(
        "--upstream-cert",
        upstream_cert,
        "--upstream-key",
        upstream_key,
    )?;
    Ok(Route {
        listen: listen.0,
        upstream,
        tls: tls.map(|(cert, key)| ListenerTls { cert, key }),
        upstream_tls: UpstreamTls {
            verification,
            client: client.map(|(cert, key)| ClientCertificate { cert, key }),
        },
        edits: Edits {
            host: set_host,
            origin: set_origin,
        },
    })
}

fn pair(
    cert_flag: &str,
    cert: Option<PathBuf>,
    key_flag: &str,
    key: Option<PathBuf>,
) -> anyhow::Result<Option<(PathBuf, PathBuf)>> {
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some((cert, key))),
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => {
            bail!("{cert_flag} and {key_flag} go together: give both, or neither")
        }
    }
}

fn speaks_tls(upstream: &Upstream) -> bool {
    let scheme = upstream.url().split("://").next().unwrap_or_default();
    ["https", "wss"]
        .iter()
        .any(|it| scheme.eq_ignore_ascii_case(it))
}
