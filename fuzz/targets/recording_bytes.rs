//! See `wsaudit_recording::fuzzing::recording_bytes`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wsaudit_recording::fuzzing::recording_bytes(data));
