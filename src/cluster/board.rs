//! `Board`, what a shared store knows of tickets and matches, and what every request means to it. Each request is one
//! atomic step; a store made of something else does the same in a script (`redis/board.lua`).

mod ask;
mod offers;

use std::collections::{BTreeMap, BTreeSet};

pub use self::ask::{Answers, Ask, Change, Kept, Offer, Placed, Record, Seats, Stage, Step, Told};
use self::offers::Offers;
use crate::Epoch;

/// How long a ticket or match that is over is remembered, in milliseconds.
pub const REMEMBERED_MS: u64 = 60_000;

/// How long of a ticket that had its match the number is remembered after everything else is forgotten, in
/// milliseconds, and of how many.
pub(crate) const PLAYED_KEPT_MS: u64 = 1_800_000;
const PLAYED_MAX: usize = 500_000;

/// Most tickets or matches that one step forgets.
const FORGET_AT_ONCE: usize = 256;

/// What a shared store knows of tickets and matches.
#[derive(Clone, Debug, Default)]
pub struct Board {
    tickets: BTreeMap<String, (Record, String)>,
    /// The number of the last change of a ticket.
    changed: BTreeMap<String, u64>,
    changes: u64,
    /// By which ticket a player waits.
    players: BTreeMap<String, String>,
    matches: BTreeMap<String, Placed>,
    /// By node, of matches that no room is open for, those that were not told, and until when they are remembered: a
    /// node that is gone fetches nothing any more.
    untold: BTreeMap<String, (Vec<String>, u64)>,
    /// When tickets that are over, or play, are forgotten.
    forget: BTreeSet<(u64, String)>,
    /// Tickets that had their match and are forgotten but for their numbers, and since when.
    played: BTreeMap<String, u64>,
    /// When matches are forgotten.
    old: BTreeSet<(u64, String)>,
    /// Free seats of running rooms.
    offers: Offers,
    /// Since when it serves.
    since_ms: u64,
}

/// The parts of a list that is separated by commas.
pub(crate) fn parts(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').filter(|part| !part.is_empty())
}

impl Board {
    /// Takes over from one that is gone, with what is known of its writes; or goes on after nobody has asked it for the
    /// time of a lease, as nodes may have formed matches alone meanwhile.
    pub fn promote(&mut self, now_ms: u64) {
        self.since_ms = now_ms;
    }

    /// Does what is asked, in one step. `coordinator` is who coordinates by what the store knows; `is_settled` says
    /// that the store serves long enough to know what others knew before it.
    pub fn apply(&mut self, now_ms: u64, coordinator: Option<Epoch>, is_settled: bool, ask: &Ask) -> Told {
        match self.answer_to(now_ms, coordinator, is_settled, ask) {
            // Somebody may know it.
            Told::Unknown if !is_settled => Told::Fenced,
            told => told,
        }
    }

    fn answer_to(&mut self, now_ms: u64, coordinator: Option<Epoch>, is_settled: bool, ask: &Ask) -> Told {
        let is_fenced = |epoch: &Epoch| coordinator != Some(*epoch);
        match ask {
            Ask::Submit { ticket, limit } => self.submit(now_ms, ticket, *limit),
            Ask::Show { id } => self.show(id),
            Ask::Cancel { id } => self.cancel(now_ms, id),
            Ask::Answer { id, player, accepts } => self.answer(now_ms, id, player, *accepts),
            Ask::Changes { after, limit, bodies } => self.changes(now_ms, *after, *limit, *bodies),
            Ask::Question { epoch, .. }
            | Ask::Unask { epoch, .. }
            | Ask::End { epoch, .. }
            | Ask::Claim { epoch, .. }
            | Ask::Sweep { epoch }
                if is_fenced(epoch) || !is_settled =>
            {
                Told::Fenced
            }
            Ask::Question { of, tickets, for_ms, .. } => self.question(now_ms, of, tickets, *for_ms),
            Ask::Unask { of, tickets, .. } => self.unask(of, tickets),
            Ask::End { id, why, .. } => self.end(now_ms, id, why),
            Ask::Claim { of, body, tickets, node, seats, .. } => {
                self.claim(now_ms, (of, body), tickets, node, seats.as_ref())
            }
            Ask::Offer { room, node, epoch, nth, serial, seats, body } => {
                let offer = Offer {
                    room: room.clone(),
                    node: node.clone(),
                    epoch: *epoch,
                    nth: *nth,
                    serial: *serial,
                    seats: *seats,
                    pending: String::new(),
                    body: body.clone(),
                    at_ms: now_ms,
                };
                self.offer(offer)
            }
            Ask::Offers { after, limit } => self.offers.since(*after, *limit),
            Ask::Offered { room } => self.offers.of(room),
            Ask::Unopened { limit } => self.unopened(*limit),
            Ask::TakeBack { epoch, .. } if epoch.0 > 0 && (is_fenced(epoch) || !is_settled) => Told::Fenced,
            Ask::TakeBack { of, node, .. } => self.take_back(now_ms, of, node),
            Ask::Fetch { node, limit } => self.fetch(node, *limit),
            // Another match of the same tickets may be told of.
            Ask::Started { .. } if !is_settled => Told::Fenced,
            Ask::Started { of, node, room } => self.started(now_ms, of, node, room),
            Ask::Retell { placed, tickets } => self.retell(now_ms, placed, tickets),
            Ask::Retire { ticket, why } => self.retire(now_ms, ticket, why),
            Ask::Sweep { .. } => self.sweep(now_ms),
        }
    }

    /// Every ticket, for a test to look at.
    #[cfg(test)]
    pub(crate) fn records(&self) -> impl Iterator<Item = (&String, &Record)> {
        self.tickets.iter().map(|(id, (record, _))| (id, record))
    }

    /// Nodes for which there are matches that they were not told.
    #[cfg(test)]
    pub(crate) fn untold_lists(&self) -> usize {
        self.untold.len()
    }

    fn touch(&mut self, id: &str) {
        self.changes += 1;
        self.changed.insert(id.to_owned(), self.changes);
        if let Some((record, _)) = self.tickets.get_mut(id) {
            record.revision += 1;
        }
    }

    fn submit(&mut self, now_ms: u64, ticket: &Kept, limit: u32) -> Told {
        if let Some((_, body)) = self.tickets.get(&ticket.id) {
            return if *body == ticket.body { self.taken_in(&ticket.id) } else { Told::Other };
        }
        if self.played.contains_key(&ticket.id) {
            return Told::Matched { of: String::new() };
        }
        // A ticket that was taken in before is not refused for there being many.
        let is_new = ticket.since_ms == 0;
        if is_new && self.changed.len().saturating_sub(self.forget.len()) >= limit as usize {
            return Told::Full;
        }
        for player in parts(&ticket.players) {
            if let Some(other) = self.players.get(player) {
                return Told::PlayerWaits { player: player.to_owned(), ticket: other.clone() };
            }
        }
        self.enter(now_ms, ticket);
        for player in parts(&ticket.players) {
            self.players.insert(player.to_owned(), ticket.id.clone());
        }
        self.touch(&ticket.id);
        self.taken_in(&ticket.id)
    }

    /// A ticket without what it says: who asks knows.
    fn taken_in(&self, id: &str) -> Told {
        match self.show(id) {
            Told::Ticket { record, placed, answers, .. } => {
                Told::Ticket { record, body: String::new(), placed, answers }
            }
            told => told,
        }
    }

    fn enter(&mut self, now_ms: u64, ticket: &Kept) {
        let record = Record {
            stage: Stage::Waiting,
            why: String::new(),
            of: String::new(),
            until_ms: 0,
            there: String::new(),
            revision: 0,
            since_ms: if ticket.since_ms == 0 { now_ms } else { ticket.since_ms.min(now_ms) },
            players: ticket.players.clone(),
            plays: false,
            with: String::new(),
        };
        self.tickets.insert(ticket.id.clone(), (record, ticket.body.clone()));
    }

    fn show(&self, id: &str) -> Told {
        let Some((record, body)) = self.tickets.get(id) else { return Told::Unknown };
        let placed = self.matches.get(&record.of).cloned().map(Box::new);
        let answers = (record.stage == Stage::Asked).then(|| self.answers(record));
        Told::Ticket { record: Box::new(record.clone()), body: body.clone(), placed, answers }
    }

    /// How many of all players of the match that a ticket is asked for have answered.
    fn answers(&self, asked: &Record) -> Answers {
        let others = parts(&asked.with).filter_map(|id| self.tickets.get(id)).map(|(record, _)| record);
        let those = others.filter(|record| record.stage == Stage::Asked && record.of == asked.of);
        those.fold(Answers { there: 0, of: 0 }, |sum, record| Answers {
            there: sum.there + parts(&record.there).count() as u32,
            of: sum.of + parts(&record.players).count() as u32,
        })
    }

    /// The players of a ticket do not wait any more.
    fn free_players(&mut self, id: &str) {
        let players = self.tickets.get(id).map(|(record, _)| record.players.clone()).unwrap_or_default();
        for player in parts(&players) {
            if self.players.get(player).is_some_and(|other| other == id) {
                self.players.remove(player);
            }
        }
    }

    /// A ticket is over; it is remembered for a while.
    fn leave(&mut self, now_ms: u64, id: &str) {
        self.free_players(id);
        self.remember(now_ms, id);
    }

    fn remember(&mut self, now_ms: u64, id: &str) {
        self.forget.retain(|(_, other)| other != id);
        self.forget.insert((now_ms + REMEMBERED_MS, id.to_owned()));
    }

    fn set(&mut self, id: &str, stage: Stage, of: &str, why: &str) {
        if let Some((record, _)) = self.tickets.get_mut(id) {
            record.stage = stage;
            of.clone_into(&mut record.of);
            why.clone_into(&mut record.why);
            record.there.clear();
            record.until_ms = 0;
            record.plays = false;
            record.with.clear();
        }
        self.touch(id);
    }

    fn note_time(&mut self, id: &str, at_ms: u64) {
        if let Some((record, _)) = self.tickets.get_mut(id) {
            record.until_ms = at_ms;
        }
    }

    fn cancel(&mut self, now_ms: u64, id: &str) -> Told {
        let Some((record, _)) = self.tickets.get(id) else { return Told::Unknown };
        match record.stage {
            Stage::Matched => return Told::Matched { of: record.of.clone() },
            Stage::Over => {}
            Stage::Waiting | Stage::Asked => {
                self.leave(now_ms, id);
                self.set(id, Stage::Over, "", "cancelled");
            }
        }
        self.show(id)
    }

    fn answer(&mut self, now_ms: u64, id: &str, player: &str, accepts: bool) -> Told {
        let Some((record, _)) = self.tickets.get_mut(id) else { return Told::Unknown };
        let is_of = parts(&record.players).any(|one| one == player);
        match record.stage {
            Stage::Asked if is_of && accepts => {
                if !parts(&record.there).any(|one| one == player) {
                    let comma = if record.there.is_empty() { "" } else { "," };
                    record.there += &format!("{comma}{player}");
                    self.touch(id);
                }
            }
            Stage::Asked if is_of => {
                self.leave(now_ms, id);
                self.set(id, Stage::Over, "", "declined");
            }
            // Somebody who was there is still there.
            Stage::Matched if is_of && accepts => {}
            Stage::Matched if is_of => return Told::Matched { of: record.of.clone() },
            _ => return Told::NotAsked,
        }
        self.show(id)
    }

    fn changes(&self, now_ms: u64, after: u64, limit: u32, bodies: bool) -> Told {
        let mut found: Vec<_> = self.changed.iter().filter(|(_, seq)| **seq > after).collect();
        found.sort_by_key(|(_, seq)| **seq);
        found.truncate(limit as usize);
        let last = found.last().map_or(after, |(_, seq)| **seq);
        let mut told = BTreeSet::new();
        let change = |(id, _): (&String, &u64)| {
            let (record, body) = self.tickets.get(id)?.clone();
            if !bodies {
                return Some(Change::brief(id, record.stage, record.plays));
            }
            let body = match record.plays {
                false => body,
                true if told.insert(record.of.clone()) => {
                    serde_json::to_string(self.matches.get(&record.of)?).ok()?
                }
                _ => String::new(),
            };
            Some(Change { id: id.clone(), record, body })
        };
        let tickets = found.into_iter().filter_map(change).collect();
        Told::Changes { tickets, last, newest: self.changes, now_ms, since_ms: self.since_ms }
    }

    /// Those of the tickets that are neither waiting nor asked for that match.
    fn stale(&self, of: &str, tickets: &str) -> Option<Told> {
        let fits = |id: &&str| match self.tickets.get(*id) {
            Some((record, _)) => {
                record.stage == Stage::Waiting || record.stage == Stage::Asked && record.of == of
            }
            None => false,
        };
        let stale: Vec<_> = parts(tickets).filter(|id| !fits(id)).collect();
        (!stale.is_empty()).then(|| Told::Stale { tickets: stale.join(",") })
    }

    fn question(&mut self, now_ms: u64, of: &str, tickets: &str, for_ms: u64) -> Told {
        if let Some(stale) = self.stale("", tickets) {
            return stale;
        }
        for id in parts(tickets) {
            self.set(id, Stage::Asked, of, "");
            self.note_time(id, now_ms + for_ms);
            if let Some((record, _)) = self.tickets.get_mut(id) {
                tickets.clone_into(&mut record.with);
            }
        }
        Told::Done
    }

    fn unask(&mut self, of: &str, tickets: &str) -> Told {
        for id in parts(tickets) {
            let asked = self.tickets.get(id).is_some_and(|(record, _)| {
                record.stage == Stage::Asked && (of.is_empty() || record.of == of)
            });
            if asked {
                self.set(id, Stage::Waiting, "", "");
            }
        }
        Told::Done
    }

    fn end(&mut self, now_ms: u64, id: &str, why: &str) -> Told {
        let Some((record, _)) = self.tickets.get(id) else { return Told::Unknown };
        let is_there = |player: &str| parts(&record.there).any(|other| other == player);
        match record.stage {
            Stage::Matched => return Told::Matched { of: record.of.clone() },
            Stage::Over => {}
            // They were there in time, and the coordinator has not read it yet.
            Stage::Asked if why == "no_answer" && parts(&record.players).all(is_there) => {
                return Told::Stale { tickets: id.to_owned() };
            }
            Stage::Waiting | Stage::Asked => {
                self.leave(now_ms, id);
                self.set(id, Stage::Over, "", why);
            }
        }
        Told::Done
    }

    fn claim(
        &mut self,
        now_ms: u64,
        (of, body): (&str, &str),
        tickets: &str,
        node: &str,
        seats: Option<&Seats>,
    ) -> Told {
        if self.matches.contains_key(of) {
            // It was asked before, and its answer was lost.
            return Told::Done;
        }
        if let Some(stale) = self.stale(of, tickets) {
            return stale;
        }
        if seats.is_some_and(|seats| !self.offers.claim(seats, of, node)) {
            return Told::Gone;
        }
        for id in parts(tickets) {
            self.free_players(id);
            self.set(id, Stage::Matched, of, "");
            self.note_time(id, now_ms);
        }
        let placed = Placed {
            of: of.to_owned(),
            step: Step::Placed,
            node: node.to_owned(),
            body: body.to_owned(),
            tickets: tickets.to_owned(),
            room: String::new(),
            at_ms: now_ms,
            into: seats.map(|seats| seats.room.clone()).unwrap_or_default(),
        };
        self.matches.insert(of.to_owned(), placed);
        let (untold, until_ms) = self.untold.entry(node.to_owned()).or_default();
        untold.push(of.to_owned());
        *until_ms = now_ms + REMEMBERED_MS;
        Told::Done
    }

    fn unopened(&self, limit: u32) -> Told {
        let unopened = self.matches.values().filter(|placed| placed.step == Step::Placed);
        Told::Matches { matches: unopened.take(limit as usize).cloned().collect() }
    }

    fn take_back(&mut self, now_ms: u64, of: &str, node: &str) -> Told {
        match self.matches.get(of) {
            Some(placed) if placed.step == Step::Placed && placed.node == node => {}
            _ => return Told::Gone,
        }
        self.undo(now_ms, of);
        Told::Done
    }

    /// A match is not played: its tickets wait again, as long as they have.
    fn undo(&mut self, now_ms: u64, of: &str) {
        let Some(placed) = self.matches.remove(of) else { return };
        self.offers.undo(&placed.into, of);
        for id in parts(&placed.tickets) {
            let Some((record, _)) = self.tickets.get(id).filter(|(record, _)| record.of == of) else {
                continue;
            };
            let players = record.players.clone();
            let busy = parts(&players).any(|player| self.players.contains_key(player));
            if busy {
                self.remember(now_ms, id);
                self.set(id, Stage::Over, "", "superseded");
                continue;
            }
            for player in parts(&players) {
                self.players.insert(player.to_owned(), id.to_owned());
            }
            self.set(id, Stage::Waiting, "", "");
        }
    }

    fn fetch(&mut self, node: &str, limit: u32) -> Told {
        let mut first = Vec::new();
        if let Some((untold, _)) = self.untold.get_mut(node) {
            first.extend(untold.drain(..untold.len().min(limit as usize)));
        }
        self.untold.retain(|_, (untold, _)| !untold.is_empty());
        let open = |of: &String| self.matches.get(of).filter(|it| it.step == Step::Placed && it.node == node);
        Told::Matches { matches: first.iter().filter_map(|of| open(of).cloned()).collect() }
    }

    fn started(&mut self, now_ms: u64, of: &str, node: &str, room: &str) -> Told {
        let Some(placed) = self.matches.get_mut(of).filter(|placed| placed.node == node) else {
            return Told::Gone;
        };
        if placed.step == Step::Started {
            return Told::Done;
        }
        placed.step = Step::Started;
        room.clone_into(&mut placed.room);
        let tickets = placed.tickets.clone();
        for id in parts(&tickets) {
            self.remember(now_ms, id);
            if let Some((record, _)) = self.tickets.get_mut(id) {
                record.plays = true;
            }
            self.touch(id);
        }
        self.old.insert((now_ms + REMEMBERED_MS, of.to_owned()));
        Told::Done
    }

    fn retell(&mut self, now_ms: u64, placed: &Placed, tickets: &[Kept]) -> Told {
        // Of other matches those that are open count; those that are not give way.
        let mut others = Vec::new();
        for ticket in tickets {
            let record = self.tickets.get(&ticket.id).map(|(record, _)| record);
            let other = record.filter(|it| it.stage == Stage::Matched && it.of != placed.of);
            match other.and_then(|record| self.matches.get(&record.of)) {
                Some(other) if other.step == Step::Started => return Told::Gone,
                Some(other) => others.push(other.of.clone()),
                None => {}
            }
        }
        others.iter().for_each(|of| self.undo(now_ms, of));
        if self.matches.get(&placed.of).is_some_and(|known| known.step == Step::Started) {
            return Told::Done;
        }
        for ticket in tickets {
            if !self.tickets.contains_key(&ticket.id) {
                self.enter(now_ms, ticket);
            }
            self.leave(now_ms, &ticket.id);
            self.set(&ticket.id, Stage::Matched, &placed.of, "");
            if let Some((record, _)) = self.tickets.get_mut(&ticket.id) {
                (record.until_ms, record.plays) = (placed.at_ms, true);
            }
        }
        self.matches.insert(placed.of.clone(), placed.clone());
        self.old.insert((now_ms + REMEMBERED_MS, placed.of.clone()));
        Told::Done
    }

    fn retire(&mut self, now_ms: u64, ticket: &Kept, why: &str) -> Told {
        match self.tickets.get(&ticket.id) {
            None if self.played.contains_key(&ticket.id) => return Told::Done,
            None => self.enter(now_ms, ticket),
            // Sent again to another node, it would have a second life.
            Some((record, body)) if *body == ticket.body && record.stage.is_open() => {}
            Some(_) => return Told::Done,
        }
        self.leave(now_ms, &ticket.id);
        self.set(&ticket.id, Stage::Over, "", why);
        Told::Done
    }

    fn sweep(&mut self, now_ms: u64) -> Told {
        let (mut tickets, mut matches) = (0, 0);
        while tickets < FORGET_AT_ONCE
            && let Some((at_ms, id)) = self.forget.first().filter(|(at_ms, _)| *at_ms <= now_ms).cloned()
        {
            if self.tickets.remove(&id).is_some_and(|(record, _)| record.plays) {
                self.played.insert(id.clone(), now_ms);
            }
            self.changed.remove(&id);
            self.forget.remove(&(at_ms, id));
            tickets += 1;
        }
        self.played.retain(|_, at_ms| now_ms < *at_ms + PLAYED_KEPT_MS);
        while self.played.len() > PLAYED_MAX
            && let Some(first) = self.played.iter().min_by_key(|(_, at_ms)| **at_ms).map(|(id, _)| id.clone())
        {
            self.played.remove(&first);
        }
        while matches < FORGET_AT_ONCE
            && let Some((at_ms, of)) = self.old.first().filter(|(at_ms, _)| *at_ms <= now_ms).cloned()
        {
            self.matches.remove(&of);
            self.old.remove(&(at_ms, of));
            matches += 1;
        }
        self.untold.retain(|_, (_, until_ms)| *until_ms > now_ms);
        self.offers.forget(now_ms);
        Told::Swept { more: tickets == FORGET_AT_ONCE || matches == FORGET_AT_ONCE }
    }
}
