//! A proxy with its recording, and raw peers on both of its sides.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wsaudit_proxy::{Proxy, ProxyConfig, Route, Summary};
use wsaudit_recording::{
    Connection, ConnectionId, Filter, FrameRecord, Payload, Reader, Sender, Writer, WriterOptions,
};
use wsaudit_tagging::{HmacRedactor, TagRules};
use wsaudit_wire::{Direction, FrameHeader, LengthForm, encode_frame};

/// The safety net of each wait; no test depends on its length.
const NET: Duration = Duration::from_secs(60);

/// Waits for a condition that must come.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(NET, future)
        .await
        .expect("the condition never came")
}

pub(crate) const UPGRADE: &[u8] = b"GET /ws HTTP/1.1\r\nHost: example\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

pub(crate) const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A proxy in front of a listener of the test's.
pub(crate) struct Rig {
    pub(crate) addr: SocketAddr,
    pub(crate) backend: TcpListener,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Summary>,
    sender: Sender,
    recording: RecordingPath,
}

pub(crate) struct RecordingPath {
    pub(crate) path: PathBuf,
    _dir: TempDir,
}

/// What a proxy left.
pub(crate) struct Left {
    pub(crate) summary: Summary,
    pub(crate) reader: Reader,
    pub(crate) file: RecordingPath,
}

pub(crate) async fn backend() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// The usual configuration for an upstream. Plain HTTP is recorded, so that every test of its
/// transparency is one of the recording proxy.
pub(crate) fn config(upstream: &str) -> ProxyConfig {
    let mut config = ProxyConfig::new(
        vec![Route::new(
            "127.0.0.1:0".parse().unwrap(),
            upstream.parse().unwrap(),
        )],
        TagRules::default(),
        HmacRedactor::new(&[7; 32]),
    );
    config.record_http = vec!["*".parse().unwrap()];
    config
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut ProxyConfig)) -> Self {
        let backend = backend().await;
        let url = format!("http://{}", backend.local_addr().unwrap());
        let mut config = config(&url);
        change(&mut config);
        Self::start_on(backend, config, WriterOptions::default()).await
    }

    pub(crate) async fn start_on(
        backend: TcpListener,
        config: ProxyConfig,
        options: WriterOptions,
    ) -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("traffic.db");
        let writer = Writer::create(&path, options).unwrap();
        let sender = writer.sender();
        let bound = Proxy::bind(config, writer).await.unwrap();
        let addr = bound.local_addr();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(bound.run(async {
            let _ = stopped.await;
        }));
        Self {
            addr,
            backend,
            stop,
            running,
            sender,
            recording: RecordingPath { path, _dir: dir },
        }
    }

    pub(crate) async fn client(&self) -> TcpStream {
        let client = within(TcpStream::connect(self.addr)).await.unwrap();
        client.set_nodelay(true).unwrap();
        client
    }

    pub(crate) async fn accept(&self) -> TcpStream {
        let (server, _) = within(self.backend.accept()).await.unwrap();
        server.set_nodelay(true).unwrap();
        server
    }

    /// A client and a server after an opening handshake.
    pub(crate) async fn pair(&self) -> (TcpStream, TcpStream) {
        let mut client = self.client().await;
        client.write_all(UPGRADE).await.unwrap();
        let mut server = self.accept().await;
        expect(&mut server, UPGRADE).await;
        server.write_all(SWITCH).await.unwrap();
        expect(&mut client, SWITCH).await;
        (client, server)
    }

    /// Shuts the proxy down, and reads what it recorded.
    pub(crate) async fn stop(self) -> Left {
        let _ = self.stop.send(());
        let summary = within(self.running).await.unwrap();
        Self::read(summary, self.recording)
    }

    /// Waits until the proxy ends by itself.
    pub(crate) async fn ended(self) -> (Summary, RecordingPath) {
        (within(self.running).await.unwrap(), self.recording)
    }

    /// Where the recording and what SQLite keeps beside it are.
    pub(crate) fn directory(&self) -> &Path {
        self.recording.path.parent().unwrap()
    }

    /// The writer's figures, and its budget.
    pub(crate) fn sender(&self) -> Sender {
        self.sender.clone()
    }

    fn read(summary: Summary, recording: RecordingPath) -> Left {
        let closed = summary
            .recording
            .as_ref()
            .expect("the recording is closed cleanly");
        assert!(closed.single_file);
        let reader = Reader::open(&recording.path).unwrap();
        assert_eq!(reader.unclean(), None);
        Left {
            summary,
            reader,
            file: recording,
        }
    }
}

impl Left {
    /// The one connection of the recording.
    pub(crate) fn connection(&self) -> Connection {
        let mut connections = self.reader.connections().unwrap();
        assert_eq!(connections.len(), 1);
        connections.remove(0)
    }

    pub(crate) fn frames(&self, connection: ConnectionId, way: Direction) -> Vec<FrameRecord> {
        let mut query = self.reader.frames(Filter::ALL).unwrap();
        let mut rows = query.rows().unwrap();
        let mut frames = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            if row.connection == connection && row.direction == way {
                frames.push(row.to_record());
            }
        }
        frames
    }

    fn payload(&self, payload: &Payload) -> Vec<u8> {
        match payload {
            Payload::Whole(bytes) => bytes.clone(),
            Payload::Chunked(id) => self.reader.joined(*id, usize::MAX).unwrap(),
            Payload::Withheld => panic!("nothing was withheld"),
        }
    }

    /// The bytes of a direction as the recording has them: whole frames, then the tail.
    pub(crate) fn encode(&self, connection: ConnectionId, way: Direction) -> Vec<u8> {
        let mut bytes = Vec::new();
        for frame in self.frames(connection, way) {
            encode_frame(&frame.header, &self.payload(&frame.payload), &mut bytes);
        }
        for tail in self.reader.tails().unwrap() {
            if tail.connection == connection && tail.direction == way {
                let payload = self.payload(&tail.payload);
                match FrameHeader::parse(&tail.header) {
                    Some((header, _)) => encode_frame(&header, &payload, &mut bytes),
                    None => bytes.extend_from_slice(&tail.header),
                }
            }
        }
        bytes
    }

    pub(crate) fn anomaly_codes(&self) -> Vec<String> {
        self.reader
            .anomalies()
            .unwrap()
            .into_iter()
            .map(|anomaly| anomaly.code)
            .collect()
    }
}

/// Reads exactly `bytes`.
pub(crate) async fn expect(stream: &mut (impl AsyncRead + Unpin), bytes: &[u8]) {
    let mut got = vec![0; bytes.len()];
    let read = within(stream.read_exact(&mut got)).await;
    assert!(read.is_ok(), "ended early: {read:?}");
    assert_eq!(
        got.escape_ascii().to_string(),
        bytes.escape_ascii().to_string()
    );
}

/// Reads up to FIN.
pub(crate) async fn read_all(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut bytes = Vec::new();
    within(stream.read_to_end(&mut bytes)).await.unwrap();
    bytes
}

/// Writes `bytes` in the given portions, each one flushed.
pub(crate) async fn write_in(
    stream: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
    mut portions: impl Iterator<Item = usize>,
) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let portion = portions.next().unwrap_or(rest.len()).clamp(1, rest.len());
        let (now, later) = rest.split_at(portion);
        stream.write_all(now).await.unwrap();
        stream.flush().await.unwrap();
        rest = later;
    }
}

/// A frame as a client sends it.
pub(crate) fn masked(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    frame(first_byte, Some([0xA1, 0xB2, 0xC3, 0xD4]), payload)
}

/// A frame as a server sends it.
pub(crate) fn unmasked(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    frame(first_byte, None, payload)
}

pub(crate) fn frame(first_byte: u8, masking_key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let declared_length = payload.len() as u64;
    let header = FrameHeader {
        first_byte,
        masking_key,
        length_form: LengthForm::minimal(declared_length),
        declared_length,
    };
    let mut bytes = Vec::new();
    encode_frame(&header, payload, &mut bytes);
    bytes
}

/// Resets a connection.
pub(crate) fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
    drop(stream);
}

/// Whether the peer reset the connection, after whatever it sent before.
pub(crate) async fn was_reset(stream: &mut TcpStream) -> bool {
    let mut bytes = Vec::new();
    match within(stream.read_to_end(&mut bytes)).await {
        Ok(_) => false,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}
