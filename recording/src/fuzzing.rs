//! What the fuzz targets of `fuzz/` check. The bodies live here, beside what they check: they compile
//! with it, and a unit test runs each of them over its corpus.
//!
//! Not part of the public interface.

mod base;
mod reading;
mod tampered;

pub use reading::{recording_bytes, recording_values};
pub use tampered::{Tampered, with_bytes, with_values};

#[cfg(test)]
mod tests {
    wsaudit_wire::replay_corpus!(recording_bytes, recording_values);
}
