#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| journal::fuzzing::index_manifest(bytes));
