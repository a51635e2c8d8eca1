//! Binary frames of one length, and close frames: all that the two ends send each other.
//!
//! ```text
//! client to server   82 fe LL LL KK KK KK KK  payload ^ key
//! server to client   82 7e LL LL              payload
//! ```

/// Any key will do: what matters is that the payload is masked.
const KEY: [u8; 4] = [0x5A, 0xA5, 0x3C, 0xC3];

const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const MASKED: u8 = 0x80;

/// The two bytes of length follow.
const LENGTH_16: u8 = 126;

/// The code 1000, masked.
pub(crate) const CLIENT_CLOSE: [u8; 8] = [
    CLOSE,
    MASKED | 2,
    KEY[0],
    KEY[1],
    KEY[2],
    KEY[3],
    KEY[0] ^ 0x03,
    KEY[1] ^ 0xE8,
];

const SERVER_CLOSE: [u8; 4] = [CLOSE, 2, 0x03, 0xE8];

/// Payloads that carry their own number in their first eight bytes.
pub(crate) struct Messages {
    frame: Vec<u8>,
    next: u64,
}

impl Messages {
    /// Payloads of `bytes` bytes: 126 to 65,535, those that are written with two bytes of length. `of` tells those of
    /// one connection from those of another.
    pub(crate) fn new(bytes: usize, of: u64) -> Result<Self, String> {
        let length = u16::try_from(bytes)
            .ok()
            .filter(|length| *length >= u16::from(LENGTH_16))
            .ok_or_else(|| format!("--bytes {bytes}: 126 to 65535 are possible"))?;
        let mut frame = vec![BINARY, MASKED | LENGTH_16];
        frame.extend(length.to_be_bytes());
        frame.extend(KEY);
        let mut payload: Vec<u8> = (b'a'..=b'z').cycle().take(bytes).collect();
        payload[8..16].copy_from_slice(&of.to_be_bytes());
        frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(a, b)| a ^ b));
        Ok(Self { frame, next: 0 })
    }

    /// Appends the next frame; gives its number.
    pub(crate) fn append(&mut self, out: &mut Vec<u8>) -> u64 {
        let number = self.next;
        self.next += 1;
        let masked = number
            ^ u64::from_be_bytes([
                KEY[0], KEY[1], KEY[2], KEY[3], KEY[0], KEY[1], KEY[2], KEY[3],
            ]);
        self.frame[8..16].copy_from_slice(&masked.to_be_bytes());
        out.extend_from_slice(&self.frame);
        number
    }

    /// How many have been made.
    pub(crate) const fn made(&self) -> u64 {
        self.next
    }
}

/// What the other end sent.
pub(crate) enum Frame<'a> {
    Binary(&'a mut [u8]),
    Close,
}

/// Takes the whole frames off the front of `bytes`, unmasked, and gives how many bytes they took.
pub(crate) fn each(
    bytes: &mut [u8],
    mut see: impl FnMut(Frame<'_>) -> Result<(), String>,
) -> Result<usize, String> {
    let mut taken = 0;
    loop {
        let rest = &mut bytes[taken..];
        let [first, second, ..] = *rest else {
            return Ok(taken);
        };
        let (length, mut header) = match second & !MASKED {
            LENGTH_16 => match *rest {
                [_, _, high, low, ..] => (usize::from(u16::from_be_bytes([high, low])), 4),
                _ => return Ok(taken),
            },
            length @ ..LENGTH_16 => (usize::from(length), 2),
            _ => {
                return Err(format!(
                    "a frame that was not sent: {first:02x} {second:02x}"
                ));
            }
        };
        let key_at = header;
        if second & MASKED != 0 {
            header += 4;
        }
        let Some(frame) = rest.get_mut(..header + length) else {
            return Ok(taken);
        };
        let (head, payload) = frame.split_at_mut(header);
        if let [a, b, c, d] = head[key_at..] {
            unmask(payload, [a, b, c, d]);
        }
        see(match first {
            BINARY => Frame::Binary(payload),
            CLOSE => Frame::Close,
            _ => {
                return Err(format!(
                    "a frame that was not sent: {first:02x} {second:02x}"
                ));
            }
        })?;
        taken += header + length;
    }
}

fn unmask(payload: &mut [u8], key: [u8; 4]) {
    let mut words = payload.chunks_exact_mut(4);
    for word in &mut words {
        for (byte, key) in word.iter_mut().zip(key) {
            *byte ^= key;
        }
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(key) {
        *byte ^= key;
    }
}

/// The answer of an echo server.
pub(crate) fn append_echo(frame: &Frame<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    match frame {
        Frame::Binary(payload) => {
            let length = u16::try_from(payload.len()).map_err(|error| error.to_string())?;
            out.extend([BINARY, LENGTH_16]);
            out.extend(length.to_be_bytes());
            out.extend_from_slice(payload);
        }
        Frame::Close => out.extend(SERVER_CLOSE),
    }
    Ok(())
}

/// The number in a payload.
pub(crate) fn number(payload: &[u8]) -> Option<u64> {
    payload.first_chunk().copied().map(u64::from_be_bytes)
}
