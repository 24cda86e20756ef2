#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| interventions::fuzzing::recording(bytes));
