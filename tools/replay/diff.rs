//! `diff`: where two matches part.

use std::io::Write;

use framekeep_journal::TickHash;
use framekeep_sim::{Frame, Mark, SeatInput, Tick};
use serde::Serialize;

use crate::args::DiffArgs;
use crate::describe::outcome;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::opened::Opened;
use crate::progress::Progress;

/// The object that `--json` prints.
#[derive(Debug, Default, Serialize)]
struct Difference {
    schema_version: u32,
    left: String,
    right: String,
    same: bool,
    /// What differs in the headers: name, left, right.
    headers: Vec<Pair>,
    /// The first tick whose frames differ, and the first seat.
    input: Option<InputDifference>,
    /// The first tick after which the recorded hashes differ.
    hash: Option<HashDifference>,
    /// The state that `fields` are of: the one before the frame of this tick.
    fields_at: Option<u32>,
    fields: Vec<Pair>,
    /// One match is longer: its ticks on either side.
    length: Option<(u32, u32)>,
}

#[derive(Debug, Serialize)]
struct Pair {
    path: String,
    left: String,
    right: String,
}

#[derive(Debug, Serialize)]
struct InputDifference {
    tick: u32,
    seat: u8,
    left: String,
    right: String,
}

#[derive(Debug, Serialize)]
struct HashDifference {
    tick: u32,
    left: String,
    right: String,
}

pub(crate) fn run(args: &DiffArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    let (left, right) = (Opened::read(&args.left, args.force)?, Opened::read(&args.right, args.force)?);
    let difference = compare(&left, &right, args.fields)?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &difference).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        print(&difference, out)?;
    }
    Ok(if difference.same { Exit::Ok } else { Exit::Disagrees })
}

fn compare(left: &Opened, right: &Opened, fields_max: usize) -> Result<Difference, Failure> {
    let mut difference = Difference {
        schema_version: 1,
        left: left.file(),
        right: right.file(),
        headers: headers(left, right),
        ..Difference::default()
    };
    frames(left, right, &mut difference);
    let (one, two) = (left.replay.end(), right.replay.end());
    difference.length = (one.ticks != two.ticks).then_some((one.ticks.0, two.ticks.0));
    let same_game = left.game.name() == right.game.name();
    if let Some(hash) = difference.hash.as_ref().filter(|_| same_game) {
        let tick = Tick(hash.tick + 1);
        fields(left, right, tick, fields_max, &mut difference)?;
    }
    let outcome = |opened: &Opened| outcome(opened.replay.end().outcome.as_ref());
    if outcome(left) != outcome(right) {
        let (left, right) = (outcome(left), outcome(right));
        difference.headers.push(Pair { path: "outcome".into(), left, right });
    }
    let parts = difference.headers.len() + difference.fields.len();
    difference.same =
        parts == 0 && difference.hash.is_none() && difference.input.is_none() && difference.length.is_none();
    Ok(difference)
}

fn headers(left: &Opened, right: &Opened) -> Vec<Pair> {
    let rows = |opened: &Opened| {
        let header = opened.replay.header();
        [
            ("game", header.game.clone()),
            ("fingerprint", format!("{:016x}", header.fingerprint)),
            ("content_hash", format!("{:016x}", header.content_hash)),
            ("seed", header.seed.to_string()),
            ("seats", header.seats.to_string()),
            ("tick_rate_hz", header.tick_rate_hz.to_string()),
            ("start", opened.replay.start().to_string()),
        ]
    };
    let both = rows(left).into_iter().zip(rows(right)).filter(|(left, right)| left != right);
    both.map(|((path, left), (_, right))| Pair { path: path.into(), left, right }).collect()
}

/// Finds the first frame and the first hash that differ, in the ticks that both have.
fn frames(left: &Opened, right: &Opened, difference: &mut Difference) {
    let from = left.replay.start().max(right.replay.start());
    let ticks = left.replay.end().ticks.min(right.replay.end().ticks);
    let progress = Progress::new("comparing", ticks.0.saturating_sub(from.0));
    let (mut ours, mut theirs) = (left.replay.frames_from(from), right.replay.frames_from(from));
    while let (Some((one, hash)), Some((two, other))) = (ours.next_frame(), theirs.next_frame()) {
        progress.at(one.tick.0 - from.0);
        if difference.input.is_none() {
            difference.input = input(one, two);
        }
        if !TickHash::agrees_with(hash, other) {
            let (tick, left, right) = (one.tick.0, hash.to_string(), other.to_string());
            difference.hash = Some(HashDifference { tick, left, right });
            return;
        }
    }
}

fn input(left: &Frame, right: &Frame) -> Option<InputDifference> {
    let seats = left.seat_count().max(right.seat_count());
    let seat = (0..seats).find(|&seat| left.seat(seat) != right.seat(seat))?;
    let (left, right, tick) = (describe(left.seat(seat)), describe(right.seat(seat)), left.tick.0);
    Some(InputDifference { tick, seat, left, right })
}

fn describe(input: SeatInput) -> String {
    match input.mark {
        Mark::Absent => "absent".to_owned(),
        Mark::Arrived => format!("{:#x} arrived", input.bits),
        Mark::Repeated => format!("{:#x} repeated", input.bits),
    }
}

/// Both states as this build makes them; if it makes the same of both, those at the next keyframe that both have.
fn fields(
    left: &Opened,
    right: &Opened,
    tick: Tick,
    fields_max: usize,
    difference: &mut Difference,
) -> Result<(), Failure> {
    let (one, two) = (left.at(tick)?, right.at(tick)?);
    let mut state = Vec::new();
    two.encode(&mut state);
    let mut at = tick;
    let mut found = one.diff(&state, fields_max).unwrap_or_default();
    if found.is_empty() {
        let both = left.replay.keyframes().filter(|keyframe| keyframe.tick >= tick).find_map(|ours| {
            let theirs = right.replay.keyframes().find(|theirs| theirs.tick == ours.tick)?;
            Some((ours, theirs))
        });
        let Some((ours, theirs)) = both else { return Ok(()) };
        let states = (left.replay.keyframe_state(ours), right.replay.keyframe_state(theirs));
        let (Some(ours_state), Some(theirs_state)) = states else { return Ok(()) };
        let mut play = left.first.duplicate();
        if play.restore(ours.tick, &ours_state).is_ok() {
            found = play.diff(&theirs_state, fields_max).unwrap_or_default();
            at = ours.tick;
        }
    }
    difference.fields_at = (!found.is_empty()).then_some(at.0);
    let pairs = found.into_iter().map(|diff| Pair { path: diff.path, left: diff.left, right: diff.right });
    difference.fields = pairs.collect();
    Ok(())
}

fn print(difference: &Difference, out: &mut impl Write) -> std::io::Result<()> {
    if difference.same {
        return writeln!(out, "the same match");
    }
    writeln!(out, "left   {}\nright  {}", difference.left, difference.right)?;
    for Pair { path, left, right } in &difference.headers {
        writeln!(out, "{path}: {left} left, {right} right")?;
    }
    if let Some(InputDifference { tick, seat, left, right }) = &difference.input {
        writeln!(
            out,
            "tick {tick}: seat {seat} is the first whose input differs: {left} left, {right} right"
        )?;
    }
    if let Some(HashDifference { tick, left, right }) = &difference.hash {
        writeln!(out, "tick {tick}: the first after which the states differ: {left} left, {right} right")?;
    }
    if let Some(tick) = difference.fields_at {
        writeln!(out, "fields of the state before tick {tick}:")?;
    }
    for Pair { path, left, right } in &difference.fields {
        writeln!(out, "    {path}: {left} left, {right} right")?;
    }
    match difference.length {
        Some((left, right)) => writeln!(out, "ends at tick {left} left, {right} right"),
        None => Ok(()),
    }
}
