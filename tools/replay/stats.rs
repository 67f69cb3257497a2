//! `stats`: what is in a replay, and what takes its space.

use std::io::Write;
use std::time::Instant;

use framekeep_sim::{Mark, SeatInput};
use serde::Serialize;

use crate::args::StatsArgs;
use crate::describe::{duration, grouped};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::opened::Opened;
use crate::progress::Progress;

/// The object that `--json` prints.
#[derive(Debug, Default, Serialize)]
struct Stats {
    schema_version: u32,
    file: String,
    bytes: u64,
    ticks: u32,
    tick_rate_hz: u16,
    /// Of the whole file, for each minute of the match.
    bytes_per_minute: u64,
    parts: Vec<PartSize>,
    seats: Vec<SeatStats>,
    events: u64,
    state_bytes_min: usize,
    state_bytes_max: usize,
    /// Steps and hashes of this machine, one core.
    ticks_per_s: u64,
    times_real_time: u64,
    /// The slowest seek of one to each chunk, in microseconds.
    seek_us_max: u64,
}

#[derive(Debug, Serialize)]
struct PartSize {
    name: &'static str,
    count: u64,
    bytes: u64,
    raw_bytes: u64,
}

#[derive(Debug, Default, Serialize)]
struct SeatStats {
    arrived: u64,
    repeated: u64,
    absent: u64,
    /// Ticks whose input is another than that of the tick before.
    changes: u64,
}

pub(crate) fn run(args: &StatsArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    let opened = Opened::played(&args.played)?;
    let stats = count(&opened)?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &stats).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        table(&stats, out)?;
    }
    Ok(Exit::Ok)
}

fn count(opened: &Opened) -> Result<Stats, Failure> {
    let (replay, ticks) = (&opened.replay, opened.replay.end().ticks.0 - opened.replay.start().0);
    let tick_rate_hz = replay.header().tick_rate_hz;
    let bytes = replay.bytes().len() as u64;
    let mut stats = Stats {
        schema_version: 1,
        file: opened.file(),
        bytes,
        ticks,
        tick_rate_hz,
        bytes_per_minute: bytes * 60 * u64::from(tick_rate_hz) / u64::from(ticks.max(1)),
        parts: parts(opened),
        seats: seats(opened),
        ..Stats::default()
    };
    play(opened, &mut stats);
    for part in replay.parts().filter(|part| part.name == "chunk of frames") {
        let started = Instant::now();
        let tick = part.tick.later(255).min(replay.end().ticks);
        opened.at(tick)?;
        stats.seek_us_max = stats.seek_us_max.max(started.elapsed().as_micros() as u64);
    }
    Ok(stats)
}

fn parts(opened: &Opened) -> Vec<PartSize> {
    let mut sizes: Vec<PartSize> = Vec::new();
    for part in opened.replay.parts() {
        match sizes.iter_mut().find(|size| size.name == part.name) {
            Some(size) => {
                size.count += 1;
                size.bytes += part.bytes;
                size.raw_bytes += part.raw_bytes;
            }
            None => sizes.push(PartSize {
                name: part.name,
                count: 1,
                bytes: part.bytes,
                raw_bytes: part.raw_bytes,
            }),
        }
    }
    sizes
}

fn seats(opened: &Opened) -> Vec<SeatStats> {
    let seats = usize::from(opened.replay.header().seats);
    let mut stats: Vec<SeatStats> = (0..seats).map(|_| SeatStats::default()).collect();
    let (mut before, mut frames) = (vec![SeatInput::ABSENT; seats], opened.replay.frames());
    while let Some((frame, _)) = frames.next_frame() {
        for ((seat, stats), before) in frame.seats().iter().zip(&mut stats).zip(&mut before) {
            match seat.mark {
                Mark::Arrived => stats.arrived += 1,
                Mark::Repeated => stats.repeated += 1,
                Mark::Absent => stats.absent += 1,
            }
            stats.changes += u64::from(seat.bits != before.bits);
            *before = *seat;
        }
    }
    stats
}

/// Plays it: how fast, how large, how many events.
fn play(opened: &Opened, stats: &mut Stats) {
    let (mut play, mut frames, mut scratch) = (opened.first.duplicate(), opened.replay.frames(), Vec::new());
    let progress = Progress::new("playing", stats.ticks);
    stats.state_bytes_min = usize::MAX;
    let started = Instant::now();
    while let Some((frame, _)) = frames.next_frame() {
        play.step(frame);
        play.hash(&mut scratch);
        stats.events += play.event_count() as u64;
        stats.state_bytes_min = stats.state_bytes_min.min(scratch.len());
        stats.state_bytes_max = stats.state_bytes_max.max(scratch.len());
        progress.at(frame.tick.0);
    }
    let seconds = started.elapsed().as_secs_f64().max(1e-9);
    stats.state_bytes_min = stats.state_bytes_min.min(stats.state_bytes_max);
    stats.ticks_per_s = (f64::from(stats.ticks) / seconds) as u64;
    stats.times_real_time = stats.ticks_per_s / u64::from(stats.tick_rate_hz.max(1));
}

fn table(stats: &Stats, out: &mut impl Write) -> std::io::Result<()> {
    let length = duration(stats.ticks, stats.tick_rate_hz);
    writeln!(out, "{:<12}{} ticks ({length})", "length", grouped(stats.ticks.into()))?;
    let (bytes, minute) = (grouped(stats.bytes), grouped(stats.bytes_per_minute));
    writeln!(out, "{:<12}{bytes} bytes, {minute} a minute", "file")?;
    for PartSize { name, count, bytes, raw_bytes } in &stats.parts {
        let (count, bytes, raw) = (grouped(*count), grouped(*bytes), grouped(*raw_bytes));
        writeln!(out, "  {name:<20}{count:>6} of {bytes:>10} bytes, {raw:>10} unpacked")?;
    }
    let (smallest, largest) = (stats.state_bytes_min as u64, stats.state_bytes_max as u64);
    writeln!(out, "{:<12}{} to {} bytes", "state", grouped(smallest), grouped(largest))?;
    writeln!(out, "{:<12}{}", "events", grouped(stats.events))?;
    for (seat, SeatStats { arrived, repeated, absent, changes }) in stats.seats.iter().enumerate() {
        let [arrived, repeated, absent] = [arrived, repeated, absent].map(|count| grouped(*count));
        let inputs = format!("{arrived} arrived, {repeated} repeated, {absent} absent");
        writeln!(out, "  seat {seat:<3} {inputs}, {} changes", grouped(*changes))?;
    }
    let (speed, times) = (grouped(stats.ticks_per_s), grouped(stats.times_real_time));
    writeln!(out, "{:<12}{speed} ticks/s on one core, {times} times real time", "speed")?;
    writeln!(out, "{:<12}{} µs at most, to any tick", "seek", grouped(stats.seek_us_max))
}
