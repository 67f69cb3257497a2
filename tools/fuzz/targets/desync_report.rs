#![no_main]

#[path = "../bodies/desync_report.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
