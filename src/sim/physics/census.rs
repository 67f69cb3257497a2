//! `Census`, where the shapes of a step may be and how large.

use super::proxy::{MARGIN, way_of};
use super::state::State;

/// So many of the largest shapes may be kept out of the cells at least.
const LARGE_MIN: u32 = 32;
/// And one more for so many shapes,
const SHAPES_PER_LARGE: u32 = 64;
/// but not more than these: each of them is compared with each.
const LARGE_MAX: u32 = 128;

/// Where the shapes of a step may be and how large.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Census {
    /// By powers of two of the half size: how many there are, and a bound of the largest of them.
    classes: [(u32, i32); 32],
    low: [i32; 2],
    high: [i32; 2],
}

impl Census {
    /// That of a state of which a step is `tick` long.
    pub(crate) fn of(state: &State, tick: i64) -> Self {
        let mut census = Self::of_sizes(state, tick);
        let (mut low, mut high) = (census.low, census.high);
        for position in state.positions.iter() {
            let (x, y) = (position.x.to_bits(), position.y.to_bits());
            low = [low[0].min(x), low[1].min(y)];
            high = [high[0].max(x), high[1].max(y)];
        }
        (census.low, census.high) = (low, high);
        census
    }

    /// That of the sizes alone.
    pub(crate) fn of_sizes(state: &State, tick: i64) -> Self {
        let (mut fastest, mut spin) = (0, 0);
        for motion in state.motions.iter() {
            fastest = fastest.max(motion.x.unsigned_abs()).max(motion.y.unsigned_abs());
            spin = spin.max(motion.spin.unsigned_abs());
        }
        let way = |speed: i64| way_of(speed.min(i64::from(i32::MAX)) as i32, tick);
        let farthest = way(i64::from(fastest));
        let mut classes = [(0, 0); 32];
        for brief in state.blueprints.sizes() {
            let most = i64::from(brief.reach);
            // What swings or goes far is looked ahead for no more than its own size.
            let swing = if brief.count > 1 { way((i64::from(spin) * most) >> 16) } else { 0 };
            let half = most + farthest.min(most) / 2 + swing.min(most) + i64::from(2 * MARGIN);
            let half = half.min(1 << 30) as i32;
            let class: &mut (u32, i32) = &mut classes[(half.leading_zeros() & 31) as usize];
            *class = (class.0 + brief.uses, class.1.max(half));
        }
        Self { classes, low: [i32::MAX; 2], high: [i32::MIN; 2] }
    }

    /// How many shapes there are.
    pub(crate) fn count(&self) -> u64 {
        self.classes.iter().map(|class| u64::from(class.0)).sum()
    }

    /// The lower left and upper right end of all places of bodies.
    pub(crate) fn corners(&self) -> ([i32; 2], [i32; 2]) {
        if self.low[0] > self.high[0] { ([0; 2], [0; 2]) } else { (self.low, self.high) }
    }

    /// The largest half size but for a few.
    pub(crate) fn usual_half(&self) -> u64 {
        let large_max = (LARGE_MIN + self.count() as u32 / SHAPES_PER_LARGE).min(LARGE_MAX);
        let mut larger = 0;
        for &(count, largest) in &self.classes {
            larger += count;
            if larger > large_max {
                return u64::from(largest.unsigned_abs());
            }
        }
        // So few that one cell holds them all.
        self.classes.iter().map(|class| u64::from(class.1.unsigned_abs())).max().unwrap_or(0)
    }
}
