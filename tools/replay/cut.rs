//! `cut`: a part of a match as a replay.

use std::io::Write;

use framekeep_journal::{EndReason, MatchEnd, ReplayBuilder};
use framekeep_sim::Tick;

use crate::args::CutArgs;
use crate::describe::grouped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::opened::Opened;

pub(crate) fn run(args: &CutArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    args.target.check()?;
    let opened = Opened::played(&args.played)?;
    let (from, to) = opened.span(&args.span)?;
    let file = cut(&opened, from, to)?;
    args.target.write(&file)?;
    let (ticks, bytes) = (grouped((to.0 - from.0).into()), grouped(file.len() as u64));
    writeln!(out, "{}: {ticks} ticks, {bytes} bytes", args.target.out.display())?;
    Ok(Exit::Ok)
}

fn cut(opened: &Opened, from: Tick, to: Tick) -> Result<Vec<u8>, Failure> {
    let (mut play, mut state) = (opened.at(from)?, Vec::new());
    let header = opened.replay.header();
    let hash = play.hash(&mut state);
    let mut builder = match from {
        Tick(0) => ReplayBuilder::new(header),
        from => ReplayBuilder::resume(header, from, &state),
    }
    .map_err(|error| Failure::new(error.to_string()))?;
    let mut frames = opened.replay.frames_from(from);
    let mut last = hash;
    while play.tick() < to {
        let Some((frame, recorded)) = frames.next_frame() else { break };
        play.step(frame);
        last = play.hash(&mut state);
        if !recorded.agrees(last) {
            let message =
                format!("tick {} does not agree with the record, and cannot be cut out", frame.tick);
            return Err(Failure::Told(Exit::Disagrees, message));
        }
        builder.push(frame, last).map_err(|error| Failure::new(error.to_string()))?;
        if builder.keyframe_due() {
            builder.push_keyframe(&state);
        }
    }
    let whole = opened.replay.end();
    let (reason, outcome) = match to == whole.ticks {
        true => (whole.reason, whole.outcome.clone()),
        false => (EndReason::Aborted, None),
    };
    let mut file = Vec::new();
    builder.seal(MatchEnd { ticks: to, hash: last, outcome, reason }, &mut file)?;
    Ok(file)
}
