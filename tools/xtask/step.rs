//! `Step`, one command of a chore.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// One command, run at the root of the workspace, whose failure ends the chore.
pub(crate) struct Step {
    name: String,
    command: Command,
}

impl Step {
    /// A step that runs cargo.
    pub(crate) fn cargo(name: &str, args: &[&str]) -> Self {
        // Set by cargo for what it runs: the same cargo, not whichever is first in the path.
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(args).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        // What cargo tells this program about itself is not for the programs it starts.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" {
                command.env_remove(name);
            }
        }
        Self { name: name.to_owned(), command }
    }

    /// A step that runs another program.
    pub(crate) fn program(name: &str, program: &str, args: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(args).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        Self { name: name.to_owned(), command }
    }

    /// With further arguments.
    pub(crate) fn args(mut self, args: &[String]) -> Self {
        self.command.args(args);
        self
    }

    /// With an environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Without an environment variable.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs it; says on standard error what is run and how long it took.
    pub(crate) fn run(mut self) -> Result<()> {
        let words: Vec<_> = self.command.get_args().map(|arg| arg.to_string_lossy()).collect();
        let program = std::path::Path::new(self.command.get_program()).file_name().unwrap_or_default();
        eprintln!("xtask: {}: {} {}", self.name, program.to_string_lossy(), words.join(" "));
        let start = Instant::now();
        let status = self.command.status().with_context(|| format!("{} could not be started", self.name))?;
        let seconds = start.elapsed().as_secs_f32();
        if !status.success() {
            bail!("{} failed after {seconds:.1} s ({status})", self.name);
        }
        eprintln!("xtask: {}: ok, {seconds:.1} s", self.name);
        Ok(())
    }
}
