//! `Kinds`, what the tickets of a lane have in common: those of one kind can stand in for each other.

use crate::limits::PARTY_MAX;
use crate::roles::{BySet, ROLE_SETS, bound_to_sets};

/// Kinds of one lane: a bit of a word for each.
const KINDS_MAX: usize = u64::BITS as usize;

/// So many of them are of the size alone: they take in what is of more kinds than there may be.
const BY_SIZE: usize = PARTY_MAX;

/// How many players, and the roles they take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) size: u8,
    /// Of each set of roles how many take no others; nobody where roles do not matter or are not known.
    pub(crate) bound: BySet,
}

/// The kinds of a lane by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kinds {
    known: Vec<(Option<[u8; PARTY_MAX]>, Kind)>,
}

impl Kinds {
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Those of a set of bits.
    pub(crate) fn of(&self, mut bits: u64) -> impl Iterator<Item = (u64, &Kind)> {
        std::iter::from_fn(move || {
            let nth = bits.trailing_zeros();
            let (_, kind) = self.known.get(nth as usize)?;
            bits &= bits - 1;
            Some((1 << nth, kind))
        })
    }

    /// The number of the kind of a ticket, by the roles of its players; `by_role` says whether these matter.
    pub(crate) fn number(&mut self, roles: &[u8], by_role: bool) -> u8 {
        let mut sorted = [0; PARTY_MAX];
        if by_role {
            sorted[..roles.len()].copy_from_slice(roles);
            sorted[..roles.len()].sort_unstable();
        }
        let size = roles.len() as u8;
        let same = |wanted: Option<[u8; PARTY_MAX]>| {
            move |(of, kind): &(Option<[u8; PARTY_MAX]>, Kind)| kind.size == size && *of == wanted
        };
        if let Some(nth) = self.known.iter().position(same(Some(sorted))) {
            return nth as u8;
        }
        let bound = if by_role { bound_to_sets(roles) } else { [0; ROLE_SETS] };
        let has_place = self.known.len() < KINDS_MAX - BY_SIZE;
        let new = if has_place {
            (Some(sorted), Kind { size, bound })
        } else {
            (None, Kind { size, bound: [0; ROLE_SETS] })
        };
        let known = self.known.iter().position(same(new.0));
        known.unwrap_or_else(|| {
            self.known.push(new);
            self.known.len() - 1
        }) as u8
    }

    /// Forgets the kinds of which nobody is there any more, if there is no place for new ones; gives the new numbers.
    pub(crate) fn make_room(&mut self, used: u64) -> Option<[u8; KINDS_MAX]> {
        if self.known.len() < KINDS_MAX - BY_SIZE || used.count_ones() as usize == self.known.len() {
            return None;
        }
        let (mut numbers, mut kept) = ([0; KINDS_MAX], 0);
        for (nth, number) in numbers.iter_mut().enumerate() {
            *number = kept;
            kept += u8::from(used & (1 << nth) != 0);
        }
        let mut nth = 0;
        self.known.retain(|_| {
            nth += 1;
            used & (1 << (nth - 1)) != 0
        });
        Some(numbers)
    }
}
