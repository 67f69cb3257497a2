//! Programs that tests need and a system may lack.

use std::process::{Command, Stdio};

use anyhow::Result;

/// A program that tests run, and the Debian package it is in.
struct Needed {
    program: &'static str,
    package: &'static str,
}

/// None so far: the tests stand on Rust alone.
const NEEDED: &[Needed] = &[];

/// Installs what is missing where this user may, and names what it could not install. Tests that need such a program
/// say so themselves; so this is no failure.
pub(crate) fn install_missing() -> Result<()> {
    for needed in NEEDED.iter().filter(|needed| !is_there(needed.program)) {
        let installed = Command::new("apt-get")
            .args(["install", "--yes", "--no-install-recommends", needed.package])
            .stdin(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !installed || !is_there(needed.program) {
            eprintln!("xtask: could not install {} (package {})", needed.program, needed.package);
        }
    }
    Ok(())
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
