//! `Attempt`, whether there is a match with a ticket in a lane.

use super::effort::Effort;
use crate::group::{Filling, Group};
use crate::kinds::Kind;
use crate::lane::Lane;
use crate::limits::{
    LANE_LOOKS, LOOKS_MIN, LOOKS_PER_SEAT, SEARCH_STEPS_MAX, SEARCH_TICKETS_MAX, WORDS_PER_LOOK,
};
use crate::queue::{Queue, Slot};
use crate::roles::bound_to_sets;
use crate::rules::Rules;
use crate::supply::Supply;

/// What attempts work with, kept to be used again.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    pub(super) group: Group,
    pub(super) effort: Effort,
    /// Those who go with the ticket that is tried, the nearest first.
    seen: Vec<Slot>,
    /// Entries of tickets that have left.
    gone: Vec<usize>,
    /// Entries of those who are in the group.
    taken: Vec<usize>,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A match; it is in the scratch's group.
    Found,
    Nothing,
    /// Nothing, as far as may be searched in this round.
    Later,
}

/// Whether there is a match with a ticket in a lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt<'a> {
    pub(super) queue: &'a Queue,
    pub(super) rules: &'a Rules,
    pub(super) slot: Slot,
    /// Whether a match with free seats will do by now.
    pub(super) fewer: bool,
}

impl Attempt<'_> {
    /// Takes the nearest that fit; where that gives no match, searches through choices and teams.
    pub(super) fn run(&self, lane: &mut Lane, scratch: &mut Scratch) -> Outcome {
        scratch.effort.spend(LANE_LOOKS);
        let is_full = self.take_nearest(lane, scratch);
        lane.pass_over(&mut scratch.gone);
        if is_full {
            return Outcome::Found;
        }
        if !self.fewer && !self.may_be_full(lane, scratch) {
            return Outcome::Nothing;
        }
        let most = if self.fewer { self.looks() } else { SEARCH_TICKETS_MAX };
        let players = self.look_around(lane, most, scratch);
        lane.pass_over(&mut scratch.gone);
        let seats = self.rules.mode.team_seats;
        let mut supply = Supply::of(&scratch.group, self.queue, self.rules);
        for slot in searched(&scratch.seen) {
            let roles = self.queue.hot[*slot as usize].roles();
            supply.add(roles.len() as u8, &bound_to_sets(roles), 1);
        }
        if supply.can_fill() {
            if !scratch.effort.may_search() {
                return Outcome::Later;
            }
            if self.search_for(seats, scratch) {
                return Outcome::Found;
            }
        }
        if self.fewer { self.with_fewer(players, scratch) } else { Outcome::Nothing }
    }

    /// Whether those who wait near enough could fill the match, as far as their numbers tell.
    fn may_be_full(&self, lane: &Lane, scratch: &mut Scratch) -> bool {
        self.begin(&mut scratch.group, self.rules.mode.team_seats);
        let mut supply = Supply::of(&scratch.group, self.queue, self.rules);
        let add = |kind: &Kind, tickets| supply.add(kind.size, &kind.bound, tickets);
        let words = lane.count(scratch.group.ratings(), add);
        scratch.effort.spend(LANE_LOOKS + words / WORDS_PER_LOOK);
        supply.can_fill()
    }

    fn looks(&self) -> usize {
        LOOKS_MIN + LOOKS_PER_SEAT * self.rules.mode.seats()
    }

    fn begin(&self, group: &mut Group, seats: u8) {
        group.reset(self.rules.teams(seats));
        group.push(self.queue, self.slot, 0);
    }

    /// Takes the nearest of those kinds for which there are seats, until the match is full or enough were looked at.
    fn take_nearest(&self, lane: &Lane, scratch: &mut Scratch) -> bool {
        let (hot, group) = (&self.queue.hot[self.slot as usize], &mut scratch.group);
        let seats = self.rules.mode.team_seats;
        self.begin(group, seats);
        scratch.taken.clear();
        let gone = std::mem::take(&mut scratch.gone);
        let mut walk = lane.walk(hot.rating, group.ratings(), self.queue, self.rules.mode.seats(), gone);
        let (mut looks, mut changed) = (self.looks(), true);
        while !group.has(seats) {
            if looks == 0 || changed && !walk.narrow(group.ratings(), |kind| group.may_take(kind)) {
                break;
            }
            let Some(near) = walk.next() else { break };
            looks -= 1;
            changed = near.slot != self.slot
                && near.apart <= near.window
                && group.take(self.queue, near.slot, Filling::First);
            if changed || near.slot == self.slot {
                scratch.taken.push(near.at);
            }
        }
        let reads;
        (reads, scratch.gone) = walk.end();
        scratch.effort.spend(reads);
        let is_full = group.has(seats);
        if is_full {
            // They leave in a moment.
            scratch.gone.append(&mut scratch.taken);
        }
        is_full
    }

    /// Who goes with the ticket, the nearest first: at most so many, of as many as are looked at for a match. Gives how
    /// many players they are, those of the ticket among them.
    fn look_around(&self, lane: &Lane, most: usize, scratch: &mut Scratch) -> usize {
        let hot = &self.queue.hot[self.slot as usize];
        self.begin(&mut scratch.group, self.rules.mode.team_seats);
        scratch.seen.clear();
        let mut players = usize::from(hot.size);
        let gone = std::mem::take(&mut scratch.gone);
        let mut walk = lane.walk(hot.rating, scratch.group.ratings(), self.queue, most, gone);
        for _ in 0..self.looks() {
            if scratch.seen.len() == most {
                break;
            }
            let Some(near) = walk.next() else { break };
            if near.slot != self.slot && near.apart <= near.window {
                scratch.seen.push(near.slot);
                players += self.size(near.slot);
            }
        }
        let reads;
        (reads, scratch.gone) = walk.end();
        scratch.effort.spend(reads);
        players
    }

    /// Tries every choice of those who were seen and of teams, as far as the steps reach.
    fn search_for(&self, team_seats: u8, scratch: &mut Scratch) -> bool {
        let (group, tickets) = (&mut scratch.group, searched(&scratch.seen));
        let left = tickets.iter().map(|slot| self.size(*slot)).sum();
        let search = |steps: &mut u32| self.search(group, tickets, left, team_seats, steps);
        scratch.effort.search(SEARCH_STEPS_MAX, search)
    }

    /// The same; `left` are the players of the tickets.
    fn search(&self, group: &mut Group, tickets: &[Slot], left: usize, seats: u8, steps: &mut u32) -> bool {
        if group.has(seats) {
            return true;
        }
        let Some((slot, rest)) = tickets.split_first() else { return false };
        if group.players + left < group.teams.len() * usize::from(seats) || *steps == 0 {
            return false;
        }
        *steps -= 1;
        let left = left - self.size(*slot);
        if group.allows(self.queue, *slot) {
            let roles = self.queue.hot[*slot as usize].roles();
            for nth in 0..group.teams.len() {
                let is_like_another = group.teams[..nth].contains(&group.teams[nth]);
                if is_like_another || !group.teams[nth].fits(roles) {
                    continue;
                }
                group.push(self.queue, *slot, nth);
                if self.search(group, rest, left, seats, steps) {
                    return true;
                }
                group.pop(self.queue);
            }
        }
        self.search(group, rest, left, seats, steps)
    }

    fn size(&self, slot: Slot) -> usize {
        self.queue.hot[slot as usize].size.into()
    }

    /// Looks for the largest match with free seats that the mode allows, among those that were seen.
    fn with_fewer(&self, players: usize, scratch: &mut Scratch) -> Outcome {
        let Some(fewer) = self.rules.mode.fewer else { return Outcome::Nothing };
        let (teams, team_seats) = (usize::from(self.rules.mode.teams), self.rules.mode.team_seats);
        let most = u8::try_from(players / teams).unwrap_or(u8::MAX).min(team_seats);
        for least in (fewer.team_seats_min..=most).rev() {
            let seats = least.saturating_add(fewer.difference_max).min(team_seats);
            if self.size(self.slot) > usize::from(seats) {
                break;
            }
            self.begin(&mut scratch.group, seats);
            for other in &scratch.seen {
                scratch.group.take(self.queue, *other, Filling::Fewest);
            }
            if scratch.group.has(least) {
                return Outcome::Found;
            }
            if !scratch.effort.may_search() {
                return Outcome::Later;
            }
            self.begin(&mut scratch.group, seats);
            if self.search_for(least, scratch) {
                return Outcome::Found;
            }
        }
        Outcome::Nothing
    }
}

/// Those of the tickets that were seen that are searched through.
fn searched(seen: &[Slot]) -> &[Slot] {
    &seen[..seen.len().min(SEARCH_TICKETS_MAX)]
}
