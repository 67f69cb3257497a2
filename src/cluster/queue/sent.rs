//! `SentTickets`, the tickets that the store was asked to take in.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use framekeep_matchmaking::TicketId;

/// How long a ticket that the store has acknowledged is not taken in by this node alone, should it be sent again.
const SENT_KEPT: Duration = Duration::from_secs(120);

/// How long one is remembered at the least that the store may have, for all that is known.
const UNSURE_KEPT: Duration = Duration::from_secs(600);

/// Tickets of which that is remembered; what 1,600 a second are in two minutes.
const SENT_MAX: usize = 200_000;

/// How often it is looked for what may be forgotten, at the most: all of them are.
const THIN_EVERY: Duration = Duration::from_secs(1);

/// A ticket that the store was asked to take in.
#[derive(Clone, Copy)]
struct Sent {
    /// When the store was asked last.
    asked: Instant,
    /// Since when it is known that the store has it, if it is.
    known: Option<Instant>,
    /// Whether it was read since that it waits no more.
    is_over: bool,
}

impl Sent {
    fn is_recent(&self, now: Instant) -> bool {
        let (since, kept) = self.known.map_or((self.asked, UNSURE_KEPT), |known| (known, SENT_KEPT));
        now.saturating_duration_since(since) < kept
    }
}

/// Tickets that the store was asked to take in, those of the last minutes.
#[derive(Default)]
pub(super) struct SentTickets {
    tickets: HashMap<TicketId, Sent>,
    thinned: Option<Instant>,
}

impl SentTickets {
    /// Notes that the store is about to be asked for one: whether for the first time; or `None` if there are too many
    /// of which nobody knows whether the store has them.
    pub(super) fn ask(&mut self, now: Instant, id: TicketId) -> Option<bool> {
        let is_first = !self.tickets.contains_key(&id);
        if is_first && self.tickets.len() >= SENT_MAX {
            self.thin(now);
        }
        if is_first && self.tickets.len() >= SENT_MAX {
            return None;
        }
        let sent = self.tickets.entry(id).or_insert(Sent { asked: now, known: None, is_over: false });
        (sent.asked, sent.is_over) = (now, false);
        Some(is_first)
    }

    /// The store has it.
    pub(super) fn know(&mut self, now: Instant, id: TicketId) {
        self.tickets.insert(id, Sent { asked: now, known: Some(now), is_over: false });
    }

    /// The store may have it: it has not answered.
    pub(super) fn doubt(&mut self, now: Instant, id: TicketId) {
        self.tickets.entry(id).or_insert(Sent { asked: now, known: None, is_over: false });
    }

    /// The store has it not.
    pub(super) fn forget(&mut self, id: TicketId) {
        self.tickets.remove(&id);
    }

    /// It was read of one whether it waits no more.
    pub(super) fn read(&mut self, id: TicketId, is_over: bool) {
        if let Some(sent) = self.tickets.get_mut(&id) {
            sent.is_over = is_over;
        }
    }

    /// Whether it was read of one since it was sent that it waits no more.
    pub(super) fn is_over(&self, id: TicketId) -> bool {
        self.tickets.get(&id).is_some_and(|sent| sent.is_over)
    }

    /// Whether the store may have one, for all that is remembered.
    pub(super) fn may_have(&self, now: Instant, id: TicketId) -> bool {
        self.tickets.get(&id).is_some_and(|sent| sent.is_recent(now))
    }

    /// Makes room: what was long ago goes, and where that is not enough, of those that the store has the half that it
    /// has longest, those that are over first.
    fn thin(&mut self, now: Instant) {
        let is_early = self.thinned.is_some_and(|last| now.saturating_duration_since(last) < THIN_EVERY);
        if is_early {
            return;
        }
        self.tickets.retain(|_, sent| sent.is_recent(now));
        let rank = |sent: &Sent| sent.known.map(|known| (!sent.is_over, known));
        let mut known: Vec<_> = self.tickets.values().filter_map(rank).collect();
        let middle = (known.len() / 2).saturating_sub(1);
        if self.tickets.len() >= SENT_MAX / 2 && !known.is_empty() {
            let last = *known.select_nth_unstable(middle).1;
            self.tickets.retain(|_, sent| rank(sent).is_none_or(|rank| rank > last));
        }
        // What is full of those of which nobody knows is not looked through for each.
        self.thinned = Some(now).filter(|_| self.tickets.len() >= SENT_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_are_taken_in_however_many_the_store_has_and_those_of_which_nobody_knows_stay() {
        let (mut sent, begun) = (SentTickets::default(), Instant::now());
        let at = |nth: u128| begun + Duration::from_micros(nth as u64);
        assert_eq!(sent.ask(begun, TicketId(0)), Some(true));
        for nth in 1..3 * SENT_MAX as u128 {
            assert_eq!(sent.ask(at(nth), TicketId(nth)), Some(true), "{nth}");
            sent.know(at(nth), TicketId(nth));
        }
        let last = 3 * SENT_MAX as u128 - 1;
        assert!(sent.tickets.len() <= SENT_MAX && sent.may_have(at(last), TicketId(0)));
        assert!(
            ((last - 90_000)..=last).all(|nth| sent.may_have(at(last), TicketId(nth))),
            "the latest stay"
        );
        assert!(!sent.may_have(at(last), TicketId(1)));
    }

    #[test]
    fn those_that_are_over_go_first_and_none_is_taken_in_where_nobody_knows_of_any() {
        let (mut sent, now) = (SentTickets::default(), Instant::now());
        for nth in 0..SENT_MAX as u128 {
            sent.know(now + Duration::from_micros(nth as u64), TicketId(nth));
            sent.read(TicketId(nth), nth >= SENT_MAX as u128 / 2);
        }
        assert_eq!(sent.ask(now, TicketId(1 << 40)), Some(true));
        let later = now + Duration::from_secs(1);
        assert!(sent.may_have(later, TicketId(0)) && !sent.may_have(later, TicketId(SENT_MAX as u128 - 1)));
        let mut sent = SentTickets::default();
        (0..SENT_MAX as u128).for_each(|nth| sent.doubt(now, TicketId(nth)));
        assert_eq!(sent.ask(now, TicketId(1 << 40)), None);
        assert_eq!(sent.ask(now, TicketId(1)), Some(false), "it is asked for again");
        assert_eq!(sent.ask(now + UNSURE_KEPT, TicketId(1 << 40)), Some(true));
    }
}
