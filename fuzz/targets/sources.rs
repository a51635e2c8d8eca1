//! See `wsaudit_tagging::fuzzing::sources`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsaudit_tagging::fuzzing::sources(data));
