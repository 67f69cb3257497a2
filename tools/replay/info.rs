//! `info`: what is in a replay.

use std::io::{self, Write};

use framekeep_journal::{Replay, Seated};
use framekeep_sim::{Mark, Outcome};
use serde::Serialize;

use crate::args::InfoArgs;
use crate::describe::{date_time, duration, grouped, hex, outcome};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::load::load;

/// What is in a replay; the object that `--json` prints.
#[derive(Debug, Serialize)]
struct Info<'a> {
    schema_version: u32,
    file: String,
    bytes: usize,
    format_version: u16,
    protocol_version: u16,
    game: &'a str,
    fingerprint: String,
    /// The fingerprint of this build's rules; `None` if the game is unknown here.
    fingerprint_here: Option<String>,
    room: &'a str,
    content_bytes: usize,
    content_hash: String,
    /// Like every number of 64 bits as 16 hexadecimal digits: JSON numbers do not hold them everywhere.
    seed: String,
    seats: u8,
    tick_rate_hz: u16,
    started_unix_s: u64,
    players: Vec<SeatedJson<'a>>,
    ticks: u32,
    keyframes: usize,
    inputs: Inputs,
    end: &'static str,
    outcome: Option<&'a Outcome>,
    final_hash: String,
    root: String,
    /// The tick of the first frame; 0 unless it is cut out of a longer match.
    start: u32,
    /// The key that signed it; `verify` tells whether it did.
    sealed_by: Option<String>,
}

/// A player in a seat.
#[derive(Debug, Serialize)]
pub(crate) struct SeatedJson<'a> {
    seat: u8,
    player: String,
    name: &'a str,
}

impl<'a> SeatedJson<'a> {
    pub(crate) fn all(players: &'a [Seated]) -> Vec<Self> {
        let seated = |Seated { seat, player, name }: &'a Seated| Self {
            seat: *seat,
            player: format!("{player:016x}"),
            name,
        };
        players.iter().map(seated).collect()
    }
}

/// How the inputs of all seats and ticks came about.
#[derive(Debug, Default, Serialize)]
struct Inputs {
    arrived: u64,
    repeated: u64,
    absent: u64,
}

impl Inputs {
    fn count(replay: &Replay) -> Self {
        let (mut inputs, mut frames) = (Self::default(), replay.frames());
        while let Some((frame, _)) = frames.next_frame() {
            for seat in frame.seats() {
                match seat.mark {
                    Mark::Arrived => inputs.arrived += 1,
                    Mark::Repeated => inputs.repeated += 1,
                    Mark::Absent => inputs.absent += 1,
                }
            }
        }
        inputs
    }

    /// A part in per cent with one digit.
    fn percent(&self, part: u64) -> String {
        let all = (self.arrived + self.repeated + self.absent).max(1);
        let per_mille = part * 1_000 / all;
        format!("{}.{} %", per_mille / 10, per_mille % 10)
    }
}

pub(crate) fn run(args: &InfoArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    let replay = load(&args.file).map_err(|error| Failure::load(&args.file, &error))?;
    let info = describe(args, &replay);
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &info).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        table(&info, replay.header().seed, out)?;
    }
    Ok(Exit::Ok)
}

fn describe<'a>(args: &InfoArgs, replay: &'a Replay) -> Info<'a> {
    let (header, end) = (replay.header(), replay.end());
    let here = framekeep_games::registry().get(&header.game).ok().map(|game| game.fingerprint());
    Info {
        schema_version: 2,
        file: args.file.display().to_string(),
        bytes: replay.bytes().len(),
        format_version: replay.version(),
        protocol_version: header.protocol_version,
        game: &header.game,
        fingerprint: format!("{:016x}", header.fingerprint),
        fingerprint_here: here.map(|here| format!("{here:016x}")),
        room: &header.room,
        content_bytes: header.content.len(),
        content_hash: format!("{:016x}", header.content_hash),
        seed: format!("{:016x}", header.seed),
        seats: header.seats,
        tick_rate_hz: header.tick_rate_hz,
        started_unix_s: header.started_unix_s,
        players: SeatedJson::all(&header.players),
        ticks: end.ticks.0,
        keyframes: replay.keyframes().count(),
        inputs: Inputs::count(replay),
        end: end.reason.name(),
        outcome: end.outcome.as_ref(),
        final_hash: format!("{:016x}", end.hash),
        root: hex(&replay.root()),
        start: replay.start().0,
        sealed_by: replay.sealed_by().map(|key| key.to_string()),
    }
}

fn table(info: &Info<'_>, seed: u64, out: &mut impl Write) -> io::Result<()> {
    let mut row = |name: &str, value: String| writeln!(out, "{name:<12}{value}");
    row(
        "file",
        format!("{} ({} bytes, format {})", info.file, grouped(info.bytes as u64), info.format_version),
    )?;
    let here = match &info.fingerprint_here {
        Some(here) if *here == info.fingerprint => "the same here".into(),
        Some(here) => format!("{here} here"),
        None => "a game unknown here".into(),
    };
    row("game", format!("{}, rules {} ({here})", info.game, info.fingerprint))?;
    row("room", format!("{:?}", info.room))?;
    if info.started_unix_s > 0 {
        row("started", date_time(info.started_unix_s))?;
    }
    row("content", format!("{} bytes, hash {}", grouped(info.content_bytes as u64), info.content_hash))?;
    row("seed", seed.to_string())?;
    row("seats", info.seats.to_string())?;
    for player in &info.players {
        row("", format!("seat {:<3} {:?} (player {})", player.seat, player.name, player.player))?;
    }
    let length = duration(info.ticks, info.tick_rate_hz);
    row("length", format!("{} ticks at {} Hz ({length})", grouped(info.ticks.into()), info.tick_rate_hz))?;
    if info.start > 0 {
        row("", format!("cut out of a longer match, from tick {} on", grouped(info.start.into())))?;
    }
    let percent = |part| info.inputs.percent(part);
    let Inputs { arrived, repeated, absent } = info.inputs;
    let (arrived, repeated, absent) = (percent(arrived), percent(repeated), percent(absent));
    row("inputs", format!("{arrived} arrived, {repeated} repeated, {absent} absent"))?;
    row("keyframes", info.keyframes.to_string())?;
    row("end", format!("{}: {}", info.end, outcome(info.outcome)))?;
    row("final hash", info.final_hash.clone())?;
    row("root", info.root.clone())?;
    row("sealed by", info.sealed_by.clone().unwrap_or_else(|| "nobody signed it".into()))
}
