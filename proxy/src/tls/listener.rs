//! What a listener answers a TLS handshake with, as its files have it now.

use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;

use super::{ALPN, ListenerTls, TlsError, certificates, private_key, provider};

/// How often the files are looked at. No signal is needed, so whoever renews certificates need not
/// know the process; where there are no signals, it works too.
const LOOK: Duration = Duration::from_secs(1);

/// What the listener answers with, renewed with its files; clones share it.
#[derive(Clone)]
pub(crate) struct ReloadedTls(Arc<Inner>);

struct Inner {
    files: ListenerTls,
    acceptor: RwLock<TlsAcceptor>,
    /// The files as they were when they were read first.
    first: Stamp,
}

/// How files look from outside, certificate and key: changed files have changed times or lengths.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl ReloadedTls {
    pub(crate) fn read(files: ListenerTls) -> Result<Self, TlsError> {
        // The stamp first: a change while the files are read is noticed at the next look.
        let first = stamp(&files);
        let acceptor = acceptor(&files)?;
        Ok(Self(Arc::new(Inner {
            files,
            acceptor: RwLock::new(acceptor),
            first,
        })))
    }

    /// For the next handshake.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let acceptor = self.0.acceptor.read();
        acceptor.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Follows the files; does not end.
    pub(crate) async fn follow(self) {
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = self.0.first;
        loop {
            ticks.tick().await;
            let inner = Arc::clone(&self.0);
            // Files may be on a network.
            let look = spawn_blocking(move || inner.look(seen));
            match look.await {
                Ok(now) => seen = now,
                Err(error) => tracing::error!(%error, "certificate files cannot be looked at"),
            }
        }
    }
}

impl Inner {
    /// Reads the files where they have changed.
    fn look(&self, seen: Stamp) -> Stamp {
        let now = stamp(&self.files);
        if now == seen {
            return seen;
        }
        let ListenerTls { cert, key } = &self.files;
        match acceptor(&self.files) {
            Ok(acceptor) => {
                *self
                    .acceptor
                    .write()
                    .unwrap_or_else(PoisonError::into_inner) = acceptor;
                tracing::info!(cert = %cert.display(), "the listener's certificate was renewed");
            }
            // Certificate and key are written one after the other: said once for each change, and
            // forgotten when they fit again.
            Err(error) => {
                tracing::error!(%error, cert = %cert.display(), key = %key.display(),
                    "the listener's certificate has changed and cannot be used: the one before stays");
            }
        }
        now
    }
}

fn stamp(files: &ListenerTls) -> Stamp {
    let of = |path: &Path| -> io::Result<_> {
        let metadata = std::fs::metadata(path)?;
        Ok((metadata.modified()?, metadata.len()))
    };
    [of(&files.cert).ok(), of(&files.key).ok()]
}

fn acceptor(files: &ListenerTls) -> Result<TlsAcceptor, TlsError> {
    let chain = certificates(&files.cert)?;
    let key = private_key(&files.key)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|source| TlsError::Pair {
            cert: files.cert.clone(),
            key: files.key.clone(),
            source,
        })?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
