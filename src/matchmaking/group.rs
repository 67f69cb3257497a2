//! `Group`, tickets that may become a match: everything that must hold among them.

use crate::limits::{PARTY_MAX, ROLES_MAX};
use crate::queue::{Hot, Queue, Slot};

/// Sets of roles: 2 to the power of their number.
pub(crate) const ROLE_SETS: usize = 1 << ROLES_MAX;

/// Of each set of roles: how many seats are for one of the set.
pub(crate) type RoleSeatsOfSets = [u8; ROLE_SETS];

/// How many seats each set of roles has.
pub(crate) fn seats_of_sets(by_role: impl Iterator<Item = u8> + Clone) -> RoleSeatsOfSets {
    core::array::from_fn(|set| {
        let of_set = by_role.clone().enumerate().filter(|(role, _)| set & (1 << role) != 0);
        of_set.map(|(_, seats)| seats).sum()
    })
}

/// A team that is being filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Team {
    /// Most players.
    pub(crate) seats: u8,
    pub(crate) players: u8,
    /// Seats by set of roles; `None` where roles do not matter.
    by_set: Option<RoleSeatsOfSets>,
    /// Players who take no role but those of a set, by set.
    bound: [u8; ROLE_SETS],
}

impl Team {
    pub(crate) fn new(seats: u8, by_set: Option<RoleSeatsOfSets>) -> Self {
        Self { seats, players: 0, by_set, bound: [0; ROLE_SETS] }
    }

    pub(crate) fn free(&self) -> u8 {
        self.seats.saturating_sub(self.players)
    }

    /// Whether these players fit in: there are seats, and for every set of roles no more players are bound to it than
    /// it has seats. By Hall's theorem that is enough for everybody to get a role of theirs.
    pub(crate) fn fits(&self, roles: &[u8]) -> bool {
        if usize::from(self.free()) < roles.len() {
            return false;
        }
        let Some(by_set) = &self.by_set else { return true };
        (0..ROLE_SETS).all(|set| {
            let more = roles.iter().filter(|role| usize::from(**role) & !set == 0).count();
            usize::from(self.bound[set]) + more <= usize::from(by_set[set])
        })
    }

    /// Takes players in who fit.
    pub(crate) fn add(&mut self, roles: &[u8]) {
        self.players += roles.len() as u8;
        self.bind(roles, |count| *count += 1);
    }

    fn remove(&mut self, roles: &[u8]) {
        self.players -= roles.len() as u8;
        self.bind(roles, |count| *count -= 1);
    }

    fn bind(&mut self, roles: &[u8], change: impl Fn(&mut u8)) {
        if self.by_set.is_none() {
            return;
        }
        for role in roles {
            let sets = (0..ROLE_SETS).filter(|set| usize::from(*role) & !set == 0);
            sets.for_each(|set| change(&mut self.bound[set]));
        }
    }
}

/// How far apart the ratings of a group are, and may be.
#[derive(Clone, Copy, Debug)]
struct Span {
    least: i64,
    most: i64,
    /// The least that all of the group allow.
    floor: i64,
    /// The most that all of them allow.
    ceiling: i64,
}

impl Span {
    const ALL: Self = Self { least: i64::MAX, most: i64::MIN, floor: i64::MIN, ceiling: i64::MAX };

    fn with(self, hot: &Hot) -> Option<Self> {
        let (rating, window) = (i64::from(hot.rating), i64::from(hot.window));
        let span = Self {
            least: self.least.min(rating),
            most: self.most.max(rating),
            floor: self.floor.max(rating - window),
            ceiling: self.ceiling.min(rating + window),
        };
        (span.floor <= span.least && span.most <= span.ceiling).then_some(span)
    }
}

/// A ticket of a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pick {
    pub(crate) slot: Slot,
    pub(crate) team: usize,
    pub(crate) rating: i32,
    pub(crate) size: u8,
    /// The span without it.
    before: Span,
}

/// Which team a ticket goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filling {
    /// The first it fits into: parties leave no holes.
    First,
    /// The one with the fewest players: teams stay alike.
    Fewest,
}

/// Tickets that may become a match.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) teams: Vec<Team>,
    pub(crate) picks: Vec<Pick>,
    pub(crate) players: usize,
    /// Whether roles matter.
    by_role: bool,
    /// Those of `picks` who block somebody.
    blockers: usize,
    span: Span,
}

/// What players take where roles do not matter.
const NO_ROLES: [u8; PARTY_MAX] = [0; PARTY_MAX];

impl Default for Group {
    fn default() -> Self {
        Self {
            teams: Vec::new(),
            picks: Vec::new(),
            players: 0,
            by_role: false,
            blockers: 0,
            span: Span::ALL,
        }
    }
}

impl Group {
    /// Begins anew with empty teams.
    pub(crate) fn reset(&mut self, teams: impl Iterator<Item = Team>) {
        self.teams.clear();
        self.teams.extend(teams);
        self.by_role = self.teams.iter().any(|team| team.by_set.is_some());
        self.picks.clear();
        (self.players, self.blockers, self.span) = (0, 0, Span::ALL);
    }

    /// Whether every team has at least so many players.
    pub(crate) fn has(&self, team_seats: u8) -> bool {
        self.teams.iter().all(|team| team.players >= team_seats)
    }

    /// Most players that still fit into one team.
    pub(crate) fn free_max(&self) -> u8 {
        self.teams.iter().map(Team::free).max().unwrap_or(0)
    }

    /// Whether a ticket goes with those that are there, whatever the teams.
    pub(crate) fn allows(&self, queue: &Queue, slot: Slot) -> bool {
        let hot = &queue.hot[slot as usize];
        self.span.with(hot).is_some() && self.is_peaceful(queue, slot, hot.blocks)
    }

    fn is_peaceful(&self, queue: &Queue, slot: Slot, blocks: bool) -> bool {
        if !blocks && self.blockers == 0 {
            return true;
        }
        let new = &queue.record(slot).ticket;
        self.picks.iter().all(|pick| {
            let old = &queue.record(pick.slot).ticket;
            let hates = |one: &crate::Ticket, other: &crate::Ticket| {
                other.party.iter().any(|member| one.blocked.contains(&member.player))
            };
            !hates(new, old) && !hates(old, new)
        })
    }

    /// The team a ticket would go to, by its players' roles.
    pub(crate) fn team_for(&self, roles: &[u8], filling: Filling) -> Option<usize> {
        let mut fitting = self.teams.iter().enumerate().filter(|(_, team)| team.fits(roles));
        let found = match filling {
            Filling::First => fitting.next(),
            Filling::Fewest => fitting.min_by_key(|(_, team)| team.players),
        };
        found.map(|(nth, _)| nth)
    }

    /// Takes a ticket in if it goes with all that must hold.
    pub(crate) fn take(&mut self, queue: &Queue, slot: Slot, filling: Filling) -> bool {
        let roles = self.roles(queue, slot);
        let Some(team) = self.team_for(roles, filling) else { return false };
        if !self.allows(queue, slot) {
            return false;
        }
        self.push(queue, slot, team);
        true
    }

    /// Takes a ticket that is allowed into a team where it fits.
    pub(crate) fn push(&mut self, queue: &Queue, slot: Slot, team: usize) {
        let hot = &queue.hot[slot as usize];
        let before = self.span;
        self.span = before.with(hot).unwrap_or(before);
        let roles = self.roles(queue, slot);
        self.teams[team].add(roles);
        self.players += usize::from(hot.size);
        self.blockers += usize::from(hot.blocks);
        self.picks.push(Pick { slot, team, rating: hot.rating, size: hot.size, before });
    }

    /// Lets the last go.
    pub(crate) fn pop(&mut self, queue: &Queue) {
        let Some(pick) = self.picks.pop() else { return };
        self.span = pick.before;
        let roles = self.roles(queue, pick.slot);
        self.teams[pick.team].remove(roles);
        self.players -= usize::from(pick.size);
        self.blockers -= usize::from(queue.hot[pick.slot as usize].blocks);
    }

    /// Two tickets of equally many players change teams, if their roles allow it.
    pub(crate) fn swap(&mut self, queue: &Queue, one: usize, other: usize) -> bool {
        let (a, b) = (self.picks[one], self.picks[other]);
        let (of_a, of_b) = (self.roles(queue, a.slot), self.roles(queue, b.slot));
        self.teams[a.team].remove(of_a);
        self.teams[b.team].remove(of_b);
        let fits = self.teams[a.team].fits(of_b) && self.teams[b.team].fits(of_a);
        if fits {
            (self.picks[one].team, self.picks[other].team) = (b.team, a.team);
        }
        self.teams[self.picks[one].team].add(of_a);
        self.teams[self.picks[other].team].add(of_b);
        fits
    }

    /// The roles that a ticket's players take. Looked up only where they matter.
    pub(crate) fn roles<'q>(&self, queue: &'q Queue, slot: Slot) -> &'q [u8] {
        let size = usize::from(queue.hot[slot as usize].size);
        if self.by_role { &queue.record(slot).wish.roles[..size] } else { &NO_ROLES[..size] }
    }
}
