//! The tests of the browser's side: the SDK and the pages, with Node and, where there is one, a browser.

use std::process::Command;

use anyhow::Result;

use crate::step::Step;

/// Finds the tests, and gives Node the flag its WebSocket needs where it is behind one.
const TESTS: &[&str] = &["tests/web/run.mjs"];

/// What builds the server and the bots they run, and nothing else.
pub(crate) const ALONE: &[&str] = &["build", "--locked", "-p", "framekeep", "-p", "framekeep_swarm"];

/// The same after the tests of the workspace: with the features of those nothing is compiled a second time.
pub(crate) const AFTER_TESTS: &[&str] = &["build", "--workspace", "--bins", "--tests", "--locked"];

/// Runs them against the server that `build` makes; says so where they cannot be run.
pub(crate) fn test(build: &[&str]) -> Result<()> {
    if !has_node() {
        eprintln!("xtask: SKIPPED: the tests of the browser's side need Node 20.10 or newer");
        return Ok(());
    }
    Step::cargo("binaries", build).run()?;
    Step::program("web", "node", TESTS).run()
}

/// Whether Node is there, and new enough: 20.10, which knows of this.
pub(crate) fn has_node() -> bool {
    let version = Command::new("node").args(["--experimental-websocket", "--version"]).output();
    version.is_ok_and(|version| version.status.success())
}
