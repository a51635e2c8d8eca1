//! See `wsaudit_tagging::fuzzing::redaction`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsaudit_tagging::fuzzing::redaction(data));
