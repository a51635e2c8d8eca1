//! Raw peers that number their frames, and count those that reach them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Duration, sleep};
use wsaudit_recording::{Filter, FrameBytes, Reader, Seq};
use wsaudit_wire::{Direction, FrameHeader, LengthForm, encode_frame};

use crate::harness::DEADLINE;

const UPGRADE: &[u8] = b"GET /ws HTTP/1.1\r\nHost: example\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";
const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Lengths of payloads, in turn: all forms of a header, one page of the file and several.
const LENGTHS: [usize; 7] = [20, 90, 300, 125, 1_500, 126, 20_000];

/// One of a client's two streams of frames.
pub(crate) type Stream = (u32, Direction);

/// Which frame it is: its place among those of its client and direction. Its payload begins with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Numbered {
    pub(crate) stream: Stream,
    pub(crate) number: u64,
}

impl fmt::Display for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.stream.1 {
            Direction::ClientToServer => 'c',
            Direction::ServerToClient => 's',
        };
        write!(f, "{way}-{:05}-{:08};", self.stream.0, self.number)
    }
}

impl FromStr for Numbered {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let broken = || format!("no numbered frame: {text:?}");
        let (marker, _) = text.split_once(';').ok_or_else(broken)?;
        let mut parts = marker.split('-');
        let mut next = || parts.next().ok_or_else(broken);
        let direction = match next()? {
            "c" => Direction::ClientToServer,
            "s" => Direction::ServerToClient,
            _ => return Err(broken()),
        };
        let client = next()?.parse().map_err(|_| broken())?;
        let number = next()?.parse().map_err(|_| broken())?;
        let stream = (client, direction);
        Ok(Self { stream, number })
    }
}

impl Numbered {
    /// Its payload; another one for each frame.
    pub(crate) fn payload(self) -> Vec<u8> {
        let turn = self.number + u64::from(self.stream.0);
        let length = LENGTHS[usize::try_from(turn).unwrap() % LENGTHS.len()];
        let mut payload = self.to_string().into_bytes();
        let filler = b'a' + u8::try_from(turn % 26).unwrap();
        payload.resize(length, filler);
        payload
    }

    /// The frame; a client's has the masking key 0, so that its payload can be read anywhere.
    fn frame(self, out: &mut Vec<u8>) {
        let payload = self.payload();
        let declared_length = payload.len() as u64;
        let header = FrameHeader {
            first_byte: 0x81,
            masking_key: (self.stream.1 == Direction::ClientToServer).then_some([0; 4]),
            length_form: LengthForm::minimal(declared_length),
            declared_length,
        };
        encode_frame(&header, &payload, out);
    }

    /// Takes a whole frame from the front of `bytes`; it must be as it was sent.
    pub(crate) fn take(bytes: &mut Vec<u8>) -> Option<Self> {
        let (header, start) = FrameHeader::parse(bytes)?;
        let end = start + usize::try_from(header.declared_length).unwrap();
        let payload = bytes.get(start..end)?;
        let numbered = Self::of(payload);
        bytes.drain(..end);
        Some(numbered)
    }

    /// Which frame has this payload.
    pub(crate) fn of(payload: &[u8]) -> Self {
        let numbered: Self = std::str::from_utf8(payload).unwrap().parse().unwrap();
        assert!(payload == numbered.payload(), "{numbered} is not as sent");
        numbered
    }
}

/// How many frames of each stream there are: those with the numbers below.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ledger(BTreeMap<Stream, u64>);

impl Ledger {
    /// Adds a frame; it must be the next one of its stream.
    pub(crate) fn add(&mut self, frame: Numbered) {
        let next = self.0.entry(frame.stream).or_default();
        assert_eq!(frame.number, *next, "{frame}: lost, doubled or reordered");
        *next += 1;
    }

    pub(crate) fn count(&self, stream: Stream) -> u64 {
        self.0.get(&stream).copied().unwrap_or_default()
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// How many frames of this are not in `other`.
    pub(crate) fn missing_in(&self, other: &Self) -> u64 {
        let missing = |(stream, count): (&Stream, &u64)| count.saturating_sub(other.count(*stream));
        self.0.iter().map(missing).sum()
    }

    /// What a recording with gaps holds: each frame as it was sent, once, and in order.
    pub(crate) fn recorded_with_gaps(reader: &Reader) -> Self {
        let (mut recorded, mut next) = (Self::default(), Self::default());
        each_frame(reader, |frame| {
            let next = next.0.entry(frame.stream).or_default();
            assert!(frame.number >= *next, "{frame}: doubled or reordered");
            *next = frame.number + 1;
            *recorded.0.entry(frame.stream).or_default() += 1;
        });
        recorded
    }

    /// What the parts of a run hold together: whole streams, each frame once, and no echo without its
    /// cause; in the order of `seq`, which near a cut is not the order of the parts.
    pub(crate) fn recorded_in_parts(readers: &[Reader]) -> Self {
        let mut frames = BTreeMap::new();
        for reader in readers {
            each_frame_at(reader, |seq, frame| {
                let other = frames.insert(seq, frame);
                assert_eq!(other, None, "{frame} has a place that is taken");
            });
        }
        let mut recorded = Self::default();
        for frame in frames.into_values() {
            recorded.add_caused(frame);
        }
        recorded
    }

    /// What a recording holds: whole streams from the first frame on, and no echo without its cause.
    pub(crate) fn recorded(reader: &Reader) -> Self {
        let mut recorded = Self::default();
        each_frame(reader, |frame| recorded.add_caused(frame));
        recorded
    }

    fn add_caused(&mut self, frame: Numbered) {
        self.add(frame);
        if frame.stream.1 == Direction::ServerToClient {
            let cause = (frame.stream.0, Direction::ClientToServer);
            assert!(self.count(cause) > frame.number, "{frame} has no cause");
        }
    }
}

fn each_frame(reader: &Reader, mut see: impl FnMut(Numbered)) {
    each_frame_at(reader, |_, frame| see(frame));
}

fn each_frame_at(reader: &Reader, mut see: impl FnMut(Seq, Numbered)) {
    let mut query = reader.frames(Filter::ALL).unwrap();
    let mut rows = query.rows().unwrap();
    while let Some(row) = rows.next().unwrap() {
        let FrameBytes::Whole(payload) = row.payload else {
            panic!("a small frame in chunks");
        };
        let frame = Numbered::of(payload);
        assert_eq!(frame.stream.1, row.direction);
        see(row.seq, frame);
    }
}

/// What the peers received.
#[derive(Debug, Clone, Default)]
pub(crate) struct Peers(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    received: Ledger,
    /// Connections that the server has, and that have not ended.
    served: usize,
    stopped: bool,
}

impl Peers {
    /// Forgets what was received.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap().received = Ledger::default();
    }

    /// Clients end after the next echo that they wait for.
    pub(crate) fn stop(&self) {
        self.0.lock().unwrap().stopped = true;
    }

    pub(crate) fn received(&self) -> Ledger {
        self.0.lock().unwrap().received.clone()
    }

    /// Waits until `frames` frames were received, at both sides together.
    pub(crate) async fn wait_for(&self, frames: u64) {
        self.wait_until("frames", |state| state.received.total() >= frames)
            .await;
    }

    /// Waits until the server has read every connection to its end.
    pub(crate) async fn wait_for_the_end(&self) {
        self.wait_until("the end", |state| state.served == 0).await;
    }

    async fn wait_until(&self, what: &str, condition: impl Fn(&State) -> bool) {
        let started = Instant::now();
        while !condition(&self.0.lock().unwrap()) {
            assert!(started.elapsed() < DEADLINE, "waited in vain for {what}");
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Takes the whole frames from `bytes`.
    fn receive(&self, bytes: &mut Vec<u8>) -> Vec<Numbered> {
        let mut frames = Vec::new();
        while let Some(frame) = Numbered::take(bytes) {
            self.0.lock().unwrap().received.add(frame);
            frames.push(frame);
        }
        frames
    }

    /// A server that answers each frame with one of the same number; its URL.
    pub(crate) async fn serve(&self) -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let peers = self.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                peers.0.lock().unwrap().served += 1;
                let peers = peers.clone();
                tokio::spawn(async move {
                    // Its end is an error where the proxy was killed.
                    let _ = peers.answer(socket).await;
                    peers.0.lock().unwrap().served -= 1;
                });
            }
        });
        url
    }

    async fn answer(&self, mut socket: TcpStream) -> std::io::Result<()> {
        socket.set_nodelay(true)?;
        let mut bytes = vec![0; UPGRADE.len()];
        socket.read_exact(&mut bytes).await?;
        bytes.clear();
        socket.write_all(SWITCH).await?;
        while socket.read_buf(&mut bytes).await? > 0 {
            let mut echoes = Vec::new();
            for frame in self.receive(&mut bytes) {
                let stream = (frame.stream.0, Direction::ServerToClient);
                let number = frame.number;
                Numbered { stream, number }.frame(&mut echoes);
            }
            if socket.write_all(&echoes).await.is_err() {
                // What was sent to this side counts, although nobody waits for its echo.
                while socket.read_buf(&mut bytes).await? > 0 {
                    self.receive(&mut bytes);
                }
            }
        }
        Ok(())
    }

    /// A client that sends `frames` frames, some at once, and awaits their echoes, until the
    /// connection ends.
    pub(crate) async fn speak(self, client: u32, address: String, frames: u64) {
        // Its end is an error where the proxy was killed.
        let _ = self.try_to_speak(client, address, frames).await;
    }

    async fn try_to_speak(&self, client: u32, address: String, frames: u64) -> std::io::Result<()> {
        let mut socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        socket.write_all(UPGRADE).await?;
        let mut bytes = vec![0; SWITCH.len()];
        socket.read_exact(&mut bytes).await?;
        bytes.clear();
        let (mut sent, mut echoed) = (0, 0);
        while echoed < frames && !self.0.lock().unwrap().stopped {
            let burst = 1 + (sent + u64::from(client)) % 5;
            let mut out = Vec::new();
            let end = frames.min(sent + burst);
            for number in sent..end {
                let stream = (client, Direction::ClientToServer);
                Numbered { stream, number }.frame(&mut out);
            }
            sent = end;
            // Often the proxy reads a frame in two parts.
            let (first, second) = out.split_at(out.len() * 2 / 3);
            let mut written = socket.write_all(first).await;
            if written.is_ok() {
                written = socket.write_all(second).await;
            }
            while written.is_err() || echoed < sent {
                if socket.read_buf(&mut bytes).await? == 0 {
                    return Ok(());
                }
                echoed += self.receive(&mut bytes).len() as u64;
            }
        }
        Ok(())
    }
}
