//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use framekeep_conditioner::LinkConditions;

use crate::player::GameChoice;

const EXAMPLES: &str = "\
Examples:
  framekeep-swarm --rooms 8 --seats 4 --seconds 20 --link wifi
  framekeep-swarm --game rhythm --rooms 50 --songs 1
  framekeep-swarm --rooms 10 --crowd 500
  framekeep-swarm --rooms 50 --seconds 120 --link wifi --link-losses 1000
  framekeep-swarm --rooms 25 --seconds 60 --inject-desync 300";

/// Bots that play on a Framekeep server over real UDP, and a table of what they saw.
///
/// Every bot predicts, rolls back and sends hashes as a real client does. Figures are of the measured window, which
/// begins one second after the last bot has joined and its match runs; connection set-up is not in them.
///
/// The swarm looks at its sockets every millisecond instead of being woken by each datagram: on loopback the kernel
/// charges the waking to the process that sends, so the server's processor time would include what players elsewhere
/// never cost it. Times from input to frame come out up to a millisecond longer for that.
///
/// Bots that hear nothing of the server for a second in a match connect again with new tickets, for 30 s, so that a run
/// goes on over a restart of the server.
///
/// Exits with 1 on a desync, a failed join, a lost link, a missing frame, a server that vanished, a song that was not
/// finished, a drill that failed or a missed --max goal; with 4 without a key, with 5 if the server does not answer. A
/// bot counts as disconnected when its link ended, when it heard nothing for 2 s at the end of the window, or when the
/// server ended its match without a result. Frames count as missing when a bot got over 2 % and 30 fewer than the tick
/// rate makes in the time it was in a match.
#[derive(Parser, Clone, Debug)]
#[command(name = "framekeep-swarm", version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The server's UDP address
    #[arg(long, default_value = "127.0.0.1:7770")]
    pub(crate) addr: SocketAddr,
    /// The server's data folder, where its development key is; the variable FRAMEKEEP_KEY goes before it
    #[arg(long, default_value = "framekeep-data")]
    pub(crate) data: PathBuf,
    /// How many rooms
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rooms: u32,
    /// Seats of each room, all taken by bots; the arena has 16 at most, rhythm 64
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(2..=64))]
    pub(crate) seats: u8,
    /// One room of this name instead, which may be open already and have other players in it: --seats bots come into it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["rooms", "crowd"])]
    pub(crate) room: Option<String>,
    /// Length of the measured window, in seconds; --songs and drills may make it longer
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) seconds: u32,
    /// Seconds over which the bots connect
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=3_600))]
    pub(crate) ramp: u32,
    /// Decides what bots do and which packets a bad network loses
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// The network in front of each bot, each way: perfect, lan, wifi, mobile, or a list like
    /// loss=2,delay=20,jitter=10,dup=1,reorder=1,burst=3 (percent, milliseconds, packets)
    #[arg(long, default_value = "perfect")]
    pub(crate) link: LinkConditions,
    /// Bots send inputs and check that all frames arrive, without simulating: thousands fit on a core
    #[arg(long)]
    pub(crate) thin: bool,
    /// One datagram each way in this many ticks; 0 is the server's default
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=8))]
    pub(crate) send_every: u8,
    /// Ticks per second; 0 is the server's default
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=128))]
    pub(crate) tick_rate: u16,
    /// What is played
    #[arg(long, value_enum, default_value_t)]
    pub(crate) game: GameChoice,
    /// The arena or song to play; the game's default if none is named
    #[arg(long, visible_alias = "arena", default_value = "")]
    pub(crate) content: String,
    /// The server's process, for its processor time; found by its socket if it runs on this machine
    #[arg(long)]
    pub(crate) server_pid: Option<u32>,
    /// Print exactly one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) drills: Drills,
    #[command(flatten)]
    pub(crate) goals: Goals,
}

impl Args {
    /// With a named room there is one.
    pub(crate) fn settled(mut self) -> Self {
        if self.room.is_some() {
            self.rooms = 1;
        }
        self
    }

    /// How many matches each room is to play to their end; `None` if the clock alone ends the window.
    pub(crate) fn songs_wanted(&self) -> Option<u32> {
        self.drills.songs.or((self.game == GameChoice::Rhythm).then_some(1))
    }
}

/// What is done besides playing.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Drills")]
pub(crate) struct Drills {
    /// Measure until each room has played this many songs, or matches, from beginning to end, 300 s for each at most;
    /// one if the game is rhythm
    #[arg(long, visible_alias = "play-again", value_name = "SONGS",
        value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) songs: Option<u32>,
    /// Send this many more bots into one more room of --seats seats within a second, while the others play; who finds
    /// no seat must be told so within a second of setting out
    #[arg(long, value_name = "BOTS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) crowd: Option<u32>,
    /// Lose this many links without a word, at random moments of the window; each bot connects again up to 5 s later
    /// and must play on its seat again, 999 of 1000 at least and 990 within a second of being admitted
    #[arg(long, value_name = "LINKS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) link_losses: Option<u32>,
    /// Flip this many bits of bots' states, each of another bot if there are enough, over the window; the server must
    /// name tick and field of each in a report in --data, and heal the bot within a second. A bot is broken 3 times in
    /// a row and once in 12 s after that, so the window may grow
    #[arg(long, value_name = "BITS", conflicts_with = "thin",
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) inject_desync: Option<u32>,
}

/// What must not be exceeded.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Goals")]
pub(crate) struct Goals {
    /// Milliseconds from making an input to having the frame with it, 99th percentile
    #[arg(long, value_name = "MS")]
    pub(crate) max_confirm_ms_p99: Option<f64>,
    /// The same, median
    #[arg(long, value_name = "MS")]
    pub(crate) max_confirm_ms_p50: Option<f64>,
    /// Frames of a match that a bot in it never got; none may be missing without this flag
    #[arg(long, value_name = "FRAMES")]
    pub(crate) max_frames_missing: Option<u64>,
    /// Inputs that were committed without having arrived in time
    #[arg(long, value_name = "INPUTS")]
    pub(crate) max_inputs_late: Option<u64>,
    /// Connections lost; none may be lost without this flag
    #[arg(long, value_name = "LINKS")]
    pub(crate) max_disconnects: Option<u64>,
    /// Ticks played again by a correction, 99th percentile
    #[arg(long, value_name = "TICKS")]
    pub(crate) max_rollback_ticks_p99: Option<u64>,
    /// UDP payload bytes of a room per second, both directions together
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_bytes_per_room_s: Option<f64>,
    /// Packets of a room per second, both directions together
    #[arg(long, value_name = "PACKETS")]
    pub(crate) max_packets_per_room_s: Option<f64>,
    /// Microseconds of the server's processor time per bot and tick
    #[arg(long, value_name = "US")]
    pub(crate) max_server_cpu_us: Option<f64>,
}
