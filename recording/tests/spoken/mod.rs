//! What a client speaks, and a wait for what becomes of it.

use std::thread;
use std::time::{Duration, Instant};

use wsaudit_recording::{
    ConnectionId, ConnectionOpened, FrameRecord, Payload, Payloads, Record, Writer,
};
use wsaudit_wire::{Direction, FrameHeader, LengthForm};

pub(crate) fn opened(writer: &Writer) -> (ConnectionId, Record) {
    let run = writer.run();
    let id = run.next_connection();
    let opened = Record::Opened(ConnectionOpened {
        id,
        seq: run.next_seq(1),
        at: run.now(),
        client_addr: "127.0.0.1:50000".into(),
        upstream: "http://127.0.0.1:8000".into(),
        http_version: "HTTP/1.1".into(),
        tls: None,
        request_head: b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        payloads: Payloads::WireExact,
    });
    (id, opened)
}

pub(crate) fn frame_of(
    writer: &Writer,
    connection: ConnectionId,
    first_byte: u8,
    payload: Payload,
    length: u64,
) -> Record {
    let run = writer.run();
    let at = run.now();
    Record::Frame(FrameRecord {
        seq: run.next_seq(1),
        connection,
        direction: Direction::ClientToServer,
        first_at: at,
        last_at: at,
        header: FrameHeader {
            first_byte,
            masking_key: None,
            length_form: LengthForm::Bits64,
            declared_length: length,
        },
        payload,
    })
}

/// Waits for `condition`; the deadline is a safety net only.
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(1));
    }
}
