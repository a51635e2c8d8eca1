//! The flags of `wsaudit record`.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use wsaudit_proxy::{PathPattern, SetHost, SetOrigin};
use wsaudit_tagging::{PayloadRule, Source};

use crate::numbers::duration;

use super::address::{self, Addresses};
use super::rotate::RotateAt;
use super::size;

const EXAMPLES: &str = "\
Sources of ids, for --session, --user and --device; each can be given several \
times, and the first that yields wins:
  header:NAME  cookie:NAME  query:NAME  path:REGEX  subprotocol:REGEX
  jwt:CLAIM           a claim of the JSON Web Token that the client presents
  message:POINTER     in a message of the client, for a login on the socket
  set-cookie:NAME  server-message:POINTER
                      what the server issues
A POINTER is a JSON Pointer, /session/id; of a REGEX its first group is the id.

Values in payloads, for --redact, which can be given several times; what is \
found is replaced by a token before anything reaches the disk, and what cannot \
be looked at is not kept:
  POINTER  /user/email, /items/*/token: the value there; a message that is no
           JSON is withheld
  /REGEX/  /card-\\d+/, /\"pin\":(\\d+)/: what its first group matches, or all
           that it matches

Examples:
  wsaudit record --listen 127.0.0.1:9000 --upstream http://127.0.0.1:8000 \\
      --out traffic.db
  wsaudit record --listen 127.0.0.1:9000 --upstream https://staging.example \\
      --out traffic.db --session header:X-Session-ID \\
      --session query:session_id --user jwt:sub
  wsaudit record --listen 127.0.0.1:9443 --upstream http://127.0.0.1:8000 \\
      --tls-cert cert.pem --tls-key key.pem --out traffic.db \\
      --ignore-path /livereload
  wsaudit record --listen 127.0.0.1:9000 --upstream http://127.0.0.1:8000 \\
      --out traffic.db --session cookie:sid --record-http '/api/*'
  wsaudit record --listen 127.0.0.1:9000 --upstream http://127.0.0.1:8000 \\
      --out traffic.db --rotate 1GiB --rotate 1day
  wsaudit record --listen 127.0.0.1:9000 --upstream http://127.0.0.1:8000 \\
      --out traffic.db --redact /user/email --redact '/card-\\d+/' \\
      --redaction-key-file redaction.key
  wsaudit record --config wsaudit.toml

Several listeners and upstreams in one process are for a file: \
docs/operating.md describes it. Ctrl-C and SIGTERM let open connections end \
(--drain), and close the recording cleanly. What happens meanwhile is logged on \
standard error; WSAUDIT_LOG (or RUST_LOG) sets how much: debug, info, warn (the \
default).

Exit codes:
  0  the recording was closed cleanly
  2  it could not be begun or not be ended, or the usage was wrong";

/// Record WebSocket traffic: a transparent proxy in front of a server
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct RecordArgs {
    /// A file with what these flags say; a flag overrides what is in it
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Where clients connect: an address, or a name with all it has; port 0 takes a free one
    #[arg(long, value_name = "ADDR", value_parser = address::listen)]
    pub(super) listen: Option<Addresses>,
    /// The server, as http, https, ws or wss URL
    // Parsed by us: clap would repeat the credentials in a URL that is refused for them.
    #[arg(long, value_name = "URL")]
    pub(super) upstream: Option<String>,
    /// The recording, an SQLite file that is readable by its owner only
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Add a run to a recording that exists
    #[arg(long)]
    pub(super) append: bool,
    /// Cut the recording when a file has this size (1GiB), or this long after its first record (1h);
    /// may be given once with each. Parts of --out traffic.db are traffic-000001.db,
    /// traffic-000002.db, ...; none of them may exist, or --append begins after the last one
    #[arg(long, value_name = "SIZE|TIME")]
    pub(super) rotate: Vec<RotateAt>,
    /// Where the session's id is
    #[arg(long, value_name = "SOURCE")]
    pub(super) session: Vec<Source>,
    /// Where the user's id is
    #[arg(long, value_name = "SOURCE")]
    pub(super) user: Vec<Source>,
    /// Where the device, or type of session, is
    #[arg(long, value_name = "SOURCE")]
    pub(super) device: Vec<Source>,
    /// A path that is proxied and not recorded: /livereload, /_next/*
    #[arg(long, value_name = "PATH")]
    pub(super) ignore_path: Vec<PathPattern>,
    /// A path of which plain HTTP exchanges are recorded, for rules that speak of them: /api/threads,
    /// '/api/*'
    #[arg(long, value_name = "PATH")]
    pub(super) record_http: Vec<PathPattern>,
    /// The listener's certificate and its chain, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(super) tls_cert: Option<PathBuf>,
    /// The private key of the listener's certificate, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(super) tls_key: Option<PathBuf>,
    /// A certificate authority, as PEM, that the upstream's certificate may be from besides the
    /// public ones
    #[arg(long, value_name = "FILE")]
    pub(super) upstream_ca: Option<PathBuf>,
    /// Take whatever certificate the upstream shows: whoever answers there gets the clients'
    /// credentials
    #[arg(long, conflicts_with = "upstream_ca")]
    pub(super) upstream_insecure: bool,
    /// The certificate, and its chain, that the proxy shows an upstream which asks for one, as PEM
    #[arg(long, value_name = "FILE", requires = "upstream_key")]
    pub(super) upstream_cert: Option<PathBuf>,
    /// The private key of that certificate, as PEM
    #[arg(long, value_name = "FILE", requires = "upstream_cert")]
    pub(super) upstream_key: Option<PathBuf>,
    /// Send the upstream this as the Host of every request, instead of the client's: for one that serves
    /// several hosts by their names
    #[arg(long, value_name = "HOST")]
    pub(super) set_host: Option<SetHost>,
    /// Send the upstream this as the Origin, where a client sends one: for one that refuses others
    #[arg(long, value_name = "ORIGIN")]
    pub(super) set_origin: Option<SetOrigin>,
    /// What comes first, the peer or the disk [default: batch]
    #[arg(long, value_enum, value_name = "MODE")]
    pub(super) durability: Option<DurabilityFlag>,
    /// How long traffic waits for the recorder before it goes on with a gap [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) max_stall: Option<Duration>,
    /// What happens to traffic that cannot be recorded [default: continue]
    #[arg(long, value_enum, value_name = "POLICY")]
    pub(super) on_recorder_failure: Option<OnRecorderFailureFlag>,
    /// How long open connections may go on after Ctrl-C or SIGTERM [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) drain: Option<Duration>,
    /// The key of the hashes that stand for secrets: 32 bytes or more, raw, hexadecimal or base64;
    /// with none, a random one. Recordings of one key can be compared
    #[arg(long, value_name = "FILE")]
    pub(super) redaction_key_file: Option<PathBuf>,
    /// What is replaced in payloads before they are written, as /POINTER or /REGEX/
    #[arg(long, value_name = "POINTER|/REGEX/")]
    pub(super) redact: Vec<PayloadRule>,
    /// How many clients are served at once; further ones get a 503 [default: 10000]
    #[arg(long, value_name = "NUMBER")]
    pub(super) max_connections: Option<usize>,
    /// The longest head of a request: 65536, 64KiB; a longer one gets a 431 [default: 64KiB]
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub(super) max_head: Option<u64>,
    /// How long a TLS handshake, the head of a request (408), and the upstream's answer to an
    /// opening handshake (504) may take [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) handshake_timeout: Option<Duration>,
    /// How much of a payload is recorded; all of it is forwarded [default: everything]
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub(super) max_recorded_payload: Option<u64>,
    /// How much of a body of a recorded HTTP exchange is recorded; all of it is forwarded
    /// [default: 1MiB]
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub(super) max_recorded_body: Option<u64>,
    /// How many threads serve clients [default: as many as there are cores]
    #[arg(long, value_name = "NUMBER")]
    pub(super) threads: Option<NonZeroUsize>,
    /// Where /metrics and /healthz are served, on a loopback address [default: nowhere]
    #[arg(long, value_name = "ADDR", value_parser = address::first)]
    pub(super) admin: Option<SocketAddr>,
    /// How log lines are written [default: text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) log_format: Option<LogFormat>,
    /// No status line while it records; there is one where standard error is a terminal
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// Print the summary as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum DurabilityFlag {
    /// Bytes go on at once; a commit, synced, about every 1,000 frames or 100 ms
    #[default]
    Batch,
    /// No frame reaches its peer before it is committed and synced
    Strict,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum OnRecorderFailureFlag {
    /// It goes on, and the recording has a gap
    #[default]
    Continue,
    /// It ends
    Close,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// An object in each line
    Json,
}
