//! `check`: the torture of the rules. Whatever a server, a client or a machine may do to a match, its states must be
//! the ones that were recorded.

pub(crate) mod builds;
mod rollback;
mod rooms;

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use framekeep_sim::{AnyMatch, Frame};
use serde::Serialize;

use crate::args::CheckArgs;
use crate::describe::grouped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::opened::Opened;

/// The object that `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    schema_version: u32,
    agrees: bool,
    files: Vec<Checked>,
}

#[derive(Debug, Serialize)]
struct Checked {
    file: String,
    tests: Vec<Test>,
}

/// One torture and what it came to.
#[derive(Debug, Serialize)]
pub(crate) struct Test {
    pub(crate) name: String,
    /// Steps that were compared.
    pub(crate) steps: u64,
    pub(crate) ms: u64,
    /// The first thing that differed.
    pub(crate) fault: Option<String>,
    /// Why it was not done.
    pub(crate) skipped: Option<String>,
}

impl Test {
    /// Runs a torture and measures it.
    pub(crate) fn run(name: impl Into<String>, body: impl FnOnce() -> (u64, Option<String>)) -> Self {
        let started = Instant::now();
        let (steps, fault) = body();
        let ms = started.elapsed().as_millis() as u64;
        Self { name: name.into(), steps, ms, fault, skipped: None }
    }

    pub(crate) fn skipped(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self { name: name.into(), steps: 0, ms: 0, fault: None, skipped: Some(why.into()) }
    }
}

/// A match laid out for torture: every frame, and the hash after each.
pub(crate) struct Script {
    pub(crate) first: Box<dyn AnyMatch>,
    pub(crate) frames: Vec<Frame>,
    pub(crate) hashes: Vec<u64>,
}

impl Script {
    /// Plays the match once; gives the first tick that is not as recorded.
    fn play(opened: &Opened) -> (Self, Option<String>) {
        let (mut play, mut scratch, mut fault) = (opened.first.duplicate(), Vec::new(), None);
        let (mut frames, mut hashes, mut recorded) = (Vec::new(), Vec::new(), opened.replay.frames());
        while let Some((frame, hash)) = recorded.next_frame() {
            play.step(frame);
            let here = play.hash(&mut scratch);
            if fault.is_none() && !hash.agrees(here) {
                fault = Some(format!("tick {}: {here:016x} here, {hash} in the record", frame.tick));
            }
            frames.push(frame.clone());
            hashes.push(here);
        }
        (Self { first: opened.first.duplicate(), frames, hashes }, fault)
    }
}

pub(crate) fn run(args: &CheckArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    args.other.iter().try_for_each(|program| builds::find(program))?;
    let mut report = Report { schema_version: 1, agrees: true, files: Vec::new() };
    for path in &args.files {
        let tests = check(path, args)?;
        report.agrees &= tests.iter().all(|test| test.fault.is_none());
        if !args.json {
            print(path, &tests, out)?;
        }
        report.files.push(Checked { file: path.display().to_string(), tests });
    }
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &report).map_err(std::io::Error::from)?;
        writeln!(out)?;
    }
    Ok(if report.agrees { Exit::Ok } else { Exit::Disagrees })
}

fn check(path: &Path, args: &CheckArgs) -> Result<Vec<Test>, Failure> {
    let opened = Opened::read(path, args.force)?;
    let mut script = None;
    let played = Test::run("as recorded", || {
        let (played, fault) = Script::play(&opened);
        let steps = played.frames.len() as u64;
        script = Some(played);
        (steps, fault)
    });
    let mut tests = vec![played];
    let Some(script) = script else { return Ok(tests) };
    tests.push(rollback::rollback(&opened, &script, args.rollback, args.seed));
    tests.push(rollback::restore(&opened, &script));
    tests.push(rooms::shuffled(&script, args.rooms, args.seed));
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    for threads in 1..=args.threads.unwrap_or(cores.max(4)) {
        tests.push(rooms::threaded(&script, args.rooms.max(threads), threads));
    }
    tests.extend(builds::compare(&opened, &script, &args.other));
    Ok(tests)
}

fn print(path: &Path, tests: &[Test], out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "{}", path.display())?;
    for Test { name, steps, ms, fault, skipped } in tests {
        match (fault, skipped) {
            (Some(fault), _) => writeln!(out, "  DIFFERS  {name}: {fault}")?,
            (None, Some(why)) => writeln!(out, "  skipped  {name}: {why}")?,
            (None, None) => writeln!(out, "  agrees   {name}: {} steps in {ms} ms", grouped(*steps))?,
        }
    }
    Ok(())
}
