//! `explain`: the report of a desync, for people and as JSON.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use framekeep_journal::{DesyncReport, ReportError, VerifyError};
use framekeep_sim::{AnyMatch, FieldDiff, Frame, Mark, hash_bytes};
use serde::Serialize;

use crate::args::ExplainArgs;
use crate::describe::{counted, date_time, duration, grouped};
use crate::exit::Exit;
use crate::failure::Failure;

/// Largest report that is read, in bytes.
const REPORT_BYTES_MAX: u64 = 16 << 20;
/// Frames that are printed for people: the last ones before the first bad tick.
const FRAMES_PRINTED: usize = 8;

/// The object that `--json` prints.
#[derive(Debug, Serialize)]
struct Explained<'a> {
    schema_version: u32,
    report: String,
    cause: &'static str,
    game: &'a str,
    fingerprint: String,
    room: &'a str,
    room_id: String,
    epoch: u8,
    seat: Option<u8>,
    player: String,
    name: Option<&'a str>,
    made_unix_s: u64,
    /// States are the ones before the frame of a tick.
    first_bad: u32,
    /// The tick whose step went wrong.
    bad_step: u32,
    /// Whether the tick before is known to be good.
    exact: bool,
    noticed: u32,
    entity: Option<&'a str>,
    fields: &'a [FieldDiff],
    hash_server: String,
    hash_client: Option<String>,
    state_bytes_server: usize,
    state_bytes_client: Option<usize>,
    /// Whom this build agrees with, when it plays the frames of the report.
    here: Here,
    hashes: Vec<Hashes>,
    frames: Vec<FrameOf<'a>>,
}

/// What this build makes of the frames of the report.
#[derive(Debug, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
enum Here {
    /// The server's state.
    AgreesWithServer,
    /// The client's state: the server was wrong, or has other rules.
    AgreesWithClient,
    /// Neither: the fields differ, this build's value on the left, the server's on the right.
    AgreesWithNobody { hash: String, fields: Vec<FieldDiff> },
    /// It cannot play them.
    NotPlayed { why: String },
}

#[derive(Debug, Serialize)]
struct Hashes {
    tick: u32,
    server: String,
    client: String,
    agrees: bool,
}

#[derive(Debug, Serialize)]
struct FrameOf<'a> {
    tick: u32,
    seats: &'a [framekeep_sim::SeatInput],
}

pub(crate) fn run(args: &ExplainArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    let report = read(&args.report)?;
    let explained = explain(&args.report, &report);
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &explained).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        print(&explained, &report, out)?;
    }
    Ok(Exit::Ok)
}

fn read(path: &Path) -> Result<DesyncReport, Failure> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(REPORT_BYTES_MAX).read_to_end(&mut bytes))
        .map_err(|error| Failure::file("read", path, &error))?;
    DesyncReport::read(&bytes).map_err(|error| {
        let exit = match error {
            ReportError::Damaged(_) | ReportError::Invalid(_) => Exit::Damaged,
        };
        Failure::Told(exit, format!("{}: {error}", path.display()))
    })
}

fn explain<'a>(path: &Path, report: &'a DesyncReport) -> Explained<'a> {
    let header = &report.header;
    let seated = header.players.iter().find(|seated| seated.player == report.player);
    let hashes = report.hashes.iter().map(|pair| Hashes {
        tick: pair.tick.0,
        server: format!("{:016x}", pair.server),
        client: format!("{:08x}", pair.client),
        agrees: pair.agrees(),
    });
    let frames = report.frames.iter().map(|frame| FrameOf { tick: frame.tick.0, seats: frame.seats() });
    Explained {
        schema_version: 2,
        report: path.display().to_string(),
        cause: report.cause.name(),
        game: &header.game,
        fingerprint: format!("{:016x}", header.fingerprint),
        room: &header.room,
        room_id: format!("{:016x}", report.room),
        epoch: report.epoch,
        seat: (report.seat != u8::MAX).then_some(report.seat),
        player: format!("{:016x}", report.player),
        name: seated.map(|seated| seated.name.as_str()),
        made_unix_s: report.made_unix_s,
        first_bad: report.first_bad.0,
        bad_step: report.first_bad.earlier(1).0,
        exact: report.exact,
        noticed: report.noticed.0,
        entity: report.entity(),
        fields: &report.fields,
        hash_server: format!("{:016x}", report.server_hash()),
        hash_client: report.client_hash().map(|hash| format!("{hash:016x}")),
        state_bytes_server: report.server.bytes.len(),
        state_bytes_client: report.client.as_ref().map(|state| state.bytes.len()),
        here: here(report),
        hashes: hashes.collect(),
        frames: frames.collect(),
    }
}

/// Plays the frames from the report's base: whom does this build agree with?
fn here(report: &DesyncReport) -> Here {
    let play = match play(report) {
        Ok(play) => play,
        Err(why) => return Here::NotPlayed { why },
    };
    let mut state = Vec::new();
    let hash = play.hash(&mut state);
    if state == report.server.bytes {
        return Here::AgreesWithServer;
    }
    if report.client.as_ref().is_some_and(|client| client.bytes == state) {
        return Here::AgreesWithClient;
    }
    let fields = play.diff(&report.server.bytes, 8).unwrap_or_default();
    Here::AgreesWithNobody { hash: format!("{hash:016x}"), fields }
}

fn play(report: &DesyncReport) -> Result<Box<dyn AnyMatch>, String> {
    let (header, games) = (&report.header, framekeep_games::registry());
    let game = games.get(&header.game).map_err(|error| error.to_string())?;
    let here = game.fingerprint();
    if here != header.fingerprint {
        let (game, recorded) = (header.game.clone(), header.fingerprint);
        return Err(VerifyError::OtherRules { game, recorded, here }.to_string());
    }
    let started = game.start(&header.content, header.seed, header.seats);
    let mut play = started.map_err(|error| format!("the content cannot be read: {error}"))?;
    play.restore(report.base.tick, &report.base.bytes)
        .map_err(|error| format!("the base state cannot be read: {error}"))?;
    report.frames.iter().for_each(|frame| play.step(frame));
    Ok(play)
}

fn print(explained: &Explained<'_>, report: &DesyncReport, out: &mut impl Write) -> std::io::Result<()> {
    head(explained, report, out)?;
    fields(explained, out)?;
    let verdict = match &explained.here {
        Here::AgreesWithServer => "this build agrees with the server".to_owned(),
        Here::AgreesWithClient => "this build agrees with the client: look at the server".to_owned(),
        Here::AgreesWithNobody { hash, .. } => format!("this build agrees with neither: hash {hash}"),
        Here::NotPlayed { why } => format!("not played here: {why}"),
    };
    writeln!(out, "{:<12}{verdict}", "here")?;
    if let Here::AgreesWithNobody { fields, .. } = &explained.here {
        for FieldDiff { path, left, right } in fields {
            writeln!(out, "  {path}: {left} here, {right} on the server")?;
        }
    }
    hashes(explained, out)?;
    frames(report, out)
}

fn head(explained: &Explained<'_>, report: &DesyncReport, out: &mut impl Write) -> std::io::Result<()> {
    let mut row = |name: &str, value: String| writeln!(out, "{name:<12}{value}");
    let (header, rate) = (&report.header, report.header.tick_rate_hz);
    row("desync", format!("{} ({})", meaning(explained.cause), explained.cause))?;
    row("game", format!("{}, rules {}", explained.game, explained.fingerprint))?;
    row("room", format!("{:?} ({:016x}), match {}", header.room, report.room, report.epoch))?;
    let seat = explained.seat.map_or_else(|| "a spectator".to_owned(), |seat| format!("seat {seat}"));
    row("client", format!("{seat} {:?}, player {}", explained.name.unwrap_or("?"), explained.player))?;
    if report.made_unix_s > 0 {
        row("made", date_time(report.made_unix_s))?;
    }
    let certain = if report.exact { "the tick before was good" } else { "it may have begun earlier" };
    let first = report.first_bad.0;
    row("first bad", format!("tick {} ({}); {certain}", grouped(first.into()), duration(first, rate)))?;
    let late = report.noticed.0.saturating_sub(first);
    let (noticed, late) = (grouped(report.noticed.0.into()), counted(late.into(), "tick"));
    row("noticed", format!("tick {noticed}, {late} later"))?;
    let client = explained.hash_client.as_deref().unwrap_or("not told");
    row("hash", format!("{} on the server, {client} on the client", explained.hash_server))
}

fn meaning(cause: &str) -> &'static str {
    match cause {
        "state_differs" => "the client's state is another one",
        "undecodable" => "the client's bytes are no state of the game",
        "no_state" => "the client told its hashes and gave no state",
        "server_differs" => "the server's own state is not the one it had sent",
        _ => "nothing else is known",
    }
}

fn fields(explained: &Explained<'_>, out: &mut impl Write) -> std::io::Result<()> {
    if explained.fields.is_empty() {
        return writeln!(out, "{:<12}none are known", "fields");
    }
    let entity = explained.entity.map(|entity| format!(", the first is of {entity}")).unwrap_or_default();
    writeln!(out, "{:<12}{} known{entity}", "fields", counted(explained.fields.len() as u64, "difference"))?;
    explained.fields.iter().try_for_each(|FieldDiff { path, left, right }| {
        writeln!(out, "  {path}: {left} on the server, {right} on the client")
    })
}

fn hashes(explained: &Explained<'_>, out: &mut impl Write) -> std::io::Result<()> {
    let agreed = explained.hashes.iter().filter(|pair| pair.agrees).count();
    writeln!(out, "{:<12}{agreed} of {} ticks agree", "hashes", explained.hashes.len())?;
    let first = explained.hashes.iter().position(|pair| !pair.agrees).unwrap_or(0);
    for Hashes { tick, server, client, agrees } in
        explained.hashes.iter().skip(first.saturating_sub(2)).take(4)
    {
        let sign = if *agrees { "=" } else { "≠" };
        writeln!(out, "  tick {tick:>7}  {server} {sign} ........{client}")?;
    }
    Ok(())
}

fn frames(report: &DesyncReport, out: &mut impl Write) -> std::io::Result<()> {
    let base = hash_bytes(&report.base.bytes);
    let (count, from) = (report.frames.len(), report.base.tick);
    writeln!(out, "{:<12}{count} from tick {from}, whose state has the hash {base:016x}", "frames")?;
    let skipped = count.saturating_sub(FRAMES_PRINTED);
    report.frames.iter().skip(skipped).try_for_each(|frame: &Frame| {
        write!(out, "  tick {:>7} ", frame.tick.0)?;
        for seat in frame.seats() {
            match seat.mark {
                Mark::Absent => write!(out, "       -")?,
                Mark::Arrived => write!(out, " {:>7x}", seat.bits)?,
                Mark::Repeated => write!(out, " {:>6x}*", seat.bits)?,
            }
        }
        writeln!(out)
    })
}
