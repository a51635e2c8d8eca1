//! See `wsaudit_proxy::fuzzing::body`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsaudit_proxy::fuzzing::body(data));
