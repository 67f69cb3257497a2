//! `matches`: forms the matches of a log of matchmaking again, and says whether they are the same.

use std::io::Write;

use framekeep_matchmaking::{Match, replay};

use crate::args::MatchesArgs;
use crate::exit::Exit;
use crate::failure::Failure;

/// Longest log that is read.
const BYTES_MAX: u64 = 512 << 20;

pub(crate) fn run(args: &MatchesArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    let unreadable = |error: &dyn std::fmt::Display| Failure::file("read", &args.file, error);
    let length = std::fs::metadata(&args.file).map_err(|error| unreadable(&error))?.len();
    if length > BYTES_MAX {
        return Err(unreadable(&"it is too long for a log of matchmaking"));
    }
    let bytes = std::fs::read(&args.file).map_err(|error| unreadable(&error))?;
    let mut written = Ok(());
    let list = |at_ms: u64, of: &Match| {
        if args.list && written.is_ok() {
            let players: Vec<_> = of.places.iter().map(|place| place.player.to_string()).collect();
            written = writeln!(out, "{at_ms} {} {} {}", of.id, of.mode, players.join(","));
        }
    };
    let damaged = |error| Failure::Told(Exit::Damaged, format!("{}: {error}", args.file.display()));
    let replayed = replay(&bytes, list).map_err(damaged)?;
    written.map_err(Failure::Output)?;
    let (operations, matches) = (replayed.operations, replayed.matches);
    if let Some((nth, at_ms)) = replayed.differs {
        let why =
            format!("operation {nth}, at {at_ms} ms, does not give what it gave: another version wrote it?");
        return Err(Failure::Told(Exit::Disagrees, format!("{}: {why}", args.file.display())));
    }
    let end = if replayed.torn.is_some() { ", the last is not whole" } else { "" };
    writeln!(out, "{operations} operations{end}, {matches} matches: the same").map_err(Failure::Output)?;
    Ok(Exit::Ok)
}
