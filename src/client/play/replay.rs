//! `ReplayPlayer`, a finished match played again: play, pause, seek, speed.

use std::sync::Arc;
use std::time::Duration;

use framekeep_journal::{Keyframe, MatchHeader, Replay};
use framekeep_rollback::{EventId, EventStage, GameEvent, ViewTimeline};
use framekeep_sim::{DecodeError, Frame, Game, Input, Match, Tick, View, decode, fingerprint};

use super::Sketch;

/// The fastest a replay is played.
const SPEED_MAX: f64 = 64.0;
/// Ticks that one frame plays at most; a seek goes by keyframes.
const FRAME_TICKS_MAX: u32 = 256;

/// A replay that cannot be played here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayFault {
    /// It is of another game.
    #[error("the replay is of the game {got}, this is {expected}")]
    WrongGame {
        /// The game of this client.
        expected: &'static str,
        /// The replay's.
        got: String,
    },
    /// It was played by other rules.
    #[error(
        "the replay was played by rules {got:016x}, here they are {expected:016x}: use the build it is from"
    )]
    WrongRules {
        /// The fingerprint of the rules here.
        expected: u64,
        /// The replay's.
        got: u64,
    },
    /// The match has another shape than this game's: its inputs, its seats.
    #[error("the replay has {seats} seats and inputs of {bits} bits, which is no match of this game")]
    Shape {
        /// How many seats it has.
        seats: u8,
        /// How wide its inputs are.
        bits: u8,
    },
    /// Its content or a state of it cannot be read.
    #[error("the replay cannot be read: {0}")]
    Unreadable(#[from] DecodeError),
}

/// A finished match played again, frame by frame, by the rules it was played by.
pub struct ReplayPlayer<G: Game> {
    replay: Replay,
    frames: Vec<Frame>,
    keyframes: Vec<Keyframe>,
    start: Match<G>,
    /// The last two states that were shown.
    older: Match<G>,
    newer: Match<G>,
    /// How far the picture is from the older to the newer.
    part: f64,
    speed: f64,
    is_playing: bool,
    now: Option<Duration>,
    events: u64,
    jumped: bool,
}

impl<G: Game> ReplayPlayer<G> {
    pub(crate) fn new(replay: &Replay) -> Result<Self, ReplayFault> {
        let header = replay.header();
        if header.game != G::NAME {
            return Err(ReplayFault::WrongGame { expected: G::NAME, got: header.game.clone() });
        }
        if u32::from(header.input_bits) != G::Input::BITS || !G::SEATS.contains(&header.seats) {
            return Err(ReplayFault::Shape { seats: header.seats, bits: header.input_bits });
        }
        let content: G::Config = decode(&header.content)?;
        let start = Match::start(Arc::new(content), header.seed, header.seats);
        let mut frames = Vec::new();
        let mut reader = replay.frames();
        while let Some((frame, _)) = reader.next_frame() {
            frames.push(frame.clone());
        }
        Ok(Self {
            keyframes: replay.keyframes().collect(),
            replay: replay.clone(),
            frames,
            older: start.clone(),
            newer: start.clone(),
            start,
            part: 1.0,
            speed: 1.0,
            is_playing: true,
            now: None,
            events: 0,
            jumped: false,
        })
    }

    /// What the match was played with, and who played it.
    #[must_use]
    pub fn header(&self) -> &MatchHeader {
        self.replay.header()
    }

    /// The tick that is shown.
    #[must_use]
    pub fn tick(&self) -> Tick {
        self.newer.tick()
    }

    /// How many ticks the match has.
    #[must_use]
    pub fn end(&self) -> Tick {
        Tick(self.frames.len() as u32)
    }

    /// Whether it is played, or stands still.
    #[must_use]
    pub fn is_playing(&self) -> bool {
        self.is_playing
    }

    /// Plays on.
    pub fn play(&mut self) {
        self.is_playing = true;
    }

    /// Stands still.
    pub fn pause(&mut self) {
        self.is_playing = false;
    }

    /// How fast it is played; 1 is as fast as it was.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Plays at another speed, 0 to 64.
    pub fn set_speed(&mut self, speed: f64) {
        self.speed = if speed.is_finite() { speed.clamp(0.0, SPEED_MAX) } else { 1.0 };
    }

    /// Goes to a tick, or to the end if there is none so late. Events in between are not told.
    ///
    /// # Errors
    /// [`ReplayFault::Unreadable`] if a state in the replay is none of this game; nothing has changed then.
    pub fn seek(&mut self, tick: Tick) -> Result<(), ReplayFault> {
        let tick = tick.min(self.end());
        let key = self.keyframes.iter().take_while(|key| key.tick <= tick).last();
        let from = key.map_or(Tick(0), |key| key.tick);
        if tick < self.newer.tick() || from > self.newer.tick() {
            let mut state = self.start.clone();
            if let Some((key, bytes)) = key.and_then(|key| Some((key, self.replay.keyframe_state(*key)?))) {
                state.restore(key.tick, &bytes)?;
            }
            self.newer = state;
        }
        while self.newer.tick() < tick {
            let Some(frame) = self.frames.get(self.newer.tick().0 as usize) else { break };
            self.newer.step(frame);
        }
        self.older.clone_from(&self.newer);
        (self.part, self.jumped) = (1.0, true);
        Ok(())
    }

    /// The match at the tick that is shown.
    #[must_use]
    pub fn current(&self) -> &Match<G> {
        &self.newer
    }

    pub(crate) fn advance(&mut self, now: Duration, events: &mut Vec<GameEvent<G::Event>>) {
        let passed = now.saturating_sub(self.now.replace(now).unwrap_or(now));
        if !self.is_playing {
            return;
        }
        let rate = f64::from(self.header().tick_rate_hz.max(1)) * self.speed;
        self.part = (self.part + passed.as_secs_f64() * rate).min(f64::from(FRAME_TICKS_MAX));
        while self.part >= 1.0 {
            let Some(frame) = self.frames.get(self.newer.tick().0 as usize) else {
                self.part = 1.0;
                break;
            };
            self.part -= 1.0;
            self.older.clone_from(&self.newer);
            self.newer.step(frame);
            for event in self.newer.events() {
                self.events += 1;
                let (id, stage) = (EventId(self.events), EventStage::Confirmed { predicted: false });
                events.push(GameEvent { id, tick: frame.tick, stage, event: event.clone() });
            }
        }
    }

    pub(crate) fn draw(
        &mut self,
        sketch: &mut Sketch<G>,
        timeline: &mut ViewTimeline<u64>,
        view: &mut View,
    ) -> Option<f32> {
        if std::mem::take(&mut self.jumped) {
            sketch.forget();
        }
        sketch.between(&self.older, &self.newer, timeline, view);
        Some(self.part as f32)
    }
}

/// Compares the rules of a replay with those here.
pub(super) fn check_rules<G: Game>(replay: &Replay) -> Result<(), ReplayFault> {
    let (expected, got) = (fingerprint::<G>(), replay.header().fingerprint);
    let is_other = replay.header().game == G::NAME && got != expected;
    if is_other { Err(ReplayFault::WrongRules { expected, got }) } else { Ok(()) }
}
