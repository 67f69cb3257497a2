#![no_main]

#[path = "../bodies/hot_lane.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
