//! The scenes of the physics on other machines: do they come to the bits of the tests?

use std::process::{Command, Stdio};

use anyhow::Result;

use crate::packages::is_there;
use crate::step::Step;
use crate::wasm::is_installed;
use crate::web;

/// No instructions for vectors of integers but those that every x86-64 has; the last of two such flags counts.
const PLAIN: &str = r#"target.'cfg(target_arch = "x86_64")'.rustflags=["-C", "target-cpu=x86-64"]"#;

/// Another machine, and what runs its programs here.
struct Machine {
    target: &'static str,
    program: &'static str,
    /// For cargo.
    env: &'static [(&'static str, &'static str)],
}

const OTHERS: [Machine; 2] = [
    // Linked by the linker that comes with Rust, against the C library that comes with it.
    Machine {
        target: "aarch64-unknown-linux-musl",
        program: "qemu-aarch64",
        env: &[
            ("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER", "rust-lld"),
            ("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUNNER", "qemu-aarch64"),
        ],
    },
    Machine {
        target: "wasm32-wasip1",
        program: "node",
        env: &[("CARGO_TARGET_WASM32_WASIP1_RUNNER", "node --no-warnings tools/xtask/wasi.mjs")],
    },
];

/// Tests are a debug build for newer x86-64. This is a release build for that, one for each other machine that can be
/// had here, and, where one cannot, one for any x86-64: what is computed eight at once on a newer one is computed one
/// by one on all of those.
pub(crate) fn check() -> Result<()> {
    step("same bits", &[]).run()?;
    let mut all = true;
    for machine in &OTHERS {
        if !runs(machine.program) || !has_target(machine.target) {
            eprintln!(
                "xtask: same bits: {target} was not checked: it takes `rustup target add {target}` and {program}",
                target = machine.target,
                program = machine.program
            );
            all = false;
            continue;
        }
        let step = foreign(machine.target, &["--target", machine.target]);
        machine.env.iter().fold(step, |step, (name, value)| step.env(name, value)).run()?;
    }
    if all { Ok(()) } else { foreign("any x86-64", &["--config", PLAIN]).run() }
}

fn step(name: &str, options: &[&str]) -> Step {
    let run = ["run", "--quiet", "--release", "--locked", "-p", "physics_scenes"];
    let rest = options.iter().chain(&["--", "check"]).map(|&word| word.to_owned());
    Step::cargo(name, &run).args(&rest.collect::<Vec<_>>())
}

/// A step for another machine, of which what is set for this one says nothing.
fn foreign(name: &str, options: &[&str]) -> Step {
    step(name, options)
        .without("RUSTFLAGS")
        .without("CARGO_ENCODED_RUSTFLAGS")
        .without("CARGO_BUILD_RUSTFLAGS")
}

/// Whether a program is there that runs those of another machine; of Node, one that is new enough.
fn runs(program: &str) -> bool {
    if program == "node" { web::has_node() } else { is_there(program) }
}

/// Whether programs can be built for a target, which is asked for where it is not there.
fn has_target(target: &str) -> bool {
    let add = || Command::new("rustup").args(["target", "add", target]).stdin(Stdio::null()).status();
    is_installed(target) || is_there("rustup") && add().is_ok() && is_installed(target)
}
