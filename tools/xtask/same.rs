//! The scenes of the physics in another build than that of the tests: do they come to the same bits?

use anyhow::Result;

use crate::step::Step;

/// No instructions for vectors of integers but those that every x86-64 has; the last of two such flags counts.
const PLAIN: &str = r#"target.'cfg(target_arch = "x86_64")'.rustflags=["-C", "target-cpu=x86-64"]"#;

/// Tests are a debug build for newer processors. This is a release build for any: what is computed eight at once there
/// is computed without such instructions here.
pub(crate) fn check() -> Result<()> {
    let run = ["run", "--quiet", "--release", "--locked", "-p", "physics_scenes", "--config", PLAIN, "--"];
    Step::cargo("same bits", &run).args(&["check".to_owned()]).run()
}
