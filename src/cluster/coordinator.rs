//! `Coordinator`, the one of all nodes that forms the matches: it reads what has changed of tickets, lets a matcher
//! work on it, and asks the store for what comes of it. It keeps nothing that the store does not know: another one goes
//! on from there.

mod rooms;
mod shown;
mod strays;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use framekeep_matchmaking::limits::TIME_MS_MAX;
use framekeep_matchmaking::{Ended, Event, Match, MatchId, Matcher, Mode, ModeFault, TicketId, TicketState};

use self::rooms::Rooms;
use self::strays::Strays;
pub(crate) use self::strays::UNKNOWN_MODE_MS;
use crate::board::{Ask, Change, Kept, Offer, Placed, Record, Stage, Told, parts};
use crate::body::{MatchBody, TicketBody};
use crate::placement::Placement;
use crate::{Epoch, NodeId, NodeView};

/// How long a node may take to open a room for a match.
const OPEN_WITHIN_MS: u64 = 15_000;

/// How long no matches are formed after one could not be placed, or the store refused.
const PAUSE_MS: u64 = 500;

/// How long after a question has run out its answers are still read: the store takes them until it is told that nobody
/// has answered.
const READ_WITHIN_MS: u64 = 1_000;

/// After how long a match that was placed is open or taken back, whatever was read of it.
const PLACED_KEPT_MS: u64 = 2 * OPEN_WITHIN_MS;

/// Matches whose rooms were opened, and when, are counted for so long.
const MINUTE_MS: u64 = 60_000;

/// Forms the matches of all, by the store's time.
pub struct Coordinator {
    epoch: Epoch,
    nonce: u64,
    modes_digest: String,
    /// How long players may take to answer, by game and mode.
    answer_ms: BTreeMap<(String, String), u64>,
    matcher: Matcher,
    placement: Placement,
    rooms: Rooms,
    /// Regions of nodes, which the matcher keeps places for.
    regions: BTreeSet<String>,
    strays: Strays,
    /// The number of the last change that was read.
    cursor: u64,
    made: u64,
    /// What the store calls the matches of the matcher that are asked for or being claimed.
    keys: BTreeMap<MatchId, String>,
    ids: BTreeMap<String, MatchId>,
    /// What tickets say, as the store has it.
    bodies: BTreeMap<TicketId, String>,
    /// Nodes of matches whose rooms are not known to be open, and when they were placed there.
    placed: BTreeMap<MatchId, (u64, NodeId)>,
    asks: VecDeque<Ask>,
    formed: VecDeque<Arc<Match>>,
    /// When rooms of matches were opened, those of the last minute.
    started_at_ms: VecDeque<u64>,
    /// The time of the last round.
    looked_at_ms: u64,
    /// Whether no node can have a room for a match.
    no_rooms: bool,
    pause_until_ms: u64,
    /// What the matcher knows and the store does not go together any more.
    is_lost: bool,
}

impl Coordinator {
    /// One that acts under that number and knows of no ticket yet. `nonce` is another one for every one of the same
    /// epoch: numbers of matches are never used again.
    ///
    /// # Errors
    /// [`ModeFault`] if the modes cannot be played.
    pub fn new(
        epoch: Epoch,
        nonce: u64,
        modes: Vec<Mode>,
        tickets_max: usize,
        modes_digest: &str,
    ) -> Result<Self, ModeFault> {
        let times = modes.iter().map(|mode| ((mode.game.clone(), mode.name.clone()), mode.ready_check_ms));
        let answer_ms = times.collect();
        let later = |mut mode: Mode| {
            if mode.ready_check_ms > 0 {
                mode.ready_check_ms = (mode.ready_check_ms + READ_WITHIN_MS).min(TIME_MS_MAX);
            }
            mode
        };
        Ok(Self {
            epoch,
            nonce,
            modes_digest: modes_digest.to_owned(),
            answer_ms,
            matcher: Matcher::new(modes.into_iter().map(later).collect())?.with_tickets_max(tickets_max),
            placement: Placement::default(),
            rooms: Rooms::default(),
            regions: BTreeSet::new(),
            strays: Strays::default(),
            cursor: 0,
            made: 0,
            keys: BTreeMap::new(),
            ids: BTreeMap::new(),
            bodies: BTreeMap::new(),
            placed: BTreeMap::new(),
            asks: VecDeque::new(),
            formed: VecDeque::new(),
            started_at_ms: VecDeque::new(),
            looked_at_ms: 0,
            no_rooms: false,
            pause_until_ms: 0,
            is_lost: false,
        })
    }

    /// With a log of its matcher, which [`take_log`](Self::take_log) gives.
    #[must_use]
    pub fn with_log(mut self) -> Self {
        self.matcher = self.matcher.with_log();
        self
    }

    /// What was added to the log since it was last taken; nothing without one.
    pub fn take_log(&mut self) -> Vec<u8> {
        self.matcher.take_log()
    }

    /// Under which number it acts.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The number of the last change that was read.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// The number of the last change of an offer that was read.
    #[must_use]
    pub fn offers_cursor(&self) -> u64 {
        self.rooms.cursor
    }

    /// Whether it has to be made anew, from what the store knows.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Tickets of which it remembers what they say.
    #[cfg(test)]
    pub(crate) fn bodies_kept(&self) -> usize {
        self.bodies.len()
    }

    /// Reads what has changed.
    pub fn take_in(&mut self, now_ms: u64, changes: &[Change], last: u64) {
        for change in changes {
            self.read(now_ms, change);
            self.drain();
        }
        self.cursor = last;
    }

    /// Reads what has changed of the free seats of running rooms.
    pub fn take_offers(&mut self, now_ms: u64, offers: &[Offer], last: u64) {
        self.rooms.take_in(now_ms, &mut self.matcher, offers, last);
        self.drain();
    }

    /// A match that is not played after all; a room that it was for has to be offered anew.
    fn undo(&mut self, now_ms: u64, of: MatchId) {
        let room = self.matcher.matched(of).and_then(|of| of.room.clone());
        if let Some(room) = room {
            self.rooms.close(now_ms, &mut self.matcher, &room);
        }
        self.is_lost |= self.matcher.give_back(now_ms, of).is_err();
    }

    fn read(&mut self, now_ms: u64, change: &Change) {
        let Ok(id) = change.id.parse::<TicketId>() else { return };
        let state = self.matcher.view(id).map(|view| view.state);
        let record = &change.record;
        if record.stage != Stage::Waiting {
            self.strays.forget(id);
        }
        match (record.stage, state) {
            (Stage::Waiting, None) => self.restore(now_ms, change),
            (Stage::Waiting, Some(TicketState::Waiting)) => self.note_body(id, change),
            (Stage::Waiting, Some(TicketState::Asked { of, .. } | TicketState::Matched { of })) => {
                // Its match was taken back.
                if let Some((_, node)) = self.placed.remove(&of) {
                    self.placement.refused(now_ms, node);
                }
                self.undo(now_ms, of);
                self.note_body(id, change);
            }
            (Stage::Waiting, Some(TicketState::Ended(_))) => self.is_lost = true,
            (Stage::Asked, Some(TicketState::Asked { of, .. })) if self.is_called(of, &record.of) => {
                self.accept(now_ms, id, record);
            }
            // Another coordinator has asked, and is gone.
            (Stage::Asked, Some(TicketState::Matched { of })) if self.is_called(of, &record.of) => {}
            (Stage::Asked, _) => self.asks.push_back(Ask::Unask {
                epoch: self.epoch,
                of: record.of.clone(),
                tickets: change.id.clone(),
            }),
            (Stage::Matched | Stage::Over, Some(TicketState::Waiting | TicketState::Asked { .. })) => {
                // It waits, so this is not refused.
                let _ = self.matcher.cancel(now_ms, id);
                self.bodies.remove(&id);
            }
            // What it says is told again should its match be taken back.
            (Stage::Matched, state) => {
                self.bodies.remove(&id);
                if let Some(TicketState::Matched { of }) = state.filter(|_| record.plays) {
                    self.note_started(now_ms, of);
                }
            }
            (Stage::Over, _) => drop(self.bodies.remove(&id)),
        }
    }

    /// The room of a match is open.
    fn note_started(&mut self, now_ms: u64, of: MatchId) {
        if self.matcher.note_started(of) {
            self.started_at_ms.push_back(now_ms);
        }
        if let Some((_, node)) = self.placed.remove(&of) {
            self.placement.opened(node);
        }
    }

    /// A ticket waits: what it says is needed for its match.
    fn note_body(&mut self, id: TicketId, change: &Change) {
        self.bodies.entry(id).or_insert_with(|| change.body.clone());
    }

    fn is_called(&self, of: MatchId, key: &str) -> bool {
        self.keys.get(&of).is_some_and(|known| known == key)
    }

    fn restore(&mut self, now_ms: u64, change: &Change) {
        let Ok(id) = change.id.parse::<TicketId>() else { return };
        let Some(body) = TicketBody::read(&change.body) else {
            return self.strays.refuse(now_ms, (id, change), strays::WAIT_MS, None);
        };
        let ticket = &body.ticket;
        let is_of = |mode: &&Mode| mode.game == ticket.game && mode.name == ticket.mode;
        let of_mode_ms = self.matcher.modes().find(is_of).map(|mode| mode.wait_ms_max);
        let wait_ms = strays::wait_ms(ticket, of_mode_ms);
        let since_ms = change.record.since_ms;
        let taken_in = match body.is_guest {
            true => self.matcher.restore_guest(now_ms, body.ticket, since_ms),
            false => self.matcher.restore(now_ms, body.ticket, since_ms),
        };
        match taken_in {
            Ok(_) => drop(self.bodies.insert(id, change.body.clone())),
            Err(why) => self.strays.refuse(now_ms, (id, change), wait_ms, Some(&why)),
        }
    }

    /// Tickets that invent regions cannot take the places of those that nodes are in.
    fn name_regions(&mut self, now_ms: u64, nodes: &[NodeView]) {
        for region in nodes.iter().map(|view| &view.load.region) {
            if !self.regions.contains(region) && self.matcher.name_region(now_ms, region).is_ok() {
                self.regions.insert(region.clone());
            }
        }
    }

    /// Tickets that the matcher does not take end when others would, and are tried again where they may fit later.
    fn look_at_strays(&mut self, now_ms: u64) {
        for (id, why) in self.strays.take_ended(now_ms) {
            self.end(id, why);
        }
        for change in self.strays.take_due(now_ms) {
            self.restore(now_ms, &change);
        }
    }

    fn accept(&mut self, now_ms: u64, id: TicketId, record: &Record) {
        for player in parts(&record.there) {
            if let Ok(player) = u64::from_str_radix(player, 16) {
                let _ = self.matcher.answer(now_ms, id, framekeep_protocol::PlayerId(player), true);
            }
        }
    }

    /// Forms matches; gives what is to be asked of the store, in that order.
    pub fn round(&mut self, now_ms: u64, nodes: &[NodeView]) -> Vec<Ask> {
        while self.started_at_ms.front().is_some_and(|at_ms| at_ms + MINUTE_MS < now_ms) {
            self.started_at_ms.pop_front();
        }
        self.name_regions(now_ms, nodes);
        self.look_at_strays(now_ms);
        self.placed.retain(|_, (at_ms, _)| *at_ms + PLACED_KEPT_MS > now_ms);
        self.rooms.look_at(now_ms, &mut self.matcher, nodes, &self.modes_digest);
        self.no_rooms = !nodes.is_empty() && !self.placement.has_place(now_ms, nodes, &self.modes_digest);
        if now_ms >= self.pause_until_ms && !nodes.is_empty() {
            match self.no_rooms {
                true => self.matcher.fill(now_ms),
                false => self.matcher.round(now_ms),
            }
            self.looked_at_ms = now_ms;
        }
        self.drain();
        while let Some(of) = self.formed.pop_front() {
            self.claim(now_ms, &of, nodes);
        }
        self.asks.drain(..).collect()
    }

    /// What has come of the matcher's work becomes what is to be asked.
    fn drain(&mut self) {
        while let Some(event) = self.matcher.poll() {
            match event {
                Event::Asked { of, until_ms } => {
                    let key = self.key(of.id);
                    let for_ms = self.time_to_answer(&of).unwrap_or(until_ms);
                    let tickets = tickets(&of);
                    self.asks.push_back(Ask::Question { epoch: self.epoch, of: key, tickets, for_ms });
                }
                Event::Formed(of) => self.formed.push_back(of),
                Event::FellThrough(id) => {
                    self.formed.retain(|of| of.id != id);
                    self.forget_key(id);
                }
                Event::Returned(id) => self.unask(id),
                Event::Ended(id, Ended::Expired) => self.end(id, "expired"),
                Event::Ended(id, Ended::NoAnswer) => self.end(id, "no_answer"),
                Event::Ended(id, Ended::Superseded) => self.end(id, "superseded"),
                Event::Ended(id, Ended::UnknownMode) => self.end(id, "unknown_mode"),
                // The store knows.
                Event::Ended(_, Ended::Cancelled | Ended::Declined) => {}
            }
        }
    }

    fn time_to_answer(&self, of: &Match) -> Option<u64> {
        self.answer_ms.get(&((*of.game).to_owned(), (*of.mode).to_owned())).copied()
    }

    fn unask(&mut self, id: TicketId) {
        let ask = Ask::Unask { epoch: self.epoch, of: String::new(), tickets: id.to_string() };
        self.asks.push_back(ask);
    }

    fn end(&mut self, id: TicketId, why: &str) {
        self.asks.push_back(Ask::End { epoch: self.epoch, id: id.to_string(), why: why.to_owned() });
    }

    /// What the store calls a match.
    fn key(&mut self, id: MatchId) -> String {
        if let Some(key) = self.keys.get(&id) {
            return key.clone();
        }
        self.made += 1;
        let key = format!("{:x}-{:x}-{:x}", self.epoch.0, self.nonce, self.made);
        self.keys.insert(id, key.clone());
        self.ids.insert(key.clone(), id);
        key
    }

    fn forget_key(&mut self, id: MatchId) {
        if let Some(key) = self.keys.remove(&id) {
            self.ids.remove(&key);
        }
    }

    fn claim(&mut self, now_ms: u64, of: &Match, nodes: &[NodeView]) {
        let (node, seats) = match &of.room {
            Some(_) => match self.rooms.seats(of) {
                Some((node, seats)) => (node, Some(seats)),
                None => return self.refuse(now_ms, of.id),
            },
            None => match self.placement.place(now_ms, nodes, &of.region, &self.modes_digest) {
                Some(node) => {
                    self.placed.insert(of.id, (now_ms, node));
                    (node.to_string(), None)
                }
                None => return self.give_back(now_ms, of.id),
            },
        };
        let kept = |id: TicketId| {
            let party = &self.matcher.ticket(id)?.party;
            let players: Vec<_> = party.iter().map(|member| member.player.to_string()).collect();
            Some(Kept {
                id: id.to_string(),
                body: self.bodies.get(&id)?.clone(),
                players: players.join(","),
                since_ms: self.matcher.view(id)?.queued_at_ms,
            })
        };
        let body = MatchBody::new(of, of.tickets().filter_map(kept).collect());
        let Some(body) = body.text() else { return self.give_back(now_ms, of.id) };
        let key = self.key(of.id);
        self.asks.push_back(Ask::Claim {
            epoch: self.epoch,
            of: key,
            body,
            tickets: tickets(of),
            node,
            seats,
        });
    }

    /// The room of a match has no seats for it: its tickets wait again, and others are not concerned.
    fn refuse(&mut self, now_ms: u64, id: MatchId) {
        self.undo(now_ms, id);
        self.forget_key(id);
        self.drain();
    }

    fn give_back(&mut self, now_ms: u64, id: MatchId) {
        self.pause_until_ms = now_ms + PAUSE_MS;
        self.is_lost |= self.matcher.give_back(now_ms, id).is_err();
        self.forget_key(id);
        self.drain();
    }

    /// Hears what the store says to what was asked.
    pub fn hear(&mut self, now_ms: u64, ask: &Ask, told: &Told) {
        if let (Ask::Unask { .. } | Ask::End { .. }, Told::Fenced) = (ask, told) {
            // The store waits for those who know more, and nothing else would let it hear of this again.
            self.asks.push_back(ask.clone());
        }
        if let (Ask::End { .. }, Told::Stale { .. }) = (ask, told) {
            // Its players have answered, and wait on.
            self.is_lost = true;
        }
        let (Ask::Claim { of, .. } | Ask::Question { of, .. }) = ask else { return };
        let Some(id) = self.ids.get(of).copied() else { return };
        match told {
            Told::Stale { tickets } => {
                self.give_back(now_ms, id);
                for id in parts(tickets).filter_map(|id| id.parse().ok()) {
                    // What has become of it is read with the next changes.
                    let _ = self.matcher.cancel(now_ms, id);
                }
                self.drain();
            }
            Told::Fenced => self.give_back(now_ms, id),
            Told::Gone => self.refuse(now_ms, id),
            _ if matches!(ask, Ask::Claim { .. }) => self.forget_key(id),
            _ => {}
        }
    }

    /// Which of the matches without a room are to be taken back: their node is gone, or takes too long.
    #[must_use]
    pub fn look_after(
        &self,
        now_ms: u64,
        lease_ms: u64,
        unopened: &[Placed],
        nodes: &[NodeView],
    ) -> Vec<Ask> {
        let is_there = |node: &str| nodes.iter().any(|view| view.node.to_string() == node);
        let is_over = |placed: &&Placed| {
            let age_ms = now_ms.saturating_sub(placed.at_ms);
            age_ms > OPEN_WITHIN_MS || age_ms > lease_ms && !nodes.is_empty() && !is_there(&placed.node)
        };
        let take_back = |placed: &Placed| Ask::TakeBack {
            epoch: self.epoch,
            of: placed.of.clone(),
            node: placed.node.clone(),
        };
        unopened.iter().filter(is_over).map(take_back).collect()
    }
}

fn tickets(of: &Match) -> String {
    of.tickets().map(|id| id.to_string()).collect::<Vec<_>>().join(",")
}
