//! `Order`, meetings in the order of their keys.

use alloc::vec::Vec;

use super::meeting::Meeting;

/// Meetings in the order of their keys: a counting sort by the lower slot, and what is left by comparing.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// By lower slot, where its meetings end; none if there are only a few in all.
    starts: Vec<u32>,
    /// Room for those that are added wherever they belong.
    added: Vec<(u64, u32)>,
    /// Keys and numbers of meetings.
    pub(crate) sorted: Vec<(u64, u32)>,
}

/// So few are sorted by moving each to where it belongs.
const FEW: usize = 24;

impl Order {
    /// Those of a lower slot; none if there are only a few in all.
    #[inline(always)]
    pub(crate) fn of_slot(&self, slot: u16) -> &[(u64, u32)] {
        let end = |slot: usize| self.starts.get(slot).map_or(0, |&end| end as usize);
        let start = usize::from(slot).checked_sub(1).map_or(0, end);
        self.sorted.get(start..end(usize::from(slot))).unwrap_or_default()
    }

    /// Finds out where the meetings of each slot are, if that is not known.
    pub(crate) fn index(&mut self, slots: usize) {
        if !self.starts.is_empty() || self.sorted.len() <= FEW {
            return;
        }
        self.starts.resize(slots, 0);
        for (key, _) in &self.sorted {
            if let Some(count) = self.starts.get_mut((key >> 48) as usize) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for end in &mut self.starts {
            sum += *end;
            *end = sum;
        }
    }

    /// Begins with none, to which they are added in order; where those of a slot are is not known.
    pub(crate) fn begin(&mut self, slots: usize) {
        self.starts.clear();
        self.starts.reserve(slots + 1);
        self.sorted.clear();
        self.sorted.reserve(3 * slots);
        self.added.reserve(slots);
    }

    /// Adds meetings wherever they belong, which have numbers from `first` on.
    pub(crate) fn insert(&mut self, first: usize, meetings: &[Meeting]) {
        self.added.clear();
        self.added.extend(meetings.iter().map(Meeting::sort_key).zip(first as u32..));
        self.added.sort_unstable();
        let mut end = self.sorted.len();
        self.sorted.resize(end + self.added.len(), (0, 0));
        let mut to = self.sorted.len();
        while let Some(&last) = self.added.last() {
            to -= 1;
            if end > 0 && self.sorted[end - 1] > last {
                end -= 1;
                self.sorted[to] = self.sorted[end];
            } else {
                self.sorted[to] = last;
                self.added.pop();
            }
        }
    }

    /// Whether these are meetings of the same shapes.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.sorted.len() == other.sorted.len()
            && self.sorted.iter().zip(&other.sorted).all(|(one, other)| one.0 == other.0)
    }

    #[inline(never)]
    pub(crate) fn sort(&mut self, meetings: &[Meeting], slots: usize) {
        if meetings.len() <= FEW {
            let mut keys = [(u64::MAX, 0); FEW];
            for (key, (index, meeting)) in keys.iter_mut().zip((0..).zip(meetings)) {
                *key = (meeting.sort_key(), index);
            }
            self.starts.clear();
            self.sorted.clear();
            self.sorted.reserve(3 * slots);
            self.sorted.resize(meetings.len(), (0, 0));
            rank(&keys[..meetings.len()], &mut self.sorted);
            return;
        }
        self.starts.clear();
        self.starts.resize(slots + 1, 0);
        for meeting in meetings {
            self.starts[usize::from(meeting.a) + 1] += 1;
        }
        let mut sum = 0;
        for start in &mut self.starts {
            sum += *start;
            *start = sum;
        }
        self.sorted.clear();
        self.sorted.reserve(3 * slots);
        if meetings.is_sorted_by_key(Meeting::sort_key) {
            self.sorted.extend(meetings.iter().map(Meeting::sort_key).zip(0..));
            // Where each slot's begin, those of the one before end.
            self.starts.copy_within(1.., 0);
            return;
        }
        self.sorted.resize(meetings.len(), (0, 0));
        for (index, meeting) in (0_u32..).zip(meetings) {
            let place = &mut self.starts[usize::from(meeting.a)];
            self.sorted[*place as usize] = (meeting.sort_key(), index);
            *place += 1;
        }
        let mut start = 0;
        while start < self.sorted.len() {
            let slot = (self.sorted[start].0 >> 48) as usize;
            // Each slot's start is its end by now.
            let end = (self.starts[slot] as usize).max(start + 1);
            sort_few(&mut self.sorted[start..end], |&(key, _)| key);
            start = end;
        }
    }
}

/// Sorts by moving each to where it belongs, if there are only a few.
#[inline(always)]
pub(crate) fn sort_few<T: Copy, K: Ord>(list: &mut [T], key: impl Fn(&T) -> K) {
    if list.len() > FEW {
        list.sort_unstable_by_key(key);
        return;
    }
    for end in 1..list.len() {
        let moved = list[end];
        let mut at = end;
        while at > 0 && key(&list[at - 1]) > key(&moved) {
            list[at] = list[at - 1];
            at -= 1;
        }
        list[at] = moved;
    }
}

/// As [`sort_few`], of numbers that are all different, without a question: each goes where as many are less as are.
#[inline(always)]
fn rank(keys: &[(u64, u32)], sorted: &mut [(u64, u32)]) {
    for &key in keys {
        let less: usize = keys.iter().map(|other| usize::from(other.0 < key.0)).sum();
        if let Some(place) = sorted.get_mut(less) {
            *place = key;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FEW, Order};
    use crate::physics::meeting::Meeting;

    /// Keys in order are found by slot, whether they were sorted or came so.
    #[test]
    fn meetings_in_order_are_found_by_slot() {
        let mut order = Order::default();
        order.begin(100);
        let keys = (0..2 * FEW as u64).map(|number| (number / 3) << 48 | number);
        order.sorted.extend(keys.zip(0..));
        assert!(order.of_slot(5).is_empty(), "nobody asked for them yet");
        order.index(100);
        assert_eq!(order.of_slot(5).iter().map(|(_, number)| *number).collect::<Vec<_>>(), [15, 16, 17]);
        assert!(order.of_slot(99).is_empty());
    }

    #[test]
    fn meetings_are_added_wherever_they_belong() {
        let mut order = Order::default();
        order.begin(100);
        order.sorted.extend([(1 << 48, 0), (3 << 48, 1), (5 << 48, 2)]);
        let of = |a: u16| Meeting { a, ..Meeting::default() };
        order.insert(3, &[of(6), of(0), of(3), of(4)].map(|it| Meeting { b: 7, ..it }));
        assert_eq!(order.sorted.iter().map(|(_, number)| *number).collect::<Vec<_>>(), [4, 0, 1, 5, 6, 2, 3]);
    }
}
