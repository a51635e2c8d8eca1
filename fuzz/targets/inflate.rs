//! See `wsaudit_wire::fuzzing::inflate`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsaudit_wire::fuzzing::inflate(data));
