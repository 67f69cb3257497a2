//! `Recent`, the meetings of the last search by their keys.

use alloc::vec::Vec;

use super::meeting::Meeting;
use super::order::Order;
use super::proxy::Proxy;

/// The meetings of the last search by their keys: what lies still in a heap lies as it did.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// Which search that was.
    pub(crate) search: u64,
    pub(crate) order: Order,
    pub(crate) meetings: Vec<Meeting>,
    /// How many of them are not with the border.
    pub(crate) solid: usize,
    /// Those of shapes that were near, but did not meet.
    pub(crate) distant: Vec<Meeting>,
    /// Whether the verdicts on pairs are of that search.
    pub(crate) judged: bool,
}

impl Recent {
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
