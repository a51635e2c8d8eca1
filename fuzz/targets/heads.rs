//! See `wsaudit_wire::fuzzing::heads`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsaudit_wire::fuzzing::heads(data));
