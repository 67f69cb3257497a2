//! `Stills`, the shapes of static bodies and of those that sleep, as the search for contacts sees them: they change
//! only when the game changes a body, or one falls asleep or wakes, so that most steps need not look at the bodies.

use alloc::vec::Vec;

use super::hull::P;
use super::proxy::Proxies;
use super::spot::{LISTED, Spot};
use super::state::{ALIVE, State, is_moving};

/// The number of a proxy that is not made yet.
pub(crate) const UNMADE: u16 = u16::MAX;

/// Which shape of which body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) slot: u16,
    pub(crate) sub: u16,
    pub(crate) kind: u16,
}

/// A shape of a body that rests: a spot that goes nowhere, in less memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Still {
    x: i32,
    y: i32,
    /// Half the size of the box around it.
    half: P,
    radius: i32,
    who: Who,
    traits: u8,
}

impl Still {
    /// Its proxy is [`UNMADE`], if it has one.
    #[inline(always)]
    pub(crate) fn spot(&self) -> Spot {
        let Self { x, y, radius, traits, half: (half_x, half_y), .. } = *self;
        let shape = if traits & LISTED == 0 { self.who.slot } else { UNMADE };
        Spot { x, y, radius, half_x, half_y, shape, traits, ..Spot::default() }
    }
}

/// The shapes of bodies that rest, by slot and number. Follows from the bodies: it is made when a step asks for it, and
/// forgotten when one of them comes, goes or is changed.
#[derive(Debug, Default)]
pub(crate) struct Stills {
    known: bool,
    list: Vec<Still>,
}

impl Clone for Stills {
    fn clone(&self) -> Self {
        Self { known: self.known, list: self.list.clone() }
    }

    fn clone_from(&mut self, source: &Self) {
        self.known = source.known;
        self.list.clone_from(&source.list);
    }
}

impl Stills {
    /// The next step looks at the bodies again.
    pub(crate) const fn forget(&mut self) {
        self.known = false;
    }

    /// Room for that many shapes.
    pub(crate) fn reserve(&mut self, shapes: usize) {
        self.list.reserve(shapes.saturating_sub(self.list.len()));
    }

    /// All of them; `proxies` is overwritten if they are not known.
    pub(crate) fn of<'a>(state: &'a mut State, proxies: &mut Proxies) -> &'a [Still] {
        if !state.stills.known {
            let mut stills = core::mem::take(&mut state.stills);
            stills.fill(state, proxies);
            state.stills = stills;
        }
        #[cfg(test)]
        assert!(state.stills.is_right(state), "the shapes that rest are not those that are known");
        &state.stills.list
    }

    /// One of what was known in the last step for each line of the cache.
    pub(crate) fn look_ahead(&self) -> i32 {
        self.list.iter().step_by(2).fold(0, |sum, still| sum ^ still.x)
    }

    /// Whose shape the one with that number is.
    pub(crate) fn who(&self, number: usize) -> Who {
        self.list[number].who
    }

    #[inline(never)]
    fn fill(&mut self, state: &State, proxies: &mut Proxies) {
        self.list.clear();
        self.reserve(state.places());
        proxies.clear(state);
        for slot in (0..state.slots()).filter(|&slot| is_still(state.flags[slot])) {
            proxies.draft(state, slot, 0, |spot, who| {
                let Spot { x, y, radius, traits, .. } = spot;
                self.list.push(Still { x, y, half: spot.half(), radius, who, traits });
            });
        }
        self.known = true;
    }

    #[cfg(test)]
    fn is_right(&self, state: &State) -> bool {
        let mut again = Self::default();
        again.fill(state, &mut Proxies::default());
        again.list == self.list
    }
}

/// Whether these are the flags of a body that is static or sleeps.
#[inline(always)]
pub(crate) const fn is_still(flags: u8) -> bool {
    flags & ALIVE != 0 && !is_moving(flags)
}
