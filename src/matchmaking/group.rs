//! `Group`, tickets that may become a match: everything that must hold among them.

use crate::kinds::Kind;
use crate::marks::Marks;
use crate::queue::{Hot, Queue, Slot};
use crate::roles::{BySet, add, bound_to_sets, fit, take_off};

/// A team that is being filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Team {
    /// Most players.
    pub(crate) seats: u8,
    pub(crate) players: u8,
    /// Free seats by set of roles; `None` where roles do not matter.
    free_by_set: Option<BySet>,
}

impl Team {
    pub(crate) fn new(seats: u8, free_by_set: Option<BySet>) -> Self {
        Self { seats, players: 0, free_by_set }
    }

    pub(crate) fn free(&self) -> u8 {
        self.seats.saturating_sub(self.players)
    }

    /// Whether these players fit in: there are seats, and for every set of roles no more players are bound to it than
    /// it has seats.
    pub(crate) fn fits(&self, roles: &[u8]) -> bool {
        let bound = |free: &BySet| fit(&bound_to_sets(roles), free);
        usize::from(self.free()) >= roles.len() && self.free_by_set.as_ref().is_none_or(bound)
    }

    /// The same for whoever is of a kind, as far as it tells.
    fn may_take(&self, kind: &Kind) -> bool {
        self.free() >= kind.size && self.free_by_set.as_ref().is_none_or(|free| fit(&kind.bound, free))
    }

    /// Takes players in who fit.
    pub(crate) fn add(&mut self, roles: &[u8]) {
        self.players += roles.len() as u8;
        if let Some(free) = &mut self.free_by_set {
            take_off(free, &bound_to_sets(roles));
        }
    }

    fn remove(&mut self, roles: &[u8]) {
        self.players -= roles.len() as u8;
        if let Some(free) = &mut self.free_by_set {
            add(free, &bound_to_sets(roles));
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
    marks: Marks,
    /// The span and the marks without it.
    before: (Span, Marks),
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
    span: Span,
    /// The marks of all picks.
    marks: Marks,
}

impl Default for Group {
    fn default() -> Self {
        Self { teams: Vec::new(), picks: Vec::new(), players: 0, span: Span::ALL, marks: Marks::default() }
    }
}

impl Group {
    /// Begins anew with empty teams.
    pub(crate) fn reset(&mut self, teams: impl Iterator<Item = Team>) {
        self.teams.clear();
        self.teams.extend(teams);
        self.picks.clear();
        (self.players, self.span, self.marks) = (0, Span::ALL, Marks::default());
    }

    /// Whether every team has at least so many players.
    pub(crate) fn has(&self, team_seats: u8) -> bool {
        self.teams.iter().all(|team| team.players >= team_seats)
    }

    /// Whether some team has seats for tickets of a kind, and for their roles.
    pub(crate) fn may_take(&self, kind: &Kind) -> bool {
        self.teams.iter().any(|team| team.may_take(kind))
    }

    /// Whether a ticket goes with those that are there, whatever the teams.
    pub(crate) fn allows(&self, queue: &Queue, slot: Slot) -> bool {
        let hot = &queue.hot[slot as usize];
        self.span.with(hot).is_some()
            && (hot.marks.are_peaceful(self.marks) || self.is_peaceful(queue, slot, hot.marks))
    }

    /// Whether nobody is blocked, where the marks leave it open.
    fn is_peaceful(&self, queue: &Queue, slot: Slot, marks: Marks) -> bool {
        let in_doubt = |pick: &&Pick| !pick.marks.are_peaceful(marks);
        self.picks.iter().filter(in_doubt).all(|pick| {
            let (new, old) = (&queue.record(slot).ticket, &queue.record(pick.slot).ticket);
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
        let roles = queue.hot[slot as usize].roles();
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
        let before = (self.span, self.marks);
        self.span = self.span.with(hot).unwrap_or(self.span);
        self.marks = self.marks.with(hot.marks);
        self.teams[team].add(hot.roles());
        self.players += usize::from(hot.size);
        let (rating, size, marks) = (hot.rating, hot.size, hot.marks);
        self.picks.push(Pick { slot, team, rating, size, marks, before });
    }

    /// Lets the last go.
    pub(crate) fn pop(&mut self, queue: &Queue) {
        let Some(pick) = self.picks.pop() else { return };
        (self.span, self.marks) = pick.before;
        self.teams[pick.team].remove(queue.hot[pick.slot as usize].roles());
        self.players -= usize::from(pick.size);
    }

    /// Two tickets of equally many players change teams, if their roles allow it.
    pub(crate) fn swap(&mut self, queue: &Queue, one: usize, other: usize) -> bool {
        let (a, b) = (self.picks[one], self.picks[other]);
        let (of_a, of_b) = (queue.hot[a.slot as usize].roles(), queue.hot[b.slot as usize].roles());
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

    /// The ratings that all of the group allow.
    pub(crate) fn ratings(&self) -> (i32, i32) {
        let clamp = |rating: i64| rating.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
        (clamp(self.span.floor), clamp(self.span.ceiling))
    }
}
