//! `bisect`: the first tick at which this build differs from the record.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use framekeep_journal::Keyframe;
use framekeep_sim::{AnyMatch, Tick};
use serde::{Deserialize, Serialize};

use crate::args::BisectArgs;
use crate::check::builds;
use crate::describe::grouped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::opened::Opened;
use crate::progress::Progress;

/// The object that `--json` prints.
#[derive(Debug, Serialize)]
struct Found {
    schema_version: u32,
    file: String,
    agrees: bool,
    fingerprint_recorded: String,
    fingerprint_here: String,
    /// The first tick after which this build's state is another one.
    tick: Option<u32>,
    hash_recorded: Option<String>,
    hash_here: Option<String>,
    /// The stretches between recorded states, each played from the state it begins with: how many there are, and
    /// how many come to other states. One of many is a rare case of the rules, all of them a change of the basics.
    stretches: u32,
    stretches_differ: u32,
    /// The state that `fields` are of: the one before the frame of this tick.
    fields_at: Option<u32>,
    fields: Vec<Field>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Field {
    path: String,
    recorded: String,
    here: String,
}

/// A stretch of the match: from a recorded state to before the next one.
struct Stretch {
    from: Tick,
    keyframe: Option<Keyframe>,
    to: Tick,
    next: Option<Keyframe>,
}

/// Where a stretch leaves the record.
struct Departure {
    tick: Tick,
    recorded: String,
    here: u64,
}

pub(crate) fn run(args: &BisectArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    args.other.as_deref().map_or(Ok(()), builds::find)?;
    let opened = Opened::read(&args.file, true)?;
    let found = bisect(&opened, args)?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &found).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        print(&found, out)?;
    }
    Ok(if found.agrees { Exit::Ok } else { Exit::Disagrees })
}

fn bisect(opened: &Opened, args: &BisectArgs) -> Result<Found, Failure> {
    let stretches = stretches(opened);
    let mut found = Found {
        schema_version: 1,
        file: opened.file(),
        agrees: true,
        fingerprint_recorded: format!("{:016x}", opened.replay.header().fingerprint),
        fingerprint_here: format!("{:016x}", opened.game.fingerprint()),
        tick: None,
        hash_recorded: None,
        hash_here: None,
        stretches: stretches.len() as u32,
        stretches_differ: 0,
        fields_at: None,
        fields: Vec::new(),
    };
    let progress = Progress::new("bisecting", opened.replay.end().ticks.0);
    for stretch in &stretches {
        let Some(departure) = departure(opened, stretch, &progress)? else { continue };
        found.stretches_differ += 1;
        if !std::mem::replace(&mut found.agrees, false) {
            continue;
        }
        found.tick = Some(departure.tick.0);
        found.hash_recorded = Some(departure.recorded);
        found.hash_here = Some(format!("{:016x}", departure.here));
        let (at, fields) = match &args.other {
            Some(other) => (departure.tick.next(), ask(opened, other, departure.tick.next(), args.fields)?),
            None => at_next_keyframe(opened, stretch, args.fields)?,
        };
        found.fields_at = (!fields.is_empty()).then_some(at.0);
        found.fields = fields;
    }
    Ok(found)
}

fn stretches(opened: &Opened) -> Vec<Stretch> {
    let (start, end) = (opened.replay.start(), opened.replay.end().ticks);
    let mut begin = (start, opened.replay.keyframes().find(|keyframe| keyframe.tick == start));
    let mut stretches = Vec::new();
    for keyframe in opened.replay.keyframes().filter(|keyframe| keyframe.tick > start) {
        let (from, before) = std::mem::replace(&mut begin, (keyframe.tick, Some(keyframe)));
        stretches.push(Stretch { from, keyframe: before, to: keyframe.tick, next: Some(keyframe) });
    }
    let (from, keyframe) = begin;
    stretches.push(Stretch { from, keyframe, to: end, next: None });
    stretches
}

/// The match at the beginning of a stretch, as recorded.
fn begin(opened: &Opened, stretch: &Stretch) -> Result<Box<dyn AnyMatch>, Failure> {
    let mut play = opened.first.duplicate();
    if let Some(keyframe) = stretch.keyframe {
        let state = opened.replay.keyframe_state(keyframe).unwrap_or_default();
        play.restore(keyframe.tick, &state).map_err(|error| {
            let tick = keyframe.tick;
            let message = format!("the rules here cannot read the recorded state at tick {tick}: {error}");
            Failure::Told(Exit::Disagrees, message)
        })?;
    }
    Ok(play)
}

fn departure(opened: &Opened, stretch: &Stretch, progress: &Progress) -> Result<Option<Departure>, Failure> {
    let (mut play, mut scratch) = (begin(opened, stretch)?, Vec::new());
    let mut frames = opened.replay.frames_from(stretch.from);
    while play.tick() < stretch.to {
        let Some((frame, recorded)) = frames.next_frame() else { break };
        play.step(frame);
        progress.at(frame.tick.0);
        let here = play.hash(&mut scratch);
        if !recorded.agrees(here) {
            return Ok(Some(Departure { tick: frame.tick, recorded: recorded.to_string(), here }));
        }
    }
    Ok(None)
}

/// The fields that differ at the recorded state that ends the stretch.
fn at_next_keyframe(
    opened: &Opened,
    stretch: &Stretch,
    fields: usize,
) -> Result<(Tick, Vec<Field>), Failure> {
    let Some(next) = stretch.next else { return Ok((stretch.to, Vec::new())) };
    let (mut play, mut frames) = (begin(opened, stretch)?, opened.replay.frames_from(stretch.from));
    while play.tick() < stretch.to {
        let Some((frame, _)) = frames.next_frame() else { break };
        play.step(frame);
    }
    let state = opened.replay.keyframe_state(next).unwrap_or_default();
    let diffs = play.diff(&state, fields).unwrap_or_default();
    let fields =
        diffs.into_iter().map(|diff| Field { path: diff.path, recorded: diff.right, here: diff.left });
    Ok((next.tick, fields.collect()))
}

/// Asks another build for its state and compares it with the one here.
fn ask(opened: &Opened, program: &Path, tick: Tick, limit: usize) -> Result<Vec<Field>, Failure> {
    #[derive(Deserialize)]
    struct Answer {
        fields: Vec<Told>,
    }
    #[derive(Deserialize)]
    struct Told {
        path: String,
        value: String,
    }
    let asked = Command::new(program)
        .args(["seek", "--force", "--json", "--tick", &tick.to_string()])
        .arg(&opened.path)
        .output()
        .map_err(|error| Failure::file("run", program, &error))?;
    let answer: Answer = serde_json::from_slice(&asked.stdout).map_err(|error| {
        let told = String::from_utf8_lossy(&asked.stderr);
        Failure::new(format!("{} gives no state of tick {tick}: {error}\n{told}", program.display()))
    })?;
    let (play, mut theirs, mut fields) = (opened.at(tick)?, answer.fields.into_iter(), Vec::new());
    play.visit_fields(&mut |path, here| {
        // Both name their fields in the order of the encoding; where the shapes part, paths do.
        let Some(told) = theirs.next() else { return false };
        if told.path != path || told.value != here {
            let recorded =
                if told.path == path { told.value } else { format!("{} {}", told.path, told.value) };
            fields.push(Field { path: path.to_owned(), recorded, here: here.to_owned() });
        }
        fields.len() < limit
    });
    Ok(fields)
}

fn print(found: &Found, out: &mut impl Write) -> std::io::Result<()> {
    let Found { file, stretches, stretches_differ, .. } = found;
    if found.fingerprint_recorded != found.fingerprint_here {
        let (recorded, here) = (&found.fingerprint_recorded, &found.fingerprint_here);
        writeln!(out, "{file}: other rules: fingerprint {recorded} in the record, {here} here")?;
    }
    let (Some(tick), Some(recorded), Some(here)) = (found.tick, &found.hash_recorded, &found.hash_here)
    else {
        return writeln!(out, "{file}: this build agrees with every recorded hash");
    };
    let tick = grouped(tick.into());
    writeln!(out, "{file}: first differs at tick {tick}: hash {here} here, {recorded} in the record")?;
    writeln!(out, "  {stretches_differ} of {stretches} stretches between recorded states differ")?;
    if let Some(at) = found.fields_at {
        writeln!(out, "  fields of the state before tick {}:", grouped(at.into()))?;
    }
    found.fields.iter().try_for_each(|Field { path, recorded, here }| {
        writeln!(out, "    {path}: {here} here, {recorded} in the record")
    })
}
