//! Where to listen, and whether somebody listens at the other end.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use anyhow::bail;
use tokio::net::lookup_host;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use wsaudit_proxy::{Route, Upstream};

use super::announce::Level;
use super::log::Log;

const LOOK: Duration = Duration::from_secs(5);

/// An address, or those of one name, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Addresses(pub(super) Vec<SocketAddr>);

/// The only address, or the first that a name has.
pub(super) fn first(text: &str) -> Result<SocketAddr, String> {
    Ok(listen(text)?.0[0])
}

/// `127.0.0.1:9000`, `[::1]:9000` or `localhost:9000`: one address or more.
pub(super) fn listen(text: &str) -> Result<Addresses, String> {
    if let Ok(address) = text.parse() {
        return Ok(Addresses(vec![address]));
    }
    if text.parse::<u16>().is_ok() {
        return Err(format!(
            "a port needs an address: write 127.0.0.1:{text}, or 0.0.0.0:{text} for every interface"
        ));
    }
    let found = text
        .to_socket_addrs()
        .map_err(|error| format!("{error}; write it as 127.0.0.1:9000"))?;
    let mut addresses = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err("the name has no address; write it as 127.0.0.1:9000".to_owned());
    }
    Ok(Addresses(addresses))
}

/// Refuses an upstream that is one of the listeners: a request would go round until there is no room for
/// one more.
pub(super) async fn refuse_circles(routes: &[Route]) -> anyhow::Result<()> {
    for Route { upstream, .. } in routes {
        let port = upstream.port();
        let listeners = routes.iter().flat_map(|route| route.listen.iter().copied());
        let listeners: Vec<_> = listeners.filter(|it| it.port() == port).collect();
        if listeners.is_empty() {
            continue;
        }
        // A name that nobody knows is told of when it is needed.
        let Ok(mut found) = lookup_host((upstream.host(), port)).await else {
            continue;
        };
        if let Some(found) = found.find(|it| listeners.iter().any(|own| is_at(*own, *it))) {
            bail!(
                "upstream {upstream} is where this recorder would listen itself ({found}): a request would go \
                 round and round; give the address of the server"
            );
        }
    }
    Ok(())
}

/// Whether somebody who listens at `own` is who is met at `found`, a socket of the same port.
fn is_at(own: SocketAddr, found: SocketAddr) -> bool {
    own.ip() == found.ip() || own.ip().is_unspecified() && found.ip().is_loopback()
}

/// Says once if the upstream cannot be reached now: it may come later, so this is no error.
pub(super) async fn warn_where_nobody_listens(upstream: Upstream, log: Log) {
    if let Some(line) = trouble(&upstream, timeout(LOOK, upstream.connect()).await) {
        log.announce(Level::Warning, &line);
    }
}

fn trouble<S>(upstream: &Upstream, connected: Result<io::Result<S>, Elapsed>) -> Option<String> {
    let (why, answer) = match connected {
        Ok(Ok(_)) => return None,
        Ok(Err(error)) => (error.to_string(), 502),
        Err(_) => (format!("no answer within {LOOK:?}"), 504),
    };
    Some(format!(
        "{upstream} cannot be reached now ({why}); until it can, clients get a {answer}"
    ))
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::io;

    use super::{Addresses, Duration, listen, timeout, trouble};

    #[test]
    fn a_bare_port_is_told_what_it_lacks() {
        assert!(listen("127.0.0.1:0").is_ok());
        assert!(listen("[::1]:9000").is_ok());
        // As the machine's names have it: one address or both.
        let Addresses(local) = listen("localhost:9000").unwrap();
        assert!(!local.is_empty());
        assert!(
            local
                .iter()
                .all(|it| it.ip().is_loopback() && it.port() == 9000)
        );
        assert!(listen("9000").unwrap_err().contains("127.0.0.1:9000"));
        assert!(listen("127.0.0.1").is_err());
        assert!(listen("127.0.0.1:99999").is_err());
    }

    #[tokio::test]
    async fn clients_are_said_to_get_what_they_will_get() {
        let upstream = "http://server:8000".parse().unwrap();
        let refused = Ok(Err(io::ErrorKind::ConnectionRefused.into()));
        let silent = timeout(Duration::ZERO, pending::<io::Result<()>>()).await;
        for (connected, line) in [
            (
                refused,
                "http://server:8000 cannot be reached now (connection refused); until it can, clients get a 502",
            ),
            (
                silent,
                "http://server:8000 cannot be reached now (no answer within 5s); until it can, clients get a 504",
            ),
        ] {
            assert_eq!(trouble(&upstream, connected).as_deref(), Some(line));
        }
        assert_eq!(trouble(&upstream, Ok(Ok(()))), None);
    }
}
