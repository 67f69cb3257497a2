//! `Args`, the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::key::KeyArg;
use crate::target::Target;

const EXAMPLES: &str = "\
Examples:
  framekeep-replay info match.fkr               what is in it
  framekeep-replay verify framekeep-data/replays/*.fkr
                                                play every match again and compare every hash
  framekeep-replay verify --key node.pub match.fkr
                                                and prove who sealed it
  framekeep-replay play match.fkr               watch it here
  framekeep-replay diff mine.fkr yours.fkr      where two matches part

docs/REPLAYS.md shows every command.

Exit codes:
  0  everything agrees
  1  something could not be done
  2  the command line is wrong
  3  a match does not agree with its record, or was recorded by other rules
  6  a file is damaged, or not what was sealed";

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
    /// Watch a match in this terminal.
    Play(PlayArgs),
    /// Show the state at a tick.
    Seek(SeekArgs),
    /// Find the first tick and field in which two matches differ.
    Diff(DiffArgs),
    /// Find the first tick at which this build differs from the record.
    Bisect(BisectArgs),
    /// Explain the report of a desync.
    Explain(ExplainArgs),
    /// Write every tick as JSON lines or CSV.
    Export(ExportArgs),
    /// Draw a tick as PNG, or several as GIF.
    Render(RenderArgs),
    /// Make a replay of a part of a match.
    Cut(CutArgs),
    /// Count what is in a replay and what takes its space.
    Stats(StatsArgs),
    /// Torture the rules with a match: rollback, restore, order, threads, builds.
    Check(CheckArgs),
    /// Form the matches of a log of matchmaking again (`matchmaking.log`).
    Matches(MatchesArgs),
    /// Work on a folder of replays.
    Corpus(CorpusArgs),
    /// Let bots play a match and seal it.
    Record(RecordArgs),
}

/// A replay that is played by the rules of this build.
#[derive(Debug, clap::Args)]
pub(crate) struct Played {
    /// The replay.
    pub(crate) file: PathBuf,
    /// Play it even if other rules recorded it.
    #[arg(long)]
    pub(crate) force: bool,
}

/// Which ticks of a match.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Span {
    /// The first tick; the match's first if not given.
    #[arg(long, value_name = "TICK")]
    pub(crate) from: Option<u32>,
    /// The tick to stop before; the match's end if not given.
    #[arg(long, value_name = "TICK")]
    pub(crate) to: Option<u32>,
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
#[command(after_help = "Example:\n  framekeep-replay matches --list matches.fkmm")]
pub(crate) struct MatchesArgs {
    /// The log.
    pub(crate) file: PathBuf,
    /// Print a line for each match: milliseconds, number, mode, players.
    #[arg(long)]
    pub(crate) list: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  framekeep-replay verify a.fkr b.fkr
  framekeep-replay verify --key node.pub a.fkr
  framekeep-replay verify --hashes a.fkr > hashes.txt
  framekeep-replay verify --json a.fkr | jq '.files[0].ticks_per_s'")]
pub(crate) struct VerifyArgs {
    /// The replays.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Demand that this key's owner sealed them: 64 hexadecimal digits, or a file that holds them, as
    /// `framekeep identity` prints them.
    #[arg(long, value_name = "PUBKEY")]
    pub(crate) key: Option<KeyArg>,
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
#[command(after_help = "Examples:
  framekeep-replay play match.fkr
  framekeep-replay play --headless --frames 3 --every 30 match.fkr

Keys: space pauses, left and right go 5 seconds, up and down 30, comma and full stop a tick, + and - change the
speed, home and end go to either end, q ends.")]
pub(crate) struct PlayArgs {
    #[command(flatten)]
    pub(crate) played: Played,
    /// The tick to start at; the match's first if not given.
    #[arg(long, value_name = "TICK")]
    pub(crate) from: Option<u32>,
    /// How fast, in per cent of the match's own speed, 1 to 10,000.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) speed: u32,
    /// Print pictures one after the other as text, without keys and without waiting.
    #[arg(long)]
    pub(crate) headless: bool,
    /// How many pictures to print (headless).
    #[arg(long, default_value_t = 1)]
    pub(crate) frames: u32,
    /// Ticks from one picture to the next (headless).
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) every: u32,
    /// Columns of the picture; the terminal's if not given, else 80.
    #[arg(long, value_parser = clap::value_parser!(u16).range(10..=500))]
    pub(crate) columns: Option<u16>,
    /// Rows of the picture; the terminal's if not given, else 24.
    #[arg(long, value_parser = clap::value_parser!(u16).range(5..=200))]
    pub(crate) rows: Option<u16>,
    /// Draw without colours.
    #[arg(long)]
    pub(crate) plain: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  framekeep-replay seek --tick 900 match.fkr
  framekeep-replay seek --tick 900 --field players match.fkr
  framekeep-replay seek --tick 900 --json match.fkr | jq -r .hash")]
pub(crate) struct SeekArgs {
    #[command(flatten)]
    pub(crate) played: Played,
    /// The state before the frame of this tick, after all frames before it.
    #[arg(long)]
    pub(crate) tick: u32,
    /// Only fields whose path begins like this.
    #[arg(long, default_value = "", value_name = "PATH")]
    pub(crate) field: String,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  framekeep-replay diff mine.fkr yours.fkr")]
pub(crate) struct DiffArgs {
    /// One replay.
    pub(crate) left: PathBuf,
    /// The other one.
    pub(crate) right: PathBuf,
    /// How many fields to name.
    #[arg(long, default_value_t = 8)]
    pub(crate) fields: usize,
    /// Play them even if other rules recorded them.
    #[arg(long)]
    pub(crate) force: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  framekeep-replay bisect match.fkr
  framekeep-replay bisect --other ../before/framekeep-replay match.fkr

A replay holds hashes of every tick and states of few. With --other, the program of the build that recorded the match
is asked for its state at the first bad tick, so that exactly the fields that went wrong first are named.")]
pub(crate) struct BisectArgs {
    /// The replay; it is played even if other rules recorded it.
    pub(crate) file: PathBuf,
    /// The framekeep-replay of the build that recorded it.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) other: Option<PathBuf>,
    /// How many fields to name.
    #[arg(long, default_value_t = 8)]
    pub(crate) fields: usize,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  framekeep-replay explain framekeep-data/desyncs/friday.fkd
  framekeep-replay explain --json friday.fkd | jq '.fields[0]'")]
pub(crate) struct ExplainArgs {
    /// The report that a server wrote.
    pub(crate) report: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("form").required(true).args(["json", "csv"]), after_help = "Examples:
  framekeep-replay export --json match.fkr | jq -c 'select(.events != null and .events != [])'
  framekeep-replay export --csv --from 900 --to 960 match.fkr > inputs.csv")]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) played: Played,
    /// A JSON object a line: the header, every tick, the end.
    #[arg(long)]
    pub(crate) json: bool,
    /// A row for every tick and seat: tick,hash,seat,mark,bits,score.
    #[arg(long)]
    pub(crate) csv: bool,
    #[command(flatten)]
    pub(crate) span: Span,
    /// With what a spectator sees: every body and its place (JSON).
    #[arg(long, conflicts_with = "csv")]
    pub(crate) views: bool,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("form").required(true).args(["png", "gif"]), after_help = "Examples:
  framekeep-replay render --png --tick 900 --out tick900.png match.fkr
  framekeep-replay render --gif --from 600 --to 900 --every 3 --out brawl.gif match.fkr")]
pub(crate) struct RenderArgs {
    #[command(flatten)]
    pub(crate) played: Played,
    /// One picture.
    #[arg(long, conflicts_with_all = ["from", "to", "every"])]
    pub(crate) png: bool,
    /// A moving picture, at the match's own speed.
    #[arg(long, conflicts_with = "tick")]
    pub(crate) gif: bool,
    /// Which tick (PNG); the match's last if not given.
    #[arg(long)]
    pub(crate) tick: Option<u32>,
    #[command(flatten)]
    pub(crate) span: Span,
    /// Ticks from one picture to the next (GIF).
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) every: u32,
    /// Width of the picture, in pixels.
    #[arg(long, default_value_t = 640, value_parser = clap::value_parser!(u16).range(64..=4_096))]
    pub(crate) width: u16,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  framekeep-replay cut --from 600 --to 900 --out brawl.fkr match.fkr

What is cut out can be verified and played like any replay. It begins with the state of its first tick, which is no
longer proven: nobody signs it.")]
pub(crate) struct CutArgs {
    #[command(flatten)]
    pub(crate) played: Played,
    #[command(flatten)]
    pub(crate) span: Span,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  framekeep-replay stats match.fkr")]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    pub(crate) played: Played,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  framekeep-replay check match.fkr
  framekeep-replay check --threads 8 --other target/release/framekeep-replay assets/replays/*.fkr")]
pub(crate) struct CheckArgs {
    /// The replays.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Play them even if other rules recorded them: hashes are then compared with a first run here.
    #[arg(long)]
    pub(crate) force: bool,
    /// Deepest rollback, in ticks: every depth from 1 to this is tried at every tick.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) rollback: u32,
    /// How many rooms play side by side, in shuffled order and spread over threads.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) rooms: u32,
    /// Most threads: every number from 1 to this is tried; as many as there are cores if not given, at least 4.
    #[arg(long)]
    pub(crate) threads: Option<u32>,
    /// The seed of the shuffles and wrong guesses.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Another build of this program whose hashes must be the same; the debug build beside a release build, and the
    /// other way round, is found by itself.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) other: Vec<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CorpusArgs {
    #[command(subcommand)]
    pub(crate) command: CorpusCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CorpusCommand {
    /// Play every match of a folder again: does a change of the rules alter past matches?
    #[command(after_help = "Example:
  framekeep-replay corpus verify assets/replays")]
    Verify(CorpusVerifyArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct CorpusVerifyArgs {
    /// The folder; folders in it are searched too.
    pub(crate) folder: PathBuf,
    /// Demand that this key's owner sealed every replay.
    #[arg(long, value_name = "PUBKEY")]
    pub(crate) key: Option<KeyArg>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  framekeep-replay record --seats 4 --ticks 900 --seed 7 --out bots.fkr
  framekeep-replay record --game rhythm --content assets/songs/clockwork.toml --out song.fkr

The same arguments give the same file, byte for byte, as long as the rules are the same.")]
pub(crate) struct RecordArgs {
    /// The rules.
    #[arg(long, default_value = "arena")]
    pub(crate) game: String,
    /// A content file (an arena, a song); the game's default if not given.
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
    /// Sign it with the node key of this file (64 hexadecimal digits, as `framekeep key` makes them).
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Args;

    #[test]
    fn every_command_has_an_example() {
        fn check(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let group = command.is_subcommand_required_set();
            assert!(group || help.contains("Example"), "{} has no example", command.get_name());
            command.get_subcommands().filter(|sub| sub.get_name() != "help").for_each(check);
        }
        Args::command().debug_assert();
        check(&Args::command());
    }
}
