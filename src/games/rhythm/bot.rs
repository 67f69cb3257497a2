//! `RhythmBot`, a player without a person: for demos, load and tests.

use framekeep_sim::Pcg32;

use crate::rhythm::content::LANES;
use crate::rhythm::judgement::GOOD_EIGHTHS;
use crate::rhythm::{EIGHTHS_PER_TICK, Note, RhythmContent, RhythmInput, RhythmState};

/// How long a tap lasts.
const TAP_EIGHTHS: u32 = 2 * EIGHTHS_PER_TICK;
/// One note in this many is left out.
const SKIP: u32 = 50;
/// Half the range of each of the two errors that add up to a stroke's: at most 18 eighths in all.
const ERROR_EIGHTHS: u32 = 9;

/// Plays as a person might: mostly a little early or late, now and then not at all. The same seed gives the same
/// inputs. It plays by the song and its own strokes, so `tick` may run ahead of the state, as a client's does.
///
/// One bot plays one seat; call it once per tick, with ticks that grow.
///
/// ```
/// use framekeep_games::rhythm::{Rhythm, RhythmBot};
/// use framekeep_sim::{Frame, Game, Input, Match, SeatInput, Tick};
/// let mut play = Match::<Rhythm>::start(Rhythm::default_content().into(), 7, 1);
/// let mut bot = RhythmBot::new(1);
/// for tick in 0..300 {
///     let mut frame = Frame::absent(Tick(tick), 1);
///     let input = bot.input(play.content(), play.state(), 0, tick);
///     frame.set(0, SeatInput::arrived(input.pack()));
///     play.step(&frame);
/// }
/// assert!(play.state().players[0].combo_max > 3);
/// ```
#[derive(Clone, Debug)]
pub struct RhythmBot {
    rng: Pcg32,
    fingers: [Finger; LANES],
    blind_until: u32,
    blind_lanes: u8,
}

/// What a bot does in one lane.
#[derive(Clone, Copy, Debug, Default)]
struct Finger {
    /// The next note to strike.
    next: usize,
    /// When it will strike that note, once it has looked at it.
    strike_at: Option<u32>,
    /// When it will let go, while it is down.
    release_at: Option<u32>,
}

impl RhythmBot {
    /// A bot; bots of different seeds err differently.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let rng = Pcg32::new(seed, 0xb07);
        Self { rng, fingers: [Finger::default(); LANES], blind_until: 0, blind_lanes: 0 }
    }

    /// The input for `tick` of a bot that knows the song. Notes that the state counts as played are left alone.
    pub fn input(
        &mut self,
        content: &RhythmContent,
        state: &RhythmState,
        seat: u8,
        tick: u32,
    ) -> RhythmInput {
        let player = state.players.get(usize::from(seat)).copied().unwrap_or_default();
        let (mut lanes, mut offset) = (0, None);
        let start = tick.saturating_mul(EIGHTHS_PER_TICK);
        for (lane, notes) in content.lanes.iter().enumerate() {
            let finger = &mut self.fingers[lane];
            finger.skip_to(player.lanes[lane].next as usize);
            let moved = finger.act(&mut self.rng, notes, start);
            lanes |= u8::from(finger.release_at.is_some()) << lane;
            offset = offset.or(moved);
        }
        RhythmInput::new(lanes, offset.unwrap_or(0))
    }

    /// The input for `tick` of a bot that knows nothing: a stroke now and then, for clients that do not simulate.
    pub fn blind_input(&mut self, tick: u32) -> RhythmInput {
        if tick < self.blind_until {
            return RhythmInput::new(self.blind_lanes, 0);
        }
        let strikes = self.blind_lanes == 0;
        self.blind_lanes = if strikes { 1 << self.rng.below(LANES as u32) } else { 0 };
        self.blind_until = tick.saturating_add(if strikes { 2 } else { 4 } + self.rng.below(6));
        RhythmInput::new(self.blind_lanes, self.rng.below(EIGHTHS_PER_TICK) as u8)
    }
}

impl Finger {
    fn skip_to(&mut self, next: usize) {
        if next > self.next {
            *self = Self { next, strike_at: None, ..*self };
        }
    }

    /// Moves if it is time to; returns when in the tick. A finger that is down is lifted before it strikes again.
    fn act(&mut self, rng: &mut Pcg32, notes: &[Note], start: u32) -> Option<u8> {
        self.plan(rng, notes, start);
        let last = start.saturating_add(EIGHTHS_PER_TICK - 1);
        let within = |time: u32| time.saturating_sub(start).min(EIGHTHS_PER_TICK - 1) as u8;
        match (self.release_at, self.strike_at) {
            (Some(release), _) if release <= last => {
                self.release_at = None;
                Some(within(release))
            }
            (None, Some(strike)) if strike <= last => {
                let end = notes.get(self.next).map_or(strike, |note| strike.max(note.end()));
                *self = Self { next: self.next + 1, strike_at: None, release_at: Some(end + TAP_EIGHTHS) };
                Some(within(strike))
            }
            _ => None,
        }
    }

    /// Looks at the next note that can still be hit and decides when to strike it, or leaves it out.
    fn plan(&mut self, rng: &mut Pcg32, notes: &[Note], start: u32) {
        while let Some(note) = notes.get(self.next).filter(|_| self.strike_at.is_none()) {
            if note.at > start.saturating_add(2 * GOOD_EIGHTHS) {
                return;
            }
            if note.at.saturating_add(GOOD_EIGHTHS) < start || rng.below(SKIP) == 0 {
                self.next += 1;
                continue;
            }
            let error = rng.below(2 * ERROR_EIGHTHS + 1) + rng.below(2 * ERROR_EIGHTHS + 1);
            self.strike_at = Some((note.at + error).saturating_sub(2 * ERROR_EIGHTHS));
        }
    }
}
