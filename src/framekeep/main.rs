//! The `framekeep` server.

use std::process::ExitCode;

fn main() -> ExitCode {
    match framekeep::refuse_old_cpu() {
        Ok(()) => framekeep::run(),
        Err(exit) => exit,
    }
}
