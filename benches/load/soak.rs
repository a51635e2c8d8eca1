//! Thousands of connections, most of them idle, for a long time; a ledger of what each has sent and received.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::frames::{self, CLIENT_CLOSE, Frame, Messages};
use super::socket::Socket;

/// How many handshakes are under way at once: a listener's queue is finite.
const OPENING: usize = 64;

/// How long an echo may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Plan {
    pub(crate) to: SocketAddr,
    pub(crate) idle: usize,
    pub(crate) busy: usize,
    /// How often a busy connection sends a message.
    pub(crate) every: Duration,
    pub(crate) bytes: usize,
    /// How long it goes on after all are open.
    pub(crate) seconds: Duration,
    /// Where a line per connection is written: its number, how many messages it sent and received, and the Adler-32 of
    /// all payloads each way.
    pub(crate) ledger: PathBuf,
}

/// Which kind a connection is of, in the order in which they are opened.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A message at its beginning, and one at its end: it was alive all the time.
    Idle,
    Busy {
        every: Duration,
    },
}

/// Prints `open` when all connections are, and `closing` when they begin to end, for whoever measures in between.
pub(crate) async fn run(plan: Plan) -> Result<(), String> {
    let total = plan.idle + plan.busy;
    let opening = Arc::new(Semaphore::new(OPENING));
    // All are open once nobody holds this any more.
    let (open, mut all_open) = tokio::sync::mpsc::channel::<()>(1);
    let (go, gone) = tokio::sync::watch::channel(None::<Instant>);
    let mut clients = JoinSet::new();
    for number in 0..total {
        let kind = if number < plan.idle {
            Kind::Idle
        } else {
            Kind::Busy { every: plan.every }
        };
        let messages = Messages::new(plan.bytes, number as u64)?;
        let (opening, open, mut gone) = (Arc::clone(&opening), open.clone(), gone.clone());
        clients.spawn(async move {
            let mut client = {
                let _turn = opening.acquire().await.map_err(|it| it.to_string())?;
                let socket = Socket::open(plan.to, number)
                    .await
                    .map_err(|error| format!("connection {number}: {error}"))?;
                Client::new(socket, messages)
            };
            client.exchange().await?;
            drop(open);
            let until = *gone
                .wait_for(Option::is_some)
                .await
                .map_err(|it| it.to_string())?;
            client
                .live(kind, until.unwrap_or_else(Instant::now), number)
                .await
                .map_err(|error| format!("connection {number}: {error}"))?;
            Ok::<_, String>((number, client))
        });
    }
    drop(open);
    // Ends without a message, when the last one is open or has failed.
    let _ = all_open.recv().await;
    if let Some(failed) = clients.try_join_next() {
        return Err(match failed {
            Ok(Err(error)) => error,
            Ok(Ok(_)) => "a connection ended before its time".to_owned(),
            Err(panic) => panic.to_string(),
        });
    }
    println!("open {total}");
    let until = Instant::now() + plan.seconds;
    go.send(Some(until)).map_err(|it| it.to_string())?;
    tokio::time::sleep_until(until.into()).await;
    println!("closing");
    let mut lines = vec![String::new(); total];
    while let Some(joined) = clients.join_next().await {
        let (number, client) = joined.map_err(|panic| panic.to_string())??;
        lines[number] = client.line(number);
    }
    std::fs::write(&plan.ledger, lines.concat())
        .map_err(|error| format!("{}: {error}", plan.ledger.display()))
}

struct Client {
    socket: Socket,
    messages: Messages,
    out: Vec<u8>,
    sent: Adler32,
    received: Adler32,
    echoed: u64,
}

impl Client {
    fn new(socket: Socket, messages: Messages) -> Self {
        Self {
            socket,
            messages,
            out: Vec::new(),
            sent: Adler32::default(),
            received: Adler32::default(),
            echoed: 0,
        }
    }

    /// Sends a message, and waits for its echo.
    async fn exchange(&mut self) -> Result<(), String> {
        self.messages.append(&mut self.out);
        let mut copy = self.out.clone();
        let sent = &mut self.sent;
        frames::each(&mut copy, |frame| {
            if let Frame::Binary(payload) = frame {
                sent.add(payload);
            }
            Ok(())
        })?;
        self.write_and_await(self.messages.made()).await
    }

    async fn write_and_await(&mut self, echoes: u64) -> Result<(), String> {
        let failed = |error: std::io::Error| error.to_string();
        self.socket.write(&self.out).await.map_err(failed)?;
        self.out = Vec::new();
        let mut closed = false;
        while self.echoed < echoes && !closed {
            tokio::time::timeout(PATIENCE, self.socket.read())
                .await
                .map_err(|_elapsed| format!("message {} did not come back", self.echoed))?
                .map_err(failed)?;
            let (echoed, received) = (&mut self.echoed, &mut self.received);
            let used = frames::each(&mut self.socket.held, |frame| {
                match frame {
                    Frame::Binary(payload) => {
                        if frames::number(payload) != Some(*echoed) {
                            return Err(format!("message {echoed} did not come back in its place"));
                        }
                        *echoed += 1;
                        received.add(payload);
                    }
                    Frame::Close => closed = true,
                }
                Ok(())
            })?;
            self.socket.used(used);
            // Thousands of connections wait.
            self.socket.held.shrink_to_fit();
        }
        Ok(())
    }

    async fn live(&mut self, kind: Kind, until: Instant, number: usize) -> Result<(), String> {
        match kind {
            Kind::Idle => tokio::time::sleep_until(until.into()).await,
            Kind::Busy { every } => {
                // Not all of them at the same moment.
                let offset = every.mul_f64((number % 97) as f64 / 97.0);
                let mut next = Instant::now() + offset;
                while next < until {
                    tokio::time::sleep_until(next.into()).await;
                    self.exchange().await?;
                    next += every;
                }
                tokio::time::sleep_until(until.into()).await;
            }
        }
        self.exchange().await?;
        self.out.extend(CLIENT_CLOSE);
        // One more than there are: it ends with the close frame.
        self.write_and_await(u64::MAX).await
    }

    fn line(&self, number: usize) -> String {
        let mut line = String::new();
        let (sent, received) = (self.sent.value(), self.received.value());
        writeln!(
            line,
            "{number} {} {sent} {} {received}",
            self.messages.made(),
            self.echoed
        )
        .expect("a string takes it");
        line
    }
}

/// RFC 1950, section 8.2: what `zlib.adler32` gives, too.
struct Adler32 {
    a: u32,
    b: u32,
}

impl Default for Adler32 {
    fn default() -> Self {
        Self { a: 1, b: 0 }
    }
}

impl Adler32 {
    /// The largest prime below 2^16.
    const MODULUS: u32 = 65_521;
    /// So many bytes do not overflow 32 bits.
    const CHUNK: usize = 5_552;

    fn add(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(Self::CHUNK) {
            for byte in chunk {
                self.a += u32::from(*byte);
                self.b += self.a;
            }
            self.a %= Self::MODULUS;
            self.b %= Self::MODULUS;
        }
    }

    const fn value(&self) -> u32 {
        self.b << 16 | self.a
    }
}
