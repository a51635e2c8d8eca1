//! A TCP connection to whichever of the upstream's addresses accepts one, as RFC 8305 has it: an
//! address that stays silent does not hold up the others.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Upstream;

/// How long an address is tried alone before the next one is tried beside it: the delay that
/// RFC 8305, section 5, recommends.
const HEAD_START: Duration = Duration::from_millis(250);

impl Upstream {
    /// Connects to the first of its addresses that accepts. There is no limit of time but the system's.
    ///
    /// Where none accepts, the error is that of the address that refused last.
    pub async fn connect(&self) -> io::Result<TcpStream> {
        let found = lookup_host((self.host(), self.port())).await?;
        first_to_accept(interleaved(found.collect()), TcpStream::connect).await
    }
}

async fn first_to_accept<S, F>(
    addresses: Vec<SocketAddr>,
    connect: impl Fn(SocketAddr) -> F,
) -> io::Result<S>
where
    S: Send + 'static,
    F: Future<Output = io::Result<S>> + Send + 'static,
{
    // Dropped with the attempts that go on in it, it ends them.
    let mut attempts = JoinSet::new();
    let mut refused = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        attempts.spawn(connect(address));
        match timeout(HEAD_START, next_end(&mut attempts)).await {
            Ok(Some(Ok(socket))) => return Ok(socket),
            Ok(Some(Err(error))) => refused = error,
            Ok(None) | Err(_) => {}
        }
    }
    while let Some(end) = next_end(&mut attempts).await {
        match end {
            Ok(socket) => return Ok(socket),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

/// How the next attempt ends; `None` where none goes on.
async fn next_end<S: 'static>(attempts: &mut JoinSet<io::Result<S>>) -> Option<io::Result<S>> {
    let end = attempts.join_next().await?;
    Some(end.unwrap_or_else(|broken| Err(broken.into())))
}

/// The addresses with the families in turn, from the first one's on (RFC 8305, section 4): where a
/// family leads nowhere, the second attempt is one of the other.
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_ipv6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (one, other): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_ipv6);
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut in_turn = Vec::new();
    while let Some(address) = one.next().or_else(|| other.next()) {
        in_turn.push(address);
        in_turn.extend(other.next());
    }
    in_turn
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::{Instant, sleep};

    use super::*;

    /// What becomes of an attempt.
    #[derive(Debug, Clone, Copy)]
    enum Fate {
        Refused,
        Silent,
        /// Accepted after so many milliseconds.
        Accepted(u64),
    }
    use Fate::{Accepted, Refused, Silent};

    /// One address for each fate: the port is its place.
    fn addresses(fates: &[Fate]) -> Vec<SocketAddr> {
        let ports = 0..u16::try_from(fates.len()).unwrap();
        ports
            .map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
            .collect()
    }

    /// The port that is connected to, and after how many milliseconds.
    async fn connected(fates: &'static [Fate], alive: &Arc<()>) -> (io::Result<u16>, u128) {
        let begun = Instant::now();
        let attempt = |address: SocketAddr| {
            let alive = Arc::clone(alive);
            async move {
                let port = address.port();
                let end = match fates[usize::from(port)] {
                    Refused => Err(io::Error::other(format!("{port} refused"))),
                    Silent => std::future::pending().await,
                    Accepted(after) => {
                        sleep(Duration::from_millis(after)).await;
                        Ok(port)
                    }
                };
                drop(alive);
                end
            }
        };
        let connected = first_to_accept(addresses(fates), attempt).await;
        (connected, begun.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_that_accepts_is_taken_and_none_holds_up_the_next() {
        let alive = Arc::new(());
        for (fates, port, after) in [
            (&[Accepted(0), Silent][..], 0, 0),
            // A refusal is followed at once, silence after the head start.
            (&[Refused, Refused, Accepted(0)], 2, 0),
            (&[Silent, Accepted(0)], 1, 250),
            (&[Silent, Silent, Accepted(10)], 2, 510),
            (&[Silent, Refused, Accepted(0)], 2, 250),
            // Slow is not silent: the head start ends no attempt.
            (&[Accepted(300)], 0, 300),
            (&[Accepted(300), Accepted(100)], 0, 300),
            (&[Accepted(400), Accepted(100)], 1, 350),
        ] {
            let (connected, elapsed) = connected(fates, &alive).await;
            assert_eq!(connected.unwrap(), port, "{fates:?}");
            // The clock stands but where timers move it, by whole milliseconds.
            assert!(
                (after..after + 5).contains(&elapsed),
                "{fates:?}: {elapsed}"
            );
            // The other attempts are given up, as soon as their tasks have a turn.
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            assert_eq!(Arc::strong_count(&alive), 1, "{fates:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_none_accepts_the_last_refusal_is_told() {
        let alive = Arc::new(());
        let (refused, elapsed) = connected(&[Refused, Refused], &alive).await;
        assert_eq!(refused.unwrap_err().to_string(), "1 refused");
        assert_eq!(elapsed, 0);
        let (nowhere, _) = connected(&[], &alive).await;
        assert_eq!(nowhere.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn families_take_turns_from_the_first_on() {
        let parse = |text: &str| -> Vec<SocketAddr> {
            let addresses = text.split_whitespace();
            addresses.map(|address| address.parse().unwrap()).collect()
        };
        for (found, tried) in [
            (
                "[::1]:1 [::2]:1 [::3]:1 1.1.1.1:1",
                "[::1]:1 1.1.1.1:1 [::2]:1 [::3]:1",
            ),
            (
                "1.1.1.1:1 [::1]:1 [::2]:1 [::3]:1",
                "1.1.1.1:1 [::1]:1 [::2]:1 [::3]:1",
            ),
            ("1.1.1.1:1 2.2.2.2:1", "1.1.1.1:1 2.2.2.2:1"),
            ("", ""),
        ] {
            assert_eq!(interleaved(parse(found)), parse(tried), "{found}");
        }
    }
}
