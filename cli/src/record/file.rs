//! `wsaudit.toml`: what the flags of `wsaudit record` say, in a file.

use std::fmt::Display;
use std::fs;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::ValueEnum;
use serde::de::{DeserializeOwned, Error as _, Visitor};
use serde::{Deserialize, Deserializer};
use wsaudit_proxy::{PathPattern, SetHost, SetOrigin, Upstream};
use wsaudit_tagging::{PayloadRule, Source, nearest};

use crate::numbers::duration;

use super::address::{self, Addresses};
use super::flags::{DurabilityFlag, LogFormat, OnRecorderFailureFlag};
use super::rotate::RotateAt;
use super::size;

/// A configuration file. Its keys are the flags' names; what is left out is as without the flag.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Configuration {
    pub(super) route: Vec<FileRoute>,
    pub(super) out: Option<PathBuf>,
    pub(super) append: bool,
    #[serde(deserialize_with = "each")]
    pub(super) rotate: Vec<RotateAt>,
    pub(super) session: Session,
    #[serde(deserialize_with = "each")]
    pub(super) ignore_path: Vec<PathPattern>,
    #[serde(deserialize_with = "each")]
    pub(super) record_http: Vec<PathPattern>,
    #[serde(deserialize_with = "word")]
    pub(super) durability: Option<DurabilityFlag>,
    #[serde(deserialize_with = "time")]
    pub(super) max_stall: Option<Duration>,
    #[serde(deserialize_with = "word")]
    pub(super) on_recorder_failure: Option<OnRecorderFailureFlag>,
    #[serde(deserialize_with = "time")]
    pub(super) drain: Option<Duration>,
    pub(super) redaction_key_file: Option<PathBuf>,
    #[serde(deserialize_with = "each")]
    pub(super) redact: Vec<PayloadRule>,
    pub(super) max_connections: Option<usize>,
    #[serde(deserialize_with = "bytes")]
    pub(super) max_head: Option<u64>,
    #[serde(deserialize_with = "time")]
    pub(super) handshake_timeout: Option<Duration>,
    #[serde(deserialize_with = "bytes")]
    pub(super) max_recorded_payload: Option<u64>,
    #[serde(deserialize_with = "bytes")]
    pub(super) max_recorded_body: Option<u64>,
    pub(super) threads: Option<NonZeroUsize>,
    #[serde(deserialize_with = "socket")]
    pub(super) admin: Option<SocketAddr>,
    #[serde(deserialize_with = "word")]
    pub(super) log_format: Option<LogFormat>,
}

/// `[[route]]`: a listener, and the upstream to which it leads.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FileRoute {
    #[serde(deserialize_with = "listen")]
    pub(super) listen: Addresses,
    #[serde(deserialize_with = "one")]
    pub(super) upstream: Upstream,
    pub(super) tls_cert: Option<PathBuf>,
    pub(super) tls_key: Option<PathBuf>,
    pub(super) upstream_ca: Option<PathBuf>,
    #[serde(default)]
    pub(super) upstream_insecure: bool,
    pub(super) upstream_cert: Option<PathBuf>,
    pub(super) upstream_key: Option<PathBuf>,
    #[serde(default, deserialize_with = "perhaps")]
    pub(super) set_host: Option<SetHost>,
    #[serde(default, deserialize_with = "perhaps")]
    pub(super) set_origin: Option<SetOrigin>,
}

/// `[session]`, as in rule packs: the sources of ids.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Session {
    #[serde(deserialize_with = "each")]
    pub(super) id: Vec<Source>,
    #[serde(deserialize_with = "each")]
    pub(super) user: Vec<Source>,
    #[serde(deserialize_with = "each")]
    pub(super) device: Vec<Source>,
}

impl Configuration {
    /// Reads a file. Paths in it are relative to its directory.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration {name}"))?;
        let mut file: Self = toml::from_str(&text).map_err(|error| {
            let (line, column) = place(&text, error.span().map_or(0, |span| span.start));
            let message = error.message().trim_end();
            let message = meant(message).unwrap_or_else(|| message.to_owned());
            anyhow!("{name}:{line}:{column}: {message}")
        })?;
        if let Some(base) = path.parent() {
            file.paths(|it| *it = base.join(&*it));
        }
        Ok(file)
    }

    fn paths(&mut self, mut change: impl FnMut(&mut PathBuf)) {
        let own = [&mut self.out, &mut self.redaction_key_file];
        let routes = self.route.iter_mut().flat_map(|route| {
            [
                &mut route.tls_cert,
                &mut route.tls_key,
                &mut route.upstream_ca,
                &mut route.upstream_cert,
                &mut route.upstream_key,
            ]
        });
        own.into_iter()
            .chain(routes)
            .flatten()
            .for_each(&mut change);
    }
}

/// A key that is nearly one of those that are expected is told with that one, and one that stands outside
/// its table with that; a list of twenty hides it.
fn meant(message: &str) -> Option<String> {
    let (unknown, expected) = unknown_key(message)?;
    if let Some(known) = nearest(unknown, expected.iter().copied()) {
        return Some(format!(
            "unknown field `{unknown}`; did you mean `{known}`?"
        ));
    }
    // Every key stands outside a table until its head is written.
    let at_top = expected.contains(&"route");
    let tables = [
        ("[[route]]", keys::<FileRoute>()),
        ("[session]", keys::<Session>()),
    ];
    let mut tables = tables.iter().filter(|_| at_top);
    tables.find_map(|(table, keys)| {
        let known = nearest(unknown, keys.iter().map(String::as_str))?;
        Some(if known == unknown {
            format!("`{known}` is a key of {table}, and stands beneath that line")
        } else {
            format!("unknown field `{unknown}`; did you mean `{known}`, beneath {table}?")
        })
    })
}

/// The key that a message says is unknown, and those that are known in its place.
fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let (unknown, expected) = message
        .strip_prefix("unknown field `")?
        .split_once("`, expected ")?;
    Some((unknown, expected.split('`').skip(1).step_by(2).collect()))
}

/// The keys of a table, which it names itself where it meets another one.
fn keys<T: DeserializeOwned>() -> Vec<String> {
    let error = toml::from_str::<T>("\"\" = 0").err();
    let message = error.as_ref().map_or("", |error| error.message());
    let known = unknown_key(message).map(|(_, known)| known);
    let known = known.into_iter().flatten();
    known.map(str::to_owned).collect()
}

/// Line and column, from 1, of a byte.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = before.matches('\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

/// A string in the file, and how it is read.
struct Text<F, T>(F, PhantomData<T>);

impl<T, E: Display, F: Fn(&str) -> Result<T, E>> Visitor<'_> for Text<F, T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<D: serde::de::Error>(self, text: &str) -> Result<T, D> {
        (self.0)(text).map_err(D::custom)
    }
}

fn text<'de, D: Deserializer<'de>, T, E: Display>(
    deserializer: D,
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(Text(read, PhantomData))
}

fn one<'de, D: Deserializer<'de>, T: std::str::FromStr<Err: Display>>(
    deserializer: D,
) -> Result<T, D::Error> {
    text(deserializer, str::parse)
}

fn perhaps<'de, D: Deserializer<'de>, T: std::str::FromStr<Err: Display>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    one(deserializer).map(Some)
}

/// A value with the place of its own in the file, so that an error names the one in a list.
struct Parsed<T>(T);

impl<'de, T: std::str::FromStr<Err: Display>> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one(deserializer).map(Self)
    }
}

fn each<'de, D: Deserializer<'de>, T: std::str::FromStr<Err: Display>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let all = Vec::<Parsed<T>>::deserialize(deserializer)?;
    Ok(all.into_iter().map(|Parsed(value)| value).collect())
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    text(deserializer, duration).map(Some)
}

fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Addresses, D::Error> {
    text(deserializer, address::listen)
}

fn socket<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    text(deserializer, address::first).map(Some)
}

fn word<'de, D: Deserializer<'de>, T: ValueEnum>(deserializer: D) -> Result<Option<T>, D::Error> {
    text(deserializer, |word| {
        T::from_str(word, false).map_err(|_| {
            let words = T::value_variants().iter().filter_map(T::to_possible_value);
            let words: Vec<_> = words.map(|it| it.get_name().to_owned()).collect();
            format!("{word:?} is none of {}", words.join(", "))
        })
    })
    .map(Some)
}

/// A number of bytes, or a string with a unit.
fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Size {
        Bytes(u64),
        Text(String),
    }
    match Size::deserialize(deserializer)? {
        Size::Bytes(bytes) => Ok(Some(bytes)),
        Size::Text(text) => size::parse(&text).map(Some).map_err(D::Error::custom),
    }
}
