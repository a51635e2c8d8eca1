//! What the fuzz targets of `fuzz/` check. The bodies live here, beside what they check: they compile
//! with it, and a unit test runs each of them over its corpus.
//!
//! Not part of the public interface.

mod cases;
mod extractor;
mod packs;
mod recordings;
mod told;

pub use cases::cases;
pub use extractor::extractor;
pub use packs::packs;
pub use recordings::recordings;

#[cfg(test)]
mod tests {
    wsaudit_wire::replay_corpus!(cases, extractor, packs, recordings);
}
