//! The scenes with which the physics is tested, as digests and as pictures.
//!
//! ```text
//! cargo run --release -p physics_scenes                     digests after 600 steps, one scene a line
//! cargo run --release -p physics_scenes -- check            ... which have to be those that the tests have
//! cargo run --release -p physics_scenes -- draw DIR         each scene at its start and later, as DIR/NAME-TICK.png
//! cargo run --release -p physics_scenes -- draw DIR 60 600  ... at these ticks
//! cargo run --release -p physics_scenes -- write DIR 60     each scene's state as bytes, as DIR/NAME-TICK
//! ```
//!
//! The digests are the same on every machine: build this for another one and see what it says to `check`.

mod canvas;
mod drawing;
// The scenes of the tests; not all of them are for pictures.
#[allow(dead_code)]
#[path = "../../src/sim/physics/tests/scenes.rs"]
mod scenes;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
// What the scenes are made of: they take it from their crate's root.
use framekeep_sim::{
    Angle, BodyDesc, BodyId, Fx, JointDesc, JointKind, Motor, Moved, Mover, Pcg32, Polygon, Shape, ShapeDesc,
    TileMap, Vec2, World, WorldDesc, encode_into, hash_bytes,
};

/// Steps after which pictures are drawn, if nobody says.
const DRAWN: [u32; 3] = [0, 60, 240];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("physics_scenes: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    match args {
        [] => _ = digests(),
        [verb] if verb == "digests" => _ = digests(),
        [verb] if verb == "check" => check()?,
        [verb, folder, ticks @ ..] if verb == "draw" || verb == "write" => {
            let ticks: Result<Vec<u32>, _> = ticks.iter().map(|tick| tick.parse()).collect();
            let ticks = ticks.context("ticks are whole numbers")?;
            let put = if verb == "draw" { draw } else { write };
            put_all(Path::new(folder), if ticks.is_empty() { &DRAWN } else { &ticks }, put)?;
        }
        _ => {
            bail!("usage: physics_scenes [digests | check | draw FOLDER [TICK]... | write FOLDER [TICK]...]")
        }
    }
    Ok(())
}

/// The size and the hash of every scene's state.
fn digests() -> [scenes::Digest; 7] {
    let digests = scenes::digests();
    for (name, size, hash) in digests {
        println!("{name} {} {size} {hash:016x}", scenes::GOLDEN_TICKS);
    }
    digests
}

/// Fails where this build comes to other states than the tests have.
fn check() -> Result<()> {
    for (found, expected) in digests().into_iter().zip(scenes::GOLDEN) {
        ensure!(
            found == expected,
            "{} is {} bytes with the hash {:016x} here, but {} bytes with {:016x} on every other machine",
            found.0,
            found.1,
            found.2,
            expected.1,
            expected.2
        );
    }
    Ok(())
}

/// Puts every scene into a folder at these ticks.
fn put_all(folder: &Path, ticks: &[u32], put: fn(&World, PathBuf) -> Result<PathBuf>) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("no folder {}", folder.display()))?;
    let mut ticks = ticks.to_vec();
    ticks.sort_unstable();
    let pyramid = || {
        let mut world = scenes::earth();
        scenes::ground(&mut world);
        scenes::pyramid(&mut world, 20);
        world
    };
    let put = |name: &str, tick: u32, world: &World| {
        println!("{}", put(world, folder.join(format!("{name}-{tick}")))?.display());
        anyhow::Ok(())
    };
    for (name, mut world) in scenes::all().into_iter().chain([("pyramid", pyramid())]) {
        let mut done = 0;
        for &tick in &ticks {
            scenes::steps(&mut world, tick - done);
            done = tick;
            put(name, tick, &world)?;
        }
    }
    let (mut stroll, mut done) = (scenes::Stroll::new(), 0);
    for &tick in &ticks {
        stroll.steps(tick - done);
        done = tick;
        put("stroll", tick, &stroll.world)?;
    }
    Ok(())
}

fn draw(world: &World, place: PathBuf) -> Result<PathBuf> {
    let file = place.with_extension("png");
    drawing::of(world).write(&file).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

fn write(world: &World, file: PathBuf) -> Result<PathBuf> {
    std::fs::write(&file, scenes::bytes_of(world))
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}
