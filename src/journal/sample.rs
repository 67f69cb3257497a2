//! A small game and replays of it, for this crate's tests.

use framekeep_sim::{
    ContentError, Frame, Game, GameRegistry, Input, Match, Outcome, Pcg32, SeatInput, Tick, hash_bytes,
};
use serde::{Deserialize, Serialize};

use crate::{EndReason, MatchEnd, MatchHeader, Replay, ReplayBuilder, SealKey, Seated};

/// Walks by its inputs, stumbles by chance.
pub(crate) struct Drift;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Push(u64);

impl Input for Push {
    const BITS: u32 = 12;

    fn pack(self) -> u64 {
        self.0
    }

    fn unpack(bits: u64) -> Self {
        Self(bits & 0xfff)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Walkers {
    chance: Pcg32,
    places: Vec<i32>,
    steps: u32,
}

impl Game for Drift {
    const NAME: &'static str = "drift";
    const VERSION: u32 = 1;
    const SEATS: core::ops::RangeInclusive<u8> = 1..=64;
    type Config = u32;
    type Input = Push;
    type State = Walkers;
    type Event = ();

    fn default_content() -> u32 {
        600
    }

    fn parse_content(text: &str) -> Result<u32, ContentError> {
        text.parse().map_err(|_| ContentError("not a number".into()))
    }

    fn start(_: &u32, seed: u64, seats: u8) -> Walkers {
        Walkers { chance: Pcg32::new(seed, 1), places: vec![0; usize::from(seats)], steps: 0 }
    }

    fn step(_: &u32, state: &mut Walkers, frame: &Frame, _: &mut Vec<()>) {
        for (seat, place) in state.places.iter_mut().enumerate() {
            let push = frame.input::<Push>(seat as u8).0 as i32;
            *place = place.wrapping_add(push).wrapping_add(state.chance.below(3) as i32);
        }
        state.steps += 1;
    }

    fn outcome(content: &u32, state: &Walkers) -> Option<Outcome> {
        (state.steps >= *content).then(|| Outcome { scores: state.places.clone(), winner: None })
    }
}

pub(crate) fn registry() -> GameRegistry {
    GameRegistry::new().with::<Drift>()
}

pub(crate) fn header(seats: u8) -> MatchHeader {
    let content = 600_u32.to_le_bytes().to_vec();
    MatchHeader {
        room: "hall".into(),
        game: "drift".into(),
        fingerprint: framekeep_sim::fingerprint::<Drift>(),
        content_hash: hash_bytes(&content),
        content,
        seed: 9,
        seats,
        input_bits: 12,
        tick_rate_hz: 30,
        players: vec![Seated { seat: 0, player: 77, name: "ada".into() }],
        ..MatchHeader::default()
    }
}

/// Inputs that often stay as they were, are sometimes repeated and sometimes absent.
pub(crate) fn frame(rng: &mut Pcg32, tick: u32, seats: u8) -> Frame {
    let mut frame = Frame::absent(Tick(tick), seats);
    for seat in 0..seats {
        let bits = u64::from(rng.below(3) * 0x123);
        match rng.below(8) {
            0 => {}
            1 => frame.set(seat, SeatInput::repeated(bits)),
            _ => frame.set(seat, SeatInput::arrived(bits)),
        }
    }
    frame
}

/// The key that signs replays of this sample.
pub(crate) fn key() -> SealKey {
    SealKey::derive(&[5; 32])
}

/// A replay of a match of random frames, each passed through `change` after it was stepped and hashed.
pub(crate) fn replay_with(seats: u8, ticks: u32, change: impl FnMut(&mut Frame)) -> Vec<u8> {
    sealed(seats, ticks, None, change)
}

/// The same, signed.
pub(crate) fn signed(seats: u8, ticks: u32) -> Vec<u8> {
    sealed(seats, ticks, Some(key()), |_| {})
}

fn sealed(seats: u8, ticks: u32, key: Option<SealKey>, mut change: impl FnMut(&mut Frame)) -> Vec<u8> {
    let (mut rng, mut scratch) = (Pcg32::new(3, 3), Vec::new());
    let mut play = Match::<Drift>::start(std::sync::Arc::new(600), 9, seats);
    let mut builder = ReplayBuilder::new(&header(seats)).unwrap();
    for tick in 0..ticks {
        let mut frame = frame(&mut rng, tick, seats);
        play.step(&frame);
        change(&mut frame);
        builder.push(&frame, play.hash(&mut scratch)).unwrap();
        if builder.keyframe_due() {
            builder.push_keyframe(&scratch);
        }
    }
    let (outcome, hash) = (play.outcome(), play.hash(&mut scratch));
    let reason = if outcome.is_some() { EndReason::Outcome } else { EndReason::Aborted };
    let (end, mut file) = (MatchEnd { hash, outcome, reason, ..MatchEnd::default() }, Vec::new());
    match key {
        Some(key) => builder.seal_signed(end, &key, &mut file).unwrap(),
        None => builder.seal(end, &mut file).unwrap(),
    };
    file
}

pub(crate) fn replay(seats: u8, ticks: u32) -> Replay {
    Replay::read(replay_with(seats, ticks, |_| {})).unwrap()
}
