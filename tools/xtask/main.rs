//! Chores of the project: `cargo xtask --help` lists them.

mod golden;
mod packages;
mod same;
mod scorecard;
mod songs;
mod step;
mod wasm;
mod web;

use std::process::ExitCode;

use anyhow::{Result, bail};

use step::Step;

const HELP: &str = "\
Chores of the project.

Usage: cargo xtask <CHORE> [ARGUMENTS OF `cargo test`...]

Chores:
  test     every test of the workspace, doc tests included; installs what they need where it may
  ci       fmt, clippy, docs (warnings are errors), the wasm builds of the pure crates, corpus, test
  web      the tests of the browser's side alone: the SDK and the pages, with Node and Chromium
  tidy     the rules of the tree alone: walls, sizes, names, paths in documents
  wasm     build the pure crates for wasm32, where the targets are installed
  same     the scenes of the physics in release builds, also for aarch64 and WebAssembly: the bits of the tests?
  corpus   play every replay in assets/replays again: does a change of the rules alter past matches?
  golden   make the golden replays in assets/replays again; look at what changed before you keep it
  songs    compose the songs in assets/songs again
  scorecard  the headline table, with Box2D as a second peer: --only physics (or websocket, which builds
             what it takes), --quick and --json go on to it
  kill     kill the built server while players play on it, --count times (500), and print what it took

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
        "web" => web::test(web::ALONE),
        "tidy" => tidy(rest),
        "wasm" => wasm::build(),
        "same" => same::check(),
        "corpus" => golden::verify(),
        "golden" => golden::remake(),
        "songs" => songs::write(),
        "scorecard" => scorecard::print(rest),
        "kill" => kill(rest),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        other => bail!("unknown chore {other:?}\n\n{HELP}"),
    }
}

fn test(rest: &[String]) -> Result<()> {
    packages::install_missing()?;
    let mut step = Step::cargo("test", &["test", "--workspace", "--locked"]).args(rest);
    if let Some(program) = packages::schemathesis() {
        step = step.env("SCHEMATHESIS", &program);
    }
    step.run()?;
    // Who asks for some tests does not mean these.
    if rest.is_empty() {
        same::check()?;
        web::test(web::AFTER_TESTS)?;
    }
    Ok(())
}

/// `--count N` says how often.
fn kill(rest: &[String]) -> Result<()> {
    let count = match rest {
        [] => "500",
        [flag, count] if flag == "--count" && count.parse::<u32>().is_ok() => count,
        _ => bail!("kill takes --count and a number"),
    };
    let test = ["test", "--release", "--locked", "-p", "framekeep", "--test", "kills", "--"];
    let only = ["many_kills", "--ignored", "--nocapture"].map(str::to_owned);
    Step::cargo("kill", &test).args(&only).env("FRAMEKEEP_KILLS", count).run()
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
