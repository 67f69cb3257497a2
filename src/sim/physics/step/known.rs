//! The search for contacts where it is known which shapes are near each other, and what was found out of them in the
//! search before: what is seen where it was is looked at no further than how far it went since.

use super::Scratch;
use crate::physics::meeting::{Meeting, Nearness, margin};
use crate::physics::pairs::{Apart, Budget, in_order, may_meet};
use crate::physics::proxy::{MARGIN, Proxies};
use crate::physics::spot::{MOVES, PUSHED, SENSOR};
use crate::physics::state::{ASLEEP, COMPOUND, KINEMATIC, State};
use crate::physics::verdict::{Finding, Verdict};
use crate::physics::vicinity::{Pair, Poise, touch};

/// The margin of two shapes.
#[inline(always)]
fn margin_of(proxies: &Proxies, a: &Poise, b: &Poise) -> i32 {
    margin(proxies, (a.slot, a.traits, a.margin), (b.slot, b.traits, b.margin))
}

/// Whether two shapes push each other, and there is nothing else to be seen of it.
#[inline(always)]
const fn is_plain(a: &Poise, b: &Poise) -> bool {
    let (traits, flags) = (a.traits | b.traits, a.flags | b.flags);
    traits & (MOVES | PUSHED | SENSOR) == MOVES | PUSHED && flags & (ASLEEP | COMPOUND) == 0
}

impl Scratch {
    /// Finds out what becomes of all pairs that are near each other; brings what was found out of them in the search
    /// before up to date if that is known. False, and nothing is known any more, if there are more than are looked at
    /// in a step.
    #[inline(never)]
    pub(super) fn search_known(&mut self, state: &State, tick: i64, judged: bool) -> bool {
        let mut pairs = core::mem::take(self.vicinity.known().0);
        if judged {
            core::mem::swap(&mut self.found.meetings, &mut self.recent.meetings);
            core::mem::swap(&mut self.found.distant, &mut self.recent.distant);
            self.found.meetings.truncate(self.recent.solid);
            self.recent.search = 0;
        } else {
            pairs.iter_mut().for_each(|pair| pair.verdict = Verdict::default());
            self.holes.clear();
            self.recent.order.index(state.slots());
        }
        self.found.order.begin(state.slots());
        self.fresh.reserve(1);
        self.holes.reserve(state.slots().saturating_sub(self.holes.len()));
        let mut left = Budget::of(self.grid.all().count());
        let all = pairs.iter_mut().all(|pair| {
            #[cfg(test)]
            let (before, count) = (left, self.found.order.sorted.len());
            if self.is_settled(state, tick, pair, &mut left) {
                #[cfg(test)]
                self.see_that_it_is_settled(
                    state,
                    tick,
                    pair,
                    (before, self.found.order.sorted.len() > count),
                );
            } else {
                let met = self.look(state, tick, pair, &mut left);
                self.found.order.sorted.extend(met.map(|meeting| (pair.key, meeting)));
            }
            !left.is_any_spent()
        });
        *self.vicinity.known().0 = pairs;
        (self.found.judged, self.ordered) = (all, all);
        if !all {
            self.found.meetings.clear();
            self.vicinity.forget();
        }
        all
    }

    /// Whether nothing but how far they went has to be known of two shapes; they are looked at then. The discs around
    /// what meets touch, but the boxes around it need not.
    #[inline(always)]
    fn is_settled(&mut self, state: &State, tick: i64, pair: &Pair, left: &mut Budget) -> bool {
        let poises = self.vicinity.known().1;
        let [a, b] = pair.shapes.map(|shape| &poises[usize::from(shape)]);
        if !(a.stays & b.stays) {
            return false;
        }
        match pair.verdict.finding() {
            Finding::Apart(most) => margin_of(&self.proxies, a, b) <= most,
            Finding::Met(number) if is_plain(a, b) && !Apart(&self.apart).has(a.slot, b.slot) => {
                let Some(meeting) = self.found.meetings.get_mut(number) else { return false };
                if !meeting.holds_for(margin_of(&self.proxies, a, b)) {
                    return false;
                }
                meeting.follow(self.proxies.lags_of(a.slot, b.slot));
                if meeting.separation() > MARGIN || !touch(&a.sides, &b.sides) {
                    return false;
                }
                (meeting.wakes, meeting.stays) = (false, true);
                self.found.order.sorted.push((pair.key, number as u32));
                left.spend(false);
                true
            }
            Finding::Distant(number) if is_plain(a, b) && (a.flags | b.flags) & KINEMATIC == 0 => {
                let Some(meeting) = self.found.distant.get_mut(number) else { return false };
                if !meeting.holds_for(margin_of(&self.proxies, a, b)) {
                    return false;
                }
                meeting.follow(self.proxies.lags_of(a.slot, b.slot));
                meeting.stays_distant(state, tick)
            }
            _ => false,
        }
    }

    /// Panics if the two shapes would not be found to meet, or not to, if they were looked at.
    #[cfg(test)]
    fn see_that_it_is_settled(
        &mut self,
        state: &State,
        tick: i64,
        pair: &Pair,
        (mut left, met): (Budget, bool),
    ) {
        let found = self.look_at(state, tick, pair, (pair.verdict.finding(), &mut left));
        assert_eq!(matches!(found, Some((Nearness::Met, _))), met, "{pair:?}");
        let anew = self.look_at(state, tick, pair, (Finding::Unknown, &mut left));
        assert_eq!(matches!(anew, Some((Nearness::Met, _))), met, "{pair:?} anew");
    }

    /// Looks at two shapes; gives the number of their meeting.
    #[inline(never)]
    fn look(&mut self, state: &State, tick: i64, pair: &mut Pair, left: &mut Budget) -> Option<u32> {
        let finding = pair.verdict.finding();
        let nearness = self.look_at(state, tick, pair, (finding, left));
        pair.verdict = match nearness {
            None => Verdict::default(),
            Some((Nearness::Apart, margin)) => Verdict::apart(margin),
            Some((Nearness::Distant, _)) => {
                self.found.distant.extend(self.fresh.pop());
                Verdict::distant(self.found.distant.len() - 1)
            }
            Some((Nearness::Met, _)) => {
                let number = match finding {
                    Finding::Met(number) => number as u32,
                    _ => self.holes.pop().unwrap_or(self.found.meetings.len() as u32),
                };
                match (self.found.meetings.get_mut(number as usize), self.fresh.pop()) {
                    (Some(place), Some(meeting)) => *place = meeting,
                    (_, meeting) => self.found.meetings.extend(meeting),
                }
                pair.verdict = Verdict::met(number as usize);
                return Some(number);
            }
        };
        if let Finding::Met(number) = finding {
            self.holes.push(number as u32);
        }
        None
    }

    /// How near two shapes are to each other, and the margin; nothing if that is of no matter. What is near is put into
    /// `fresh`.
    fn look_at(
        &mut self,
        state: &State,
        tick: i64,
        pair: &Pair,
        (finding, left): (Finding, &mut Budget),
    ) -> Option<(Nearness, i32)> {
        let poises = self.vicinity.known().1;
        let [a, b] = pair.shapes.map(|shape| &poises[usize::from(shape)]);
        if !touch(&a.sides, &b.sides) {
            return None;
        }
        let (stay, margin) = (a.stays & b.stays, margin_of(&self.proxies, a, b));
        let [(spot, in_cell), (other, other_in_cell)] = pair.shapes.map(|shape| self.grid.shape(shape));
        let cells = in_cell & other_in_cell;
        if cells && !spot.may_touch(other) {
            return None;
        }
        self.fresh.clear();
        if cells && spot.are_discs(other) && self.apart.is_empty() {
            let (a, b) = if spot.shape < other.shape { (spot, other) } else { (other, spot) };
            let met = !left.is_spent_for(false) && Meeting::of_discs(state, a, b, &mut self.fresh);
            if met {
                left.spend(false);
            }
            return met.then_some((Nearness::Met, margin));
        }
        let shapes = [spot, other].map(|spot| self.proxies.of(state, spot));
        let (a, b) = in_order(&shapes[0], &shapes[1]);
        let sensor = (a.traits | b.traits) & SENSOR != 0;
        if !may_meet(state, Apart(&self.apart), a, b) || left.is_spent_for(sensor) {
            return None;
        }
        let before = match finding {
            Finding::Met(number) if stay => self.found.meetings.get(number),
            Finding::Distant(number) if stay => self.found.distant.get(number),
            Finding::Unknown => self.recent.find(a, b),
            _ => None,
        };
        let fresh = &mut self.fresh;
        let nearness = Meeting::find_known(state, &self.proxies, tick, (a, b), (before, fresh));
        if nearness == Nearness::Met {
            left.spend(sensor);
        }
        Some((nearness, margin))
    }
}
