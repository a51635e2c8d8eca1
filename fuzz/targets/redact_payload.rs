//! See `wsaudit_tagging::fuzzing::redact_payload`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsaudit_tagging::fuzzing::redact_payload(data));
