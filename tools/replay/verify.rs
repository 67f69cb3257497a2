//! `verify`: is it true?

use std::io::{self, Write, stderr};
use std::path::Path;
use std::time::Instant;

use framekeep_journal::{SealFault, Verifier};
use framekeep_sim::Tick;
use serde::Serialize;

use crate::args::VerifyArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::key::KeyArg;
use crate::load::load;
use crate::progress::Progress;
use crate::verdict::{Finding, Verdict};

/// The object that `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    schema_version: u32,
    agrees: bool,
    files: Vec<Verdict>,
}

pub(crate) fn run(args: &VerifyArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    let mut verifier = Verifier::new(framekeep_games::registry());
    verifier.ignore_fingerprint = args.force;
    let mut report = Report { schema_version: 1, agrees: true, files: Vec::new() };
    let mut exit = Exit::Ok;
    for file in &args.files {
        let mut hashes = args.hashes.then_some(&mut *out);
        let finding = check(file, args.key, &mut verifier, hashes.as_mut())?;
        exit = exit.max(finding.exit());
        let verdict = Verdict { file: file.display().to_string(), finding };
        match (args.json, args.hashes) {
            (true, _) => report.files.push(verdict),
            (false, false) => verdict.print(out)?,
            (false, true) if verdict.finding.exit() != Exit::Ok => verdict.print(&mut stderr())?,
            (false, true) => {}
        }
    }
    if args.json {
        report.agrees = exit == Exit::Ok;
        serde_json::to_writer_pretty(&mut *out, &report).map_err(io::Error::from)?;
        writeln!(out)?;
    }
    Ok(exit)
}

/// Reads and plays one file; prints the hash of every tick if there is somewhere to print it.
fn check(
    path: &Path,
    key: Option<KeyArg>,
    verifier: &mut Verifier,
    hashes: Option<&mut impl Write>,
) -> io::Result<Finding> {
    let replay = match load(path) {
        Ok(replay) => replay,
        Err(error) => return Ok(error.into()),
    };
    let sealed_by = match replay.check_seal(key.map(|KeyArg(key)| key)) {
        Ok(key) => Some(key.to_string()),
        Err(SealFault::Unsigned) if key.is_none() => None,
        Err(fault) => return Ok(fault.into()),
    };
    // The fingerprint of the rules is computed once for all files, and is no part of playing this one.
    let rules = verifier.start(&replay).map(|_| ());
    let started = Instant::now();
    let progress = Progress::new(&path.display().to_string(), replay.end().ticks.0);
    let (mut hashes, mut printed) = (hashes, Ok(()));
    let mut on_tick = |tick: Tick, hash: u64| {
        progress.at(tick.0);
        if let Some(out) = hashes.as_mut().filter(|_| printed.is_ok()) {
            printed = writeln!(out, "{tick} {hash:016x}");
        }
    };
    let verified = rules.and_then(|()| verifier.verify(&replay, &mut on_tick));
    printed?;
    Ok(match verified {
        Ok(verified) => {
            let ticks = verified.ticks.0 - replay.start().0;
            let ticks_per_s = (f64::from(ticks) / started.elapsed().as_secs_f64().max(1e-9)) as u64;
            Finding::Agrees { ticks, hash: format!("{:016x}", verified.hash), ticks_per_s, sealed_by }
        }
        Err(error) => error.into(),
    })
}
