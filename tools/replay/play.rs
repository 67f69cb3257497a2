//! `play`: a match in the terminal.

mod braille;
mod playback;
#[cfg(unix)]
mod terminal;

use std::io::Write;

use framekeep_journal::Frames;
use framekeep_sim::{AnyMatch, Tick, View};

use crate::args::PlayArgs;
use crate::describe::duration;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::opened::Opened;
use crate::picture::{Canvas, Scene};
use crate::render;

/// Columns and rows where there is no terminal to ask.
const SIZE: (u16, u16) = (80, 24);

pub(crate) fn run(args: &PlayArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    let opened = Opened::played(&args.played)?;
    let from = args.from.map_or(opened.replay.start(), Tick);
    let mut stage = Stage::new(&opened, from, args.plain)?;
    if args.headless {
        headless(args, &mut stage, out)?;
        return Ok(Exit::Ok);
    }
    watch(args, &mut stage, out)
}

#[cfg(unix)]
fn watch(args: &PlayArgs, stage: &mut Stage<'_>, out: &mut impl Write) -> Result<Exit, Failure> {
    terminal::watch(args, stage, out)?;
    Ok(Exit::Ok)
}

#[cfg(not(unix))]
fn watch(_: &PlayArgs, _: &mut Stage<'_>, _: &mut impl Write) -> Result<Exit, Failure> {
    Err(Failure::new("there is no terminal with keys here; --headless prints pictures"))
}

fn headless(args: &PlayArgs, stage: &mut Stage<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let size = (args.columns.unwrap_or(SIZE.0), args.rows.unwrap_or(SIZE.1));
    for number in 0..args.frames {
        if number > 0 {
            stage.go(stage.tick().later(args.every))?;
        }
        write!(out, "{}", stage.picture(size, "", "\n"))?;
        if stage.tick() >= stage.last() {
            break;
        }
    }
    Ok(())
}

/// A match at some tick, and how it is drawn.
struct Stage<'o> {
    opened: &'o Opened,
    scene: Scene,
    play: Box<dyn AnyMatch>,
    frames: Frames<'o>,
    view: View,
    plain: bool,
}

impl<'o> Stage<'o> {
    fn new(opened: &'o Opened, from: Tick, plain: bool) -> Result<Self, Failure> {
        let scene = render::scene(opened, opened.replay.start(), opened.replay.end().ticks)?;
        let (play, frames) = (opened.at(from)?, opened.replay.frames_from(from));
        Ok(Self { opened, scene, play, frames, view: View::default(), plain })
    }

    /// The tick of the next frame.
    fn tick(&self) -> Tick {
        self.play.tick()
    }

    fn first(&self) -> Tick {
        self.opened.replay.start()
    }

    fn last(&self) -> Tick {
        self.opened.replay.end().ticks
    }

    fn tick_rate_hz(&self) -> u16 {
        self.opened.replay.header().tick_rate_hz
    }

    /// Goes to a tick, forwards or back; to an end of the match if it is beyond.
    fn go(&mut self, tick: Tick) -> Result<(), Failure> {
        /// From here on it is faster to seek.
        const STEPS_MAX: u32 = 2_048;
        let tick = tick.clamp(self.first(), self.last());
        if tick < self.tick() || tick.0 - self.tick().0 > STEPS_MAX {
            self.play = self.opened.at(tick)?;
            self.frames = self.opened.replay.frames_from(tick);
        }
        while self.tick() < tick {
            let Some((frame, _)) = self.frames.next_frame() else { break };
            self.play.step(frame);
        }
        Ok(())
    }

    /// The picture as lines: a head with time, scores and `note`, then the world.
    fn picture(&mut self, (columns, rows): (u16, u16), note: &str, line_end: &str) -> String {
        self.play.view(&mut self.view);
        let (columns, rows) = (usize::from(columns), usize::from(rows));
        let mut canvas = Canvas::new(2 * columns, 4 * rows.saturating_sub(1).max(1));
        self.scene.draw(&self.view, &mut canvas, 0);
        let time = duration(self.tick().0, self.tick_rate_hz());
        let end = duration(self.last().0, self.tick_rate_hz());
        let scores: Vec<_> = self.view.scores.iter().map(ToString::to_string).collect();
        let mut head = format!("tick {:>6}  {time} of {end}  {}  {note}", self.tick().0, scores.join(" : "));
        head.truncate(head.char_indices().nth(columns).map_or(head.len(), |(at, _)| at));
        let mut text = head.trim_end().to_owned();
        text.push_str(line_end);
        braille::write(&canvas, self.plain, line_end, &mut text);
        text
    }
}
