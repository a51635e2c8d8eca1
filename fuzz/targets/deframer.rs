//! See `wsaudit_wire::fuzzing::deframer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsaudit_wire::fuzzing::deframer(data));
