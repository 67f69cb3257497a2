//! Chores of the project: `cargo xtask --help` lists them.

mod golden;
mod packages;
mod songs;
mod step;
mod wasm;

use std::process::ExitCode;

use anyhow::{Result, bail};

use step::Step;

const HELP: &str = "\
Chores of the project.

Usage: cargo xtask <CHORE> [ARGUMENTS OF `cargo test`...]

Chores:
  test     every test of the workspace, doc tests included; installs what they need where it may
  ci       fmt, clippy, docs (warnings are errors), the wasm builds of the pure crates, corpus, test
  tidy     the rules of the tree alone: walls, sizes, names, paths in documents
  wasm     build the pure crates for wasm32, where the targets are installed
  corpus   play every replay in assets/replays again: does a change of the rules alter past matches?
  golden   make the golden replays in assets/replays again; look at what changed before you keep it
  songs    compose the songs in assets/songs again

Example:
  cargo xtask test -- --nocapture tidy";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    let (chore, rest) = match args.split_first() {
        Some((chore, rest)) => (chore.as_str(), rest),
        None => ("--help", args),
    };
    match chore {
        "test" => test(rest),
        "ci" => ci(rest),
        "tidy" => tidy(rest),
        "wasm" => wasm::build(),
        "corpus" => golden::verify(),
        "golden" => golden::remake(),
        "songs" => songs::write(),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        other => bail!("unknown chore {other:?}\n\n{HELP}"),
    }
}

fn test(rest: &[String]) -> Result<()> {
    packages::install_missing()?;
    Step::cargo("test", &["test", "--workspace", "--locked"]).args(rest).run()
}

fn tidy(rest: &[String]) -> Result<()> {
    Step::cargo("tidy", &["test", "--locked", "-p", "framekeep_tests", "--test", "tests", "tidy"])
        .args(rest)
        .run()
}

fn ci(rest: &[String]) -> Result<()> {
    Step::cargo("fmt", &["fmt", "--all", "--check"]).run()?;
    Step::cargo("clippy", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])
        .run()?;
    Step::cargo("docs", &["doc", "--workspace", "--no-deps", "--locked"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()?;
    wasm::build()?;
    golden::verify()?;
    test(rest)
}
