//! What the fuzz targets of `fuzz/` check. The bodies live here, beside what they check: they compile
//! with it, and a unit test runs each of them over its corpus.
//!
//! Not part of the public interface.

mod assembler;
mod chunks;
mod deframer;
mod heads;
mod inflate;

pub use assembler::assembler;
pub use chunks::{Control, chunks};
pub use deframer::deframer;
pub use heads::heads;
pub use inflate::inflate;

/// Unit tests that give each body every input of its corpus, `fuzz/corpus/<body>`.
#[macro_export]
#[doc(hidden)]
macro_rules! replay_corpus {
    ($($body:ident),+ $(,)?) => {$(
        #[test]
        fn $body() {
            let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/", stringify!($body));
            let mut inputs = 0;
            for entry in std::fs::read_dir(corpus).expect("the corpus is in the repository") {
                let path = entry.expect("a directory can be listed").path();
                // Shown where the test fails: the input that does it.
                println!("{}", path.display());
                super::$body(&std::fs::read(path).expect("an input can be read"));
                inputs += 1;
            }
            assert!(inputs > 0, "{corpus} is empty");
        }
    )+};
}

#[cfg(test)]
mod tests {
    crate::replay_corpus!(assembler, deframer, heads, inflate);
}
