//! `RhythmPlayer`, how a seat plays: its strokes so far and what they are worth.

use serde::{Deserialize, Serialize};

use crate::rhythm::{Judgement, LANES};

/// The score of a song played without a flaw, whatever the song: [`SCORE_HITS`] and [`SCORE_COMBO`].
pub const SCORE_FULL: i32 = SCORE_HITS + SCORE_COMBO;
/// The part of the full score that hits give, each the same: a great one two thirds of it, a good one a third.
pub const SCORE_HITS: i32 = 900_000;
/// The part of the full score that the longest combo gives, in proportion to the song's hits.
pub const SCORE_COMBO: i32 = 100_000;
/// What a perfect hit or a completed hold counts.
const WEIGHT_FULL: u64 = 3;

/// Where a player is in a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LanePlay {
    /// The first note of the lane that was neither hit nor missed.
    pub next: u32,
    /// When the hold ends that is being kept, in eighths of a tick.
    pub hold_end: Option<u32>,
}

/// How a seat plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RhythmPlayer {
    /// The lanes pressed at the end of the last tick, lane 0 in the lowest bit.
    pub pressed: u8,
    /// Where it is in each lane.
    pub lanes: [LanePlay; LANES],
    /// Hits in a row up to now.
    pub combo: u32,
    /// The longest combo so far.
    pub combo_max: u32,
    /// Notes hit perfectly.
    pub perfect: u32,
    /// Notes hit greatly.
    pub great: u32,
    /// Notes hit well enough.
    pub good: u32,
    /// Notes not hit.
    pub missed: u32,
    /// Holds kept to their end.
    pub completed: u32,
    /// Holds let go too early or never begun.
    pub dropped: u32,
    /// Strokes that met no note.
    pub strays: u32,
}

impl RhythmPlayer {
    /// Counts a note; a hit lengthens the combo.
    pub(crate) const fn count(&mut self, judgement: Judgement) {
        let counter = match judgement {
            Judgement::Perfect => &mut self.perfect,
            Judgement::Great => &mut self.great,
            Judgement::Good => &mut self.good,
            Judgement::Miss => &mut self.missed,
        };
        *counter = counter.saturating_add(1);
        if !matches!(judgement, Judgement::Miss) {
            self.lengthen_combo();
        }
    }

    /// Counts a hold that was kept.
    pub(crate) const fn complete(&mut self) {
        self.completed = self.completed.saturating_add(1);
        self.lengthen_combo();
    }

    const fn lengthen_combo(&mut self) {
        self.combo = self.combo.saturating_add(1);
        if self.combo > self.combo_max {
            self.combo_max = self.combo;
        }
    }

    /// 0 to [`SCORE_FULL`], for a song of `hits` ([`RhythmContent::hits`](crate::rhythm::RhythmContent::hits)).
    #[must_use]
    pub fn score(&self, hits: u32) -> i32 {
        let hits = u64::from(hits);
        part(SCORE_HITS, self.weight(), hits * WEIGHT_FULL)
            + part(SCORE_COMBO, u64::from(self.combo_max), hits)
    }

    /// How much of what was possible so far was hit, in thousandths, 0 to 1,000; 0 before the first note.
    #[must_use]
    pub fn accuracy_permille(&self) -> u16 {
        let so_far = [self.perfect, self.great, self.good, self.missed, self.completed, self.dropped];
        let possible = so_far.map(u64::from).iter().sum::<u64>() * WEIGHT_FULL;
        part(1_000, self.weight(), possible) as u16
    }

    fn weight(&self) -> u64 {
        let [perfect, great, good] = [self.perfect, self.great, self.good].map(u64::from);
        (perfect + u64::from(self.completed)) * WEIGHT_FULL + great * 2 + good
    }
}

/// `whole` · `of` / `all`, at most `whole`; 0 if there is nothing to be had.
fn part(whole: i32, of: u64, all: u64) -> i32 {
    let share = (whole.unsigned_abs() as u64 * of.min(all)).checked_div(all).unwrap_or(0);
    i32::try_from(share).unwrap_or(whole)
}
