//! What the fuzz targets of `fuzz/` check. The bodies live here, beside what they check: they compile
//! with it, and a unit test runs each of them over its corpus.
//!
//! Not part of the public interface.

mod payload;
mod planted;
mod pointer;
mod redaction;
mod sources;

pub use payload::redact_payload;
pub use pointer::pointer;
pub use redaction::redaction;
pub use sources::sources;

#[cfg(test)]
mod tests {
    wsaudit_wire::replay_corpus!(pointer, redact_payload, redaction, sources);
}
