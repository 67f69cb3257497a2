//! `Supply`, whether there are players for all seats, as far as numbers tell.

use crate::group::Group;
use crate::queue::Queue;
use crate::roles::{BySet, ROLE_SETS, bound_to_sets};
use crate::rules::Rules;

/// Players who could come to those of a group, counted. Where they cannot fill the teams nothing has to be searched.
#[derive(Clone, Debug)]
pub(crate) struct Supply<'a> {
    rules: &'a Rules,
    /// Players of the first ticket, which is in the first team.
    first: u8,
    players: usize,
    /// How many players some of the other tickets are together, as bits.
    sums: u128,
    /// Of each set of roles how many players take no others.
    bound: [usize; ROLE_SETS],
}

impl<'a> Supply<'a> {
    /// Those of the first ticket of a group.
    pub(crate) fn of(group: &Group, queue: &Queue, rules: &'a Rules) -> Self {
        let mut supply = Self { rules, first: 0, players: 0, sums: 1, bound: [0; ROLE_SETS] };
        if let Some(pick) = group.picks.first() {
            supply.first = pick.size;
            supply.count(pick.size, &bound_to_sets(queue.hot[pick.slot as usize].roles()), 1);
        }
        supply
    }

    /// And so many tickets of so many players with those roles.
    pub(crate) fn add(&mut self, size: u8, bound: &BySet, tickets: usize) {
        self.count(size, bound, tickets);
        for _ in 0..tickets.min(usize::from(self.rules.mode.team_seats / size)) {
            self.sums |= self.sums << size;
        }
    }

    fn count(&mut self, size: u8, bound: &BySet, tickets: usize) {
        self.players += usize::from(size) * tickets;
        if self.rules.by_set.is_some() {
            self.bound.iter_mut().zip(bound).for_each(|(all, one)| *all += usize::from(*one) * tickets);
        }
    }

    /// Whether they are as many as the seats, some are as many as a team has, and for every set of roles there are as
    /// many who take one of it as there are seats for it.
    pub(crate) fn can_fill(&self) -> bool {
        let (teams, seats) = (usize::from(self.rules.mode.teams), self.rules.mode.team_seats);
        let has_roles = |by_set: &BySet| {
            let takes = |set: usize| self.players - self.bound[(ROLE_SETS - 1) ^ set];
            (0..ROLE_SETS).all(|set| takes(set) >= teams * usize::from(by_set[set]))
        };
        let of_others = |players: u8| self.sums & (1 << players) != 0;
        self.players >= self.rules.mode.seats()
            && of_others(seats - self.first)
            && (teams == 1 || of_others(seats))
            && self.rules.by_set.as_ref().is_none_or(has_roles)
    }
}
