//! `Match`, one play of a game: content, state and the tick it has reached.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::{DecodeError, Frame, Game, Outcome, SeatScore, Tick, View, decode, encode_into, hash_bytes};

/// One play of a game, from start to outcome.
///
/// `tick()` is the number of frames stepped so far, which is also the tick of the next frame.
pub struct Match<G: Game> {
    content: Arc<G::Config>,
    state: G::State,
    tick: Tick,
    seats: u8,
    events: Vec<G::Event>,
}

impl<G: Game> Clone for Match<G> {
    fn clone(&self) -> Self {
        Self {
            content: self.content.clone(),
            state: self.state.clone(),
            tick: self.tick,
            seats: self.seats,
            events: Vec::new(),
        }
    }

    /// Copies state and tick into the memory this match already has. Events are not copied.
    fn clone_from(&mut self, source: &Self) {
        self.content.clone_from(&source.content);
        self.state.clone_from(&source.state);
        self.tick = source.tick;
        self.seats = source.seats;
        self.events.clear();
    }
}

impl<G: Game> Match<G> {
    /// A match before its first frame. `seats` is clamped to what the game allows.
    #[must_use]
    pub fn start(content: Arc<G::Config>, seed: u64, seats: u8) -> Self {
        let seats = seats.clamp(*G::SEATS.start(), *G::SEATS.end());
        let state = G::start(&content, seed, seats);
        Self { content, state, tick: Tick(0), seats, events: Vec::new() }
    }

    /// Steps one frame. The events of this tick replace those of the tick before.
    pub fn step(&mut self, frame: &Frame) {
        self.events.clear();
        G::step(&self.content, &mut self.state, frame, &mut self.events);
        self.tick = self.tick.next();
    }

    /// How many frames were stepped; the tick of the next frame.
    #[must_use]
    pub fn tick(&self) -> Tick {
        self.tick
    }

    /// How many seats the match has.
    #[must_use]
    pub fn seats(&self) -> u8 {
        self.seats
    }

    /// What the match is played on.
    #[must_use]
    pub fn content(&self) -> &Arc<G::Config> {
        &self.content
    }

    /// The state after the last frame.
    #[must_use]
    pub fn state(&self) -> &G::State {
        &self.state
    }

    /// The state, to be changed from outside: for tests and drills; a match that is played never needs it.
    pub fn state_mut(&mut self) -> &mut G::State {
        &mut self.state
    }

    /// What the last step told.
    #[must_use]
    pub fn events(&self) -> &[G::Event] {
        &self.events
    }

    /// Appends the canonical encoding of the state to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode_into(&self.state, out);
    }

    /// The hash of the state's canonical encoding; `scratch` is overwritten.
    #[must_use]
    pub fn hash(&self, scratch: &mut Vec<u8>) -> u64 {
        scratch.clear();
        self.encode(scratch);
        hash_bytes(scratch)
    }

    /// Replaces the state by one from its canonical encoding and sets the tick.
    ///
    /// # Errors
    /// [`DecodeError`]; the match is unchanged then.
    pub fn restore(&mut self, tick: Tick, bytes: &[u8]) -> Result<(), DecodeError> {
        self.state = decode(bytes)?;
        self.tick = tick;
        self.events.clear();
        Ok(())
    }

    /// The result, once the match is over.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        G::outcome(&self.content, &self.state)
    }

    /// Overwrites `out` with how every seat stands; empty when the game keeps no scores.
    pub fn scores(&self, out: &mut Vec<SeatScore>) {
        out.clear();
        G::scores(&self.content, &self.state, out);
    }

    /// Overwrites `view` with what a spectator draws.
    pub fn view(&self, view: &mut View) {
        view.clear();
        G::view(&self.content, &self.state, view);
    }
}
