//! See `wsaudit_verifier::fuzzing::extractor`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsaudit_verifier::fuzzing::extractor(data));
