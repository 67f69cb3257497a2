//! `export`: every tick as JSON lines or CSV.

use std::io::Write;

use framekeep_journal::{MatchHeader, TickHash};
use framekeep_sim::{AnyMatch, Frame, Mark, Outcome, SeatInput, Tick, View, ViewBody};
use serde::Serialize;

use crate::args::ExportArgs;
use crate::describe::hex;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::info::SeatedJson;
use crate::opened::Opened;
use crate::progress::Progress;

/// The first line of JSON.
#[derive(Serialize)]
struct First<'a> {
    schema_version: u32,
    kind: &'static str,
    game: &'a str,
    fingerprint: String,
    content_hash: String,
    seed: String,
    seats: u8,
    tick_rate_hz: u16,
    players: Vec<SeatedJson<'a>>,
    from: u32,
    to: u32,
    root: String,
}

/// A line for each tick.
#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    tick: u32,
    /// Of the state after the tick, as this build makes it.
    hash: String,
    /// Whether that is the hash in the record, as far as it is kept.
    agrees: bool,
    inputs: Vec<InputOf>,
    events: Vec<String>,
    scores: &'a [i32],
    #[serde(skip_serializing_if = "Option::is_none")]
    bodies: Option<&'a [ViewBody]>,
}

#[derive(Serialize)]
struct InputOf {
    mark: &'static str,
    bits: u64,
}

/// The last line.
#[derive(Serialize)]
struct Last<'a> {
    kind: &'static str,
    ticks: u32,
    hash: String,
    reason: &'static str,
    outcome: Option<&'a Outcome>,
}

pub(crate) fn run(args: &ExportArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    let opened = Opened::played(&args.played)?;
    let (from, to) = opened.span(&args.span)?;
    let (mut play, mut frames) = (opened.at(from)?, opened.replay.frames_from(from));
    let progress = Progress::new("exporting", to.0 - from.0);
    if args.json {
        json(out, &first(&opened, from, to))?;
    } else {
        writeln!(out, "tick,hash,seat,mark,bits,score")?;
    }
    let (mut view, mut agrees) = (View::default(), true);
    while play.tick() < to {
        let Some((frame, recorded)) = frames.next_frame() else { break };
        play.step(frame);
        progress.at(play.tick().0 - from.0);
        let line = line(&*play, frame, recorded, &mut view, args.views);
        agrees &= line.agrees;
        if args.json { json(out, &line)? } else { csv(out, frame, &line)? }
    }
    if args.json {
        let end = opened.replay.end();
        let (ticks, hash, reason) = (end.ticks.0, format!("{:016x}", end.hash), end.reason.name());
        json(out, &Last { kind: "end", ticks, hash, reason, outcome: end.outcome.as_ref() })?;
    }
    Ok(if agrees { Exit::Ok } else { Exit::Disagrees })
}

fn first(opened: &Opened, from: Tick, to: Tick) -> First<'_> {
    let MatchHeader { game, fingerprint, content_hash, seed, seats, tick_rate_hz, players, .. } =
        opened.replay.header();
    First {
        schema_version: 2,
        kind: "match",
        game,
        fingerprint: format!("{fingerprint:016x}"),
        content_hash: format!("{content_hash:016x}"),
        seed: format!("{seed:016x}"),
        seats: *seats,
        tick_rate_hz: *tick_rate_hz,
        players: SeatedJson::all(players),
        from: from.0,
        to: to.0,
        root: hex(&opened.replay.root()),
    }
}

fn line<'a>(
    play: &dyn AnyMatch,
    frame: &Frame,
    recorded: TickHash,
    view: &'a mut View,
    views: bool,
) -> Line<'a> {
    let hash = play.hash(&mut Vec::new());
    play.view(view);
    let view = &*view;
    Line {
        kind: "tick",
        tick: frame.tick.0,
        hash: format!("{hash:016x}"),
        agrees: recorded.agrees(hash),
        inputs: frame.seats().iter().map(|seat| InputOf { mark: mark(*seat), bits: seat.bits }).collect(),
        events: play.describe_events(),
        scores: &view.scores,
        bodies: views.then_some(&view.bodies),
    }
}

fn mark(seat: SeatInput) -> &'static str {
    match seat.mark {
        Mark::Absent => "absent",
        Mark::Arrived => "arrived",
        Mark::Repeated => "repeated",
    }
}

fn json(out: &mut impl Write, value: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    writeln!(out)
}

fn csv(out: &mut impl Write, frame: &Frame, line: &Line<'_>) -> std::io::Result<()> {
    for (number, seat) in frame.seats().iter().enumerate() {
        let score = line.scores.get(number).map(ToString::to_string).unwrap_or_default();
        writeln!(out, "{},{},{number},{},{},{score}", line.tick, line.hash, mark(*seat), seat.bits)?;
    }
    Ok(())
}
