//! A round: who is due is tried, the highest priority and the oldest first.

use std::cmp::Reverse;

use super::Matcher;
use crate::group::{Filling, Group};
use crate::lane::Lane;
use crate::limits::{
    LOOKS_MIN, LOOKS_PER_SEAT, ROUND_LOOKS_MAX, ROUND_SEARCH_STEPS_MAX, SEARCH_STEPS_MAX, SEARCH_TICKETS_MAX,
};
use crate::queue::Slot;
use crate::rules::Rules;
use crate::{MatchId, Operation, seating};

/// What one attempt works with, kept to be used again.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    pub(super) group: Group,
    /// Those who go with the ticket that is tried, the nearest first.
    pub(super) seen: Vec<Slot>,
    /// Steps of searches that are left in this round.
    steps: u32,
    /// Tickets that were looked at in this round.
    looks: usize,
}

/// What was found around a ticket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Players who go with it, those of the ticket among them, as far as was looked.
    pub(super) players: usize,
    /// Whether some of them do not go with others.
    pub(super) some_do_not_fit: bool,
}

impl Matcher {
    /// Forms the matches that can be formed. Whoever is new, waits again, or whose limits have widened is tried; what
    /// others wait for cannot have come about without one of these.
    pub fn round(&mut self, now_ms: u64) {
        let operation = self.to_log(|| Operation::Round);
        let done = self.logged(now_ms, operation, |it| {
            it.form(now_ms);
            Ok::<_, core::convert::Infallible>(())
        });
        let Ok(()) = done;
    }

    fn form(&mut self, now_ms: u64) {
        self.elapse(now_ms);
        for lane in std::mem::take(&mut self.unsettled) {
            let lane = &mut self.lanes[lane as usize];
            lane.settle();
            lane.unsettled = false;
        }
        (self.scratch.steps, self.scratch.looks) = (ROUND_SEARCH_STEPS_MAX, 0);
        self.fill_rooms();
        let mut due = std::mem::take(&mut self.due);
        let hot = &self.queue.hot;
        let order = |slot: &Slot| {
            let hot = &hot[*slot as usize];
            (Reverse(hot.priority), hot.queued_at_ms, hot.seq)
        };
        due.sort_by_key(order);
        let mut tried = 0;
        for &slot in &due {
            if self.scratch.looks >= ROUND_LOOKS_MAX {
                break;
            }
            tried += 1;
            self.queue.hot[slot as usize].due = false;
            if self.queue.hot[slot as usize].stamp != 0 {
                self.try_ticket(slot);
            }
        }
        due.drain(..tried);
        due.append(&mut self.due);
        self.due = due;
    }

    /// A waiting ticket goes into a running room or a new match, if there is one for it.
    fn try_ticket(&mut self, slot: Slot) {
        if self.has_open_rooms() {
            let lanes: Vec<u32> = self.lanes_of(slot).collect();
            if lanes.into_iter().any(|lane| self.enter_some_room(slot, lane)) {
                return;
            }
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let found = self.lanes_of(slot).find(|lane| self.attempt(slot, *lane, &mut scratch));
        if let Some(lane) = found {
            self.found_match(lane, &mut scratch.group);
        }
        self.scratch = scratch;
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

    /// Looks for a match with a ticket in a lane; it is in `scratch.group` then.
    fn attempt(&self, slot: Slot, lane: u32, scratch: &mut Scratch) -> bool {
        let lane = &self.lanes[lane as usize];
        let rules = &self.rules[self.pools[lane.pool].rules];
        let seats = rules.mode.team_seats;
        let seen = self.look_around(slot, lane, rules, scratch);
        if scratch.group.has(seats) {
            return true;
        }
        if seen.some_do_not_fit && seen.players >= rules.mode.seats() && scratch.steps > 0 {
            let mut steps = SEARCH_STEPS_MAX.min(scratch.steps);
            let before = steps;
            scratch.group.reset(rules.teams(seats));
            scratch.group.push(&self.queue, slot, 0);
            let tickets = &scratch.seen[..scratch.seen.len().min(SEARCH_TICKETS_MAX)];
            let found = self.search(&mut scratch.group, tickets, seats, &mut steps);
            scratch.steps -= before - steps;
            if found {
                return true;
            }
        }
        self.fewer_at(slot).is_some_and(|at_ms| at_ms <= self.now_ms)
            && self.with_fewer(slot, rules, seen.players, scratch)
    }

    /// Takes the nearest that fit until the match is full or enough were looked at.
    pub(super) fn look_around(&self, slot: Slot, lane: &Lane, rules: &Rules, scratch: &mut Scratch) -> Seen {
        let hot = self.queue.hot[slot as usize];
        let Scratch { group, seen, looks, .. } = scratch;
        seen.clear();
        group.reset(rules.teams(rules.mode.team_seats));
        group.push(&self.queue, slot, 0);
        let (seats, mut players, mut some_do_not_fit) = (rules.mode.seats(), usize::from(hot.size), false);
        let mut walk = lane.walk(hot.rating, hot.window, &self.queue.hot);
        for _ in 0..LOOKS_MIN + LOOKS_PER_SEAT * seats {
            if group.players == seats {
                break;
            }
            // A search takes no more; from then on only those count for whom there are seats.
            let searchable = seen.len() < SEARCH_TICKETS_MAX;
            let size_max = if searchable { rules.mode.party_max } else { group.free_max() };
            let Some(other) = walk.next(size_max) else { break };
            *looks += 1;
            let near = &self.queue.hot[other as usize];
            if other == slot || near.rating.abs_diff(hot.rating) > near.window {
                continue;
            }
            seen.push(other);
            players += usize::from(near.size);
            some_do_not_fit |= !group.take(&self.queue, other, Filling::First);
        }
        Seen { players, some_do_not_fit }
    }

    /// Tries every choice of tickets and teams, as far as the steps reach.
    fn search(&self, group: &mut Group, tickets: &[Slot], team_seats: u8, steps: &mut u32) -> bool {
        if group.has(team_seats) {
            return true;
        }
        let Some((slot, rest)) = tickets.split_first() else { return false };
        let left: usize = tickets.iter().map(|slot| usize::from(self.queue.hot[*slot as usize].size)).sum();
        if group.players + left < group.teams.len() * usize::from(team_seats) || *steps == 0 {
            return false;
        }
        *steps -= 1;
        if group.allows(&self.queue, *slot) {
            let roles = group.roles(&self.queue, *slot);
            for nth in 0..group.teams.len() {
                let is_like_another = group.teams[..nth].contains(&group.teams[nth]);
                if is_like_another || !group.teams[nth].fits(roles) {
                    continue;
                }
                group.push(&self.queue, *slot, nth);
                if self.search(group, rest, team_seats, steps) {
                    return true;
                }
                group.pop(&self.queue);
            }
        }
        self.search(group, rest, team_seats, steps)
    }

    /// Looks for the largest match with free seats that the mode allows, among those that were seen.
    fn with_fewer(&self, slot: Slot, rules: &Rules, players: usize, scratch: &mut Scratch) -> bool {
        let Some(fewer) = rules.mode.fewer else { return false };
        let (teams, team_seats) = (usize::from(rules.mode.teams), rules.mode.team_seats);
        let most = u8::try_from(players / teams).unwrap_or(u8::MAX).min(team_seats);
        for least in (fewer.team_seats_min..=most).rev() {
            let seats = least.saturating_add(fewer.difference_max).min(team_seats);
            let size = self.queue.hot[slot as usize].size;
            if size > seats {
                return false;
            }
            let begin = |group: &mut Group| {
                group.reset(rules.teams(seats));
                group.push(&self.queue, slot, 0);
            };
            begin(&mut scratch.group);
            for other in &scratch.seen {
                scratch.group.take(&self.queue, *other, Filling::Fewest);
            }
            if scratch.group.has(least) {
                return true;
            }
            let mut steps = SEARCH_STEPS_MAX.min(scratch.steps);
            let before = steps;
            begin(&mut scratch.group);
            let tickets = &scratch.seen[..scratch.seen.len().min(SEARCH_TICKETS_MAX)];
            let found = self.search(&mut scratch.group, tickets, least, &mut steps);
            scratch.steps -= before - steps;
            if found {
                return true;
            }
        }
        false
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
