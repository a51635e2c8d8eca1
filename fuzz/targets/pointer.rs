//! See `wsaudit_tagging::fuzzing::pointer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsaudit_tagging::fuzzing::pointer(data));
