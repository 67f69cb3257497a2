//! A round: who is due is tried, the highest priority and the oldest first.

use super::Matcher;
use super::attempt::{Attempt, Outcome};
use crate::group::Group;
use crate::limits::{MATCH_LOOKS, TICKET_LOOKS};
use crate::queue::Slot;
use crate::{MatchId, Operation, seating};

impl Matcher {
    /// Forms the matches that can be formed. Whoever is new, waits again, or whose limits have widened is tried; what
    /// others wait for cannot have come about without one of these.
    ///
    /// A round does so much and no more, counted by the entries that it reads. Who was not tried by then is tried in
    /// the next rounds, before those who come later, so that everybody is tried in the end.
    pub fn round(&mut self, now_ms: u64) {
        let operation = self.to_log(|| Operation::Round);
        let done = self.logged(now_ms, operation, |it| {
            it.form(now_ms);
            Ok::<_, core::convert::Infallible>(())
        });
        let Ok(()) = done;
    }

    /// A round while no new room can be had: tickets go into running rooms, and nobody is asked for another match.
    pub fn fill(&mut self, now_ms: u64) {
        let operation = self.to_log(|| Operation::Fill);
        let done = self.logged(now_ms, operation, |it| {
            it.begin_round(now_ms);
            it.enter_rooms();
            Ok::<_, core::convert::Infallible>(())
        });
        let Ok(()) = done;
    }

    /// Time passes, and running rooms take whom they can.
    fn begin_round(&mut self, now_ms: u64) {
        let woken = self.elapse(now_ms);
        for nth in std::mem::take(&mut self.unsettled) {
            let lane = &mut self.lanes[nth as usize];
            lane.settle(&self.queue.stamps);
            lane.unsettled = false;
        }
        self.looked = self.queue.stamps_given();
        self.scratch.effort.begin_round(woken);
        self.fill_rooms();
    }

    /// Those whose turn it is go into running rooms.
    fn enter_rooms(&mut self) {
        while self.has_open_rooms()
            && self.scratch.effort.is_left()
            && let Some(slot) = self.due.next(&self.queue)
        {
            self.queue.hot[slot as usize].due = false;
            if self.queue.is_waiting(slot) && !self.enter_any_room(slot) {
                self.parked.insert(slot);
            }
        }
    }

    fn form(&mut self, now_ms: u64) {
        self.begin_round(now_ms);
        for slot in std::mem::take(&mut self.parked) {
            if self.queue.is_waiting(slot) {
                self.try_later(slot);
            }
        }
        while let Some(slot) = self.due.next_search(&self.queue) {
            self.queue.hot[slot as usize].searches = false;
            self.try_ticket(slot);
            if !self.scratch.effort.has_steps() || !self.scratch.effort.is_left_for_old() {
                break;
            }
        }
        while let Some(slot) = self.due.next(&self.queue) {
            self.queue.hot[slot as usize].due = false;
            self.try_ticket(slot);
            if !self.scratch.effort.is_left() {
                break;
            }
        }
    }

    /// A ticket, if it waits, goes into a running room or a new match, if there is one for it.
    fn try_ticket(&mut self, slot: Slot) {
        if !self.queue.is_waiting(slot) {
            return;
        }
        if self.enter_any_room(slot) {
            return;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.effort.begin_ticket();
        let (mut nth, mut searches) = (0, false);
        let fewer = self.fewer_at(slot).is_some_and(|at_ms| at_ms <= self.now_ms);
        let rules = self.pools[self.queue.card(slot).pool as usize].rules;
        while let Some(lane) = self.lane_of_ticket(slot, nth) {
            let rules = &self.rules[rules];
            let attempt = Attempt { queue: &self.queue, rules, slot, fewer };
            match attempt.run(&mut self.lanes[lane as usize], &mut scratch) {
                Outcome::Found => {
                    scratch.effort.spend(MATCH_LOOKS + TICKET_LOOKS * scratch.group.picks.len());
                    self.found_match(lane, &mut scratch.group);
                    searches = false;
                    break;
                }
                Outcome::Nothing => {}
                Outcome::Later => searches = true,
            }
            nth += 1;
        }
        self.scratch = scratch;
        if searches {
            self.search_later(slot);
        }
    }

    /// A waiting ticket goes into a running room, if there is one for it.
    fn enter_any_room(&mut self, slot: Slot) -> bool {
        if !self.has_open_rooms() {
            return false;
        }
        let lanes: Vec<u32> = self.lanes_of(slot).collect();
        lanes.into_iter().any(|lane| self.enter_some_room(slot, lane))
    }

    /// The choices of a waiting ticket are searched through in a later round.
    fn search_later(&mut self, slot: Slot) {
        if !std::mem::replace(&mut self.queue.hot[slot as usize].searches, true) {
            self.due.add_search(slot, &self.queue);
        }
    }

    /// The lanes a waiting ticket is in: the nearest region first, of each the dearest content.
    pub(super) fn lanes_of(&self, slot: Slot) -> impl Iterator<Item = u32> + '_ {
        (0..).map_while(move |nth| self.lane_of_ticket(slot, nth))
    }

    /// One of them.
    pub(super) fn lane_of_ticket(&self, slot: Slot, nth: usize) -> Option<u32> {
        if let Some(all) = self.queue.card(slot).lanes.all() {
            return all.get(nth).copied();
        }
        let record = self.queue.record(slot);
        let wish = &record.wish;
        let (region, _) = wish.regions[..record.near].get(nth / wish.contents.len())?;
        self.pools[wish.pool].lane(*region, wish.contents[nth % wish.contents.len()])
    }

    /// A group that was found in a lane becomes a match.
    fn found_match(&mut self, lane: u32, group: &mut Group) {
        seating::even_out(group, &self.queue);
        let (pool, region, content) = {
            let lane = &self.lanes[lane as usize];
            (lane.pool, lane.region, lane.content)
        };
        let rules = &self.rules[self.pools[pool].rules];
        let places = seating::places(group, &self.queue, rules, None);
        let id = self.next_match();
        let (rules, region) = (&self.rules[self.pools[pool].rules], self.regions.name(region));
        let mut of = seating::compose(id, rules, (content, region), places);
        of.tick_rate_hz = self.pools[pool].tick_rate_hz;
        self.found(of, &group.picks, pool);
    }

    pub(super) fn next_match(&mut self) -> MatchId {
        self.matches_formed += 1;
        MatchId(self.matches_formed)
    }
}
