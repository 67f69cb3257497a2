//! The terminal: keys without a line end, a screen of its own, both given back at the end.

use std::io::{self, IsTerminal, Read, Stdin, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};

use super::playback::{Playback, keys};
use super::{SIZE, Stage};
use crate::args::PlayArgs;
use crate::failure::Failure;

/// From one picture to the next.
const PICTURE_EVERY: Duration = Duration::from_millis(33);
/// Its own screen, no cursor, and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// Keys come one by one as long as this lives.
struct RawMode {
    stdin: Stdin,
    before: Termios,
}

impl RawMode {
    fn start() -> io::Result<Self> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(&stdin, SetArg::TCSANOW, &raw)?;
        Ok(Self { stdin, before })
    }

    /// What was typed within the time.
    fn typed(&self, within: Duration) -> io::Result<Vec<u8>> {
        let mut waiting = [PollFd::new(self.stdin.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(within).unwrap_or(PollTimeout::ZERO);
        if poll(&mut waiting, timeout)? == 0 {
            return Ok(Vec::new());
        }
        let mut bytes = [0; 64];
        match self.stdin.lock().read(&mut bytes)? {
            // Whoever typed is gone.
            0 => Ok(b"q".to_vec()),
            count => Ok(bytes[..count].to_vec()),
        }
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.stdin, SetArg::TCSANOW, &self.before);
    }
}

pub(super) fn watch(args: &PlayArgs, stage: &mut Stage<'_>, out: &mut impl Write) -> Result<(), Failure> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(Failure::new("this is no terminal; --headless prints pictures as text"));
    }
    let raw = RawMode::start()?;
    write!(out, "{ENTER}")?;
    let watched = follow(args, stage, &raw, out);
    drop(raw);
    write!(out, "{LEAVE}")?;
    out.flush()?;
    watched
}

fn follow(
    args: &PlayArgs,
    stage: &mut Stage<'_>,
    raw: &RawMode,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let rate = stage.tick_rate_hz();
    let mut playback = Playback::new(stage.first(), stage.last(), stage.tick(), rate, args.speed);
    let mut before = Instant::now();
    while !playback.done {
        stage.go(playback.tick())?;
        let state = if playback.paused { "paused" } else { "" };
        let note = format!("{} % {state}", playback.speed_percent);
        let (columns, rows) = size(args);
        let picture = stage.picture((columns, rows), &note, "\x1b[K\r\n");
        write!(out, "\x1b[H{}\x1b[J", picture.trim_end_matches("\r\n"))?;
        out.flush()?;
        let due = before + PICTURE_EVERY;
        for key in keys(&raw.typed(due.saturating_duration_since(Instant::now()))?) {
            playback.press(key);
        }
        let now = Instant::now();
        playback.pass(now - before);
        before = now;
    }
    Ok(())
}

/// Columns and rows: what is asked for, else the terminal's.
fn size(args: &PlayArgs) -> (u16, u16) {
    let (rows, columns) = console::Term::stdout().size_checked().unwrap_or((SIZE.1, SIZE.0));
    (args.columns.unwrap_or(columns), args.rows.unwrap_or(rows))
}
