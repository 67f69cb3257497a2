//! The `framekeep` server.

use std::process::ExitCode;

fn main() -> ExitCode {
    framekeep::refuse_old_cpu();
    framekeep::run()
}
