//! `Stance`, where a shape was in the last search.

use super::rot::Rot;
use crate::Vec2;

/// Where a shape is and how it is turned.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stance {
    pub(crate) at: Vec2,
    pub(crate) rot: Rot,
    pub(crate) slot: u16,
    pub(crate) sub: u16,
    pub(crate) kind: u16,
    /// The search that found it there, and the first one that did, if all in between did.
    pub(crate) search: u64,
    pub(crate) since: u64,
}

impl Stance {
    /// Whether it is that of the same shape, in the same place.
    #[inline(always)]
    pub(crate) fn is_where(&self, other: &Self) -> bool {
        (self.slot == other.slot) & (self.sub == other.sub) & (self.at == other.at) & (self.rot == other.rot)
    }
}
