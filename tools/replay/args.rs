//! `Args`, the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  framekeep-replay info match.fkr               what is in it
  framekeep-replay verify framekeep-data/replays/*.fkr
                                                play every match again and compare every hash
  framekeep-replay verify --hashes match.fkr    the hash of every tick, to compare two machines
  framekeep-replay record --seats 4 --seed 7 --out bots.fkr
                                                let bots play a match

Exit codes:
  0  everything agrees
  1  something could not be done
  2  the command line is wrong
  3  a match does not agree with its record, or was recorded by other rules
  6  a file is damaged";

/// The replay and determinism checker of Framekeep.
///
/// A replay (.fkr) is one sealed match: its inputs, and the hash of every state. This program plays it again with
/// the rules it was built with, and says whether the result is true.
#[derive(Debug, Parser)]
#[command(name = "framekeep-replay", version, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what is in a replay.
    Info(InfoArgs),
    /// Play matches again and compare every hash.
    Verify(VerifyArgs),
    /// Let bots play a match and seal it.
    Record(RecordArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  framekeep-replay info --json match.fkr | jq .outcome")]
pub(crate) struct InfoArgs {
    /// The replay.
    pub(crate) file: PathBuf,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  framekeep-replay verify a.fkr b.fkr
  framekeep-replay verify --hashes a.fkr > hashes.txt
  framekeep-replay verify --json a.fkr | jq '.files[0].ticks_per_s'")]
pub(crate) struct VerifyArgs {
    /// The replays.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Print a line `TICK HASH` for every tick (the hash of the state here, 16 hex digits) and nothing else.
    #[arg(long, conflicts_with = "json")]
    pub(crate) hashes: bool,
    /// Print one JSON object instead of a line a file.
    #[arg(long)]
    pub(crate) json: bool,
    /// Play a match even if other rules recorded it, to see where it leaves the record.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  framekeep-replay record --seats 4 --ticks 900 --seed 7 --out bots.fkr

The same arguments give the same file, byte for byte, as long as the rules are the same.")]
pub(crate) struct RecordArgs {
    /// The rules.
    #[arg(long, default_value = "arena")]
    pub(crate) game: String,
    /// A content file (an arena); the game's default if not given.
    #[arg(long)]
    pub(crate) content: Option<PathBuf>,
    /// How many bots play.
    #[arg(long, default_value_t = 4)]
    pub(crate) seats: u8,
    /// Ticks after which the match is stopped if it has no result by then.
    #[arg(long, default_value_t = 900)]
    pub(crate) ticks: u32,
    /// The seed of the match and its bots.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Where to write the replay.
    #[arg(long)]
    pub(crate) out: PathBuf,
}
