#![no_main]

#[path = "../bodies/journal_segment.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
