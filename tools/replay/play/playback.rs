//! `Playback`, what keys and time do to a match that is watched.

use std::time::Duration;

use framekeep_sim::Tick;

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Pause,
    /// So many seconds, forwards or back.
    Jump(i32),
    /// So many ticks.
    Step(i32),
    Faster,
    Slower,
    First,
    Last,
    Quit,
}

/// Reads keys from what a terminal sends; what means nothing is skipped.
pub(super) fn keys(bytes: &[u8]) -> Vec<Key> {
    const SEQUENCES: [(&[u8], Key); 18] = [
        (b"\x1b[C", Key::Jump(5)),
        (b"\x1b[D", Key::Jump(-5)),
        (b"\x1b[A", Key::Jump(30)),
        (b"\x1b[B", Key::Jump(-30)),
        (b"\x1bOC", Key::Jump(5)),
        (b"\x1bOD", Key::Jump(-5)),
        (b"\x1b[H", Key::First),
        (b"\x1b[F", Key::Last),
        (b"\x1b[1~", Key::First),
        (b"\x1b[4~", Key::Last),
        (b" ", Key::Pause),
        (b".", Key::Step(1)),
        (b",", Key::Step(-1)),
        (b"+", Key::Faster),
        (b"=", Key::Faster),
        (b"-", Key::Slower),
        (b"q", Key::Quit),
        (b"\x03", Key::Quit),
    ];
    let (mut rest, mut found) = (bytes, Vec::new());
    while !rest.is_empty() {
        let known = SEQUENCES.iter().find(|(sequence, _)| rest.starts_with(sequence));
        found.extend(known.map(|(_, key)| *key));
        rest = &rest[known.map_or(1, |(sequence, _)| sequence.len())..];
    }
    found
}

/// Slowest and fastest, in per cent.
const SPEED: std::ops::RangeInclusive<u32> = 1..=10_000;

/// Where a match that is watched is, and how fast it goes.
#[derive(Clone, Debug)]
pub(super) struct Playback {
    first: Tick,
    last: Tick,
    tick_rate_hz: u16,
    /// Ticks since the first, in millionths.
    at: u64,
    pub(super) speed_percent: u32,
    pub(super) paused: bool,
    pub(super) done: bool,
}

const MILLIONTHS: u64 = 1_000_000;

impl Playback {
    pub(super) fn new(first: Tick, last: Tick, at: Tick, tick_rate_hz: u16, speed_percent: u32) -> Self {
        let at = u64::from(at.0.saturating_sub(first.0)) * MILLIONTHS;
        Self { first, last, tick_rate_hz, at, speed_percent, paused: false, done: false }
    }

    pub(super) fn tick(&self) -> Tick {
        self.first.later((self.at / MILLIONTHS) as u32)
    }

    /// Time goes on; at the end the match pauses.
    pub(super) fn pass(&mut self, time: Duration) {
        if self.paused {
            return;
        }
        let ticks = time.as_micros() as u64 * u64::from(self.tick_rate_hz);
        self.move_to(self.at.saturating_add(ticks * u64::from(self.speed_percent) / 100));
        self.paused = self.tick() == self.last;
    }

    pub(super) fn press(&mut self, key: Key) {
        match key {
            Key::Pause if self.tick() == self.last => {
                self.move_to(0);
                self.paused = false;
            }
            Key::Pause => self.paused = !self.paused,
            Key::Jump(seconds) => self.step(seconds * i32::from(self.tick_rate_hz)),
            Key::Step(ticks) => {
                self.paused = true;
                self.step(ticks);
            }
            Key::Faster => self.speed_percent = (self.speed_percent * 2).min(*SPEED.end()),
            Key::Slower => self.speed_percent = (self.speed_percent / 2).max(*SPEED.start()),
            Key::First => self.move_to(0),
            Key::Last => self.move_to(u64::MAX),
            Key::Quit => self.done = true,
        }
    }

    fn step(&mut self, ticks: i32) {
        let by = u64::from(ticks.unsigned_abs()) * MILLIONTHS;
        let whole = self.at / MILLIONTHS * MILLIONTHS;
        self.move_to(if ticks < 0 { whole.saturating_sub(by) } else { whole + by });
    }

    fn move_to(&mut self, at: u64) {
        self.at = at.min(u64::from(self.last.0 - self.first.0) * MILLIONTHS);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use framekeep_sim::Tick;

    use super::{Key, Playback, keys};

    #[test]
    fn keys_are_read_out_of_what_comes() {
        let read = keys(b"x \x1b[C\x1b[D+q\x1b");
        assert_eq!(read, [Key::Pause, Key::Jump(5), Key::Jump(-5), Key::Faster, Key::Quit]);
    }

    #[test]
    fn time_passes_at_the_speed_that_is_set() {
        let mut playback = Playback::new(Tick(100), Tick(1_000), Tick(130), 30, 100);
        playback.pass(Duration::from_secs(1));
        assert_eq!(playback.tick(), Tick(160));
        playback.press(Key::Slower);
        playback.pass(Duration::from_secs(1));
        assert_eq!(playback.tick(), Tick(175));
        playback.press(Key::Step(-1));
        playback.pass(Duration::from_secs(9));
        assert_eq!((playback.tick(), playback.paused), (Tick(174), true));
        playback.press(Key::Jump(-30));
        assert_eq!(playback.tick(), Tick(100));
        playback.press(Key::Last);
        assert_eq!(playback.tick(), Tick(1_000));
        // Space at the end starts again.
        playback.press(Key::Pause);
        assert_eq!((playback.tick(), playback.paused), (Tick(100), false));
        playback.pass(Duration::from_secs(99));
        assert_eq!((playback.tick(), playback.paused), (Tick(1_000), true));
    }
}
