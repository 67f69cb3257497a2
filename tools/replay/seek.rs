//! `seek`: the state at a tick.

use std::io::Write;

use framekeep_sim::{AnyMatch, Outcome, Tick, View};
use serde::Serialize;

use crate::args::SeekArgs;
use crate::describe::{duration, grouped, outcome};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::opened::Opened;

/// The object that `--json` prints. `bisect --other` reads it too.
#[derive(Debug, Serialize)]
struct State {
    schema_version: u32,
    file: String,
    /// It is the state before the frame of this tick.
    tick: u32,
    hash: String,
    /// Of the hash that the replay has; dots stand for digits it does not keep.
    recorded: Option<String>,
    agrees: bool,
    state_bytes: usize,
    outcome: Option<Outcome>,
    scores: Vec<i32>,
    bodies: usize,
    fields: Vec<Field>,
}

#[derive(Debug, Serialize)]
struct Field {
    path: String,
    value: String,
}

pub(crate) fn run(args: &SeekArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    let opened = Opened::played(&args.played)?;
    let play = opened.at(Tick(args.tick))?;
    let state = describe(&opened, &*play, &args.field);
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &state).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        table(&state, opened.replay.header().tick_rate_hz, out)?;
    }
    Ok(if state.agrees { Exit::Ok } else { Exit::Disagrees })
}

fn describe(opened: &Opened, play: &dyn AnyMatch, prefix: &str) -> State {
    let (mut bytes, mut view, mut fields) = (Vec::new(), View::default(), Vec::new());
    let hash = play.hash(&mut bytes);
    play.view(&mut view);
    play.visit_fields(&mut |path, value| {
        if path.starts_with(prefix) {
            fields.push(Field { path: path.to_owned(), value: value.to_owned() });
        }
        true
    });
    let recorded = (play.tick() > opened.replay.start())
        .then(|| opened.replay.frames_from(play.tick().earlier(1)).next_frame().map(|(_, hash)| hash))
        .flatten();
    State {
        schema_version: 1,
        file: opened.file(),
        tick: play.tick().0,
        hash: format!("{hash:016x}"),
        recorded: recorded.map(|recorded| recorded.to_string()),
        agrees: recorded.is_none_or(|recorded| recorded.agrees(hash)),
        state_bytes: bytes.len(),
        outcome: play.outcome(),
        scores: view.scores,
        bodies: view.bodies.len(),
        fields,
    }
}

fn table(state: &State, tick_rate_hz: u16, out: &mut impl Write) -> std::io::Result<()> {
    let mut row = |name: &str, value: String| writeln!(out, "{name:<12}{value}");
    row("tick", format!("{} ({})", grouped(state.tick.into()), duration(state.tick, tick_rate_hz)))?;
    let recorded = match (&state.recorded, state.agrees) {
        (None, _) => "the record begins here".to_owned(),
        (Some(_), true) => "as recorded".to_owned(),
        (Some(recorded), false) => format!("{recorded} in the record"),
    };
    row("hash", format!("{} ({recorded})", state.hash))?;
    row("state", format!("{} bytes, {} bodies in view", grouped(state.state_bytes as u64), state.bodies))?;
    row("scores", format!("{:?}", state.scores))?;
    row("outcome", outcome(state.outcome.as_ref()))?;
    let width = state.fields.iter().map(|field| field.path.len()).max().unwrap_or(0);
    state.fields.iter().try_for_each(|field| writeln!(out, "  {:<width$}  {}", field.path, field.value))
}
