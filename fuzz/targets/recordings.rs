//! See `wsaudit_verifier::fuzzing::recordings`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsaudit_verifier::fuzzing::recordings(data));
