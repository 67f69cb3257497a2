//! `Revision`, in what the contacts of a step differ from those of the step before.

use alloc::vec::Vec;

use super::state::{DYNAMIC, KINEMATIC, State};

/// A contact that was not there in the step before.
pub(crate) const FRESH: u32 = u32::MAX;

/// In what the contacts of a step differ from those of the step before.
#[derive(Debug, Default)]
pub(crate) struct Revision {
    /// By number in this step, which one it was in the step before; or [`FRESH`].
    pub(crate) former: Vec<u32>,
    /// The numbers of those that were not there.
    pub(crate) fresh: Vec<u32>,
    /// The numbers in the step before of those that are not there any more.
    pub(crate) gone: Vec<u32>,
    /// By slot, whether a body lost a contact and was not found in another one.
    bare: Vec<bool>,
}

/// The part of all contacts of which the most are others than before.
const CHANGES: usize = 8;

impl Revision {
    /// Room for what so many bodies need at most times.
    pub(crate) fn reserve(&mut self, slots: usize) {
        self.former.reserve((3 * slots).saturating_sub(self.former.len()));
        self.fresh.reserve(slots.saturating_sub(self.fresh.len()));
        self.gone.reserve(slots.saturating_sub(self.gone.len()));
        self.bare.reserve((slots + 1).saturating_sub(self.bare.len()));
    }

    /// Compares keys in order; false if many of them differ, or a body has no contact any more.
    pub(crate) fn plan(&mut self, state: &State, old: &[(u64, u32)], new: &[(u64, u32)]) -> bool {
        self.former.clear();
        self.fresh.clear();
        self.gone.clear();
        let most = new.len() / CHANGES;
        let mut next = 0;
        for (number, &(key, _)) in (0..).zip(new) {
            while old.get(next).is_some_and(|before| before.0 < key) {
                self.gone.push(next as u32);
                next += 1;
                if self.gone.len() > most {
                    return false;
                }
            }
            if old.get(next).is_some_and(|before| before.0 == key) {
                self.former.push(next as u32);
                next += 1;
                continue;
            }
            self.former.push(FRESH);
            self.fresh.push(number);
            if self.fresh.len() > most {
                return false;
            }
        }
        if old.len() - next + self.gone.len() > most {
            return false;
        }
        self.gone.extend(next as u32..old.len() as u32);
        self.gone.is_empty() || self.all_have_some(state, old, new)
    }

    /// Whether all bodies that lost a contact have another one.
    fn all_have_some(&mut self, state: &State, old: &[(u64, u32)], new: &[(u64, u32)]) -> bool {
        let slots = state.slots();
        self.bare.clear();
        self.bare.resize(slots + 1, false);
        let bodies =
            |key: u64| [(key >> 48) as usize, (key >> 32 & 0xffff) as usize].map(|slot| slot.min(slots));
        for &number in &self.gone {
            bodies(old[number as usize].0).into_iter().for_each(|slot| self.bare[slot] = true);
        }
        for &(key, _) in new {
            bodies(key).into_iter().for_each(|slot| self.bare[slot] = false);
        }
        let mut bare = self.bare.iter().zip(state.flags.iter());
        !bare.any(|(&bare, &flags)| bare && flags & (DYNAMIC | KINEMATIC) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::{FRESH, Revision};
    use crate::physics::state::State;
    use crate::{BodyDesc, Fx, WorldDesc};

    fn keys(pairs: &[(u64, u64)]) -> Vec<(u64, u32)> {
        pairs.iter().zip(0..).map(|(&(a, b), number)| (a << 48 | b << 32, number)).collect()
    }

    #[test]
    fn what_came_and_what_went_is_found() {
        let mut state = State::new(WorldDesc::default());
        (0..40).for_each(|_| assert!(state.add(&BodyDesc::circle(Fx::ONE)).is_some()));
        let chain: Vec<(u64, u64)> = (0..30).map(|slot| (slot, slot + 1)).collect();
        let mut revision = Revision::default();
        let mut planned = |new: &[(u64, u64)]| {
            let same = revision.plan(&state, &keys(&chain), &keys(new));
            (same, revision.fresh.clone(), revision.gone.clone(), revision.former.get(8).copied())
        };
        assert_eq!(planned(&chain), (true, vec![], vec![], Some(8)));
        let mut other = chain.clone();
        other[8] = (8, 10);
        assert_eq!(planned(&other), (true, vec![8], vec![8], Some(FRESH)));
        other.remove(20);
        assert_eq!(planned(&other), (true, vec![8], vec![8, 20], Some(FRESH)));
        // The last body of the chain has no contact any more.
        assert!(!planned(&chain[..29]).0);
        assert!(!planned(&chain[..10]).0, "that is most of them");
    }
}
