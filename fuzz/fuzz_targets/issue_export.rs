#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bucketload_fuzzing::issue_export(bytes));
