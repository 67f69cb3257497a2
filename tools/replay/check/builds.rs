//! Other builds of this program: their hashes must be the same.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Script, Test};
use crate::failure::Failure;
use crate::opened::Opened;

/// Compares with each of `others`, and with the debug build beside a release build or the other way round.
pub(crate) fn compare(opened: &Opened, script: &Script, others: &[PathBuf]) -> Vec<Test> {
    let here = if cfg!(debug_assertions) { "debug" } else { "release" };
    let there = if cfg!(debug_assertions) { "release" } else { "debug" };
    let name = format!("{here} against {there}");
    let mut tests: Vec<_> = match sibling(there) {
        Some(program) => vec![against(name, opened, script, &program)],
        None if others.is_empty() => {
            vec![Test::skipped(name, format!("there is no {there} build beside this"))]
        }
        None => Vec::new(),
    };
    tests.extend(others.iter().map(|program| {
        let name = format!("against {}", program.display());
        against(name, opened, script, program)
    }));
    tests
}

/// Refuses what is no build of this program, before anything is played for it.
pub(crate) fn find(program: &Path) -> Result<(), Failure> {
    let told = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    let told = told.map_err(|error| Failure::file("run", program, &error))?;
    if told.status.success() && told.stdout.starts_with(b"framekeep-replay ") {
        return Ok(());
    }
    let program = program.display();
    Err(Failure::new(format!(
        "{program} is no framekeep-replay: it does not say so when asked for its --version"
    )))
}

/// The program of the other profile: `target/debug` beside `target/release`.
fn sibling(profile: &str) -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let folder = program.parent()?;
    let is_profile = |name: &str| folder.file_name().is_some_and(|folder| folder == name);
    if !is_profile("debug") && !is_profile("release") {
        return None;
    }
    let sibling = folder.with_file_name(profile).join(program.file_name()?);
    sibling.is_file().then_some(sibling)
}

fn against(name: String, opened: &Opened, script: &Script, program: &Path) -> Test {
    Test::run(name, || {
        let asked = Command::new(program).args(["verify", "--hashes", "--force"]).arg(&opened.path).output();
        let told = match asked {
            Ok(told) => told,
            Err(error) => return (0, Some(format!("{} cannot be run: {error}", program.display()))),
        };
        let (text, mut steps) = (String::from_utf8_lossy(&told.stdout), 0);
        let mut lines = text.lines();
        for (frame, hash) in script.frames.iter().zip(&script.hashes) {
            let expected = format!("{} {hash:016x}", frame.tick);
            match lines.next() {
                Some(line) if line == expected => steps += 1,
                line => {
                    let line = line.unwrap_or("no further hash");
                    return (steps, Some(format!("{expected} here, and there {line}")));
                }
            }
        }
        (steps, None)
    })
}
