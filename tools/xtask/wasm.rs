//! The pure crates for WebAssembly.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::step::Step;

const TARGETS: &[&str] = &["wasm32-unknown-unknown", "wasm32-wasip1"];

const PURE: &[&str] = &["sim", "games", "protocol", "journal", "rollback", "lobby", "matchmaking"];

/// Builds them for every target that is installed, and names those that are not.
pub(crate) fn build() -> Result<()> {
    let packages: Vec<String> = PURE.iter().map(|name| format!("--package=framekeep_{name}")).collect();
    for target in TARGETS {
        if is_installed(target) {
            Step::cargo(target, &["check", "--lib", "--locked", "--target", target]).args(&packages).run()?;
        } else {
            eprintln!("xtask: {target} is not installed and was not built; `rustup target add {target}`");
        }
    }
    Ok(())
}

/// Whether the standard library for a target is there.
pub(crate) fn is_installed(target: &str) -> bool {
    let output = Command::new("rustc").args(["--print", "target-libdir", "--target", target]).output();
    output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}
