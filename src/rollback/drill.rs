//! A drill: one bit of a client's state is flipped, as a fault of the machine would.

use std::panic::{AssertUnwindSafe, catch_unwind};

use framekeep_sim::{FieldDiff, Frame, Game, Match, Pcg32, Tick, diff_values};

/// How many bits are tried in one tick.
const TRIES: u32 = 64;
/// For how many ticks a flipped bit must make a difference, and do no worse.
const TRIAL_TICKS: u32 = 40;

/// A bit that was flipped on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injected {
    /// The state after all frames before this tick is the first that differs.
    pub tick: Tick,
    /// Which bit of its canonical encoding.
    pub bit: u32,
    /// What that changed: the right value on the left, at most 8 fields.
    pub fields: Vec<FieldDiff>,
}

/// Flips a bit of `state`, whose encoding is `bytes`, such that it is still a state and stays another one for a while
/// if `frame` goes on; `None` if none of the bits tried is like that.
pub(crate) fn flip_bit<G: Game>(
    state: &mut Match<G>,
    bytes: &mut [u8],
    frame: &Frame,
    rng: &mut Pcg32,
) -> Option<Injected> {
    for _ in 0..TRIES {
        let bit = rng.below(bytes.len() as u32 * 8);
        let (at, mask) = (bit as usize / 8, 1 << (bit % 8));
        bytes[at] ^= mask;
        if let Some((bad, fields)) = trial(state, bytes, frame) {
            *state = bad;
            return Some(Injected { tick: state.tick(), bit, fields });
        }
        bytes[at] ^= mask;
    }
    None
}

/// The match with that state, if it can be played.
fn trial<G: Game>(good: &Match<G>, bytes: &[u8], frame: &Frame) -> Option<(Match<G>, Vec<FieldDiff>)> {
    let mut bad = good.clone();
    bad.restore(good.tick(), bytes).ok()?;
    let (mut again, mut other) = (Vec::new(), Vec::new());
    bad.encode(&mut again);
    let fields = diff_values(good.state(), bad.state(), 8);
    if again != bytes || fields.is_empty() {
        return None;
    }
    // A broken state may be one that the game never expected.
    let lasting = catch_unwind(AssertUnwindSafe(|| {
        let (mut right, mut wrong, mut frame) = (good.clone(), bad.clone(), frame.clone());
        (0..TRIAL_TICKS).all(|_| {
            frame.tick = right.tick();
            right.step(&frame);
            wrong.step(&frame);
            right.hash(&mut again) != wrong.hash(&mut other)
        })
    }));
    lasting.unwrap_or(false).then_some((bad, fields))
}
