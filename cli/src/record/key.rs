//! The redaction key: random, or from a file.

use std::path::Path;
use std::{fs, io};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use wsaudit_recording::Reader;
use wsaudit_tagging::HmacRedactor;

const LENGTH: usize = 32;

/// A redactor with a key that nobody knows: its recording can be compared with no other.
pub(crate) fn random() -> anyhow::Result<HmacRedactor> {
    let mut key = [0; LENGTH];
    getrandom::fill(&mut key).context("cannot draw a random redaction key")?;
    Ok(HmacRedactor::new(&key))
}

/// A redactor with the key in a file.
pub(super) fn from_file(path: &Path) -> anyhow::Result<HmacRedactor> {
    let name = path.display();
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(
            "there is no redaction key {name}; make one: \
             `head -c 32 /dev/urandom > {name}; chmod 600 {name}`"
        ),
        other => other.with_context(|| format!("cannot read the redaction key {name}"))?,
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o007 != 0 {
            bail!(
                "the redaction key {name} can be read by everybody on this machine (mode {mode:04o}); \
                 run `chmod 600 {name}`, or make a new key"
            );
        }
    }
    if !metadata.is_file() {
        bail!("the redaction key {name} is no file");
    }
    let bytes = fs::read(path).with_context(|| format!("cannot read the redaction key {name}"))?;
    let key = parse(&bytes).with_context(|| format!("the redaction key {name} is too short"))?;
    Ok(HmacRedactor::new(&key))
}

/// Refuses to add redacted payloads to those of another key: one id would be two.
pub(super) fn same_as_before(recording: &Path, key_id: &str) -> anyhow::Result<()> {
    let reader = Reader::open(recording)?;
    let earlier = reader.runs().iter().filter_map(|run| run.key_id.as_deref());
    if let Some(other) = earlier.into_iter().find(|id| *id != key_id) {
        bail!(
            "{} was recorded with the redaction key {other}, and this run has {key_id}: one value would have \
             two tokens; give that key with --redaction-key-file, or record into a new file",
            recording.display()
        );
    }
    Ok(())
}

/// Hexadecimal digits, base64 or raw bytes, in this order of trying; at least 32 bytes.
fn parse(file: &[u8]) -> anyhow::Result<[u8; LENGTH]> {
    let text = file.trim_ascii();
    let decoded = hexadecimal(text)
        .or_else(|| STANDARD.decode(text).ok())
        .filter(|key| key.len() >= LENGTH);
    let key = decoded.as_deref().unwrap_or(file);
    if key.len() < LENGTH {
        bail!(
            "{} bytes, at least {LENGTH} are needed; make one with `head -c 32 /dev/urandom > FILE`",
            key.len()
        );
    }
    // RFC 2104, section 2: longer keys are hashed.
    Ok(<[u8; LENGTH]>::try_from(key).unwrap_or_else(|_| Sha256::digest(key).into()))
}

fn hexadecimal(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.chunks_exact(2)
        .map(|pair| u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{LENGTH, parse};

    #[test]
    fn one_key_in_three_spellings() {
        let raw = [0xA5; LENGTH];
        let hex = "a5".repeat(LENGTH) + "\n";
        assert_eq!(parse(&raw).unwrap(), raw);
        assert_eq!(parse(hex.as_bytes()).unwrap(), raw);
        let base64 = b"paWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaU=\n";
        assert_eq!(parse(base64).unwrap(), raw);
    }

    #[test]
    fn short_keys_are_refused_and_long_ones_hashed() {
        let short = parse(&[b'x'; 31]).unwrap_err().to_string();
        assert!(short.starts_with("31 bytes, at least 32"), "{short}");
        let long = parse(&[0xFF; 100]).unwrap();
        assert_ne!(long, [0xFF; LENGTH]);
        assert_ne!(long, parse(&[0xFF; 101]).unwrap());
    }
}
