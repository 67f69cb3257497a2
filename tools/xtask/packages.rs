//! Programs that tests need and a system may lack.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

/// A program that tests run, and the Debian package it is in.
struct Needed {
    program: &'static str,
    package: &'static str,
}

const NEEDED: &[Needed] = &[
    Needed { program: "node", package: "nodejs" },
    Needed { program: "tsc", package: "node-typescript" },
    Needed { program: "chromium", package: "chromium" },
    Needed { program: "python3", package: "python3" },
    Needed { program: "promtool", package: "prometheus" },
    Needed { program: "redis-server", package: "redis-server" },
    Needed { program: "qemu-aarch64", package: "qemu-user" },
];

/// What no automatic run may be without: the tests of the cluster, which say that they are skipped, would be.
const NEVER_SKIPPED: &str = "redis-server";

/// Installs what is missing where this user may, and names what it could not install. Tests that need such a program
/// say so themselves; so this is no failure, except where nobody reads what they say (`CI` is set).
pub(crate) fn install_missing() -> Result<()> {
    let missing: Vec<&Needed> = NEEDED.iter().filter(|needed| !is_there(needed.program)).collect();
    if !missing.is_empty() && is_there("apt-get") {
        // A new machine knows of no packages yet.
        apt_get(&["update", "--quiet"]);
    }
    for needed in missing {
        let args = ["install", "--yes", "--quiet", "--no-install-recommends", needed.package];
        if !apt_get(&args) || !is_there(needed.program) {
            eprintln!("xtask: could not install {} (package {})", needed.program, needed.package);
        }
    }
    if std::env::var_os("CI").is_some() && !is_there(NEVER_SKIPPED) {
        bail!(
            "{NEVER_SKIPPED} is not there and cannot be installed, and no test is skipped in an automatic run, as \
             CI is set: install it, or unset CI"
        );
    }
    Ok(())
}

fn apt_get(args: &[&str]) -> bool {
    let mut command = Command::new("apt-get");
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Whether a program is in the path.
pub(crate) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Where the tests' Python programs are installed.
const VENV: &str = "target/python";

/// The program that tries the OpenAPI document, installed into a folder of its own where it is missing; `None` where it
/// cannot be had.
pub(crate) fn schemathesis() -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let venv = root.join(VENV);
    let program = venv.join("bin/schemathesis");
    if !program.is_file() {
        let ran = |command: &mut Command| {
            command.stdin(Stdio::null()).status().is_ok_and(|status| status.success())
        };
        let made = ran(Command::new("python3").args(["-m", "venv"]).arg(&venv))
            && ran(Command::new(venv.join("bin/pip")).args([
                "install",
                "--quiet",
                "schemathesis>=4,<5",
                "pyyaml",
            ]));
        if !made {
            eprintln!("xtask: could not install schemathesis (pip, into {VENV}): its test will be skipped");
        }
    }
    program
        .canonicalize()
        .ok()
        .filter(|program| program.is_file())
        .map(|program| program.display().to_string())
}
