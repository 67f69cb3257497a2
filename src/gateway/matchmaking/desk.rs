//! `Desk`, the matcher and what is known besides: names, rooms, who made a ticket.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use framekeep_gate::{AloneMatch, SharedTicket};
use framekeep_matchmaking::{
    Ended, Event, Match, MatchId, Matcher, Refused, Ticket, TicketId, TicketState, TicketView,
};
use framekeep_protocol::{PlayerId, PlayerName, RoomName};

use super::played::Played;
use crate::front::unix_now;

/// Most players that are remembered of a room.
const ROOM_PLAYERS_MAX: usize = 256;

/// Of a ticket what the matcher does not need.
pub(crate) struct Holder {
    /// By the order of the party.
    pub(crate) names: Vec<PlayerName>,
    /// Whether anybody who knows the number may ask for it.
    pub(crate) is_guest: bool,
}

/// A room that was opened for a match.
pub(super) struct Served {
    /// The game.
    pub(super) of: Arc<str>,
    pub(super) mode: Arc<str>,
    pub(super) content: Arc<str>,
    pub(super) region: Arc<str>,
    pub(super) tick_rate_hz: u16,
    /// The team of each seat.
    pub(super) teams: Vec<u8>,
    /// Everybody who was given a seat.
    pub(super) players: Vec<PlayerId>,
    /// With whom somebody of them does not play.
    pub(super) blocked: Vec<PlayerId>,
    /// The mean rating of those for whom it was opened.
    pub(super) rating: i32,
    /// The free seats for which players are looked for; `None` before it was said which.
    pub(super) told: Option<Vec<u8>>,
    /// When a seat of it was kept last: what was reported before does not count. In milliseconds since 1970.
    pub(super) seated_unix_ms: u64,
    /// When it was last among the server's rooms.
    pub(super) seen_at_ms: u64,
}

/// What has come of a round.
#[derive(Default)]
pub(super) struct Came {
    /// The matches that were formed.
    pub(super) formed: Vec<Arc<Match>>,
    /// Tickets that are over, and for how long they have waited.
    pub(super) over: Vec<(SharedTicket, Duration, Ended)>,
    /// Whether anything happened.
    pub(super) is_news: bool,
}

/// The matcher and what is known besides.
pub(crate) struct Desk {
    pub(crate) matcher: Matcher,
    pub(crate) tickets: BTreeMap<TicketId, Holder>,
    /// The rooms of matches that have one.
    pub(crate) seated: BTreeMap<MatchId, RoomName>,
    pub(super) rooms: BTreeMap<RoomName, Served>,
    /// Tickets that had their match.
    played: Played,
    /// No matches are formed until then.
    pub(super) pause_until_ms: u64,
    /// Tickets that are on their way to the cluster, however long that takes to answer: no matches are formed until it
    /// is known whose they are.
    pub(super) moving: BTreeSet<TicketId>,
    /// Whether free seats were offered to the whole cluster last.
    pub(super) offers_to_all: bool,
    /// Rooms of matches that came from elsewhere, and when their node was asked for.
    pub(super) foreign: BTreeMap<RoomName, u64>,
}

impl Desk {
    pub(super) fn new(matcher: Matcher) -> Self {
        Self {
            matcher,
            tickets: BTreeMap::new(),
            seated: BTreeMap::new(),
            rooms: BTreeMap::new(),
            played: Played::default(),
            pause_until_ms: 0,
            moving: BTreeSet::new(),
            offers_to_all: false,
            foreign: BTreeMap::new(),
        }
    }

    /// Lets a ticket wait.
    pub(super) fn submit(
        &mut self,
        now_ms: u64,
        ticket: Ticket,
        holder: Holder,
    ) -> Result<TicketView, Refused> {
        let id = ticket.id;
        self.check_new(id)?;
        let view = match holder.is_guest {
            true => self.matcher.restore_guest(now_ms, ticket, now_ms)?,
            false => self.matcher.submit(now_ms, ticket)?,
        };
        if let Some(of) = self.played.of(id)
            && !matches!(view.state, TicketState::Matched { .. })
        {
            // The matcher has forgotten it just now.
            let _ = self.matcher.cancel(now_ms, id);
            return Err(Refused::AlreadyMatched { ticket: id, of });
        }
        self.tickets.entry(id).or_insert(holder);
        Ok(view)
    }

    /// Whether a ticket had its match and is forgotten since.
    pub(super) fn check_new(&self, id: TicketId) -> Result<(), Refused> {
        match self.played.of(id) {
            Some(of) if self.matcher.view(id).is_none() => Err(Refused::AlreadyMatched { ticket: id, of }),
            _ => Ok(()),
        }
    }

    /// A round, in which no matches are formed that need a new room if `opens` says that there can be none.
    pub(super) fn round(&mut self, now_ms: u64, opens: bool) -> Came {
        if now_ms >= self.pause_until_ms && self.moving.is_empty() {
            match opens {
                true => self.matcher.round(now_ms),
                false => self.matcher.fill(now_ms),
            }
        } else if self.matcher.is_due(now_ms) {
            // Questions and tickets run out all the same.
            self.matcher.wait(now_ms);
        }
        let mut came = Came::default();
        while let Some(event) = self.matcher.poll() {
            came.is_news = true;
            match event {
                Event::Formed(of) => came.formed.push(of),
                Event::Ended(id, ended) => {
                    let over = self.shared(id, now_ms);
                    came.over.extend(over.map(|(ticket, waited)| (ticket, waited, ended)));
                }
                _ => {}
            }
        }
        came
    }

    /// The tickets that wait, and for how long they have.
    pub(super) fn waiting(&self, now_ms: u64) -> Vec<(SharedTicket, Duration)> {
        let waits =
            |id: &TicketId| self.matcher.view(*id).is_some_and(|view| view.state == TicketState::Waiting);
        let waiting = self.tickets.keys().filter(|id| waits(id));
        waiting.filter_map(|id| self.shared(*id, now_ms)).collect()
    }

    /// A ticket as the cluster has it, and for how long it has waited.
    fn shared(&self, id: TicketId, now_ms: u64) -> Option<(SharedTicket, Duration)> {
        let (holder, view) = (self.tickets.get(&id)?, self.matcher.view(id)?);
        let (names, is_guest) = (holder.names.clone(), holder.is_guest);
        let ticket = SharedTicket { ticket: self.matcher.ticket(id)?.clone(), names, is_guest };
        Some((ticket, Duration::from_millis(now_ms.saturating_sub(view.queued_at_ms))))
    }

    /// A match of this node's as the cluster is told of it.
    pub(super) fn alone(&self, of: &Match, key: String, room: &RoomName, now_ms: u64) -> AloneMatch {
        let tickets = of.tickets().filter_map(|id| self.shared(id, now_ms)).collect();
        AloneMatch { key, of: of.clone(), tickets, room: room.clone() }
    }

    /// A ticket goes to the cluster; whether it waits here still.
    pub(super) fn begin_move(&mut self, id: TicketId) -> bool {
        let waits = self.matcher.view(id).is_some_and(|view| view.state == TicketState::Waiting);
        waits && self.moving.insert(id)
    }

    /// A ticket is the cluster's, or nobody's here: from now on that is asked about it.
    pub(super) fn moved(&mut self, now_ms: u64, id: TicketId) {
        self.tickets.remove(&id);
        let _ = self.matcher.cancel(now_ms, id);
    }

    /// A ticket that this node had alone is the cluster's: it is over, or its match gave way.
    pub(super) fn give_up(&mut self, id: TicketId) {
        self.tickets.remove(&id);
        self.played.remove(id);
    }

    /// The room of a ticket that has one.
    pub(crate) fn room_of(&self, state: TicketState) -> Option<&RoomName> {
        match state {
            TicketState::Matched { of } => self.seated.get(&of),
            _ => None,
        }
    }

    /// The players of a match of this node's have seats in a room.
    pub(super) fn seated(&mut self, of: &Match, room: RoomName, now_ms: u64) {
        self.matcher.note_started(of.id);
        let tickets: Vec<_> = of.tickets().filter_map(|id| self.matcher.ticket(id)).collect();
        let blocked: Vec<_> = tickets.iter().flat_map(|ticket| ticket.blocked.iter().copied()).collect();
        let ratings: Vec<i64> = tickets.iter().map(|ticket| ticket.rating().into()).collect();
        let mean = ratings.iter().sum::<i64>() / i64::try_from(ratings.len().max(1)).unwrap_or(1);
        self.note_seated(of, (i32::try_from(mean).unwrap_or_default(), &blocked), &room, now_ms);
        self.seated.insert(of.id, room);
        of.tickets().for_each(|id| self.played.add(now_ms, id, of.id));
    }

    /// Players with that mean rating, who do not play with those, have seats in a room.
    pub(super) fn note_seated(
        &mut self,
        of: &Match,
        (rating, blocked): (i32, &[PlayerId]),
        room: &RoomName,
        now_ms: u64,
    ) {
        let served =
            self.rooms.entry(room.clone()).or_insert_with(|| Served { rating, ..Served::new(of, now_ms) });
        served.seated_unix_ms = u64::try_from(unix_now().as_millis()).unwrap_or(0);
        served.told = None;
        served.players.extend(of.places.iter().map(|place| place.player));
        served.blocked.extend(blocked);
        for list in [&mut served.players, &mut served.blocked] {
            list.sort_unstable();
            list.dedup();
            list.truncate(ROOM_PLAYERS_MAX);
        }
    }

    /// There is no room for a match.
    pub(super) fn not_seated(&mut self, of: &Match, now_ms: u64) {
        // It was formed a moment ago.
        let _ = self.matcher.give_back(now_ms, of.id);
        if let Some(room) = of.room.as_deref() {
            let _ = self.matcher.close_backfill(now_ms, room);
            self.look_again(room);
        }
    }

    /// A room is not as was thought: it is offered again when the server says which of its seats are free.
    pub(super) fn look_again(&mut self, room: &str) {
        if let Some(served) = RoomName::try_from(room).ok().and_then(|room| self.rooms.get_mut(&room)) {
            served.seated_unix_ms = u64::try_from(unix_now().as_millis()).unwrap_or(0);
            served.told = None;
        }
    }

    /// Forgets what the matcher has forgotten.
    pub(super) fn forget(&mut self, now_ms: u64) {
        self.played.forget(now_ms, usize::MAX);
        let matcher = &self.matcher;
        self.tickets.retain(|id, _| matcher.view(*id).is_some());
        self.seated.retain(|of, _| matcher.matched(*of).is_some());
    }
}

#[cfg(test)]
mod tests {
    use framekeep_matchmaking::{Mode, RegionLatency};

    use super::*;

    /// Matches of two; each is asked for so long whether they are there, or not at all.
    fn duels(ready_check_ms: u64) -> Desk {
        let mode = Mode { ready_check_ms, ..Mode::new("arena", "duel", 2, 1) };
        Desk::new(Matcher::new(vec![mode]).unwrap())
    }

    fn solo(id: u64) -> Ticket {
        Ticket::solo(TicketId(id.into()), "arena", "duel", PlayerId(id), 1_500)
    }

    fn nobody(is_guest: bool) -> Holder {
        Holder { names: Vec::new(), is_guest }
    }

    #[test]
    fn guests_invent_a_few_regions_and_matches_without_a_room_do_not_count() {
        let mut desk = duels(0);
        let submit = |desk: &mut Desk, id: u64, is_guest| {
            let region = RegionLatency { region: format!("r{id}"), latency_ms: 20 };
            desk.submit(0, Ticket { regions: vec![region], ..solo(id) }, nobody(is_guest))
        };
        assert!((1..=15).all(|id| submit(&mut desk, id, true).is_ok()));
        assert_eq!(submit(&mut desk, 16, true), Err(Refused::GuestRegions { region: "r16".to_owned() }));
        assert!((17..=64).all(|id| submit(&mut desk, id, false).is_ok()), "back ends have the others");

        let mut desk = duels(0);
        assert!((1..=2).all(|id| desk.submit(0, solo(id), nobody(true)).is_ok()));
        let counted = |desk: &Desk| desk.matcher.queues().map(|queue| (queue.formed, queue.matched)).next();
        let formed = desk.round(0, true).formed;
        desk.not_seated(&formed[0], 0);
        assert_eq!(counted(&desk), Some((0, 0)));
        let formed = desk.round(0, true).formed;
        desk.seated(&formed[0], "den".parse().unwrap(), 0);
        assert_eq!(counted(&desk), Some((1, 2)));
    }

    #[test]
    fn what_is_over_ends_while_no_matches_are_formed() {
        let mut desk = duels(20_000);
        assert!((1..=3).all(|id| desk.submit(0, solo(id), nobody(false)).is_ok()));
        desk.round(0, true);
        let state = |desk: &Desk, id| desk.matcher.view(TicketId(id)).map(|view| view.state);
        assert!(matches!(state(&desk, 1), Some(TicketState::Asked { .. })));
        // The cluster is there, and forms the matches.
        desk.pause_until_ms = u64::MAX;
        desk.round(20_000, true);
        assert_eq!(state(&desk, 1), Some(TicketState::Ended(Ended::NoAnswer)));
        assert_eq!(state(&desk, 3), Some(TicketState::Waiting));
        desk.round(80_001, true);
        desk.forget(80_001);
        assert_eq!((state(&desk, 1), desk.tickets.contains_key(&TicketId(1))), (None, false));
    }

    #[test]
    fn a_pause_in_which_nothing_is_due_is_no_line_of_the_log() {
        let mut desk = duels(0);
        desk.matcher = desk.matcher.with_log();
        desk.submit(0, solo(1), nobody(false)).unwrap();
        desk.matcher.cancel(0, TicketId(1)).unwrap();
        desk.pause_until_ms = u64::MAX;
        // While it waited it was to be looked at again.
        (1..50).for_each(|nth| drop(desk.round(nth * 100, true)));
        desk.matcher.take_log();
        (50..600).for_each(|nth| drop(desk.round(nth * 100, true)));
        assert!(desk.matcher.take_log().is_empty());
        desk.round(60_000, true);
        assert!(!desk.matcher.take_log().is_empty() && desk.matcher.view(TicketId(1)).is_none());
    }

    #[test]
    fn a_node_that_can_have_no_rooms_asks_nobody() {
        let mut desk = duels(20_000);
        assert!((1..=2).all(|id| desk.submit(0, solo(id), nobody(false)).is_ok()));
        let state = |desk: &Desk| desk.matcher.view(TicketId(1)).map(|view| view.state);
        assert!((0..300).all(|nth| !desk.round(nth * 100, false).is_news));
        assert_eq!(state(&desk), Some(TicketState::Waiting));
        desk.round(30_000, true);
        assert!(matches!(state(&desk), Some(TicketState::Asked { .. })));
    }

    #[test]
    fn a_ticket_that_is_sent_again_after_its_match_gets_no_second_one() {
        let mut desk = duels(0);
        let submit = |desk: &mut Desk, now_ms: u64, id: u64| {
            desk.submit(now_ms, solo(id), nobody(false)).map(|view| view.state)
        };
        assert!((1..=2).all(|id| submit(&mut desk, 0, id) == Ok(TicketState::Waiting)));
        let formed = desk.round(0, true).formed;
        desk.seated(&formed[0], "den".parse().unwrap(), 100);
        // For a minute it is shown as it is, also in the moment in which it is forgotten.
        assert!(matches!(submit(&mut desk, 59_000, 1), Ok(TicketState::Matched { .. })));
        let played = |id| Err(Refused::AlreadyMatched { ticket: TicketId(id), of: formed[0].id });
        assert_eq!(submit(&mut desk, 70_000, 1), played(1));
        for now_ms in [80_000, 1_860_000] {
            desk.round(now_ms, true);
            desk.forget(now_ms);
            assert_eq!([submit(&mut desk, now_ms, 1), submit(&mut desk, now_ms, 2)], [played(1), played(2)]);
        }
        desk.forget(1_860_100);
        assert_eq!(submit(&mut desk, 1_860_100, 1), Ok(TicketState::Waiting));
    }
}
