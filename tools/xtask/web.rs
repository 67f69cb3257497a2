//! The tests of the browser's side: the SDK and the pages, with Node and, where there is one, a browser.

use std::process::Command;

use anyhow::Result;

use crate::packages::is_there;
use crate::step::Step;

/// Finds the tests, and gives Node the flag its WebSocket needs where it is behind one.
const TESTS: &[&str] = &["tests/web/run.mjs"];

/// Runs them against the server that was built last; says so where they cannot be run.
pub(crate) fn test() -> Result<()> {
    if !is_there("node") || !has_websocket() {
        eprintln!("xtask: SKIPPED: the tests of the browser's side need Node 20.10 or newer");
        return Ok(());
    }
    Step::cargo("binaries", &["build", "--locked", "-p", "framekeep", "-p", "framekeep_swarm"]).run()?;
    Step::program("web", "node", TESTS).run()
}

fn has_websocket() -> bool {
    let version = Command::new("node").args(["--experimental-websocket", "--version"]).output();
    version.is_ok_and(|version| version.status.success())
}
