//! Whole matches of `arena`, played by bots.

use std::sync::Arc;

use anyhow::{Context, Result};
use framekeep_games::arena::{Arena, ArenaBot};
use framekeep_journal::{EndReason, MatchEnd, MatchHeader, Replay, ReplayBuilder};
use framekeep_sim::{Frame, Game, Input, Match, SeatInput, encode_into, fingerprint, hash_bytes};

/// Seats of the match.
pub const SEATS: u8 = 4;
const SEED: u64 = 1;
/// Two minutes, if nobody wins before.
const TICKS_MAX: u32 = 3_600;

/// A match that is played by bots: steps are the game's, inputs the bots'.
pub struct BotMatch {
    /// The match.
    pub play: Match<Arena>,
    bots: Vec<ArenaBot>,
}

impl BotMatch {
    /// A match before its first frame.
    #[must_use]
    pub fn new() -> Self {
        let play = Match::start(Arc::new(Arena::default_content()), SEED, SEATS);
        Self { play, bots: (0..u64::from(SEATS)).map(ArenaBot::new).collect() }
    }

    /// The frame that the bots make of the present state.
    pub fn next_frame(&mut self) -> Frame {
        let mut frame = Frame::absent(self.play.tick(), SEATS);
        for (seat, bot) in (0..).zip(&mut self.bots) {
            let input = bot.input(self.play.state(), seat, frame.tick.0);
            frame.set(seat, SeatInput::arrived(input.pack()));
        }
        frame
    }
}

impl Default for BotMatch {
    fn default() -> Self {
        Self::new()
    }
}

/// Frames of a lively match, in order from tick 0.
#[must_use]
pub fn frames(count: u32) -> Vec<Frame> {
    let mut bots = BotMatch::new();
    let mut play = || {
        let frame = bots.next_frame();
        bots.play.step(&frame);
        frame
    };
    (0..count).map(|_| play()).collect()
}

/// A sealed match of four bots.
///
/// # Errors
/// The journal refuses what it is given, which would be a mistake here.
pub fn sealed() -> Result<Replay> {
    let mut bots = BotMatch::new();
    let mut builder = ReplayBuilder::new(&header())?;
    let mut state = Vec::new();
    while bots.play.tick().0 < TICKS_MAX && bots.play.outcome().is_none() {
        let frame = bots.next_frame();
        bots.play.step(&frame);
        builder.push(&frame, bots.play.hash(&mut state))?;
        if builder.keyframe_due() {
            builder.push_keyframe(&state);
        }
    }
    let outcome = bots.play.outcome();
    let reason = if outcome.is_some() { EndReason::Outcome } else { EndReason::Aborted };
    let hash = bots.play.hash(&mut state);
    let mut file = Vec::new();
    builder.seal(MatchEnd { ticks: bots.play.tick(), hash, outcome, reason }, &mut file)?;
    Replay::read(file).context("a replay just sealed is whole")
}

fn header() -> MatchHeader {
    let mut content = Vec::new();
    encode_into(&Arena::default_content(), &mut content);
    MatchHeader {
        room: "bench".into(),
        game: Arena::NAME.into(),
        fingerprint: fingerprint::<Arena>(),
        content_hash: hash_bytes(&content),
        content,
        seed: SEED,
        seats: SEATS,
        input_bits: <Arena as Game>::Input::BITS as u8,
        tick_rate_hz: 30,
        ..MatchHeader::default()
    }
}
