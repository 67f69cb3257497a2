//! `Findings`, what a search for contacts found.

use alloc::vec::Vec;

use super::meeting::Meeting;
use super::order::Order;
use super::proxy::Proxy;

/// What a search for contacts found; kept until the next one.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Which search of a grid that was; 0 if it was none.
    pub(crate) search: u64,
    /// The meetings, and their numbers by keys.
    pub(crate) meetings: Vec<Meeting>,
    pub(crate) order: Order,
    /// How many of them are not with the border.
    pub(crate) solid: usize,
    /// Whether it looked at known pairs, and those of shapes that were near, but did not meet.
    pub(crate) judged: bool,
    pub(crate) distant: Vec<Meeting>,
}

impl Findings {
    /// Nothing yet, with room for what so many bodies need at most times.
    pub(crate) fn clear(&mut self, slots: usize) {
        (self.search, self.judged) = (0, false);
        self.meetings.clear();
        self.meetings.reserve(3 * slots);
        self.distant.clear();
        self.distant.reserve(3 * slots);
    }

    /// How two shapes met that both are where they were then.
    #[inline(always)]
    pub(crate) fn find(&self, a: &Proxy, b: &Proxy) -> Option<&Meeting> {
        if a.since.max(b.since) > self.search {
            return None;
        }
        let key =
            u64::from(a.slot) << 48 | u64::from(b.slot) << 32 | u64::from(a.sub) << 16 | u64::from(b.sub);
        let index = self.order.of_slot(a.slot).iter().find(|(of, _)| *of == key)?.1;
        self.meetings.get(index as usize)
    }
}
