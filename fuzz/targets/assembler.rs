//! See `wsaudit_wire::fuzzing::assembler`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsaudit_wire::fuzzing::assembler(data));
